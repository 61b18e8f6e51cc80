package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

func newRulesBacktest(g *globals) *cobra.Command {
	var from, to, format string
	c := &cobra.Command{
		Use:   "backtest ID",
		Short: "Judge a span by one rule and print what it would raise, writing nothing",
		Long: "backtest runs one rule with the parameters of the configuration over what is stored, as if there\n" +
			"were no findings yet, and prints what it would raise and withhold. It writes no finding.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.config()
			if err != nil {
				return err
			}
			set, err := cfg.ruleset()
			if err != nil {
				return err
			}
			if _, err := set.find(args[0]); err != nil {
				return err
			}
			if from == "" || to == "" {
				return usagef("name the span with --from and --to")
			}
			req, err := auditRequest(cfg, set, from, to, args[0])
			if err != nil {
				return err
			}
			return g.backtest(cmd.Context(), cfg, set, req, format)
		},
	}
	c.Flags().StringVar(&from, "from", "", "first `time` of the span: RFC 3339, or a date in the carrier's time zone")
	c.Flags().StringVar(&to, "to", "", "end `time` of the span; a date includes that day")
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

// noFindings is a store in which there is nothing and that keeps nothing.
type noFindings struct{}

var _ engine.Findings = noFindings{}

// Findings implements engine.Findings.
func (noFindings) Findings(context.Context, rules.FindingFilter) ([]rules.Finding, error) {
	return nil, nil
}

// SaveFindings implements engine.Findings.
func (noFindings) SaveFindings(context.Context, []rules.Finding, []rules.Event) error { return nil }

func (g *globals) backtest(ctx context.Context, cfg *Config, set *ruleset, req engine.Request, format string) error {
	log := g.logger()
	return g.withStore(ctx, cfg, func(s *opened) error {
		snapshot, err := s.snapshot(ctx, cfg, log)
		if err != nil {
			return err
		}
		result, err := set.backtest(ctx, s, snapshot, req, func(float64, string) {})
		if err != nil {
			return err
		}
		if format == "json" {
			return report.WriteValue(g.out, result)
		}
		fmt.Fprintf(g.err, "%d subjects judged; nothing was written\n", result.Subjects[req.Rule])
		return g.printAudit(result)
	})
}

// backtest judges a request as if there were no findings, and keeps none. It
// tells how far it is.
func (set *ruleset) backtest(
	ctx context.Context, s *opened, snapshot *registry.Snapshot, req engine.Request, progress func(share float64, step string),
) (*engine.Report, error) {
	progress(0, "rollup")
	if err := set.rollUp(ctx, s, snapshot, req); err != nil {
		return nil, err
	}
	e, err := set.engine(s, noFindings{})
	if err != nil {
		return nil, err
	}
	progress(0.3, "judge")
	result, err := e.Run(ctx, snapshot, req)
	if err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	return result, nil
}
