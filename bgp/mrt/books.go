package mrt

import (
	"maps"
	"strconv"

	"github.com/linewarden/linewarden/bgp/wire"
)

// Reason says why a record was refused. It is a small fixed set.
type Reason uint8

// The reasons.
const (
	ReasonType    Reason = iota // a type that holds no routes we read, as OSPF
	ReasonSubtype               // a subtype that holds no routes we read
	ReasonFamily                // a table or peer of a family that is not read
	ReasonLength                // fields run over the record's end
	ReasonTooLong               // longer than MaxRecord
	ReasonPrefix                // the prefix of a table is malformed
	ReasonPeer                  // an entry names a peer that no table of peers has
	ReasonMessage               // the message was refused; Messages says why

	reasons
)

var reasonNames = [...]string{"type", "subtype", "family", "length", "too_long", "prefix", "peer", "message"}

// String returns the reason in lower case with underscores.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "reason_" + strconv.Itoa(int(r))
}

// Kind is the type and subtype of a record.
type Kind struct {
	Type, Subtype uint16
}

// Count is what a reader counted. Records = Used + the sum of Refused.
type Count struct {
	Records uint64 // whole records
	Used    uint64
	Refused map[Reason]uint64
	Kinds   map[Kind]uint64

	States  uint64 // state changes, with those that make no event
	Peers   uint64 // peers of the last table of peers
	Entries uint64 // entries of tables; = Routes + the sum of EntriesRefused
	Routes  uint64 // announced by entries
	// EntriesRefused counts entries whose attributes are not usable.
	EntriesRefused map[wire.Reason]uint64
	// Messages counts the BGP messages of records, and what was discarded of entries.
	Messages wire.Count
}

// Count returns what was counted so far.
func (r *Reader) Count() Count {
	c := r.count
	c.Refused = make(map[Reason]uint64)
	for i, n := range r.refused {
		if n > 0 {
			c.Refused[Reason(i)] = n
		}
	}
	c.Kinds = maps.Clone(r.count.Kinds)
	c.EntriesRefused = maps.Clone(r.count.EntriesRefused)
	c.Messages = r.books.Count()
	return c
}
