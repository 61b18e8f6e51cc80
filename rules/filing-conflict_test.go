package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestFilingConflict(t *testing.T) {
	const wide, narrow, inner = "198.51.100.0/24", "198.51.100.0/25", "198.51.100.0/26"
	for _, tt := range []struct {
		name         string
		rows         []registry.Allocation
		open, ceased []string
	}{
		{name: "the narrower was filed later", open: []string{narrow}, rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", ""), alloc(t, narrow, "E2", "", "idc", "2021-01-01", "")}},
		{name: "the wider was filed later", open: []string{wide}, rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2022-01-01", ""), alloc(t, narrow, "E2", "", "idc", "2021-01-01", "")}},
		{name: "two holders of one block", open: []string{wide}, rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", ""), alloc(t, wide, "E2", "", "idc", "2020-01-01", "")}},
		{name: "cut from the other", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", ""), alloc(t, narrow, "E2", wide, "idc", "2021-01-01", "")}},
		{name: "cut from one cut from the other", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "", ""), alloc(t, narrow, "E2", wide, "idc", "", ""), alloc(t, inner, "P1", narrow, "idc", "", "")}},
		{name: "cut from another block of the holder", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "", ""), alloc(t, narrow, "E1S", "", "idc", "", ""), alloc(t, inner, "E2", narrow, "idc", "", "")}},
		{name: "let on whole", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "", ""), alloc(t, wide, "E2", wide, "idc", "", "")}},
		{name: "cut from a third", open: []string{narrow}, rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", ""), alloc(t, narrow, "E2", "203.0.113.0/24", "idc", "2021-01-01", ""), alloc(t, "203.0.113.0/24", "P1", "", "idc", "", "")}},
		{name: "the same holder", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "", ""), alloc(t, narrow, "E1", "", "enterprise", "", "")}},
		{name: "one group", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "", ""), alloc(t, narrow, "E1S", "", "idc", "", "")}},
		{name: "in a block of the carrier", rows: []registry.Allocation{alloc(t, wide, "CT", "", "subscriber_pool", "", ""), alloc(t, narrow, "E1", "", "idc", "", "")}},
		{name: "infrastructure", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "", ""), alloc(t, narrow, "E2", "", "infrastructure", "", "")}},
		{name: "reserved", rows: []registry.Allocation{alloc(t, "10.0.0.0/24", "E1", "", "idc", "", ""), alloc(t, "10.0.0.0/24", "E2", "", "idc", "", "")}},
		{name: "one after the other", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", "2026-03-04"), alloc(t, wide, "E2", "", "idc", "2026-03-05", "")}},
		{name: "both on one day of the span", ceased: []string{wide}, rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", "2026-03-05"), alloc(t, wide, "E2", "", "idc", "2026-03-05", "")}},
		{name: "both before the span", rows: []registry.Allocation{alloc(t, wide, "E1", "", "idc", "2020-01-01", "2026-02-28"), alloc(t, wide, "E2", "", "idc", "2020-01-01", "")}},
		{name: "side by side", rows: []registry.Allocation{alloc(t, narrow, "E1", "", "idc", "", ""), alloc(t, "198.51.100.128/25", "E2", "", "idc", "", "")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // in either order
				l := carrier(t)
				l.Allocations = tt.rows
				expect(t, rules.FilingConflict(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)
				tt.rows = append(tt.rows[1:len(tt.rows):len(tt.rows)], tt.rows[0])
			}
		})
	}
}
