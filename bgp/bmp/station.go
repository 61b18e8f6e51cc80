package bmp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/listen"
)

// Sink takes what routers say.
type Sink interface {
	// Events takes events of one router in their order; those of others come at
	// the same time. The events are the sink's until it returns, the slices of
	// their routes may be kept. An error closes the connection and refuses the
	// router for Config.Hold. A sink that blocks makes that router wait. ctx ends
	// when Stop has run out of time.
	Events(ctx context.Context, events []bgp.Event) error
}

// Deps is what a Station works with.
type Deps struct {
	Sink   Sink
	Logger *slog.Logger
}

// Refusal says why a connection was closed before it was read. It is a small
// fixed set, fit for the label of a counter.
type Refusal uint8

// The refusals.
const (
	RefusedUnknown  Refusal = iota // not in Config.Routers
	RefusedFull                    // too many routers or connections
	RefusedHeld                    // the sink refused its events a while ago
	RefusedStopping                // we are stopping

	refusals
)

var refusalNames = [...]string{"unknown", "full", "held", "stopping"}

// String returns the refusal in lower case.
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return "other"
}

// Station takes the connections of routers.
type Station struct {
	config Config
	deps   Deps

	sockets  *listen.Sockets // none before Start
	sinkCtx  context.Context //nolint:containedctx // of the connections, which outlive Start
	abandon  context.CancelFunc
	stopOnce sync.Once
	links    sync.WaitGroup
	refused  [refusals]atomic.Uint64

	mu       sync.Mutex
	routers  map[netip.Addr]*router // guarded by mu
	open     int                    // connections, those that wait for an older one too; guarded by mu
	stopping bool                   // guarded by mu
}

// router is who connects, over all its connections. The fields without a note
// are guarded by Station.mu.
type router struct {
	addr        netip.Addr // immutable
	books       Books
	current     *link // nil while not connected
	info        Info
	peers       int
	connections uint64
	since       time.Time // connected, or not
	held        time.Time // refused until then
	last        error     // why the last connection ended
}

// New returns a station that does nothing yet.
func New(config Config, deps Deps) (*Station, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("configure the BMP station: %w", err)
	}
	if deps.Sink == nil || deps.Logger == nil {
		return nil, errors.New("a BMP station needs a sink and a logger")
	}
	return &Station{config: config, deps: deps, sockets: new(listen.Sockets), routers: make(map[netip.Addr]*router)}, nil
}

// Start binds the sockets, all or none, and takes connections until Stop. It is
// called once; ctx bounds the start alone.
func (s *Station) Start(ctx context.Context) error {
	sockets, err := listen.Open(ctx, "BMP", s.config.Listen, net.ListenConfig{}, s.deps.Logger)
	if err != nil {
		return err
	}
	s.sockets = sockets
	s.sinkCtx, s.abandon = context.WithCancel(context.WithoutCancel(ctx))
	s.sockets.Serve(s.admit)
	return nil
}

// Addrs returns the addresses that are bound.
func (s *Station) Addrs() []netip.AddrPort { return s.sockets.Addrs() }

// Stop closes sockets and connections, and waits until the sink has taken what
// the routers had said and that their tables are stale. When ctx ends first it
// gives up what still waits, and says so.
func (s *Station) Stop(ctx context.Context) error {
	var err error
	s.stopOnce.Do(func() { err = s.shut(ctx) })
	return err
}

func (s *Station) shut(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	failed := s.sockets.Close()
	if s.abandon == nil { // never started
		return failed
	}
	defer s.abandon()
	s.mu.Lock()
	for _, r := range s.routers {
		if r.current != nil {
			r.current.close(errStopping)
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.links.Wait()
		close(done)
	}()
	select {
	case <-done:
		return failed
	case <-ctx.Done():
		s.abandon()
		return errors.Join(failed, fmt.Errorf("stop the BMP station: %w: the sink did not take all events", ctx.Err()))
	}
}

// admit begins a connection, or closes it.
func (s *Station) admit(conn net.Conn) {
	remote, _ := conn.RemoteAddr().(*net.TCPAddr)
	addr := netip.Addr{}
	if remote != nil {
		addr = remote.AddrPort().Addr().Unmap().WithZone("")
	}
	link, refusal := s.link(conn, addr)
	if link == nil {
		s.refused[refusal].Add(1)
		s.deps.Logger.Warn("refused a BMP connection", "router", addr.String(), "reason", refusal.String())
		_ = conn.Close() // nothing was read or written
		return
	}
	s.links.Go(link.run)
}

// link makes the connection the router's current one, and tells an older one to end.
func (s *Station) link(conn net.Conn, addr netip.Addr) (*link, Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.routers[addr]
	switch {
	case s.stopping:
		return nil, RefusedStopping
	case !s.config.allows(addr):
		return nil, RefusedUnknown
	case r != nil && time.Now().Before(r.held):
		return nil, RefusedHeld
	// Connections that wait for an older one of their router to end count as well.
	case s.open >= 2*s.config.MaxRouters, r == nil && len(s.routers) >= s.config.MaxRouters && !s.forgetLocked():
		return nil, RefusedFull
	}
	if r == nil {
		r = &router{addr: addr}
		s.routers[addr] = r
	}
	n := newLink(s, r, conn)
	if r.current != nil {
		n.older = r.current
		r.current.close(errReplaced)
	}
	s.open++
	r.current, r.since, r.connections = n, time.Now().UTC(), r.connections+1
	r.info, r.peers = Info{}, 0
	return n, 0
}

// forgetLocked makes room by the router that has been gone the longest.
func (s *Station) forgetLocked() bool {
	var oldest *router
	for _, r := range s.routers {
		if r.current == nil && (oldest == nil || r.since.Before(oldest.since)) {
			oldest = r
		}
	}
	if oldest == nil {
		return false
	}
	delete(s.routers, oldest.addr)
	return true
}

// Router is the state of one router.
type Router struct {
	Addr        netip.Addr
	Info        Info
	Connected   bool
	Since       time.Time // of that
	Peers       int       // neighbours that are up
	Connections uint64
	LastEnd     error // of the last connection that ended, nil if none did
	Count       Count
}

// Routers returns every router that is remembered, by address.
func (s *Station) Routers() []Router {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Router, 0, len(s.routers))
	for _, r := range s.routers {
		list = append(list, Router{
			Addr: r.addr, Info: r.info, Connected: r.current != nil, Since: r.since, Peers: r.peers,
			Connections: r.connections, LastEnd: r.last, Count: r.books.Count(),
		})
	}
	slices.SortFunc(list, func(a, b Router) int { return cmp.Or(a.Addr.Compare(b.Addr), 0) })
	return list
}

// Refused returns the connections that were closed before they were read, by reason.
func (s *Station) Refused() map[Refusal]uint64 {
	m := make(map[Refusal]uint64)
	for i := range s.refused {
		if n := s.refused[i].Load(); n > 0 {
			m[Refusal(i)] = n
		}
	}
	return m
}
