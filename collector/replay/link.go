package replay

import "encoding/binary"

// The link types that are read (LINKTYPE values of the tcpdump project; 12 and
// 14 are raw IP as some systems number it).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawBSD   = 12
	linkRawOpen  = 14
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// EtherTypes that lead to IP.
const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherOld    = 0x9100
	etherOlder  = 0x9200
	etherOldest = 0x9300
)

// mostTags bounds how many VLAN tags are followed; real frames have one or two.
const mostTags = 8

// strip returns the IP packet in a frame, nil for a frame that carries
// something else or ends before it. It tells whether the link type is known.
func strip(link uint16, frame []byte) (packet []byte, known bool) {
	switch link {
	case linkEthernet:
		return ethernet(frame, 12), true
	case linkSLL:
		return ethernet(frame, 14), true
	case linkSLL2:
		if len(frame) < 20 {
			return nil, true
		}
		return tagged(binary.BigEndian.Uint16(frame), frame[20:]), true
	case linkNull, linkLoop:
		return loopback(frame), true
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
		return frame, true
	}
	return nil, false
}

// ethernet reads the type at the end of a header.
func ethernet(frame []byte, at int) []byte {
	if len(frame) < at+2 {
		return nil
	}
	return tagged(binary.BigEndian.Uint16(frame[at:]), frame[at+2:])
}

// tagged passes over VLAN tags.
func tagged(kind uint16, rest []byte) []byte {
	for range mostTags {
		switch kind {
		case etherIPv4, etherIPv6:
			return rest
		case etherVLAN, etherQinQ, etherOld, etherOlder, etherOldest:
			if len(rest) < 4 {
				return nil
			}
			kind, rest = binary.BigEndian.Uint16(rest[2:]), rest[4:]
		default:
			return nil
		}
	}
	return nil
}

// loopback reads the address family of BSD, in the byte order of the machine
// that recorded: 2 is IPv4; 10, 24, 28 and 30 are IPv6, by system.
func loopback(frame []byte) []byte {
	if len(frame) < 4 {
		return nil
	}
	family := binary.LittleEndian.Uint32(frame)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(frame)
	}
	switch family {
	case 2, 10, 24, 28, 30:
		return frame[4:]
	}
	return nil
}
