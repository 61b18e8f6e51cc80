package bmp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

var now = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// feed gives messages to a parser and returns the events as text.
func feed(t *testing.T, p *Parser, messages ...[]byte) (events []string) {
	t.Helper()
	for _, m := range messages {
		if err := p.Message(m, now, func(e *bgp.Event) { events = append(events, text(e)) }); err != nil {
			t.Fatal(err)
		}
	}
	balance(t, p.books.Count())
	return events
}

func text(e *bgp.Event) string {
	s := fmt.Sprintf("%s %v/%d/%d", []string{"announce", "withdraw", "end", "up", "down", "stale"}[e.Kind], e.Peer.Peer, e.Peer.Distinguisher, e.Peer.View)
	if e.Route.Prefix.IsValid() {
		s += fmt.Sprintf(" %v id %d", e.Route.Prefix, e.Route.PathID)
	}
	return s
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("events\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func newParser(maxPeers int) *Parser {
	return NewParser(netip.MustParseAddr("::ffff:203.0.113.1"), maxPeers, new(Books))
}

// TestViews proves that the tables of one neighbour are told apart, share one
// session, and end together.
func TestViews(t *testing.T) {
	p := newParser(10)
	in := func(flags uint8) []byte { return head(peerGlobal, flags, 0, "192.0.2.9", 64500) }
	got := feed(t, p,
		msg(Initiation, info(2, "edge1"), info(1, "router of tests"), info(0, "free text")),
		up(in(0), 1),
		announce(in(0), 1),
		announce(in(flagPost), 2),
		announce(in(flagAdjOut), 3),
		announce(in(flagAdjOut|flagPost), 4),
		end(in(flagPost)),
		up(head(peerLocRIB, 0, 0, "", 64496), 0),
		announce(head(peerLocRIB, 0x80, 0, "", 64496), 5), // filtered
		up(head(peerRD, 0, 7, "192.0.2.9", 64500), 2),
		announce(head(peerRD, 0, 7, "192.0.2.9", 64500), 6),
		msg(PeerDown, in(0), []byte{4}),
		msg(PeerDown, head(peerLocRIB, 0, 0, "", 64496), []byte{6}),
	)
	expect(t, got,
		"up 192.0.2.9/0/0", "announce 192.0.2.9/0/0 192.0.2.1/32 id 0",
		"up 192.0.2.9/0/1", "announce 192.0.2.9/0/1 192.0.2.2/32 id 0",
		"up 192.0.2.9/0/3", "announce 192.0.2.9/0/3 192.0.2.3/32 id 0",
		"up 192.0.2.9/0/4", "announce 192.0.2.9/0/4 192.0.2.4/32 id 0",
		"end 192.0.2.9/0/1",
		"up invalid IP/0/2", "announce invalid IP/0/2 192.0.2.5/32 id 0",
		"up 192.0.2.9/7/0", "announce 192.0.2.9/7/0 192.0.2.6/32 id 0",
		"down 192.0.2.9/0/0", "down 192.0.2.9/0/1", "down 192.0.2.9/0/3", "down 192.0.2.9/0/4",
		"down invalid IP/0/2",
	)
	if got := p.Info(); got != (Info{"edge1", "router of tests"}) {
		t.Errorf("%+v", got)
	}
	if p.Peers() != 1 {
		t.Errorf("%d peers", p.Peers())
	}
	var closed []string
	p.Close(now, func(e *bgp.Event) { closed = append(closed, text(e)) })
	expect(t, closed, "stale 192.0.2.9/7/0")
}

// TestSessions proves what a Peer Up of a peer that is up means.
func TestSessions(t *testing.T) {
	p := newParser(10)
	in := head(peerGlobal, 0, 0, "192.0.2.9", 64500)
	post := head(peerGlobal, flagPost, 0, "192.0.2.9", 64500)
	expect(t, feed(t, p, up(in, 1), up(post, 1), up(in, 1)), "up 192.0.2.9/0/0", "up 192.0.2.9/0/1")
	expect(t, feed(t, p, up(in, 2)), "down 192.0.2.9/0/0", "down 192.0.2.9/0/1", "up 192.0.2.9/0/0")
	// A Loc-RIB has no session: one notification for each family is one peer still.
	loc := head(peerLocRIB, 0, 0, "", 64496)
	pathIDs := []byte{1, 4, 0, 1, 0, 1, 69, 4, 0, 1, 1, 3}
	expect(t, feed(t, p, up(loc, 0, pathIDs...), up(loc, 0, 1, 4, 0, 2, 0, 1)), "up invalid IP/0/2")
	// Its routes have path identifiers: these four octets are one, and no prefix of length 0.
	m := msg(RouteMonitoring, loc, bgpMessage(2, 0, 0, 0, 24,
		0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0xfb, 0xf4, 0, 0, 0xfb, 0xf5, 0x40, 3, 4, 192, 0, 2, 1,
		0, 0, 0, 5, 32, 192, 0, 2, 8))
	expect(t, feed(t, p, m), "announce invalid IP/0/2 192.0.2.8/32 id 5")
	// The Loc-RIB of a router that announced it as a global peer 0.0.0.0.
	q := newParser(10)
	zero := head(peerGlobal, 0, 0, "0.0.0.0", 64496)
	expect(t, feed(t, q, up(zero, 0), announce(loc, 1), msg(PeerDown, zero, []byte{6})),
		"up 0.0.0.0/0/0", "up invalid IP/0/2", "announce invalid IP/0/2 192.0.2.1/32 id 0", "down 0.0.0.0/0/0", "down invalid IP/0/2")
}

// TestImplied proves that peers without a session need no Peer Up, and that a
// late one does not end them.
func TestImplied(t *testing.T) {
	p := newParser(2)
	loc, zero := head(peerLocRIB, 0, 0, "", 64496), head(peerGlobal, flagPost, 0, "0.0.0.0", 64496)
	expect(t, feed(t, p, announce(loc, 1), announce(zero, 2), up(loc, 0), announce(loc, 3), announce(head(peerLocRIB, 0, 5, "", 1), 1)),
		"up invalid IP/0/2", "announce invalid IP/0/2 192.0.2.1/32 id 0",
		"up 0.0.0.0/0/1", "announce 0.0.0.0/0/1 192.0.2.2/32 id 0", "announce invalid IP/0/2 192.0.2.3/32 id 0")
	if c := p.books.Count(); c.Refused[ReasonPeers] != 1 {
		t.Errorf("%+v", c)
	}
}

// TestLegacy proves that the A flag decides on the size of AS numbers.
func TestLegacy(t *testing.T) {
	p := newParser(10)
	in := head(peerGlobal, flagAS2, 0, "192.0.2.9", 64500)
	m := msg(RouteMonitoring, in, bgpMessage(2, 0, 0, 0, 20,
		0x40, 1, 1, 0, 0x40, 2, 6, 2, 2, 0xfb, 0xf4, 0xfb, 0xf5, 0x40, 3, 4, 192, 0, 2, 1, 32, 192, 0, 2, 8))
	var path string
	feed(t, p, up(in, 1))
	if err := p.Message(m, now, func(e *bgp.Event) { path = e.Route.Path.String() }); err != nil || path != "64500 64501" {
		t.Errorf("%q %v", path, err)
	}
}

// TestTimes proves where times come from.
func TestTimes(t *testing.T) {
	p := newParser(10)
	in := head(peerGlobal, 0, 0, "192.0.2.9", 64500)
	times := func(change func(b []byte)) (at time.Time) {
		b := slices.Clone(in)
		change(b)
		if err := p.Message(announce(b, 1), now, func(e *bgp.Event) { at = e.Time }); err != nil {
			t.Fatal(err)
		}
		return at
	}
	feed(t, p, up(in, 1))
	if got := times(func(b []byte) { b[41] = 5 }); !got.Equal(time.Unix(1_700_000_000, 5000)) || got.Location() != time.UTC {
		t.Errorf("%v", got)
	}
	if got := times(func(b []byte) { clear(b[34:]) }); !got.Equal(now) {
		t.Errorf("without a time: %v", got)
	}
	if got := times(func(b []byte) { b[38] = 0xff }); !got.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("with too many microseconds: %v", got)
	}
}

// TestRefused proves that every fault is counted by its reason, and that the
// messages after it are read.
func TestRefused(t *testing.T) {
	in := head(peerGlobal, 0, 0, "192.0.2.9", 64500)
	other := head(peerGlobal, 0, 0, "192.0.2.8", 64500)
	unknown := slices.Clone(in)
	unknown[0] = 9
	badOpen := up(other, 1)
	badOpen[headerLength+peerLength+peerUpLength+openHeader] = 9 // its version
	for name, c := range map[string]struct {
		message []byte
		want    Reason
	}{
		"unknown type":          {msg(17, []byte{1, 2}), ReasonType},
		"mirroring":             {msg(RouteMirroring, in, info(0, "x")), ReasonMirroring},
		"short peer":            {msg(RouteMonitoring, in[:41]), ReasonPeer},
		"unknown peer type":     {msg(RouteMonitoring, unknown), ReasonPeer},
		"route of no peer":      {announce(other, 1), ReasonNoPeer},
		"down of no peer":       {msg(PeerDown, other, []byte{1}), ReasonNoPeer},
		"statistics of no peer": {msg(StatisticsReport, other, []byte{0, 0, 0, 0}), ReasonNoPeer},
		"down without a reason": {msg(PeerDown, in), ReasonMalformed},
		"short statistics":      {msg(StatisticsReport, in, []byte{0, 0, 0}), ReasonMalformed},
		"bad statistics":        {msg(StatisticsReport, in, []byte{0, 0, 0, 1, 0, 1, 0, 4, 0}), ReasonMalformed},
		"bad initiation":        {msg(Initiation, []byte{0, 1, 0}), ReasonMalformed},
		"bad termination":       {msg(Termination, []byte{0, 1, 0, 3, 1}), ReasonMalformed},
		"no update":             {msg(RouteMonitoring, in), ReasonMalformed},
		"cut update":            {msg(RouteMonitoring, in, announce(in, 1)[48:60]), ReasonMalformed},
		"bad update":            {msg(RouteMonitoring, in, bgpMessage(2, 0, 9, 0, 0)), ReasonUpdate},
		"short up":              {msg(PeerUp, other, make([]byte, 19)), ReasonMalformed},
		"up without opens":      {msg(PeerUp, other, make([]byte, 20)), ReasonMalformed},
		"up with one open":      {msg(PeerUp, other, make([]byte, 20), open()), ReasonMalformed},
		"bad open":              {badOpen, ReasonOpen},
		"too many peers":        {up(other, 1), ReasonPeers},
		"evpn alone":            {msg(RouteMonitoring, in, bgpMessage(2, 0, 0, 0, 6, 0x80, 15, 3, 0, 25, 70)), ReasonFamily},
	} {
		p := newParser(1)
		feed(t, p, up(in, 1))
		if got := feed(t, p, c.message); len(got) > 0 {
			t.Errorf("%s: events %v", name, got)
		}
		counts := p.books.Count()
		if counts.Refused[c.want] != 1 || counts.Messages != 2 {
			t.Errorf("%s: %+v, want %v", name, counts, c.want)
		}
		if got := feed(t, p, announce(in, 1)); len(got) != 1 {
			t.Errorf("%s: the message after it gave %v", name, got)
		}
	}
}

// TestFatal proves which faults end a connection.
func TestFatal(t *testing.T) {
	long := msg(Initiation)
	long[4] = 99
	four := msg(Initiation)
	four[0] = 4
	nine := msg(Initiation)
	nine[0] = 9
	for name, c := range map[string]struct {
		message []byte
		want    error
		text    string
	}{
		"version 4": {four, ErrVersion, "unsupported BMP version 4: set the router to version 3"},
		"version 9": {nine, ErrVersion, "unsupported BMP version 9"},
		"length":    {long, ErrLength, "bad length"},
		"short":     {long[:3], ErrLength, "bad length"},
		"nothing":   {nil, ErrLength, "bad length"},
	} {
		p := newParser(1)
		err := p.Message(c.message, now, func(*bgp.Event) {})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		balance(t, p.books.Count())
	}
}

// TestTermination proves that only a permanent end is a loss.
func TestTermination(t *testing.T) {
	for reason, want := range map[byte]string{0: "stale 192.0.2.9/0/0", 1: "stale 192.0.2.9/0/0", 4: "down 192.0.2.9/0/0"} {
		p := newParser(1)
		feed(t, p, up(head(peerGlobal, 0, 0, "192.0.2.9", 64500), 1), msg(Termination, []byte{0, 1, 0, 2, 0, reason}))
		var got []string
		p.Close(now, func(e *bgp.Event) { got = append(got, text(e)) })
		expect(t, got, want)
	}
}

// TestPanic proves that a fault of ours costs one message, and that a fault of
// the sink is not hidden.
func TestPanic(t *testing.T) {
	in := head(peerGlobal, 0, 0, "192.0.2.9", 64500)
	p := newParser(1)
	p.peers = nil // writing to it panics
	if got := feed(t, p, up(in, 1)); len(got) > 0 || p.books.Count().Refused[ReasonPanic] != 1 {
		t.Errorf("%v %+v", got, p.books.Count())
	}
	p = newParser(1)
	defer func() {
		if recover() == nil {
			t.Error("the panic of a sink was contained")
		}
	}()
	_ = p.Message(up(in, 1), now, func(*bgp.Event) { panic("sink") })
}

// FuzzParser cuts bytes into messages behind a Peer Up. Nothing may panic, the
// books must balance, and events must make sense.
func FuzzParser(f *testing.F) {
	in := head(peerGlobal, 0, 0, "192.0.2.9", 64500)
	for _, m := range [][]byte{
		announce(in, 1), end(in), up(in, 2), msg(PeerDown, in, []byte{1}), msg(StatisticsReport, in, []byte{0, 0, 0, 0}),
		msg(Initiation, info(1, "x")), msg(Termination, []byte{0, 1, 0, 2, 0, 4}), up(head(peerLocRIB, 0, 0, "", 1), 0, 69, 4, 0, 1, 1, 3),
	} {
		f.Add(m)
	}
	for _, path := range []string{"bmp/akvorado-juniper-vmx-session/bmp-peers-up.pcap", "bmp/akvorado-juniper-vmx-session/bmp-reach.pcap"} {
		for _, s := range streams(f, path) {
			f.Add(s.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, seen := newParser(3), newTables()
		if err := p.Message(up(in, 1), now, seen.take); err != nil {
			t.Fatal(err)
		}
		for len(data) > headerLength {
			n, _, err := parseHeader(data, len(data))
			if err != nil {
				n = len(data)
			}
			if err := p.Message(data[:n], now, seen.take); err != nil {
				break
			}
			data = data[n:]
		}
		p.Close(now, seen.take)
		if len(seen.bad) > 0 || len(seen.up) > 0 || p.Peers() > 3 {
			t.Fatalf("%d peers, still up %v, bad %v", p.Peers(), seen.up, seen.bad)
		}
		c := p.books.Count()
		balance(t, c)
		if c.Refused[ReasonPanic] > 0 {
			t.Fatal("a panic")
		}
	})
}
