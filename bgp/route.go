package bgp

import (
	"net/netip"
	"time"
)

// View says which of a router's tables a route was seen in.
type View uint8

// The views.
const (
	ViewAdjIn      View = iota // Adj-RIB-In before policy, or a plain session
	ViewAdjInPost              // Adj-RIB-In after policy (RFC 7854 section 4.2)
	ViewLocal                  // Loc-RIB (RFC 9069)
	ViewAdjOut                 // Adj-RIB-Out before policy (RFC 8671)
	ViewAdjOutPost             // Adj-RIB-Out after policy (RFC 8671)
)

// Origin is the ORIGIN attribute (RFC 4271 section 5.1.1), as on the wire.
type Origin uint8

// The origins.
const (
	OriginIGP        Origin = 0
	OriginEGP        Origin = 1
	OriginIncomplete Origin = 2
)

// PeerKey names one table of one neighbour of one router. It is comparable.
type PeerKey struct {
	Router        netip.Addr // who told us: the session's far end or the BMP station's client
	Peer          netip.Addr // whose routes they are; equals Router on a plain session, zero for Loc-RIB
	Distinguisher uint64     // route distinguisher of the peer's instance, 0 = the global one (RFC 7854 section 4.2)
	View          View
}

// Route is one path to one prefix. Its slices are shared and must not be changed.
type Route struct {
	Prefix           netip.Prefix // masked
	Distinguisher    uint64       // of a VPN route (RFC 4364 section 4.2), 0 = none
	PathID           uint32       // ADD-PATH identifier (RFC 7911), 0 = none
	Path             ASPath
	Origin           Origin
	NextHop          netip.Addr
	MED              uint32 // valid if HasMED
	LocalPref        uint32 // valid if HasLocalPref
	HasMED           bool
	HasLocalPref     bool
	Communities      []uint32    // RFC 1997, the AS number in the upper half
	LargeCommunities [][3]uint32 // RFC 8092
}

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	Announce  EventKind = iota // Route is new, or replaces the one of the same prefix and path id
	Withdraw                   // only Prefix, Distinguisher and PathID of Route are set
	EndOfRIB                   // the peer has sent its whole table of Family (RFC 4724 section 2)
	PeerUp                     // the session is established; nothing of the peer is known yet
	PeerDown                   // the session is lost; this is not a withdrawal by the peer
	PeerStale                  // the session is lost and the peer asked to keep its routes (RFC 4724 section 4.2)
)

// Family is an address family of routes. That of an Announce or Withdraw is the
// family of its prefix, of VPN routes as well; their Distinguisher tells them apart.
type Family uint8

// The families. FamilyNone is that of events about whole peers; FamilyVPNv4 and
// FamilyVPNv6 are those of the EndOfRIB of VPN tables (RFC 4364, RFC 4659) alone.
const (
	FamilyNone Family = iota
	FamilyIPv4
	FamilyIPv6
	FamilyVPNv4
	FamilyVPNv6
)

// FamilyOf returns the family of an address, unmapped, or FamilyNone for the zero address.
func FamilyOf(a netip.Addr) Family {
	switch a = a.Unmap(); {
	case a.Is4():
		return FamilyIPv4
	case a.Is6():
		return FamilyIPv6
	default:
		return FamilyNone
	}
}

// Event is one thing a peer said, or that happened to it.
type Event struct {
	Kind   EventKind
	Family Family
	Peer   PeerKey
	PeerAS uint32
	Time   time.Time // when it happened by the source's own clock, UTC
	Route  Route     // for Announce and Withdraw
}
