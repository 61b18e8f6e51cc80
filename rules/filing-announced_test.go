package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestFilingConflictByAnnouncement(t *testing.T) {
	c1 := rules.RouteSource{PeerAS: 64601, First: 64601}
	const block = "198.51.100.0/24"
	tests := []struct {
		name   string
		change func(l *registry.Ledgers)
		routes []rules.Announcement
		want   []string
	}{
		{name: "a network of another enterprise", want: []string{block}, routes: []rules.Announcement{announced(block, 64620, c1, allWeek(t))}},
		{name: "more specific", want: []string{block}, routes: []rules.Announcement{announced("198.51.100.0/26", 64620, c1, allWeek(t)), announced("198.51.100.64/26", 64620, c1, allWeek(t))}},
		{name: "a network of nobody known", routes: []rules.Announcement{announced(block, 65559, c1, allWeek(t))}},
		{name: "the holder and its group", routes: []rules.Announcement{announced(block, 64602, c1, allWeek(t)), announced(block, 64603, c1, allWeek(t))}},
		{name: "the carrier", routes: []rules.Announcement{announced(block, 0, rules.RouteSource{}, allWeek(t))}},
		{name: "the filed applicant", change: func(l *registry.Ledgers) {
			l.Broadcasts = []registry.Broadcast{{Prefix: prefix(block), Announcer: "CT", Applicant: "E2"}}
		}, routes: []rules.Announcement{announced(block, 64620, c1, allWeek(t))}},
		{name: "another than the filed applicant", want: []string{block}, change: func(l *registry.Ledgers) {
			l.Broadcasts = []registry.Broadcast{{Prefix: prefix(block), Announcer: "CT", Applicant: "E2"}}
		}, routes: []rules.Announcement{announced(block, 64640, c1, allWeek(t))}},
		{name: "23 hours", routes: []rules.Announcement{announced(block, 64620, c1, spanOf(t, "2026-03-02 00:00", 23))}},
		{name: "filed for two, announced by the later", want: []string{block}, change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, block, "E2", "", "idc", "2026-01-01", ""))
		}, routes: []rules.Announcement{announced(block, 64620, c1, allWeek(t))}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := peering(t)
			if tt.change != nil {
				tt.change(l)
			}
			firesAbout(t, rules.FilingConflict(), l, &toldRoutes{announced: tt.routes}, tt.want...)
		})
	}
}

// TestFilingConflictOfBothKinds tells of the overlap and of the announcement in
// one finding.
func TestFilingConflictOfBothKinds(t *testing.T) {
	l := peering(t)
	l.Allocations = append(l.Allocations, alloc(t, "198.51.100.0/25", "E2", "", "idc", "2026-01-01", ""))
	routes := &toldRoutes{announced: []rules.Announcement{announced("198.51.100.0/26", 64640, rules.RouteSource{PeerAS: 64601, First: 64601}, allWeek(t))}}
	got := firesAbout(t, rules.FilingConflict(), l, routes, "198.51.100.0/25")["198.51.100.0/25"]
	if got.Facts["other_holder"] != "E1" || got.Facts["origin_holder"] != "E4" {
		t.Errorf("got %v", got.Facts)
	}
}
