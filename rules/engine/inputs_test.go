package engine_test

import (
	"context"
	"iter"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// noRoutes answers nothing.
type noRoutes struct{ rules.Routes }

// TestRulesGetRoutes hands the routes of the engine to its rules, and none where
// it has none.
func TestRulesGetRoutes(t *testing.T) {
	for name, routes := range map[string]rules.Routes{"none": nil, "some": noRoutes{}} {
		var got []rules.Inputs
		w := world{}
		r := w.rule(nil)
		r.Measure = func(_ context.Context, in rules.Inputs, _ rules.Params) iter.Seq2[rules.Fact, error] {
			got = append(got, in)
			return func(func(rules.Fact, error) bool) {}
		}
		e, err := engine.New(engine.Config{}, engine.Deps{Catalogue: []rules.Rule{r}, Routes: routes, Findings: newStore()})
		if err != nil {
			t.Fatal(err)
		}
		ledgers := registry.NewSnapshot(&registry.Ledgers{}, nil)
		if _, err := e.Run(t.Context(), ledgers, engine.Request{LastDay: registry.NewDate(2026, 3, 8)}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Routes != routes {
			t.Errorf("%s: the rule got %+v", name, got)
		}
	}
}
