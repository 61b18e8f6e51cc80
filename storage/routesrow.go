package storage

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// eventOrder is the place of an event among others of its source.
type eventOrder struct {
	at     int64 // microseconds since 1970
	stored uint32
	number uint32
}

func (o eventOrder) compare(p eventOrder) int {
	return cmp.Or(cmp.Compare(o.at, p.at), cmp.Compare(o.stored, p.stored), cmp.Compare(o.number, p.number))
}

// routeKey is what the table is ordered by before time: with some families it
// makes a path.
type routeKey struct {
	prefix            netRow
	router, peer      netip.Addr
	peerDistinguisher uint64
	view              int8
	distinguisher     uint64
	pathID            uint32
}

// routeRow is where an event is read to.
type routeRow struct {
	routeKey
	order      eventOrder
	at, stored time.Time // as they are read
	kind       int8
	families   uint8
	peerAS     uint32
	origins    []uint32
	attributes routeAttributes
}

// routeAttributes are what only some questions read.
type routeAttributes struct {
	path               string
	nextHop            netip.Addr
	origin, validity   int8
	med, localPref     *uint32
	communities, large []uint32
}

// routeOrder is the order of the table, and that of events of one instant.
const routeOrder = "prefix, prefix_bits, router, peer, peer_distinguisher, view, distinguisher, path_id, at, stored, number"

// routeReads returns what is selected, in the order of targets.
func routeReads(originsOnly bool) string {
	const reads = "prefix, prefix_bits, router, peer, peer_distinguisher, toInt8(view), distinguisher, path_id, " +
		"at, stored, number, toInt8(kind), families, peer_as, origins"
	if originsOnly {
		return reads
	}
	return reads + ", as_path, next_hop, toInt8(origin), toInt8(validity), med, local_pref, communities, large_communities"
}

// targets returns where the columns go.
func (t *routeRow) targets(originsOnly bool) []any {
	list := []any{
		&t.prefix.addr, &t.prefix.bits, &t.router, &t.peer, &t.peerDistinguisher, &t.view, &t.distinguisher, &t.pathID,
		&t.at, &t.stored, &t.order.number, &t.kind, &t.families, &t.peerAS, &t.origins,
	}
	if originsOnly {
		return list
	}
	a := &t.attributes
	return append(list, &a.path, &a.nextHop, &a.origin, &a.validity, &a.med, &a.localPref, &a.communities, &a.large)
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

// describe sets what the announcement says.
func (t *routeRow) describe(i *RouteInterval) error {
	a := &t.attributes
	path, err := parsePath(a.path)
	if err != nil {
		return fmt.Errorf("the path to %v from %v: %w", t.prefix.prefix(), t.peer, err)
	}
	i.PeerAS, i.Origins, i.Validity = t.peerAS, t.origins, RouteValidity(a.validity)
	r := &i.Route
	r.Prefix, r.Distinguisher, r.PathID = netOfRow(t.prefix, t.families), t.distinguisher, t.pathID
	r.Path, r.Origin, r.NextHop = path, bgp.Origin(a.origin), addrOf(a.nextHop, family(t.families>>4&3))
	if a.med != nil {
		r.MED, r.HasMED = *a.med, true
	}
	if a.localPref != nil {
		r.LocalPref, r.HasLocalPref = *a.localPref, true
	}
	r.Communities = a.communities
	for n := 0; n+2 < len(a.large); n += 3 {
		r.LargeCommunities = append(r.LargeCommunities, [3]uint32(a.large[n:]))
	}
	return nil
}
