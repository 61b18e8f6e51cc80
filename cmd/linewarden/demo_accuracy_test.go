package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/internal/simulator"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// played is an outcome in which a rule has so many violators, of which some are
// missed, and so many false findings.
func played(rule string, must, missed, wrong int) *demoOutcome {
	o := &demoOutcome{Books: demoAccount{Balanced: true}}
	row := func(id string) simulator.TruthRow {
		return simulator.TruthRow{Rule: rule, SubjectKind: "line", SubjectID: id}
	}
	find := func(id string) {
		o.Findings = append(o.Findings, rules.Finding{Rule: rule, Subject: rules.Subject{Kind: "line", ID: id}})
	}
	for i := range must {
		id := fmt.Sprintf("M%d", i)
		o.Truth.Must = append(o.Truth.Must, row(id))
		if i >= missed {
			find(id)
		}
	}
	for i := range wrong {
		o.Innocents = append(o.Innocents, row(fmt.Sprintf("I%d", i)))
		find(fmt.Sprintf("I%d", i))
	}
	o.Innocents = append(o.Innocents, row("I"))
	o.Truth.May = append(o.Truth.May, row("B"))
	find("B")
	o.Withheld = append(o.Withheld, engine.Withheld{Rule: rule})
	return o
}

func TestTallies(t *testing.T) {
	all := tallies([]*demoOutcome{played("b", 10, 2, 1), played("a", 4, 0, 0), played("b", 10, 1, 0)})
	want := []tally{
		{rule: "a", must: 4, found: 4, may: 1, withheld: 1, innocent: 1, alone: 1},
		{rule: "b", must: 20, found: 17, wrong: 1, may: 2, withheld: 2, innocent: 3, alone: 2},
		{rule: "全部 ALL", must: 24, found: 21, wrong: 1, may: 3, withheld: 3, innocent: 4, alone: 3},
	}
	if len(all) != len(want) {
		t.Fatalf("%d tallies, want %d", len(all), len(want))
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("tally is\n%+v, want\n%+v", all[i], want[i])
		}
	}
	if got := all[1].precision().String(); got != "0.944 [0.742, 0.990] 17/18" {
		t.Errorf("precision is %s", got)
	}
}

// TestAccuracyCanFail plants misses and false findings on either side of the
// marks.
func TestAccuracyCanFail(t *testing.T) {
	for name, c := range map[string]struct {
		outcomes []*demoOutcome
		want     string // empty passes
	}{
		"all is right":             {[]*demoOutcome{played("a", 20, 0, 0), played("b", 10, 0, 0)}, ""},
		"one of twenty is missed":  {[]*demoOutcome{played("a", 20, 1, 0)}, ""},
		"two of twenty are missed": {[]*demoOutcome{played("a", 20, 2, 0)}, "a: recall 0.900"},
		"one of fifty is false":    {[]*demoOutcome{played("a", 49, 0, 1)}, ""},
		"one of forty is false":    {[]*demoOutcome{played("a", 39, 0, 1)}, "a: precision 0.975"},
		"all are missed":           {[]*demoOutcome{played("a", 10, 10, 0)}, "a: recall 0.000"},
		"too few to say":           {[]*demoOutcome{played("a", 2, 1, 0), played("b", 98, 0, 0)}, ""},
		"few each, too many in all": {
			[]*demoOutcome{played("a", 5, 1, 0), played("b", 5, 1, 0), played("c", 5, 0, 0)},
			"全部 ALL: recall 0.867",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := judgeAccuracy(tallies(c.outcomes))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("it fails: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("it says %v, want %q", err, c.want)
			}
		})
	}
}

// TestUnknownRulesAreNotJudged leaves out what no rule of the catalogue could
// find, and says so.
func TestUnknownRulesAreNotJudged(t *testing.T) {
	o := played("licence-missing", 2, 0, 0)
	o.Truth.Must = append(o.Truth.Must, simulator.TruthRow{Rule: "no-such-rule", SubjectKind: "line", SubjectID: "L"})
	o.Innocents = append(o.Innocents, simulator.TruthRow{Rule: "no-such-rule", SubjectKind: "line", SubjectID: "M"})
	o.keep(rules.Catalogue())
	if len(o.Truth.Must) != 2 || len(o.Innocents) != 1 || len(o.NotJudged) != 1 || o.NotJudged[0] != "no-such-rule" {
		t.Errorf("kept %d and %d rows, not judged %v", len(o.Truth.Must), len(o.Innocents), o.NotJudged)
	}
	if err := o.verdict(); err != nil {
		t.Errorf("a demo is wrong about a rule that is not there: %v", err)
	}
}

// TestSimulatorSpeaksOfEveryRule makes sure that each rule of the catalogue has
// violators of two kinds at least, but for those of ledgers alone, and look-alikes.
func TestSimulatorSpeaksOfEveryRule(t *testing.T) {
	end, err := demoEnd(0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := simulator.New(simulator.Config{End: end, Seed: 1, Location: end.Location()})
	if err != nil {
		t.Fatal(err)
	}
	must, innocent := make(map[string]int), make(map[string]int)
	for _, r := range c.Truth().Must {
		must[r.Rule]++
	}
	for _, r := range c.Innocents() {
		innocent[r.Rule]++
	}
	for _, r := range rules.Catalogue() {
		least := 2
		if r.Spec.Ledger && !r.Spec.Routes {
			least = 1
		}
		if must[r.Spec.ID] < least || innocent[r.Spec.ID] < 2 {
			t.Errorf("%s has %d violators and %d look-alikes", r.Spec.ID, must[r.Spec.ID], innocent[r.Spec.ID])
		}
	}
}

// TestSeedsHaveDirectoriesOfTheirOwn has two seeds in one named directory, of
// which each demands an empty one.
func TestSeedsHaveDirectoriesOfTheirOwn(t *testing.T) {
	named := t.TempDir()
	for _, seed := range []uint64{1, 2} {
		dir, temporary, err := demoDir(dirOfSeed(named, seed))
		if err != nil || temporary {
			t.Fatalf("directory of seed %d: temporary %v, error %v", seed, temporary, err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "engine"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if dir := dirOfSeed("", 1); dir != "" {
		t.Errorf("a seed without a named directory has %q", dir)
	}
}
