package bmp

import (
	"sync/atomic"

	"github.com/linewarden/linewarden/bgp/wire"
)

// Reason says why a message was refused. It is a small fixed set, fit for the
// label of a counter.
type Reason uint8

// The reasons.
const (
	ReasonVersion   Reason = iota // not version 3; ends the connection
	ReasonLength                  // of the message; ends the connection
	ReasonType                    // of the message
	ReasonPeer                    // the per-peer header is short or of an unknown type
	ReasonMalformed               // what follows it does not fit the message
	ReasonNoPeer                  // of a peer that is not up
	ReasonPeers                   // the router has too many peers
	ReasonOpen                    // an OPEN of a Peer Up notification is malformed
	ReasonUpdate                  // the UPDATE is malformed; wire counts how
	ReasonFamily                  // nothing but families that are not read
	ReasonMirroring               // skipped, as it repeats what was monitored
	ReasonPanic                   // the decoder failed; its own fault, contained

	reasons
)

var reasonNames = [...]string{
	"version", "length", "type", "peer", "malformed", "no_peer", "peers", "open", "update", "family", "mirroring", "panic",
}

// String returns the reason in lower case with underscores.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "other"
}

// Books count what became of the messages of one router, over all its
// connections. One goroutine writes while others read.
type Books struct {
	messages atomic.Uint64
	applied  [types]atomic.Uint64
	refused  [reasons]atomic.Uint64
	cut      atomic.Uint64
	updates  wire.Books
}

func (b *Books) refuse(r Reason) { b.refused[r].Add(1) }

// Count is a copy of books at one time. Messages = the sum of Applied and
// Refused once no message is being handled.
type Count struct {
	Messages uint64
	Applied  map[Type]uint64
	Refused  map[Reason]uint64
	Cut      uint64     // octets of messages that never came whole
	Updates  wire.Count // what the UPDATEs of Route Monitoring messages held
}

// Count returns what was counted. Maps hold no zeros.
func (b *Books) Count() Count {
	c := Count{
		Messages: b.messages.Load(), Cut: b.cut.Load(), Updates: b.updates.Count(),
		Applied: make(map[Type]uint64), Refused: make(map[Reason]uint64),
	}
	for i := range b.applied {
		if n := b.applied[i].Load(); n > 0 {
			c.Applied[Type(i)] = n
		}
	}
	for i := range b.refused {
		if n := b.refused[i].Load(); n > 0 {
			c.Refused[Reason(i)] = n
		}
	}
	return c
}
