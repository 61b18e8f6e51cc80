package simulator

import "net/netip"

// What BGP messages are made of (RFC 4271, RFC 4760, RFC 5492, RFC 6793).
const (
	bgpOpen      = 1
	bgpUpdate    = 2
	bgpKeepalive = 4

	afiIPv4     = 1
	afiIPv6     = 2
	safiUnicast = 1

	capMultiprotocol = 1
	capAS4           = 65
	shortASN         = 23456 // stands for an ASN of four octets where two are written

	flagTransitive = 0x40
	flagOptional   = 0x80
	attrOrigin     = 1
	attrASPath     = 2
	attrNextHop    = 3
	attrLocalPref  = 5
	attrMPReach    = 14
	attrMPUnreach  = 15
	pathSequence   = 2
)

// bgpMessage puts the header before a body.
func bgpMessage(kind byte, body []byte) []byte {
	b := make([]byte, 0, 19+len(body))
	for range 16 {
		b = append(b, 0xff)
	}
	b = append16(b, uint16(19+len(body)))
	return append(append(b, kind), body...)
}

// openMessage offers both families and ASNs of four octets, and no more.
func openMessage(asn uint32, holdSeconds uint16, id netip.Addr) []byte {
	short := uint16(shortASN)
	if asn < 1<<16 {
		short = uint16(asn)
	}
	capabilities := []byte{
		capMultiprotocol, 4, 0, afiIPv4, 0, safiUnicast,
		capMultiprotocol, 4, 0, afiIPv6, 0, safiUnicast,
		capAS4, 4,
	}
	capabilities = append32(capabilities, asn)
	body := append16([]byte{4}, short)
	body = append16(body, holdSeconds)
	body = appendAddr(body, id, 4)
	body = append(body, byte(2+len(capabilities)), 2, byte(len(capabilities)))
	return bgpMessage(bgpOpen, append(body, capabilities...))
}

// updateMessage announces a route. A route reflector's has a local preference.
func updateMessage(r *announcement, nextHop [2]netip.Addr, internal bool) []byte {
	attrs := []byte{flagTransitive, attrOrigin, 1, 0}
	path := []byte{}
	if len(r.path) > 0 {
		path = append(path, pathSequence, byte(len(r.path)))
		for _, asn := range r.path {
			path = append32(path, asn)
		}
	}
	attrs = append(append(attrs, flagTransitive, attrASPath, byte(len(path))), path...)
	if internal {
		attrs = append32(append(attrs, flagTransitive, attrLocalPref, 4), 100)
	}
	nlri := appendPrefix(nil, r.prefix)
	if r.prefix.Addr().Is4() {
		attrs = appendAddr(append(attrs, flagTransitive, attrNextHop, 4), nextHop[0], 4)
	} else {
		attrs = append(attrs, flagOptional, attrMPReach, byte(21+len(nlri)), 0, afiIPv6, safiUnicast, 16)
		attrs = append(append(appendAddr(attrs, nextHop[1], 16), 0), nlri...)
		nlri = nil
	}
	body := append16([]byte{0, 0}, uint16(len(attrs)))
	return bgpMessage(bgpUpdate, append(append(body, attrs...), nlri...))
}

// withdrawMessage withdraws a prefix.
func withdrawMessage(p netip.Prefix) []byte {
	nlri := appendPrefix(nil, p)
	if p.Addr().Is4() {
		body := append(append16(nil, uint16(len(nlri))), nlri...)
		return bgpMessage(bgpUpdate, append(body, 0, 0))
	}
	attrs := append([]byte{flagOptional, attrMPUnreach, byte(3 + len(nlri)), 0, afiIPv6, safiUnicast}, nlri...)
	body := append16([]byte{0, 0}, uint16(len(attrs)))
	return bgpMessage(bgpUpdate, append(body, attrs...))
}

// endOfRIBMessages end the tables of both families (RFC 4724 section 2).
func endOfRIBMessages() [][]byte {
	six := []byte{0, 0, 0, 6, flagOptional, attrMPUnreach, 3, 0, afiIPv6, safiUnicast}
	return [][]byte{bgpMessage(bgpUpdate, []byte{0, 0, 0, 0}), bgpMessage(bgpUpdate, six)}
}

// appendPrefix appends the length of a prefix and as many octets as it has.
func appendPrefix(b []byte, p netip.Prefix) []byte {
	raw := p.Addr().AsSlice()
	return append(append(b, byte(p.Bits())), raw[:(p.Bits()+7)/8]...)
}
