package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/storage"
)

// receive counts records as a decoder does.
func receive(books *flows.Books, records []flows.Record) []flows.Record {
	for i := range records {
		books.Account(records[i].Source).Update(records[i].Exported, func(c *flows.Count) { c.Records++ })
	}
	return records
}

// closeWriter waits for everything.
func closeWriter(tb testing.TB, w *storage.FlowWriter) {
	tb.Helper()
	if err := w.Close(tb.Context()); err != nil {
		tb.Error(err)
	}
}

func count(tb testing.TB, s *storage.Store, table string) uint64 {
	tb.Helper()
	n, err := s.Number(tb.Context(), "SELECT count() FROM "+table)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestBooksOfStoredRecords(t *testing.T) {
	s := open(t, configure(t))
	books := flows.NewBooks()
	w := writerOf(t, s, storage.FlowWriterConfig{Books: books, MaxRows: 700})
	records := receive(books, traffic(5000, 1))
	for len(records) > 0 { // as they come from datagrams
		n := min(30, len(records))
		if err := w.Append(records[:n]); err != nil {
			t.Fatal(err)
		}
		clear(records[:n]) // they are the caller's again
		records = records[n:]
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Stored != 5000 || count(t, s, "flows") != 5000 {
		t.Errorf("books say %d stored, the table has %d", sum.Stored, count(t, s, "flows"))
	}
	closeWriter(t, w)
	books.Drain(func(source flows.Source, minute time.Time, c *flows.Count) {
		if c.Records != c.Stored {
			t.Errorf("minute %v of %v: %d records, %d stored: they belong to one minute", minute, source.Exporter, c.Records, c.Stored)
		}
	})
}

func TestRecordsAreWrittenWithoutAnotherCall(t *testing.T) {
	s := open(t, configure(t))
	books := flows.NewBooks()
	w := writerOf(t, s, storage.FlowWriterConfig{Books: books, MaxAge: 20 * time.Millisecond})
	defer closeWriter(t, w)
	if err := w.Append(receive(books, traffic(3, 1))); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for testkit.Sum(books).Stored < 3 {
		select {
		case <-tick.C:
		case <-time.After(20 * time.Second):
			t.Fatal("records wait for a call that need not come")
		}
	}
}

func TestBooksOfRefusedRecords(t *testing.T) {
	s := open(t, configure(t))
	books := flows.NewBooks()
	w := writerOf(t, s, storage.FlowWriterConfig{Books: books, MaxRows: 100})
	if err := s.Exec(t.Context(), "RENAME TABLE flows TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(receive(books, traffic(250, 1))); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "RENAME TABLE elsewhere TO flows"); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(receive(books, traffic(40, 2))); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Lost[flows.ReasonStoreRefused] != 250 || sum.Stored != 40 || count(t, s, "flows") != 40 {
		t.Errorf("lost %d, stored %d, in the table %d", sum.Lost[flows.ReasonStoreRefused], sum.Stored, count(t, s, "flows"))
	}
}

// gated returns a store behind a gate, and one that goes around it.
func gated(tb testing.TB) (behind, direct *storage.Store, g *gate) {
	tb.Helper()
	cfg := configure(tb)
	direct = open(tb, cfg)
	g = newGate(tb, cfg.Addr[0])
	cfg.Addr = []string{g.addr()}
	behind, err := storage.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := behind.Close(); err != nil {
			tb.Error(err)
		}
	})
	return behind, direct, g
}

func TestStoreGoesAndComesBack(t *testing.T) {
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 500})
	records := receive(books, traffic(3000, 1))
	if err := w.Append(records[:600]); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.set(false)
	written := make(chan error, 1)
	go func() { written <- w.Append(records[600:]) }()
	before := g.tried()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for g.tried() < before+2 { // it has tried, and tries again
		select {
		case err := <-written:
			t.Fatalf("Append did not wait for the store: %v", err)
		case <-tick.C:
		}
	}
	g.set(true)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Stored != 3000 || count(t, direct, "flows") != 3000 {
		t.Errorf("stored %d, in the table %d", sum.Stored, count(t, direct, "flows"))
	}
}

// TestLostAnswers lets each batch arrive and loses the last bytes of the
// answer, so that the writer cannot know and sends it again.
func TestLostAnswers(t *testing.T) {
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books})
	total, repeated := uint64(0), 0
	write := func() (answer int) {
		t.Helper()
		before := g.delivered()
		if err := w.Append(receive(books, traffic(100, total))); err != nil {
			t.Fatal(err)
		}
		total += 100
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return g.delivered() - before
	}
	write() // connects
	for last := 1; last <= 16; last *= 2 {
		answer := write()
		tried := g.tried()
		g.loseAnswers(answer - last)
		write()
		g.loseAnswers(-1)
		repeated += g.tried() - tried
	}
	closeWriter(t, w)
	if repeated == 0 {
		t.Error("no answer was lost")
	}
	testkit.Balance(t, books)
	rolled, err := direct.Number(t.Context(), rolledFlows)
	if err != nil {
		t.Fatal(err)
	}
	if sum := testkit.Sum(books); sum.Stored != total || count(t, direct, "flows") != total || rolled != total {
		t.Errorf("of %d: stored %d, in the table %d, in the rollup %d", total, sum.Stored, count(t, direct, "flows"), rolled)
	}
}

func TestFullQueueDrops(t *testing.T) {
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 100, Policy: storage.Drop})
	g.set(false)
	records := receive(books, traffic(1000, 1))
	var dropped error
	for i := range 10 {
		dropped = errors.Join(dropped, w.Append(records[i*100:(i+1)*100]))
	}
	if !errors.Is(dropped, storage.ErrQueueFull) {
		t.Errorf("got %v", dropped)
	}
	g.set(true)
	closeWriter(t, w)
	testkit.Balance(t, books)
	sum := testkit.Sum(books)
	if sum.Stored != 200 || sum.Lost[flows.ReasonQueueFull] != 800 || count(t, direct, "flows") != 200 {
		t.Errorf("stored %d, dropped %d, in the table %d", sum.Stored, sum.Lost[flows.ReasonQueueFull], count(t, direct, "flows"))
	}
}

func TestRetryHasAnEnd(t *testing.T) {
	behind, _, g := gated(t)
	books := flows.NewBooks()
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, RetryFor: 150 * time.Millisecond})
	g.set(false)
	if err := w.Append(receive(books, traffic(10, 1))); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Lost[flows.ReasonStoreRefused] != 10 {
		t.Errorf("lost %v", sum.Lost)
	}
	if g.tried() < 3 {
		t.Errorf("tried %d times only", g.tried())
	}
}

func TestCloseKeepsItsTime(t *testing.T) {
	behind, _, g := gated(t)
	books := flows.NewBooks()
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 10})
	g.set(false)
	if err := w.Append(receive(books, traffic(15, 1))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flush: %v", err)
	}
	if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	testkit.Balance(t, books)
	if err := w.Append(receive(books, traffic(5, 2))); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Lost[flows.ReasonStoreRefused] != 20 {
		t.Errorf("lost %v", sum.Lost)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestWriterNeedsBooks(t *testing.T) {
	s := open(t, configure(t))
	if _, err := s.NewFlowWriter(storage.FlowWriterConfig{}); err == nil {
		t.Error("a writer without books was made")
	}
}
