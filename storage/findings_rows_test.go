package storage_test

import (
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// TestLedgerRows asks for rows as evidence names them, before and after they
// changed.
func TestLedgerRows(t *testing.T) {
	s := open(t, configure(t))
	lines := func(holder string) registry.Table {
		return registry.Table{Name: "lines", Columns: []string{"line_id", "enterprise_id"}, Rows: []registry.Row{
			{Number: 2, Fields: []string{"L1", holder}}, {Number: 3, Fields: []string{"L2", "E2"}},
		}}
	}
	allocations := registry.Table{Name: "allocations", Columns: []string{"prefix", "enterprise_id"}, Rows: []registry.Row{{Number: 2, Fields: []string{"198.51.100.0/24", "E1"}}}}
	licences := registry.Table{Name: "licences", Columns: []string{"licence_no", "enterprise_id", "service"}, Rows: []registry.Row{
		{Number: 2, Fields: []string{"N1", "E1", "B11"}}, {Number: 3, Fields: []string{"N1", "E1", "B12"}},
	}}
	first := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for i, tables := range [][]registry.Table{{lines("E1"), allocations, licences}, {lines("E9"), allocations, licences}} {
		if _, err := s.ImportLedgers(t.Context(), tables, first.Add(time.Duration(i)*time.Hour), "test"); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := s.LedgerVersions(t.Context())
	if err != nil || len(versions) != 2 {
		t.Fatal(versions, err)
	}
	for name, c := range map[string]struct {
		ref    string
		at     time.Time
		fields string // of the second column
		since  int    // index of the import
		closed bool
	}{
		"as it was":       {"lines/L1", first.Add(time.Minute), "E1", 0, true},
		"as it is":        {"lines/L1", time.Time{}, "E9", 1, false},
		"never changed":   {"lines/L2", time.Time{}, "E2", 0, false},
		"with a slash":    {"allocations/198.51.100.0/24", time.Time{}, "E1", 0, false},
		"with a service":  {"licences/N1/B12", time.Time{}, "E1", 0, false},
		"before any":      {"lines/L1", first.Add(-time.Hour), "", 0, false},
		"another service": {"licences/N1/B14", time.Time{}, "", 0, false},
		"no such row":     {"lines/L3", time.Time{}, "", 0, false},
		"no such ledger":  {"nothing", time.Time{}, "", 0, false},
		"hostile":         {"lines/L1') OR 1 --", time.Time{}, "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := s.LedgerRows(t.Context(), c.ref, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if c.fields == "" {
				if len(rows) != 0 {
					t.Errorf("got %+v", rows)
				}
				return
			}
			if len(rows) != 1 || rows[0].Fields[1] != c.fields || rows[0].Import != versions[c.since].ID || rows[0].Closed.IsZero() == c.closed || !rows[0].Known.Equal(versions[c.since].Known) {
				t.Errorf("got %+v", rows)
			}
		})
	}
}
