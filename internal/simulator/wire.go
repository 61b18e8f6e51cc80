package simulator

import (
	"encoding/binary"
	"net/netip"
)

// flow is one unidirectional flow as a router would meter it.
type flow struct {
	start, end       int64 // Unix milliseconds
	src, dst         netip.Addr
	nextHop          netip.Addr
	bytes, packets   uint64 // sampled, not scaled
	inIf, outIf      uint32
	srcAS, dstAS     uint32
	sampler          uint32
	srcPort, dstPort uint16
	vlan             uint16
	proto, tos       uint8
	tcpFlags         uint8
	srcMask, dstMask uint8
	line, part       int // who sent it, for the account
	fromCustomer     bool
}

// datagram is one UDP payload with what is inside. The payload is only valid
// until the encoder is used again.
type datagram struct {
	payload []byte
	flows   []flow // the flow records inside; none in what describes them
}

// encoder turns flows into the datagrams of one domain of a router. Both
// methods call emit for every datagram, in order.
type encoder interface {
	// announce sends templates and samplers as of that Unix millisecond.
	announce(at int64, emit func(datagram) error) error
	// export sends flows, which are in the order of their ends.
	export(flows []flow, emit func(datagram) error) error
}

var (
	_ encoder = (*templateEncoder)(nil)
	_ encoder = (*netflow5Encoder)(nil)
	_ encoder = (*sflowEncoder)(nil)
)

// maxPayload keeps a datagram within one Ethernet frame.
const maxPayload = 1400

// uptimeBefore is how long routers had been up when their span starts.
const uptimeBefore = int64(20 * 24 * 60 * 60 * 1000)

// newEncoder returns the encoder of one domain of a router; start is the first
// Unix millisecond of the span.
func newEncoder(r *router, d *domain, start int64) encoder {
	boot := start - uptimeBefore
	switch r.proto {
	case netflow5:
		return &netflow5Encoder{domain: d, boot: boot}
	case sflow5:
		return &sflowEncoder{router: r, domain: d, boot: boot}
	case netflow9, ipfix:
	}
	return newTemplateEncoder(r.proto, d, boot)
}

// ceilSecond returns the first whole second at or after a Unix millisecond.
func ceilSecond(ms int64) int64 { return (ms + 999) / 1000 }

// appendUint appends the low length bytes of v, most significant first, as
// exporters shorten and widen counters.
func appendUint(b []byte, v uint64, length uint16) []byte {
	for i := int(length) - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func append16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }

func append32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// appendAddr appends an address in length bytes; one of the other family is
// all zeros.
func appendAddr(b []byte, a netip.Addr, length uint16) []byte {
	switch {
	case length == 4 && a.Is4():
		raw := a.As4()
		return append(b, raw[:]...)
	case length == 16 && a.Is6():
		raw := a.As16()
		return append(b, raw[:]...)
	}
	return append(b, make([]byte, length)...)
}
