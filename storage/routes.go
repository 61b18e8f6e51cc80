package storage

import (
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// RouteKind says what happened to a path. The numbers are those of rib.Reason.
type RouteKind uint8

// The kinds.
const (
	RouteAnnounced   RouteKind = iota // the peer announced it, or replaced it by another path
	RouteWithdrawn                    // the peer withdrew it
	RouteSessionLost                  // its session was lost: told by the event of the peer, not stored again
	RouteNotRenewed                   // stale, and not announced again before the end of RIB (RFC 4724 section 4.2)
	RouteStaleOver                    // stale for too long
)

// RouteValidity is what origin validation said of a route when it came (RFC
// 6811 section 2). The numbers are those of rib.Validity.
type RouteValidity uint8

// The validities.
const (
	RouteNotChecked RouteValidity = iota
	RouteNotFound
	RouteValid
	RouteInvalid
)

// String returns the validity as RFC 6811 names it.
func (v RouteValidity) String() string {
	switch v {
	case RouteNotChecked:
		return "not checked"
	case RouteNotFound:
		return "not found"
	case RouteValid:
		return "valid"
	case RouteInvalid:
		return "invalid"
	}
	return "unknown"
}

// RouteEvent is one change of one path. What is not announced needs only Prefix,
// Distinguisher and PathID of the route.
type RouteEvent struct {
	Kind     RouteKind
	Validity RouteValidity
	PeerAS   uint32
	Peer     bgp.PeerKey
	At       time.Time // by the clock of the source, kept to the microsecond; zero = now
	Route    bgp.Route
}

// sound tells whether the event can be stored.
func (e *RouteEvent) sound() bool {
	p := e.Route.Prefix
	return e.Kind <= RouteStaleOver && p.IsValid() && p == p.Masked()
}

// PeerEvent is something that happened to a whole peer.
type PeerEvent struct {
	Kind   bgp.EventKind // PeerUp, PeerDown, PeerStale or EndOfRIB
	Family bgp.Family    // of an EndOfRIB
	PeerAS uint32
	Peer   bgp.PeerKey
	At     time.Time // by the clock of the source, kept to the microsecond; zero = now
}

// sound tells whether the event can be stored.
func (e *PeerEvent) sound() bool { return e.Kind >= bgp.EndOfRIB && e.Kind <= bgp.PeerStale }

// RouteEnd says how a path ended.
type RouteEnd uint8

// The ends. A lost session is not a withdrawal by whoever announced the route.
const (
	RouteHeld           RouteEnd = iota // it had not ended, as far as is known
	RouteEndReplaced                    // the peer announced another path in its place
	RouteEndWithdrawn                   // the peer withdrew it
	RouteEndSessionLost                 // the session went down
	RouteEndNotRenewed                  // stale, and not announced again before the end of RIB
	RouteEndStaleOver                   // stale for too long
)

// String returns the end in words.
func (e RouteEnd) String() string {
	switch e {
	case RouteHeld:
		return "held"
	case RouteEndReplaced:
		return "replaced"
	case RouteEndWithdrawn:
		return "withdrawn"
	case RouteEndSessionLost:
		return "session lost"
	case RouteEndNotRenewed:
		return "not renewed"
	case RouteEndStaleOver:
		return "stale time over"
	}
	return "unknown"
}

// endOf returns how a path ends by its next event.
func endOf(k RouteKind) RouteEnd {
	switch k {
	case RouteAnnounced:
		return RouteEndReplaced
	case RouteWithdrawn:
		return RouteEndWithdrawn
	case RouteSessionLost:
		return RouteEndSessionLost
	case RouteNotRenewed:
		return RouteEndNotRenewed
	case RouteStaleOver:
		return RouteEndStaleOver
	}
	return RouteHeld
}

// RouteInterval is a path and how long it was held.
type RouteInterval struct {
	Peer     bgp.PeerKey
	PeerAS   uint32
	Route    bgp.Route // the AS path with adjacent sequences joined and empty segments left out
	Origins  []uint32  // as Route.Path says, else the peer's own network; empty when nobody can tell
	Validity RouteValidity
	From     time.Time // when it was announced
	To       time.Time // when it ended, not included; zero while held
	End      RouteEnd
}

// appendOrigins appends the networks that may have originated a route: the
// peer's own where the path names none.
func appendOrigins(to []uint32, path bgp.ASPath, peerAS uint32) []uint32 {
	for _, s := range slices.Backward(path) {
		if len(s.ASNs) == 0 {
			continue
		}
		switch s.Type {
		case bgp.SegmentSequence:
			return append(to, s.ASNs[len(s.ASNs)-1])
		case bgp.SegmentSet:
			return append(to, path.Origins()...)
		case bgp.SegmentConfedSequence, bgp.SegmentConfedSet:
		}
	}
	if peerAS != 0 {
		to = append(to, peerAS)
	}
	return to
}

// microsOf returns the stored form of an instant: microseconds since 1970.
func microsOf(t time.Time) int64 {
	n := instantOf(t)
	if n < 0 {
		n -= 999
	}
	return n / 1000
}

// routeFamilies packs the families of a path's addresses: router, peer, next hop
// and prefix, from the lowest bits up.
func routeFamilies(k *bgp.PeerKey, nextHop, prefix netip.Addr) uint8 {
	return uint8(familyOf(k.Router) | familyOf(k.Peer)<<2 | familyOf(nextHop)<<4 | familyOf(prefix)<<6)
}
