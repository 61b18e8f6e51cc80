package bmp

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/wire"
)

// Info is what a router says of itself (RFC 7854 section 4.3), cut to 255 octets each.
type Info struct {
	Name        string // sysName
	Description string // sysDescr
}

// Parser follows the messages of one connection. It belongs to one goroutine,
// and knows no socket or clock.
type Parser struct {
	router   netip.Addr
	maxPeers int
	books    *Books
	decoder  *wire.Decoder
	peers    map[peerID]*peer
	info     Info
	ended    bool      // a Termination was read
	forever  bool      // and says that the router will not come back
	from     bgp.Event // of the message at hand
}

// peerID names a neighbour of the router, whose views share one session. A peer
// of an instance without a distinguisher is one of the global instance.
type peerID struct {
	locRIB        bool
	distinguisher uint64
	address       netip.Addr
}

// zeroPeer is what some versions of FRR announce their Loc-RIB as: a global peer.
func zeroPeer() peerID { return peerID{address: netip.IPv4Unspecified()} }

// peer is a neighbour that is up.
type peer struct {
	as      uint32
	in, out wire.Session // how to read what it sends, and what is sent to it
	carried wire.Tables  // that both ends have
	session []byte       // what tells the session apart from the next one
	views   [bgp.ViewAdjOutPost + 1]bool
}

// remembered is how many sets of attributes the decoder of a router remembers,
// as views and neighbours repeat each other's routes.
const remembered = 8192

// NewParser returns a parser for a connection of the router, that takes up to
// maxPeers neighbours and counts in books.
func NewParser(router netip.Addr, maxPeers int, books *Books) *Parser {
	return &Parser{
		router: router.Unmap(), maxPeers: maxPeers, books: books,
		decoder: wire.NewDecoder(&books.updates, remembered), peers: make(map[peerID]*peer),
	}
}

// Info returns what the router said of itself.
func (p *Parser) Info() Info { return p.info }

// Peers returns how many neighbours are up.
func (p *Parser) Peers() int { return len(p.peers) }

// Terminated reports whether the router said that it sends no more, after which
// the connection must be closed (RFC 7854 section 4.5).
func (p *Parser) Terminated() bool { return p.ended }

// Message takes one whole message and hands its events to yield; an event is
// valid until yield returns, the slices of its route stay. The error is that
// of a connection that cannot be followed any further; every other fault is
// counted alone. now stands in for times that the router does not give.
func (p *Parser) Message(b []byte, now time.Time, yield func(*bgp.Event)) error {
	p.books.messages.Add(1)
	if len(b) < headerLength {
		p.books.refuse(ReasonLength)
		return ErrLength
	}
	length, kind, err := parseHeader(b, len(b))
	switch {
	case errors.Is(err, ErrVersion):
		p.books.refuse(ReasonVersion)
		return err
	case err != nil || length != len(b):
		p.books.refuse(ReasonLength)
		return ErrLength
	}
	if reason, ok := p.handle(kind, b[headerLength:], now, yield); !ok {
		p.books.refuse(reason)
		return nil
	}
	p.books.applied[kind].Add(1)
	return nil
}

// handle applies one message, and contains what may go wrong in it.
func (p *Parser) handle(kind Type, b []byte, now time.Time, yield func(*bgp.Event)) (reason Reason, ok bool) {
	inSink := false
	defer func() {
		if inSink {
			return // not ours: let it pass
		}
		if fault := recover(); fault != nil {
			reason, ok = ReasonPanic, false
		}
	}()
	guarded := func(e *bgp.Event) {
		inSink = true
		yield(e)
		inSink = false
	}
	switch kind {
	case Initiation:
		return ReasonMalformed, tlvs(b, p.inform)
	case Termination:
		p.ended = true
		return ReasonMalformed, tlvs(b, p.terminate)
	case RouteMirroring:
		return ReasonMirroring, false
	case RouteMonitoring, StatisticsReport, PeerDown, PeerUp:
	default:
		return ReasonType, false
	}
	h, ok := parsePeer(b)
	if !ok {
		return ReasonPeer, false
	}
	if h.time.IsZero() {
		h.time = now.UTC()
	}
	b = b[peerLength:]
	id := peerID{h.kind == peerLocRIB, h.distinguisher, h.address}
	p.from = bgp.Event{
		Peer:   bgp.PeerKey{Router: p.router, Peer: h.address, Distinguisher: h.distinguisher, View: h.view()},
		PeerAS: h.as, Time: h.time,
	}
	switch kind {
	case PeerUp:
		return p.up(id, &h, b, guarded)
	case PeerDown:
		return p.down(id, b, guarded)
	case RouteMonitoring:
		return p.monitor(id, &h, b, guarded)
	default:
		return p.stats(id, b)
	}
}

const (
	tlvDescription = 1 // RFC 7854 section 4.4
	tlvName        = 2
	tlvReason      = 1 // of a Termination, RFC 7854 section 4.5
	longestInfo    = 255
)

func (p *Parser) inform(kind uint16, value []byte) {
	text := strings.ToValidUTF8(string(value[:min(len(value), longestInfo)]), "")
	switch kind {
	case tlvDescription:
		p.info.Description = text
	case tlvName:
		p.info.Name = text
	}
}

func (p *Parser) terminate(kind uint16, value []byte) {
	if kind == tlvReason && len(value) == 2 {
		p.forever = value[0] == 0 && value[1] == reasonForever
	}
}

// up begins a session. Routers repeat the notification for each view that they
// mirror (the L flag differs); then the session is the same. Which direction it
// is about has no meaning here (RFC 8671 section 5.3).
func (p *Parser) up(id peerID, h *peerHeader, b []byte, yield func(*bgp.Event)) (Reason, bool) {
	ends, sentBytes, receivedBytes, ok := opens(b)
	if !ok {
		return ReasonMalformed, false
	}
	sent, err := wire.ParseOpen(sentBytes)
	if err != nil {
		return ReasonOpen, false
	}
	received, err := wire.ParseOpen(receivedBytes)
	if err != nil {
		return ReasonOpen, false
	}
	now := newPeer(h, sent, received, bytes.Join([][]byte{ends, sentBytes, receivedBytes}, nil))
	n := p.peers[id]
	if n == nil && len(p.peers) >= p.maxPeers {
		return ReasonPeers, false
	}
	n = p.follow(n, now, id, yield)
	p.peers[id] = n
	p.from.Peer.View = bgp.ViewAdjIn
	switch {
	case h.kind == peerLocRIB:
		p.from.Peer.View = bgp.ViewLocal
	case h.flags&flagPost != 0:
		p.from.Peer.View = bgp.ViewAdjInPost
	}
	p.open(n, yield)
	return 0, true
}

// follow returns what the peer is after another Peer Up notification.
func (p *Parser) follow(old, now *peer, id peerID, yield func(*bgp.Event)) *peer {
	switch {
	case old == nil:
		if zero := p.peers[zeroPeer()]; zero != nil && id.locRIB && id.distinguisher == 0 {
			now.views[bgp.ViewLocal], zero.views[bgp.ViewLocal] = zero.views[bgp.ViewLocal], false
		}
	case old.session == nil: // routes of it came before
		now.views = old.views
	case bytes.Equal(old.session, now.session):
		return old
	case id.locRIB:
		old.merge(now)
		return old
	default:
		p.end(old, bgp.PeerDown, yield)
	}
	return now
}

func newPeer(h *peerHeader, sent, received wire.Open, session []byte) *peer {
	n := &peer{as: h.as, session: session, in: wire.Negotiate(received, sent), out: wire.Negotiate(sent, received)}
	if h.kind == peerLocRIB {
		// Both OPENs are made up; what either has is how the table is written (RFC 9069 section 5.2).
		n.in.AddPath = sent.AddSend | sent.AddReceive | received.AddSend | received.AddReceive
	}
	n.carried = sent.Tables & received.Tables
	n.settle()
	return n
}

// merge takes over what a second Peer Up notification of a Loc-RIB says. It has
// no session that could have begun anew, and some routers send one notification
// for each family.
func (n *peer) merge(other *peer) {
	n.in.AddPath = n.in.AddPath&^other.carried | other.in.AddPath
	n.in.MultiLabel = n.in.MultiLabel&^other.carried | other.in.MultiLabel
	n.carried |= other.carried
	n.session = other.session
	n.settle()
}

// settle derives what does not depend on the direction.
func (n *peer) settle() {
	for _, s := range []*wire.Session{&n.in, &n.out} {
		s.Extended = true // the length of the BMP message is the bound
		s.NoNextHop = true
		s.Labelled = 0
		for _, t := range [][2]wire.Table{{wire.IPv4Unicast, wire.IPv4Labelled}, {wire.IPv6Unicast, wire.IPv6Labelled}} {
			if !n.carried.Has(t[0]) && n.carried.Has(t[1]) {
				s.Labelled |= wire.TablesOf(t[1])
			}
		}
	}
}

// open says that the view of p.from is up, once a session.
func (p *Parser) open(n *peer, yield func(*bgp.Event)) {
	if n.views[p.from.Peer.View] {
		return
	}
	n.views[p.from.Peer.View] = true
	e := p.from
	e.Kind = bgp.PeerUp
	yield(&e)
}

// end says of each view that is up what became of it.
func (p *Parser) end(n *peer, kind bgp.EventKind, yield func(*bgp.Event)) {
	for view, up := range n.views {
		if !up {
			continue
		}
		e := p.from
		e.Kind, e.PeerAS, e.Peer.View = kind, n.as, bgp.View(view)
		if e.Peer.View == bgp.ViewLocal {
			e.Peer.Peer = netip.Addr{} // whatever address its notification had
		}
		yield(&e)
	}
}

// down ends a session, whatever the reason: the router forgets its routes as
// well (RFC 7854 section 4.9).
func (p *Parser) down(id peerID, b []byte, yield func(*bgp.Event)) (Reason, bool) {
	if len(b) == 0 {
		return ReasonMalformed, false
	}
	n := p.peers[id]
	if n == nil {
		return ReasonNoPeer, false
	}
	delete(p.peers, id)
	p.end(n, bgp.PeerDown, yield)
	return 0, true
}

// peerOf returns the peer of a route. One that has no session, as a Loc-RIB or
// the router's own routes, may come without a Peer Up notification, against RFC
// 9069 section 5.2: gobgpd sends none. Then the routes are read as by a session
// without options, and the peer lasts as long as the connection.
func (p *Parser) peerOf(id peerID, h *peerHeader) (*peer, Reason) {
	n := p.peers[id]
	if n == nil && id.locRIB && id.distinguisher == 0 {
		n = p.peers[zeroPeer()]
	}
	if n != nil {
		return n, 0
	}
	if !id.locRIB && !id.address.IsUnspecified() {
		return nil, ReasonNoPeer
	}
	if len(p.peers) >= p.maxPeers {
		return nil, ReasonPeers
	}
	n = &peer{as: h.as}
	n.settle()
	p.peers[id] = n
	return n, 0
}

// monitor reads an UPDATE. The A flag says which AS numbers it has, whatever
// the session agreed on (RFC 7854 section 4.2).
func (p *Parser) monitor(id peerID, h *peerHeader, b []byte, yield func(*bgp.Event)) (Reason, bool) {
	n, reason := p.peerOf(id, h)
	if n == nil {
		return reason, false
	}
	update, _, ok := message(b)
	if !ok {
		return ReasonMalformed, false
	}
	p.open(n, yield)
	session := n.in
	if h.flags&flagAdjOut != 0 {
		session = n.out
	}
	session.AS4 = h.flags&flagAS2 == 0
	err := p.decoder.Message(update, session, &p.from, yield)
	var refusal *wire.Refusal
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &refusal) && refusal.Reason == wire.ReasonFamily:
		return ReasonFamily, false
	}
	return ReasonUpdate, false
}

const statsCount = 4 // octets of the number of counters (RFC 7854 section 4.8)

// stats checks a Statistics Report, whose counters nobody needs so far.
func (p *Parser) stats(id peerID, b []byte) (Reason, bool) {
	if p.peers[id] == nil {
		return ReasonNoPeer, false
	}
	if len(b) < statsCount || !tlvs(b[statsCount:], func(uint16, []byte) {}) {
		return ReasonMalformed, false
	}
	return 0, true
}

// Close says what the end of the connection means for each neighbour's tables:
// they are stale, or lost when the router said that it will not come back.
func (p *Parser) Close(now time.Time, yield func(*bgp.Event)) {
	kind := bgp.PeerStale
	if p.forever {
		kind = bgp.PeerDown
	}
	for id, n := range p.peers {
		p.from = bgp.Event{
			Peer: bgp.PeerKey{Router: p.router, Peer: id.address, Distinguisher: id.distinguisher},
			Time: now.UTC(),
		}
		p.end(n, kind, yield)
	}
	clear(p.peers)
}
