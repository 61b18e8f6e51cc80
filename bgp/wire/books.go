package wire

import (
	"strconv"
	"sync/atomic"
)

// Reason says why a message, its routes or one of its attributes was not taken
// as it came. It is a small fixed set, fit for the label of a counter.
type Reason uint8

// The reasons. Those of the first group refuse a message whole; RFC 7606 asks
// for the session to be reset, except for ReasonFamily. Those of the second make
// its announcements withdrawals. Those of the third cost one attribute.
const (
	ReasonNone Reason = iota

	ReasonHeader    // marker, length or type of the header
	ReasonLength    // the lengths inside do not fit the message
	ReasonNLRI      // a prefix of the message's own fields is malformed
	ReasonMPReach   // MP_REACH_NLRI: next hop or prefix malformed
	ReasonMPUnreach // MP_UNREACH_NLRI: prefix malformed
	ReasonMPTwice   // more than one MP_REACH_NLRI or MP_UNREACH_NLRI
	ReasonFamily    // nothing but families that are not read
	ReasonPanic     // the decoder failed; its own fault, contained

	ReasonAttributeLength // an attribute runs over the attributes' end
	ReasonFlags           // optional or transitive bit against the type
	ReasonOrigin
	ReasonASPath
	ReasonNextHop
	ReasonMED
	ReasonLocalPref
	ReasonCommunities
	ReasonExtendedCommunities
	ReasonLargeCommunities
	ReasonOriginatorID
	ReasonClusterList
	ReasonNoOrigin  // mandatory, and missing
	ReasonNoASPath  // mandatory, and missing
	ReasonNoNextHop // mandatory, and missing

	ReasonAtomicAggregate
	ReasonAggregator
	ReasonAS4Path
	ReasonAS4Aggregator
	ReasonRepeated  // an attribute a second time
	ReasonWellKnown // not optional, and not known

	reasons
)

var reasonNames = [...]string{
	"none",
	"header", "length", "nlri", "mp_reach", "mp_unreach", "mp_twice", "family", "panic",
	"attribute_length", "flags", "origin", "as_path", "next_hop", "med", "local_pref", "communities",
	"extended_communities", "large_communities", "originator_id", "cluster_list",
	"no_origin", "no_as_path", "no_next_hop",
	"atomic_aggregate", "aggregator", "as4_path", "as4_aggregator", "repeated", "well_known",
}

// String returns the reason in lower case with underscores.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "reason_" + strconv.Itoa(int(r))
}

// Refusal is the error of a message that is refused whole.
type Refusal struct {
	Reason Reason
}

// Error says why the message was refused.
func (r *Refusal) Error() string { return "refuse message: " + r.Reason.String() }

// Resets tells whether a speaker must reset the session for it (RFC 7606 section
// 5): the prefixes of the message cannot be known.
func (r *Refusal) Resets() bool { return r.Reason != ReasonFamily && r.Reason != ReasonPanic }

// Ignored is a family whose routes are skipped.
type Ignored uint8

// ignoredNames are the families known by name; the last is every other one.
var ignoredNames = [...]struct {
	afi  uint16
	safi uint8
	name string
}{
	{1, 2, "ipv4_multicast"},
	{2, 2, "ipv6_multicast"},
	{1, 4, "ipv4_labelled"},
	{2, 4, "ipv6_labelled"},
	{1, 5, "ipv4_mvpn"},
	{2, 5, "ipv6_mvpn"},
	{1, 73, "ipv4_sr_policy"},
	{2, 73, "ipv6_sr_policy"},
	{1, 85, "ipv4_mup"},
	{2, 85, "ipv6_mup"},
	{1, 132, "route_target"},
	{1, 133, "ipv4_flowspec"},
	{2, 133, "ipv6_flowspec"},
	{1, 134, "ipv4_vpn_flowspec"},
	{2, 134, "ipv6_vpn_flowspec"},
	{25, 65, "vpls"},
	{25, 70, "evpn"},
	{16388, 71, "link_state"},
	{16388, 72, "vpn_link_state"},
	{0, 0, "other"},
}

func ignoredOf(afi uint16, safi uint8) Ignored {
	for i, n := range ignoredNames {
		if n.afi == afi && n.safi == safi {
			return Ignored(i)
		}
	}
	return Ignored(len(ignoredNames) - 1)
}

// String returns the name of the family in lower case with underscores.
func (f Ignored) String() string {
	if int(f) < len(ignoredNames) {
		return ignoredNames[f].name
	}
	return "other"
}

// Books count what became of messages. One goroutine may read messages while
// others read the books.
type Books struct {
	messages, used, other           atomic.Uint64
	announced, withdrawn, endOfRIBs atomic.Uint64
	refused, treated, discarded     [reasons]atomic.Uint64
	ignored                         [len(ignoredNames)]atomic.Uint64
}

// Count is a copy of books at one time. Messages = Used + Other + the sum of Refused.
type Count struct {
	Messages  uint64 // messages given to the decoder
	Used      uint64 // UPDATEs that were read
	Other     uint64 // OPEN, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH
	Announced uint64 // announce events
	Withdrawn uint64 // withdraw events, with those of Treated
	EndOfRIBs uint64 // end-of-RIB events
	Refused   map[Reason]uint64
	Treated   map[Reason]uint64 // announced routes treated as withdrawn
	Discarded map[Reason]uint64 // attributes
	// Ignored counts the blocks of families that are not read; those of a
	// message that held nothing else are in Refused as well.
	Ignored map[Ignored]uint64
}

// Count returns what was counted. Maps hold no zeros.
func (b *Books) Count() Count {
	c := Count{
		Messages: b.messages.Load(), Used: b.used.Load(), Other: b.other.Load(),
		Announced: b.announced.Load(), Withdrawn: b.withdrawn.Load(), EndOfRIBs: b.endOfRIBs.Load(),
		Refused: present(&b.refused), Treated: present(&b.treated), Discarded: present(&b.discarded),
		Ignored: make(map[Ignored]uint64),
	}
	for i := range b.ignored {
		if n := b.ignored[i].Load(); n > 0 {
			c.Ignored[Ignored(i)] = n
		}
	}
	return c
}

func present(counters *[reasons]atomic.Uint64) map[Reason]uint64 {
	m := make(map[Reason]uint64)
	for i := range counters {
		if n := counters[i].Load(); n > 0 {
			m[Reason(i)] = n
		}
	}
	return m
}
