package rules_test

import (
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

func TestCommitmentOverdue(t *testing.T) {
	fires := []string{"E1"}
	for _, tt := range []struct {
		name            string
		made, due, done string
		licences        []registry.Licence
		use             string // of a block of the holder
		from, to        string
		open, ceased    []string
		severity        rules.Severity
	}{
		{name: "never fulfilled", made: "2017-03-01", due: "2017-12-31", from: "2026-03-01", to: "2026-03-08", open: fires, severity: rules.Medium},
		{name: "on its due day", made: "2017-03-01", due: "2026-03-08", from: "2026-03-01", to: "2026-03-08"},
		{name: "the day after", made: "2017-03-01", due: "2026-03-07", from: "2026-03-01", to: "2026-03-08", open: fires},
		{name: "fulfilled in time", made: "2017-03-01", due: "2017-12-31", done: "2017-12-31", from: "2018-01-01", to: "2018-01-01"},
		{name: "fulfilled late, after the span", made: "2017-03-01", due: "2017-12-31", done: "2018-02-01", from: "2018-01-01", to: "2018-01-31", open: fires},
		{name: "fulfilled late, inside the span", made: "2017-03-01", due: "2017-12-31", done: "2018-02-01", from: "2018-01-30", to: "2018-02-05", ceased: fires},
		{name: "fulfilled late, before the span", made: "2017-03-01", due: "2017-12-31", done: "2018-02-01", from: "2018-02-02", to: "2018-02-05"},
		{name: "licensed meanwhile", made: "2017-03-01", due: "2017-12-31", licences: []registry.Licence{licence(t, "E1", "B12", "active", "2017-11-01", "")}, from: "2026-03-01", to: "2026-03-08"},
		{name: "licensed for something else", made: "2017-03-01", due: "2017-12-31", licences: []registry.Licence{licence(t, "E1", "B11", "active", "2017-11-01", "")}, from: "2026-03-01", to: "2026-03-08", open: fires},
		{name: "licensed before it only", made: "2017-03-01", due: "2017-12-31", licences: []registry.Licence{licence(t, "E1", "B12", "active", "2010-11-01", "2015-01-01")}, from: "2026-03-01", to: "2026-03-08", open: fires},
		{name: "the licence of the group is not the holder's", made: "2017-03-01", due: "2017-12-31", licences: []registry.Licence{licence(t, "E1S", "B12", "active", "2017-11-01", "")}, from: "2026-03-01", to: "2026-03-08", open: fires},
		{name: "run on a commitment alone", made: "2017-03-01", due: "2030-12-31", use: "cdn", from: "2018-01-01", to: "2018-01-01", open: fires, severity: rules.High},
		{name: "run on a commitment in 2017", made: "2017-03-01", due: "2030-12-31", use: "cdn", from: "2017-12-31", to: "2017-12-31"},
		{name: "another service is run", made: "2017-03-01", due: "2030-12-31", use: "isp", from: "2018-01-01", to: "2018-01-01"},
		{name: "made after the span", made: "2026-04-01", due: "2026-05-01", use: "cdn", from: "2026-03-01", to: "2026-03-08"},
		{name: "no due day, nothing run", made: "2017-03-01", from: "2026-03-01", to: "2026-03-08"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := carrier(t)
			l.Commitments = []registry.Commitment{{EnterpriseID: "E1", Service: "B12", MadeOn: day(t, tt.made), DueOn: day(t, tt.due), FulfilledOn: day(t, tt.done)}}
			l.Licences = tt.licences
			if tt.use != "" {
				l.Allocations = []registry.Allocation{alloc(t, block, "E1", "", tt.use, "2010-01-01", "")}
			}
			got := expect(t, rules.CommitmentOverdue(), l, tt.from, tt.to, tt.open, tt.ceased)["E1"]
			if tt.severity != "" && got.Severity != tt.severity {
				t.Errorf("severity %s, want %s", got.Severity, tt.severity)
			}
		})
	}
	spec := rules.CommitmentOverdue().Spec
	if ids := spec.ClausesAt(validity(t, "2017-12-31", "2017-12-31")); len(ids) != 1 || ids[0] != "N32-2.1.2a" {
		t.Errorf("on the last day of 2017 bind %v", ids)
	}
}
