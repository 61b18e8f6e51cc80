package rules_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// hosting is a block with ten servers on three ports, seen by 2,000 packets a
// day, at work around the clock.
func hosting(t *testing.T) func() trafficOf {
	return func() (f trafficOf) {
		weekOf(t, 7, func(d registry.Date) { f.serve(d, 10, 60, 6) })
		return f
	}
}

// serve adds a day with that many servers, networks and origins.
func (f *trafficOf) serve(d registry.Date, servers int, networks, asns uint64) {
	const out, in = 24_000_000_000, 4_800_000_000
	f.days = append(f.days, rules.AllocationDay{
		Allocation: prefix(block), Day: d, Out: out, In: in, Samples: 2000, OutByHour: evenly(out), InByHour: evenly(in),
		WebOut: out / 2, ServedNetworks: networks, ServedASNs: asns, Exporters: []netip.Addr{exporterOfLine},
	})
	for i := range servers {
		for _, port := range []uint16{0, 25, 443, 3306}[:3+i%2] {
			h := rules.AllocationHost{Allocation: prefix(block), Day: d, Address: nth(1 + i), Port: port, Out: 1_000_000_000, In: 200_000_000, Samples: 60, Peers: 30, Networks: 20, ASNs: 5}
			if port == 0 {
				h.Out, h.In = 100_000_000, 100_000_000
			}
			f.hosts = append(f.hosts, h)
		}
	}
}

// onHosts and onDays change every row.
func onHosts(change func(h *rules.AllocationHost)) func(f *trafficOf) {
	return func(f *trafficOf) {
		for i := range f.hosts {
			change(&f.hosts[i])
		}
	}
}

func onDays(change func(i int, d *rules.AllocationDay)) func(f *trafficOf) {
	return func(f *trafficOf) {
		for i := range f.days {
			change(i, &f.days[i])
		}
	}
}

func TestUnlicensedIDC(t *testing.T) {
	anew := func(days, servers int, networks, asns uint64) func(f *trafficOf) {
		return func(f *trafficOf) {
			*f = trafficOf{books: f.books}
			weekOf(t, days, func(d registry.Date) { f.serve(d, servers, networks, asns) })
		}
	}
	runUse(t, rules.UnlicensedIDC(), tenant, hosting(t), append(standingCases(t, "B11", "idc"), []useCase{
		{name: "an enterprise with few servers of its own", traffic: anew(7, 4, 400, 40)},
		{name: "seven servers", traffic: anew(7, 7, 60, 6)},
		{name: "eight servers", traffic: anew(7, 8, 60, 6), want: rules.Fires},
		{name: "cloud on-ramp: few networks", traffic: anew(7, 40, 3, 1)},
		{name: "49 networks", traffic: anew(7, 10, 49, 6)},
		{name: "50 networks", traffic: anew(7, 10, 50, 6), want: rules.Fires},
		{name: "4 origins", traffic: anew(7, 10, 60, 4)},
		{name: "5 origins", traffic: anew(7, 10, 60, 5), want: rules.Fires},
		{name: "two days", traffic: anew(2, 10, 60, 6)},
		{name: "three days", traffic: anew(3, 10, 60, 6), want: rules.Fires},
		{name: "two ports", traffic: onHosts(func(h *rules.AllocationHost) {
			if h.Port == 3306 {
				h.Port = 443
			}
		})},
		{name: "translation pool: clients", traffic: func(f *trafficOf) {
			onHosts(func(h *rules.AllocationHost) { h.Port, h.Out, h.In = 0, h.In, h.Out })(f)
			onDays(func(_ int, d *rules.AllocationDay) { d.Out, d.In, d.OutByHour = d.In, d.Out, evenly(d.In) })(f)
		}},
		{name: "translation pool: ports forwarded to clients", change: func(l *registry.Ledgers) {
			l.Translations = []registry.Translation{{PublicPrefix: prefix(block), SharedBy: []string{"E2", "E3"}}}
		}},
		{name: "translation of the first three addresses", change: func(l *registry.Ledgers) {
			l.Translations = []registry.Translation{{PublicPrefix: netip.PrefixFrom(nth(0), 30), SharedBy: []string{"E2", "E3"}}}
		}},
		{name: "translation of the first address", change: func(l *registry.Ledgers) {
			l.Translations = []registry.Translation{{PublicPrefix: netip.PrefixFrom(nth(1), 32), SharedBy: []string{"E2", "E3"}}}
		}, want: rules.Fires},
		{name: "out/in just below", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.In = d.Out/2 + 1 })},
		{name: "out/in just there", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.In = d.Out / 2 }), want: rules.Fires},
		{name: "replies to scanners beside one busy server", traffic: onHosts(func(h *rules.AllocationHost) {
			if h.Address != nth(1) {
				h.Out, h.In = 40_000, 44_000
			}
		})},
		{name: "few peers each", traffic: onHosts(func(h *rules.AllocationHost) { h.Peers = 4 })},
		{name: "five peers each", traffic: onHosts(func(h *rules.AllocationHost) { h.Peers = 5 }), want: rules.Fires},
		{name: "in office hours only", traffic: func(f *trafficOf) {
			onDays(func(_ int, d *rules.AllocationDay) { d.OutByHour = officeOnly(d.Out) })(f)
			f.days = f.days[:5]
		}},
		{name: "499 samples", traffic: func(f *trafficOf) {
			onDays(func(i int, d *rules.AllocationDay) { d.Samples = 71 + min(1, uint64(max(0, 2-i))) })(f)
		}, want: rules.Withheld, reason: "low_samples"},
		{name: "500 samples", traffic: onDays(func(i int, d *rules.AllocationDay) { d.Samples = 71 + min(1, uint64(max(0, 3-i))) }), want: rules.Fires},
		{name: "few samples of servers", traffic: onHosts(func(h *rules.AllocationHost) { h.Samples = 0 }), want: rules.Withheld, reason: "low_samples"},
	}...))
}

func TestUnlicensedIDCFigures(t *testing.T) {
	f := hosting(t)()
	f.books = heard(0.95)
	got := judge(t, rules.UnlicensedIDC(), tenant(t), f, weekFrom, weekTo)[block]
	if got.Facts["servers"] != 10 || got.Facts["service_ports"] != 3 || got.Facts["served_networks"] != uint64(60) || got.Facts["out_in_ratio"] != 5.0 {
		t.Errorf("figures %v", got.Facts)
	}
	// 9 of 24 hours on five working days, all of two rest days.
	if got.Facts["off_hours_share"] != round4((5*9.0/24+2)/7) {
		t.Errorf("off-hours share %v", got.Facts["off_hours_share"])
	}
	if got.Completeness != 0.95 || got.Confidence != 0.95 {
		t.Errorf("completeness %v confidence %v", got.Completeness, got.Confidence)
	}
}
