package rules_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// homes spreads bytes like the homes of a city: low by day, high in the
// evening.
func homes(bytes uint64) (hours [24]uint64) {
	for h := range hours {
		share := 2.0
		switch {
		case h >= 19 && h < 23:
			share = 10
		case h >= 9 && h < 18:
			share = 4
		}
		hours[h] = uint64(share / 96 * float64(bytes))
	}
	return hours
}

// access is a block of forty clients that take from 800 networks, most of it
// content.
func access(t *testing.T) func() trafficOf {
	return func() (f trafficOf) {
		weekOf(t, 7, func(d registry.Date) { f.surf(d, prefix(block), 40) })
		return f
	}
}

// surf adds a day with that many clients in a block.
func (f *trafficOf) surf(d registry.Date, in netip.Prefix, clients int) {
	const down, up = 96_000_000_000, 12_000_000_000
	f.days = append(f.days, rules.AllocationDay{
		Allocation: in, Day: d, Out: up, In: down, Samples: 4000, InByHour: homes(down), OutByHour: homes(up),
		FilledNetworks: 800, FilledASNs: 60, ServedNetworks: 12, Exporters: []netip.Addr{exporterOfLine},
	})
	address := in.Addr()
	for range clients {
		f.hosts = append(f.hosts, rules.AllocationHost{
			Allocation: in, Day: d, Address: address, Out: up / 40, In: down / 40, Samples: 100, Peers: 60, Networks: 50, ASNs: 20, Sessions: 90, PeakSessions: 70,
		})
		address = address.Next()
	}
	for _, s := range []struct {
		network string
		share   uint64 // percent
	}{{"203.0.113.0/24", 40}, {"203.0.114.0/24", 30}, {"203.0.115.0/24", 30}} {
		f.sources = append(f.sources, rules.AllocationSource{Allocation: in, Day: d, Network: prefix(s.network), In: down / 100 * s.share, WebIn: down / 100 * s.share, Samples: 900})
	}
}

// knownNetworks says of which kind the networks are that are taken from.
func knownNetworks(t *testing.T) *registry.Ledgers {
	l := tenant(t)
	l.Networks = []registry.Network{
		{Prefix: prefix("203.0.113.0/24"), Kind: "cdn"}, {Prefix: prefix("203.0.114.0/24"), Kind: "cloud"}, {Prefix: prefix("203.0.115.0/24"), Kind: "enterprise"},
	}
	return l
}

func TestUnlicensedISP(t *testing.T) {
	cases := standingCases(t, "B14", "isp")
	for i := range cases {
		if cases[i].name == "licensed since the second day" {
			cases[i].want, cases[i].ceased = rules.Fires, true // one day is enough here
		}
	}
	clients := func(n int) func(f *trafficOf) {
		return func(f *trafficOf) {
			*f = trafficOf{books: f.books}
			weekOf(t, 7, func(d registry.Date) { f.surf(d, prefix(block), n) })
		}
	}
	hours := func(evening, daytime uint64) func(f *trafficOf) {
		return onDays(func(_ int, d *rules.AllocationDay) {
			d.InByHour = [24]uint64{}
			for h := 9; h < 18; h++ {
				d.InByHour[h] = daytime
			}
			for h := 19; h < 23; h++ {
				d.InByHour[h] = evening
			}
		})
	}
	kinds := func(kind string, at int) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) { l.Networks[at].Kind = kind }
	}
	runUse(t, rules.UnlicensedISP(), knownNetworks, access(t), append(cases, []useCase{
		{name: "31 clients", traffic: clients(31)},
		{name: "32 clients", traffic: clients(32), want: rules.Fires},
		{name: "499 networks", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.FilledNetworks = 499 })},
		{name: "500 networks", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.FilledNetworks = 500 }), want: rules.Fires},
		{name: "in/out just below", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.Out = d.In/3 + 1 })},
		{name: "in/out just there", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.Out = d.In / 3 }), want: rules.Fires},
		{name: "office with a daytime peak", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.InByHour = officeOnly(d.In) })},
		{name: "evening as high as the day", traffic: hours(1_000_000_000, 1_000_000_000)},
		{name: "evening just above", traffic: hours(1_010_000_000, 1_000_000_000), want: rules.Fires},
		{name: "hotel with a dozen addresses", traffic: clients(12)},
		{name: "59 % of content", traffic: func(f *trafficOf) {
			for i := range f.sources {
				f.sources[i].WebIn = f.sources[i].In * 84 / 100
			}
		}},
		{name: "61 % of content", traffic: func(f *trafficOf) {
			for i := range f.sources {
				f.sources[i].WebIn = f.sources[i].In * 88 / 100
			}
		}, want: rules.Fires},
		{name: "the cloud is an enterprise", change: kinds("enterprise", 1)},
		{name: "kinds of networks unknown", change: func(l *registry.Ledgers) { l.Networks = nil }, want: rules.Withheld, reason: "networks_unknown"},
		{name: "content within the carrier", change: func(l *registry.Ledgers) {
			l.Networks = l.Networks[1:]
			l.Allocations = append(l.Allocations, alloc(t, "203.0.113.0/24", "E2", "", "cdn", "2020-01-01", ""))
		}, want: rules.Fires},
		{name: "an address that is scanned is no client", traffic: onHosts(func(h *rules.AllocationHost) { h.In, h.Out = 44_000, 40_000 })},
		{name: "servers are no clients", traffic: onHosts(func(h *rules.AllocationHost) { h.Port = 443 })},
		{name: "few samples", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.Samples = 71 }), want: rules.Withheld, reason: "low_samples"},
	}...))
}

// TestUnlicensedISPBehindTranslation has one address that several share.
func TestUnlicensedISPBehindTranslation(t *testing.T) {
	nat := prefix("198.51.100.4/30")
	for _, tt := range []struct {
		name       string
		block      netip.Prefix
		filed      string
		peak, seen uint64
		change     func(f *trafficOf)
		want       rules.Outcome
	}{
		{name: "64 sessions", block: nat, filed: "198.51.100.4/32", peak: 64, seen: 64, want: rules.Fires},
		{name: "63 sessions at once", block: nat, filed: "198.51.100.4/32", peak: 63, seen: 64},
		{name: "63 sessions seen", block: nat, filed: "198.51.100.4/32", peak: 6400, seen: 63},
		{name: "not known to be shared", block: nat, filed: "198.51.100.128/32", peak: 6400, seen: 640},
		{name: "a small translation in a larger block", block: prefix("198.51.100.0/29"), filed: "198.51.100.0/30", peak: 64, seen: 64, want: rules.Fires},
		{name: "a larger translation", block: prefix("198.51.100.0/29"), filed: "198.51.100.0/29", peak: 6400, seen: 640},
		{name: "an office", block: nat, filed: "198.51.100.4/30", peak: 6400, seen: 640, change: onDays(func(_ int, d *rules.AllocationDay) { d.InByHour = officeOnly(d.In) })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := knownNetworks(t)
			l.Allocations[0].Prefix = tt.block
			l.Translations = []registry.Translation{{PublicPrefix: prefix(tt.filed), SharedBy: []string{"E1", "E2"}}}
			f := trafficOf{books: heard(1)}
			weekOf(t, 7, func(d registry.Date) { f.surf(d, tt.block, 1) })
			onHosts(func(h *rules.AllocationHost) { h.PeakSessions, h.Sessions = tt.peak, tt.seen })(&f)
			if tt.change != nil {
				tt.change(&f)
			}
			got := judge(t, rules.UnlicensedISP(), l, f, weekFrom, weekTo)[tt.block.String()]
			if got.Outcome != tt.want {
				t.Fatalf("outcome %v %q: %v", got.Outcome, got.Reason, got.Facts)
			}
			if got.Outcome == rules.Fires {
				tells(t, got)
				if got.Confidence > 0.5 || got.Facts["translated_address"] != tt.block.Addr().String() {
					t.Errorf("confidence %v: %v", got.Confidence, got.Facts)
				}
			}
		})
	}
}

func TestUnlicensedISPFigures(t *testing.T) {
	f := access(t)()
	f.books = heard(1)
	got := judge(t, rules.UnlicensedISP(), knownNetworks(t), f, weekFrom, weekTo)[block]
	if got.Facts["clients"] != 40 || got.Facts["in_out_ratio"] != 8.0 || got.Facts["evening_ratio"] != 2.5 || got.Facts["consumer_share"] != 0.7 {
		t.Errorf("figures %v", got.Facts)
	}
}
