package rib

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/linewarden/linewarden/bgp"
)

// Attributes are what a route says beside its prefix. They are shared by all
// routes that say the same, and must not be changed. They stay valid for as
// long as they are held.
type Attributes struct {
	Path             bgp.ASPath
	NextHop          netip.Addr
	Communities      []uint32
	LargeCommunities [][3]uint32
	MED              uint32 // valid if HasMED
	LocalPref        uint32 // valid if HasLocalPref
	Origin           bgp.Origin
	HasMED           bool
	HasLocalPref     bool

	origin   originAS
	neighbor uint32         // 0 = none
	weight   uint64         // see order
	first    [1]bgp.Segment // of Path, where it has one segment

	hash uint64
	refs atomic.Int64
	gone bool        // out of the pool; under its shard's lock
	next *Attributes // of the same hash; under its shard's lock
}

// originAS is who originated a path.
type originAS struct {
	asn  uint32
	kind originKind
}

type originKind uint8

const (
	originOwn originKind = iota // the peer's own network: the path is empty
	originOne                   // one network
	originSet                   // a set, so that nobody can tell (RFC 6811 section 2: NONE)
)

// OriginAS returns the network that originated the route, given the peer's own,
// which it is when the path names none. It is false for an AS_SET of several.
func (a *Attributes) OriginAS(peerAS uint32) (uint32, bool) {
	switch a.origin.kind {
	case originOwn:
		return peerAS, peerAS != 0
	case originOne:
		return a.origin.asn, true
	case originSet:
	}
	return a.origin.asn, a.origin.asn != 0
}

// med returns the MULTI_EXIT_DISC, the lowest there is when it is absent (RFC 4271 section 9.1.2.2 c).
func (a *Attributes) med() uint32 {
	if a.HasMED {
		return a.MED
	}
	return 0
}

// NeighborAS returns the first network of the path outside the confederation.
func (a *Attributes) NeighborAS() (uint32, bool) { return a.neighbor, a.neighbor != 0 }

// Route returns the attributes as a route to the prefix.
func (a *Attributes) Route(p netip.Prefix, distinguisher uint64, pathID uint32) bgp.Route {
	return bgp.Route{
		Prefix: p, Distinguisher: distinguisher, PathID: pathID, Path: a.Path, Origin: a.Origin, NextHop: a.NextHop,
		MED: a.MED, LocalPref: a.LocalPref, HasMED: a.HasMED, HasLocalPref: a.HasLocalPref,
		Communities: a.Communities, LargeCommunities: a.LargeCommunities,
	}
}

func (a *Attributes) same(r *bgp.Route) bool {
	if a.NextHop != r.NextHop || a.MED != r.MED || a.LocalPref != r.LocalPref || a.Origin != r.Origin ||
		a.HasMED != r.HasMED || a.HasLocalPref != r.HasLocalPref || len(a.Path) != len(r.Path) {
		return false
	}
	for i := range a.Path {
		if a.Path[i].Type != r.Path[i].Type || !slices.Equal(a.Path[i].ASNs, r.Path[i].ASNs) {
			return false
		}
	}
	return slices.Equal(a.Communities, r.Communities) && slices.Equal(a.LargeCommunities, r.LargeCommunities)
}

// newAttributes copies what a route says, as its slices may live in a buffer of
// a whole message, in as few allocations as it can.
func newAttributes(r *bgp.Route) *Attributes {
	a := &Attributes{
		NextHop: r.NextHop, MED: r.MED, LocalPref: r.LocalPref, Origin: r.Origin,
		HasMED: r.HasMED, HasLocalPref: r.HasLocalPref,
	}
	words := len(r.Communities)
	for _, s := range r.Path {
		words += len(s.ASNs)
	}
	room := make([]uint32, 0, words)
	take := func(from []uint32) []uint32 {
		if len(from) == 0 {
			return nil
		}
		room = append(room, from...)
		return slices.Clip(room[len(room)-len(from):])
	}
	switch len(r.Path) {
	case 0:
	case 1:
		a.first[0] = bgp.Segment{Type: r.Path[0].Type, ASNs: take(r.Path[0].ASNs)}
		a.Path = a.first[:]
	default:
		a.Path = make(bgp.ASPath, len(r.Path))
		for i, s := range r.Path {
			a.Path[i] = bgp.Segment{Type: s.Type, ASNs: take(s.ASNs)}
		}
	}
	a.Communities = take(r.Communities)
	a.LargeCommunities = slices.Clone(r.LargeCommunities)
	a.derive()
	return a
}

func (a *Attributes) derive() {
	a.neighbor, _ = a.Path.Neighbor()
	a.origin = originOf(a.Path)
	pref := uint32(defaultLocalPref)
	if a.HasLocalPref {
		pref = a.LocalPref
	}
	a.weight = uint64(^pref)<<32 | uint64(min(pathLength(a.Path), 1<<24))<<2 | uint64(min(a.Origin, 3))
}

// originOf applies RFC 6811 section 2 to a path: the last network of a final
// sequence, nobody for a final set, the peer's own for no path outside the
// confederation. A set of one names its member for lookups all the same.
func originOf(p bgp.ASPath) originAS {
	for _, s := range slices.Backward(p) {
		if len(s.ASNs) == 0 {
			continue
		}
		switch s.Type {
		case bgp.SegmentSequence:
			return originAS{s.ASNs[len(s.ASNs)-1], originOne}
		case bgp.SegmentSet:
			o := originAS{kind: originSet}
			if slices.Min(s.ASNs) == slices.Max(s.ASNs) {
				o.asn = s.ASNs[0]
			}
			return o
		case bgp.SegmentConfedSequence, bgp.SegmentConfedSet:
		}
	}
	return originAS{}
}

// pathLength counts as RFC 4271 section 9.1.2.2 a and RFC 5065 section 5.3 say:
// a set is one, a confederation is none.
func pathLength(p bgp.ASPath) int {
	n := 0
	for _, s := range p {
		switch s.Type {
		case bgp.SegmentSequence:
			n += len(s.ASNs)
		case bgp.SegmentSet:
			n++
		case bgp.SegmentConfedSequence, bgp.SegmentConfedSet:
		}
	}
	return n
}

// bytes returns about how much memory the attributes take.
func (a *Attributes) bytes() int64 {
	n := int64(224 + 4*len(a.Communities) + 12*len(a.LargeCommunities))
	for _, s := range a.Path {
		n += int64(4 * len(s.ASNs))
	}
	if len(a.Path) > 1 {
		n += int64(32 * len(a.Path))
	}
	return n
}

// pool holds each distinct set of attributes once.
type pool struct {
	seed   [2]uint64 // so that nobody outside can choose what collides
	shards [64]shard
	count  atomic.Int64
	size   atomic.Int64 // bytes
}

type shard struct {
	mu sync.Mutex
	by map[uint64]*Attributes // guarded by mu
}

func newPool() *pool {
	p := &pool{seed: [2]uint64{rand.Uint64(), rand.Uint64()}}
	for i := range p.shards {
		p.shards[i].by = make(map[uint64]*Attributes)
	}
	return p
}

// intern returns the attributes of a route, with one reference for the caller.
func (p *pool) intern(r *bgp.Route) *Attributes {
	h := p.hash(r)
	s := &p.shards[h>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := s.by[h]; a != nil; a = a.next {
		if a.same(r) {
			a.refs.Add(1)
			return a
		}
	}
	a := newAttributes(r)
	a.hash, a.next = h, s.by[h]
	a.refs.Store(1)
	s.by[h] = a
	p.count.Add(1)
	p.size.Add(a.bytes())
	return a
}

// release gives one reference back.
func (p *pool) release(a *Attributes) {
	if a.refs.Add(-1) > 0 {
		return
	}
	s := &p.shards[a.hash>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	// Somebody may have found it again, or removed it, before the lock was ours.
	if a.refs.Load() > 0 || a.gone {
		return
	}
	a.gone = true
	p.count.Add(-1)
	p.size.Add(-a.bytes())
	head := s.by[a.hash]
	if head == a {
		if a.next == nil {
			delete(s.by, a.hash)
		} else {
			s.by[a.hash] = a.next
		}
		return
	}
	for ; head.next != a; head = head.next {
	}
	head.next = a.next
}

// hash mixes everything a route says, by multiplication to 128 bits.
func (p *pool) hash(r *bgp.Route) uint64 {
	h := p.seed[0]
	mix := func(v uint64) {
		hi, lo := bits.Mul64(h^v, p.seed[1]|1)
		h = hi ^ lo ^ bits.RotateLeft64(v, 29)
	}
	hop := r.NextHop.As16()
	for i := 0; i < 16; i += 8 {
		mix(uint64(hop[i])<<56 | uint64(hop[i+1])<<48 | uint64(hop[i+2])<<40 | uint64(hop[i+3])<<32 |
			uint64(hop[i+4])<<24 | uint64(hop[i+5])<<16 | uint64(hop[i+6])<<8 | uint64(hop[i+7]))
	}
	mix(uint64(r.MED)<<32 | uint64(r.LocalPref))
	mix(uint64(r.Origin) | uint64(len(r.Path))<<8 | uint64(len(r.Communities))<<32)
	for _, s := range r.Path {
		mix(uint64(s.Type) | uint64(len(s.ASNs))<<8)
		for _, asn := range s.ASNs {
			mix(uint64(asn))
		}
	}
	for _, c := range r.Communities {
		mix(uint64(c))
	}
	for _, c := range r.LargeCommunities {
		mix(uint64(c[0])<<32 | uint64(c[1]))
		mix(uint64(c[2]))
	}
	return h
}
