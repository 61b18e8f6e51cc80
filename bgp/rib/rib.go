package rib

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// RIB is the routes of all routers. It is safe for concurrent use.
type RIB struct {
	config Config
	sink   Sink
	pool   *pool

	routes atomic.Int64 // over all tables
	dying  atomic.Int64 // sessions that are dead and not yet swept; notes may be about them
	where  atomic.Pointer[directory]
	vrps   atomic.Pointer[VRPs]
	global *instance // immutable; also in others under 0

	wake   chan struct{}               // something died
	recent [64]atomic.Pointer[session] // current when they were noted, by recentOf

	turning sync.Mutex // held while the payloads are changed

	mu       sync.RWMutex
	peers    map[bgp.PeerKey]*peer // guarded by mu
	dead     []*session            // not yet swept; guarded by mu
	places   map[netip.Addr]Place  // guarded by mu
	sites    map[string]uint32     // numbers, from 1; guarded by mu
	known    int                   // routers there ever were; guarded by mu
	unplaced uint64                // events refused before they reached a peer; guarded by mu
}

// instance is the tables of one route distinguisher, by family index.
type instance [2]*table

// directory is what lookups know about addresses; immutable once published.
type directory struct {
	routers   map[netip.Addr]*router
	seats     map[netip.Addr]seat
	seats4    map[uint32]seat // the IPv4 ones again, as they are found faster so
	instances map[uint64]*instance
}

// seat is where an exporter stands.
type seat struct {
	router *router // its own, nil if unknown
	site   uint32  // 0 = unknown
}

// seatOf returns where an exporter stands.
func (d *directory) seatOf(a netip.Addr) seat {
	if !a.IsValid() {
		return seat{}
	}
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return d.seats4[binary.BigEndian.Uint32(b[:])]
	}
	return d.seats[a]
}

// New returns an empty RIB. The sink may be nil.
func New(c Config, sink Sink) (*RIB, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configure the rib: %w", err)
	}
	if sink == nil {
		sink = noSink{}
	}
	r := &RIB{
		config: c, sink: sink, pool: newPool(),
		wake:  make(chan struct{}, 1),
		peers: make(map[bgp.PeerKey]*peer), sites: make(map[string]uint32),
	}
	r.global = r.newInstance(0)
	r.where.Store(&directory{instances: map[uint64]*instance{0: r.global}})
	return r, nil
}

func (r *RIB) newInstance(distinguisher uint64) *instance {
	in := new(instance)
	for f, width := range [...]int{32, 128} {
		in[f] = &table{rib: r, instance: distinguisher, family: f, width: width}
		if distinguisher == 0 {
			in[f].trie.top = make([]atomic.Pointer[node[path]], 1<<topBits)
		}
	}
	return in
}

// Apply takes one event. An event about an unknown peer makes it known, but for
// withdrawals and ends, which are then counted as unknown. The event is not kept.
func (r *RIB) Apply(e *bgp.Event) error {
	switch e.Kind {
	case bgp.Announce, bgp.Withdraw:
		return r.applyRoute(e)
	case bgp.EndOfRIB, bgp.PeerUp, bgp.PeerDown, bgp.PeerStale:
		return r.applyPeer(e)
	}
	r.refuse()
	return fmt.Errorf("%w: %d", ErrKind, e.Kind)
}

func (r *RIB) refuse() {
	r.mu.Lock()
	r.unplaced++
	r.mu.Unlock()
}

func (r *RIB) applyRoute(e *bgp.Event) error {
	p := e.Route.Prefix
	if !p.IsValid() || p.Addr().Is4In6() || p != p.Masked() {
		r.refuse()
		return fmt.Errorf("%w: %v", ErrPrefix, p)
	}
	s, err := r.sessionOf(e)
	if err != nil {
		r.refuse()
		return err
	}
	if s == nil {
		return nil
	}
	s.peer.heard(e)
	t, err := r.tableOf(e, p.Addr())
	if err != nil {
		s.peer.counts.refused.Add(1)
		return err
	}
	if t == nil {
		s.peer.counts.unknown.Add(1)
		return nil
	}
	k, _ := keyOf(p.Addr())
	if e.Kind == bgp.Withdraw {
		t.withdraw(s, e, &k)
		return nil
	}
	return t.announce(s, e, &k)
}

// sessionOf returns the current session of the event's peer, or nil for a
// withdrawal of a peer that has none, which it counts.
func (r *RIB) sessionOf(e *bgp.Event) (*session, error) {
	// Most events follow others of their peer. A session that is no longer current
	// has flags.
	recent := &r.recent[recentOf(&e.Peer)]
	if s := recent.Load(); s != nil && s.flags.Load() == 0 && s.peer.key == e.Peer {
		return s, nil
	}
	r.mu.RLock()
	p := r.peers[e.Peer]
	if p != nil && p.current != nil {
		s := p.current
		r.mu.RUnlock()
		recent.Store(s)
		return s, nil
	}
	r.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Kind == bgp.Withdraw {
		if p := r.peers[e.Peer]; p != nil {
			p.counts.unknown.Add(1)
		} else {
			r.unplaced++
		}
		return nil, nil
	}
	p, err := r.peerLocked(e)
	if err != nil {
		return nil, err
	}
	if p.current == nil {
		r.openLocked(p, e)
	}
	return p.current, nil
}

// recentOf returns where the session of a peer may be noted.
func recentOf(k *bgp.PeerKey) int {
	a := k.Peer.As16()
	return int(a[15]^a[14]<<3^uint8(k.View)<<4) & 63
}

// tableOf returns the table a route belongs to: that of its own distinguisher,
// else that of its peer's instance. It is nil for a withdrawal from none.
func (r *RIB) tableOf(e *bgp.Event, a netip.Addr) (*table, error) {
	f := familyIndex(bgp.FamilyOf(a))
	d := e.Route.Distinguisher
	if d == 0 {
		d = e.Peer.Distinguisher
	}
	if d == 0 {
		return r.global[f], nil
	}
	if in := r.where.Load().instances[d]; in != nil {
		return in[f], nil
	}
	if e.Kind == bgp.Withdraw {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	where := *r.where.Load()
	in := where.instances[d]
	if in == nil {
		if len(where.instances) > r.config.MaxInstances {
			return nil, fmt.Errorf("%w: %d", ErrInstances, r.config.MaxInstances)
		}
		in = r.newInstance(d)
		where.instances = maps.Clone(where.instances)
		where.instances[d] = in
		r.where.Store(&where)
	}
	return in[f], nil
}

// admit tells whether a peer may have one route more.
func (r *RIB) admit(p *peer) error {
	if n := p.total(); n >= int64(r.config.MaxPeerRoutes) {
		return fmt.Errorf("%w: %d", ErrPeerRoutes, n)
	}
	if n := r.routes.Load(); n >= int64(r.config.MaxRoutes) {
		return fmt.Errorf("%w: %d", ErrRoutes, n)
	}
	return nil
}

// peerLocked returns the peer of an event, made known if need be.
func (r *RIB) peerLocked(e *bgp.Event) (*peer, error) {
	if p := r.peers[e.Peer]; p != nil {
		return p, nil
	}
	if len(r.peers) >= r.config.MaxPeers && !r.forgetLocked() {
		return nil, fmt.Errorf("%w: %d", ErrPeers, r.config.MaxPeers)
	}
	p := &peer{key: e.Peer, as: e.PeerAS, router: r.routerLocked(e.Peer.Router), since: e.Time}
	r.peers[e.Peer] = p
	return p, nil
}

// forgetLocked makes room by the peer that has been down the longest.
func (r *RIB) forgetLocked() bool {
	var oldest *peer
	for _, p := range r.peers {
		if p.state == Down && p.total() == 0 && (oldest == nil || p.since.Before(oldest.since)) {
			oldest = p
		}
	}
	if oldest == nil {
		return false
	}
	delete(r.peers, oldest.key)
	return true
}

// openLocked begins a session.
func (r *RIB) openLocked(p *peer, e *bgp.Event) {
	if e.PeerAS != 0 {
		p.as = e.PeerAS
	}
	s := &session{peer: p, router: p.router, rank: rankOf(p.key), as: p.as}
	s.before.Store(p.stale)
	p.current, p.state, p.since, p.synced = s, Up, e.Time, [2]bool{}
}

// endLocked declares the routes of a session dead, of the families given by flags.
func (r *RIB) endLocked(s *session, flags uint32, reason Reason, at time.Time) {
	flags &^= s.flags.Load()
	if flags == 0 {
		return
	}
	for f := range s.ends {
		if flags&(flagDead4<<f) != 0 {
			s.ends[f] = ending{reason, at}
		}
	}
	r.dying.Add(1)
	s.flags.Or(flags)
	r.dead = append(r.dead, s)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
