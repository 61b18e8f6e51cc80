package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/linewarden/linewarden/bgp"
)

// Entry reads the attributes of one entry of a routing table as archives hold
// them, and sets every field of route but Prefix, Distinguisher and PathID. The
// MP_REACH_NLRI of an entry may be a next hop alone (RFC 6396 section 4.3.4) or,
// as several writers have it, whole. An entry with a malformed or missing
// attribute is not used: the reason is returned, and route is not changed.
func (d *Decoder) Entry(attrs []byte, s Session, t Table, route *bgp.Route) Reason {
	var hop netip.Addr
	key := append(d.key[:0], 0)
	if s.AS4 {
		key[0] = 1
	}
	for b := attrs; len(b) > 0; {
		a, rest, ok := cutAttribute(b)
		if !ok {
			return ReasonAttributeLength
		}
		b = rest
		switch a.kind {
		case attrMPReach:
			if hop, ok = entryNextHop(a.value, t); !ok {
				return ReasonMPReach
			}
		case attrMPUnreach:
			return ReasonMPUnreach
		default:
			key = append(key, a.all...)
		}
	}
	d.key = key
	a := d.attributes(key, s)
	if reason := first(a.treat, a.lacks(!hop.IsValid())); reason != ReasonNone {
		return reason
	}
	for _, discarded := range a.discarded {
		d.books.discarded[discarded].Add(1)
	}
	prefix, distinguisher, id := route.Prefix, route.Distinguisher, route.PathID
	*route = a.route
	route.Prefix, route.Distinguisher, route.PathID = prefix, distinguisher, id
	if hop.IsValid() {
		route.NextHop = hop
	}
	return ReasonNone
}

// entryNextHop reads either form of an entry's MP_REACH_NLRI. A whole one begins
// with the AFI, whose first octet is 0; an abbreviated one with a length that is not.
func entryNextHop(v []byte, t Table) (netip.Addr, bool) {
	if len(v) == 0 {
		return netip.Addr{}, false
	}
	if v[0] == 0 {
		if len(v) < 4 || len(v) < 4+int(v[3]) {
			return netip.Addr{}, false
		}
		if own, ok := TableOf(binary.BigEndian.Uint16(v), v[2]); !ok || own != t {
			return netip.Addr{}, false
		}
		v = v[3:]
	}
	if len(v) < 1+int(v[0]) {
		return netip.Addr{}, false
	}
	return nextHop(v[1:1+int(v[0])], t)
}

// Prefix reads the prefix of one entry of a routing table: a length in bits and
// its octets, with labels and distinguisher in labelled and VPN tables (RFC 6396
// section 4.3.3). It sets the prefix and distinguisher of route, and returns the
// number of octets read, 0 when they are malformed.
func Prefix(b []byte, t Table, route *bgp.Route) int {
	var p nlri
	c := cursor{b: b, table: t}
	if !c.next(&p) {
		return 0
	}
	route.Prefix, route.Distinguisher = p.prefix, p.distinguisher
	return len(b) - len(c.b)
}
