package mrt

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// The types (RFC 6396 section 4 and appendix A).
const (
	typeBGP         = 5 // deprecated
	typeTableDump   = 12
	typeTableDumpV2 = 13
	typeBGP4MP      = 16
	typeBGP4MPET    = 17
)

// The subtypes of BGP (RFC 6396 appendix B.2).
const (
	bgpUpdate      = 1
	bgpStateChange = 3
	bgpOpen        = 5
	bgpNotify      = 6
	bgpKeepalive   = 7
)

// The subtypes of BGP4MP (RFC 6396 section 4.4, RFC 8050 section 3).
const (
	stateChange            = 0
	message                = 1
	messageAS4             = 4
	stateChangeAS4         = 5
	messageLocal           = 6
	messageAS4Local        = 7
	messageAddPath         = 8
	messageAS4AddPath      = 9
	messageLocalAddPath    = 10
	messageAS4LocalAddPath = 11
)

// form is what a subtype of BGP4MP says of a record.
type form struct {
	four  bool // AS numbers of four octets
	local bool // sent by the collector
	ids   bool // prefixes have path identifiers
	state bool // a state change, not a message
}

var forms = map[uint16]form{
	stateChange:            {state: true},
	stateChangeAS4:         {state: true, four: true},
	message:                {},
	messageAS4:             {four: true},
	messageLocal:           {local: true},
	messageAS4Local:        {four: true, local: true},
	messageAddPath:         {ids: true},
	messageAS4AddPath:      {four: true, ids: true},
	messageLocalAddPath:    {local: true, ids: true},
	messageAS4LocalAddPath: {four: true, local: true, ids: true},
}

// established is the state of a session that is up (RFC 6396 section 4.4.1).
const established = 6

// scanner takes fields off a record. After a field that is not whole, it is bad.
type scanner struct {
	b   []byte
	bad bool
}

func (s *scanner) take(n int) []byte {
	if n > len(s.b) || s.bad {
		s.bad, s.b = true, nil
		return make([]byte, min(n, 16))
	}
	b := s.b[:n]
	s.b = s.b[n:]
	return b
}

func (s *scanner) u8() uint8   { return s.take(1)[0] }
func (s *scanner) u16() uint16 { return binary.BigEndian.Uint16(s.take(2)) }
func (s *scanner) u32() uint32 { return binary.BigEndian.Uint32(s.take(4)) }

func (s *scanner) as(four bool) uint32 {
	if four {
		return s.u32()
	}
	return uint32(s.u16())
}

func (s *scanner) addr(six bool) netip.Addr {
	if six {
		return netip.AddrFrom16([16]byte(s.take(16)))
	}
	return netip.AddrFrom4([4]byte(s.take(4)))
}

// record reads one record. ok is false where it was refused for the reason.
func (r *Reader) record(h header, body []byte) (reason Reason, ok bool) {
	s := scanner{b: body}
	if h.kind.Type != typeTableDumpV2 {
		r.endDump()
	}
	switch h.kind.Type {
	case typeBGP4MPET:
		// Microseconds stand before the message (RFC 6396 section 3).
		h.time = h.time.Add(time.Duration(s.u32()) * time.Microsecond)
		if s.bad {
			return ReasonLength, false
		}
		return r.bgp4mp(h, s)
	case typeBGP4MP:
		return r.bgp4mp(h, s)
	case typeTableDumpV2:
		return r.tableV2(h, s)
	case typeTableDump:
		return r.table(h, s)
	case typeBGP:
		return r.deprecated(h, s)
	default:
		return ReasonType, false
	}
}

// bgp4mp reads messages and state changes (RFC 6396 section 4.4).
func (r *Reader) bgp4mp(h header, s scanner) (Reason, bool) {
	form, ok := forms[h.kind.Subtype]
	if !ok {
		return ReasonSubtype, false
	}
	peerAS := s.as(form.four)
	s.as(form.four) // the collector's
	s.u16()         // interface
	afi := s.u16()
	if !s.bad && afi != 1 && afi != 2 {
		return ReasonFamily, false
	}
	peer, collector := s.addr(afi == 2), s.addr(afi == 2)
	if s.bad {
		return ReasonLength, false
	}
	r.event = bgp.Event{Peer: bgp.PeerKey{Router: peer, Peer: peer}, PeerAS: peerAS, Time: h.time}
	if form.local {
		// What the collector sent, to the peer (RFC 6396 section 4.4.5).
		r.event.Peer = bgp.PeerKey{Router: collector, Peer: peer, View: bgp.ViewAdjOutPost}
	}
	if form.state {
		return r.state(s)
	}
	// Early writers of path identifiers used the subtypes without them.
	session := wire.Session{AS4: form.four, Extended: true, GuessPaths: true}
	if form.ids {
		session.AddPath = wire.AllTables
	}
	return ReasonMessage, r.decoder.Message(s.b, session, &r.event, r.send) == nil
}

// state makes an event of a state change that begins or ends a session.
func (r *Reader) state(s scanner) (Reason, bool) {
	before, after := s.u16(), s.u16()
	if s.bad {
		return ReasonLength, false
	}
	r.count.States++
	switch {
	case after == established && before != established:
		r.event.Kind = bgp.PeerUp
	case before == established && after != established:
		r.event.Kind = bgp.PeerDown
	default:
		return 0, true
	}
	r.send(&r.event)
	return 0, true
}

// deprecated reads the records of before BGP4MP: two-octet AS numbers, IPv4
// peers, and messages without their header (RFC 6396 appendix B.2).
func (r *Reader) deprecated(h header, s scanner) (Reason, bool) {
	switch h.kind.Subtype {
	case bgpUpdate, bgpStateChange, bgpOpen, bgpNotify, bgpKeepalive:
	default:
		return ReasonSubtype, false
	}
	peerAS, peer := s.as(false), s.addr(false)
	r.event = bgp.Event{Peer: bgp.PeerKey{Router: peer, Peer: peer}, PeerAS: peerAS, Time: h.time}
	if h.kind.Subtype == bgpStateChange {
		return r.state(s)
	}
	s.as(false)   // the collector's
	s.addr(false) // the collector's
	if s.bad {
		return ReasonLength, false
	}
	if h.kind.Subtype != bgpUpdate {
		return 0, true
	}
	return ReasonMessage, r.decoder.Update(s.b, wire.Session{}, &r.event, r.send) == nil
}
