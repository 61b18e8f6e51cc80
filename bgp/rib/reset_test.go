package rib

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// diary is a sink that writes down what it is told.
type diary struct{ lines []string }

func (d *diary) Change(c *Change) {
	d.lines = append(d.lines, fmt.Sprintf("%v %v old=%v new=%v at %d", c.Prefix, c.Reason, originText(c.Old), originText(c.New), c.Time.Unix()))
}

func (d *diary) PeerChange(c *PeerChange) {
	d.lines = append(d.lines, fmt.Sprintf("peer %d family %d at %d", c.Kind, c.Family, c.Time.Unix()))
}

func originText(a *Attributes) string {
	if a == nil {
		return "-"
	}
	return a.Path.String()
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(d.lines, want) {
		t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(d.lines, "\n\t"), strings.Join(want, "\n\t"))
	}
	d.lines = nil
}

// TestTransitions walks one peer through every state, and reads what lookups
// and the sink are told.
func TestTransitions(t *testing.T) {
	d := new(diary)
	r := newRIB(t, d)
	key, second := peerKey(1), int64(0)
	step := func(e *bgp.Event) {
		t.Helper()
		second++
		e.Peer, e.Time = key, time.Unix(second, 0)
		apply(t, r, e, nil)
	}
	kind := func(k bgp.EventKind, f bgp.Family) *bgp.Event { return &bgp.Event{Kind: k, Family: f, PeerAS: 65000} }
	state := func(want PeerState, v4, v6 string) {
		t.Helper()
		if got := r.Peers()[0].State; got != want {
			t.Errorf("state %v, want %v", got, want)
		}
		for addr, want := range map[string]string{"192.0.2.1": v4, "2001:db8::1": v6} {
			got := "-"
			if a, ok := r.Lookup(Query{Addr: netip.MustParseAddr(addr)}); ok {
				if got = a.Attributes.Path.String(); a.Stale {
					got += " stale"
				}
			}
			if got != want {
				t.Errorf("%s: %s, want %s", addr, got, want)
			}
		}
	}
	const v4, v6 = "192.0.2.0/24", "2001:db8::/32"

	step(kind(bgp.PeerUp, 0))
	step(announce(key, v4, 1))
	step(announce(key, v4, 1))
	step(announce(key, v6, 1))
	step(announce(key, v4, 2))
	state(Up, "2", "1")
	d.expect(t, "peer 3 family 0 at 1", v4+" announced old=- new=1 at 2", v6+" announced old=- new=1 at 4", v4+" announced old=1 new=2 at 5")

	step(kind(bgp.EndOfRIB, bgp.FamilyIPv4))
	if p := r.Peers()[0]; p.Synced != [2]bool{true, false} || p.Announced != 3 || p.Unchanged != 1 {
		t.Errorf("%+v", p)
	}
	d.expect(t, "peer 2 family 1 at 6")

	// A restart: stale routes answer, a repeated one is fresh again, the rest of a family goes at its end.
	step(kind(bgp.PeerStale, 0))
	state(Stale, "2 stale", "1 stale")
	step(kind(bgp.EndOfRIB, bgp.FamilyVPNv4))
	step(kind(bgp.PeerUp, 0))
	state(Up, "2 stale", "1 stale")
	step(announce(key, v4, 2))
	state(Up, "2", "1 stale")
	step(kind(bgp.EndOfRIB, bgp.FamilyIPv4))
	state(Up, "2", "1 stale")
	d.expect(t, "peer 5 family 0 at 7", "peer 2 family 3 at 8", "peer 3 family 0 at 9", "peer 2 family 1 at 11")
	step(kind(bgp.EndOfRIB, bgp.FamilyIPv6))
	state(Up, "2", "-")
	r.Sweep()
	d.expect(t, "peer 2 family 2 at 12", v6+" not renewed old=1 new=- at 12")

	// A second restart before the end of the first.
	step(announce(key, v6, 3))
	step(kind(bgp.PeerStale, 0))
	step(kind(bgp.PeerUp, 0))
	step(announce(key, v4, 2))
	step(kind(bgp.PeerStale, 0))
	state(Stale, "2 stale", "-")
	r.Sweep()
	d.expect(t, v6+" announced old=- new=3 at 13", "peer 5 family 0 at 14", "peer 3 family 0 at 15", "peer 5 family 0 at 17",
		v6+" stale time over old=3 new=- at 17")

	// A withdrawal of a stale route by the new session, and a changed one.
	step(kind(bgp.PeerUp, 0))
	step(announce(key, v4, 4))
	step(&bgp.Event{Kind: bgp.Withdraw, Route: bgp.Route{Prefix: netip.MustParsePrefix(v4)}})
	state(Up, "-", "-")
	d.expect(t, "peer 3 family 0 at 18", v4+" announced old=2 new=4 at 19", v4+" withdrawn old=4 new=- at 20")

	// A loss; the route comes back before it was swept, and is told lost first.
	step(announce(key, v4, 5))
	step(kind(bgp.PeerDown, 0))
	state(Down, "-", "-")
	step(kind(bgp.PeerUp, 0))
	step(announce(key, v4, 5))
	state(Up, "5", "-")
	d.expect(t, v4+" announced old=- new=5 at 21", "peer 4 family 0 at 22", "peer 3 family 0 at 23",
		v4+" session lost old=5 new=- at 22", v4+" announced old=- new=5 at 24")

	// A session begins anew although nobody told the end of the old one.
	step(kind(bgp.PeerUp, 0))
	state(Up, "-", "-")
	r.Sweep()
	d.expect(t, "peer 3 family 0 at 25", v4+" session lost old=5 new=- at 25")

	// Events of an unknown peer make no peer, but for announcements.
	key = peerKey(2)
	step(kind(bgp.PeerDown, 0))
	step(kind(bgp.EndOfRIB, bgp.FamilyIPv4))
	step(&bgp.Event{Kind: bgp.Withdraw, Route: bgp.Route{Prefix: netip.MustParsePrefix(v4)}})
	d.expect(t)
	if s := r.Stats(); s.Unplaced != 3 || len(r.Peers()) != 1 {
		t.Errorf("%+v", s)
	}
}

// TestNotKept ends what a peer does not keep over its restart: the speaker tells
// so by the end of that family's table while the peer is away (RFC 4724 section 4.2).
func TestNotKept(t *testing.T) {
	const v4, v6 = "192.0.2.0/24", "2001:db8::/32"
	d := new(diary)
	r := newRIB(t, d)
	key := peerKey(1)
	apply(t, r, announce(key, v4, 1), nil)
	apply(t, r, announce(key, v6, 1), nil)
	apply(t, r, &bgp.Event{Kind: bgp.PeerStale, Peer: key}, nil)
	apply(t, r, &bgp.Event{Kind: bgp.EndOfRIB, Peer: key, Family: bgp.FamilyIPv6}, nil)
	if _, ok := r.Lookup(Query{Addr: netip.MustParseAddr("2001:db8::1")}); ok {
		t.Error("a route of the family that is not kept answers")
	}
	if a, ok := r.Lookup(Query{Addr: netip.MustParseAddr("192.0.2.1")}); !ok || !a.Stale {
		t.Errorf("a route of the family that is kept: %+v %t", a, ok)
	}
	r.Sweep()
	if p := r.Peers()[0]; p.State != Stale || p.Routes != [2]int64{1, 0} || p.Synced != [2]bool{} {
		t.Errorf("the peer is %+v", p)
	}
	apply(t, r, &bgp.Event{Kind: bgp.EndOfRIB, Peer: key, Family: bgp.FamilyIPv4}, nil)
	r.Sweep()
	if p := r.Peers()[0]; p.State != Down || p.Routes != [2]int64{} {
		t.Errorf("a peer without stale routes is %+v", p)
	}
}

// TestRun proves that stale routes end in time, that lost ones are swept, and
// that Run ends with its context.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := new(diary)
		r := newRIB(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			r.Run(ctx)
			close(done)
		}()
		synctest.Wait()
		apply(t, r, announce(peerKey(1), "192.0.2.0/24", 1), nil)
		apply(t, r, announce(peerKey(2), "192.0.2.0/24", 2), nil)
		apply(t, r, &bgp.Event{Kind: bgp.PeerStale, Peer: peerKey(1)}, nil)
		apply(t, r, &bgp.Event{Kind: bgp.PeerDown, Peer: peerKey(2)}, nil)
		synctest.Wait()
		if s := r.Stats(); s.Routes != 1 || s.Dead != 0 {
			t.Errorf("after a loss: %+v", s)
		}
		time.Sleep(DefaultConfig().StaleTime - time.Second)
		if a, ok := r.Lookup(Query{Addr: netip.MustParseAddr("192.0.2.1")}); !ok || !a.Stale {
			t.Errorf("before the stale time is over: %+v %t", a, ok)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := r.Stats(); s.Routes != 0 || r.Peers()[0].State != Down {
			t.Errorf("after the stale time: %+v, %v", s, r.Peers()[0].State)
		}
		cancel()
		<-done
	})
}

// TestSweepStops proves that a sweep that is cut short is taken up again.
func TestSweepStops(t *testing.T) {
	w := newWorld(5000, 1000)
	oracle := newSlow(t)
	r := newRIB(t, oracle)
	fill(t, r, w, 0)
	apply(t, r, &bgp.Event{Kind: bgp.PeerDown, Peer: peerKey(0)}, nil)
	stop := make(chan struct{})
	close(stop)
	r.sweep(stop)
	if s := r.Stats(); s.Dead != 1 || s.Routes != 6000 {
		t.Errorf("%+v", s)
	}
	r.Sweep()
	if s := r.Stats(); s.Dead != 0 || s.Routes != 0 || len(oracle.told) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSlices proves that a sweep gives the table free between slices, and that
// writes in between are neither lost nor swept.
func TestSlices(t *testing.T) {
	w := newWorld(20_000, 0)
	r := newRIB(t, newSlow(t))
	fill(t, r, w, 0)
	fill(t, r, w, 1)
	apply(t, r, &bgp.Event{Kind: bgp.PeerDown, Peer: peerKey(1)}, nil)
	table := r.global[0]
	var c cursor[path]
	slices, i := 0, 0
	for more := true; more; slices++ {
		before := r.Stats().Routes
		more = table.sweepSlice(&c, sliceLength)
		if freed := before - r.Stats().Routes; freed > 2*sliceLength {
			t.Fatalf("a slice freed %d routes", freed)
		}
		// Another peer comes and goes everywhere meanwhile, so that nodes come and go.
		for range 200 {
			e := announce(peerKey(2), "0.0.0.0/0", 1)
			e.Route.Prefix = w.v4[i*7919%len(w.v4)]
			apply(t, r, e, nil)
			e.Kind = bgp.Withdraw
			apply(t, r, e, nil)
			e.Peer = peerKey(0)
			apply(t, r, e, nil)
			i++
		}
	}
	if slices < 20 {
		t.Errorf("only %d slices", slices)
	}
	if n := r.Peers()[1].Routes[0]; n != 0 {
		t.Errorf("%d routes were not swept", n)
	}
}

// TestEndsOfOtherTables hears the end of a VPN table, which says nothing of
// stale unicast routes.
func TestEndsOfOtherTables(t *testing.T) {
	r := newRIB(t, nil)
	key := peerKey(1)
	second := int64(0)
	step := func(kind bgp.EventKind, family bgp.Family, prefix string) {
		t.Helper()
		second++
		e := &bgp.Event{Kind: kind, Family: family, Peer: key, PeerAS: 65000, Time: time.Unix(second, 0)}
		if prefix != "" {
			e.Route = bgp.Route{Prefix: netip.MustParsePrefix(prefix), Path: bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{65000}}}}
		}
		apply(t, r, e, nil)
	}
	known := func(v4, v6 bool) {
		t.Helper()
		for addr, want := range map[string]bool{"192.0.2.1": v4, "2001:db8::1": v6} {
			if _, ok := r.Lookup(Query{Addr: netip.MustParseAddr(addr)}); ok != want {
				t.Errorf("%s is known: %t", addr, ok)
			}
		}
	}
	step(bgp.PeerUp, bgp.FamilyNone, "")
	step(bgp.Announce, bgp.FamilyIPv4, "192.0.2.0/24")
	step(bgp.Announce, bgp.FamilyIPv6, "2001:db8::/32")
	step(bgp.PeerStale, bgp.FamilyNone, "")
	step(bgp.PeerUp, bgp.FamilyNone, "")
	step(bgp.EndOfRIB, bgp.FamilyVPNv4, "")
	step(bgp.EndOfRIB, bgp.FamilyVPNv6, "")
	known(true, true)
	step(bgp.EndOfRIB, bgp.FamilyIPv4, "")
	known(false, true)
}
