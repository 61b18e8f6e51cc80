package main

import (
	"context"
	"maps"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/rules/engine"
)

// backtest implements console.Backtester by the rules and ledgers in force.
func (d *daemon) backtest(ctx context.Context, b console.Backtest, progress func(share float64, step string)) (console.Judged, error) {
	set := *d.auditor.rules()
	params := make(map[string]map[string]float64)
	maps.Copy(params, set.params)
	params[b.Rule] = b.Params
	set.params = params
	result, err := set.backtest(ctx, d.store, d.path.ledgers.Load(), engine.Request{Rule: b.Rule, Span: b.Span}, progress)
	if err != nil {
		return console.Judged{}, err
	}
	judged := console.Judged{Subjects: result.Subjects[b.Rule], Findings: result.New, Withheld: make(map[string]uint64)}
	for i := range result.Withheld {
		judged.Withheld[result.Withheld[i].Reason]++
	}
	return judged, nil
}
