package storage

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// heap is a batch that only counts.
type heap struct{ n, sealed int }

func (h *heap) size() int { return h.n }
func (h *heap) reset()    { h.n = 0 }

// gathererOf gathers ten at most, and writes what it is given the right to write.
func gathererOf(policy Policy, written chan int, proceed chan struct{}) *gatherer[*heap] {
	return newGatherer(context.Background(), gathering[*heap]{
		what: "grains", maxAge: time.Second, policy: policy,
		full: func(h *heap) bool { return h.n >= 10 },
		seal: func(h *heap) { h.sealed = h.n },
		write: func(ctx context.Context, h *heap) {
			select {
			case <-proceed:
			case <-ctx.Done():
			}
			if h.n != h.sealed {
				panic("a sealed batch was added to")
			}
			written <- h.n
		},
		end: func() { close(written) },
	}, new(heap), new(heap))
}

// put adds n, one by one, as far as there is room.
func (g *gatherer[B]) put(n int, add func(B)) (added int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range n {
		if err := g.roomLocked(); err != nil {
			return added, err
		}
		add(g.filling)
		g.tookLocked(1)
		added++
	}
	g.passLocked()
	return added, nil
}

func addGrain(h *heap) { h.n++ }

func TestGathererByAgeAndSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written, proceed := make(chan int, 10), make(chan struct{}, 10)
		g := gathererOf(Drop, written, proceed)
		if _, err := g.put(3, addGrain); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if len(written) != 0 {
			t.Error("written before its age")
		}
		proceed <- struct{}{}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if n := <-written; n != 3 {
			t.Errorf("%d written by age", n)
		}
		// One batch waits to be written, one is full, and then there is no room.
		if n, err := g.put(25, addGrain); n != 20 || !errors.Is(err, ErrQueueFull) {
			t.Errorf("%d of 25 found room: %v", n, err)
		}
		flushing, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.flush(flushing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush of what cannot be written: %v", err)
		}
		proceed <- struct{}{}
		proceed <- struct{}{}
		if err := g.flush(t.Context()); err != nil {
			t.Error(err)
		}
		if a, b := <-written, <-written; a != 10 || b != 10 {
			t.Errorf("%d and %d written by size", a, b)
		}
		if err := g.close(t.Context()); err != nil {
			t.Error(err)
		}
		if n, err := g.put(1, addGrain); n != 0 || !errors.Is(err, ErrClosed) {
			t.Errorf("%d added after the end: %v", n, err)
		}
	})
}

func TestGathererBlocksAndGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written, proceed := make(chan int, 10), make(chan struct{}, 10)
		g := gathererOf(Block, written, proceed)
		put := make(chan error)
		go func() {
			_, err := g.put(25, addGrain)
			put <- err
		}()
		synctest.Wait()
		select {
		case err := <-put:
			t.Fatalf("25 found room for 20: %v", err)
		default:
		}
		proceed <- struct{}{}
		if err := <-put; err != nil {
			t.Error(err)
		}
		ending, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.close(ending); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close with something to write: %v", err)
		}
		sum := 0
		for n := range written {
			sum += n
		}
		if sum != 25 {
			t.Errorf("%d were written or given up, want 25", sum)
		}
	})
}
