package storage_test

import (
	"testing"
)

func TestStats(t *testing.T) {
	s := open(t, configure(t))
	empty, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := empty.BytesPerFlow(); got != 0 {
		t.Errorf("%v bytes per flow of none", got)
	}
	// As merges leave them: a file for each column.
	if err := s.Exec(t.Context(), "ALTER TABLE flows MODIFY SETTING min_bytes_for_wide_part = 0"); err != nil {
		t.Fatal(err)
	}
	store(t, s, traffic(50000, 1)...)
	stats, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := stats.BytesPerFlow(); got < 5 || got > 60 {
		t.Errorf("%v bytes per flow, want at most 60", got)
	}
	rows := make(map[string]uint64)
	for _, table := range stats.Tables {
		rows[table.Name] = table.Rows
	}
	if rows["flows"] != 50000 || rows["flow_hours"] == 0 {
		t.Errorf("rows %v", rows)
	}
	if len(stats.FlowColumns) != 47 || stats.FlowColumns["src"] == 0 {
		t.Errorf("columns %v", stats.FlowColumns)
	}
}
