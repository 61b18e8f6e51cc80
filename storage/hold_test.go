package storage_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage"
)

func TestHeldRowsOutliveTheirTables(t *testing.T) {
	s := open(t, configure(t))
	records := traffic(300, 1)
	for i := range records {
		records[i].Labels.Line, records[i].Labels.PeerLine = "line-a", ""
		if i%3 == 0 {
			records[i].Labels.Line = "line-b"
		}
		if i%3 == 1 {
			records[i].Labels.Line = ""
			records[i].Src = netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		}
	}
	store(t, s, records...)
	for _, statement := range []string{
		"INSERT INTO routes (stored, at, kind, prefix, prefix_bits) SELECT now(), now64(6), 'announce', toIPv6('203.0.113.0'), 120",
		"INSERT INTO routes (stored, at, kind, prefix, prefix_bits) SELECT now(), now64(6), 'announce', toIPv6('198.51.100.0'), 120",
		"INSERT INTO finding_events (id, subject, at) SELECT 'f-1', 'x', now64(9)",
		"INSERT INTO finding_events (id, subject, at) SELECT 'f-2', 'x', now64(9)",
	} {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	request := storage.HoldRequest{
		Finding: "f-1", By: "compliance", Note: "case 7", Lines: []string{"line-b"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		From: noon.Add(-24 * time.Hour), To: time.Now().Add(time.Hour),
	}
	h, err := s.Hold(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if h.State != storage.HoldKept || h.Rows["flows"] != 200 || h.Rows["routes"] != 1 || h.Rows["finding_events"] != 1 {
		t.Errorf("state %d, rows %v", h.State, h.Rows)
	}
	again, err := s.Hold(t.Context(), request)
	if err != nil || again.ID != h.ID {
		t.Errorf("the same was held twice, %v", err)
	}
	if n := count(t, s, "held_flows"); n != 200 {
		t.Errorf("%d copies", n)
	}
	// The originals go.
	if err := s.Exec(t.Context(), "TRUNCATE TABLE flows"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "OPTIMIZE TABLE held_flows FINAL"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "held_flows"); n != 200 {
		t.Errorf("%d copies are left", n)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ttl, err := s.Number(t.Context(), "SELECT count() FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'held_') AND engine_full LIKE '% TTL %'")
	if err != nil || ttl != 0 {
		t.Errorf("%d tables of copies have a lifetime, %v", ttl, err)
	}
	list, err := s.Holds(t.Context(), "f-1")
	if err != nil || len(list) != 1 || list[0].By != "compliance" || list[0].Rows["flows"] != 200 || list[0].Prefixes[0] != request.Prefixes[0] {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.Release(t.Context(), h.ID, "court", "the case is closed"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "held_flows"); n != 0 {
		t.Errorf("%d copies are left after the release", n)
	}
	if list, err = s.Holds(t.Context(), ""); err != nil || len(list) != 1 || list[0].State != storage.HoldReleased || list[0].By != "court" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestInterruptedHoldIsBegunAnew finds a hold whose process was killed while it
// copied.
func TestInterruptedHoldIsBegunAnew(t *testing.T) {
	s := open(t, configure(t))
	records := traffic(50, 1)
	for i := range records {
		records[i].Labels.Line = "line-a"
	}
	store(t, s, records...)
	request := storage.HoldRequest{Finding: "f-1", By: "x", Lines: []string{"line-a"}, From: noon.Add(-24 * time.Hour), To: time.Now().Add(time.Hour)}
	h, err := s.Hold(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "ALTER TABLE holds DELETE WHERE state = 2 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	again, err := s.Hold(t.Context(), request)
	if err != nil || again.ID == h.ID || again.Rows["flows"] != h.Rows["flows"] {
		t.Errorf("%+v after %+v, %v", again, h, err)
	}
	if n := count(t, s, "held_flows"); n != h.Rows["flows"] {
		t.Errorf("%d copies, want %d", n, h.Rows["flows"])
	}
}

func TestHoldOfNothingIsRefused(t *testing.T) {
	s := open(t, configure(t))
	span := storage.HoldRequest{Finding: "f", Lines: []string{"l"}, From: noon, To: noon.Add(time.Hour)}
	for name, change := range map[string]func(*storage.HoldRequest){
		"no finding":   func(r *storage.HoldRequest) { r.Finding = "" },
		"no subject":   func(r *storage.HoldRequest) { r.Lines = nil },
		"an empty day": func(r *storage.HoldRequest) { r.To = r.From },
		"no prefix":    func(r *storage.HoldRequest) { r.Prefixes = make([]netip.Prefix, 1) },
	} {
		r := span
		change(&r)
		if _, err := s.Hold(t.Context(), r); !errors.Is(err, storage.ErrHold) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := s.Release(t.Context(), "none", "x", ""); !errors.Is(err, storage.ErrHold) {
		t.Errorf("got %v", err)
	}
}

// TestHeldTablesFollow adds a column to a table, as a later program does, and
// takes it from its copies.
func TestHeldTablesFollow(t *testing.T) {
	s := open(t, configure(t))
	if err := s.Exec(t.Context(), "ALTER TABLE held_flows DROP COLUMN tos"); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := s.CheckSchema(t.Context())
	if err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}
