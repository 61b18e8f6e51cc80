package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/linewarden/linewarden/bgp"
)

// tableFor returns the table of an AFI and SAFI if the session's routes of it are taken.
func (s Session) tableFor(afi uint16, safi uint8) (Table, bool) {
	t, ok := TableOf(afi, safi)
	if ok && t.labelled() && !t.vpn() && !s.Labelled.Has(t) {
		return t, false
	}
	return t, ok
}

// takeReach cuts an MP_REACH_NLRI (RFC 4760 section 3).
func (u *update) takeReach(books *Books, a attribute, s Session, ignored *bool) Reason {
	v := a.value
	if len(v) < 5 {
		return ReasonMPReach
	}
	afi, safi, hop := binary.BigEndian.Uint16(v), v[2], int(v[3])
	t, ok := s.tableFor(afi, safi)
	if !ok {
		*ignored = true
		books.ignored[ignoredOf(afi, safi)].Add(1)
		return ReasonNone
	}
	if len(v) < 5+hop {
		return ReasonMPReach
	}
	u.reachNextHop = v[4 : 4+hop]
	if _, ok := nextHop(u.reachNextHop, t); !ok {
		return ReasonMPReach
	}
	if a.flags&flagsFixed != flagOptional {
		u.treat = first(u.treat, ReasonFlags)
	}
	// One octet was once the number of SNPAs, and is to be ignored.
	u.reach = block{table: t, data: v[5+hop:], there: true}
	return ReasonNone
}

// takeUnreach cuts an MP_UNREACH_NLRI (RFC 4760 section 4).
func (u *update) takeUnreach(books *Books, a attribute, s Session, ignored *bool) Reason {
	v := a.value
	if len(v) < 3 {
		return ReasonMPUnreach
	}
	afi, safi := binary.BigEndian.Uint16(v), v[2]
	t, ok := s.tableFor(afi, safi)
	if !ok {
		*ignored = true
		books.ignored[ignoredOf(afi, safi)].Add(1)
		return ReasonNone
	}
	u.unreach = block{table: t, data: v[3:], there: true}
	return ReasonNone
}

// nextHop reads the next hop of an MP_REACH_NLRI: with a distinguisher of zero
// before it in VPN tables, of either family (RFC 8950 section 3; IPv4 next hops
// of IPv6 routes are sent too), and with a link-local address behind the global
// one, which counts (RFC 2545 section 3). IPv6 next hops of VPN routes had no
// distinguisher in RFC 5549 (section 3), and are read without one too.
func nextHop(b []byte, t Table) (netip.Addr, bool) {
	const distinguisher = 8
	if t.vpn() {
		switch len(b) {
		case distinguisher + 4, distinguisher + 16:
			b = b[distinguisher:]
		case 2 * (distinguisher + 16):
			return pair(b[distinguisher:distinguisher+16], b[2*distinguisher+16:]), true
		case 16, 2 * 16:
		default:
			return netip.Addr{}, false
		}
	}
	switch len(b) {
	case 4:
		return netip.AddrFrom4([4]byte(b)), true
	case 16:
		return netip.AddrFrom16([16]byte(b)), true
	case 32:
		return pair(b[:16], b[16:]), true
	default:
		return netip.Addr{}, false
	}
}

// pair returns the global address of a next hop, or the link-local one where
// the sender had no global one.
func pair(global, local []byte) netip.Addr {
	if a := netip.AddrFrom16([16]byte(global)); !a.IsUnspecified() {
		return a
	}
	return netip.AddrFrom16([16]byte(local))
}

// emit hands the events of a checked message to yield, withdrawals first: a
// prefix in both lists is announced (RFC 4271 section 4.3).
func (d *Decoder) emit(u *update, s Session, from *bgp.Event, yield func(*bgp.Event)) {
	e := &d.event
	*e = *from
	e.Route = bgp.Route{}
	defer func() { *e = bgp.Event{} }() // the decoder keeps no route alive
	withdrawn := d.each(bgp.Withdraw, u.withdrawn, s, true, yield)
	withdrawn += d.each(bgp.Withdraw, u.unreach, s, true, yield)
	if u.routes > 0 {
		kind, table := bgp.Announce, u.announced
		if u.treat != ReasonNone {
			kind = bgp.Withdraw
		} else {
			e.Route = u.attributes.route
		}
		d.each(kind, table, s, false, yield)
		if u.reach.there && kind == bgp.Announce {
			e.Route.NextHop, _ = nextHop(u.reachNextHop, u.reach.table)
		}
		d.each(kind, u.reach, s, false, yield)
		if kind == bgp.Withdraw {
			d.books.treated[u.treat].Add(uint64(u.routes))
			withdrawn += u.routes
		} else {
			d.books.announced.Add(uint64(u.routes))
		}
	}
	d.books.withdrawn.Add(uint64(withdrawn))
	for _, reason := range u.attributes.discarded {
		d.books.discarded[reason].Add(1)
	}
	d.endOfRIB(u, yield)
}

// endOfRIB tells a message without routes from one that says the table is whole
// (RFC 4724 section 2).
func (d *Decoder) endOfRIB(u *update, yield func(*bgp.Event)) {
	if u.routes > 0 || u.reach.there || len(u.withdrawn.data) > 0 || len(u.unreach.data) > 0 || !u.only {
		return
	}
	table := IPv4Unicast
	if u.unreach.there {
		table = u.unreach.table
	}
	d.event.Kind, d.event.Family = bgp.EndOfRIB, family(table)
	if table.vpn() {
		d.event.Family = vpnFamily(table)
	}
	d.event.Route = bgp.Route{}
	d.books.endOfRIBs.Add(1)
	yield(&d.event)
}

func family(t Table) bgp.Family {
	if t.ipv6() {
		return bgp.FamilyIPv6
	}
	return bgp.FamilyIPv4
}

func vpnFamily(t Table) bgp.Family {
	if t.ipv6() {
		return bgp.FamilyVPNv6
	}
	return bgp.FamilyVPNv4
}

// each yields one event for each prefix of a block.
func (d *Decoder) each(kind bgp.EventKind, b block, s Session, withdraw bool, yield func(*bgp.Event)) int {
	if !b.there || len(b.data) == 0 {
		return 0
	}
	e := &d.event
	e.Kind, e.Family = kind, family(b.table)
	c := newCursor(b.data, b.table, s, withdraw)
	c.ids = b.ids
	var p nlri
	n := 0
	for c.next(&p) {
		e.Route.Prefix, e.Route.Distinguisher, e.Route.PathID = p.prefix, p.distinguisher, p.id
		yield(e)
		n++
	}
	return n
}
