package collector

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/linewarden/linewarden/flows"
)

// Deps is what a Collector works with.
type Deps struct {
	// Books, Netflow, SFlow and Enricher are as in PipelineConfig. They may be
	// used by others at the same time.
	Books          *flows.Books
	Netflow, SFlow flows.Decoder
	Enricher       Enricher
	// NewSink opens the sink of one worker, numbered from 0.
	NewSink func(worker int) (FlowSink, error)
	// BooksSink takes the books; nil leaves them to others.
	BooksSink BooksSink
	// State is kept in Config.StateFile; nil keeps none.
	State State
	// Known tells whether an exporter is in the ledgers, for Admission.KnownOnly.
	Known func(netip.Addr) bool
	// Logger must be set.
	Logger *slog.Logger
}

// SocketInfo describes one open socket.
type SocketInfo struct {
	// Listen is the address as configured, Local the one that is bound.
	Listen string
	Local  netip.AddrPort
	// Buffer is the receive buffer in bytes; Wanted is what was asked for.
	Buffer, Wanted int
}

// Collector receives flow export on UDP sockets.
type Collector struct {
	config Config
	deps   Deps
	gate   *gate // nil takes everything

	mu      sync.Mutex  // guards sockets
	sockets [][]*socket // by address, then by worker
}

// New returns a collector that does nothing yet.
func New(config Config, deps Deps) (*Collector, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if deps.Books == nil || deps.NewSink == nil || deps.Logger == nil {
		return nil, errors.New("a collector needs books, sinks and a logger")
	}
	return &Collector{config: config, deps: deps, gate: newGate(config.Admit, deps.Known)}, nil
}

// Listen binds all sockets, or none. From then on the kernel keeps what
// arrives, and Run reads it. A collector that is not run must be closed.
func (c *Collector) Listen(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sockets != nil {
		return nil
	}
	var bound [][]*socket
	for _, section := range []Listen{c.config.Netflow, c.config.SFlow} {
		for _, address := range section.Listen {
			sockets, err := listen(ctx, address, section.workers(), c.config.ReceiveBuffer)
			if err != nil {
				for _, done := range bound {
					err = errors.Join(err, closeAll(done))
				}
				return err
			}
			bound = append(bound, sockets)
			c.announce(sockets)
		}
	}
	c.sockets = bound
	return nil
}

func (c *Collector) announce(sockets []*socket) {
	s := sockets[0]
	c.deps.Logger.Info("listening for flow export", "address", s.local.String(),
		"workers", len(sockets), "buffer_bytes", s.buffer)
	if s.buffer < c.config.ReceiveBuffer {
		c.deps.Logger.Warn("the kernel gave a smaller receive buffer than configured, bursts may be dropped; "+
			"raise the sysctl net.core.rmem_max or grant CAP_NET_ADMIN",
			"address", s.local.String(), "buffer_bytes", s.buffer, "wanted_bytes", c.config.ReceiveBuffer)
	}
}

// Sockets lists the open sockets, by address and worker. There are none before
// Listen and after Run.
func (c *Collector) Sockets() []SocketInfo {
	var list []SocketInfo
	for _, s := range c.open() {
		list = append(list, SocketInfo{Listen: s.address, Local: s.local, Buffer: s.buffer, Wanted: c.config.ReceiveBuffer})
	}
	return list
}

func (c *Collector) open() []*socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*socket
	for _, sockets := range c.sockets {
		all = append(all, sockets...)
	}
	return all
}

// Close closes the sockets of a collector that is not run.
func (c *Collector) Close() error {
	err := closeAll(c.open())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets = nil
	return err
}

// Run receives until ctx ends, and then drains: the sockets take nothing new,
// what the kernel has buffered is read, what waits in the decoders and sinks
// is written or counted, and books and state are saved. That takes
// Config.DrainTimeout at most. Run is called once.
func (c *Collector) Run(ctx context.Context) (err error) {
	if err := c.Listen(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if c.deps.State != nil && c.config.StateFile != "" {
		if err := LoadState(c.config.StateFile, c.deps.State, c.deps.Logger); err != nil {
			return err
		}
		// Sequence numbers of the file are used once: after a crash they would be old.
		if err := SaveState(c.config.StateFile, c.deps.State, false); err != nil {
			c.deps.Logger.Error("state was not saved", "error", err)
		}
	}
	r := &run{Collector: c, done: make(chan struct{}), failed: make(chan error, len(c.open()))}
	if err := r.openLanes(ctx); err != nil {
		return err
	}
	return r.run(ctx)
}
