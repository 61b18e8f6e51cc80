package bmp

import (
	"encoding/binary"
	"net/netip"

	"github.com/linewarden/linewarden/bgp/wire"
)

// The writers below make messages as a router would.

func msg(kind Type, body ...[]byte) []byte {
	b := []byte{version, 0, 0, 0, 0, byte(kind)}
	for _, part := range body {
		b = append(b, part...)
	}
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)))
	return b
}

// head makes a per-peer header.
func head(kind, flags uint8, distinguisher uint64, peer string, as uint32) []byte {
	b := make([]byte, peerLength)
	b[0], b[1] = kind, flags
	binary.BigEndian.PutUint64(b[2:], distinguisher)
	if peer != "" {
		a := netip.MustParseAddr(peer).As16()
		copy(b[10:], a[:])
		if netip.MustParseAddr(peer).Is4() {
			clear(b[10:22])
		}
	}
	binary.BigEndian.PutUint32(b[26:], as)
	binary.BigEndian.PutUint32(b[34:], 1_700_000_000)
	return b
}

func bgpMessage(kind byte, body ...byte) []byte {
	b := make([]byte, openHeader, openHeader+len(body))
	for i := range 16 {
		b[i] = 0xff
	}
	b[18] = kind
	b = append(b, body...)
	binary.BigEndian.PutUint16(b[lengthOffset:], uint16(len(b)))
	return b
}

// open makes an OPEN of AS 64500 with capabilities: four-octet AS numbers and those given.
func open(capabilities ...byte) []byte {
	c := append([]byte{65, 4, 0, 0, 0xfb, 0xf4}, capabilities...)
	return bgpMessage(wire.TypeOpen, append([]byte{4, 0xfb, 0xf4, 0, 180, 192, 0, 2, 1, byte(len(c) + 2), 2, byte(len(c))}, c...)...)
}

// up makes a Peer Up notification; the port tells sessions apart.
func up(header []byte, port uint16, capabilities ...byte) []byte {
	ends := make([]byte, peerUpLength)
	binary.BigEndian.PutUint16(ends[18:], port)
	return msg(PeerUp, header, ends, open(capabilities...), open(capabilities...))
}

// announce makes a Route Monitoring message of one prefix of 192.0.2.0/24 with path 64500 64501.
func announce(header []byte, last byte) []byte {
	return msg(RouteMonitoring, header, bgpMessage(wire.TypeUpdate, 0, 0, 0, 24,
		0x40, 1, 1, 0,
		0x40, 2, 10, 2, 2, 0, 0, 0xfb, 0xf4, 0, 0, 0xfb, 0xf5,
		0x40, 3, 4, 192, 0, 2, 1,
		32, 192, 0, 2, last))
}

// end makes a Route Monitoring message that is the end of RIB of IPv4.
func end(header []byte) []byte {
	return msg(RouteMonitoring, header, bgpMessage(wire.TypeUpdate, 0, 0, 0, 0))
}

func info(kind byte, text string) []byte {
	return append([]byte{0, kind, 0, byte(len(text))}, text...)
}
