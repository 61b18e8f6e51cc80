package storage_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// TestDiskOfTheSpoolIsFull fills a file system of one megabyte while the store is
// away: that is a state, what does not fit waits, and all of it arrives.
func TestDiskOfTheSpoolIsFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small disk needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	behind, direct, g := gated(t)
	books := flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: dir, Books: books})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, MaxRows: 1000, Spool: f})
	g.set(false)
	const total = 30_000
	records := receive(books, traffic(total, 1))
	written := make(chan error, 1)
	go func() { written <- w.Append(records) }()
	until(t, "the disk is full", func() bool { return f.Stats().State == storage.SpoolDiskFull })
	select {
	case err := <-written:
		t.Fatalf("Append does not wait for a disk that is full: %v", err)
	default:
	}
	g.set(true)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	flush(t, f)
	testkit.Balance(t, books)
	writeBooks(t, books, f)
	if s := f.Stats(); s.State != storage.SpoolOpen {
		t.Errorf("the spool is %v when there is room again", s.State)
	}
	closeSpool(t, f)
	tableFitsBooks(t, direct)
	if sum := storedBooks(t, direct); sum.Stored != total || count(t, direct, "flows") != total {
		t.Errorf("stored %d, in the table %d", sum.Stored, count(t, direct, "flows"))
	}
}

// TestCloseWithoutRoom gives up what is neither on disk nor with the store, and
// counts it.
func TestCloseWithoutRoom(t *testing.T) {
	behind, _, g := gated(t)
	books := flows.NewBooks()
	f := openSpool(t, behind, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books, MaxBytes: 1 << 16})
	w := writerOf(t, behind, storage.FlowWriterConfig{Books: books, Spool: f})
	g.set(false)
	if err := w.Append(receive(books, traffic(1000, 1))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Close(ctx); err == nil {
		t.Error("a writer that could write nothing closes without an error")
	}
	closeSpool(t, f)
	testkit.Balance(t, books)
	if sum := testkit.Sum(books); sum.Lost[flows.ReasonSpoolFull] != 1000 {
		t.Errorf("lost %v", sum.Lost)
	}
}

// TestRefusedEntry has the store refuse a batch for what is in it: it is lost
// after a while, and what comes after it is not. What a store refuses for want
// of a table waits.
func TestRefusedEntry(t *testing.T) {
	s := open(t, configure(t))
	books := flows.NewBooks()
	f := openSpool(t, s, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books, RetryFor: time.Millisecond})
	w := writerOf(t, s, storage.FlowWriterConfig{Books: books, Spool: f})
	change := func(sql string) {
		t.Helper()
		if err := s.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	write := func(n int) {
		t.Helper()
		if err := w.Append(receive(books, traffic(n, uint64(n)))); err != nil {
			t.Fatal(err)
		}
		flush(t, w)
	}
	change("RENAME TABLE flows TO elsewhere")
	write(100)
	until(t, "the table is missed", func() bool { return f.Stats().Refusal != nil })
	change("RENAME TABLE elsewhere TO flows")
	flush(t, f)
	change("ALTER TABLE flows ADD CONSTRAINT never CHECK bytes = 0 AND bytes = 1")
	write(30)
	flush(t, f)
	change("ALTER TABLE flows DROP CONSTRAINT never")
	write(7)
	closeWriter(t, w)
	writeBooks(t, books, f)
	closeSpool(t, f)
	testkit.Balance(t, books)
	tableFitsBooks(t, s)
	stored := storedBooks(t, s)
	if sum := testkit.Sum(books); sum.Stored != 107 || sum.Lost[flows.ReasonStoreRefused] != 30 || stored.Records != 137 {
		t.Errorf("stored %d, lost %v; stored books have %d records", sum.Stored, sum.Lost, stored.Records)
	}
}

// TestEngineDiesUnderTheSpool kills the engine in the middle of inserts.
func TestEngineDiesUnderTheSpool(t *testing.T) {
	path := t.TempDir()
	var process *engine.Process
	start := func() {
		t.Helper()
		var err error
		if process, err = engine.Start(t.Context(), enginetest.Config(t, path)); err != nil {
			t.Fatal(err)
		}
	}
	start()
	defer func() {
		if err := process.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	db, err := storage.Open(t.Context(), storage.Config{Addr: []string{process.Addr()}, Database: spoolDatabase})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	books := flows.NewBooks()
	f := openSpool(t, db, storage.FlowSpoolConfig{Dir: t.TempDir(), Books: books})
	w := writerOf(t, db, storage.FlowWriterConfig{Books: books, MaxRows: 500, Spool: f})
	total := uint64(0)
	for range 8 {
		for range 20 {
			if err := w.Append(receive(books, traffic(500, total))); err != nil {
				t.Fatal(err)
			}
			total += 500
		}
		flush(t, w)
		goal := testkit.Sum(books).Stored + 1000
		until(t, "some are stored", func() bool { return testkit.Sum(books).Stored >= goal })
		killEngine(t, path)
		<-process.Done()
		start()
	}
	flush(t, f)
	closeWriter(t, w)
	testkit.Balance(t, books)
	writeBooks(t, books, f)
	closeSpool(t, f)
	tableFitsBooks(t, db)
	rolled, err := db.Number(t.Context(), rolledFlows)
	if err != nil {
		t.Fatal(err)
	}
	if sum := storedBooks(t, db); sum.Stored != total || count(t, db, "flows") != total || rolled != total {
		t.Errorf("of %d: stored %d, in the table %d, in the rollup %d", total, sum.Stored, count(t, db, "flows"), rolled)
	}
}

// killEngine kills the engine of a directory.
func killEngine(tb testing.TB, path string) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(path, "lock"))
	if err != nil {
		tb.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
}
