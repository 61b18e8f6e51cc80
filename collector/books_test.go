package collector

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// ledger is a BooksSink that keeps what it is given, and refuses while refuse
// is set.
type ledger struct {
	mu      sync.Mutex // guards everything below
	refuse  error
	offered [][]flows.Entry // refused
	written []flows.Entry
}

func (l *ledger) WriteBooks(_ context.Context, entries []flows.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		l.offered = append(l.offered, slices.Clone(entries))
		return l.refuse
	}
	l.written = append(l.written, entries...)
	return nil
}

func (l *ledger) refuseWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = err
}

func (l *ledger) sum() flows.Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sum flows.Count
	for i := range l.written {
		sum.Add(&l.written[i].Count)
	}
	return sum
}

func source(i int) flows.Source {
	return flows.Source{Exporter: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), Version: flows.IPFIX}
}

func receive(books *flows.Books, s flows.Source, at time.Time, n uint64) {
	books.Account(s).Update(at, func(c *flows.Count) { c.Datagrams++; c.Records += n; c.Stored += n })
}

func TestBooksAreWrittenOnceAndNeverLost(t *testing.T) {
	books, store := flows.NewBooks(), &ledger{}
	keeper := NewBooksKeeper(books, store)
	minute := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)

	receive(books, source(1), minute.Add(59*time.Second), 10)
	receive(books, source(1), minute.Add(60*time.Second), 1)
	if err := keeper.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(store.written) != 2 {
		t.Fatalf("%d entries, want one per minute", len(store.written))
	}
	if err := keeper.Write(t.Context()); err != nil || len(store.written) != 2 {
		t.Fatalf("nothing new, but %d entries and error %v", len(store.written), err)
	}

	store.refuseWith(errors.New("store is away"))
	receive(books, source(1), minute, 100)
	for range 2 {
		if err := keeper.Write(t.Context()); !errors.Is(err, store.refuse) {
			t.Fatalf("refusal is not told: %v", err)
		}
		receive(books, source(2), minute, 1000)
	}
	if !slices.Equal(store.offered[0], store.offered[1]) {
		t.Error("a refused write is not offered again as it was")
	}
	if keeper.Waiting() != 2 {
		t.Errorf("%d entries wait, want 2", keeper.Waiting())
	}
	store.refuseWith(nil)
	if err := keeper.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	sum, want := store.sum(), total(books)
	if sum != want || sum.Records != 2111 {
		t.Errorf("written %+v, counted %+v", sum, want)
	}
	if keeper.Waiting() != 0 {
		t.Errorf("%d entries wait after all were written", keeper.Waiting())
	}
	for _, e := range store.written {
		if e.Minute.Location() != time.UTC || e.Minute.Second() != 0 {
			t.Errorf("minute %v", e.Minute)
		}
	}
}

func TestBooksStayBoundedWhileTheStoreIsAway(t *testing.T) {
	books, store := flows.NewBooks(), &ledger{refuse: errors.New("store is away")}
	keeper := NewBooksKeeper(books, store)
	keeper.most = 10
	minute := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	for round := range 50 {
		for i := range 20 {
			receive(books, source(round*20+i), minute, 1)
		}
		if keeper.Write(t.Context()) == nil {
			t.Fatal("the store took something")
		}
	}
	if keeper.Waiting() > 2*keeper.most+2 {
		t.Errorf("%d entries wait, the bound is %d each", keeper.Waiting(), keeper.most)
	}
	store.refuseWith(nil)
	if err := keeper.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum := store.sum(); sum != total(books) || sum.Records != 1000 {
		t.Errorf("%d records written of 1000", sum.Records)
	}
}

// TestBooksAreCarriedInTime runs the carrier on a simulated clock.
func TestBooksAreCarriedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		books, store := flows.NewBooks(), &ledger{}
		config := DefaultConfig()
		r := &run{
			Collector: &Collector{config: config, deps: Deps{Books: books, Logger: testLogger(t)}},
			keeper:    NewBooksKeeper(books, store),
		}
		stop := make(chan struct{})
		r.carrier.Go(func() { r.carryBooks(t.Context(), stop) })
		receive(books, source(1), time.Now(), 3)
		time.Sleep(config.BooksEvery - 1)
		synctest.Wait()
		if sum := store.sum(); sum.Records != 0 {
			t.Error("written too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if sum := store.sum(); sum.Records != 3 {
			t.Errorf("%d records written, want 3", sum.Records)
		}
		store.refuseWith(errors.New("store is away"))
		receive(books, source(1), time.Now(), 4)
		time.Sleep(3 * config.BooksEvery)
		synctest.Wait()
		store.refuseWith(nil)
		time.Sleep(config.BooksEvery)
		synctest.Wait()
		if sum := store.sum(); sum.Records != 7 {
			t.Errorf("%d records written after the store came back, want 7", sum.Records)
		}
		close(stop)
		r.carrier.Wait()
	})
}

func TestBooksAreWrittenAtTheEnd(t *testing.T) {
	store := &ledger{}
	d := start(t, testConfig(t), func(deps *Deps) { deps.BooksSink = store })
	write(t, exporter(t, d.Sockets()[0].Local, "127.0.0.1"), v5(0, 5, time.Now()))
	d.sink.wait(t, 5)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	sum := store.sum()
	if sum.Datagrams != 1 || sum.Records != 5 || sum.Stored != 5 {
		t.Errorf("%d datagrams, %d records, %d stored at the end", sum.Datagrams, sum.Records, sum.Stored)
	}
}
