package rules

import (
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// LineNetworks is what one line carried between one pair of networks on one
// local day. Networks are the most specific ledger prefixes that cover the
// addresses, or their /24 or /48 where none does, as they were at ingest.
type LineNetworks struct {
	Line string
	Day  registry.Date
	// Near is the network on the customer's side of the interface, Far the
	// other one.
	Near, Far netip.Prefix
	// FromCustomer and ToCustomer are bytes scaled by the sampling rate.
	FromCustomer, ToCustomer uint64
	// Samples is the number of packets that were really seen.
	Samples uint64
	// Unscaled is the number of exported bytes whose sampling rate is not
	// known; they are in no other figure.
	Unscaled uint64
}

// LineSource is what one line carried between one network on the customer's side
// and all networks at its far end on one local day.
type LineSource struct {
	Line    string
	Day     registry.Date
	Network netip.Prefix
	// FromCustomer and ToCustomer are bytes scaled by the sampling rate.
	FromCustomer, ToCustomer uint64
	// Samples is the number of packets from the network that were really seen.
	Samples uint64
	// Unscaled is the number of exported bytes whose sampling rate is not known.
	Unscaled uint64
}

// LineService is an address and port of a line that networks at the line's
// other end used as a server on one day. The port is 0 where the protocol has
// none.
type LineService struct {
	Line string
	Day  registry.Date
	// Server is the address where it is in an allocation that is no subscriber
	// pool or in a declared end, else its network.
	Server netip.Prefix
	// Near is set when the server is on the customer's side of the interface.
	Near bool
	Port uint16
	// Peers counts distinct client addresses.
	Peers uint64
	// Clients are the networks of the clients, ordered; no more than 4,096, the
	// most active ones.
	Clients []ServiceClient
	Bytes   uint64
	Samples uint64
}

// ServiceClient is a network that used a service.
type ServiceClient struct {
	Network netip.Prefix
	ASN     uint32 // origin of the network at that time, 0 if unknown
	Bytes   uint64
	Samples uint64
}

// AllocationID names an allocation as filed.
type AllocationID = netip.Prefix

// AllocationDay is what all addresses of one allocation did on one local day.
// Out is from the allocation, In to it.
type AllocationDay struct {
	Allocation AllocationID
	Day        registry.Date
	Out, In    uint64 // bytes
	Samples    uint64
	Unscaled   uint64
	// OutByHour and InByHour are bytes per local hour of the day.
	OutByHour, InByHour [24]uint64
	// WebOut are bytes from TCP and UDP ports 80 and 443 of the allocation.
	WebOut uint64
	// ServedNetworks and ServedASNs count the distinct remote networks (/24,
	// /48 or the ledger's) and origins to which addresses of the allocation were
	// the serving end, FilledNetworks those that served them. Unknown origins
	// count together as one.
	ServedNetworks, ServedASNs uint64
	FilledNetworks, FilledASNs uint64
	// Exporters saw it.
	Exporters []netip.Addr
}

// AllocationHost is what one address of an allocation did on one local day: as
// a server on Port, or all else it did where Port is 0.
type AllocationHost struct {
	Allocation AllocationID
	Day        registry.Date
	Address    netip.Addr
	Port       uint16
	Out, In    uint64 // bytes
	Samples    uint64
	// Peers counts distinct remote addresses. Networks and ASNs count their
	// networks and origins where Port is not 0.
	Peers, Networks, ASNs uint64
	// Hours has bit h set when it was active in local hour h.
	Hours uint32
	// Sessions counts distinct (local port, remote address, remote port) seen
	// over the day where Port is 0, and PeakSessions is the largest number in
	// one 5-minute bin, scaled by the sampling rate; both are counted only of
	// allocations with translated addresses.
	Sessions, PeakSessions uint64
}

// AllocationSource is what an allocation took from one remote network as its
// client on one local day.
type AllocationSource struct {
	Allocation AllocationID
	Day        registry.Date
	Network    netip.Prefix
	ASN        uint32 // 0 if unknown
	In, Out    uint64 // bytes
	WebIn      uint64 // bytes of In from remote ports 80 and 443
	Samples    uint64
}

// ContactKind says how an address dealt with a remote network.
type ContactKind uint8

// The kinds of contact.
const (
	// ContactTunnel is IP protocol 4, 41, 47, 50, 51, 94 or 115, UDP port 500,
	// 4500, 1194, 1701 or 51820, or TCP or UDP port 1723 or 1194 of the serving
	// end.
	ContactTunnel ContactKind = iota
	// ContactAnswer is an answer from port 53 or 853 of the address.
	ContactAnswer
	// ContactQuery is a query of the address to port 53 or 853.
	ContactQuery
	// ContactOther is anything else, told of addresses in the UTC hours in which
	// they had tunnels.
	ContactOther
)

// AllocationContact is what one address exchanged with one remote network on
// one local day. Answers count bytes out only, so that a scan of silent
// addresses is none.
type AllocationContact struct {
	Allocation AllocationID
	Day        registry.Date
	Address    netip.Addr
	Network    netip.Prefix
	Kind       ContactKind
	Out, In    uint64 // bytes
	Samples    uint64
}

// AllocationEntry is what entered the carrier with source addresses of an
// allocation through one interface on one local day. Flows that cross several
// exporters count at every one: the rule picks by the role of the interface.
type AllocationEntry struct {
	Allocation AllocationID
	Day        registry.Date
	Exporter   netip.Addr
	InIf       uint32
	Line       string // whose interface it is on that day, empty if none
	Bytes      uint64
	Samples    uint64
}

// ExporterBooks is the account of one exporter over a span.
type ExporterBooks struct {
	Exporter netip.Addr
	// Received, Stored and Missed count records; Missed is what the sequence
	// numbers say never arrived.
	Received, Stored, Missed uint64
	// Minutes is the number of minutes in which something arrived: data, options
	// or templates.
	Minutes uint64
	// Expected is the number of minutes of the span in which the exporter should
	// have been heard, and Silent in how many of them it fell silent beyond its
	// habit, as Hearing.Silence says.
	Expected, Silent uint64
	// Counted compares the interfaces of the exporter with their own counters;
	// empty where there are none.
	Counted []CountedInterface
}

// Add adds the account of another exporter of the same subject. Silence weighs
// by minutes: a silent exporter may have had the traffic or may not.
func (b *ExporterBooks) Add(other ExporterBooks) {
	b.Received += other.Received
	b.Stored += other.Stored
	b.Missed += other.Missed
	b.Minutes += other.Minutes
	b.Expected += other.Expected
	b.Silent += other.Silent
	b.Counted = slices.Concat(b.Counted, other.Counted)
}

// of returns the comparisons of one interface.
func (b *ExporterBooks) of(index uint32) (list []CountedInterface) {
	for i := range b.Counted {
		if b.Counted[i].Interface == index {
			list = append(list, b.Counted[i])
		}
	}
	return list
}

// Completeness is the share of what was to be expected that really arrived,
// between 0 and 1: the share of records that were stored of those that arrived
// or that sequence numbers say are missing, or where less, the share of minutes
// in which the exporter did not fall silent. They are not multiplied: what was
// sent in a silence and lost is in the sequence numbers too. Where less, it is the
// share of octets whose flows can be relied on by the interfaces' own counters. An
// exporter that was never heard has completeness 0.
func (b ExporterBooks) Completeness() float64 {
	records := b.Received + b.Missed
	if records == 0 {
		return 0
	}
	share := min(1, float64(b.Stored)/float64(records))
	if b.Expected > 0 {
		share = min(share, 1-float64(b.Silent)/float64(b.Expected))
	}
	if len(b.Counted) > 0 {
		share = min(share, AccountCounters(b.Counted).Reliable)
	}
	return share
}
