package bmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// Type is the type of a message (RFC 7854 section 4.1).
type Type uint8

// The types.
const (
	RouteMonitoring Type = iota
	StatisticsReport
	PeerDown
	PeerUp
	Initiation
	Termination
	RouteMirroring

	types
)

var typeNames = [...]string{
	"route_monitoring", "statistics_report", "peer_down", "peer_up", "initiation", "termination", "route_mirroring",
}

// String returns the type in lower case with underscores.
func (t Type) String() string {
	if t < types {
		return typeNames[t]
	}
	return "other"
}

const (
	version       = 3
	headerLength  = 6  // version, length, type
	peerLength    = 42 // per-peer header, RFC 7854 section 4.2
	peerUpLength  = 20 // local address and ports, RFC 7854 section 4.10
	openHeader    = 19 // of a BGP message
	lengthOffset  = 16 // of a BGP message's length in its header
	tlvHeader     = 4
	reasonForever = 4 // Termination: permanently administratively closed (RFC 7854 section 4.5)
)

// ErrVersion refuses a connection whose messages are not of version 3.
var ErrVersion = errors.New("unsupported BMP version")

// ErrLength refuses a connection with a message that is too short or too long to be one.
var ErrLength = errors.New("bad length of a BMP message")

// parseHeader reads the common header. Both errors are the end of a stream.
func parseHeader(b []byte, most int) (length int, kind Type, err error) {
	if b[0] != version {
		if b[0] == 4 {
			return 0, 0, fmt.Errorf("%w 4: set the router to version 3 (RFC 7854)", ErrVersion)
		}
		return 0, 0, fmt.Errorf("%w %d", ErrVersion, b[0])
	}
	n := binary.BigEndian.Uint32(b[1:])
	if n < headerLength || int64(n) > int64(most) {
		return 0, 0, fmt.Errorf("%w: %d octets", ErrLength, n)
	}
	return int(n), Type(b[5]), nil
}

// The types and flags of peers (RFC 7854 section 4.2, RFC 8671 section 4, RFC 9069 section 4).
const (
	peerGlobal = 0
	peerRD     = 1
	peerLocal  = 2
	peerLocRIB = 3

	flagIPv6   = 0x80
	flagPost   = 0x40
	flagAS2    = 0x20
	flagAdjOut = 0x10
)

// peerHeader is the per-peer header.
type peerHeader struct {
	kind          uint8
	flags         uint8
	distinguisher uint64
	address       netip.Addr // zero for a Loc-RIB
	as            uint32
	time          time.Time // zero = not given
}

func parsePeer(b []byte) (h peerHeader, ok bool) {
	if len(b) < peerLength || b[0] > peerLocRIB {
		return peerHeader{}, false
	}
	h = peerHeader{kind: b[0], flags: b[1], distinguisher: binary.BigEndian.Uint64(b[2:]), as: binary.BigEndian.Uint32(b[26:])}
	switch {
	case h.kind == peerLocRIB:
		// The address is zero, and the first flag says that the table is filtered.
		h.flags &^= flagIPv6 | flagPost | flagAS2 | flagAdjOut
	case h.flags&flagIPv6 != 0:
		h.address = netip.AddrFrom16([16]byte(b[10:26])).Unmap()
	default:
		h.address = netip.AddrFrom4([4]byte(b[22:26]))
	}
	if h.kind == peerGlobal {
		h.distinguisher = 0
	}
	if sec := binary.BigEndian.Uint32(b[34:]); sec != 0 {
		// Microseconds beyond a second are no time, and would move it by up to an hour.
		usec := binary.BigEndian.Uint32(b[38:])
		if usec >= 1_000_000 {
			usec = 0
		}
		h.time = time.Unix(int64(sec), int64(usec)*1000).UTC()
	}
	return h, true
}

// view returns which table a Route Monitoring message is about.
func (h *peerHeader) view() bgp.View {
	switch {
	case h.kind == peerLocRIB:
		return bgp.ViewLocal
	case h.flags&flagAdjOut != 0 && h.flags&flagPost != 0:
		return bgp.ViewAdjOutPost
	case h.flags&flagAdjOut != 0:
		return bgp.ViewAdjOut
	case h.flags&flagPost != 0:
		return bgp.ViewAdjInPost
	}
	return bgp.ViewAdjIn
}

// opens splits a Peer Up notification behind its per-peer header.
func opens(b []byte) (session, sent, received []byte, ok bool) {
	if len(b) < peerUpLength {
		return nil, nil, nil, false
	}
	session, b = b[:peerUpLength], b[peerUpLength:]
	if sent, b, ok = message(b); !ok {
		return nil, nil, nil, false
	}
	received, _, ok = message(b)
	return session, sent, received, ok
}

// message takes one BGP message off the front.
func message(b []byte) (m, rest []byte, ok bool) {
	if len(b) < openHeader {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[lengthOffset:]))
	if n < openHeader || n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// tlvs calls f for each type and value, and returns false when they do not fit
// (RFC 7854 section 4.4).
func tlvs(b []byte, f func(kind uint16, value []byte)) bool {
	for len(b) > 0 {
		if len(b) < tlvHeader {
			return false
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < tlvHeader+n {
			return false
		}
		f(binary.BigEndian.Uint16(b), b[tlvHeader:tlvHeader+n])
		b = b[tlvHeader+n:]
	}
	return true
}
