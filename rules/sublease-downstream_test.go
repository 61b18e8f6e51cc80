package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestSubleaseDownstream(t *testing.T) {
	c1 := rules.RouteSource{PeerAS: 64601, First: 64601}
	transit := rules.RouteSource{PeerAS: 64630, First: 64630}
	file := func(up, down uint32, from, to string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			l.Downstreams = []registry.Downstream{{UpstreamASN: up, DownstreamASN: down, Valid: validity(t, from, to)}}
		}
	}
	tests := []struct {
		name   string
		change func(l *registry.Ledgers)
		next   []rules.Adjacency
		want   []string
	}{
		{name: "a network of nobody known", want: []string{"65559"}, next: []rules.Adjacency{stoodBehind(64601, 65559, c1, allWeek(t))}},
		{name: "another customer", want: []string{"64620"}, next: []rules.Adjacency{stoodBehind(64601, 64620, c1, allWeek(t))}},
		{name: "told by a route reflector of ours", want: []string{"65559"}, next: []rules.Adjacency{stoodBehind(64601, 65559, rules.RouteSource{First: 64601}, allWeek(t))}},
		{name: "behind a second network of the customer", want: []string{"65559"}, next: []rules.Adjacency{stoodBehind(64602, 65559, c1, allWeek(t))}},
		{name: "behind two networks, each too short", next: []rules.Adjacency{stoodBehind(64601, 65559, c1, spanOf(t, "2026-03-02 00:00", 20)), stoodBehind(64602, 65559, c1, spanOf(t, "2026-03-02 00:00", 20))}},
		{name: "its own second network", next: []rules.Adjacency{stoodBehind(64601, 64602, c1, allWeek(t))}},
		{name: "its subsidiary", next: []rules.Adjacency{stoodBehind(64601, 64603, c1, allWeek(t))}},
		{name: "filed", change: file(64601, 65559, "", ""), next: []rules.Adjacency{stoodBehind(64601, 65559, c1, allWeek(t))}},
		{name: "filed behind another network of the customer", change: file(64602, 65559, "", ""), next: []rules.Adjacency{stoodBehind(64601, 65559, c1, allWeek(t))}},
		{name: "filed behind somebody else", want: []string{"65559"}, change: file(64620, 65559, "", ""), next: []rules.Adjacency{stoodBehind(64601, 65559, c1, allWeek(t))}},
		{name: "filed the wrong way round", want: []string{"64620"}, change: file(64620, 64601, "", ""), next: []rules.Adjacency{stoodBehind(64601, 64620, c1, allWeek(t))}},
		{name: "filed from Wednesday on", want: []string{"65559"}, change: file(64601, 65559, "2026-03-04", ""), next: []rules.Adjacency{stoodBehind(64601, 65559, c1, allWeek(t))}},
		{name: "seen when it was filed", change: file(64601, 65559, "2026-03-04", ""), next: []rules.Adjacency{stoodBehind(64601, 65559, c1, spanOf(t, "2026-03-03 12:00", 100))}},
		{name: "learned from transit", next: []rules.Adjacency{stoodBehind(64601, 65559, transit, allWeek(t))}},
		{name: "learned from another customer", next: []rules.Adjacency{stoodBehind(64601, 65559, rules.RouteSource{PeerAS: 64620, First: 64620}, allWeek(t))}},
		{name: "a leak of 23 hours", next: []rules.Adjacency{stoodBehind(64601, 65559, c1, spanOf(t, "2026-03-03 00:00", 23))}},
		{
			name: "24 hours over two sessions", want: []string{"65559"},
			next: []rules.Adjacency{
				stoodBehind(64601, 65559, c1, spanOf(t, "2026-03-03 00:00", 12)), stoodBehind(64601, 65559, rules.RouteSource{First: 64601}, spanOf(t, "2026-03-06 00:00", 12)),
			},
		},
		{name: "before it", next: []rules.Adjacency{stoodBefore(64601, 65559, c1, allWeek(t))}},
		{name: "no customer any more", change: func(l *registry.Ledgers) { l.Lines[0].Valid = validity(t, "", "2026-03-02") }, next: []rules.Adjacency{stoodBehind(64601, 65559, c1, spanOf(t, "2026-03-02 12:00", 100))}},
		{
			name: "a line that leads to a peer",
			change: func(l *registry.Ledgers) {
				l.Interfaces = []registry.Interface{{Exporter: toldRouter, IfIndex: 1, Role: "peer", LineID: "L1"}}
			},
			next: []rules.Adjacency{stoodBehind(64601, 65559, c1, allWeek(t))},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := peering(t)
			if tt.change != nil {
				tt.change(l)
			}
			firesAbout(t, rules.SubleaseDownstream(), l, &toldRoutes{next: tt.next}, tt.want...)
		})
	}
}

// TestSubleaseDownstreamBehindTwo reports one network behind two customers once,
// about the customer it was behind longest.
func TestSubleaseDownstreamBehindTwo(t *testing.T) {
	got := firesAbout(t, rules.SubleaseDownstream(), peering(t), &toldRoutes{next: []rules.Adjacency{
		stoodBehind(64601, 65559, rules.RouteSource{PeerAS: 64601, First: 64601}, spanOf(t, "2026-03-02 00:00", 30)),
		stoodBehind(64620, 65559, rules.RouteSource{PeerAS: 64620, First: 64620}, spanOf(t, "2026-03-02 00:00", 48)),
		stoodBehind(64620, 64999, rules.RouteSource{PeerAS: 64620, First: 64620}, spanOf(t, "2026-03-02 00:00", 48)),
	}}, "64999", "65559")
	j := got["65559"]
	if j.Facts["customer"] != "E2" || j.Facts["hours"] != 48.0 || j.Holder == nil || j.Holder.EnterpriseID != "E2" || j.Severity != rules.High {
		t.Errorf("got %v about %+v", j.Facts, j.Holder)
	}
	if private := got["64999"]; private.Severity != rules.Low || private.Confidence >= j.Confidence {
		t.Errorf("a private number: severity %s, confidence %v", private.Severity, private.Confidence)
	}
}
