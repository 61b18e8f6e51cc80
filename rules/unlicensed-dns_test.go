package rules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// resolver is a block whose first address answers 300 networks a day, and asks
// others.
func resolver(t *testing.T) func() trafficOf {
	return func() (f trafficOf) {
		weekOf(t, 7, func(d registry.Date) { f.answer(d, 300, true) })
		return f
	}
}

func (f *trafficOf) answer(d registry.Date, networks int, asks bool) {
	f.days = append(f.days, rules.AllocationDay{
		Allocation: prefix(block), Day: d, Out: 2_000_000_000, In: 1_000_000_000, Samples: 900,
		ServedNetworks: uint64(networks), ServedASNs: 30, Exporters: []netip.Addr{exporterOfLine},
	})
	for i := range networks {
		f.contacts = append(f.contacts, rules.AllocationContact{
			Allocation: prefix(block), Day: d, Address: nth(1), Network: prefix(fmt.Sprintf("100.%d.%d.0/24", 64+i/250, i%250)),
			Kind: rules.ContactAnswer, Out: 5_000_000, Samples: 2,
		})
	}
	if asks {
		f.contacts = append(f.contacts, rules.AllocationContact{
			Allocation: prefix(block), Day: d, Address: nth(1), Network: prefix("203.0.113.0/24"), Kind: rules.ContactQuery, Out: 5_000_000, In: 9_000_000, Samples: 5,
		})
	}
}

func TestUnlicensedDNS(t *testing.T) {
	anew := func(networks int, asks bool) func(f *trafficOf) {
		return func(f *trafficOf) {
			*f = trafficOf{books: f.books}
			weekOf(t, 7, func(d registry.Date) { f.answer(d, networks, asks) })
		}
	}
	own := func(l *registry.Ledgers) {
		l.Allocations = append(l.Allocations, alloc(t, "100.64.0.0/17", "E1S", "", "enterprise", "2020-01-01", ""))
	}
	cases := standingCases(t, "B26-1", "dns")
	for i := range cases {
		if cases[i].name == "licensed since the second day" {
			cases[i].want, cases[i].ceased = rules.Fires, true // one day is enough here
		}
	}
	runUse(t, rules.UnlicensedDNS(), tenant, resolver(t), append(cases, []useCase{
		{name: "199 networks", traffic: anew(199, true)},
		{name: "200 networks", traffic: anew(200, true), want: rules.Fires},
		{name: "authoritative for own filed domains", change: func(l *registry.Ledgers) { sites(t, "E1", 4)(l) }, traffic: anew(300, false)},
		{name: "authoritative for a sister company's domains", change: func(l *registry.Ledgers) { sites(t, "E1S", 4)(l) }, traffic: anew(300, false)},
		{name: "own domains, but asks others too", change: func(l *registry.Ledgers) { sites(t, "E1", 4)(l) }, want: rules.Fires},
		{name: "authoritative for others", change: func(l *registry.Ledgers) { sites(t, "E2", 4)(l) }, traffic: anew(300, false), want: rules.Fires},
		{name: "for its own offices", change: own},
		{name: "for networks at ends of its lines", change: func(l *registry.Ledgers) {
			l.LineEndpoints = []registry.LineEndpoint{{LineID: "L1", End: "a", Prefix: prefix("100.64.0.0/10"), Kind: "office"}}
		}},
		{name: "scanned, and silent", traffic: onContacts(func(_ int, c *rules.AllocationContact) { c.Out = 0 })},
		{name: "asks many, answers none", traffic: onContacts(func(_ int, c *rules.AllocationContact) { c.Kind = rules.ContactQuery })},
		{name: "each of many addresses answers few", traffic: onContacts(func(i int, c *rules.AllocationContact) { c.Address = nth(i % 301) })},
		{name: "few samples", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.Samples = 71 }), want: rules.Withheld, reason: "low_samples"},
	}...))
}

func TestUnlicensedDNSFigures(t *testing.T) {
	f := resolver(t)()
	f.books = heard(1)
	got := judge(t, rules.UnlicensedDNS(), tenant(t), f, weekFrom, weekTo)[block]
	if got.Facts["client_networks"] != 300 || got.Facts["asks_others"] != true || got.Severity != rules.High {
		t.Errorf("figures %v", got.Facts)
	}
}
