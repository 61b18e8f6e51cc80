package rules_test

import (
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

func TestFindingFilterMatch(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 9, day, 0, 0, 0, 0, time.UTC) }
	f := rules.Finding{
		Rule: "intl-third-party", Clauses: []string{"N32-2.2.4", "TR-5"}, Province: "31", EnterpriseID: "E1",
		State: rules.Open, Severity: rules.High, FirstSeen: at(3), LastSeen: at(7),
	}
	tests := []struct {
		name   string
		filter rules.FindingFilter
		want   bool
	}{
		{"zero", rules.FindingFilter{}, true},
		{"rule", rules.FindingFilter{Rule: "intl-third-party"}, true},
		{"other rule", rules.FindingFilter{Rule: "intl-user-file"}, false},
		{"first clause", rules.FindingFilter{Clause: "N32-2.2.4"}, true},
		{"second clause", rules.FindingFilter{Clause: "TR-5"}, true},
		{"part of a clause", rules.FindingFilter{Clause: "N32"}, false},
		{"province", rules.FindingFilter{Province: "31"}, true},
		{"other province", rules.FindingFilter{Province: "11"}, false},
		{"enterprise", rules.FindingFilter{Enterprise: "E1"}, true},
		{"other enterprise", rules.FindingFilter{Enterprise: "E"}, false},
		{"state", rules.FindingFilter{State: rules.Open}, true},
		{"other state", rules.FindingFilter{State: rules.Ceased}, false},
		{"severity", rules.FindingFilter{Severity: rules.High}, true},
		{"other severity", rules.FindingFilter{Severity: rules.Low}, false},
		{"since its last instant", rules.FindingFilter{Since: at(7)}, true},
		{"since later", rules.FindingFilter{Since: at(7).Add(1)}, false},
		{"until its first instant", rules.FindingFilter{Until: at(3)}, false},
		{"until just after", rules.FindingFilter{Until: at(3).Add(1)}, true},
		{"all", rules.FindingFilter{
			Rule: f.Rule, Clause: "TR-5", Province: "31", Enterprise: "E1", State: rules.Open, Severity: rules.High, Since: at(1), Until: at(30),
		}, true},
		{"all but one", rules.FindingFilter{Rule: f.Rule, Clause: "TR-5", Province: "32", Since: at(1), Until: at(30)}, false},
		{"limit", rules.FindingFilter{Limit: 1}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.filter.Match(&f); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
