package rtr

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Sink takes the payloads.
type Sink interface {
	// Payloads is told that they have changed: how many caches have current data,
	// and what these say, where some payloads may come more than once. It is
	// called by one goroutine at a time; what changes meanwhile gives one call
	// more. A cache waits while its payloads are read, and no longer.
	Payloads(caches int, all iter.Seq[Payload])
}

// Deps is what a Client works with.
type Deps struct {
	Sink   Sink
	Logger *slog.Logger
	// Dial opens connections; nil takes those of the operating system.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client holds the connections to all caches.
type Client struct {
	config Config
	deps   Deps
	caches []*cache

	changed  chan struct{} // of length 1
	stop     context.CancelFunc
	stopOnce sync.Once
	running  sync.WaitGroup
}

// New returns a client that does nothing yet.
func New(config Config, deps Deps) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("configure the RTR client: %w", err)
	}
	if deps.Sink == nil || deps.Logger == nil {
		return nil, errors.New("an RTR client needs a sink and a logger")
	}
	if deps.Dial == nil {
		deps.Dial = (&net.Dialer{Timeout: config.DialTimeout}).DialContext
	}
	c := &Client{config: config, deps: deps, changed: make(chan struct{}, 1)}
	for _, address := range config.Caches {
		c.caches = append(c.caches, newCache(c, address))
	}
	return c, nil
}

// Start begins to connect. It is called once; ctx gives values, not an end.
func (c *Client) Start(ctx context.Context) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	for _, k := range c.caches {
		c.running.Go(func() { k.run(running) })
	}
	c.running.Go(func() { c.publish(running) })
}

// Stop closes the connections, and waits until the sink is told nothing more,
// or until ctx ends.
func (c *Client) Stop(ctx context.Context) error {
	if c.stop == nil { // never started
		return nil
	}
	var err error
	c.stopOnce.Do(func() {
		c.stop()
		done := make(chan struct{})
		go func() { // ends with the goroutines that it waits for
			c.running.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			err = fmt.Errorf("stop the RTR client: %w", ctx.Err())
		}
	})
	return err
}

// news says that payloads have changed.
func (c *Client) news() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// publish tells the sink of changes.
func (c *Client) publish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.changed:
		}
		current := 0
		for _, k := range c.caches {
			if k.holds() {
				current++
			}
		}
		c.deps.Sink.Payloads(current, c.all)
	}
}

// all yields what the caches say.
func (c *Client) all(yield func(Payload) bool) {
	for _, k := range c.caches {
		if !k.each(yield) {
			return
		}
	}
}

// Status is how one cache is.
type Status struct {
	Address   string
	Connected bool
	Version   uint8 // of the protocol, last spoken
	Current   bool  // its payloads are in use
	Payloads  int
	SessionID uint16
	Serial    uint32
	Updated   time.Time // of the last End of Data
	Answers   uint64    // that ended with an End of Data
	LastEnd   string    // why the last connection or attempt at one ended
	Ends      map[End]uint64
}

// Status returns the state of each cache, in the order of Config.
func (c *Client) Status() []Status {
	list := make([]Status, len(c.caches))
	for i, k := range c.caches {
		list[i] = k.status()
	}
	return list
}
