package rules_test

import (
	"slices"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// wholeFile returns ledgers with one international line in perfect order.
func wholeFile(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := carrier(t)
	l.Lines = []registry.Line{{ID: "I1", EnterpriseID: "E1", Scope: "international", Use: "enterprise", APlace: "330100", ZCountry: "SG", Valid: validity(t, "2025-01-01", "")}}
	l.LineEndpoints = []registry.LineEndpoint{
		{LineID: "I1", End: "a", Prefix: prefix("10.1.0.0/16"), Kind: "office"},
		{LineID: "I1", End: "z", Prefix: prefix("10.2.0.0/16"), Kind: "office"},
	}
	l.UserFiles = []registry.UserFile{{
		ID: "F1", LineID: "I1", EnterpriseID: "E1", Purpose: "内部办公", OfficeUseCommitted: registry.Yes, CommittedOn: day(t, "2025-01-01"),
		Clauses: []string{"internal_use", "no_resale", "no_dc_platform", "termination"}, ClausesKnown: true, ReviewedOn: day(t, "2025-06-01"),
	}}
	return l
}

func TestIntlUserFile(t *testing.T) {
	const last = "2026-03-01"
	tests := []struct {
		name     string
		change   func(l *registry.Ledgers)
		want     rules.Outcome
		deficits []string
		severity rules.Severity
	}{
		{name: "in order", change: func(*registry.Ledgers) {}},
		{name: "no file", change: func(l *registry.Ledgers) { l.UserFiles = nil }, want: rules.Fires, deficits: []string{"no_user_file"}, severity: rules.High},
		{name: "no purpose", change: func(l *registry.Ledgers) { l.UserFiles[0].Purpose = "  " }, want: rules.Fires, deficits: []string{"no_purpose"}, severity: rules.Medium},
		{name: "not committed", change: func(l *registry.Ledgers) { l.UserFiles[0].OfficeUseCommitted = registry.No }, want: rules.Fires, deficits: []string{"no_office_use_commitment"}, severity: rules.High},
		{name: "committed after the start", change: func(l *registry.Ledgers) { l.UserFiles[0].CommittedOn = day(t, "2025-01-02") }, want: rules.Fires, deficits: []string{"commitment_after_start"}, severity: rules.Medium},
		{name: "clause lacking", change: func(l *registry.Ledgers) { l.UserFiles[0].Clauses = l.UserFiles[0].Clauses[1:] }, want: rules.Fires, deficits: []string{"no_clause_internal_use"}, severity: rules.Medium},
		{name: "reviewed 365 days ago", change: func(l *registry.Ledgers) { l.UserFiles[0].ReviewedOn = day(t, last) - 365 }},
		{name: "reviewed 366 days ago", change: func(l *registry.Ledgers) { l.UserFiles[0].ReviewedOn = day(t, last) - 366 }, want: rules.Fires, deficits: []string{"review_overdue"}, severity: rules.Low},
		{name: "near end undeclared", change: func(l *registry.Ledgers) { l.LineEndpoints = l.LineEndpoints[1:] }, want: rules.Fires, deficits: []string{"end_a_undeclared"}, severity: rules.Medium},
		{name: "far end undeclared", change: func(l *registry.Ledgers) { l.LineEndpoints = l.LineEndpoints[:1] }, want: rules.Fires, deficits: []string{"end_z_undeclared"}, severity: rules.Medium},
		{name: "file named by the line", change: func(l *registry.Ledgers) { l.Lines[0].UserFile, l.UserFiles[0].LineID = "F1", "" }},
		{name: "file of a sister company", change: func(l *registry.Ledgers) { l.UserFiles[0].EnterpriseID = "E1S" }},
		{name: "file of a stranger", change: func(l *registry.Ledgers) { l.UserFiles[0].EnterpriseID = "E2" }, want: rules.Fires, deficits: []string{"no_user_file"}, severity: rules.High},
		{name: "file of a stranger named by the line", change: func(l *registry.Ledgers) {
			l.Lines[0].UserFile, l.UserFiles[0].LineID, l.UserFiles[0].EnterpriseID = "F1", "", "E2"
		}, want: rules.Fires, deficits: []string{"no_user_file"}, severity: rules.High},
		{name: "file of nobody in particular", change: func(l *registry.Ledgers) { l.UserFiles[0].EnterpriseID = "" }},
		{name: "line of nobody in particular", change: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "" }},
		{name: "commitment of a day to come", change: func(l *registry.Ledgers) {
			l.Lines[0].Valid.From, l.UserFiles[0].CommittedOn = 0, day(t, "2026-03-02")
		}, want: rules.Fires, deficits: []string{"no_office_use_commitment"}, severity: rules.High},
		{name: "start unknown", change: func(l *registry.Ledgers) { l.Lines[0].Valid.From = 0 }},
		{name: "clauses unknown", change: func(l *registry.Ledgers) {
			l.UserFiles[0].Clauses, l.UserFiles[0].ClausesKnown = nil, false
		}, want: rules.Fires, deficits: []string{"no_clauses_filed"}, severity: rules.Medium},
		{name: "no clause", change: func(l *registry.Ledgers) { l.UserFiles[0].Clauses = nil }, want: rules.Fires, deficits: []string{
			"no_clause_internal_use", "no_clause_no_resale", "no_clause_no_dc_platform", "no_clause_termination",
		}, severity: rules.Medium},
		{name: "the better of two files", change: func(l *registry.Ledgers) {
			l.UserFiles = append([]registry.UserFile{{ID: "F0", LineID: "I1", EnterpriseID: "E1"}}, l.UserFiles...)
		}},
		{name: "committed before a change of the line", change: func(l *registry.Ledgers) {
			l.Lines = append(l.Lines, l.Lines[0])
			l.Lines[0].Valid, l.Lines[1].Valid = validity(t, "2025-01-01", "2025-12-31"), validity(t, "2026-01-01", "")
			l.UserFiles[0].CommittedOn = day(t, "2025-01-01")
		}},
		{name: "committed after the start, before a change of the line", change: func(l *registry.Ledgers) {
			l.Lines = append(l.Lines, l.Lines[0])
			l.Lines[0].Valid, l.Lines[1].Valid = validity(t, "2025-01-01", "2025-12-31"), validity(t, "2026-01-01", "")
			l.UserFiles[0].CommittedOn = day(t, "2025-06-01")
		}, want: rules.Fires, deficits: []string{"commitment_after_start"}, severity: rules.Medium},
		{name: "committed before the line came back", change: func(l *registry.Ledgers) {
			l.Lines = append(l.Lines, l.Lines[0])
			l.Lines[0].Valid, l.Lines[1].Valid = validity(t, "2025-01-01", "2025-03-31"), validity(t, "2026-01-01", "")
			l.UserFiles[0].CommittedOn = day(t, "2025-06-01")
		}},
		{name: "committed before the line changed hands", change: func(l *registry.Ledgers) {
			l.Lines = append(l.Lines, l.Lines[0])
			l.Lines[0].Valid, l.Lines[1].Valid = validity(t, "2025-01-01", "2025-12-31"), validity(t, "2026-01-01", "")
			l.Lines[0].EnterpriseID, l.UserFiles[0].CommittedOn = "E2", day(t, "2025-06-01")
		}},
		{name: "domestic", change: func(l *registry.Ledgers) { l.Lines[0].Scope, l.UserFiles = "domestic", nil }},
		{name: "ended before the span", change: func(l *registry.Ledgers) { l.Lines[0].Valid.To, l.UserFiles = day(t, "2026-02-22"), nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := wholeFile(t)
			tt.change(l)
			got := judge(t, rules.IntlUserFile(), l, nil, "2026-02-23", last)["I1"]
			if got.Outcome != tt.want {
				t.Fatalf("outcome %v, want %v: %s", got.Outcome, tt.want, got.Explanation.EN)
			}
			if tt.want != rules.Fires {
				return
			}
			if deficits, _ := got.Facts["deficits"].([]string); !slices.Equal(deficits, tt.deficits) {
				t.Errorf("deficits %v, want %v", deficits, tt.deficits)
			}
			if got.Severity != tt.severity || got.Ceased {
				t.Errorf("severity %s ceased %v, want %s", got.Severity, got.Ceased, tt.severity)
			}
		})
	}
}

func TestIntlUserFileCeasesWithTheLine(t *testing.T) {
	l := wholeFile(t)
	l.UserFiles = nil
	l.Lines[0].Valid.To = day(t, "2026-02-25")
	got := judge(t, rules.IntlUserFile(), l, nil, "2026-02-23", "2026-03-01")["I1"]
	if got.Outcome != rules.Fires || !got.Ceased || got.LastDay != day(t, "2026-02-25") {
		t.Errorf("got %+v", got)
	}
}
