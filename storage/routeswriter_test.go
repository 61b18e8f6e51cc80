package storage_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// announcements returns n events of routes, each of a prefix of its own.
func announcements(n int) []storage.RouteEvent {
	list := make([]storage.RouteEvent, n)
	router := netip.MustParseAddr("192.0.2.1")
	for i := range list {
		e := &list[i]
		e.Peer, e.PeerAS, e.At = bgp.PeerKey{Router: router, Peer: router}, 64500, noon.Add(time.Duration(i)*time.Second)
		e.Route.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		e.Route.Path = bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{64500, uint32(i)}}}
	}
	return list
}

// peerUp is an event of the peer of announcements.
func peerUp(at time.Time) storage.PeerEvent {
	router := netip.MustParseAddr("192.0.2.1")
	return storage.PeerEvent{Kind: bgp.PeerUp, Peer: bgp.PeerKey{Router: router, Peer: router}, PeerAS: 64500, At: at}
}

// TestLostAnswersOfRoutes lets batches of both tables arrive and loses the
// answer at any of its last bytes.
func TestLostAnswersOfRoutes(t *testing.T) {
	behind, direct, g := gated(t)
	w := routeWriterOf(t, behind, storage.RouteWriterConfig{})
	total, repeated := uint64(0), 0
	write := func() (answer int) {
		t.Helper()
		before := g.delivered()
		if err := w.Append(announcements(20)); err != nil {
			t.Fatal(err)
		}
		if err := w.AppendPeers([]storage.PeerEvent{peerUp(noon), peerUp(noon)}); err != nil {
			t.Fatal(err)
		}
		total++
		flushRoutes(t, w)
		return g.delivered() - before
	}
	write() // connects
	for last := 1; last <= 16; last *= 2 {
		answer := write()
		tried := g.tried()
		g.loseAnswers(answer - last)
		write()
		g.loseAnswers(-1)
		repeated += g.tried() - tried
	}
	if repeated == 0 {
		t.Error("no answer was lost")
	}
	if b := w.Books(); b.Stored != 22*total || count(t, direct, "routes") != 20*total || count(t, direct, "route_peers") != 2*total {
		t.Errorf("of %d batches: books %+v, %d routes and %d events of peers in the tables",
			total, b, count(t, direct, "routes"), count(t, direct, "route_peers"))
	}
}

func TestStoreOfRoutesIsAway(t *testing.T) {
	behind, direct, g := gated(t)
	drops := routeWriterOf(t, behind, storage.RouteWriterConfig{MaxRows: 100, Policy: storage.Drop})
	ends := routeWriterOf(t, behind, storage.RouteWriterConfig{RetryFor: 50 * time.Millisecond})
	g.set(false)
	if err := drops.Append(announcements(1000)); !errors.Is(err, storage.ErrQueueFull) {
		t.Errorf("got %v", err)
	}
	if err := ends.Append(announcements(10)); err != nil {
		t.Error(err)
	}
	flushRoutes(t, ends)
	if b := ends.Books(); b.Lost[storage.RouteLossStoreRefused] != 10 {
		t.Errorf("retrying has no end: %+v", b)
	}
	g.set(true)
	flushRoutes(t, drops)
	if b := drops.Books(); b.Stored != 200 || b.Lost[storage.RouteLossQueueFull] != 800 || count(t, direct, "routes") != 200 {
		t.Errorf("books %+v, in the table %d", b, count(t, direct, "routes"))
	}
	g.set(false)
	if err := drops.Append(announcements(5)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := drops.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush: %v", err)
	}
	if err := drops.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	if err := drops.Append(announcements(3)); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	b := drops.Books()
	balanceRoutes(t, b)
	if b.Pending != 0 || b.Lost[storage.RouteLossStoreRefused] != 5 || b.Lost[storage.RouteLossClosed] != 3 {
		t.Errorf("books %+v", b)
	}
}

// TestRoutesWaitForTheStore blocks Append while the store is away, and goes on.
func TestRoutesWaitForTheStore(t *testing.T) {
	behind, direct, g := gated(t)
	w := routeWriterOf(t, behind, storage.RouteWriterConfig{MaxRows: 10})
	g.set(false)
	written := make(chan error, 1)
	go func() { written <- w.Append(announcements(100)) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for before := g.tried(); g.tried() < before+2; {
		select {
		case err := <-written:
			t.Fatalf("Append did not wait for the store: %v", err)
		case <-tick.C:
		}
	}
	g.set(true)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	flushRoutes(t, w)
	if n := count(t, direct, "routes"); n != 100 {
		t.Errorf("%d events in the table", n)
	}
}

// TestEngineDiesUnderRoutes kills the engine while routes are written: each
// event is there once, before and after a new process reads them.
func TestEngineDiesUnderRoutes(t *testing.T) {
	path := t.TempDir()
	p, err := engine.Supervise(t.Context(), enginetest.Config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s := open(t, storage.Config{Addr: []string{p.Addr()}, Database: "routes_of_a_test"})
	w := routeWriterOf(t, s, storage.RouteWriterConfig{MaxRows: 300})
	for range 2 {
		if err := w.Append(announcements(1000)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(path, "lock"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := w.Append(announcements(1000)); err != nil {
			t.Fatal(err)
		}
		flushRoutes(t, w)
	}
	if b := w.Books(); b.Stored != 4000 || count(t, s, "routes") != 4000 {
		t.Errorf("books %+v, in the table %d", b, count(t, s, "routes"))
	}
	// The same announced four times is one path, held once.
	all := collect(t, s, prefixOf("10.0.0.0/8"), rules.Window{From: noon.Add(time.Hour), To: noon.Add(2 * time.Hour)})
	if len(all) != 1000 || slices.ContainsFunc(all, func(i storage.RouteInterval) bool { return i.End != storage.RouteHeld }) {
		t.Errorf("%d paths are held", len(all))
	}
}

// TestRoutesAreWrittenByAge needs no other call than Append.
func TestRoutesAreWrittenByAge(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{MaxAge: 20 * time.Millisecond})
	if err := w.Append(announcements(3)); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for w.Books().Stored < 3 {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("events wait for a call that need not come")
		}
	}
}

// TestHugeCommunities fills batches by their size, long before their rows.
func TestHugeCommunities(t *testing.T) {
	s := open(t, configure(t))
	w := routeWriterOf(t, s, storage.RouteWriterConfig{MaxBytes: 1 << 20})
	events := announcements(60)
	for i := range events {
		r := &events[i].Route
		r.Communities, r.LargeCommunities = make([]uint32, 16000), make([][3]uint32, 5000)
		for j := range r.Communities {
			r.Communities[j] = uint32(i*j) * 2654435761
		}
		r.LargeCommunities[4999] = [3]uint32{1<<32 - 1, uint32(i), 7}
		r.Path[0].ASNs = slices.Repeat([]uint32{4200000000}, 500)
	}
	if err := w.Append(events); err != nil {
		t.Fatal(err)
	}
	flushRoutes(t, w)
	if parts, err := s.Number(t.Context(), "SELECT uniq(_part) FROM routes"); err != nil || parts < 2 {
		t.Errorf("all in %d parts (%v): the size of a batch is not bounded", parts, err)
	}
	got, err := s.RoutesAt(t.Context(), events[9].Route.Prefix, noon.Add(time.Hour), time.Time{})
	if err != nil || len(got) != 1 {
		t.Fatalf("got %d, %v", len(got), err)
	}
	sameIntervals(t, "the tenth", got, []storage.RouteInterval{{
		Peer: events[9].Peer, PeerAS: 64500, Route: events[9].Route, Origins: []uint32{4200000000}, From: events[9].At,
	}})
}

func TestRouteWriterConfigIsChecked(t *testing.T) {
	s := open(t, configure(t))
	for _, cfg := range []storage.RouteWriterConfig{{MaxRows: -1}, {MaxBytes: -1}, {MaxAge: -1}, {RetryFor: -1}, {Policy: 7}} {
		if _, err := s.NewRouteWriter(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}
