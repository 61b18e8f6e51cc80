package header

import (
	"encoding/binary"

	"github.com/linewarden/linewarden/flows"
)

// Link says with which protocol a sampled header starts.
type Link uint8

// The link protocols that are read.
const (
	// Ethernet is an IEEE 802.3 frame from its destination address on.
	Ethernet Link = iota + 1
	// IP is an IPv4 or IPv6 packet without link header.
	IP
	// MPLS is a label stack (RFC 3032) and what follows it.
	MPLS
	// PPP is a PPP frame (RFC 1661), with or without HDLC address and control.
	PPP
)

// Result says how far a header could be read.
type Result uint8

// The results of Parse.
const (
	// Whole means that addresses and, where the protocol has them, ports were
	// read.
	Whole Result = iota
	// Cut means that the addresses were read and the header ends before the
	// ports, flags or ICMP type.
	Cut
	// NotIP means that the frame carries something else than IP.
	NotIP
	// Malformed means that the header ends or contradicts itself before the
	// end of the addresses.
	Malformed
)

// String returns the name of the result.
func (r Result) String() string {
	switch r {
	case Whole:
		return "whole"
	case Cut:
		return "cut"
	case NotIP:
		return "not IP"
	case Malformed:
		return "malformed"
	}
	return "unknown"
}

// EtherTypes and PPP protocol numbers that lead to IP.
const (
	etherIPv4       = 0x0800
	etherIPv6       = 0x86dd
	etherVLAN       = 0x8100
	etherQinQ       = 0x88a8
	etherQinQOld    = 0x9100
	etherQinQOlder  = 0x9200
	etherMPLS       = 0x8847
	etherMPLSMulti  = 0x8848
	etherPPPoE      = 0x8864
	etherBridged    = 0x6558 // Ethernet again, behind a pseudowire
	etherNone       = 0xffff // reserved, never on the wire as a type
	etherLastLength = 1500   // up to here the field is an IEEE 802.3 length

	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
	pppMPLS = 0x0281
)

// maxNesting bounds the number of link headers and of IPv6 extension headers
// that are followed; real packets have fewer than eight of each.
const maxNesting = 16

// parser is the state of one Parse; it lives on the stack.
type parser struct {
	rec      *flows.Record
	rest     []byte // what is not read yet
	frame    int    // captured bytes at the start
	frameLen int    // bytes of the frame on the wire, 0 if not known
	stripped int    // bytes of frameLen that stand before or behind the frame
	tagged   bool   // a VLAN tag was seen
	labelled bool   // an MPLS label was seen
}

// Parse reads the sampled header in frame, which starts with a header of link,
// into r: addresses, ports, protocol, TCP flags, ToS, ICMP type and code, the
// outermost VLAN (as both SrcVLAN and DstVLAN), the top MPLS label, and Bytes.
// Fields that the header does not give are left as they are.
//
// The frameLen is the length in octets of the frame as it was on the wire,
// without trailer; 0 if not known. Bytes are those of the IP packet: its own
// total length where that fits into the frame, which leaves out the padding of
// short frames, else the frame length less the link headers.
func Parse(link Link, frame []byte, frameLen uint32, r *flows.Record) Result {
	return ParseStripped(link, frame, frameLen, 0, r)
}

// ParseStripped does what Parse does for a frame that was stripped of octets
// before its header was taken, while frameLen counts them: encapsulations in
// front, the frame check sequence behind. They are left out of Bytes where the
// IP packet does not say its own length. Where it does it is believed up to
// frameLen, because some exporters take stripped for what the sampled header
// leaves out.
func ParseStripped(link Link, frame []byte, frameLen, stripped uint32, r *flows.Record) Result {
	p := parser{rec: r, rest: frame, frame: len(frame)}
	if frameLen < 1<<30 {
		p.frameLen = int(frameLen)
	}
	p.stripped = int(min(stripped, 1<<30))
	switch link {
	case Ethernet:
		return p.walk(etherBridged)
	case IP:
		return p.walk(versionType(frame))
	case MPLS:
		return p.walk(etherMPLS)
	case PPP:
		if len(frame) >= 2 && frame[0] == 0xff && frame[1] == 0x03 {
			p.rest = frame[2:]
		}
		return p.walk(p.ppp())
	}
	return NotIP
}

// walk follows link headers from a header of the given type to the IP header.
// A negative type stands for a header that is not complete.
func (p *parser) walk(kind int) Result {
	for range maxNesting {
		switch kind {
		case etherIPv4:
			return p.ipv4()
		case etherIPv6:
			return p.ipv6()
		case etherVLAN, etherQinQ, etherQinQOld, etherQinQOlder:
			kind = p.vlan()
		case etherMPLS, etherMPLSMulti:
			kind = p.mpls()
		case etherPPPoE:
			kind = p.pppoe()
		case etherBridged:
			kind = p.ethernet()
		default:
			if kind < 0 {
				return Malformed
			}
			return NotIP
		}
	}
	return NotIP
}

// take returns the next n bytes and moves past them, nil if there are fewer.
func (p *parser) take(n int) []byte {
	if len(p.rest) < n {
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// ethernet reads destination, source and type, and an LLC/SNAP header where
// the type is a length (IEEE 802.2).
func (p *parser) ethernet() int {
	b := p.take(14)
	if b == nil {
		return -1
	}
	return p.llc(int(binary.BigEndian.Uint16(b[12:])))
}

func (p *parser) llc(kind int) int {
	if kind > etherLastLength {
		return kind
	}
	if len(p.rest) < 8 {
		return -1
	}
	if p.rest[0] != 0xaa || p.rest[1] != 0xaa || p.rest[2] != 0x03 {
		return etherNone
	}
	return int(binary.BigEndian.Uint16(p.take(8)[6:]))
}

// vlan reads an 802.1Q or 802.1ad tag. The outermost tag is kept.
func (p *parser) vlan() int {
	b := p.take(4)
	if b == nil {
		return -1
	}
	if !p.tagged {
		id := binary.BigEndian.Uint16(b) & 0x0fff
		p.rec.SrcVLAN, p.rec.DstVLAN = id, id
		p.tagged = true
	}
	return p.llc(int(binary.BigEndian.Uint16(b[2:])))
}

// mpls reads a label stack (RFC 3032 section 2.1) to its bottom. What follows
// is told by its first nibble, as routers do (RFC 4928): 4 and 6 are IP, 0 is
// the control word of a pseudowire (RFC 4385), taken as one of Ethernet.
func (p *parser) mpls() int {
	for range maxNesting {
		b := p.take(4)
		if b == nil {
			return -1
		}
		entry := binary.BigEndian.Uint32(b)
		if !p.labelled {
			p.rec.MPLSLabel = entry >> 12
			p.labelled = true
		}
		if entry&0x100 == 0 {
			continue
		}
		if len(p.rest) > 0 && p.rest[0]>>4 == 0 {
			if p.take(4) == nil {
				return -1
			}
			return etherBridged
		}
		return versionType(p.rest)
	}
	return etherNone
}

// pppoe reads the header of a PPPoE session (RFC 2516 section 4).
func (p *parser) pppoe() int {
	b := p.take(6)
	if b == nil {
		return -1
	}
	if b[0] != 0x11 || b[1] != 0 {
		return etherNone
	}
	return p.ppp()
}

// ppp reads a PPP protocol number, which is one octet long if compressed.
func (p *parser) ppp() int {
	if len(p.rest) > 0 && p.rest[0]&1 == 1 {
		return pppType(int(p.take(1)[0]))
	}
	b := p.take(2)
	if b == nil {
		return -1
	}
	return pppType(int(binary.BigEndian.Uint16(b)))
}

func pppType(protocol int) int {
	switch protocol {
	case pppIPv4:
		return etherIPv4
	case pppIPv6:
		return etherIPv6
	case pppMPLS:
		return etherMPLS
	}
	return etherNone
}

// versionType tells IPv4 from IPv6 by the version in the first nibble.
func versionType(packet []byte) int {
	if len(packet) == 0 {
		return -1
	}
	switch packet[0] >> 4 {
	case 4:
		return etherIPv4
	case 6:
		return etherIPv6
	}
	return etherNone
}
