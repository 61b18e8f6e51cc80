package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// The marks that every rule, and all of them together, have to reach.
const (
	leastPrecision = 0.98
	leastRecall    = 0.95
	// leastSubjects is how many subjects a rule must have been asked about before
	// its own share is held against it: of fewer a share says little.
	leastSubjects = 10
)

// tally is how right one rule was, over all seeds.
type tally struct {
	rule     string
	must     int // violators
	found    int // of them, found
	wrong    int // found and neither violators nor borderline
	may      int // borderline ones that were found
	withheld int
	innocent int // near misses
	alone    int // of them, left alone
}

// precision is the share of findings that are violators, and recall that of
// violators that are found.
func (t *tally) precision() share { return share{t.found, t.found + t.wrong} }
func (t *tally) recall() share    { return share{t.found, t.must} }

func (t *tally) add(o *tally) {
	t.must += o.must
	t.found += o.found
	t.wrong += o.wrong
	t.may += o.may
	t.withheld += o.withheld
	t.innocent += o.innocent
	t.alone += o.alone
}

// share is so many of so many.
type share struct{ of, all int }

func (s share) value() float64 {
	if s.all == 0 {
		return 1
	}
	return float64(s.of) / float64(s.all)
}

func (s share) String() string {
	if s.all == 0 {
		return "–"
	}
	low, high := rules.Wilson(uint64(s.of), uint64(s.all))
	return fmt.Sprintf("%.3f [%.3f, %.3f] %d/%d", s.value(), low, high, s.of, s.all)
}

// tallies adds up outcomes by rule, in the order of their names; the last one is
// of all rules.
func tallies(outcomes []*demoOutcome) []tally {
	byRule := make(map[string]*tally)
	of := func(rule string) *tally {
		if byRule[rule] == nil {
			byRule[rule] = &tally{rule: rule}
		}
		return byRule[rule]
	}
	for _, o := range outcomes {
		o.tally(of)
	}
	all := tally{rule: "全部 ALL"}
	var out []tally
	for _, t := range byRule {
		out = append(out, *t)
		all.add(t)
	}
	slices.SortFunc(out, func(a, b tally) int { return strings.Compare(a.rule, b.rule) })
	return append(out, all)
}

// tally counts one outcome.
func (o *demoOutcome) tally(of func(rule string) *tally) {
	must, may, innocent := keysOfTruth(o.Truth.Must), keysOfTruth(o.Truth.May), keysOfTruth(o.Innocents)
	for k := range must {
		of(k.rule).must++
	}
	for k := range innocent {
		t := of(k.rule)
		t.innocent++
		t.alone++
	}
	for i := range o.Findings {
		k := keyOfFinding(&o.Findings[i])
		t := of(k.rule)
		_, called := must[k]
		_, allowed := may[k]
		switch {
		case called:
			t.found++
			delete(must, k) // a subject counts once
		case allowed:
			t.may++
		default:
			t.wrong++
		}
		if _, near := innocent[k]; near {
			t.alone--
		}
	}
	for _, w := range o.Withheld {
		of(w.Rule).withheld++
	}
}

// judgeAccuracy returns what falls short of the marks.
func judgeAccuracy(all []tally) error {
	var short []error
	for i := range all {
		t := &all[i]
		if p := t.precision(); p.all >= leastSubjects && p.value() < leastPrecision {
			short = append(short, fmt.Errorf("%s: precision %s is below %.2f", t.rule, p, leastPrecision))
		}
		if r := t.recall(); r.all >= leastSubjects && r.value() < leastRecall {
			short = append(short, fmt.Errorf("%s: recall %s is below %.2f", t.rule, r, leastRecall))
		}
	}
	return errors.Join(short...)
}

// accuracy plays several seeds, each over a span that ends a day before the one
// before, so that weekends lie elsewhere in it, and prints how right each rule
// was.
func (g *globals) accuracy(ctx context.Context, f *demoFlags) error {
	var outcomes []*demoOutcome
	var unbalanced []error
	for i := range f.accuracy {
		one := demoFlags{once: true, http: "127.0.0.1:0", seed: f.seed + uint64(i), daysAgo: i}
		one.dir = dirOfSeed(g.dataDir, one.seed)
		o, err := g.demoOf(ctx, &one, func(o *demoOutcome) error { return g.sayMistakes(one.seed, o) })
		if err != nil {
			return fmt.Errorf("seed %d: %w", one.seed, err)
		}
		if !o.Books.Balanced {
			unbalanced = append(unbalanced, fmt.Errorf("seed %d: the books do not balance", one.seed))
		}
		outcomes = append(outcomes, o)
	}
	all := tallies(outcomes)
	t := report.NewTable("规则 RULE", "准确率 PRECISION [95 %]", "召回率 RECALL [95 %]", "近似情形 NEAR MISSES LEFT ALONE", "边界 BORDERLINE FOUND", "数据不足 WITHHELD")
	for i := range all {
		r := &all[i]
		t.AppendRow(table.Row{r.rule, r.precision(), r.recall(), fmt.Sprintf("%d/%d", r.alone, r.innocent), r.may, r.withheld})
	}
	if _, err := fmt.Fprintf(g.out, "%s\n", t.Render()); err != nil {
		return fmt.Errorf("write how right the rules were: %w", err)
	}
	for _, rule := range outcomes[0].NotJudged {
		unbalanced = append(unbalanced, fmt.Errorf("%s: not in the catalogue", rule))
	}
	return errors.Join(errors.Join(unbalanced...), judgeAccuracy(all))
}

// dirOfSeed keeps the seeds apart in the directory that is named, if one is.
func dirOfSeed(named string, seed uint64) string {
	if named == "" {
		return ""
	}
	return filepath.Join(named, fmt.Sprintf("seed-%d", seed))
}

// sayMistakes prints what a seed got wrong.
func (g *globals) sayMistakes(seed uint64, o *demoOutcome) error {
	missed, wrong := o.compare()
	must := keysOfTruth(o.Truth.Must)
	for _, k := range missed {
		if _, err := fmt.Fprintf(g.out, "种子 seed %d 漏报 missed: %s %s %s (%s)\n", seed, k.rule, k.kind, k.id, must[k].Why); err != nil {
			return fmt.Errorf("write what was missed: %w", err)
		}
	}
	innocent := keysOfTruth(o.Innocents)
	for _, k := range wrong {
		if _, err := fmt.Fprintf(g.out, "种子 seed %d 误报 false: %s %s %s (%s)\n", seed, k.rule, k.kind, k.id, innocent[k].Why); err != nil {
			return fmt.Errorf("write what is false: %w", err)
		}
	}
	return nil
}
