package storage_test

import (
	"context"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/rules"
	rulesengine "github.com/linewarden/linewarden/rules/engine"
	"github.com/linewarden/linewarden/storage"
	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// The store keeps findings as the runner of rules wants them.
var _ rulesengine.Findings = (*storage.Store)(nil)

// TestEngineDiesUnderAWriter kills the engine again and again while flows are
// written. The one that watches it starts it anew, the writer sends again what
// was not answered, and in the end every record is there once: in the books, in
// the table and in the rollup behind it.
func TestEngineDiesUnderAWriter(t *testing.T) {
	path := t.TempDir()
	s, err := engine.Supervise(t.Context(), enginetest.Config(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	db := open(t, storage.Config{Addr: []string{s.Addr()}, Database: "flows_of_a_test"})
	books := flows.NewBooks()
	w := writerOf(t, db, storage.FlowWriterConfig{Books: books, MaxRows: 500})
	total := uint64(0)
	write := func(n int) {
		t.Helper()
		if err := w.Append(receive(books, traffic(n, total))); err != nil {
			t.Fatal(err)
		}
		total += uint64(n)
	}
	for range 3 {
		write(5000)
		killEngine(t, path)
		write(5000)
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closeWriter(t, w)
	if s.Restarts() != 3 {
		t.Errorf("the engine was started again %d times", s.Restarts())
	}
	testkit.Balance(t, books)
	rolled, err := db.Number(t.Context(), rolledFlows)
	if err != nil {
		t.Fatal(err)
	}
	if sum := testkit.Sum(books); sum.Stored != total || count(t, db, "flows") != total || rolled != total {
		t.Errorf("of %d: stored %d, in the table %d, in the rollup %d", total, sum.Stored, count(t, db, "flows"), rolled)
	}
	// An audit of what was written before all that sees it.
	var samples uint64
	day := rules.Window{From: noon.Add(-24 * time.Hour), To: noon.Add(24 * time.Hour)}
	rollUp(t, db, day, storage.Scope{})
	for n, err := range db.LineNetworks(t.Context(), day, time.UTC) {
		if err != nil {
			t.Fatal(err)
		}
		samples += n.Samples
	}
	packets, err := db.Number(t.Context(), "SELECT sum(packets) FROM flows")
	if err != nil {
		t.Fatal(err)
	}
	if samples != packets {
		t.Errorf("the lines carried %d packets of %d", samples, packets)
	}
}
