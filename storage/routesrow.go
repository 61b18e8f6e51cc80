package storage

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/bgp"
)

// routeRow is where an announcement is read to.
type routeRow struct {
	router, peer, nextHop       netip.Addr
	prefix                      netRow
	view, origin, validity      int8
	peerDistinguisher           uint64
	distinguisher               uint64
	peerAS, pathID              uint32
	families                    uint8
	origins, communities, large []uint32
	path                        string
	med, localPref              *uint32
}

// routeReads is what is selected of an announcement, in the order of scan.
const routeReads = `at, stored, number, next_kind, next_at, next_stored, next_number,
    router, peer, peer_distinguisher, peer_as, toInt8(view), prefix, prefix_bits, distinguisher, path_id, families,
    origins, as_path, toInt8(origin), next_hop, med, local_pref, communities, large_communities, toInt8(validity)`

// scan reads a row of routeReads.
func (h *routeHit) scan(r driver.Rows) error {
	var (
		t                         = &h.row
		at, stored, nextAt, nextS time.Time
	)
	err := r.Scan(&at, &stored, &h.from.number, &h.nextKind, &nextAt, &nextS, &h.next.number,
		&t.router, &t.peer, &t.peerDistinguisher, &t.peerAS, &t.view, &t.prefix.addr, &t.prefix.bits, &t.distinguisher, &t.pathID, &t.families,
		&t.origins, &t.path, &t.origin, &t.nextHop, &t.med, &t.localPref, &t.communities, &t.large, &t.validity)
	h.place(at, stored, nextAt, nextS)
	return err
}

// place sets the times of the announcement and of the next event.
func (h *routeHit) place(at, stored, nextAt, nextStored time.Time) {
	h.from.at, h.from.stored = at.UnixMicro(), uint32(stored.Unix())
	h.next.at, h.next.stored = nextAt.UnixMicro(), uint32(nextStored.Unix())
}

// key returns whose path it is.
func (t *routeRow) key() bgp.PeerKey {
	return peerKeyOf(t.router, t.peer, t.families, t.peerDistinguisher, t.view)
}

func peerKeyOf(router, peer netip.Addr, families uint8, distinguisher uint64, view int8) bgp.PeerKey {
	return bgp.PeerKey{
		Router: addrOf(router, family(families&3)), Peer: addrOf(peer, family(families>>2&3)),
		Distinguisher: distinguisher, View: bgp.View(view),
	}
}

// netOfRow returns the prefix, told apart by its family where the stored form
// is the same.
func netOfRow(n netRow, families uint8) netip.Prefix {
	if family(families>>6) == familyMapped {
		return netip.PrefixFrom(netip.AddrFrom16(n.addr.As16()), int(n.bits))
	}
	return n.prefix()
}

// interval returns the path, with no end yet.
func (t *routeRow) interval() (RouteInterval, error) {
	path, err := parsePath(t.path)
	if err != nil {
		return RouteInterval{}, fmt.Errorf("the path to %v from %v: %w", t.prefix.prefix(), t.peer, err)
	}
	i := RouteInterval{Peer: t.key(), PeerAS: t.peerAS, Origins: t.origins, Validity: RouteValidity(t.validity)}
	r := &i.Route
	r.Prefix, r.Distinguisher, r.PathID = netOfRow(t.prefix, t.families), t.distinguisher, t.pathID
	r.Path, r.Origin, r.NextHop = path, bgp.Origin(t.origin), addrOf(t.nextHop, family(t.families>>4&3))
	if t.med != nil {
		r.MED, r.HasMED = *t.med, true
	}
	if t.localPref != nil {
		r.LocalPref, r.HasLocalPref = *t.localPref, true
	}
	r.Communities = t.communities
	for n := 0; n+2 < len(t.large); n += 3 {
		r.LargeCommunities = append(r.LargeCommunities, [3]uint32(t.large[n:]))
	}
	return i, nil
}
