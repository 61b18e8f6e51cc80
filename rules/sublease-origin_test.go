package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestSubleaseOrigin(t *testing.T) {
	c1 := rules.RouteSource{PeerAS: 64601, First: 64601}
	tests := []struct {
		name   string
		change func(l *registry.Ledgers)
		routes []rules.Announcement
		want   []string
	}{
		{name: "a network of nobody known", want: []string{"198.51.100.0/25"}, routes: []rules.Announcement{announced("198.51.100.0/25", 65559, c1, allWeek(t))}},
		{name: "a network of another customer", want: []string{"198.51.100.0/24"}, routes: []rules.Announcement{announced("198.51.100.0/24", 64620, c1, allWeek(t))}},
		{name: "learned from a peer", want: []string{"198.51.100.0/25"}, routes: []rules.Announcement{announced("198.51.100.0/25", 65559, rules.RouteSource{PeerAS: 64630, First: 64630}, allWeek(t))}},
		{name: "the holder", routes: []rules.Announcement{announced("198.51.100.0/24", 64602, c1, allWeek(t))}},
		{name: "a sibling of the holder", routes: []rules.Announcement{announced("198.51.100.0/25", 64603, c1, allWeek(t))}},
		{name: "the carrier", routes: []rules.Announcement{announced("198.51.100.0/24", 0, rules.RouteSource{}, allWeek(t)), announced("198.51.100.0/24", 64500, c1, allWeek(t))}},
		{
			name: "the holder of a covering allocation",
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, alloc(t, "198.51.100.0/26", "E2", "198.51.100.0/24", "idc", "", ""))
			},
			routes: []rules.Announcement{announced("198.51.100.0/26", 64601, c1, allWeek(t)), announced("198.51.100.0/26", 64620, c1, allWeek(t))},
		},
		{
			name: "a filed announcer and applicant, as for anycast",
			change: func(l *registry.Ledgers) {
				l.Broadcasts = []registry.Broadcast{{Prefix: prefix("198.51.100.0/24"), Announcer: "E3", Applicant: "E2"}}
			},
			routes: []rules.Announcement{announced("198.51.100.0/24", 64630, c1, allWeek(t)), announced("198.51.100.0/24", 64620, c1, allWeek(t))},
		},
		{
			name: "an announcement filed until Wednesday", want: []string{"198.51.100.0/24"},
			change: func(l *registry.Ledgers) {
				l.Broadcasts = []registry.Broadcast{{Prefix: prefix("198.51.100.0/24"), Announcer: "CT", Applicant: "E2", Valid: validity(t, "", "2026-03-04")}}
			},
			routes: []rules.Announcement{announced("198.51.100.0/24", 64620, c1, allWeek(t))},
		},
		{
			name: "an announcement filed but for 12 hours",
			change: func(l *registry.Ledgers) {
				l.Broadcasts = []registry.Broadcast{{Prefix: prefix("198.51.100.0/24"), Announcer: "CT", Applicant: "E2", Valid: validity(t, "", "2026-03-04")}}
			},
			routes: []rules.Announcement{announced("198.51.100.0/24", 64620, c1, spanOf(t, "2026-03-02 00:00", 3*24+12))},
		},
		{name: "a leak of 23 hours", routes: []rules.Announcement{announced("198.51.100.0/25", 65559, c1, spanOf(t, "2026-03-03 00:00", 23))}},
		{name: "24 hours over two days", want: []string{"198.51.100.0/25"}, routes: []rules.Announcement{announced("198.51.100.0/25", 65559, c1, spanOf(t, "2026-03-03 10:00", 12), spanOf(t, "2026-03-05 10:00", 12))}},
		{
			name: "24 hours over two sessions", want: []string{"198.51.100.0/25"},
			routes: []rules.Announcement{
				announced("198.51.100.0/25", 65559, c1, spanOf(t, "2026-03-03 00:00", 13)),
				announced("198.51.100.0/25", 65559, rules.RouteSource{PeerAS: 64630, First: 64630}, spanOf(t, "2026-03-03 12:00", 12)),
			},
		},
		{
			name: "two sessions at once are no more than one",
			routes: []rules.Announcement{
				announced("198.51.100.0/25", 65559, c1, spanOf(t, "2026-03-03 00:00", 13)),
				announced("198.51.100.0/25", 65559, rules.RouteSource{PeerAS: 64630, First: 64630}, spanOf(t, "2026-03-03 01:00", 13)),
			},
		},
		{name: "before the span", routes: []rules.Announcement{announced("198.51.100.0/25", 65559, c1, spanOf(t, "2026-02-25 00:00", 5*24+12))}},
		{name: "wider than ours", routes: []rules.Announcement{announced("198.51.0.0/16", 65559, c1, allWeek(t))}},
		{
			name:   "not ours any more",
			change: func(l *registry.Ledgers) { l.Allocations[0].Valid = validity(t, "", "2026-03-02") },
			routes: []rules.Announcement{announced("198.51.100.0/25", 65559, c1, spanOf(t, "2026-03-02 06:00", 6*24))},
		},
		{
			name: "a network that changed hands", want: []string{"198.51.100.0/24"},
			change: func(l *registry.Ledgers) {
				l.ASNs = append(l.ASNs, registry.ASN{ASN: 64650, EnterpriseID: "E1", Valid: validity(t, "", "2026-03-05")},
					registry.ASN{ASN: 64650, EnterpriseID: "E2", Valid: validity(t, "2026-03-06", "")})
			},
			routes: []rules.Announcement{announced("198.51.100.0/24", 64650, c1, allWeek(t))},
		},
		{name: "a member of a set", routes: []rules.Announcement{func() rules.Announcement {
			a := announced("198.51.100.0/24", 65559, c1, allWeek(t))
			a.SetOnly = true
			return a
		}()}},
		{
			name: "space of the private blocks",
			change: func(l *registry.Ledgers) {
				l.Allocations = append(l.Allocations, alloc(t, "10.0.0.0/8", "E1", "", "enterprise", "", ""))
			},
			routes: []rules.Announcement{announced("10.1.0.0/16", 65559, c1, allWeek(t))},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := peering(t)
			if tt.change != nil {
				tt.change(l)
			}
			firesAbout(t, rules.SubleaseOrigin(), l, &toldRoutes{announced: tt.routes}, tt.want...)
		})
	}
}

func TestSubleaseOriginSaysWho(t *testing.T) {
	l := peering(t)
	l.ASNs = append(l.ASNs, registry.ASN{ASN: 4200000007, EnterpriseID: "E2"})
	c1 := rules.RouteSource{PeerAS: 64601, First: 64601}
	routes := &toldRoutes{announced: []rules.Announcement{
		announced("198.51.100.0/26", 65550, c1, allWeek(t)),
		announced("198.51.100.64/26", 64620, c1, allWeek(t)),
		announced("198.51.100.128/26", 64999, c1, allWeek(t)),
		announced("198.51.100.192/26", 4200000007, c1, allWeek(t)),
	}}
	got := firesAbout(t, rules.SubleaseOrigin(), l, routes, "198.51.100.0/26", "198.51.100.128/26", "198.51.100.192/26", "198.51.100.64/26")
	for id, want := range map[string]rules.Severity{
		"198.51.100.0/26": rules.Medium, "198.51.100.64/26": rules.High,
		"198.51.100.128/26": rules.Low, // a private number that nobody filed
		"198.51.100.192/26": rules.High,
	} {
		if j := got[id]; j.Severity != want || j.subject.Name != "甲公司" || j.Facts["hours"] != 168.0 {
			t.Errorf("%s: severity %s of %s: %v", id, j.Severity, j.subject.Name, j.Facts)
		}
	}
	if got := judgeRoutes(t, rules.SubleaseOrigin(), l, routes, map[string]float64{"private_asns": 0})["198.51.100.128/26"]; got.Outcome != rules.Clear {
		t.Errorf("a private number that is set aside: %v", got.Outcome)
	}
}
