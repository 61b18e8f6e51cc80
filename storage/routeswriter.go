package storage

import (
	"context"
	"errors"
	"fmt"
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
	store   *Store
	sender  routeSender
	batches *gatherer[*routeBatch]

	// Guarded by batches.mu.
	books  RouteBooks
	second int64  // the time of storing of the last batch, and how many events
	number uint32 // have been stored at it
}

// NewRouteWriter starts a writer. Close ends it.
func (s *Store) NewRouteWriter(cfg RouteWriterConfig) (*RouteWriter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	w := &RouteWriter{store: s, sender: routeSender{store: s, retryFor: cfg.RetryFor}}
	w.batches = newGatherer(s.base(), gathering[*routeBatch]{
		what: "events of routes", maxAge: cfg.MaxAge, policy: cfg.Policy,
		full: func(b *routeBatch) bool { return b.rows >= cfg.MaxRows || b.bytes >= cfg.MaxBytes },
		seal: w.seal, write: w.write, end: w.sender.close,
	}, newRouteBatch(), newRouteBatch())
	return w, nil
}

func (b *routeBatch) size() int { return b.rows }

// Append copies events of routes into the batch; they belong to the caller again
// when it returns. Its error says why events were lost; they are counted.
func (w *RouteWriter) Append(events []RouteEvent) error {
	stay := func(i int) fate {
		switch e := &events[i]; {
		case !e.sound():
			return malformed
		case e.Kind == RouteSessionLost:
			return folded
		}
		return kept
	}
	return w.append(len(events), stay, func(b *routeBatch, i int) { b.addRoute(&events[i]) })
}

// AppendPeers copies events of peers into the batch. They take effect between
// the events of routes appended before and after them.
func (w *RouteWriter) AppendPeers(events []PeerEvent) error {
	stay := func(i int) fate {
		if events[i].sound() {
			return kept
		}
		return malformed
	}
	return w.append(len(events), stay, func(b *routeBatch, i int) { b.addPeer(&events[i]) })
}

// fate is what becomes of an event before it needs room.
type fate uint8

const (
	kept fate = iota
	folded
	malformed
)

// append adds those of n events that are kept.
func (w *RouteWriter) append(n int, stay func(i int) fate, add func(b *routeBatch, i int)) error {
	g := w.batches
	g.mu.Lock()
	defer g.mu.Unlock()
	w.books.Received += uint64(n)
	bad := 0
	defer func() { w.books.Lost[RouteLossMalformed] += uint64(bad) }()
	for i := range n {
		switch stay(i) {
		case malformed:
			bad++
			continue
		case folded:
			w.books.Folded++
			continue
		case kept:
		}
		if err := g.roomLocked(); err != nil {
			return w.refuse(n-i, err)
		}
		add(g.filling, i)
		w.books.Pending++
		g.tookLocked(1)
	}
	g.passLocked()
	if bad > 0 {
		return fmt.Errorf("%d events of routes dropped: %w", bad, ErrRouteEvent)
	}
	return nil
}

// seal ends a batch. Batches of one second number their events on, and the time
// of storing never goes back.
func (w *RouteWriter) seal(b *routeBatch) {
	if second := time.Now().Unix(); second > w.second {
		w.second, w.number = second, 0
	}
	b.seal(time.Unix(w.second, 0), w.number)
	w.number += uint32(b.rows)
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

// Books returns what became of all events so far.
func (w *RouteWriter) Books() RouteBooks {
	w.batches.mu.Lock()
	defer w.batches.mu.Unlock()
	return w.books
}

// Flush returns when everything appended is acknowledged by the store or
// counted as lost, or when ctx ends.
func (w *RouteWriter) Flush(ctx context.Context) error { return w.batches.flush(ctx) }

// Close writes what is left and ends the writer. What the store has not
// acknowledged when ctx ends is counted as lost, even if it arrived.
func (w *RouteWriter) Close(ctx context.Context) error { return w.batches.close(ctx) }

// write sends both blocks of a batch and enters them in the books.
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
	w.batches.mu.Lock()
	defer w.batches.mu.Unlock()
	w.books.Pending -= stored + lost
	w.books.Stored += stored
	w.books.Lost[RouteLossStoreRefused] += lost
}
