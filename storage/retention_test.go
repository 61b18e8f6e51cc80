package storage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/storage"
)

// aged writes rows as they would have been stored some days before now, by noon.
func aged(t *testing.T, s *storage.Store, table, birth string, days, rows int) {
	t.Helper()
	at := fmt.Sprintf("toStartOfDay(now('UTC')) + 43200 - toIntervalDay(%d)", days)
	more, values := "", ""
	switch table {
	case "flow_books": // rows of zeros would add up to none
		more, values = ", datagrams", ", 1"
	case "findings", "finding_events":
		more, values = ", id, version, subject", fmt.Sprintf(", 'f-%d-' || toString(number), 1, 'x'", days)
		if table == "finding_events" {
			more, values = more+", body", values+", '{}'"
		}
	case "flows":
		more, values = ", line, start, end, received", fmt.Sprintf(", 'line-a', toDateTime64(%[1]s, 9, 'UTC'), toDateTime64(%[1]s, 9, 'UTC'), toDateTime64(%[1]s, 9, 'UTC')", at)
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s%s) SELECT %s%s FROM numbers(%d)", table, birth, more, at, values, rows)
	if err := s.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// TestExpire deletes whole partitions of all kinds once they are old enough, and
// not a day sooner, each with a record that stays.
func TestExpire(t *testing.T) {
	cfg := configure(t)
	s := open(t, cfg)
	aged(t, s, "flows", "stored", 9, 30)          // its day ended 8 days ago; 7 are kept
	aged(t, s, "flows", "stored", 8, 20)          // likewise, 7 days and some hours ago
	aged(t, s, "flows", "stored", 7, 10)          // of the day whose end is less than 7 days ago
	aged(t, s, "flow_books", "stored_at", 432, 1) // a month that ended more than 400 days ago
	aged(t, s, "flow_books", "stored_at", 401, 1) // its month may not be over yet for 400 days
	aged(t, s, "finding_events", "at", 4016, 3)   // a year that ended more than 3650 days ago
	aged(t, s, "finding_events", "at", 1, 2)
	before, err := s.Number(t.Context(), "SELECT count() FROM flow_books")
	if err != nil || before != 2 {
		t.Fatalf("%d books, %v", before, err)
	}
	done, err := s.Expire(t.Context(), time.Now(), "test")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]uint64)
	for _, d := range done {
		got[d.Table] += d.Rows
		if !d.Done || d.By != "test" || d.First.After(d.Last) || d.Setting != "storage.retention."+map[string]string{
			"flows": "flows", "flow_books": "rollups", "finding_events": "findings", "findings": "findings", "flow_hours": "rollups",
		}[d.Table] {
			t.Errorf("deletion %+v", d)
		}
	}
	if got["flows"] != 50 || got["finding_events"] != 3 || got["findings"] != 3 || got["flow_books"] < 1 {
		t.Errorf("deleted %v", got)
	}
	for table, want := range map[string]uint64{"flows": 10, "finding_events": 2, "findings": 2, "flow_books": 2 - got["flow_books"]} {
		if n := count(t, s, table); n != want {
			t.Errorf("%d rows are left in %s, want %d", n, table, want)
		}
	}
	again, err := s.Expire(t.Context(), time.Now(), "test")
	if err != nil || len(again) != 0 {
		t.Errorf("a second run deleted %v, %v", again, err)
	}
	log, err := s.Deletions(t.Context(), 0)
	if err != nil || len(log) != len(done) {
		t.Fatalf("%d records of %d deletions, %v", len(log), len(done), err)
	}
	for i := range log {
		if log[i].ID != done[i].ID || log[i].Rows != done[i].Rows || !log[i].Last.Equal(done[i].Last) || !log[i].Done {
			t.Errorf("record %+v of %+v", log[i], done[i])
		}
	}
	if newest, err := s.Deletions(t.Context(), 1); err != nil || len(newest) != 1 || newest[0].ID != done[len(done)-1].ID {
		t.Errorf("the newest is %v, %v", newest, err)
	}
}

// TestExpireLeavesHolds keeps the copies of a hold, says how many there are, and
// deletes nothing while one is copied.
func TestExpireLeavesHolds(t *testing.T) {
	s := open(t, configure(t))
	aged(t, s, "flows", "stored", 9, 30)
	h, err := s.Hold(t.Context(), storage.HoldRequest{
		Finding: "f-1", By: "compliance", Lines: []string{"line-a"}, From: time.Now().AddDate(0, 0, -12), To: time.Now(),
	})
	if err != nil || h.Rows["flows"] != 30 {
		t.Fatalf("%+v, %v", h, err)
	}
	copying := "INSERT INTO holds (hold, finding, state, at) VALUES ('5d1a1c1e-0000-4000-8000-000000000001', 'f-2', 1, now64(6))"
	if err := s.Exec(t.Context(), copying); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Expire(t.Context(), time.Now(), "test"); err != nil || len(done) != 0 {
		t.Fatalf("while a hold is copied %v was deleted, %v", done, err)
	}
	if err := s.Release(t.Context(), "5d1a1c1e-0000-4000-8000-000000000001", "test", "over"); err != nil {
		t.Fatal(err)
	}
	done, err := s.Expire(t.Context(), time.Now(), "test")
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for i < len(done) && done[i].Table != "flows" {
		i++
	}
	if i == len(done) || done[i].Rows != 30 || done[i].Held != 30 {
		t.Errorf("deleted %+v", done)
	}
	if flows, held := count(t, s, "flows"), count(t, s, "held_flows"); flows != 0 || held != 30 {
		t.Errorf("%d flows and %d copies are left", flows, held)
	}
}

// TestExpireKeepsForGood deletes nothing of what the configuration keeps for good,
// and never the records themselves.
func TestExpireKeepsForGood(t *testing.T) {
	cfg := configure(t)
	cfg.Retention = storage.Retention{}
	s := open(t, cfg)
	aged(t, s, "flows", "stored", 4000, 5)
	if done, err := s.Expire(t.Context(), time.Now(), "test"); err != nil || len(done) != 0 {
		t.Errorf("%v was deleted, %v", done, err)
	}
	ttl, err := s.Text(t.Context(), "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'retention_log'")
	if err != nil || strings.Contains(ttl, "TTL") {
		t.Errorf("the records have a lifetime: %s, %v", ttl, err)
	}
}

// TestEngineDeletesLater has the lifetime of the engine come after what Expire
// would have done, so that nothing goes without a record while one runs.
func TestEngineDeletesLater(t *testing.T) {
	s := open(t, configure(t))
	aged(t, s, "flows", "stored", 9, 30)
	if err := s.Exec(t.Context(), "OPTIMIZE TABLE flows FINAL"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "flows"); n != 30 {
		t.Errorf("the engine left %d rows of 30 without a record", n)
	}
}
