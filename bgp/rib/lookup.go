package rib

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// Provenance says whose path a lookup used, and so how sure it is: the higher,
// the surer.
type Provenance uint8

// The provenances.
const (
	None       Provenance = iota // no path
	BestKnown                    // the best of all routers: the exporter may go another way
	SameSite                     // of a router at the exporter's site
	Own                          // of the exporter's own router: its best
	OwnNextHop                   // of the exporter's own router, by the next hop it reported
)

// String returns the provenance in words.
func (p Provenance) String() string {
	switch p {
	case None:
		return "none"
	case BestKnown:
		return "best known"
	case SameSite:
		return "same site"
	case Own:
		return "own router"
	case OwnNextHop:
		return "own router and next hop"
	}
	return "unknown"
}

// Place says where an exporter of flows stands.
type Place struct {
	Router netip.Addr // as bgp.PeerKey names it; zero where that is the exporter's address
	Site   string     // "" = unknown
}

// Query is a question for the path to an address.
type Query struct {
	Exporter      netip.Addr // who saw the traffic; may be zero
	NextHop       netip.Addr // where it sent it, as flow export says (IPFIX elements 15, 18, 62, 63); may be zero
	Addr          netip.Addr
	Distinguisher uint64 // of the instance, 0 = the global one
}

// Answer is the path to an address. It is a copy: changes of the table do not reach it.
type Answer struct {
	Provenance Provenance
	Validity   Validity // NotChecked when no VRPs were given
	Stale      bool     // the session it came by is down (RFC 4724)
	Prefix     netip.Prefix
	PathID     uint32
	OriginAS   uint32 // 0 = unknown, as for an AS_SET of several
	NeighborAS uint32 // 0 = unknown, as for a path that names nobody
	Attributes *Attributes
	session    *session
}

// Peer returns whose path it is.
func (a *Answer) Peer() (key bgp.PeerKey, as uint32) {
	if a.session == nil {
		return bgp.PeerKey{}, 0
	}
	return a.session.peer.key, a.session.as
}

// SetPlaces tells where exporters stand, by address. It replaces what was told before.
func (r *RIB) SetPlaces(places map[netip.Addr]Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.places = make(map[netip.Addr]Place, len(places))
	for addr, p := range places {
		p.Router = p.Router.Unmap()
		r.places[addr.Unmap()] = p
	}
	r.publishLocked()
}

// routerLocked returns the router of an address, made known if need be.
func (r *RIB) routerLocked(a netip.Addr) *router {
	a = a.Unmap()
	old := r.where.Load()
	if known := old.routers[a]; known != nil {
		return known
	}
	where := *old
	where.routers = make(map[netip.Addr]*router, len(old.routers)+1)
	// Routers of forgotten peers go.
	for _, p := range r.peers {
		where.routers[p.router.addr] = p.router
	}
	added := &router{addr: a, bit: uint8(min(r.known, noteShare))}
	r.known++
	where.routers[a] = added
	r.where.Store(&where)
	r.publishLocked()
	return added
}

// publishLocked gives lookups a new directory of exporters.
func (r *RIB) publishLocked() {
	where := *r.where.Load()
	where.seats = make(map[netip.Addr]seat, len(where.routers)+len(r.places))
	for addr, known := range where.routers {
		known.site.Store(r.siteLocked(r.places[addr].Site))
		where.seats[addr] = seat{known, known.site.Load()}
	}
	for addr, p := range r.places {
		if !p.Router.IsValid() {
			p.Router = addr
		}
		where.seats[addr] = seat{where.routers[p.Router], r.siteLocked(p.Site)}
		// A router without a place of its own stands where its exporter does.
		if _, placed := r.places[p.Router]; placed || p.Site == "" {
			continue
		}
		known := where.routers[p.Router]
		if known != nil {
			known.site.Store(r.siteLocked(p.Site))
		}
		where.seats[p.Router] = seat{known, r.siteLocked(p.Site)}
	}
	where.seats4 = make(map[uint32]seat, len(where.seats))
	for addr, at := range where.seats {
		if addr.Is4() {
			b := addr.As4()
			where.seats4[binary.BigEndian.Uint32(b[:])] = at
		}
	}
	r.where.Store(&where)
}

func (r *RIB) siteLocked(name string) uint32 {
	if name == "" {
		return 0
	}
	n, ok := r.sites[name]
	if !ok {
		n = uint32(len(r.sites) + 1)
		r.sites[name] = n
	}
	return n
}

// Origin returns the origin of the route to an address as the exporter sees it,
// or as it is best known. The table knows the present alone, so the time is not
// looked at. A default route says nothing about origins and does not count.
func (r *RIB) Origin(exporter, addr netip.Addr, _ time.Time) (asn uint32, ok bool) {
	addr = addr.Unmap()
	if origin := r.noted(exporter, addr); origin != 0 {
		return origin, true
	}
	var a found
	r.find(&Query{Exporter: exporter, Addr: addr}, &a)
	if a.path == nil || a.length == 0 {
		return 0, false
	}
	return a.path.origin, a.path.origin != 0
}

// noted answers from notes what can be: the longest prefix that covers an IPv4
// address is one of 17 to 24 bits, all its paths have one origin, and the
// exporter's own router is among them, or unknown. It returns 0 for all else.
// Origin takes a third less time by it, as the paths need not be read.
func (r *RIB) noted(exporter, addr netip.Addr) uint32 {
	if !addr.Is4() {
		return 0
	}
	b := addr.As4()
	n := r.global[0].trie.top[int(b[0])<<8|int(b[1])].Load()
	if n == nil || n.nkids > 0 && n.below.has(int(b[2])) {
		return 0
	}
	length, i := n.longest(int(b[2]), 9)
	if length == 0 {
		return 0
	}
	note := n.values()[i].note.Load()
	switch at := r.where.Load().seatOf(exporter); {
	case at.router != nil && (at.router.bit == noteShare || note>>at.router.bit&1 == 0), at.router == nil && at.site != 0:
		return 0
	}
	// Last, so that a session that died before the note was read is seen.
	if r.dying.Load() > 0 {
		return 0
	}
	return uint32(note >> noteBits)
}

// Lookup returns the path to an address. Of the paths that cover it, a path of
// the exporter's own router is taken, of the longest prefix that this router
// has; else one of its site; else the longest of all. A default route is taken
// only where nothing else covers the address. Within a prefix the preferred path is
// taken (see the package documentation), or the one with the next hop
// that the exporter reported. Lookup takes no lock and allocates nothing.
func (r *RIB) Lookup(q Query) (Answer, bool) {
	var f found
	r.find(&q, &f)
	if f.path == nil {
		return Answer{}, false
	}
	a := Answer{
		Provenance: f.provenance,
		Stale:      f.path.from.flags.Load()&flagStale != 0,
		Prefix:     f.prefix(),
		PathID:     f.path.id,
		OriginAS:   f.path.origin,
		NeighborAS: f.path.neighbor,
		Attributes: f.path.attributes,
		session:    f.path.from,
	}
	if v := r.vrps.Load(); v != nil {
		a.Validity = v.Route(a.Prefix, a.Attributes, f.path.from.as)
	}
	return a, true
}

// found is the state of one search.
type found struct {
	path       *path
	length     int
	provenance Provenance
	key        key
	width      int
	family     int
	at         seat       // of the exporter
	hop        netip.Addr // it reported
	surest     Provenance // with which the search is over
}

func (f *found) prefix() netip.Prefix {
	k := f.key
	if whole := f.length >> 3; whole < 16 {
		k[whole] &= ^(0xff >> (f.length & 7))
		clear(k[whole+1:])
	}
	return k.prefix(f.width, f.length)
}

// take keeps a path if it is surer than what was found; the longer come first.
func (f *found) take(p *path, length int, provenance Provenance) {
	if provenance > f.provenance {
		f.path, f.length, f.provenance = p, length, provenance
	}
}

// find walks from the longest prefix that covers the address to shorter ones,
// until no surer path can come.
func (r *RIB) find(q *Query, f *found) {
	where := r.where.Load()
	in := r.global
	if q.Distinguisher != 0 {
		if in = where.instances[q.Distinguisher]; in == nil {
			return
		}
	}
	addr := q.Addr.Unmap()
	if !addr.IsValid() {
		return
	}
	f.key, f.width = keyOf(addr)
	t := in[0]
	if f.width == 128 {
		t = in[1]
	}
	f.family = t.family
	f.at = where.seatOf(q.Exporter)
	f.surest = BestKnown
	if f.at.router != nil {
		f.surest = Own
	} else if f.at.site != 0 {
		f.surest = SameSite
	}
	f.hop = q.NextHop
	if top := t.trie.top; top != nil {
		if f.climb(top[int(f.key[0])<<8|int(f.key[1])].Load(), topBits/8) {
			return
		}
	}
	if f.climb(t.trie.root.Load(), 0) || f.path != nil {
		return
	}
	f.judge(t.trie.zero.Load(), 0)
}

// climb goes down from a node to the last one on the way to the address, and
// judges the prefixes on the way back. It returns true when no surer path can come.
func (f *found) climb(n *node[path], base int) bool {
	var way [16]*node[path]
	depth := base
	for ; n != nil; n = n.kid(int(f.key[depth-1])) {
		way[depth] = n
		if depth++; depth == len(way) {
			break
		}
	}
	for d := depth - 1; d >= base; d-- {
		n, octet := way[d], int(f.key[d])
		for under := 9; ; {
			length, slot := n.longest(octet, under)
			if length == 0 {
				break
			}
			under = length
			f.judge(n.values()[slot].Load(), d<<3+length)
			if f.provenance >= f.surest {
				return true
			}
		}
	}
	return false
}

// judge looks at the paths of one prefix, in the order of preference.
func (f *found) judge(p *path, length int) {
	list := p.list()
	for i := range list {
		p := &list[i]
		s := p.from
		if s.dead(f.family) {
			continue
		}
		switch {
		case f.at.router != nil && s.router == f.at.router:
			f.take(p, length, Own)
			if !f.hop.IsValid() || f.length != length {
				return
			}
			if p.attributes.NextHop == f.hop {
				f.take(p, length, OwnNextHop)
				return
			}
		case f.at.site != 0 && s.router.site.Load() == f.at.site:
			f.take(p, length, SameSite)
			if f.at.router == nil {
				return
			}
		default:
			f.take(p, length, BestKnown)
			if f.surest == BestKnown {
				return
			}
		}
	}
}
