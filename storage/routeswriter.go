package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// RouteWriterConfig says how events of routes are gathered and written.
type RouteWriterConfig struct {
	// MaxRows is the number of events at which a batch is sent; default 50000.
	MaxRows int
	// MaxBytes is the size of its paths and communities at which a batch is sent,
	// whatever its events are; default 32 MiB.
	MaxBytes int
	// MaxAge is the age of its oldest event at which a batch is sent; default five
	// seconds. Routes change seldom: small batches cost the store more than they
	// are worth.
	MaxAge time.Duration
	// Policy applies when one batch is full and the one before it is not
	// written yet.
	Policy Policy
	// RetryFor is how long a batch is sent again after errors that may pass;
	// default one minute. After it the batch is lost (store_refused).
	RetryFor time.Duration
}

func (c RouteWriterConfig) withDefaults() (RouteWriterConfig, error) {
	if c.MaxRows < 0 || c.MaxBytes < 0 || c.MaxAge < 0 || c.RetryFor < 0 || c.Policy > Drop {
		return c, errors.New("a limit of a route writer is negative, or its policy is none")
	}
	if c.MaxRows == 0 {
		c.MaxRows = 50_000
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 32 << 20
	}
	if c.MaxAge == 0 {
		c.MaxAge = 5 * time.Second
	}
	if c.RetryFor == 0 {
		c.RetryFor = time.Minute
	}
	return c, nil
}

// RouteWriter writes events of routes and peers in the order they are given.
// There are two batches: one is filled while a goroutine of the writer, which
// Close waits for, sends the other. All methods may be called at the same time.
type RouteWriter struct {
	cfg    RouteWriterConfig
	store  *Store
	sender routeSender
	wake   chan struct{}      // tells the goroutine that something changed
	cancel context.CancelFunc // ends what the goroutine is doing
	done   chan struct{}      // closed when the goroutine has ended

	mu      sync.Mutex // guards everything below
	changed *sync.Cond // broadcast when books or ready changed
	filling *routeBatch
	ready   *routeBatch // sealed and to be sent or being sent, nil if none
	spare   *routeBatch // empty, nil while ready is not
	since   time.Time   // when the first event of filling came
	books   RouteBooks
	taken   uint64 // events that came into a batch
	settled uint64 // of them, those that are stored or lost
	urgent  uint64 // up to which event not to wait for more
	second  int64  // the time of storing of the last batch, and how many events
	number  uint32 // have been stored at it
	closed  bool
}

// NewRouteWriter starts a writer. Close ends it.
func (s *Store) NewRouteWriter(cfg RouteWriterConfig) (*RouteWriter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	ctx, cancel := context.WithCancel(s.base())
	w := &RouteWriter{
		cfg: cfg, store: s, sender: routeSender{store: s, retryFor: cfg.RetryFor},
		wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
		filling: newRouteBatch(), spare: newRouteBatch(),
	}
	w.changed = sync.NewCond(&w.mu)
	go w.run(ctx)
	return w, nil
}

// Append copies events of routes into the batch; they belong to the caller again
// when it returns. Its error says why events were lost; they are counted.
func (w *RouteWriter) Append(events []RouteEvent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.books.Received += uint64(len(events))
	malformed := 0
	for i := range events {
		e := &events[i]
		switch {
		case !e.sound():
			malformed++
			continue
		case e.Kind == RouteSessionLost:
			w.books.Folded++
			continue
		}
		if err := w.room(); err != nil {
			w.books.Lost[RouteLossMalformed] += uint64(malformed)
			return w.refuse(len(events)-i, err)
		}
		w.filling.addRoute(e)
		w.took()
	}
	return w.finish(malformed)
}

// AppendPeers copies events of peers into the batch. They take effect between
// the events of routes appended before and after them.
func (w *RouteWriter) AppendPeers(events []PeerEvent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.books.Received += uint64(len(events))
	malformed := 0
	for i := range events {
		if !events[i].sound() {
			malformed++
			continue
		}
		if err := w.room(); err != nil {
			w.books.Lost[RouteLossMalformed] += uint64(malformed)
			return w.refuse(len(events)-i, err)
		}
		w.filling.addPeer(&events[i])
		w.took()
	}
	return w.finish(malformed)
}

// took notes that an event came into the batch.
func (w *RouteWriter) took() {
	w.taken++
	w.books.Pending++
	if w.filling.rows == 1 {
		w.since = time.Now()
		w.poke()
	}
}

// finish hands a full batch over if nothing is in its way.
func (w *RouteWriter) finish(malformed int) error {
	if w.full() && w.ready == nil {
		w.turn()
	}
	if malformed == 0 {
		return nil
	}
	w.books.Lost[RouteLossMalformed] += uint64(malformed)
	return fmt.Errorf("%d events of routes dropped: %w", malformed, ErrRouteEvent)
}

func (w *RouteWriter) full() bool {
	return w.filling.rows >= w.cfg.MaxRows || w.filling.bytes >= w.cfg.MaxBytes
}

// room makes sure that there is a place for one more event, waiting for it if
// the policy says so.
func (w *RouteWriter) room() error {
	for {
		switch {
		case w.closed:
			return ErrClosed
		case !w.full():
			return nil
		case w.ready == nil:
			w.turn()
			return nil
		case w.cfg.Policy == Drop:
			return ErrQueueFull
		}
		w.changed.Wait()
	}
}

// turn makes the filled batch the one to send. There must be none. Batches of
// one second number their events on, and the time of storing never goes back.
func (w *RouteWriter) turn() {
	if second := time.Now().Unix(); second > w.second {
		w.second, w.number = second, 0
	}
	w.filling.seal(time.Unix(w.second, 0), w.number)
	w.number += uint32(w.filling.rows)
	w.ready, w.filling, w.spare = w.filling, w.spare, nil
	w.poke()
}

// refuse counts events as lost.
func (w *RouteWriter) refuse(n int, why error) error {
	reason := RouteLossClosed
	if errors.Is(why, ErrQueueFull) {
		reason = RouteLossQueueFull
	}
	w.books.Lost[reason] += uint64(n)
	return fmt.Errorf("%d events of routes dropped: %w", n, why)
}

// poke wakes the goroutine.
func (w *RouteWriter) poke() {
	select {
	case w.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Books returns what became of all events so far.
func (w *RouteWriter) Books() RouteBooks {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.books
}

// Flush returns when everything appended is acknowledged by the store or
// counted as lost, or when ctx ends.
func (w *RouteWriter) Flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changed.Broadcast()
	})
	defer stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	target := w.taken
	w.urgent = max(w.urgent, target)
	w.poke()
	for w.settled < target {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("flush %d events of routes: %w", target-w.settled, err)
		}
		w.changed.Wait()
	}
	return nil
}

// Close writes what is left and ends the writer. What the store has not
// acknowledged when ctx ends is counted as lost, even if it arrived.
func (w *RouteWriter) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	left := w.books.Pending
	w.changed.Broadcast()
	w.mu.Unlock()
	w.poke()
	select {
	case <-w.done:
		w.cancel()
		return nil
	case <-ctx.Done():
	}
	w.cancel()
	<-w.done
	return fmt.Errorf("close the route writer with %d events to write: %w", left, ctx.Err())
}

// run sends batches until the writer is closed and empty.
func (w *RouteWriter) run(ctx context.Context) {
	defer close(w.done)
	defer w.sender.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		batch, pause, end := w.next()
		switch {
		case end:
			return
		case batch != nil:
			w.write(ctx, batch)
			continue
		}
		timer.Reset(pause)
		select {
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// next returns the batch to send, or how long to wait for one.
func (w *RouteWriter) next() (batch *routeBatch, pause time.Duration, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready == nil && w.filling.rows > 0 {
		pause = w.cfg.MaxAge - time.Since(w.since)
		if pause <= 0 || w.closed || w.settled < w.urgent {
			w.turn()
		}
	}
	if w.ready != nil {
		return w.ready, 0, false
	}
	if w.filling.rows == 0 {
		return nil, time.Hour, w.closed
	}
	return nil, pause, false
}

// write sends both blocks of a batch, enters them in the books and makes its
// memory free again.
func (w *RouteWriter) write(ctx context.Context, batch *routeBatch) {
	var stored, lost uint64
	for _, part := range []struct {
		t     *table
		block *routeBlock
	}{{routeTable(), &batch.routes}, {routePeerTable(), &batch.peers}} {
		if part.block.rows == 0 {
			continue
		}
		if err := w.sender.send(ctx, part.t, part.block); err != nil {
			w.store.log.Error("routes were lost: the store did not take them", "events", part.block.rows, "error", err)
			lost += uint64(part.block.rows)
			continue
		}
		stored += uint64(part.block.rows)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled += stored + lost
	w.books.Pending -= stored + lost
	w.books.Stored += stored
	w.books.Lost[RouteLossStoreRefused] += lost
	batch.reset()
	w.ready, w.spare = nil, batch
	w.changed.Broadcast()
}
