package storage_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// always is a span in which everything is.
var always = rules.Window{From: time.Unix(0, 0), To: time.Unix(1<<32-1, 0)}

// openSpool returns a spool that the test closes.
func openSpool(tb testing.TB, s *storage.Store, cfg storage.FlowSpoolConfig) *storage.FlowSpool {
	tb.Helper()
	f, err := s.OpenFlowSpool(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func flush(tb testing.TB, what interface{ Flush(context.Context) error }) {
	tb.Helper()
	if err := what.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func closeSpool(tb testing.TB, f *storage.FlowSpool) {
	tb.Helper()
	if err := f.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// writeBooks hands over what books have counted, as the collector does.
func writeBooks(tb testing.TB, books *flows.Books, f *storage.FlowSpool) {
	tb.Helper()
	var entries []flows.Entry
	books.Drain(func(s flows.Source, minute time.Time, c *flows.Count) {
		entries = append(entries, flows.Entry{Source: s, Minute: minute, Count: *c})
	})
	if err := f.WriteBooks(tb.Context(), entries); err != nil {
		tb.Fatal(err)
	}
}

// until waits for something that happens by itself.
func until(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !happened() {
		select {
		case <-tick.C:
		case <-late:
			tb.Fatalf("%s: not after 30 s", what)
		}
	}
}

// storedBooks returns the sum of the stored books, after it has made sure that
// each source balances in each minute.
func storedBooks(tb testing.TB, s *storage.Store) (sum flows.Count) {
	tb.Helper()
	entries, err := s.BookEntries(tb.Context(), always)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range entries {
		e := &entries[i]
		if c := &e.Count; c.Records != c.Stored+c.TotalLost() {
			tb.Errorf("stored books of %v in %v: %d records, %d stored, %d lost", e.Source.Exporter, e.Minute, c.Records, c.Stored, c.TotalLost())
		}
		sum.Add(&e.Count)
	}
	return sum
}

// tableFitsBooks compares the flows with what the stored books say was stored,
// by source and minute.
func tableFitsBooks(tb testing.TB, s *storage.Store) {
	tb.Helper()
	wrong, err := s.Text(tb.Context(), `SELECT arrayStringConcat(groupArray(concat(IPv6NumToString(exporter), ' ', toString(minute), ' ', toString(d))), ', ')
FROM
(
    SELECT exporter, domain, kind, minute, sum(n) AS d
    FROM
    (
        SELECT exporter, domain, toInt8(version) AS kind, toStartOfMinute(toDateTime(exported, 'UTC')) AS minute, toInt64(1) AS n FROM flows
        UNION ALL
        SELECT exporter, domain, toInt8(version) AS kind, minute, -toInt64(flow_books.stored) AS n FROM flow_books
    )
    GROUP BY exporter, domain, kind, minute
    HAVING d != 0
    ORDER BY exporter, minute
    LIMIT 20
)`)
	if err != nil {
		tb.Fatal(err)
	}
	if wrong != "" {
		tb.Errorf("flows more (or, below zero, fewer) than the books say: %s", wrong)
	}
}

func TestSpoolOutlastsTheStore(t *testing.T) {
	behind, direct, g := gated(t)
	if err := direct.Exec(t.Context(), "SYSTEM STOP MERGES flows"); err != nil {
		t.Fatal(err)
	}
	books := flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 100, Spool: f})
	records := receive(books, traffic(3000, 1))
	if err := w.Append(records[:600]); err != nil {
		t.Fatal(err)
	}
	flush(t, w)
	flush(t, f)
	g.set(false)
	for i := 600; i < 3000; i += 200 {
		if err := w.Append(records[i : i+200]); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, w) // the store is away, and nothing waits for it
	until(t, "the store is missed", func() bool { return f.Stats().Refusal != nil })
	if s := f.Stats(); s.Entries != 24 || s.Bytes < 24*100*30 || s.Oldest.IsZero() || s.State != storage.SpoolOpen {
		t.Errorf("while the store is away: %+v", s)
	}
	if sum := testkit.Sum(books); sum.Stored != 600 || sum.TotalLost() != 0 {
		t.Errorf("while the store is away: %d stored, %d lost", sum.Stored, sum.TotalLost())
	}
	g.set(true)
	flush(t, f)
	testkit.Balance(t, books)
	writeBooks(t, books, f)
	flush(t, f)
	tableFitsBooks(t, direct)
	if sum := storedBooks(t, direct); sum.Stored != 3000 || count(t, direct, "flows") != 3000 {
		t.Errorf("stored %d, in the table %d", sum.Stored, count(t, direct, "flows"))
	}
	ordered, err := direct.Number(t.Context(), `SELECT toUInt64(arraySort(groupArray(first)) = groupArray(first) AND count() = 30)
FROM (SELECT min(received) AS first FROM flows GROUP BY _part ORDER BY toUInt64(splitByChar('_', _part)[2]))`)
	if err != nil {
		t.Fatal(err)
	}
	if ordered != 1 {
		t.Error("batches came in another order than they were made")
	}
	if s := f.Stats(); s.Entries != 0 || s.Refusal != nil || !s.Oldest.IsZero() {
		t.Errorf("after all was sent: %+v", s)
	}
	closeWriter(t, w)
	closeSpool(t, f)
}

// TestSpoolOutlastsTheProcess leaves batches behind, and another writer's spool
// sends them before what is new.
func TestSpoolOutlastsTheProcess(t *testing.T) {
	behind, direct, g := gated(t)
	dir, first := t.TempDir(), flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: dir, Books: first})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: first, MaxRows: 100, Spool: f})
	g.set(false)
	if err := w.Append(receive(first, traffic(1000, 1))); err != nil {
		t.Fatal(err)
	}
	first.Account(flows.Source{Version: flows.IPFIX}).Update(noon, func(c *flows.Count) {
		c.Datagrams, c.Records = 7, 5
		c.Lost[flows.ReasonMalformed] = 5
	})
	closeWriter(t, w)
	writeBooks(t, first, f)
	closeSpool(t, f) // the store fails, so this does not wait for it
	if n := count(t, direct, "flows"); n != 0 {
		t.Fatalf("%d flows went through a gate that is shut", n)
	}

	g.set(true)
	books := flows.NewBooks()
	f = openSpool(t, behind, storage.FlowSpoolConfig{Dir: dir, Books: books})
	w = writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 100, Spool: f})
	if err := w.Append(receive(books, traffic(50, 2))); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	flush(t, f)
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Stored != 1050 {
		t.Errorf("the books of the second process say %d stored", sum.Stored)
	}
	writeBooks(t, books, f)
	closeSpool(t, f)
	tableFitsBooks(t, direct)
	sum := storedBooks(t, direct)
	if sum.Stored != 1050 || sum.Records != 1055 || sum.Datagrams != 7 || sum.Lost[flows.ReasonMalformed] != 5 || count(t, direct, "flows") != 1050 {
		t.Errorf("stored %+v, in the table %d", sum, count(t, direct, "flows"))
	}
}

// TestSpoolLostAnswers lets flows, and then books, arrive and loses the last
// bytes of the answer: neither is there twice.
func TestSpoolLostAnswers(t *testing.T) {
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books})
	total := uint64(0)
	write := func(w *storage.FlowWriter) (answer int) {
		t.Helper()
		before := g.delivered()
		if err := w.Append(receive(books, traffic(100, total))); err != nil {
			t.Fatal(err)
		}
		total += 100
		flush(t, w)
		flush(t, f)
		return g.delivered() - before
	}
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books})
	write(w) // connects
	ofFlows, alone := write(w), total
	closeWriter(t, w)
	w = writerOf(t, behind, storage.FlowWriterConfig{Books: books, Spool: f})
	write(w)
	ofBoth, repeated := write(w), 0
	for _, answer := range []int{ofFlows, ofBoth} {
		for last := 1; last <= 16; last *= 2 {
			tried := g.tried()
			g.loseAnswers(answer - last)
			write(w)
			g.loseAnswers(-1)
			repeated += min(1, g.tried()-tried)
		}
	}
	// Nobody answers the next tries, so that the whole entry is tried anew.
	write(w) // connects again
	g.loseAnswersAndShut(ofBoth - 1)
	if err := w.Append(receive(books, traffic(100, total))); err != nil {
		t.Fatal(err)
	}
	total += 100
	flush(t, w)
	until(t, "books are refused", func() bool {
		err := f.Stats().Refusal
		return err != nil && strings.Contains(err.Error(), "write books")
	})
	g.set(true)
	closeWriter(t, w)
	flush(t, f)
	closeSpool(t, f)
	testkit.Balance(t, books)
	if sum := storedBooks(t, direct); sum.Stored != total-alone || count(t, direct, "flows") != total || repeated != 10 {
		t.Errorf("of %d: stored %d, in the table %d; %d of 10 answers were lost", total, sum.Stored+alone, count(t, direct, "flows"), repeated)
	}
}

func TestFullSpool(t *testing.T) {
	for name, newest := range map[string]bool{"drop oldest": false, "drop newest": true} {
		t.Run(name, func(t *testing.T) { testFullSpool(t, newest) })
	}
}

func testFullSpool(t *testing.T, newest bool) {
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books, MaxBytes: 1 << 20, DropNewest: newest})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 200, Spool: f})
	g.set(false)
	const total = 20_000
	records := receive(books, traffic(total, 1))
	for i := 0; i < total; i += 500 {
		if err := w.Append(records[i : i+500]); err != nil {
			t.Fatal(err)
		}
		if !newest {
			writeBooks(t, books, f) // these may be dropped, and must not be lost
		}
	}
	flush(t, w)
	if s := f.Stats(); s.State != storage.SpoolFull || s.Bytes > 1<<20 {
		t.Errorf("a full spool is %+v", s)
	}
	g.set(true)
	flush(t, f)
	testkit.Balance(t, books)
	for range 2 { // what is owed of dropped books goes with the second
		writeBooks(t, books, f)
		flush(t, f)
	}
	sum, stored := testkit.Sum(books), storedBooks(t, direct)
	lost := sum.Lost[flows.ReasonSpoolFull]
	if lost == 0 || sum.Stored == 0 || lost+sum.Stored != total || count(t, direct, "flows") != sum.Stored {
		t.Errorf("stored %d, lost %d, in the table %d", sum.Stored, lost, count(t, direct, "flows"))
	}
	if stored != sum {
		t.Errorf("stored books say %+v, the books %+v", stored, sum)
	}
	tableFitsBooks(t, direct)
	// What the sender holds is never dropped, so the very first stay anyway.
	early, last := records[3000].Received, records[total-1].Received
	for at, want := range map[time.Time]bool{early: newest, last: !newest} {
		n, err := direct.Number(t.Context(), "SELECT count() FROM flows WHERE toUnixTimestamp64Milli(received) = "+strconv.FormatInt(at.UnixMilli(), 10))
		if err != nil {
			t.Fatal(err)
		}
		if (n > 0) != want {
			t.Errorf("of the records of %v there are %d", at, n)
		}
	}
	closeWriter(t, w)
	closeSpool(t, f)
}

// TestDamagedEntry changes a byte on the disk: it costs the batch it is in.
func TestDamagedEntry(t *testing.T) {
	behind, direct, g := gated(t)
	dir, books := t.TempDir(), flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: dir, Books: books})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 100, Spool: f})
	g.set(false)
	if err := w.Append(receive(books, traffic(500, 1))); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	closeSpool(t, f)
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, error %v", segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 0x40
	if err := os.WriteFile(segments[0], text, 0o640); err != nil {
		t.Fatal(err)
	}
	g.set(true)
	books = flows.NewBooks()
	f = openSpool(t, behind, storage.FlowSpoolConfig{Dir: dir, Books: books})
	flush(t, f)
	testkit.Balance(t, books)
	sum := testkit.Sum(books)
	if sum.Stored != 400 || sum.Lost[flows.ReasonSpoolDamaged] != 100 || f.Stats().Damaged != 1 {
		t.Errorf("stored %d, lost %v, %+v", sum.Stored, sum.Lost, f.Stats())
	}
	writeBooks(t, books, f)
	closeSpool(t, f)
	tableFitsBooks(t, direct)
	if stored := storedBooks(t, direct); stored != sum || count(t, direct, "flows") != 400 {
		t.Errorf("stored books say %+v, the books %+v, in the table are %d", stored, sum, count(t, direct, "flows"))
	}
}

// TestBatchLargerThanTheSpool goes past it.
func TestBatchLargerThanTheSpool(t *testing.T) {
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books, MaxBytes: 1 << 16})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, Spool: f})
	g.set(false)
	if err := w.Append(receive(books, traffic(1000, 1))); err != nil {
		t.Fatal(err)
	}
	before := g.tried()
	done := make(chan error, 1)
	go func() { done <- w.Flush(t.Context()) }()
	until(t, "it is tried again", func() bool { return g.tried() > before+1 })
	g.set(true)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	writeBooks(t, books, f)
	closeSpool(t, f)
	testkit.Balance(t, books)
	tableFitsBooks(t, direct)
	if stored := storedBooks(t, direct); stored.Stored != 1000 {
		t.Errorf("stored %+v", stored)
	}
}
