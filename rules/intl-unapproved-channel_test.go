package rules_test

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// channelBlock is the allocation in question and channelHost an address of it.
var (
	channelBlock = netip.MustParsePrefix("36.40.0.0/26")
	channelHost  = netip.MustParseAddr("36.40.0.9")
)

// channelLedgers returns a block of E1 on its line, thirty other enterprises
// with blocks at home, access networks at home, and hosts abroad.
func channelLedgers(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := carrier(t)
	l.ASNs = append(l.ASNs, registry.ASN{ASN: 65010, EnterpriseID: "E1"})
	l.Lines = []registry.Line{{ID: "D1", EnterpriseID: "E1", Scope: "domestic", APlace: "330100"}}
	l.Exporters = []registry.Exporter{{Address: exporterOfLine, Name: "hz-1"}}
	l.Interfaces = []registry.Interface{{Exporter: exporterOfLine, IfIndex: 7, Role: "customer", LineID: "D1"}}
	l.Allocations = []registry.Allocation{
		{Prefix: channelBlock, EnterpriseID: "E1", Use: "enterprise", Place: "330100"},
		{Prefix: prefix("36.60.0.0/16"), EnterpriseID: "CT", Use: "subscriber_pool"},
		{Prefix: prefix("36.70.0.0/24"), EnterpriseID: "E1S", Use: "enterprise"},
	}
	for i := range 30 {
		id := fmt.Sprintf("C%02d", i)
		l.Enterprises = append(l.Enterprises, registry.Enterprise{ID: id, Name: "客户" + id, Place: "33"})
		l.Allocations = append(l.Allocations, registry.Allocation{Prefix: prefix(fmt.Sprintf("36.50.%d.0/24", i)), EnterpriseID: id, Use: "enterprise"})
		l.Networks = append(l.Networks, registry.Network{Prefix: prefix(fmt.Sprintf("39.9.%d.0/24", i)), Country: "CN", Kind: "access", ASN: 65103})
	}
	l.Networks = append(l.Networks,
		registry.Network{Prefix: prefix("51.1.0.0/24"), Country: "DE", Operator: "Rhein Cloud", Kind: "cloud", ASN: 65201},
		registry.Network{Prefix: prefix("51.2.0.0/24"), Country: "HK", Operator: "Harbour DC", Kind: "datacentre", ASN: 65202},
	)
	return l
}

// channelUse is a week of one address: bytes of tunnels abroad on each day, to
// where, and with which networks at home it deals, by tunnels or otherwise.
type channelUse struct {
	abroad    [7]uint64
	end       string // 51.1.0.0/24 by default
	hub       []string
	relay     []string
	relayed   uint64 // bytes a day with each network of relay, 500 MB by default
	served    uint64 // networks that use a port of its own; as many as relay by default
	oneWay    bool   // nothing comes back from abroad
	silentHub bool   // nothing comes back from the networks at home
	samples   uint64 // of the tunnels abroad on each day, 2,000 by default
}

// homeNetworks are n networks at home of the form.
func homeNetworks(form string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(form, i)
	}
	return out
}

func (u channelUse) traffic(t *testing.T) trafficOf {
	t.Helper()
	if u.end == "" {
		u.end = "51.1.0.0/24"
	}
	if u.relayed == 0 {
		u.relayed = 500_000_000
	}
	if u.samples == 0 {
		u.samples = 2000
	}
	if u.served == 0 {
		u.served = uint64(len(u.relay))
	}
	out := trafficOf{books: heard(1)}
	for i, abroad := range u.abroad {
		d := day(t, "2026-03-02") + registry.Date(i)
		contact := func(network string, kind rules.ContactKind, sent, came, samples uint64) {
			out.contacts = append(out.contacts, rules.AllocationContact{Allocation: channelBlock, Day: d, Address: channelHost, Network: prefix(network), Kind: kind, Out: sent, In: came, Samples: samples})
		}
		total := rules.AllocationDay{Allocation: channelBlock, Day: d, Out: 2 << 30, In: 1 << 30, Samples: 5000, Exporters: []netip.Addr{exporterOfLine}}
		if abroad > 0 {
			came := abroad / 4
			if u.oneWay {
				came = 0
			}
			contact(u.end, rules.ContactTunnel, abroad-came, came, u.samples)
		}
		for _, n := range u.hub {
			came := uint64(100_000_000)
			if u.silentHub {
				came = 0
			}
			contact(n, rules.ContactTunnel, 50_000_000, came, 40)
		}
		for _, n := range u.relay {
			contact(n, rules.ContactOther, u.relayed/2, u.relayed/2, 40)
		}
		if u.served > 0 {
			out.hosts = append(out.hosts, rules.AllocationHost{Allocation: channelBlock, Day: d, Address: channelHost, Port: 8443, Out: 1 << 20, In: 1 << 20, Samples: 40, Peers: 3 * u.served, Networks: u.served})
		}
		out.days = append(out.days, total)
	}
	return out
}

func (u channelUse) judge(t *testing.T, l *registry.Ledgers, change func(*trafficOf)) judged {
	t.Helper()
	traffic := u.traffic(t)
	if change != nil {
		change(&traffic)
	}
	return judge(t, rules.IntlUnapprovedChannel(), l, traffic, "2026-03-02", "2026-03-08")[channelBlock.String()]
}

func TestIntlUnapprovedChannel(t *testing.T) {
	const gib = 1 << 30
	customers := func(n int) []string { return homeNetworks("36.50.%d.0/24", n) }
	seller := channelUse{abroad: daily(3 * gib), hub: customers(12)}
	tests := []struct {
		name    string
		use     channelUse
		ledgers func(l *registry.Ledgers)
		traffic func(f *trafficOf)
		want    rules.Outcome
		reason  string
	}{
		{name: "hub of other enterprises", use: seller, want: rules.Fires},
		{name: "hub of access networks", use: channelUse{abroad: daily(3 * gib), hub: homeNetworks("39.9.%d.0/24", 12)}, want: rules.Fires},
		{name: "relay", use: channelUse{abroad: daily(3 * gib), relay: customers(12)}, want: rules.Fires},
		{name: "ends in Hong Kong", use: channelUse{abroad: daily(3 * gib), end: "51.2.0.0/24", hub: customers(12)}, want: rules.Fires},
		{name: "exactly the bytes", use: channelUse{abroad: daily(gib), hub: customers(12)}, want: rules.Fires},
		{name: "a byte less", use: channelUse{abroad: daily(gib - 1), hub: customers(12)}},
		{name: "on three days", use: channelUse{abroad: [7]uint64{0, gib, 0, gib, 0, gib}, hub: customers(12)}, want: rules.Fires},
		{name: "on two days", use: channelUse{abroad: [7]uint64{0, 9 * gib, 0, 9 * gib}, hub: customers(12)}},
		{name: "eight networks", use: channelUse{abroad: daily(3 * gib), hub: customers(8)}, want: rules.Fires},
		{name: "seven networks", use: channelUse{abroad: daily(3 * gib), hub: customers(7)}},
		{name: "some by tunnels and some relayed", use: channelUse{abroad: daily(3 * gib), hub: customers(4), relay: customers(8)}, want: rules.Fires},
		{name: "the same by tunnels and relayed", use: channelUse{abroad: daily(3 * gib), hub: customers(7), relay: customers(7)}},
		{name: "a single site-to-site tunnel", use: channelUse{abroad: daily(3 * gib)}},
		{
			name: "site-to-site to the filed office abroad, and tunnels at home", use: seller,
			ledgers: func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "I1", EnterpriseID: "E1", Scope: "international", ZCountry: "DE"})
				l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "I1", End: "z", Prefix: prefix("51.1.0.0/24"), Kind: "office"})
			},
		},
		{
			name: "to the group's autonomous system abroad", use: seller,
			ledgers: func(l *registry.Ledgers) { l.ASNs = append(l.ASNs, registry.ASN{ASN: 65201, EnterpriseID: "E1S"}) },
		},
		{name: "a translated address that only fetches", use: channelUse{abroad: daily(3 * gib), relay: customers(30), served: 1}},
		{name: "serves seven of many", use: channelUse{abroad: daily(3 * gib), relay: customers(30), served: 7}},
		{name: "a web site beside a site-to-site tunnel", use: channelUse{abroad: daily(3 * gib), relay: customers(30), relayed: 20_000_000}},
		{name: "its own branches", use: channelUse{abroad: daily(3 * gib), hub: []string{"36.70.0.0/24"}}},
		{name: "people dialling in from one carrier's pool", use: channelUse{abroad: daily(3 * gib), hub: homeNetworks("36.60.%d.0/24", 20)}},
		{name: "one group by many networks", use: channelUse{abroad: daily(3 * gib), hub: customers(12)}, ledgers: func(l *registry.Ledgers) {
			for i := range l.Enterprises {
				if strings.HasPrefix(l.Enterprises[i].ID, "C") && l.Enterprises[i].ID > "C00" && l.Enterprises[i].ID != "CT" {
					l.Enterprises[i].ParentID = "C00"
				}
			}
		}},
		{name: "tunnels at home only", use: channelUse{abroad: daily(3 * gib), end: "39.9.29.0/24", hub: customers(12)}},
		{name: "an end of an unknown country", use: channelUse{abroad: daily(3 * gib), end: "99.9.9.0/24", hub: customers(12)}},
		{name: "knocking from abroad", use: channelUse{abroad: daily(3 * gib), oneWay: true, hub: customers(12)}},
		{name: "knocking at home", use: channelUse{abroad: daily(3 * gib), hub: customers(12), silentHub: true}},
		{
			name: "approved", use: seller,
			ledgers: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", LineID: "I7"}}
			},
		},
		{
			name: "approved since the third day", use: seller,
			ledgers: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", Valid: registry.Validity{From: day(t, "2026-03-04")}}}
			},
		},
		{
			name: "approved since the fourth day", use: seller, want: rules.Fires,
			ledgers: func(l *registry.Ledgers) {
				l.Approvals = []registry.Approval{{No: "A1", EnterpriseID: "E1", Kind: "cross_border", Valid: registry.Validity{From: day(t, "2026-03-05")}}}
			},
		},
		{name: "subscriber pool", use: seller, ledgers: func(l *registry.Ledgers) { l.Allocations[0].Use = "subscriber_pool" }},
		{name: "use that is not looked at", use: seller, ledgers: func(l *registry.Ledgers) { l.Allocations[0].Use = "cdn" }},
		{name: "the carrier's own", use: seller, ledgers: func(l *registry.Ledgers) { l.Allocations[0].EnterpriseID = "CT" }},
		{name: "an individual's", use: seller, ledgers: func(l *registry.Ledgers) { l.Allocations[0].EnterpriseID = "P1" }},
		{name: "99 samples", use: channelUse{abroad: [7]uint64{gib, gib, gib}, samples: 33, hub: customers(12)}, want: rules.Withheld, reason: "low_samples"},
		{name: "102 samples", use: channelUse{abroad: [7]uint64{gib, gib, gib}, samples: 34, hub: customers(12)}, want: rules.Fires},
		{name: "few samples of the block", use: seller, want: rules.Withheld, reason: "low_samples", traffic: func(f *trafficOf) {
			for i := range f.days {
				f.days[i].Samples = 71
			}
		}},
		{name: "few samples of the block, and few bytes abroad", use: channelUse{abroad: daily(1000), hub: customers(12)}, want: rules.Withheld, reason: "low_samples", traffic: func(f *trafficOf) {
			for i := range f.days {
				f.days[i].Samples = 71
			}
		}},
		{name: "incomplete", use: seller, traffic: func(f *trafficOf) { f.books = heard(0.89) }, want: rules.Withheld, reason: "low_completeness"},
		{name: "complete enough", use: seller, traffic: func(f *trafficOf) { f.books = heard(0.9) }, want: rules.Fires},
		{name: "sampling unknown", use: seller, traffic: func(f *trafficOf) { f.days[0].Unscaled = 1 << 40 }, want: rules.Withheld, reason: "sampling_unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := channelLedgers(t)
			if tt.ledgers != nil {
				tt.ledgers(l)
			}
			got := tt.use.judge(t, l, tt.traffic)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestIntlUnapprovedChannelFigures(t *testing.T) {
	const gib = 1 << 30
	use := channelUse{abroad: [7]uint64{2 * gib, 4 * gib, 0, 6 * gib, 1000}, hub: homeNetworks("36.50.%d.0/24", 9), relay: homeNetworks("36.50.%d.0/24", 12)}
	got := use.judge(t, channelLedgers(t), nil)
	for name, want := range map[string]any{
		"address": "36.40.0.9", "tunnel_bytes_per_day": uint64(4 * gib), "home_networks": uint64(12), "hub_networks": uint64(9), "relay_networks": uint64(3),
		"foreign_networks": uint64(1), "tunnel_samples": uint64(6000), "days_met": 3, "days": 7, "holder": "E1", "use": "enterprise",
	} {
		if got.Facts[name] != want {
			t.Errorf("%s = %v, want %v", name, got.Facts[name], want)
		}
	}
	if ends, _ := got.Facts["third_party_networks"].([]string); !slices.Equal(ends, []string{"51.1.0.0/24 of Rhein Cloud"}) {
		t.Errorf("ends %v", ends)
	}
	if got.FirstDay != day(t, "2026-03-02") || got.LastDay != day(t, "2026-03-05") || got.Severity != rules.High || got.Confidence < 0.97 || len(got.Benign) != 5 {
		t.Errorf("seen %s..%s, %s, confidence %v, %d benign", got.FirstDay, got.LastDay, got.Severity, got.Confidence, len(got.Benign))
	}
	if !strings.Contains(got.Explanation.ZH, "36.40.0.9") || !strings.Contains(got.Explanation.EN, "4.0 GiB a day") {
		t.Errorf("explanation %v", got.Explanation)
	}
	many := channelUse{abroad: daily(3 * gib), hub: homeNetworks("36.50.%d.0/24", 30), relay: homeNetworks("39.9.%d.0/24", 2)}
	if got := many.judge(t, channelLedgers(t), nil); got.Severity != rules.Critical || got.Facts["home_networks"] != uint64(32) {
		t.Errorf("%s with %v networks", got.Severity, got.Facts["home_networks"])
	}
}

// askedTraffic keeps what it was asked about addresses.
type askedTraffic struct {
	trafficOf
	contacts *[]rules.ContactQuestion
	hosts    *[]rules.AddressQuestion
}

func (a askedTraffic) AllocationContacts(ctx context.Context, q rules.ContactQuestion) iter.Seq2[rules.AllocationContact, error] {
	*a.contacts = append(*a.contacts, q)
	return a.trafficOf.AllocationContacts(ctx, q)
}

func (a askedTraffic) AllocationHosts(ctx context.Context, q rules.AddressQuestion) iter.Seq2[rules.AllocationHost, error] {
	*a.hosts = append(*a.hosts, q)
	return a.trafficOf.AllocationHosts(ctx, q)
}

// TestIntlUnapprovedChannelAsksAboutFew has a hub among a hundred addresses with
// small tunnels: all but tunnels is asked about the hub alone, and nothing at all
// where there is no hub.
func TestIntlUnapprovedChannelAsksAboutFew(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes uint64
		want  []netip.Addr
	}{{"a hub", 3 << 30, []netip.Addr{channelHost}}, {"no hub", 1 << 20, nil}} {
		t.Run(tt.name, func(t *testing.T) {
			traffic := channelUse{abroad: daily(tt.bytes), hub: homeNetworks("36.50.%d.0/24", 12)}.traffic(t)
			other := channelHost.Next()
			for i := range 20 {
				traffic.contacts = append(traffic.contacts, rules.AllocationContact{
					Allocation: channelBlock, Day: day(t, "2026-03-02"), Address: other, Network: prefix(fmt.Sprintf("51.1.0.%d/32", i)),
					Kind: rules.ContactTunnel, Out: 1000, In: 1000, Samples: 2,
				})
				other = other.Next()
			}
			asked := askedTraffic{traffic, new([]rules.ContactQuestion), new([]rules.AddressQuestion)}
			judge(t, rules.IntlUnapprovedChannel(), channelLedgers(t), asked, "2026-03-02", "2026-03-08")
			tunnels, others := 0, 0
			for _, q := range *asked.contacts {
				switch {
				case slices.Equal(q.Kinds, []rules.ContactKind{rules.ContactTunnel}) && q.LeastBytes == 1<<30:
					tunnels++
				case slices.Equal(q.Kinds, []rules.ContactKind{rules.ContactOther}) && slices.Equal(q.Addresses, tt.want):
					others++
				default:
					t.Errorf("asked for %+v", q)
				}
			}
			if tunnels != 1 || others != len(tt.want) {
				t.Errorf("asked %d times for tunnels and %d for all else", tunnels, others)
			}
			if len(*asked.hosts) != len(tt.want) || len(tt.want) > 0 && !slices.Equal((*asked.hosts)[0].Addresses, tt.want) {
				t.Errorf("asked for hosts of %+v", *asked.hosts)
			}
		})
	}
}
