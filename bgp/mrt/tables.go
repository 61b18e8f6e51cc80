package mrt

import (
	"net/netip"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// The subtypes of TABLE_DUMP_V2 (RFC 6396 section 4.3, RFC 8050 section 4).
const (
	peerIndexTable        = 1
	ribIPv4Unicast        = 2
	ribIPv6Unicast        = 4
	ribGeneric            = 6
	ribIPv4UnicastAddPath = 8
	ribIPv6UnicastAddPath = 10
	ribGenericAddPath     = 12
)

// The subtypes of TABLE_DUMP are AFIs (RFC 6396 section 4.2); two more were
// made when AS numbers grew.
const (
	tableIPv4    = 1
	tableIPv6    = 2
	tableIPv4AS4 = 3
	tableIPv6AS4 = 4
)

// peer is one line of a table of peers.
type peer struct {
	addr netip.Addr
	as   uint32
}

// tableV2 reads a record of TABLE_DUMP_V2.
func (r *Reader) tableV2(h header, s scanner) (Reason, bool) {
	var table wire.Table
	var ids bool
	switch h.kind.Subtype {
	case peerIndexTable:
		return r.peerTable(s)
	case ribIPv4Unicast:
		table = wire.IPv4Unicast
	case ribIPv6Unicast:
		table = wire.IPv6Unicast
	case ribIPv4UnicastAddPath:
		table, ids = wire.IPv4Unicast, true
	case ribIPv6UnicastAddPath:
		table, ids = wire.IPv6Unicast, true
	case ribGeneric:
		return r.generic(h, s, false)
	case ribGenericAddPath:
		return r.generic(h, s, true)
	default:
		return ReasonSubtype, false
	}
	s.u32() // sequence number
	if s.bad {
		return ReasonLength, false
	}
	return r.rib(h, s, table, ids)
}

// peerTable reads a PEER_INDEX_TABLE, which replaces the one before (RFC 6396 section 4.3.1).
func (r *Reader) peerTable(s scanner) (Reason, bool) {
	s.take(4) // the collector's identifier
	s.take(int(s.u16()))
	n := int(s.u16())
	peers := make([]peer, 0, min(n, len(s.b)/11)) // an entry has at least 11 octets
	for range n {
		kind := s.u8()
		s.take(4) // the peer's identifier
		p := peer{addr: s.addr(kind&1 != 0), as: s.as(kind&2 != 0)}
		if s.bad {
			return ReasonLength, false
		}
		peers = append(peers, p)
	}
	if s.bad {
		return ReasonLength, false
	}
	r.peers, r.count.Peers = peers, uint64(len(peers))
	r.beginDump()
	return 0, true
}

// generic reads a record that names its family (RFC 6396 section 4.3.3).
func (r *Reader) generic(h header, s scanner, ids bool) (Reason, bool) {
	s.u32() // sequence number
	afi, safi := s.u16(), s.u8()
	if s.bad {
		return ReasonLength, false
	}
	table, ok := wire.TableOf(afi, safi)
	// Labelled unicast would replace the unicast routes of the same prefixes.
	if !ok || table == wire.IPv4Labelled || table == wire.IPv6Labelled {
		return ReasonFamily, false
	}
	return r.rib(h, s, table, ids)
}

// rib reads a prefix and its entries (RFC 6396 sections 4.3.2 and 4.3.4). The
// attributes of entries always have AS numbers of four octets.
func (r *Reader) rib(h header, s scanner, table wire.Table, ids bool) (Reason, bool) {
	var route bgp.Route
	n := wire.Prefix(s.b, table, &route)
	if n == 0 {
		return ReasonPrefix, false
	}
	s.take(n)
	entries := int(s.u16())
	if reason, ok := r.entries(s, entries, ids); !ok {
		return reason, false
	}
	for range entries {
		p := r.peers[s.u16()]
		s.u32() // when the collector learnt the route
		if ids {
			route.PathID = s.u32()
		}
		attributes := s.take(int(s.u16()))
		r.entry(h, p.addr, p.as, attributes, true, table, &route)
	}
	return 0, true
}

// entries checks that all entries are whole and their peers known before any is used.
func (r *Reader) entries(s scanner, n int, ids bool) (Reason, bool) {
	for range n {
		index := int(s.u16())
		s.u32()
		if ids {
			s.u32()
		}
		s.take(int(s.u16()))
		switch {
		case s.bad:
			return ReasonLength, false
		case index >= len(r.peers):
			return ReasonPeer, false
		}
	}
	return ReasonLength, !s.bad
}

// entry announces one entry of a table.
func (r *Reader) entry(h header, peer netip.Addr, as uint32, attributes []byte, as4 bool, table wire.Table, route *bgp.Route) {
	r.count.Entries++
	if reason := r.decoder.Entry(attributes, wire.Session{AS4: as4}, table, route); reason != wire.ReasonNone {
		r.count.EntriesRefused[reason]++
		return
	}
	r.count.Routes++
	if r.dump != nil {
		r.dumpEntry(h, peer, as, table)
	}
	r.event = bgp.Event{
		Kind: bgp.Announce, Family: bgp.FamilyOf(route.Prefix.Addr()), Time: h.time,
		Peer: bgp.PeerKey{Router: peer, Peer: peer}, PeerAS: as, Route: *route,
	}
	r.send(&r.event)
}

// table reads a record of TABLE_DUMP: one entry with its prefix and peer (RFC 6396 section 4.2).
func (r *Reader) table(h header, s scanner) (Reason, bool) {
	var six, four bool
	switch h.kind.Subtype {
	case tableIPv4:
	case tableIPv6:
		six = true
	case tableIPv4AS4:
		four = true
	case tableIPv6AS4:
		six, four = true, true
	default:
		return ReasonSubtype, false
	}
	s.take(4) // view and sequence number
	addr, bits := s.addr(six), int(s.u8())
	s.take(5) // status, and when the collector learnt the route
	peer, as := s.addr(six), s.as(four)
	attributes := s.take(int(s.u16()))
	if s.bad {
		return ReasonLength, false
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return ReasonPrefix, false
	}
	table := wire.IPv4Unicast
	if six {
		table = wire.IPv6Unicast
	}
	r.entry(h, peer, as, attributes, four, table, &bgp.Route{Prefix: prefix})
	return 0, true
}
