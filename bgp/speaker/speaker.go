package speaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/listen"
)

// Sink takes what neighbours say.
type Sink interface {
	// Events takes events of one neighbour in their order; those of others come at
	// the same time. The events are the sink's until it returns, the slices of
	// their routes may be kept. An error closes the session. A sink that blocks
	// makes that neighbour wait. ctx ends when Stop has run out of time.
	Events(ctx context.Context, events []bgp.Event) error
}

// Deps is what a Speaker works with.
type Deps struct {
	Sink   Sink
	Logger *slog.Logger
	// Routes returns the paths that the sink holds of a neighbour and family, for
	// the limits; it is asked once a neighbour has announced more than its limit.
	// If nil, a set of 8-byte hashes of each neighbour's paths is kept here.
	Routes func(peer bgp.PeerKey, family bgp.Family) int
}

// Speaker holds the sessions.
type Speaker struct {
	config Config // its neighbours are those of New
	deps   Deps

	changing sync.Mutex      // held while neighbours and sockets change; taken before mu
	sockets  *listen.Sockets // none before Start, and while there is no neighbour
	stopped  bool
	sinkCtx  context.Context //nolint:containedctx // of the workers, which outlive Start
	abandon  context.CancelFunc

	mu        sync.RWMutex // guards neighbors and order
	neighbors map[netip.Addr]*neighbor
	order     []*neighbor // as configured

	refused [refusals]atomic.Uint64
	unknown sampler
}

// Refusal says why a connection was closed before it was a session. It is a
// small fixed set.
type Refusal uint8

// The refusals.
const (
	RefusedUnknown  Refusal = iota // no neighbour has the address
	RefusedHeld                    // the neighbour was over its limit a while ago
	RefusedBusy                    // the neighbour has a session or is opening one
	RefusedOpen                    // its OPEN was malformed or not acceptable
	RefusedTimeout                 // no session within Config.OpenTimeout
	RefusedClosed                  // it closed the connection itself
	RefusedStopping                // we are stopping

	refusals
)

var refusalNames = [...]string{"unknown", "held", "busy", "open", "timeout", "closed", "stopping"}

// String returns the refusal in lower case.
func (r Refusal) String() string {
	if r < refusals {
		return refusalNames[r]
	}
	return "other"
}

// New returns a speaker that does nothing yet.
func New(config Config, deps Deps) (*Speaker, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if deps.Sink == nil || deps.Logger == nil {
		return nil, errors.New("a speaker needs a sink and a logger")
	}
	s := &Speaker{config: config, deps: deps, neighbors: make(map[netip.Addr]*neighbor), sockets: new(listen.Sockets)}
	for _, c := range config.Neighbors {
		n, err := newNeighbor(s, c)
		if err != nil {
			return nil, err
		}
		s.neighbors[n.config.Address] = n
		s.order = append(s.order, n)
	}
	return s, nil
}

// Start binds the sockets, all or none, and takes connections until Stop. Where
// nobody may connect nothing listens. It is called once; ctx bounds the start alone.
func (s *Speaker) Start(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.listen(ctx, s.order); err != nil {
		return err
	}
	s.sinkCtx, s.abandon = context.WithCancel(context.WithoutCancel(ctx))
	for _, n := range s.order {
		n.working.Go(n.work)
	}
	s.sockets.Serve(s.take)
	return nil
}

// listen binds the sockets where there is a neighbour; changing is held.
func (s *Speaker) listen(ctx context.Context, neighbors []*neighbor) error {
	if len(neighbors) == 0 {
		return nil
	}
	sockets, err := listen.Open(ctx, "BGP", s.config.Listen, net.ListenConfig{Control: signAll(neighbors)}, s.deps.Logger)
	if err != nil {
		return err
	}
	s.sockets = sockets
	return nil
}

// Addrs returns the addresses that are bound.
func (s *Speaker) Addrs() []netip.AddrPort {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.sockets.Addrs()
}

// Stop closes sockets and sessions, tells the neighbours so, and waits until
// the sink has taken what they had said and that they are gone. When ctx ends
// first it gives up what still waits, and says so.
func (s *Speaker) Stop(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	failed := s.sockets.Close()
	if s.abandon == nil { // never started
		return failed
	}
	defer s.abandon() // what still waits
	return errors.Join(failed, retire(ctx, s.order, cause{text: "we stop", say: &notification{codeCease, subShutdown, nil}}))
}

// retire ends neighbours whom no connection can reach any more, and waits until
// the sink has taken what they said and that they are gone, or ctx ends.
func retire(ctx context.Context, list []*neighbor, bye cause) error {
	for _, n := range list {
		n.shut(bye)
	}
	done := make(chan struct{})
	go func() {
		for _, n := range list {
			n.running.Wait()
			n.closeQueue()
		}
		for _, n := range list {
			n.working.Wait()
		}
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		waiting := int64(0)
		for _, n := range list {
			waiting += n.queued.Load()
		}
		return fmt.Errorf("stop BGP sessions: %w: up to %d events were not taken by the sink", ctx.Err(), waiting)
	}
}

// Refused returns the connections that were closed before they were sessions, by reason.
func (s *Speaker) Refused() map[Refusal]uint64 {
	m := make(map[Refusal]uint64)
	for i := range s.refused {
		if n := s.refused[i].Load(); n > 0 {
			m[Refusal(i)] = n
		}
	}
	return m
}

// Peers returns the state of each neighbour, as they are configured.
func (s *Speaker) Peers() []Peer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]Peer, len(s.order))
	for i, n := range s.order {
		list[i] = n.status()
	}
	return list
}
