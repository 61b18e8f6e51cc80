package storage

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// batch is what a gatherer gathers.
type batch interface {
	size() int // what was added since the last reset
	reset()    // empties it and keeps its memory
}

// gathering says how batches are gathered and what becomes of them.
type gathering[B batch] struct {
	what   string // that is gathered, for errors
	maxAge time.Duration
	policy Policy
	full   func(B) bool                   // nothing more may be added; called with mu held
	seal   func(B)                        // nothing more will be added; called with mu held
	write  func(ctx context.Context, b B) // leads it to the store and enters it in the books
	end    func()                         // after the last write
}

// gatherer has two batches: one is filled while its goroutine, which close waits
// for, writes the other.
type gatherer[B batch] struct {
	gathering[B]
	wake   chan struct{}      // tells the goroutine that something changed
	cancel context.CancelFunc // ends what the goroutine is doing
	done   chan struct{}      // closed when the goroutine has ended

	mu      sync.Mutex // guards everything below
	changed *sync.Cond // broadcast when settled or writing changed
	filling B
	other   B         // empty, or sealed if writing
	writing bool      // other is to be written or being written
	since   time.Time // when the first of filling came
	taken   uint64    // added so far
	settled uint64    // of that, what is stored or lost
	urgent  uint64    // up to which not to wait for more
	closed  bool
}

func newGatherer[B batch](ctx context.Context, how gathering[B], one, other B) *gatherer[B] {
	ctx, cancel := context.WithCancel(ctx)
	g := &gatherer[B]{
		gathering: how, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}), filling: one, other: other,
	}
	g.changed = sync.NewCond(&g.mu)
	go g.run(ctx) // waited for by close
	return g
}

// roomLocked makes sure that there is a place for one more, waiting for it if the
// policy says so.
func (g *gatherer[B]) roomLocked() error {
	for {
		switch {
		case g.closed:
			return ErrClosed
		case !g.full(g.filling):
			return nil
		case !g.writing:
			g.turnLocked()
			return nil
		case g.policy == Drop:
			return ErrQueueFull
		}
		g.changed.Wait()
	}
}

// tookLocked notes that something was added.
func (g *gatherer[B]) tookLocked(n int) {
	g.taken += uint64(n)
	if n > 0 && g.filling.size() == n {
		g.since = time.Now()
		g.poke()
	}
}

// passLocked hands a full batch over if nothing is in its way.
func (g *gatherer[B]) passLocked() {
	if g.full(g.filling) && !g.writing {
		g.turnLocked()
	}
}

// turnLocked makes the filled batch the one to write. There must be none.
func (g *gatherer[B]) turnLocked() {
	g.seal(g.filling)
	g.filling, g.other, g.writing = g.other, g.filling, true
	g.poke()
}

// poke wakes the goroutine.
func (g *gatherer[B]) poke() {
	select {
	case g.wake <- struct{}{}:
	default: // it has been told already
	}
}

// flush returns when everything added is settled, or when ctx ends.
func (g *gatherer[B]) flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.changed.Broadcast()
	})
	defer stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	target := g.taken
	g.urgent = max(g.urgent, target)
	g.poke()
	for g.settled < target {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("flush %d %s: %w", target-g.settled, g.what, err)
		}
		g.changed.Wait()
	}
	return nil
}

// close writes what is left and ends the goroutine, in the middle of what it
// does when ctx ends.
func (g *gatherer[B]) close(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	left := g.taken - g.settled
	g.changed.Broadcast()
	g.mu.Unlock()
	g.poke()
	select {
	case <-g.done:
		g.cancel()
		return nil
	case <-ctx.Done():
	}
	g.cancel()
	<-g.done
	return fmt.Errorf("close the writer with %d %s to write: %w", left, g.what, ctx.Err())
}

// run writes batches until the gatherer is closed and empty.
func (g *gatherer[B]) run(ctx context.Context) {
	defer close(g.done)
	defer g.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		b, pause, end := g.next()
		switch {
		case end:
			return
		case pause == 0:
			g.write(ctx, b)
			g.release(b)
			continue
		}
		timer.Reset(pause)
		select {
		case <-g.wake:
		case <-timer.C:
		}
	}
}

// next returns the batch to write, or how long to wait for one.
func (g *gatherer[B]) next() (b B, pause time.Duration, end bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.writing {
		if g.filling.size() == 0 {
			return b, time.Hour, g.closed
		}
		pause = g.maxAge - time.Since(g.since)
		if pause > 0 && !g.closed && g.settled >= g.urgent {
			return b, pause, false
		}
		g.turnLocked()
	}
	return g.other, 0, false
}

// release makes the memory of a batch free again.
func (g *gatherer[B]) release(b B) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settled += uint64(b.size())
	b.reset()
	g.writing = false
	g.changed.Broadcast()
}
