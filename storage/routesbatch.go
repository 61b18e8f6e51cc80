package storage

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/bgp"
)

// routeBatch is a block of each of the tables routes and route_peers in the
// making. Its memory is used again after reset.
type routeBatch struct {
	rows          int // of both, in the order they came
	bytes         int // of what has no fixed size
	routes, peers routeBlock

	origins, communities, large *proto.ColArr[uint32]
	path                        proto.ColStr
	origin, validity            enumColumn
	prefix                      netColumn
	distinguisher               proto.ColUInt64
	pathID                      proto.ColUInt32
	nextHop                     proto.ColIPv6
	med, localPref              *proto.ColNullable[uint32]
	family                      enumColumn // of peers

	text    []byte // a path in the making
	numbers []uint32
}

// routeBlock holds the columns both tables have, and what is sent of one.
type routeBlock struct {
	rows  int
	token string
	input proto.Input

	stored        proto.ColDateTime
	number        proto.ColUInt32
	at            proto.ColDateTime64
	kind, view    enumColumn
	router, peer  proto.ColIPv6
	distinguisher proto.ColUInt64
	as            proto.ColUInt32
	families      proto.ColUInt8
}

func newRouteBatch() *routeBatch {
	array := func() *proto.ColArr[uint32] { return proto.NewArray[uint32](new(proto.ColUInt32)) }
	b := &routeBatch{
		origins: array(), communities: array(), large: array(),
		med:       proto.NewColNullable[uint32](new(proto.ColUInt32)),
		localPref: proto.NewColNullable[uint32](new(proto.ColUInt32)),
	}
	b.origin.kind, b.validity.kind, b.family.kind = kindOrigin, kindValidity, kindFamily
	b.routes.prepare(kindRoute)
	b.peers.prepare(kindPeerEvent)
	b.routes.input = append(b.routes.input,
		proto.InputColumn{Name: "prefix", Data: &b.prefix.addr},
		proto.InputColumn{Name: "prefix_bits", Data: &b.prefix.bits},
		proto.InputColumn{Name: "distinguisher", Data: &b.distinguisher},
		proto.InputColumn{Name: "path_id", Data: &b.pathID},
		proto.InputColumn{Name: "origins", Data: b.origins},
		proto.InputColumn{Name: "as_path", Data: &b.path},
		proto.InputColumn{Name: "origin", Data: &b.origin},
		proto.InputColumn{Name: "next_hop", Data: &b.nextHop},
		proto.InputColumn{Name: "med", Data: b.med},
		proto.InputColumn{Name: "local_pref", Data: b.localPref},
		proto.InputColumn{Name: "communities", Data: b.communities},
		proto.InputColumn{Name: "large_communities", Data: b.large},
		proto.InputColumn{Name: "validity", Data: &b.validity},
	)
	b.peers.input = append(b.peers.input, proto.InputColumn{Name: "family", Data: &b.family})
	return b
}

func (b *routeBlock) prepare(kinds proto.ColumnType) {
	b.kind.kind, b.view.kind = kinds, kindView
	b.stored.Location = time.UTC
	b.at.WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	b.input = proto.Input{
		{Name: "stored", Data: &b.stored},
		{Name: "number", Data: &b.number},
		{Name: "at", Data: &b.at},
		{Name: "kind", Data: &b.kind},
		{Name: "router", Data: &b.router},
		{Name: "peer", Data: &b.peer},
		{Name: "peer_distinguisher", Data: &b.distinguisher},
		{Name: "peer_as", Data: &b.as},
		{Name: "view", Data: &b.view},
		{Name: "families", Data: &b.families},
	}
}

// add appends a row but for the columns of its own table. The zero time is now.
func (b *routeBlock) add(number int, kind uint8, at time.Time, k *bgp.PeerKey, as uint32, families uint8) {
	if at.IsZero() {
		at = time.Now()
	}
	b.rows++
	b.number = append(b.number, uint32(number))
	b.at.AppendRaw(proto.DateTime64(microsOf(at)))
	b.kind.add(kind)
	b.router = append(b.router, bytesOf(k.Router))
	b.peer = append(b.peer, bytesOf(k.Peer))
	b.distinguisher = append(b.distinguisher, k.Distinguisher)
	b.as = append(b.as, as)
	b.view.add(closed(uint8(k.View), uint8(bgp.ViewAdjOutPost)))
	b.families = append(b.families, families)
}

// addRoute copies an event into the columns.
func (b *routeBatch) addRoute(e *RouteEvent) {
	var r bgp.Route // attributes are of announcements
	if e.Kind == RouteAnnounced {
		r = e.Route
	}
	b.routes.add(b.rows, uint8(e.Kind), e.At, &e.Peer, e.PeerAS, routeFamilies(&e.Peer, r.NextHop, e.Route.Prefix.Addr()))
	b.rows++
	b.prefix.add(e.Route.Prefix)
	b.distinguisher = append(b.distinguisher, e.Route.Distinguisher)
	b.pathID = append(b.pathID, e.Route.PathID)
	b.numbers = b.numbers[:0]
	if e.Kind == RouteAnnounced {
		b.numbers = appendOrigins(b.numbers, r.Path, e.PeerAS)
	}
	b.origins.Append(b.numbers)
	b.bytes += 4 * len(b.numbers)
	b.text = appendPath(b.text[:0], r.Path)
	b.path.AppendBytes(b.text)
	b.origin.add(closed(uint8(r.Origin), uint8(bgp.OriginIncomplete)))
	b.nextHop = append(b.nextHop, bytesOf(r.NextHop))
	b.med.Append(proto.Nullable[uint32]{Set: r.HasMED, Value: r.MED})
	b.localPref.Append(proto.Nullable[uint32]{Set: r.HasLocalPref, Value: r.LocalPref})
	b.communities.Append(r.Communities)
	b.numbers = b.numbers[:0]
	for _, c := range r.LargeCommunities {
		b.numbers = append(b.numbers, c[:]...)
	}
	b.large.Append(b.numbers)
	b.validity.add(closed(uint8(e.Validity), uint8(RouteInvalid)))
	b.bytes += len(b.text) + 4*len(r.Communities) + 4*len(b.numbers)
}

// addPeer copies an event into the columns.
func (b *routeBatch) addPeer(e *PeerEvent) {
	k := &e.Peer
	b.peers.add(b.rows, uint8(e.Kind), e.At, k, e.PeerAS, uint8(familyOf(k.Router)|familyOf(k.Peer)<<2))
	b.rows++
	b.family.add(closed(uint8(e.Family), uint8(bgp.FamilyVPNv6)))
}

// seal gives the batch its names, its time of storing and the number of its
// first event, which stay the same however often it is sent.
func (b *routeBatch) seal(stored time.Time, first uint32) {
	for _, block := range []*routeBlock{&b.routes, &b.peers} {
		block.token = newToken()
		for i := range block.rows {
			block.stored.Append(stored)
			block.number[i] += first
		}
	}
}

// reset empties the batch and keeps its memory.
func (b *routeBatch) reset() {
	b.rows, b.bytes = 0, 0
	for _, block := range []*routeBlock{&b.routes, &b.peers} {
		block.rows, block.token = 0, ""
		block.input.Reset()
	}
}
