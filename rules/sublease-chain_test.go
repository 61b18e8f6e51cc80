package rules_test

import (
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// alloc is an allocation; an empty parent is the carrier.
func alloc(t *testing.T, p, holder, parent, use, from, to string) registry.Allocation {
	t.Helper()
	a := registry.Allocation{Prefix: prefix(p), EnterpriseID: holder, Use: use, Place: "330100", Valid: validity(t, from, to)}
	if parent != "" {
		a.Parent = prefix(parent)
	}
	return a
}

func TestSubleaseChain(t *testing.T) {
	const first, second, third = "198.51.100.0/24", "198.51.100.0/25", "198.51.100.0/26"
	b11 := func(holder string) registry.Licence { return licence(t, holder, "B11", "active", "2015-01-01", "") }
	for _, tt := range []struct {
		name     string
		rows     []registry.Allocation
		licences []registry.Licence
		open     []string
		severity rules.Severity
		chain    []string
	}{
		{name: "depth 1", rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", "")}},
		{
			name: "depth 2, unlicensed", open: []string{second}, severity: rules.High, chain: []string{"E1", "E2"},
			rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E2", first, "idc", "", "")},
		},
		{
			name: "depth 2, licensed", open: []string{second}, severity: rules.Medium, chain: []string{"E1", "E2"}, licences: []registry.Licence{b11("E2")},
			rows: []registry.Allocation{alloc(t, first, "E1", "", "enterprise", "", ""), alloc(t, second, "E2", first, "idc", "", "")},
		},
		{
			name: "depth 3, unlicensed", open: []string{third}, severity: rules.Critical, chain: []string{"E1", "E2", "P1"},
			rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E2", first, "enterprise", "", ""), alloc(t, third, "P1", second, "cdn", "", "")},
		},
		{
			name: "depth 3 through a group is depth 2", open: []string{third}, severity: rules.High, chain: []string{"E1S", "E2"},
			rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E1S", first, "idc", "", ""), alloc(t, third, "E2", second, "isp", "", "")},
		},
		{
			name: "internal split of a sublet block: only the block itself", open: []string{second}, severity: rules.High,
			rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E2", first, "idc", "", ""), alloc(t, third, "E2", second, "idc", "", "")},
		},
		{name: "internal split", rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E1", first, "idc", "", "")}},
		{name: "subsidiary", rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E1S", first, "idc", "", "")}},
		{name: "cut from the carrier's own block", rows: []registry.Allocation{alloc(t, first, "CT", "", "idc", "", ""), alloc(t, second, "E2", first, "idc", "", "")}},
		{name: "for use enterprise", rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E2", first, "enterprise", "", "")}},
		{name: "for use ipvpn", rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E2", first, "ipvpn", "", "")}},
		{name: "a parent in no ledger", rows: []registry.Allocation{alloc(t, second, "E2", first, "idc", "", "")}},
		{name: "the parent is over", rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", "2026-02-28"), alloc(t, second, "E2", first, "idc", "", "")}},
		{
			name: "let on whole", open: []string{first}, severity: rules.High, chain: []string{"E1", "E2"},
			rows: []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, first, "E2", first, "idc", "", "")},
		},
		{
			name: "in a circle", open: []string{first, second},
			rows: []registry.Allocation{alloc(t, first, "E1", second, "idc", "", ""), alloc(t, second, "E2", first, "idc", "", "")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Allocations, l.Licences = tt.rows, tt.licences
			got := expect(t, rules.SubleaseChain(), l, "2026-03-01", "2026-03-08", tt.open, nil)
			for _, id := range tt.open {
				if tt.severity != "" && got[id].Severity != tt.severity {
					t.Errorf("severity %s, want %s", got[id].Severity, tt.severity)
				}
				if chain, _ := got[id].Facts["chain"].([]string); tt.chain != nil && !slices.Equal(chain, tt.chain) {
					t.Errorf("chain %v, want %v", chain, tt.chain)
				}
			}
		})
	}
	t.Run("ended inside the span", func(t *testing.T) {
		l := carrier(t)
		l.Allocations = []registry.Allocation{alloc(t, first, "E1", "", "idc", "", ""), alloc(t, second, "E2", first, "idc", "2020-01-01", "2026-03-01")}
		expect(t, rules.SubleaseChain(), l, "2026-03-01", "2026-03-08", nil, []string{second})
		expect(t, rules.SubleaseChain(), l, "2026-03-02", "2026-03-08", nil, nil)
	})
}
