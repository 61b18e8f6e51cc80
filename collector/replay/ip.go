package replay

import (
	"encoding/binary"
	"net/netip"
)

// state says what an IP packet gave.
type state uint8

const (
	// isOther is something else than UDP.
	isOther state = iota
	// isDatagram is a UDP datagram, whole.
	isDatagram
	// isShort is a UDP datagram whose ports were read and whose end is missing.
	isShort
	// isShort0 is a packet that may be UDP and ends before its ports.
	isShort0
	// isFragment is a fragment of a packet that may be UDP.
	isFragment
	// isWaiting is a fragment that was kept.
	isWaiting
	// isBroken is a packet that contradicts its headers.
	isBroken
)

// The protocol numbers that are followed. The rest are not UDP.
const (
	protoHopByHop = 0
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoAuth     = 51
	protoDstOpts  = 60
)

// mostExtensions bounds how many IPv6 extension headers are followed.
const mostExtensions = 16

// datagram is an IP packet on the way to its UDP payload.
type datagram struct {
	src, dst netip.Addr
	proto    uint8
	payload  []byte // what follows the headers read so far
	short    bool   // payload ends before the packet does

	// Of a fragment.
	id     uint32
	offset int
	more   bool

	srcPort, dstPort uint16
}

// parseIP reads an IP packet down to the UDP payload, or to a fragment.
func parseIP(packet []byte) (datagram, state) {
	if len(packet) == 0 {
		return datagram{}, isOther
	}
	switch packet[0] >> 4 {
	case 4:
		return parseIPv4(packet)
	case 6:
		return parseIPv6(packet)
	}
	return datagram{}, isOther
}

func parseIPv4(packet []byte) (datagram, state) {
	if len(packet) < 20 {
		return datagram{}, isShort0
	}
	header, total := int(packet[0]&0x0f)*4, int(binary.BigEndian.Uint16(packet[2:]))
	d := datagram{
		src: netip.AddrFrom4([4]byte(packet[12:])), dst: netip.AddrFrom4([4]byte(packet[16:])),
		proto: packet[9], id: uint32(binary.BigEndian.Uint16(packet[4:])),
	}
	if d.proto != protoUDP {
		return d, isOther
	}
	// A length of zero is a packet the network card had yet to cut up.
	if total == 0 {
		total = len(packet)
	}
	if header < 20 || total < header {
		return d, isBroken
	}
	if len(packet) < header {
		return d, isShort0
	}
	d.short = len(packet) < total
	d.payload = packet[header:min(total, len(packet))]
	flags := binary.BigEndian.Uint16(packet[6:])
	d.more, d.offset = flags&0x2000 != 0, int(flags&0x1fff)*8
	if d.more || d.offset > 0 {
		return d, isFragment
	}
	return parseUDP(d)
}

func parseIPv6(packet []byte) (datagram, state) {
	if len(packet) < 40 {
		return datagram{}, isShort0
	}
	total := 40 + int(binary.BigEndian.Uint16(packet[4:]))
	d := datagram{
		src: netip.AddrFrom16([16]byte(packet[8:])), dst: netip.AddrFrom16([16]byte(packet[24:])),
		proto: packet[6], short: len(packet) < total,
	}
	d.payload = packet[40:min(total, len(packet))]
	return parseExtensions(d)
}

// parseExtensions follows IPv6 extension headers (RFC 8200 section 4) to UDP or
// to a fragment header.
func parseExtensions(d datagram) (datagram, state) {
	for range mostExtensions {
		size := 0
		switch d.proto {
		case protoUDP:
			return parseUDP(d)
		case protoHopByHop, protoRouting, protoDstOpts:
			if len(d.payload) >= 2 {
				size = 8 + int(d.payload[1])*8
			}
		case protoAuth: // RFC 4302 section 2.2
			if len(d.payload) >= 2 {
				size = 8 + int(d.payload[1])*4
			}
		case protoFragment:
			size = 8
		default:
			return d, isOther
		}
		if size == 0 || len(d.payload) < size {
			if d.short {
				return d, isShort0
			}
			return d, isBroken
		}
		header := d.payload[:size]
		fragment := d.proto == protoFragment
		d.proto, d.payload = header[0], d.payload[size:]
		if fragment && fragmentHeader(&d, header) {
			return d, fragmentOf(d.proto)
		}
	}
	return d, isOther
}

// fragmentOf tells whether fragments with this header behind them may be UDP.
func fragmentOf(proto uint8) state {
	if proto == protoUDP || proto == protoDstOpts || proto == protoAuth {
		return isFragment
	}
	return isOther
}

// fragmentHeader reads an IPv6 fragment header and tells whether the packet is
// one of several fragments.
func fragmentHeader(d *datagram, header []byte) bool {
	field := binary.BigEndian.Uint16(header[2:])
	d.more, d.offset = field&1 != 0, int(field&^7)
	d.id = binary.BigEndian.Uint32(header[4:])
	return d.more || d.offset > 0
}

// parseUDP reads a UDP header (RFC 768), or the extension headers before it in
// an IPv6 packet that was put together again.
func parseUDP(d datagram) (datagram, state) {
	if d.proto != protoUDP {
		return parseExtensions(d)
	}
	if len(d.payload) < 8 {
		if len(d.payload) >= 4 {
			d.srcPort, d.dstPort = binary.BigEndian.Uint16(d.payload), binary.BigEndian.Uint16(d.payload[2:])
			return d, isShort
		}
		return d, isShort0
	}
	d.srcPort, d.dstPort = binary.BigEndian.Uint16(d.payload), binary.BigEndian.Uint16(d.payload[2:])
	length := int(binary.BigEndian.Uint16(d.payload[4:]))
	if length == 0 && !d.short {
		length = len(d.payload)
	}
	if length < 8 || length > len(d.payload) {
		return d, isShort
	}
	d.payload = d.payload[8:length]
	return d, isDatagram
}
