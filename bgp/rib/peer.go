package rib

import (
	"cmp"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// router is who told us routes.
type router struct {
	addr netip.Addr
	bit  uint8         // in notes
	site atomic.Uint32 // number of its site, 0 = none
}

// peer is one table of one neighbour, over all its sessions. The fields without
// a note are guarded by RIB.mu.
type peer struct {
	key     bgp.PeerKey // immutable
	router  *router     // immutable
	as      uint32
	state   PeerState
	since   time.Time // of the state
	expires time.Time // when stale routes go, by the clock of this machine
	current *session  // nil while down
	stale   *session  // what an earlier session left; nil if nothing
	synced  [2]bool   // end of RIB seen, by family index

	// Written with a table locked, read by anyone.
	routes [2]atomic.Int64 // by family index
	counts counts

	last atomic.Int64 // time of the last event, Unix nanoseconds by its source's clock; 0 = none
}

// heard notes the time of an event.
func (p *peer) heard(e *bgp.Event) {
	if !e.Time.IsZero() {
		p.last.Store(e.Time.UnixNano())
	}
}

// counts are the books of a peer: Messages of routes = all the others together.
type counts struct {
	announced, unchanged, withdrawn, unknown, refused atomic.Uint64
}

func (p *peer) order(q *peer) int {
	if c := p.key.Peer.Compare(q.key.Peer); c != 0 {
		return c
	}
	if c := p.key.Router.Compare(q.key.Router); c != 0 {
		return c
	}
	if c := cmp.Compare(p.key.Distinguisher, q.key.Distinguisher); c != 0 {
		return c
	}
	return cmp.Compare(p.key.View, q.key.View)
}

func (p *peer) total() int64 { return p.routes[0].Load() + p.routes[1].Load() }

// rankOf says how close to the router's own choice the routes of a table are.
func rankOf(k bgp.PeerKey) uint8 {
	switch k.View {
	case bgp.ViewLocal:
		return 0
	case bgp.ViewAdjIn:
		if k.Peer == k.Router {
			return 1 // a plain session announces what the router chose
		}
		return 3
	case bgp.ViewAdjInPost:
		return 2
	case bgp.ViewAdjOutPost:
		return 4
	case bgp.ViewAdjOut:
	}
	return 5
}

// session is one life of a peer. Paths point to the session they came by, so
// that all of them can be declared stale or dead by one store.
type session struct {
	peer   *peer
	router *router
	rank   uint8
	as     uint32

	flags  atomic.Uint32           // flagStale, flagDead4, flagDead6
	before atomic.Pointer[session] // the stale one whose routes this one replaces
	routes [2]atomic.Int64         // by family index; written with the table locked

	// Why and when the routes of a family ended; written before its flag is set.
	ends [2]ending
}

type ending struct {
	reason Reason
	at     time.Time
}

const (
	flagStale = 1 << iota
	flagDead4
	flagDead6
	flagDead = flagDead4 | flagDead6
)

// dead tells whether the session's routes of the family are gone.
func (s *session) dead(f int) bool { return s.flags.Load()>>(1+f)&1 != 0 }

// familyIndex returns where a family stands in arrays of two.
func familyIndex(f bgp.Family) int {
	if f == bgp.FamilyIPv6 {
		return 1
	}
	return 0
}
