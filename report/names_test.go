package report_test

import (
	"encoding/json"
	"maps"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestNamesAreThoseOfTheConsole holds the names to those of the console: a reader
// of both is told of one thing by one name.
func TestNamesAreThoseOfTheConsole(t *testing.T) {
	own := readNames(t, "names.json")
	console := readNames(t, "../console/web/src/names.json")
	maps.Copy(console, readNames(t, "../console/web/src/pages/finding/names.json"))
	for kind, table := range own {
		if diff := cmp.Diff(console[kind], table); diff != "" {
			t.Errorf("%s differs:\n%s", kind, diff)
		}
	}
	if got := report.NameOf(report.FigureNames, "bytes_per_day"); got.ZH == "bytes_per_day" || got.EN == "" {
		t.Errorf("a figure is called %q", got)
	}
}

func readNames(t *testing.T, file string) map[string]map[string][2]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tables map[string]map[string][2]string
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	return tables
}
