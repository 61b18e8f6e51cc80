package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestFilingUnreported(t *testing.T) {
	c1 := rules.RouteSource{PeerAS: 64601, First: 64601}
	tests := []struct {
		name   string
		change func(l *registry.Ledgers)
		routes []rules.Announcement
		want   []string
	}{
		{name: "filed for nobody", want: []string{"198.51.102.0/24"}, routes: []rules.Announcement{announced("198.51.102.0/24", 65559, c1, allWeek(t))}},
		{name: "filed for nobody, announced by us", want: []string{"198.51.102.0/24"}, routes: []rules.Announcement{announced("198.51.102.0/24", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "by two in turn", want: []string{"198.51.102.0/24"}, routes: []rules.Announcement{announced("198.51.102.0/24", 65559, c1, spanOf(t, "2026-03-02 00:00", 12)), announced("198.51.102.0/24", 64602, c1, spanOf(t, "2026-03-02 12:00", 12))}},
		{name: "allocated", routes: []rules.Announcement{announced("198.51.100.0/24", 64601, c1, allWeek(t))}},
		{name: "a more specific of the same holder", routes: []rules.Announcement{announced("198.51.100.0/26", 64601, c1, allWeek(t))}},
		{name: "a filed announcement", change: func(l *registry.Ledgers) {
			l.Broadcasts = []registry.Broadcast{{Prefix: prefix("198.51.102.0/23"), Announcer: "CT", Applicant: "E2"}}
		}, routes: []rules.Announcement{announced("198.51.102.0/24", 64620, c1, allWeek(t))}},
		{name: "infrastructure", change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, "198.51.102.0/24", "CT", "", "infrastructure", "", ""))
		}, routes: []rules.Announcement{announced("198.51.102.7/32", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "reserved", change: func(l *registry.Ledgers) {
			l.Sources = append(l.Sources, registry.SourceBlock{Prefix: prefix("10.0.0.0/8")})
		}, routes: []rules.Announcement{announced("10.1.0.0/16", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "the source block itself", routes: []rules.Announcement{announced("198.51.0.0/16", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "a source block inside another", change: func(l *registry.Ledgers) {
			l.Sources = append(l.Sources, registry.SourceBlock{Prefix: prefix("198.51.96.0/19")})
		}, routes: []rules.Announcement{announced("198.51.96.0/19", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "an aggregate of allocations", routes: []rules.Announcement{announced("198.51.100.0/23", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "an aggregate with a hole", want: []string{"198.51.100.0/22"}, change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, "198.51.103.0/24", "E1", "", "idc", "", ""))
		}, routes: []rules.Announcement{announced("198.51.100.0/22", 0, rules.RouteSource{}, allWeek(t))}},
		{name: "outside our blocks", routes: []rules.Announcement{announced("203.0.113.0/24", 65559, c1, allWeek(t))}},
		{name: "23 hours", routes: []rules.Announcement{announced("198.51.102.0/24", 65559, c1, spanOf(t, "2026-03-02 00:00", 23))}},
		{name: "filed in time", change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, "198.51.102.0/24", "E1", "", "idc", "2026-03-03", ""))
		}, routes: []rules.Announcement{announced("198.51.102.0/24", 64601, c1, spanOf(t, "2026-03-02 12:00", 100))}},
		{name: "filed late", want: []string{"198.51.102.0/24"}, change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, "198.51.102.0/24", "E1", "", "idc", "2026-03-04", ""))
		}, routes: []rules.Announcement{announced("198.51.102.0/24", 64601, c1, allWeek(t))}},
		{name: "a block obtained later", change: func(l *registry.Ledgers) { l.Sources[0].ObtainedOn = day(t, "2026-03-20") }, routes: []rules.Announcement{announced("198.51.102.0/24", 65559, c1, allWeek(t))}},
		{name: "IPv6", want: []string{"2001:db8:5::/48"}, change: func(l *registry.Ledgers) {
			l.Sources = append(l.Sources, registry.SourceBlock{Prefix: prefix("2001:db8::/32")})
		}, routes: []rules.Announcement{announced("2001:db8:5::/48", 0, rules.RouteSource{}, allWeek(t))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := peering(t)
			l.Sources = []registry.SourceBlock{{Prefix: prefix("198.51.0.0/16")}}
			if tt.change != nil {
				tt.change(l)
			}
			firesAbout(t, rules.FilingUnreported(), l, &toldRoutes{announced: tt.routes}, tt.want...)
		})
	}
}
