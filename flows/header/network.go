package header

import (
	"encoding/binary"
	"net/netip"
)

// Protocol numbers of transports and of the IPv6 extension headers that are
// passed over. ESP (50) and AH (51) are not: they are what the packet is, for
// IPv4 and IPv6 alike.
const (
	protoHopByHop   = 0
	protoICMP       = 1
	protoTCP        = 6
	protoUDP        = 17
	protoDCCP       = 33
	protoRouting    = 43
	protoFragment   = 44
	protoICMPv6     = 58
	protoDstOptions = 60
	protoSCTP       = 132
	protoMobility   = 135
	protoUDPLite    = 136
	protoHIP        = 139
	protoShim6      = 140
)

// ipv4 reads an IPv4 header (RFC 791 section 3.1).
func (p *parser) ipv4() Result {
	b := p.rest
	if len(b) < 20 || b[0]>>4 != 4 {
		return Malformed
	}
	size := int(b[0]&0x0f) * 4
	if size < 20 {
		return Malformed
	}
	r := p.rec
	r.ToS = b[1]
	r.Proto = b[9]
	r.Src = netip.AddrFrom4([4]byte(b[12:16]))
	r.Dst = netip.AddrFrom4([4]byte(b[16:20]))
	total := int(binary.BigEndian.Uint16(b[2:]))
	p.bytes(total, size)
	if total >= size && total < len(b) {
		b = b[:total]
	}
	if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return Whole // a later fragment has no transport header
	}
	if len(b) < size {
		return Cut
	}
	return p.transport(b[size:])
}

// ipv6 reads an IPv6 header and the extension headers behind it (RFC 8200
// sections 3 and 4).
func (p *parser) ipv6() Result {
	b := p.rest
	if len(b) < 40 || b[0]>>4 != 6 {
		return Malformed
	}
	r := p.rec
	r.ToS = uint8(binary.BigEndian.Uint16(b) >> 4)
	r.Proto = b[6]
	r.Src = netip.AddrFrom16([16]byte(b[8:24]))
	r.Dst = netip.AddrFrom16([16]byte(b[24:40]))
	payload := int(binary.BigEndian.Uint16(b[4:]))
	total := 0 // a payload length of 0 is a jumbogram (RFC 2675) or an offload
	if payload > 0 {
		total = 40 + payload
	}
	p.bytes(total, 40)
	if total > 0 && total < len(b) {
		b = b[:total]
	}
	return p.extensions(b[40:])
}

// extensions passes over IPv6 extension headers to the upper-layer header.
func (p *parser) extensions(b []byte) Result {
	for range maxNesting {
		switch p.rec.Proto {
		case protoHopByHop, protoRouting, protoDstOptions, protoMobility, protoHIP, protoShim6:
			if len(b) < 2 {
				return Cut
			}
			p.rec.Proto = b[0]
			size := int(b[1])*8 + 8
			if len(b) < size {
				return Cut
			}
			b = b[size:]
		case protoFragment:
			if len(b) < 8 {
				return Cut
			}
			p.rec.Proto = b[0]
			if binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 {
				return Whole // a later fragment has no transport header
			}
			b = b[8:]
		default:
			return p.transport(b)
		}
	}
	return Cut
}

// transport reads ports and flags, or ICMP type and code.
func (p *parser) transport(b []byte) Result {
	r := p.rec
	switch r.Proto {
	case protoTCP, protoUDP, protoSCTP, protoDCCP, protoUDPLite:
		if len(b) < 4 {
			return Cut
		}
		r.SrcPort = binary.BigEndian.Uint16(b)
		r.DstPort = binary.BigEndian.Uint16(b[2:])
		if r.Proto != protoTCP {
			return Whole
		}
		if len(b) < 14 {
			return Cut
		}
		r.TCPFlags = binary.BigEndian.Uint16(b[12:]) & 0x0fff // RFC 7125
	case protoICMP, protoICMPv6:
		if len(b) < 2 {
			return Cut
		}
		r.ICMP = binary.BigEndian.Uint16(b)
	}
	return Whole
}

// bytes sets the length of the IP packet at p.rest, whose header says total (0
// if it does not say) and is size octets long.
func (p *parser) bytes(total, size int) {
	onWire := 0 // what is left of the frame behind its link headers
	if p.frameLen >= p.frame {
		onWire = p.frameLen - (p.frame - len(p.rest))
	}
	switch {
	case total >= size && (onWire == 0 || total <= onWire):
		p.rec.Bytes = uint64(total)
	case onWire > 0:
		if bare := onWire - p.stripped; bare >= len(p.rest) {
			onWire = bare
		}
		p.rec.Bytes = uint64(onWire)
	default:
		p.rec.Bytes = uint64(len(p.rest))
	}
}
