package report_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

func TestGrouped(t *testing.T) {
	for given, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "1234567.5": "1,234,567.5", "-1234": "-1,234", "100000": "100,000", "": "", "–": "–", "2026-03-01": "2026-03-01",
	} {
		if got := report.Grouped(given); got != want {
			t.Errorf("%q is grouped as %q, want %q", given, got, want)
		}
	}
}

// TestNames names every state, and leaves what it does not know as it is.
func TestNames(t *testing.T) {
	for _, s := range rules.States() {
		if report.StateName(rules.State(s)).ZH == s {
			t.Errorf("state %s has no Chinese name", s)
		}
	}
	for _, r := range rules.Remedies() {
		if report.RemedyName(rules.Remedy(r)).ZH == r {
			t.Errorf("remedy %s has no Chinese name", r)
		}
	}
	if got := report.ProvinceName("99"); got.ZH != "99" {
		t.Errorf("an unknown province is %q", got)
	}
	if got := report.ProvinceName("81"); got.EN != "Hong Kong" {
		t.Errorf("81 is %q", got)
	}
}

// TestNamesAreWhole has both names of every code; what has no unit has none.
func TestNamesAreWhole(t *testing.T) {
	text, err := os.ReadFile("names.json")
	if err != nil {
		t.Fatal(err)
	}
	var tables map[string]map[string][]string
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	for kind, table := range tables {
		for code, both := range table {
			if len(both) != 2 || code != "" && slices.Contains(both, "") {
				t.Errorf("%s %q is called %q", kind, code, both)
			}
		}
	}
	if got := report.NameOf(report.FigureNames, "bytes_per_day"); got.ZH == "bytes_per_day" || got.EN == "" {
		t.Errorf("a figure is called %q", got)
	}
}
