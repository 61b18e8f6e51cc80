package storage_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage"
)

// twin opens the store of a configuration once more, as another process does.
func twin(t *testing.T, cfg storage.Config) *storage.Store {
	t.Helper()
	return beside(t, cfg)
}

func TestOneOfManyGetsALease(t *testing.T) {
	cfg := configure(t)
	s := open(t, cfg)
	for round := range 5 {
		var (
			wg   sync.WaitGroup
			held atomic.Int32
		)
		for i := range 6 {
			lease := s.NewLease(storage.LeaseConfig{Name: fmt.Sprint("race ", round), Holder: fmt.Sprint("process ", i)})
			wg.Go(func() {
				_, ok, err := lease.Try(t.Context())
				if err != nil {
					t.Error(err)
				}
				if ok {
					held.Add(1)
				}
			})
		}
		wg.Wait()
		if n := held.Load(); n != 1 {
			t.Errorf("round %d: %d of 6 have the lease", round, n)
		}
	}
}

// TestLeaseOutlastsItsHolder has the clocks of both processes in hand: they are
// hours apart and one is stepped back, which the time that passes does not feel.
func TestLeaseOutlastsItsHolder(t *testing.T) {
	s := open(t, configure(t))
	first := s.NewLease(storage.LeaseConfig{Name: "rules", Holder: "first"})
	second := s.NewLease(storage.LeaseConfig{Name: "rules", Holder: "second"})
	now := time.Now()
	passed := time.Duration(0)
	first.SetClock(func() time.Time { return now.Add(passed) })
	second.SetClock(func() time.Time { return now.Add(-5*time.Hour + passed) })
	try := func(l *storage.Lease) (uint64, bool) {
		t.Helper()
		term, held, err := l.Try(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return term, held
	}
	one, held := try(first)
	if !held {
		t.Fatal("nobody has the lease, and it was not given")
	}
	for range 4 { // a holder that renews is never ousted
		passed += 20 * time.Second
		if term, held := try(first); !held || term <= one {
			t.Fatalf("term %d after %d, held %v", term, one, held)
		}
		if _, held := try(second); held {
			t.Fatal("two have the lease")
		}
	}
	// Now it is killed.
	passed += 29 * time.Second
	if _, held := try(second); held {
		t.Fatal("the lease was taken before its end")
	}
	passed += 2 * time.Second
	two, held := try(second)
	if !held || two <= one {
		t.Fatalf("term %d after %d, held %v: nobody follows", two, one, held)
	}
	if _, held := try(first); held {
		t.Fatal("the old holder has come back and takes the lease of the new one")
	}
	// One that comes back under its name does not wait for itself.
	again := s.NewLease(storage.LeaseConfig{Name: "rules", Holder: "second"})
	if three, held := try(again); !held || three <= two {
		t.Errorf("term %d after %d, held %v", three, two, held)
	}
	if err := again.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, held := try(first); !held {
		t.Error("a lease that was given back is not taken")
	}
}

// TestLeadFollows kills the leader: its connections are cut, so that it can
// neither renew nor release. The other one follows within twice the lease, and the work of the first has ended before that of the second begins.
func TestLeadFollows(t *testing.T) {
	cfg := configure(t)
	open(t, cfg)
	g := newGate(t, cfg.Addr[0])
	cut := cfg
	cut.Addr = []string{g.addr()}
	var (
		mu      sync.Mutex
		working = map[string]bool{}
		began   = make(chan string, 8)
	)
	work := func(name string) func(context.Context, uint64) {
		return func(ctx context.Context, _ uint64) {
			mu.Lock()
			working[name] = true
			if len(working) > 1 {
				t.Errorf("two work: %v", working)
			}
			mu.Unlock()
			began <- name
			<-ctx.Done()
			mu.Lock()
			delete(working, name)
			mu.Unlock()
		}
	}
	const leaseFor = 3 * time.Second
	var wg sync.WaitGroup
	lead := func(ctx context.Context, s *storage.Store, name string) {
		wg.Go(func() {
			if err := s.NewLease(storage.LeaseConfig{Name: "rules", Holder: name, For: leaseFor}).Lead(ctx, work(name)); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer wg.Wait()
	defer cancel()
	lead(ctx, twin(t, cut), "first")
	if name := <-began; name != "first" {
		t.Fatal(name)
	}
	lead(ctx, twin(t, cfg), "second")
	g.set(false)
	cutAt := time.Now()
	select {
	case name := <-began:
		if name != "second" {
			t.Fatalf("%s leads", name)
		}
		t.Logf("another one leads %v after the first was cut off", time.Since(cutAt).Round(time.Millisecond))
	case <-time.After(2 * leaseFor):
		t.Fatal("nobody follows")
	}
}

// TestLeadEndsWithItsWork gives the lease back at once.
func TestLeadEndsWithItsWork(t *testing.T) {
	s := open(t, configure(t))
	for i := range 3 {
		began := time.Now()
		ran := false
		lease := s.NewLease(storage.LeaseConfig{Name: "rules", Holder: fmt.Sprint(i)})
		if err := lease.Lead(t.Context(), func(context.Context, uint64) { ran = true }); err != nil || !ran {
			t.Fatalf("ran %v, %v", ran, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("holder %d had to wait %v for a lease that was given back", i, took)
		}
	}
}
