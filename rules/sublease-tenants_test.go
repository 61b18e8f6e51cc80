package rules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestSubleaseTenants(t *testing.T) {
	fires := []string{block}
	// on puts a site of the n-th customer on an address of the block.
	on := func(l *registry.Ledgers, n int) {
		id := fmt.Sprintf("C%02d", n)
		name := fmt.Sprintf("c%d.cn", n)
		l.ICPFilings = append(l.ICPFilings, registry.ICPFiling{No: "浙ICP备" + id, Domain: name, EnterpriseID: id, Status: "active", Valid: validity(t, "2020-01-01", "")})
		l.Domains = append(l.Domains, registry.Domain{Domain: "www." + name, Address: nth(20 + n), FirstSeen: day(t, "2026-01-01"), LastSeen: day(t, weekTo)})
	}
	// part cuts a /28 from the block for the n-th customer.
	part := func(l *registry.Ledgers, n int) {
		l.Allocations = append(l.Allocations, alloc(t, fmt.Sprintf("198.51.100.%d/28", 128+16*n), fmt.Sprintf("C%02d", n), block, "enterprise", "2021-01-01", ""))
	}
	access := func(l *registry.Ledgers, n int) {
		on(l, n)
		l.ICPAccesses = append(l.ICPAccesses, registry.ICPAccess{Domain: l.ICPFilings[len(l.ICPFilings)-1].Domain, Provider: "E1", Prefixes: []netip.Prefix{prefix(fmt.Sprintf("198.51.100.%d/32", 20+n))}})
		l.Domains = l.Domains[:len(l.Domains)-1]
	}
	each := func(n int, adds ...func(l *registry.Ledgers, n int)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			for i := range n {
				adds[i%len(adds)](l, i)
			}
		}
	}
	both := func(list ...func(l *registry.Ledgers)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			for _, f := range list {
				f(l)
			}
		}
	}
	holds := func(service string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			l.Licences = append(l.Licences, licence(t, "E1", service, "active", "2015-01-01", ""))
		}
	}
	for _, tt := range []struct {
		name         string
		change       func(l *registry.Ledgers)
		open, ceased []string
		withheld     bool
	}{
		{name: "two filed sites", change: each(2, on)},
		{name: "three filed sites", change: each(3, on), open: fires},
		{name: "two parts", change: each(2, part)},
		{name: "three parts", change: each(3, part), open: fires},
		{name: "by either kind", change: each(3, on, part, access), open: fires},
		{name: "filed accesses", change: each(3, access), open: fires},
		{name: "one and the same by two kinds", change: both(each(2, on), each(2, part))},
		{name: "licensed for hosting", change: both(each(3, on), holds("B11"))},
		{name: "licensed for access", change: both(each(3, part), holds("B14"))},
		{name: "content delivery of customers' sites", change: both(each(3, on), holds("B12"))},
		{name: "content delivery, but parts for others", change: both(each(3, part), holds("B12")), open: fires},
		{name: "subsidiaries", change: both(each(3, on), func(l *registry.Ledgers) {
			for i := range 12 {
				l.Enterprises[5+i].ParentID = "E1"
			}
		})},
		{name: "three of one other group", change: both(each(3, on), func(l *registry.Ledgers) {
			for i := range 12 {
				l.Enterprises[5+i].ParentID = "E2"
			}
		})},
		{name: "sites of individuals", change: both(each(3, on), func(l *registry.Ledgers) {
			for i := range 12 {
				l.Enterprises[5+i].Nature = "individual"
			}
		})},
		{name: "filings cancelled", change: both(each(3, on), func(l *registry.Ledgers) { l.ICPFilings[0].Status = "cancelled" })},
		{name: "seen until before", change: both(each(3, on), func(l *registry.Ledgers) { l.Domains[0].LastSeen = day(t, weekFrom) - 1 })},
		{name: "seen until the third day", change: both(each(3, on), func(l *registry.Ledgers) { l.Domains[0].LastSeen = day(t, weekFrom) + 2 }), ceased: fires},
		{name: "sites on blocks that were cut off", change: both(each(3, on), func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, "198.51.100.20/30", "E2", block, "enterprise", "2021-01-01", ""))
		}), open: []string{"198.51.100.20/30"}},
		{name: "one part filed for three", change: func(l *registry.Ledgers) {
			for i := range 3 {
				part(l, 1)
				l.Allocations[len(l.Allocations)-1].EnterpriseID = fmt.Sprintf("C%02d", i)
			}
		}},
		{name: "the carrier", change: both(each(3, part), func(l *registry.Ledgers) { l.Allocations[0].EnterpriseID = "CT" })},
		{name: "infrastructure", change: both(each(3, on), func(l *registry.Ledgers) { l.Allocations[0].Use = "infrastructure" })},
		{name: "licensed at an unknown place", change: both(each(3, on), holds("B11"), func(l *registry.Ledgers) { l.Licences[0].National = false }), withheld: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := customers(t)
			tt.change(l)
			got := expect(t, rules.SubleaseTenants(), l, weekFrom, weekTo, tt.open, tt.ceased)[block]
			if tt.withheld != (got.Outcome == rules.Withheld) {
				t.Errorf("outcome %v", got.Outcome)
			}
			if got.Outcome == rules.Fires {
				tells(t, got)
			}
		})
	}
}
