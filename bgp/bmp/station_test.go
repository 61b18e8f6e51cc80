package bmp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// ear is a sink that remembers, by router.
type ear struct {
	mu     sync.Mutex
	heard  map[netip.Addr][]string
	routes int
	news   chan struct{}
	block  map[netip.Addr]chan struct{} // a router whose events wait
	refuse error
}

func newEar() *ear {
	return &ear{heard: map[netip.Addr][]string{}, news: make(chan struct{}, 1), block: map[netip.Addr]chan struct{}{}}
}

func (e *ear) Events(ctx context.Context, events []bgp.Event) error {
	router := events[0].Peer.Router
	e.mu.Lock()
	block := e.block[router]
	e.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range events {
		if events[i].Kind == bgp.Announce {
			e.routes++
		}
		if len(e.heard[router]) < 1000 {
			e.heard[router] = append(e.heard[router], text(&events[i]))
		}
	}
	select {
	case e.news <- struct{}{}:
	default:
	}
	return e.refuse
}

// wait waits until what was heard of a router satisfies the condition.
func (e *ear) wait(t *testing.T, router string, enough func(heard []string) bool) []string {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		e.mu.Lock()
		heard := slices.Clone(e.heard[netip.MustParseAddr(router)])
		e.mu.Unlock()
		if enough(heard) {
			return heard
		}
		select {
		case <-e.news:
		case <-limit:
			t.Fatalf("heard of %s only %q", router, heard)
		}
	}
}

func count(n int) func([]string) bool { return func(heard []string) bool { return len(heard) >= n } }

// quiet is a logger into a buffer.
type quiet struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (q *quiet) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.b.Write(p)
}

func (q *quiet) String() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.b.String()
}

func start(t *testing.T, sink Sink, change func(*Config)) (*Station, *quiet) {
	t.Helper()
	c := DefaultConfig()
	c.Listen = []string{"127.0.0.1:0"}
	if change != nil {
		change(&c)
	}
	log := new(quiet)
	s, err := New(c, Deps{sink, slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s, log
}

// dial connects from an address of the loopback network.
func dial(t *testing.T, s *Station, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: netip.MustParseAddr(from).AsSlice()}}
	conn, err := d.DialContext(t.Context(), "tcp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, messages ...[]byte) {
	t.Helper()
	if _, err := conn.Write(bytes.Join(messages, nil)); err != nil {
		t.Fatal(err)
	}
}

// gone waits until the station has closed the connection.
func gone(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Fatalf("the connection is not closed: %v", err)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

var neighbour = head(peerGlobal, 0, 0, "192.0.2.9", 64500)

// TestStation walks through one connection over a socket, octet by octet.
func TestStation(t *testing.T) {
	e := newEar()
	s, _ := start(t, e, nil)
	conn := dial(t, s, "127.0.0.1")
	stream := bytes.Join([][]byte{msg(Initiation, info(2, "edge1")), up(neighbour, 1), announce(neighbour, 1)}, nil)
	for i := range stream {
		send(t, conn, stream[i:i+1])
	}
	e.wait(t, "127.0.0.1", count(2))
	r := s.Routers()[0]
	if !r.Connected || r.Info.Name != "edge1" || r.Peers != 1 || r.Connections != 1 || r.Count.Applied[RouteMonitoring] != 1 {
		t.Errorf("%+v", r)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	got := e.wait(t, "127.0.0.1", count(3))
	expect(t, got, "up 192.0.2.9/0/0", "announce 192.0.2.9/0/0 192.0.2.1/32 id 0", "stale 192.0.2.9/0/0")
}

// TestReconnect proves that a new connection ends the old one first, so that
// its events come before those of the new.
func TestReconnect(t *testing.T) {
	e := newEar()
	s, log := start(t, e, nil)
	first := dial(t, s, "127.0.0.1")
	send(t, first, up(neighbour, 1), announce(neighbour, 1))
	e.wait(t, "127.0.0.1", count(2))
	second := dial(t, s, "127.0.0.1")
	send(t, second, up(neighbour, 2), announce(neighbour, 2))
	got := e.wait(t, "127.0.0.1", count(5))
	expect(t, got,
		"up 192.0.2.9/0/0", "announce 192.0.2.9/0/0 192.0.2.1/32 id 0", "stale 192.0.2.9/0/0",
		"up 192.0.2.9/0/0", "announce 192.0.2.9/0/0 192.0.2.2/32 id 0")
	gone(t, first)
	if r := s.Routers()[0]; r.Connections != 2 || !r.Connected || !errors.Is(r.LastEnd, errReplaced) {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(log.String(), "opened another connection") {
		t.Errorf("log: %s", log)
	}
}

// TestVersionFour proves that the refusal is clear, and ends the connection.
func TestVersionFour(t *testing.T) {
	e := newEar()
	s, log := start(t, e, nil)
	conn := dial(t, s, "127.0.0.1")
	send(t, conn, up(neighbour, 1))
	e.wait(t, "127.0.0.1", count(1))
	send(t, conn, []byte{4}) // the first octet says enough
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	gone(t, conn)
	e.wait(t, "127.0.0.1", count(2))
	waitEnd(t, s)
	if r := s.Routers()[0]; !errors.Is(r.LastEnd, ErrVersion) || r.Count.Refused[ReasonVersion] != 1 {
		t.Errorf("%+v", r)
	}
	balance(t, s.Routers()[0].Count)
	if !strings.Contains(log.String(), "unsupported BMP version 4: set the router to version 3") {
		t.Errorf("log: %s", log)
	}
}

// waitEnd waits until no router is connected.
func waitEnd(t *testing.T, s *Station) {
	t.Helper()
	for range 20_000 {
		if !slices.ContainsFunc(s.Routers(), func(r Router) bool { return r.Connected }) {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Fatal("still connected")
}

// TestStops proves that a stream that stops in the middle of a message is given
// up, and one that is silent between messages is not.
func TestStops(t *testing.T) {
	e := newEar()
	s, _ := start(t, e, func(c *Config) { c.MessageTimeout = 100 * time.Millisecond })
	silent, stuck := dial(t, s, "127.0.0.1"), dial(t, s, "127.0.0.2")
	send(t, silent, up(neighbour, 1))
	send(t, stuck, up(neighbour, 1), announce(neighbour, 1)[:60])
	gone(t, stuck)
	got := e.wait(t, "127.0.0.2", count(2))
	expect(t, got, "up 192.0.2.9/0/0", "stale 192.0.2.9/0/0")
	e.wait(t, "127.0.0.1", count(1))
	send(t, silent, announce(neighbour, 1))
	e.wait(t, "127.0.0.1", count(2))
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, s)
	for _, r := range s.Routers() {
		if r.Addr == netip.MustParseAddr("127.0.0.2") && (r.Count.Cut != 60 || r.LastEnd == nil || r.Count.Messages != 1) {
			t.Errorf("%+v", r)
		}
	}
}

// TestCut proves the same of a connection that ends in the middle.
func TestCut(t *testing.T) {
	e := newEar()
	s, _ := start(t, e, nil)
	conn := dial(t, s, "127.0.0.1")
	send(t, conn, up(neighbour, 1), announce(neighbour, 1)[:5])
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	e.wait(t, "127.0.0.1", count(2))
	waitEnd(t, s)
	if r := s.Routers()[0]; r.Count.Cut != 5 || !errors.Is(r.LastEnd, ErrEnded) || r.Count.Messages != 1 {
		t.Errorf("%+v", r)
	}
}

// TestTerminated proves that a router that says good-bye and stays is let go, and
// that what it sends behind that is counted and not heard.
func TestTerminated(t *testing.T) {
	e := newEar()
	s, _ := start(t, e, nil)
	conn := dial(t, s, "127.0.0.1")
	late := announce(neighbour, 1)
	send(t, conn, up(neighbour, 1), msg(Termination, []byte{0, 1, 0, 2, 0, 0}), late)
	gone(t, conn)
	waitEnd(t, s)
	expect(t, e.wait(t, "127.0.0.1", count(2)), "up 192.0.2.9/0/0", "stale 192.0.2.9/0/0")
	if r := s.Routers()[0]; r.Connected || r.Count.Cut != uint64(len(late)) || !errors.Is(r.LastEnd, ErrEnded) || r.Count.Messages != 2 {
		t.Errorf("%+v", r)
	}
}

// TestBlocked proves that a router whose events the sink does not take delays
// no other, and that nothing of it is lost.
func TestBlocked(t *testing.T) {
	e := newEar()
	gate := make(chan struct{})
	e.block[netip.MustParseAddr("127.0.0.1")] = gate
	s, _ := start(t, e, func(c *Config) { c.Batch = 4 })
	blocked, free := dial(t, s, "127.0.0.1"), dial(t, s, "127.0.0.2")
	send(t, blocked, up(neighbour, 1), announce(neighbour, 1), announce(neighbour, 2), announce(neighbour, 3), announce(neighbour, 4))
	send(t, free, up(neighbour, 1), announce(neighbour, 1), msg(PeerDown, neighbour, []byte{1}))
	e.wait(t, "127.0.0.2", count(3))
	close(gate)
	e.wait(t, "127.0.0.1", count(5))
}

// TestRefusing proves that a router is held off after its events were refused.
func TestRefusing(t *testing.T) {
	e := newEar()
	e.refuse = errors.New("ten million routes")
	s, log := start(t, e, nil)
	conn := dial(t, s, "127.0.0.1")
	send(t, conn, up(neighbour, 1), announce(neighbour, 1))
	gone(t, conn)
	waitEnd(t, s)
	gone(t, dial(t, s, "127.0.0.1"))
	if s.Refused()[RefusedHeld] != 1 || !strings.Contains(log.String(), "ten million routes") {
		t.Errorf("%v %s", s.Refused(), log)
	}
	// The sink was told that the tables are stale all the same.
	got := e.wait(t, "127.0.0.1", count(2))
	if got[len(got)-1] != "stale 192.0.2.9/0/0" {
		t.Errorf("%q", got)
	}
}

// TestAdmission proves who may connect.
func TestAdmission(t *testing.T) {
	e := newEar()
	s, _ := start(t, e, func(c *Config) {
		c.MaxRouters = 1
		c.Routers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/30")}
	})
	conn := dial(t, s, "127.0.0.1")
	send(t, conn, up(neighbour, 1))
	e.wait(t, "127.0.0.1", count(1))
	gone(t, dial(t, s, "127.0.0.2")) // one too many
	gone(t, dial(t, s, "127.0.0.9")) // unknown
	if got := s.Refused(); got[RefusedFull] != 1 || got[RefusedUnknown] != 1 {
		t.Errorf("%v", got)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, s)
	send(t, dial(t, s, "127.0.0.2"), up(neighbour, 1)) // the first is forgotten
	e.wait(t, "127.0.0.2", count(1))
	if list := s.Routers(); len(list) != 1 || list[0].Addr != netip.MustParseAddr("127.0.0.2") {
		t.Errorf("%+v", list)
	}
}

// TestStop proves that Stop tells the sink that tables are stale, and that it
// gives up in time when the sink does not listen.
func TestStop(t *testing.T) {
	e := newEar()
	gate := make(chan struct{})
	s, _ := start(t, e, nil)
	send(t, dial(t, s, "127.0.0.1"), up(neighbour, 1))
	e.wait(t, "127.0.0.1", count(1))
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, e.wait(t, "127.0.0.1", count(2)), "up 192.0.2.9/0/0", "stale 192.0.2.9/0/0")

	e.mu.Lock()
	e.block[netip.MustParseAddr("127.0.0.2")] = gate
	e.mu.Unlock()
	s, _ = start(t, e, nil)
	conn := dial(t, s, "127.0.0.2")
	send(t, conn, up(neighbour, 1))
	for list := s.Routers(); len(list) == 0 || list[0].Count.Messages == 0; list = s.Routers() {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("not read")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	gone(t, conn)
	s.links.Wait()
}

func TestConfig(t *testing.T) {
	_, err := New(Config{Routers: make([]netip.Prefix, 1)}, Deps{})
	for _, key := range []string{"max_routers", "max_peers", "max_message", "batch", "message_timeout", "hold", "routers[0]"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v lacks %s", err, key)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a station without a sink")
	}
	s, err := New(DefaultConfig(), Deps{newEar(), slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop what was not started: %v", err)
	}
	// All sockets or none.
	c := DefaultConfig()
	c.Listen = []string{"127.0.0.1:0", "127.0.0.1:99999"}
	if s, err = New(c, Deps{newEar(), slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || len(s.Addrs()) != 0 {
		t.Errorf("%v, bound %v", err, s.Addrs())
	}
}
