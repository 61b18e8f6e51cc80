package rules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// customers returns ledgers with twelve more enterprises, each with a /29.
func customers(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := tenant(t)
	for i := range 12 {
		id := fmt.Sprintf("C%02d", i)
		l.Enterprises = append(l.Enterprises, registry.Enterprise{ID: id, Name: "企业" + id, Place: "3301"})
		l.Allocations = append(l.Allocations, alloc(t, office(i).String(), id, "", "enterprise", "2020-01-01", ""))
	}
	return l
}

// office is the block of the n-th enterprise.
func office(i int) netip.Prefix { return prefix(fmt.Sprintf("203.0.113.%d/29", 8*i)) }

// tunnels is a block whose first address has tunnels to ten offices.
func tunnels(t *testing.T) func() trafficOf {
	return func() (f trafficOf) {
		weekOf(t, 7, func(d registry.Date) { f.tunnel(d, 10) })
		return f
	}
}

func (f *trafficOf) tunnel(d registry.Date, offices int) {
	f.days = append(f.days, rules.AllocationDay{
		Allocation: prefix(block), Day: d, Out: 5_000_000_000, In: 5_000_000_000, Samples: 1500,
		ServedNetworks: 6, FilledNetworks: 6, Exporters: []netip.Addr{exporterOfLine},
	})
	for i := range offices {
		f.contacts = append(f.contacts, rules.AllocationContact{
			Allocation: prefix(block), Day: d, Address: nth(1), Network: office(i), Kind: rules.ContactTunnel, Out: 400_000_000, In: 400_000_000, Samples: 100,
		})
	}
}

func onContacts(change func(i int, c *rules.AllocationContact)) func(f *trafficOf) {
	return func(f *trafficOf) {
		for i := range f.contacts {
			change(i, &f.contacts[i])
		}
	}
}

func TestUnlicensedIPVPN(t *testing.T) {
	anew := func(days, offices int) func(f *trafficOf) {
		return func(f *trafficOf) {
			*f = trafficOf{books: f.books}
			weekOf(t, days, func(d registry.Date) { f.tunnel(d, offices) })
		}
	}
	all := func(change func(l *registry.Ledgers, i int)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			for i := range 12 {
				change(l, i)
			}
		}
	}
	runUse(t, rules.UnlicensedIPVPN(), customers, tunnels(t), append(standingCases(t, "B13", "ipvpn"), []useCase{
		{name: "seven enterprises", traffic: anew(7, 7)},
		{name: "eight enterprises", traffic: anew(7, 8), want: rules.Fires},
		{name: "two days", traffic: anew(2, 10)},
		{name: "three days", traffic: anew(3, 10), want: rules.Fires},
		{name: "sites of subsidiaries", change: all(func(l *registry.Ledgers, i int) { l.Enterprises[5+i].ParentID = "E1" })},
		{name: "sites of one other group", change: all(func(l *registry.Ledgers, i int) { l.Enterprises[5+i].ParentID = "E2" })},
		{name: "own sites", change: all(func(l *registry.Ledgers, i int) { l.Allocations[1+i].EnterpriseID = "E1" })},
		{name: "declared ends of the holder's line", change: all(func(l *registry.Ledgers, i int) {
			l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "L1", End: "z", Prefix: office(i), Kind: "office"})
		})},
		{name: "declared ends of others' lines", change: all(func(l *registry.Ledgers, i int) {
			id := l.Allocations[1].EnterpriseID
			l.Allocations = append(l.Allocations[:1], l.Allocations[2:]...)
			l.Lines = append(l.Lines, registry.Line{ID: "L" + id, EnterpriseID: id, Use: "enterprise"})
			l.LineEndpoints = append(l.LineEndpoints, registry.LineEndpoint{LineID: "L" + id, End: "a", Prefix: office(i), Kind: "office"})
		}), want: rules.Fires},
		{name: "dial-in from subscriber pools", change: all(func(l *registry.Ledgers, i int) { l.Allocations[1+i].Use = "subscriber_pool" })},
		{name: "dial-in from access networks", change: func(l *registry.Ledgers) {
			l.Allocations = l.Allocations[:1]
			l.Networks = []registry.Network{{Prefix: prefix("203.0.113.0/24"), Kind: "access"}}
		}},
		{name: "networks nobody knows", change: func(l *registry.Ledgers) { l.Allocations = l.Allocations[:1] }},
		{name: "knocking at tunnel ports", traffic: onContacts(func(_ int, c *rules.AllocationContact) { c.Out = 0 })},
		{name: "not by tunnels", traffic: onContacts(func(_ int, c *rules.AllocationContact) { c.Kind = rules.ContactOther })},
		{name: "each enterprise with a gateway of its own", traffic: onContacts(func(i int, c *rules.AllocationContact) { c.Address = nth(1 + i%10) })},
		{name: "few samples", traffic: onDays(func(_ int, d *rules.AllocationDay) { d.Samples = 71 }), want: rules.Withheld, reason: "low_samples"},
		{name: "few samples of tunnels", traffic: onContacts(func(_ int, c *rules.AllocationContact) { c.Samples = 1 }), want: rules.Withheld, reason: "low_samples"},
	}...))
}

func TestUnlicensedIPVPNFigures(t *testing.T) {
	f := tunnels(t)()
	f.books = heard(1)
	got := judge(t, rules.UnlicensedIPVPN(), customers(t), f, weekFrom, weekTo)[block]
	if got.Facts["enterprises"] != 10 || got.Facts["hub"] != nth(1).String() || got.Facts["tunnel_bytes_per_day"] != uint64(8_000_000_000) {
		t.Errorf("figures %v", got.Facts)
	}
}
