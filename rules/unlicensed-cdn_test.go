package rules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// delivery is a block whose four nodes give 90 % of the bytes to 400 networks,
// filled from two origins with 3 % of the output.
func delivery(t *testing.T) func() trafficOf {
	return func() (f trafficOf) {
		weekOf(t, 7, func(d registry.Date) { f.deliver(d, 4, 0.9) })
		return f
	}
}

// deliver adds a day on which so many nodes give that share of the bytes.
func (f *trafficOf) deliver(d registry.Date, nodes int, share float64) {
	const out, in = 90_000_000_000, 9_000_000_000
	f.days = append(f.days, rules.AllocationDay{
		Allocation: prefix(block), Day: d, Out: out, In: in, Samples: 5000, OutByHour: evenly(out), InByHour: evenly(in),
		WebOut: out, ServedNetworks: 400, ServedASNs: 30, Exporters: []netip.Addr{exporterOfLine},
	})
	for i := range nodes {
		each := uint64(share*(out+in)) / uint64(nodes)
		f.hosts = append(f.hosts,
			rules.AllocationHost{Allocation: prefix(block), Day: d, Address: nth(i), Port: 80, Out: each / 10, Samples: 50, Peers: 100},
			rules.AllocationHost{Allocation: prefix(block), Day: d, Address: nth(i), Port: 443, Out: each - each/10 - each/20, In: each / 20, Samples: 500, Peers: 900})
	}
	f.fill(d, 1_800_000_000, 900_000_000)
}

func (f *trafficOf) fill(d registry.Date, in ...uint64) {
	for i, bytes := range in {
		f.sources = append(f.sources, rules.AllocationSource{Allocation: prefix(block), Day: d, Network: prefix(fmt.Sprintf("203.0.%d.0/24", i)), ASN: 65001, In: bytes, Samples: 20})
	}
}

// sites lays down names on addresses of the block, filed by that enterprise.
func sites(t *testing.T, filer string, addresses int) func(l *registry.Ledgers) {
	return func(l *registry.Ledgers) {
		name := fmt.Sprintf("site-%d.cn", len(l.ICPFilings))
		l.ICPFilings = append(l.ICPFilings, registry.ICPFiling{No: "浙ICP备1号", Domain: name, EnterpriseID: filer, Status: "active", Valid: validity(t, "2020-01-01", "")})
		for i := range addresses {
			l.Domains = append(l.Domains, registry.Domain{Domain: "www." + name, Address: nth(i), FirstSeen: day(t, "2026-01-01"), LastSeen: day(t, "2026-03-04")})
		}
	}
}

func TestUnlicensedCDN(t *testing.T) {
	anew := func(nodes int, share float64) func(f *trafficOf) {
		return func(f *trafficOf) {
			*f = trafficOf{books: f.books}
			weekOf(t, 7, func(d registry.Date) { f.deliver(d, nodes, share) })
		}
	}
	filled := func(in ...uint64) func(f *trafficOf) {
		return func(f *trafficOf) {
			f.sources = nil
			weekOf(t, 7, func(d registry.Date) { f.fill(d, in...) })
		}
	}
	cases := standingCases(t, "B12", "cdn")
	for i := range cases {
		if cases[i].name == "licensed since the second day" {
			cases[i].want, cases[i].ceased = rules.Fires, true // one day is enough here
		}
	}
	runUse(t, rules.UnlicensedCDN(), tenant, delivery(t), append(cases, []useCase{
		{name: "popular site of the holder", change: sites(t, "E1", 4)},
		{name: "popular site of a sister company", change: sites(t, "E1S", 4)},
		{name: "sites of others", change: sites(t, "E2", 4), want: rules.Fires},
		{name: "own and other sites on the same addresses", change: func(l *registry.Ledgers) { sites(t, "E1", 4)(l); sites(t, "E2", 4)(l) }, want: rules.Fires},
		{name: "own site on one of the four", change: sites(t, "E1", 1)},
		{name: "filing cancelled", change: func(l *registry.Ledgers) { sites(t, "E1", 4)(l); l.ICPFilings[0].Status = "cancelled" }, want: rules.Fires},
		{name: "mirror of a university", change: func(l *registry.Ledgers) {
			l.Enterprises[1].Nature = "institution"
			l.ICPFilings = []registry.ICPFiling{{No: "浙ICP备2号", Domain: "univ.edu.cn", EnterpriseID: "E1", Status: "active"}}
		}},
		{name: "institution without a site of its own", change: func(l *registry.Ledgers) { l.Enterprises[1].Nature = "institution" }, want: rules.Fires},
		{name: "16 nodes", traffic: anew(16, 0.9), want: rules.Fires},
		{name: "spread over 40 addresses", traffic: anew(40, 0.9)},
		{name: "69 % of the bytes", traffic: anew(4, 0.69)},
		{name: "71 % of the bytes", traffic: anew(4, 0.71), want: rules.Fires},
		{name: "199 networks", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.ServedNetworks = 199 })},
		{name: "200 networks", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.ServedNetworks = 200 }), want: rules.Fires},
		{name: "out/in just below", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.In = d.Out/8 + 1 })},
		{name: "out/in just there", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.In = d.Out / 8 }), want: rules.Fires},
		{name: "a site without fill", traffic: filled()},
		{name: "fill just below", traffic: filled(899_999_999)},
		{name: "fill just there", traffic: filled(900_000_000), want: rules.Fires},
		{name: "fill from anywhere", traffic: filled(3e8, 3e8, 3e8, 3e8, 3e8, 3e8, 3e8, 3e8, 3e8, 3e8, 3e8)},
		{name: "another port", traffic: onHosts(func(h *rules.AllocationHost) { h.Port = 8443 })},
		{name: "few samples", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.Samples = 71 }), want: rules.Withheld, reason: "low_samples"},
	}...))
}

func TestUnlicensedCDNFigures(t *testing.T) {
	f := delivery(t)()
	f.books = heard(1)
	got := judge(t, rules.UnlicensedCDN(), tenant(t), f, weekFrom, weekTo)[block]
	if got.Facts["node_share"] != 0.9 || got.Facts["client_networks"] != uint64(400) || got.Facts["fill_share_of_output"] != 0.03 || got.Facts["out_in_ratio"] != 10.0 {
		t.Errorf("figures %v", got.Facts)
	}
	if nodes, _ := got.Facts["nodes"].([]string); len(nodes) != 4 {
		t.Errorf("nodes %v", nodes)
	}
}
