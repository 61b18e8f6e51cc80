package collector_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/flows"
)

// counterStore keeps readings, or refuses them.
type counterStore struct {
	stored []flows.Counters
	refuse bool
}

func (s *counterStore) WriteCounters(_ context.Context, list []flows.Counters) error {
	if s.refuse {
		return errors.New("refused")
	}
	s.stored = append(s.stored, list...)
	return nil
}

func balanced(t *testing.T, k *collector.CounterKeeper) collector.CounterBooks {
	t.Helper()
	b := k.Books()
	var received, ended uint64
	for _, n := range b.Received {
		received += n
	}
	for _, n := range b.Lost {
		ended += n
	}
	if received != ended+b.Stored+uint64(b.Waiting) {
		t.Fatalf("the books do not balance: %+v", b)
	}
	return b
}

func TestCounterKeeper(t *testing.T) {
	ledger, stranger := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.9")
	store := &counterStore{refuse: true}
	k := collector.NewCounterKeeper(store, func(a netip.Addr) bool { return a == ledger }, slog.New(slog.DiscardHandler))
	begin := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	take := func(exporter netip.Addr, index uint32, after time.Duration) {
		k.TakeCounters(flows.Counters{Exporter: exporter, Interface: index, Source: flows.CountersSFlow, At: begin.Add(after)})
	}
	take(ledger, 1, 0)
	take(ledger, 1, 20*time.Second)
	take(ledger, 2, 20*time.Second)
	take(stranger, 1, 0)
	k.MalformedCounters(ledger)
	if err := k.Write(t.Context()); err == nil {
		t.Fatal("the refusal of the store is no error")
	}
	take(ledger, 1, 60*time.Second)
	b := balanced(t, k)
	if b.Waiting != 3 || b.Lost[collector.CounterThinned] != 1 || b.Lost[collector.CounterUnknownExporter] != 1 || b.Lost[collector.CounterMalformed] != 1 {
		t.Fatalf("books %+v", b)
	}
	store.refuse = false
	if err := k.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b = balanced(t, k); b.Waiting != 0 || b.Stored != 3 || len(store.stored) != 3 || store.stored[2].At != begin.Add(time.Minute) {
		t.Fatalf("books %+v, stored %+v", b, store.stored)
	}
	if problems, err := testutil.CollectAndLint(collector.NewCounterMetrics(k)); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

// TestCounterKeeperEnds holds that Run writes from time to time, and End the rest,
// and that what the store does not take then is counted.
func TestCounterKeeperEnds(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := &counterStore{refuse: refuse}
			k := collector.NewCounterKeeper(store, func(netip.Addr) bool { return true }, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { k.Run(ctx, time.Second); close(done) }()
			for i := range 5 {
				k.TakeCounters(flows.Counters{Interface: 1, At: time.Now()})
				if i > 0 {
					time.Sleep(time.Minute)
				}
			}
			k.TakeCounters(flows.Counters{Interface: 2, At: time.Now()})
			cancel()
			<-done
			if err := k.End(t.Context()); (err != nil) != refuse {
				t.Error(err)
			}
			b := balanced(t, k)
			if kept := uint64(len(store.stored)); b.Waiting != 0 || b.Stored != kept || (kept == 0) != refuse || (b.Lost[collector.CounterShutdown] == 0) == refuse {
				t.Errorf("stored %d, books %+v", kept, b)
			}
		})
	}
}
