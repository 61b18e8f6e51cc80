package flows

import (
	"net/netip"
	"time"
)

// Record is one unidirectional flow as an exporter reported it, with every
// field in host byte order. A zero field means that the exporter did not say.
// A Record is a plain value: it owns all of its memory apart from Source and
// the strings of Labels, which point into immutable snapshots.
type Record struct {
	// Source is who exported the record.
	Source Source
	// Received is when the datagram arrived, or its time in a capture.
	Received time.Time
	// Exported is the instant in whose minute the books count the record: the
	// export time of its datagram where the exporter's clock is believed, else
	// Received. Decoders set it, sinks account by it.
	Exported time.Time
	// Start and End bound the flow in event time, to the nanosecond the
	// exporter gives. For sFlow both are Received.
	Start, End time.Time

	// Src and Dst are the addresses of the IP header; IPv4 stays IPv4.
	Src, Dst netip.Addr
	// NextHop is the next hop of the exporter's forwarding decision
	// (ipNextHopIPv4Address 15, ipNextHopIPv6Address 62, or the BGP next hop
	// 18/63 where only that is given).
	NextHop netip.Addr

	// Bytes and Packets are as exported, not scaled by SamplingRate. Bytes are
	// those of IP packets, without link headers.
	Bytes, Packets uint64
	// SamplingRate says how many packets one exported packet stands for; 1 is
	// unsampled, 0 is not known (never scaled by a guess).
	SamplingRate uint64

	// InIf and OutIf are SNMP ifIndex values (elements 10 and 14).
	InIf, OutIf uint32
	// SrcAS and DstAS are AS numbers as exported (elements 16 and 17).
	SrcAS, DstAS uint32
	// MPLSLabel is the 20-bit value of the top label (element 70).
	MPLSLabel uint32
	// FlowLabel is not kept: it names no resource that is audited.

	// SrcPort and DstPort are transport ports; zero for protocols without.
	SrcPort, DstPort uint16
	// SrcVLAN and DstVLAN are 802.1Q VLAN ids before and after the exporter
	// (elements 58 and 59).
	SrcVLAN, DstVLAN uint16
	// ICMP is type·256 + code (elements 32 and 139).
	ICMP uint16
	// TCPFlags is the union of the flags seen (element 6).
	TCPFlags uint16
	// Proto is the IP protocol number; for IPv6 the upper-layer protocol.
	Proto uint8
	// ToS is the whole IPv4 ToS or IPv6 traffic class octet.
	ToS uint8
	// ForwardingStatus is element 89 (RFC 7270 section 4.12): the two high
	// bits are 0 unknown, 1 forwarded, 2 dropped, 3 consumed.
	ForwardingStatus uint8
	// Direction is where the packet was metered (element 61).
	Direction Direction
	// SamplingSource says where SamplingRate came from.
	SamplingSource SamplingSource
	// Biflow is set on the record made of the reverse counters of a biflow
	// (RFC 5103).
	Biflow bool
	// ClockSkewed is set when Start and End were replaced because the
	// exporter's clock was too far off.
	ClockSkewed bool

	// Labels is what enrichment adds from ledgers and routes.
	Labels Labels
}

// Source identifies an exporting process as RFC 7011 does: by its address and
// observation domain.
type Source struct {
	// Exporter is the IP source address of the datagrams, or the agent
	// address for sFlow.
	Exporter netip.Addr
	// Domain is the IPFIX observation domain, the NetFlow v9 source id, the
	// NetFlow v5 engine type·256 + engine id, or the sFlow sub-agent id.
	Domain uint32
	// Version is the export protocol.
	Version Version
}

// Labels is what the ledgers and the routing table say about a flow. It is
// filled after decoding, from snapshots, and never by a decoder.
type Labels struct {
	// Line is the line_id whose interface the flow used, empty if none.
	Line string
	// LineDirection tells which way the flow crossed Line.
	LineDirection LineDirection
	// PeerLine is the line the flow left on when it entered on another: Line
	// is then the one it entered on.
	PeerLine string
	// Holder is the enterprise_id that holds the near-end address by the most
	// specific allocation, else the holder of Line.
	Holder string
	// SrcNet and DstNet are the most specific ledger prefixes that cover the
	// addresses, or their privacy-sized networks (/24, /48) where none does. They
	// contain Src and Dst.
	SrcNet, DstNet netip.Prefix
	// SrcAllocation and DstAllocation are the most specific allocations that
	// cover the addresses; invalid if none.
	SrcAllocation, DstAllocation netip.Prefix
	// SrcOrigin and DstOrigin are origin ASNs by the routing table, else by the
	// networks ledger; 0 if unknown.
	SrcOrigin, DstOrigin uint32
}

// Version is the export protocol of a datagram.
type Version uint8

// The export protocols.
const (
	VersionUnknown Version = iota
	NetFlow5
	NetFlow9
	IPFIX
	SFlow5
)

// String returns the name used in records, metrics and books.
func (v Version) String() string {
	switch v {
	case NetFlow5:
		return "netflow5"
	case NetFlow9:
		return "netflow9"
	case IPFIX:
		return "ipfix"
	case SFlow5:
		return "sflow5"
	case VersionUnknown:
	}
	return "unknown"
}

// ParseVersion is the inverse of Version.String; an unknown name gives
// VersionUnknown.
func ParseVersion(s string) Version {
	for v := NetFlow5; v <= SFlow5; v++ {
		if v.String() == s {
			return v
		}
	}
	return VersionUnknown
}

// Direction is the flowDirection of element 61.
type Direction uint8

// The metering directions.
const (
	DirectionUnknown Direction = iota
	Ingress
	Egress
)

// String returns the name used in records.
func (d Direction) String() string {
	switch d {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	case DirectionUnknown:
	}
	return ""
}

// LineDirection tells which way a flow crossed a line, seen from the carrier.
type LineDirection uint8

// The directions of a line.
const (
	LineNone LineDirection = iota
	// FromCustomer entered the carrier through the line's interface.
	FromCustomer
	// ToCustomer left the carrier through the line's interface.
	ToCustomer
)

// String returns the name used in records.
func (d LineDirection) String() string {
	switch d {
	case FromCustomer:
		return "from_customer"
	case ToCustomer:
		return "to_customer"
	case LineNone:
	}
	return ""
}

// SamplingSource says where the sampling rate of a record came from, best
// first.
type SamplingSource uint8

// The sources of a sampling rate.
const (
	// SamplingNone means nothing said how the exporter samples: the rate is 1
	// when the exporter names no sampler, and 0 (unknown) when it names one
	// whose rate never came.
	SamplingNone SamplingSource = iota
	// SamplingRecord is a rate in the record or its datagram header.
	SamplingRecord
	// SamplingOptions is a rate announced in options data.
	SamplingOptions
	// SamplingLedger is the rate of exporters.csv.
	SamplingLedger
)

// String returns the name used in records.
func (s SamplingSource) String() string {
	switch s {
	case SamplingRecord:
		return "record"
	case SamplingOptions:
		return "options"
	case SamplingLedger:
		return "ledger"
	case SamplingNone:
	}
	return "none"
}

// Packet is one export datagram as it came, before decoding.
type Packet struct {
	// Payload is the UDP payload. It belongs to the sender of the Packet and
	// is only valid during the call it is passed to.
	Payload []byte
	// From is the source address and port.
	From netip.AddrPort
	// Received is the arrival time, or the packet's time in a capture. It is
	// zero for a raw payload without one: decoders then take the export time
	// of the message as received.
	Received time.Time
}
