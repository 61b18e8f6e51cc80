package storage_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

var prefixOf = netip.MustParsePrefix

// event is one of a route or of a peer, in the order they are given.
type event struct {
	route storage.RouteEvent
	peer  storage.PeerEvent // if its peer is set
}

func (e *event) ofPeer() bool { return e.peer.Peer != (bgp.PeerKey{}) }

func (e *event) at() time.Time {
	if e.ofPeer() {
		return e.peer.At
	}
	return e.route.At
}

// routeWriterOf returns a writer that ends with the test.
func routeWriterOf(tb testing.TB, s *storage.Store, cfg storage.RouteWriterConfig) *storage.RouteWriter {
	tb.Helper()
	w, err := s.NewRouteWriter(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := w.Close(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return w
}

// give appends events one by one, as a table of routes tells them.
func give(tb testing.TB, w *storage.RouteWriter, events ...event) {
	tb.Helper()
	for i := range events {
		var err error
		if e := &events[i]; e.ofPeer() {
			err = w.AppendPeers([]storage.PeerEvent{e.peer})
		} else {
			err = w.Append([]storage.RouteEvent{e.route})
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func flushRoutes(tb testing.TB, w *storage.RouteWriter) {
	tb.Helper()
	if err := w.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	balanceRoutes(tb, w.Books())
}

func balanceRoutes(tb testing.TB, b storage.RouteBooks) {
	tb.Helper()
	sum := b.Pending + b.Stored + b.Folded
	for _, n := range b.Lost {
		sum += n
	}
	if sum != b.Received {
		tb.Errorf("the books do not balance: %+v", b)
	}
}

// path is what a path is known by.
type path struct {
	peer          bgp.PeerKey
	prefix        netip.Prefix
	distinguisher uint64
	id            uint32
}

// oracle follows events one after the other, as slowly as it is plain.
type oracle struct {
	held  map[path]*storage.RouteInterval
	stale map[bgp.PeerKey]bool
	past  []storage.RouteInterval
}

// follow returns every interval of the events, put in order by time and, within
// one instant, as they came.
func follow(events []event) []storage.RouteInterval {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b event) int { return a.at().Compare(b.at()) })
	o := oracle{held: make(map[path]*storage.RouteInterval), stale: make(map[bgp.PeerKey]bool)}
	for i := range events {
		if e := &events[i]; e.ofPeer() {
			o.peer(&e.peer)
		} else {
			o.route(&e.route)
		}
	}
	for _, i := range o.held {
		o.past = append(o.past, *i)
	}
	return o.past
}

func (o *oracle) end(p path, at time.Time, end storage.RouteEnd) {
	i := o.held[p]
	if i == nil {
		return
	}
	delete(o.held, p)
	if i.To, i.End = at, end; at.After(i.From) {
		o.past = append(o.past, *i)
	}
}

func (o *oracle) route(e *storage.RouteEvent) {
	p := path{e.Peer, e.Route.Prefix, e.Route.Distinguisher, e.Route.PathID}
	switch e.Kind {
	case storage.RouteWithdrawn:
		o.end(p, e.At, storage.RouteEndWithdrawn)
	case storage.RouteNotRenewed:
		o.end(p, e.At, storage.RouteEndNotRenewed)
	case storage.RouteStaleOver:
		o.end(p, e.At, storage.RouteEndStaleOver)
	case storage.RouteSessionLost: // the event of the peer tells
	case storage.RouteAnnounced:
		o.end(p, e.At, storage.RouteEndReplaced)
		origins := e.Route.Path.Origins()
		if origins == nil {
			origins = []uint32{e.PeerAS}
		}
		o.held[p] = &storage.RouteInterval{
			Peer: e.Peer, PeerAS: e.PeerAS, Route: e.Route, Origins: origins, Validity: e.Validity, From: e.At,
		}
	}
}

func (o *oracle) peer(e *storage.PeerEvent) {
	lost := e.Kind == bgp.PeerDown || e.Kind == bgp.PeerUp && !o.stale[e.Peer]
	if e.Kind != bgp.EndOfRIB {
		o.stale[e.Peer] = e.Kind == bgp.PeerStale
	}
	if !lost {
		return
	}
	for p := range o.held {
		if p.peer == e.Peer {
			o.end(p, e.At, storage.RouteEndSessionLost)
		}
	}
}

// at says what RoutesAt says.
func at(intervals []storage.RouteInterval, p netip.Prefix, t time.Time) []storage.RouteInterval {
	var list []storage.RouteInterval
	for _, i := range intervals {
		q := i.Route.Prefix
		if q.Bits() <= p.Bits() && q.Contains(p.Addr()) && !i.From.After(t) && (i.End == storage.RouteHeld || t.Before(i.To)) {
			list = append(list, i)
		}
	}
	return list
}

// within says what RoutesWithin says.
func within(intervals []storage.RouteInterval, p netip.Prefix, w rules.Window) []storage.RouteInterval {
	var list []storage.RouteInterval
	for _, i := range intervals {
		if i.Route.Prefix.Overlaps(p) && i.From.Before(w.To) && (i.End == storage.RouteHeld || w.From.Before(i.To)) {
			list = append(list, i)
		}
	}
	return list
}

// compareText puts intervals in an order of their own.
func compareText(a, b storage.RouteInterval) int {
	return cmp.Compare(fmt.Sprint(a.Route.Prefix, a.Peer, a.Route.Distinguisher, a.Route.PathID, a.From.UnixMicro()),
		fmt.Sprint(b.Route.Prefix, b.Peer, b.Route.Distinguisher, b.Route.PathID, b.From.UnixMicro()))
}

// sameIntervals compares them in any order.
func sameIntervals(tb testing.TB, what string, got, want []storage.RouteInterval) {
	tb.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, compareText)
	slices.SortFunc(want, compareText)
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		tb.Errorf("%s: (-want +got) %s", what, diff)
	}
}

func collect(tb testing.TB, s *storage.Store, p netip.Prefix, w rules.Window) []storage.RouteInterval {
	tb.Helper()
	var list []storage.RouteInterval
	for i, err := range s.RoutesWithin(tb.Context(), p, w) {
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, i)
	}
	return list
}

// world is what random events are about: nested prefixes of both families, seen
// by two routers in several tables.
type world struct {
	rng      *rand.Rand
	peers    []bgp.PeerKey
	prefixes []netip.Prefix
}

func newWorld(seed uint64) *world {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	return &world{
		rng: rand.New(rand.NewPCG(seed, 7)),
		peers: []bgp.PeerKey{
			{Router: a, Peer: a},
			{Router: a, Peer: b, View: bgp.ViewAdjInPost},
			{Router: b, Peer: a, View: bgp.ViewAdjOutPost},
			{Router: b, View: bgp.ViewLocal},
			{Router: b, View: bgp.ViewLocal, Distinguisher: 1<<63 + 5},
		},
		prefixes: []netip.Prefix{
			prefixOf("0.0.0.0/0"), prefixOf("10.0.0.0/8"), prefixOf("10.0.0.0/16"), prefixOf("10.0.0.0/24"), prefixOf("10.0.0.7/32"), prefixOf("10.1.0.0/16"),
			prefixOf("::/0"), prefixOf("2001:db8::/32"), prefixOf("2001:db8::/48"), prefixOf("2001:db8::1/128"),
			prefixOf("::ffff:10.0.0.0/104"), prefixOf("::ffff:10.0.0.0/120"), // IPv6 that looks like IPv4 when stored
		},
	}
}

// events returns n events whose times advance by up to two seconds, or not at
// all, and of which some come late.
func (w *world) events(n int) []event {
	events := make([]event, n)
	t := noon
	for i := range events {
		t = t.Add(time.Duration(w.rng.IntN(3)) * time.Second * time.Duration(w.rng.IntN(2)))
		events[i] = w.event(t)
	}
	for i := range events { // late by some
		if j := i + w.rng.IntN(20); j < n && w.rng.IntN(4) == 0 {
			events[i], events[j] = events[j], events[i]
		}
	}
	return events
}

func (w *world) event(t time.Time) event {
	key := w.peers[w.rng.IntN(len(w.peers))]
	if w.rng.IntN(12) == 0 {
		kind := [...]bgp.EventKind{bgp.PeerUp, bgp.PeerUp, bgp.PeerDown, bgp.PeerStale, bgp.EndOfRIB}[w.rng.IntN(5)]
		return event{peer: storage.PeerEvent{Kind: kind, Peer: key, PeerAS: 64500, At: t, Family: bgp.FamilyIPv4}}
	}
	e := storage.RouteEvent{Peer: key, PeerAS: 4200000001, At: t}
	e.Route.Prefix = w.prefixes[w.rng.IntN(len(w.prefixes))]
	e.Route.Distinguisher = uint64(w.rng.IntN(2)) * (64500<<32 + 7)
	e.Route.PathID = uint32(w.rng.IntN(2)) * (1<<32 - 1)
	if e.Kind = storage.RouteKind(w.rng.IntN(8)); e.Kind > storage.RouteStaleOver {
		e.Kind = storage.RouteAnnounced
	}
	if e.Kind == storage.RouteAnnounced {
		w.attributes(&e.Route)
		e.Validity = storage.RouteValidity(w.rng.IntN(4))
	}
	return event{route: e}
}

func (w *world) attributes(r *bgp.Route) {
	number := func() uint32 { return [...]uint32{1, 64500, 65551, 4200000000, 1<<32 - 1}[w.rng.IntN(5)] }
	for range w.rng.IntN(3) {
		r.Path = append(r.Path, bgp.Segment{Type: bgp.SegmentConfedSequence + bgp.SegmentType(w.rng.IntN(2)), ASNs: []uint32{number(), number()}})
	}
	if w.rng.IntN(5) > 0 {
		r.Path = append(r.Path, bgp.Segment{Type: bgp.SegmentSequence, ASNs: []uint32{number(), number(), number()}})
	}
	if w.rng.IntN(4) == 0 {
		r.Path = append(r.Path, bgp.Segment{Type: bgp.SegmentSet, ASNs: []uint32{number(), number()}})
	}
	r.Origin = bgp.Origin(w.rng.IntN(3))
	r.NextHop = [...]netip.Addr{{}, netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")}[w.rng.IntN(3)]
	if r.HasMED = w.rng.IntN(2) == 0; r.HasMED {
		r.MED = number()
	}
	if r.HasLocalPref = w.rng.IntN(2) == 0; r.HasLocalPref {
		r.LocalPref = number() - 1
	}
	for range w.rng.IntN(3) {
		r.Communities = append(r.Communities, number())
		r.LargeCommunities = append(r.LargeCommunities, [3]uint32{number(), number(), number()})
	}
}

// TestRoutesAgainstAnOracle gives random events, many of one instant and some
// late, in batches of any size, and asks random questions.
func TestRoutesAgainstAnOracle(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := open(t, configure(t))
			world := newWorld(seed)
			events := world.events(2500)
			w := routeWriterOf(t, s, storage.RouteWriterConfig{MaxRows: 1 + int(seed)*300, MaxAge: time.Hour})
			if seed == 0 { // each event is a batch of its own
				events = events[:100]
			}
			give(t, w, events...)
			flushRoutes(t, w)
			askOracle(t, s, world, follow(events))
		})
	}
}

func askOracle(t *testing.T, s *storage.Store, world *world, want []storage.RouteInterval) {
	t.Helper()
	ends := make(map[storage.RouteEnd]int)
	for range 60 {
		p := world.prefixes[world.rng.IntN(len(world.prefixes))]
		moment := noon.Add(time.Duration(world.rng.IntN(1300)) * time.Second)
		got, err := s.RoutesAt(t.Context(), p, moment, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		sameIntervals(t, fmt.Sprintf("%v at %v", p, moment), got, at(want, p, moment))
		for _, i := range got {
			ends[i.End]++
		}
		if !slices.IsSortedFunc(got, func(a, b storage.RouteInterval) int { return b.Route.Prefix.Bits() - a.Route.Prefix.Bits() }) {
			t.Error("the longest prefix does not come first")
		}
		w := rules.Window{From: moment, To: moment.Add(time.Duration(1+world.rng.IntN(100)) * time.Second)}
		sameIntervals(t, fmt.Sprintf("%v within %v", p, w), collect(t, s, p, w), within(want, p, w))
		if t.Failed() {
			return
		}
	}
	sameIntervals(t, "all of IPv4", collect(t, s, world.prefixes[0], rules.Window{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}),
		within(want, world.prefixes[0], rules.Window{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}))
	if len(want) > 500 && len(ends) < 5 {
		t.Errorf("only these ends were seen: %v", ends)
	}
}

func TestMalformedRouteEvents(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{})
	good := newWorld(1).events(1)
	err := w.Append([]storage.RouteEvent{{}, {Route: bgp.Route{Prefix: prefixOf("10.0.0.1/8")}}, good[0].route, {Kind: 9, Route: good[0].route.Route}})
	if !errors.Is(err, storage.ErrRouteEvent) {
		t.Errorf("got %v", err)
	}
	if err := w.AppendPeers([]storage.PeerEvent{{Kind: bgp.Announce}}); !errors.Is(err, storage.ErrRouteEvent) {
		t.Errorf("got %v", err)
	}
	flushRoutes(t, w)
	if b := w.Books(); b.Received != 5 || b.Stored != 1 || b.Lost[storage.RouteLossMalformed] != 4 || count(t, s, "routes") != 1 {
		t.Errorf("books are %+v", b)
	}
}
