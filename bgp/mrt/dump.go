package mrt

import (
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// dump is a table of TABLE_DUMP_V2 that is being read: from its table of peers
// up to the next one, another type of record or the end of the archive. What a
// peer held before and is not in it is over. It is told as a restart is (RFC
// 4724): the peer is stale and up before its first entry, and has sent its
// whole table of each family it has entries of when the dump is complete.
type dump struct {
	peers map[netip.Addr]*dumped
	order []*dumped
	last  time.Time // of the record read last
}

// dumped is a peer with entries in a dump.
type dumped struct {
	peer
	families [2]bool // IPv4 and IPv6 unicast
}

func (d *dumped) event(kind bgp.EventKind, at time.Time) bgp.Event {
	return bgp.Event{Kind: kind, Peer: bgp.PeerKey{Router: d.addr, Peer: d.addr}, PeerAS: d.as, Time: at}
}

// beginDump starts a dump; one before it is complete.
func (r *Reader) beginDump() {
	r.endDump()
	r.dump = &dump{peers: make(map[netip.Addr]*dumped)}
}

// dumpEntry notes an entry of a peer, which is the first of it perhaps.
func (r *Reader) dumpEntry(h header, addr netip.Addr, as uint32, table wire.Table) {
	r.dump.last = h.time
	d := r.dump.peers[addr]
	if d == nil {
		d = &dumped{peer: peer{addr, as}}
		r.dump.peers[addr] = d
		r.dump.order = append(r.dump.order, d)
		for _, kind := range []bgp.EventKind{bgp.PeerStale, bgp.PeerUp} {
			e := d.event(kind, h.time)
			r.send(&e)
		}
	}
	switch table {
	case wire.IPv4Unicast:
		d.families[0] = true
	case wire.IPv6Unicast:
		d.families[1] = true
	default: // stale VPN routes go with their time
	}
}

// endDump tells which tables are complete. It is not called where an archive
// ends in the middle: what is missing then may have been cut off.
func (r *Reader) endDump() {
	if r.dump == nil {
		return
	}
	for _, d := range r.dump.order {
		for i, family := range []bgp.Family{bgp.FamilyIPv4, bgp.FamilyIPv6} {
			if d.families[i] {
				e := d.event(bgp.EndOfRIB, r.dump.last)
				e.Family = family
				r.send(&e)
			}
		}
	}
	r.dump = nil
}
