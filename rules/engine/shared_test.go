package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// asked counts what a store is asked.
type asked struct {
	rules.Traffic // nil: nothing else is asked
	count         map[string]int
	rows          int
	fail          error // after the first row of each answer
}

func (a *asked) ExporterBooks(_ context.Context, w rules.Window) ([]rules.ExporterBooks, error) {
	a.count["books"]++
	return []rules.ExporterBooks{{Received: uint64(w.To.Unix())}}, nil
}

func (a *asked) AllocationTotals(_ context.Context, w rules.Window, _ *time.Location) iter.Seq2[rules.AllocationDay, error] {
	a.count["allocations"]++
	return func(yield func(rules.AllocationDay, error) bool) {
		for i := range a.rows {
			if !yield(rules.AllocationDay{Out: uint64(w.To.Unix()), In: uint64(i)}, nil) {
				return
			}
			if a.fail != nil {
				yield(rules.AllocationDay{}, a.fail)
				return
			}
		}
	}
}

func (a *asked) LineNetworks(_ context.Context, _ rules.Window, _ *time.Location, lines ...string) iter.Seq2[rules.LineNetworks, error] {
	a.count[fmt.Sprint("networks ", lines)]++
	return func(yield func(rules.LineNetworks, error) bool) {
		for _, l := range lines {
			if !yield(rules.LineNetworks{Line: l}, nil) {
				return
			}
		}
	}
}

// asker is a rule that asks, and keeps what it was told.
func asker(id string, lookback int, lines []string, told *[]string) rules.Rule {
	r := new(world).rule(nil)
	r.Spec.ID, r.Spec.LookbackDays = id, lookback
	r.Measure = func(ctx context.Context, in rules.Inputs, _ rules.Params) iter.Seq2[rules.Fact, error] {
		return func(yield func(rules.Fact, error) bool) {
			fail := func(err error) { yield(nil, err) }
			books, err := in.Traffic.ExporterBooks(ctx, in.Span.Window())
			if err != nil {
				fail(err)
				return
			}
			text := fmt.Sprint(books[0].Received)
			n := 0
			for a, err := range in.Traffic.AllocationTotals(ctx, in.Span.Window(), in.Span.Location) {
				if err != nil {
					fail(err)
					return
				}
				n++
				if a.Out != books[0].Received || a.In != uint64(n-1) {
					text += " wrong"
				}
			}
			text += fmt.Sprint(" ", n)
			for l, err := range in.Traffic.LineNetworks(ctx, in.Span.Window(), in.Span.Location, lines...) {
				if err != nil {
					fail(err)
					return
				}
				text += " " + l.Line
			}
			*told = append(*told, text)
		}
	}
	return r
}

// TestRulesOfARunShareAnswers has rules of one span ask once, and those of
// another span or other lines for themselves.
func TestRulesOfARunShareAnswers(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows int
		want map[string]int // asks
	}{
		{"few", 3, map[string]int{"books": 2, "allocations": 2, "networks [L1 L2]": 2, "networks [L3]": 1}},
		{"none", 0, map[string]int{"books": 2, "allocations": 2, "networks [L1 L2]": 2, "networks [L3]": 1}},
		{"more than are kept", 300_001, map[string]int{"books": 2, "allocations": 5, "networks [L1 L2]": 2, "networks [L3]": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			traffic := &asked{count: make(map[string]int), rows: tt.rows}
			var told []string
			e, err := engine.New(engine.Config{Location: shanghai}, engine.Deps{
				Findings: newStore(), Traffic: traffic,
				Catalogue: []rules.Rule{
					asker("a", 7, []string{"L1", "L2"}, &told), asker("b", 7, []string{"L1", "L2"}, &told), asker("c", 7, []string{"L3"}, &told),
					asker("d", 1, []string{"L1", "L2"}, &told), asker("e", 1, []string{"L1", "L2"}, &told),
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			run(t, e, engine.Request{LastDay: jan(7)})
			if diff := cmp.Diff(tt.want, traffic.count); diff != "" {
				t.Error(diff)
			}
			end := (jan(7) + 1).Start(shanghai).Unix()
			long, short := fmt.Sprintf("%d %d L1 L2", end, tt.rows), fmt.Sprintf("%d %d L3", end, tt.rows)
			if want := []string{long, long, short, long, long}; !slices.Equal(told, want) {
				t.Errorf("told %q, want %q", told, want)
			}
			// The next run asks anew: the store may have taken in more.
			before := traffic.count["books"]
			run(t, e, engine.Request{LastDay: jan(7)})
			if traffic.count["books"] != 2*before {
				t.Errorf("asked %d times in two runs, %d in one", traffic.count["books"], before)
			}
		})
	}
}

// TestBrokenAnswersAreNotShared has an answer break off: the rule fails, and a
// run of the same engine afterwards has all of it.
func TestBrokenAnswersAreNotShared(t *testing.T) {
	broken := errors.New("gone")
	traffic := &asked{count: make(map[string]int), rows: 2, fail: broken}
	var told []string
	e, err := engine.New(engine.Config{Location: shanghai}, engine.Deps{
		Findings: newStore(), Traffic: traffic, Catalogue: []rules.Rule{asker("a", 7, nil, &told)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ledgers := registry.NewSnapshot(&registry.Ledgers{}, nil)
	if _, err := e.Run(t.Context(), ledgers, engine.Request{LastDay: jan(7)}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	traffic.fail = nil
	run(t, e, engine.Request{LastDay: jan(7)})
	if len(told) != 1 || traffic.count["allocations"] != 2 {
		t.Errorf("told %q after %d questions", told, traffic.count["allocations"])
	}
}
