package rib

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/bgp"
)

// randomPrefix returns one of few prefixes, so that they nest and repeat.
func randomPrefix(rnd *rand.Rand) netip.Prefix {
	if rnd.IntN(3) == 0 {
		b := [16]byte{0x20, 1, byte(rnd.IntN(2)), byte(rnd.IntN(3)), byte(rnd.IntN(2)) * 128, byte(rnd.IntN(4)), 15: byte(rnd.IntN(2))}
		return netip.PrefixFrom(netip.AddrFrom16(b), []int{0, 3, 16, 17, 32, 33, 40, 47, 48, 64, 127, 128}[rnd.IntN(12)]).Masked()
	}
	b := [4]byte{10, byte(rnd.IntN(3)), byte(rnd.IntN(6)) * 50, byte(rnd.IntN(256))}
	return netip.PrefixFrom(netip.AddrFrom4(b), []int{0, 1, 7, 8, 9, 15, 16, 17, 20, 23, 24, 25, 31, 32}[rnd.IntN(14)]).Masked()
}

// slow is a RIB of plain maps that follows the documentation word by word. It
// also keeps what the sink was told, and what it should have been told.
type slow struct {
	paths  map[slowKey]slowPath
	states map[bgp.PeerKey]PeerState
	told   map[slowKey]*Attributes
	tb     testing.TB
	places map[netip.Addr]Place
}

type slowKey struct {
	peer   bgp.PeerKey
	inst   uint64
	prefix netip.Prefix
	id     uint32
}

type slowPath struct {
	route bgp.Route
	as    uint32
	stale bool
}

func newSlow(tb testing.TB) *slow {
	return &slow{paths: map[slowKey]slowPath{}, states: map[bgp.PeerKey]PeerState{}, told: map[slowKey]*Attributes{}, tb: tb}
}

func keyFor(e *bgp.Event) slowKey {
	k := slowKey{e.Peer, e.Route.Distinguisher, e.Route.Prefix, e.Route.PathID}
	if k.inst == 0 {
		k.inst = e.Peer.Distinguisher
	}
	return k
}

func (s *slow) remove(peer bgp.PeerKey, when func(slowKey, slowPath) bool) {
	maps.DeleteFunc(s.paths, func(k slowKey, p slowPath) bool { return k.peer == peer && when(k, p) })
}

func (s *slow) apply(e *bgp.Event) {
	state := s.states[e.Peer]
	switch e.Kind {
	case bgp.Announce:
		s.states[e.Peer] = Up
		s.paths[keyFor(e)] = slowPath{route: e.Route, as: e.PeerAS}
	case bgp.Withdraw:
		if state == Up {
			delete(s.paths, keyFor(e))
		}
	case bgp.EndOfRIB:
		if state != Down {
			s.remove(e.Peer, func(k slowKey, p slowPath) bool {
				return p.stale && bgp.FamilyOf(k.prefix.Addr()) == e.Family
			})
		}
	case bgp.PeerUp:
		s.remove(e.Peer, func(_ slowKey, p slowPath) bool { return !p.stale })
		s.states[e.Peer] = Up
	case bgp.PeerDown:
		s.remove(e.Peer, func(slowKey, slowPath) bool { return true })
		s.states[e.Peer] = Down
	case bgp.PeerStale:
		if state != Up {
			return
		}
		s.remove(e.Peer, func(_ slowKey, p slowPath) bool { return p.stale })
		for k, p := range s.paths {
			if k.peer == e.Peer {
				p.stale = true
				s.paths[k] = p
			}
		}
		s.states[e.Peer] = Stale
	}
}

// Change checks that what is told follows from what was told before.
func (s *slow) Change(c *Change) {
	k := slowKey{c.Peer, c.Distinguisher, c.Prefix, c.PathID}
	if k.inst == 0 {
		k.inst = c.Peer.Distinguisher
	}
	if c.Old == c.New {
		s.tb.Errorf("%v: a change that is none: %+v", k, c)
	}
	if s.told[k] != c.Old {
		s.tb.Errorf("%v: %v of %p, but %p was told before", k, c.Reason, c.Old, s.told[k])
	}
	if s.told[k] = c.New; c.New == nil {
		delete(s.told, k)
	}
}

func (s *slow) PeerChange(*PeerChange) {}

// answer looks the best path up by going through all of them.
func (s *slow) answer(q Query) (best *slowPath, key slowKey, provenance Provenance) {
	at := s.places[q.Exporter]
	if !at.Router.IsValid() {
		at.Router = q.Exporter
	}
	site := func(router netip.Addr) string {
		if !router.IsValid() {
			return ""
		}
		for addr, p := range s.places {
			if p.Router == router || addr == router {
				return p.Site
			}
		}
		return ""
	}
	if at.Site == "" {
		at.Site = site(at.Router)
	}
	for k, p := range s.paths {
		if k.inst != q.Distinguisher || !k.prefix.Contains(q.Addr) {
			continue
		}
		how := BestKnown
		switch {
		case k.peer.Router == at.Router && q.NextHop.IsValid() && p.route.NextHop == q.NextHop:
			how = OwnNextHop
		case k.peer.Router == at.Router:
			how = Own
		case at.Site != "" && site(k.peer.Router) == at.Site:
			how = SameSite
		}
		if best == nil || s.better(k, &p, how, key, best, provenance) {
			best, key, provenance = &p, k, how
		}
	}
	return best, key, provenance
}

// better tells whether the first path is to be taken rather than the second.
func (s *slow) better(k slowKey, p *slowPath, how Provenance, k2 slowKey, p2 *slowPath, how2 Provenance) bool {
	if (k.prefix.Bits() == 0) != (k2.prefix.Bits() == 0) {
		return k.prefix.Bits() > 0
	}
	if min(how, Own) != min(how2, Own) {
		return how > how2
	}
	if k.prefix.Bits() != k2.prefix.Bits() {
		return k.prefix.Bits() > k2.prefix.Bits()
	}
	if how != how2 {
		return how > how2
	}
	pref := func(r *bgp.Route) uint32 {
		if r.HasLocalPref {
			return r.LocalPref
		}
		return 100
	}
	med := func(r *bgp.Route) uint32 {
		if r.HasMED {
			return r.MED
		}
		return 0
	}
	if a, b := rankOf(k.peer), rankOf(k2.peer); a != b {
		return a < b
	}
	if a, b := pref(&p.route), pref(&p2.route); a != b {
		return a > b
	}
	if a, b := pathLength(p.route.Path), pathLength(p2.route.Path); a != b {
		return a < b
	}
	if p.route.Origin != p2.route.Origin {
		return p.route.Origin < p2.route.Origin
	}
	a, _ := p.route.Path.Neighbor()
	b, _ := p2.route.Path.Neighbor()
	if a != b {
		return a < b
	}
	if a, b := med(&p.route), med(&p2.route); a != b {
		return a < b
	}
	if c := (&peer{key: k.peer}).order(&peer{key: k2.peer}); c != 0 {
		return c < 0
	}
	return k.id < k2.id
}

// script turns numbers into events; it is what random tests and fuzzing share.
type script struct {
	next  func(n int) int
	peers []bgp.PeerKey
}

func newScript(next func(n int) int) *script {
	s := &script{next: next}
	for i := range 6 {
		k := peerKey(i / 2)
		if i%2 == 1 {
			k.View, k.Peer = []bgp.View{bgp.ViewAdjInPost, bgp.ViewLocal, bgp.ViewAdjOut}[i/2], netip.MustParseAddr("198.51.100.7")
		}
		if i == 5 {
			k.Distinguisher = 9
		}
		s.peers = append(s.peers, k)
	}
	return s
}

func (s *script) event() bgp.Event {
	e := bgp.Event{Kind: bgp.Announce, Peer: s.peers[s.next(len(s.peers))]}
	e.PeerAS = 65000
	switch k := s.next(40); {
	case k < 22:
	case k < 33:
		e.Kind = bgp.Withdraw
	default:
		e.Kind = []bgp.EventKind{bgp.EndOfRIB, bgp.EndOfRIB, bgp.PeerUp, bgp.PeerUp, bgp.PeerDown, bgp.PeerStale, bgp.PeerStale}[k-33]
		e.Family = []bgp.Family{bgp.FamilyIPv4, bgp.FamilyIPv6}[s.next(2)]
		return e
	}
	e.Route.Prefix = randomPrefix(rand.New(rand.NewPCG(uint64(s.next(64)), 1)))
	e.Route.PathID = uint32(s.next(2))
	if s.next(8) == 0 {
		e.Route.Distinguisher = uint64(8 + s.next(2))
	}
	if e.Kind == bgp.Withdraw {
		return e
	}
	r := &e.Route
	r.NextHop = netip.AddrFrom4([4]byte{192, 0, 2, byte(s.next(2))})
	for i := range s.next(3) {
		r.Path = append(r.Path, bgp.Segment{Type: bgp.SegmentSequence, ASNs: []uint32{uint32(1 + i + s.next(2))}})
	}
	if s.next(6) == 0 {
		r.Path = append(r.Path, bgp.Segment{Type: bgp.SegmentSet, ASNs: []uint32{5, uint32(5 + s.next(2))}})
	}
	r.HasMED, r.MED = s.next(2) == 0, uint32(s.next(2))
	r.HasLocalPref, r.LocalPref = s.next(2) == 0, uint32(99+s.next(3))
	r.Origin = bgp.Origin(s.next(3))
	if s.next(4) == 0 {
		r.Communities, r.LargeCommunities = []uint32{uint32(s.next(2))}, [][3]uint32{{1, 2, uint32(s.next(2))}}
	}
	return e
}

// play feeds events to a RIB and the oracle and compares them all along.
func play(tb testing.TB, next func(n int) int, steps int) {
	oracle := newSlow(tb)
	r := newRIB(tb, oracle)
	oracle.places = map[netip.Addr]Place{
		netip.MustParseAddr("203.0.113.1"): {Router: peerKey(0).Router, Site: "north"},
		netip.MustParseAddr("203.0.113.2"): {Router: peerKey(1).Router, Site: "north"},
		netip.MustParseAddr("203.0.113.3"): {Site: "north"},
	}
	r.SetPlaces(oracle.places)
	s := newScript(next)
	for step := range steps {
		e := s.event()
		oracle.apply(&e)
		if err := r.Apply(&e); err != nil {
			tb.Fatal(err)
		}
		if next(4) == 0 {
			r.Sweep()
		}
		for range 2 {
			compare(tb, r, oracle, question(next))
		}
		if tb.Failed() {
			tb.Fatalf("at step %d: %+v", step, e)
		}
	}
	settle(tb, r, oracle)
}

func question(next func(n int) int) Query {
	q := Query{Addr: randomPrefix(rand.New(rand.NewPCG(uint64(next(64)), 1))).Addr()}
	if next(2) == 0 {
		q.Addr = q.Addr.Next()
	}
	q.Exporter = []netip.Addr{{}, peerKey(0).Router, peerKey(1).Router, peerKey(2).Router, netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.3"), netip.MustParseAddr("203.0.113.9")}[next(7)]
	if next(3) == 0 {
		q.NextHop = netip.AddrFrom4([4]byte{192, 0, 2, byte(next(3))})
	}
	if next(6) == 0 {
		q.Distinguisher = uint64(8 + next(3))
	}
	return q
}

func compare(tb testing.TB, r *RIB, oracle *slow, q Query) {
	tb.Helper()
	got, ok := r.Lookup(q)
	want, key, how := oracle.answer(q)
	if !ok || want == nil {
		if ok || want != nil {
			tb.Errorf("%+v: %+v, want %+v", q, got, want)
		}
		return
	}
	peer, as := got.Peer()
	if got.Prefix != key.prefix || peer != key.peer || as != want.as || got.PathID != key.id ||
		got.Provenance != how || got.Stale != want.stale || !got.Attributes.same(&want.route) {
		tb.Errorf("%+v:\n got  %v %v id %d %v stale %t\n want %v %v id %d %v stale %t", q,
			got.Prefix, peer, got.PathID, got.Provenance, got.Stale, key.prefix, key.peer, key.id, how, want.stale)
	}
	asn, known := r.Origin(q.Exporter, q.Addr, today)
	if q.Distinguisher == 0 && !q.NextHop.IsValid() && (asn != got.OriginAS && got.Prefix.Bits() > 0 || known != (got.OriginAS != 0 && got.Prefix.Bits() > 0)) {
		tb.Errorf("%+v: origin %d %t, want %d", q, asn, known, got.OriginAS)
	}
}

// settle sweeps, and compares everything that is left.
func settle(tb testing.TB, r *RIB, oracle *slow) {
	tb.Helper()
	r.Sweep()
	listed := map[slowKey]bool{}
	for _, d := range r.Instances() {
		for _, f := range []bgp.Family{bgp.FamilyIPv4, bgp.FamilyIPv6} {
			for e := range r.All(d, f) {
				k := slowKey{e.Peer, d, e.Prefix, e.PathID}
				p, ok := oracle.paths[k]
				if listed[k] || !ok || p.stale != e.Stale || !e.Attributes.same(&p.route) || oracle.told[k] != e.Attributes {
					tb.Errorf("listed %+v, want %+v, told %p", e, p, oracle.told[k])
				}
				listed[k] = true
			}
		}
	}
	stats := r.Stats()
	if n := len(oracle.paths); len(listed) != n || len(oracle.told) != n || stats.Routes != int64(n) || stats.Dead != 0 {
		tb.Errorf("%d listed, %d told, %+v, want %d", len(listed), len(oracle.told), stats, n)
	}
	for _, peer := range slices.Collect(maps.Keys(oracle.states)) {
		if err := r.Apply(&bgp.Event{Kind: bgp.PeerDown, Peer: peer}); err != nil {
			tb.Error(err)
		}
	}
	r.Sweep()
	// The last set of each table that was written stays remembered.
	if s := r.Stats(); s.Routes != 0 || s.Prefixes != [2]int64{} || s.Attributes > 2*int64(len(r.Instances())) || len(oracle.told) != 0 {
		tb.Errorf("left when all are down: %+v, %d told", s, len(oracle.told))
	}
	for _, in := range r.where.Load().instances {
		for _, t := range in {
			if t.trie.nodes.Load() != 0 || t.trie.slots.Load() != 0 {
				tb.Errorf("left: %d nodes, %d slots", t.trie.nodes.Load(), t.trie.slots.Load())
			}
		}
	}
}

// TestOracle plays random events.
func TestOracle(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 99))
			play(t, rnd.IntN, 1500)
		})
	}
}

// FuzzEvents plays events made of bytes.
func FuzzEvents(f *testing.F) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 600)
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		i := 0
		play(t, func(n int) int {
			if i == len(data) {
				return 0
			}
			i++
			return int(data[i-1]) % n
		}, len(data)/8)
	})
}
