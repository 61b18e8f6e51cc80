package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestIllegalUpstream(t *testing.T) {
	transit := rules.RouteSource{PeerAS: 64630, First: 64630}
	licensed := func(enterprise, service, status, from, to string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			l.Licences = append(l.Licences, licence(t, enterprise, service, status, from, to))
		}
	}
	abroad := func(asn uint32, countries ...string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			for i, c := range countries {
				l.Networks = append(l.Networks, registry.Network{Prefix: prefix([]string{"203.0.113.0/24", "192.0.2.0/24"}[i]), Country: c, ASN: asn})
			}
		}
	}
	tests := []struct {
		name   string
		change []func(l *registry.Ledgers)
		next   []rules.Adjacency
		want   []string
	}{
		{name: "a known enterprise without a licence", want: []string{"64620"}, next: []rules.Adjacency{stoodBefore(64601, 64620, transit, allWeek(t))}},
		{name: "in no ledger", want: []string{"65559"}, next: []rules.Adjacency{stoodBefore(64601, 65559, transit, allWeek(t))}},
		{name: "told by a route reflector of ours", want: []string{"65559"}, next: []rules.Adjacency{stoodBefore(64601, 65559, rules.RouteSource{First: 64630}, allWeek(t))}},
		{name: "the upstream is our peer itself", want: []string{"65559"}, next: []rules.Adjacency{stoodBefore(64601, 65559, rules.RouteSource{PeerAS: 65559, First: 65559}, allWeek(t))}},
		{name: "a licensed carrier", change: []func(*registry.Ledgers){licensed("E3", "A14-4", "active", "", "")}, next: []rules.Adjacency{stoodBefore(64601, 64630, transit, allWeek(t))}},
		{name: "a licensed access provider", change: []func(*registry.Ledgers){licensed("E2", "B14", "active", "", "")}, next: []rules.Adjacency{stoodBefore(64601, 64620, transit, allWeek(t))}},
		{name: "licensed for something else", want: []string{"64620"}, change: []func(*registry.Ledgers){licensed("E2", "B11", "active", "", "")}, next: []rules.Adjacency{stoodBefore(64601, 64620, transit, allWeek(t))}},
		{name: "a licence that was revoked", want: []string{"64620"}, change: []func(*registry.Ledgers){licensed("E2", "B14", "revoked", "", "")}, next: []rules.Adjacency{stoodBefore(64601, 64620, transit, allWeek(t))}},
		{name: "a licence that ends on Tuesday", want: []string{"64620"}, change: []func(*registry.Ledgers){licensed("E2", "B14", "active", "", "2026-03-03")}, next: []rules.Adjacency{stoodBefore(64601, 64620, transit, allWeek(t))}},
		{name: "gone when the licence ended", change: []func(*registry.Ledgers){licensed("E2", "B14", "active", "", "2026-03-03")}, next: []rules.Adjacency{stoodBefore(64601, 64620, transit, spanOf(t, "2026-03-02 00:00", 60))}},
		{name: "a sibling", next: []rules.Adjacency{stoodBefore(64601, 64603, transit, allWeek(t))}},
		{name: "in no ledger, registered abroad", change: []func(*registry.Ledgers){abroad(65559, "HK")}, next: []rules.Adjacency{stoodBefore(64601, 65559, transit, allWeek(t))}},
		{name: "in no ledger, at home and abroad", want: []string{"65559"}, change: []func(*registry.Ledgers){abroad(65559, "HK", "CN")}, next: []rules.Adjacency{stoodBefore(64601, 65559, transit, allWeek(t))}},
		{
			name: "the foreign leg of a filed overseas line",
			change: []func(*registry.Ledgers){func(l *registry.Ledgers) {
				l.Lines = append(l.Lines, registry.Line{ID: "I1", EnterpriseID: "E1", Scope: "international", Use: "enterprise", ZCountry: "HK"})
			}},
			next: []rules.Adjacency{stoodBefore(64601, 64640, transit, allWeek(t))},
		},
		{name: "a foreign one without an overseas line", want: []string{"64640"}, next: []rules.Adjacency{stoodBefore(64601, 64640, transit, allWeek(t))}},
		{name: "learned from the customer", next: []rules.Adjacency{stoodBefore(64601, 65559, rules.RouteSource{PeerAS: 64601, First: 65559}, allWeek(t))}},
		{name: "learned from another customer", next: []rules.Adjacency{stoodBefore(64601, 64620, rules.RouteSource{PeerAS: 64620, First: 64620}, allWeek(t))}},
		{name: "behind it", next: []rules.Adjacency{stoodBehind(64601, 65559, transit, allWeek(t))}},
		{name: "23 hours", next: []rules.Adjacency{stoodBefore(64601, 65559, transit, spanOf(t, "2026-03-03 00:00", 23))}},
		{name: "a customer that provides nothing", next: []rules.Adjacency{stoodBefore(64620, 65559, transit, allWeek(t))}},
		{name: "a customer that is licensed to provide", want: []string{"65559"}, change: []func(*registry.Ledgers){licensed("E2", "B12", "active", "", "")}, next: []rules.Adjacency{stoodBefore(64620, 65559, transit, allWeek(t))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := peering(t)
			for _, change := range tt.change {
				change(l)
			}
			firesAbout(t, rules.IllegalUpstream(), l, &toldRoutes{next: tt.next}, tt.want...)
		})
	}
}
