package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestFilingOutside(t *testing.T) {
	source := []registry.SourceBlock{{Prefix: prefix("198.51.100.0/25")}, {Prefix: prefix("198.51.100.128/25")}, {Prefix: prefix("203.0.113.0/24"), ObtainedOn: day(t, "2026-03-05")}}
	for _, tt := range []struct {
		name         string
		rows         []registry.Allocation
		sources      []registry.SourceBlock
		open, ceased []string
	}{
		{name: "inside", rows: []registry.Allocation{alloc(t, "198.51.100.64/26", "E1", "", "idc", "", "")}, sources: source},
		{name: "covered by two blocks together", rows: []registry.Allocation{alloc(t, "198.51.100.0/24", "E1", "", "idc", "", "")}, sources: source},
		{name: "outside", rows: []registry.Allocation{alloc(t, "192.0.2.0/24", "E1", "", "idc", "", "")}, sources: source, open: []string{"192.0.2.0/24"}},
		{name: "half outside", rows: []registry.Allocation{alloc(t, "198.51.100.0/23", "E1", "", "enterprise", "", "")}, sources: source, open: []string{"198.51.100.0/23"}},
		{name: "obtained inside the span", rows: []registry.Allocation{alloc(t, "203.0.113.0/25", "E1", "", "idc", "", "")}, sources: source, ceased: []string{"203.0.113.0/25"}},
		{name: "no sources are filed", rows: []registry.Allocation{alloc(t, "192.0.2.0/24", "E1", "", "idc", "", "")}},
		{name: "IPv6 outside", rows: []registry.Allocation{alloc(t, "2001:db8::/48", "E1", "", "idc", "", "")}, sources: source, open: []string{"2001:db8::/48"}},
		{
			name: "outside its parent", open: []string{"198.51.100.128/26"}, sources: source,
			rows: []registry.Allocation{alloc(t, "198.51.100.0/25", "E1", "", "idc", "", ""), alloc(t, "198.51.100.128/26", "E2", "198.51.100.0/25", "idc", "", "")},
		},
		{
			name: "wider than its parent", open: []string{"198.51.100.0/24"},
			rows: []registry.Allocation{alloc(t, "198.51.100.0/25", "E1", "", "idc", "", ""), alloc(t, "198.51.100.0/24", "E2", "198.51.100.0/25", "idc", "", "")},
		},
		{
			name: "as wide as its parent", sources: source,
			rows: []registry.Allocation{alloc(t, "198.51.100.0/25", "E1", "", "idc", "", ""), alloc(t, "198.51.100.0/25", "E2", "198.51.100.0/25", "idc", "", "")},
		},
		{
			name: "a more specific of the holder or its group", sources: source, open: []string{"192.0.2.0/24"},
			rows: []registry.Allocation{alloc(t, "192.0.2.0/24", "E1", "", "idc", "", ""), alloc(t, "192.0.2.0/25", "E1", "198.51.100.0/24", "idc", "", ""), alloc(t, "192.0.2.128/25", "E1S", "", "idc", "", "")},
		},
		{name: "infrastructure", rows: []registry.Allocation{alloc(t, "192.0.2.0/24", "CT", "", "infrastructure", "", "")}, sources: source},
		{name: "reserved", rows: []registry.Allocation{alloc(t, "10.9.0.0/16", "E1", "", "idc", "", ""), alloc(t, "fd00::/48", "E1", "", "idc", "", "")}, sources: source},
		{name: "given back inside the span", rows: []registry.Allocation{alloc(t, "192.0.2.0/24", "E1", "", "idc", "", "2026-03-01")}, sources: source, ceased: []string{"192.0.2.0/24"}},
		{name: "given back before the span", rows: []registry.Allocation{alloc(t, "192.0.2.0/24", "E1", "", "idc", "", "2026-02-28")}, sources: source},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Allocations, l.Sources = tt.rows, tt.sources
			expect(t, rules.FilingOutside(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)
			if len(tt.ceased) == 0 {
				expect(t, rules.FilingOutside(), l, "2026-03-08", "2026-03-08", tt.open, nil)
			}
		})
	}
}
