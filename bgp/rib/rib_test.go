package rib

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

func announce(peer bgp.PeerKey, prefix string, asns ...uint32) *bgp.Event {
	return &bgp.Event{
		Kind: bgp.Announce, Peer: peer, PeerAS: 65000, Time: today,
		Route: bgp.Route{
			Prefix: netip.MustParsePrefix(prefix), NextHop: peer.Peer,
			Path: bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: asns}},
		},
	}
}

func apply(t *testing.T, r *RIB, e *bgp.Event, want error) {
	t.Helper()
	if err := r.Apply(e); !errors.Is(err, want) {
		t.Fatalf("%+v: %v, want %v", e, err, want)
	}
}

// TestLimits proves that each bound holds, and that the books balance.
func TestLimits(t *testing.T) {
	c := Config{MaxPeerRoutes: 2, MaxRoutes: 3, MaxPeers: 2, MaxInstances: 1, StaleTime: time.Second}
	r, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := peerKey(1), peerKey(2)
	apply(t, r, announce(a, "10.0.0.0/8", 1), nil)
	apply(t, r, announce(a, "2001:db8::/32", 1), nil)
	apply(t, r, announce(a, "10.0.0.0/9", 1), ErrPeerRoutes)
	apply(t, r, announce(a, "10.0.0.0/8", 2), nil) // a replacement is no route more
	apply(t, r, announce(a, "10.0.0.0/8", 2), nil)
	apply(t, r, announce(b, "10.0.0.0/8", 1), nil)
	apply(t, r, announce(b, "10.0.0.0/7", 1), ErrRoutes)
	apply(t, r, &bgp.Event{Kind: bgp.PeerUp, Peer: peerKey(3)}, ErrPeers)
	apply(t, r, announce(peerKey(3), "10.0.0.0/8", 1), ErrPeers)
	apply(t, r, &bgp.Event{Kind: bgp.Withdraw, Peer: b, Route: bgp.Route{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}, nil)
	apply(t, r, &bgp.Event{Kind: bgp.Withdraw, Peer: b, Route: bgp.Route{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}, nil)
	vpn := announce(b, "10.0.0.0/8", 1)
	vpn.Route.Distinguisher = 5
	apply(t, r, vpn, nil)
	vpn.Route.Distinguisher = 6
	apply(t, r, vpn, ErrInstances)
	bad := announce(b, "10.0.0.0/8", 1)
	bad.Route.Prefix = netip.MustParsePrefix("10.0.0.1/8")
	apply(t, r, bad, ErrPrefix)
	bad.Route.Prefix = netip.MustParsePrefix("::ffff:10.0.0.0/104")
	apply(t, r, bad, ErrPrefix)
	apply(t, r, &bgp.Event{Kind: 99, Peer: b}, ErrKind)
	apply(t, r, &bgp.Event{Kind: bgp.PeerDown, Peer: b}, nil)
	r.Sweep()
	apply(t, r, &bgp.Event{Kind: bgp.PeerUp, Peer: peerKey(3)}, nil) // b was forgotten
	applied := uint64(15)
	for _, p := range r.Peers() {
		if p.Key == b {
			t.Error("a peer that is down was not forgotten for a new one")
		}
		applied -= p.Announced + p.Unchanged + p.Withdrawn + p.Unknown + p.Refused
	}
	// What is missing in the books are b's seven events and five that reached nobody.
	if got := r.Stats().Unplaced; got != 5 || applied != 10 {
		t.Errorf("unplaced %d, and %d events are not in the books of peers", got, applied)
	}
}

func TestConfig(t *testing.T) {
	_, err := New(Config{MaxPeers: -1}, nil)
	for _, name := range []string{"max peer routes", "max routes", "max peers: -1", "max instances", "stale time"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v lacks %q", err, name)
		}
	}
}

// TestAllocations proves that a lookup allocates nothing.
func TestAllocations(t *testing.T) {
	r := newRIB(t, nil)
	apply(t, r, announce(peerKey(1), "192.0.2.0/24", 64500, 64501), nil)
	apply(t, r, announce(peerKey(1), "2001:db8::/32", 64500, 64502), nil)
	r.SetVRPs(vrps(t, "64501,192.0.2.0/24,24,x"))
	for _, addr := range []string{"192.0.2.1", "2001:db8::1", "203.0.113.1"} {
		q := Query{Exporter: peerKey(1).Router, Addr: netip.MustParseAddr(addr)}
		if n := testing.AllocsPerRun(100, func() {
			r.Lookup(q)
			r.Origin(q.Exporter, q.Addr, today)
		}); n != 0 {
			t.Errorf("%s: %v allocations", addr, n)
		}
	}
	a, ok := r.Lookup(Query{Addr: netip.MustParseAddr("::ffff:192.0.2.1")})
	if !ok || a.Validity != Valid || a.OriginAS != 64501 || a.NeighborAS != 64500 || a.Provenance != BestKnown {
		t.Errorf("%+v %t", a, ok)
	}
}

// TestOwnNetwork proves what is said of routes that name nobody, or too many.
func TestOwnNetwork(t *testing.T) {
	r := newRIB(t, nil)
	own := announce(peerKey(1), "192.0.2.0/24")
	own.Route.Path = nil
	apply(t, r, own, nil)
	set := announce(peerKey(1), "198.51.100.0/24")
	set.Route.Path = bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{7}}, {Type: bgp.SegmentSet, ASNs: []uint32{8, 9}}}
	apply(t, r, set, nil)
	apply(t, r, announce(peerKey(1), "0.0.0.0/0", 7), nil)
	for addr, want := range map[string][2]uint32{"192.0.2.1": {65000, 65000}, "198.51.100.1": {0, 7}, "203.0.113.1": {7, 7}} {
		a, ok := r.Lookup(Query{Addr: netip.MustParseAddr(addr)})
		if !ok || a.OriginAS != want[0] || a.NeighborAS != want[1] {
			t.Errorf("%s: %+v, want %v", addr, a, want)
		}
	}
	for addr, want := range map[string]uint32{"192.0.2.1": 65000, "198.51.100.1": 0, "203.0.113.1": 0} {
		if asn, ok := r.Origin(netip.Addr{}, netip.MustParseAddr(addr), today); asn != want || ok != (want != 0) {
			t.Errorf("%s: origin %d %t, want %d", addr, asn, ok, want)
		}
	}
	if _, ok := r.Lookup(Query{}); ok {
		t.Error("the zero address has a route")
	}
}

// TestSharedBuffers proves that nothing of an event is kept: its slices may be
// written again once Apply returned.
func TestSharedBuffers(t *testing.T) {
	r := newRIB(t, nil)
	e := announce(peerKey(1), "192.0.2.0/24", 1, 2)
	e.Route.Communities = []uint32{5}
	e.Route.LargeCommunities = [][3]uint32{{6}}
	apply(t, r, e, nil)
	e.Route.Path[0].ASNs[1], e.Route.Communities[0], e.Route.LargeCommunities[0] = 3, 7, [3]uint32{8}
	e.Route.Prefix = netip.MustParsePrefix("198.51.100.0/24")
	apply(t, r, e, nil)
	a, _ := r.Lookup(Query{Addr: netip.MustParseAddr("192.0.2.1")})
	b, _ := r.Lookup(Query{Addr: netip.MustParseAddr("198.51.100.1")})
	if a.OriginAS != 2 || a.Attributes.Communities[0] != 5 || a.Attributes.LargeCommunities[0][0] != 6 || a.Attributes.Path.String() != "1 2" {
		t.Errorf("the first route became %+v", a.Attributes)
	}
	if b.OriginAS != 3 || b.Attributes.Communities[0] != 7 {
		t.Errorf("the second route is %+v", b.Attributes)
	}
}

// TestConcurrent lets writers, readers, sweeps and settings run at the same
// time; the race detector and the final state judge.
func TestConcurrent(t *testing.T) {
	oracles := make([]*slow, 3)
	var mu sync.Mutex
	r := newRIB(t, lockedSink{&mu, newSlow(t)})
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for i := range oracles {
		oracles[i] = newSlow(t)
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 3))
			s := newScript(rnd.IntN)
			s.peers = s.peers[2*i : 2*i+2]
			for range 4000 {
				e := s.event()
				oracles[i].apply(&e)
				if err := r.Apply(&e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 3 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 4))
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				q := question(rnd.IntN)
				if a, ok := r.Lookup(q); ok && !a.Prefix.Contains(q.Addr) {
					t.Errorf("%v does not cover %v", a.Prefix, q.Addr)
				}
				switch n % 64 {
				case 0:
					r.SetPlaces(map[netip.Addr]Place{q.Exporter: {Site: "x"}})
				case 1:
					for e := range r.All(0, bgp.FamilyIPv4) {
						_ = e.Attributes.Path.String()
					}
				case 2:
					r.Sweep()
				case 3:
					_, _ = r.Peers(), r.Stats()
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	r.Sweep()
	all := newSlow(t)
	for _, o := range oracles {
		maps.Copy(all.paths, o.paths)
		maps.Copy(all.states, o.states)
	}
	all.told = r.sink.(lockedSink).told
	settle(t, r, all)
}

// lockedSink is a sink for writers of several tables.
type lockedSink struct {
	mu *sync.Mutex
	*slow
}

func (s lockedSink) Change(c *Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow.Change(c)
}

// TestEstimate compares the estimate of Stats with the heap.
func TestEstimate(t *testing.T) {
	w := newWorld(60_000, 12_000)
	before := heap()
	r := newRIB(t, nil)
	fill(t, r, w, 0)
	fill(t, r, w, 1)
	used, s := heap()-before, r.Stats()
	runtime.KeepAlive(w)
	if s.Routes != 144_000 || s.Prefixes != [2]int64{60_000, 12_000} {
		t.Errorf("%+v", s)
	}
	if ratio := float64(s.Bytes) / float64(used); ratio < 0.8 || ratio > 1.25 {
		t.Errorf("estimated %d of %d bytes", s.Bytes, used)
	}
	if perRoute := used / s.Routes; perRoute > 150 {
		t.Errorf("%d bytes a route", perRoute)
	}
}
