package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestEvaluationMissing(t *testing.T) {
	fires := []string{"E1"}
	at := func(a registry.Allocation, place string) registry.Allocation {
		a.Place = registry.Place(place)
		return a
	}
	passed := func(service, place, on string) registry.Evaluation {
		return registry.Evaluation{EnterpriseID: "E1", Service: service, Place: registry.Place(place), PassedOn: day(t, on)}
	}
	idc := func(from, to string) registry.Allocation { return alloc(t, block, "E1", "", "idc", from, to) }
	for _, tt := range []struct {
		name         string
		rows         []registry.Allocation
		evaluations  []registry.Evaluation
		open, ceased []string
		withheld     bool
	}{
		{name: "new place", rows: []registry.Allocation{idc("2025-01-01", "")}, open: fires},
		{name: "30 days after the start", rows: []registry.Allocation{idc("2026-02-06", "")}},
		{name: "31 days after the start", rows: []registry.Allocation{idc("2026-02-05", "")}, open: fires},
		{name: "evaluated", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "330100", "2024-12-01")}},
		{name: "the province is evaluated", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "33", "2024-12-01")}},
		{name: "another city is evaluated", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "330200", "2024-12-01")}, open: fires},
		{name: "another service is evaluated", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B12", "330100", "2024-12-01")}, open: fires},
		{name: "evaluated inside the span", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "330100", "2026-03-05")}, ceased: fires},
		{name: "evaluated after the span", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "330100", "2026-03-09")}, open: fires},
		{name: "an evaluation without a place", rows: []registry.Allocation{idc("2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "", "2024-12-01")}, withheld: true},
		{name: "there before the notice", rows: []registry.Allocation{idc("2017-01-17", "")}},
		{name: "a new block at an old place", rows: []registry.Allocation{idc("2025-01-01", ""), alloc(t, "203.0.113.0/24", "E1", "", "idc", "2016-01-01", "2020-01-01")}},
		{name: "a second city", rows: []registry.Allocation{idc("2016-01-01", ""), at(alloc(t, "203.0.113.0/24", "E1", "", "idc", "2025-01-01", ""), "330200")}, open: fires},
		{name: "a renewal is no start", rows: []registry.Allocation{idc("2018-01-01", "2026-02-28"), idc("2026-03-01", "")}, open: fires},
		{name: "unknown start", rows: []registry.Allocation{idc("", "")}},
		{name: "unknown place", rows: []registry.Allocation{at(idc("2025-01-01", ""), "")}},
		{name: "given back before the span", rows: []registry.Allocation{idc("2025-01-01", "2026-02-28")}},
		{name: "isp", rows: []registry.Allocation{alloc(t, block, "E1", "", "isp", "2025-01-01", "")}, open: fires},
		{name: "cdn", rows: []registry.Allocation{alloc(t, block, "E1", "", "cdn", "2025-01-01", "")}, open: fires},
		{name: "ipvpn", rows: []registry.Allocation{alloc(t, block, "E1", "", "ipvpn", "2025-01-01", "")}},
		{name: "enterprise", rows: []registry.Allocation{alloc(t, block, "E1", "", "enterprise", "2025-01-01", "")}},
		{name: "the carrier", rows: []registry.Allocation{alloc(t, block, "CT", "", "idc", "2025-01-01", "")}},
		{name: "who runs it needs it, not its owner", rows: []registry.Allocation{alloc(t, block, "E1S", "", "idc", "2025-01-01", "")}, evaluations: []registry.Evaluation{passed("B11", "330100", "2024-12-01")}, open: []string{"E1S"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Allocations, l.Evaluations = tt.rows, tt.evaluations
			got := expect(t, rules.EvaluationMissing(), l, "2026-03-01", "2026-03-08", tt.open, tt.ceased)["E1"]
			if tt.withheld != (got.Outcome == rules.Withheld) {
				t.Errorf("outcome %v", got.Outcome)
			}
		})
	}
	l := carrier(t)
	l.Lines = []registry.Line{{ID: "A1", EnterpriseID: "E2", Use: "isp", APlace: "440300", Valid: validity(t, "2025-01-01", "")}}
	expect(t, rules.EvaluationMissing(), l, "2026-03-01", "2026-03-08", []string{"E2"}, nil)
}
