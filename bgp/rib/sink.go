package rib

import (
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// Reason says why a path changed.
type Reason uint8

// The reasons.
const (
	Announced   Reason = iota // the peer announced it
	Withdrawn                 // the peer withdrew it
	SessionLost               // the session went down: not a withdrawal by the peer
	NotRenewed                // stale, and not announced again before the end of RIB
	StaleOver                 // stale for longer than Config.StaleTime, or through two restarts
	Revalidated               // the peer said nothing: other payloads give the path another validity
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Announced:
		return "announced"
	case Withdrawn:
		return "withdrawn"
	case SessionLost:
		return "session lost"
	case NotRenewed:
		return "not renewed"
	case StaleOver:
		return "stale time over"
	case Revalidated:
		return "revalidated"
	}
	return "unknown"
}

// Change is one change of one path. Old is nil for a new path and New for a
// lost one; they are never both nil, and the same only if Reason is Revalidated.
type Change struct {
	Reason        Reason
	Peer          bgp.PeerKey
	PeerAS        uint32
	Time          time.Time // of the event, by its source's clock; of the loss when a session was lost
	Prefix        netip.Prefix
	Distinguisher uint64
	PathID        uint32
	Old, New      *Attributes
	Validity      Validity // of New; NotChecked without payloads
}

// PeerChange says that something happened to a whole peer. Family is set for
// the end of RIB alone.
type PeerChange struct {
	Kind   bgp.EventKind // PeerUp, PeerDown, PeerStale or EndOfRIB
	Peer   bgp.PeerKey
	PeerAS uint32
	Family bgp.Family
	Time   time.Time
}

// Sink is told what changes, so that a store can keep intervals. Changes of one
// path come in their order, each exactly once; an announcement that repeats
// what was known is no change. Both methods are called under locks of the RIB:
// they must return soon, must not call the RIB, and must copy the change if
// they keep it (its attributes may be kept as they are). A sink that blocks
// delays the writers, never the lookups.
type Sink interface {
	Change(c *Change)
	PeerChange(c *PeerChange)
}

// noSink is the sink where none is given.
type noSink struct{}

func (noSink) Change(*Change)         {}
func (noSink) PeerChange(*PeerChange) {}
