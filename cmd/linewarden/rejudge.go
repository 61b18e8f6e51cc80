package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

func newRejudge(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "rejudge ID",
		Short: "Derive a finding again from its stored facts and say whether it is identical",
		Long: "rejudge takes the facts as they were measured and the parameters they were judged by, both stored\n" +
			"with the finding, judges them again and compares every figure and word. It reads no traffic and no\n" +
			"ledger, and writes nothing. It exits 1 when something differs.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.rejudge(cmd.Context(), args[0], format)
		},
	}
	formatFlag(c.Flags(), &format, "table", "json")
	return c
}

func (g *globals) rejudge(ctx context.Context, id, format string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	set, err := cfg.ruleset()
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		f, err := s.findingOf(ctx, id)
		if err != nil {
			return err
		}
		r, err := set.find(f.Rule)
		if err != nil {
			return fmt.Errorf("finding %s cannot be judged again: %w", id, err)
		}
		again, err := rules.Rejudge(r, f, cfg.location)
		if err != nil {
			return fmt.Errorf("judge again: %w", err)
		}
		return g.writeRejudged(f, again, format)
	})
}

func (g *globals) writeRejudged(f *rules.Finding, r *rules.Rejudged, format string) error {
	if format == "json" {
		if err := report.WriteValue(g.out, r); err != nil {
			return err
		}
	} else {
		verdict := "一致 identical"
		if !r.Identical {
			verdict = "不一致 differs"
		}
		fmt.Fprintf(g.out, "%s: %s v%s %s %s\n", verdict, f.Rule, r.Version, f.Subject.Kind, f.Subject.ID)
		for _, d := range r.Differences {
			fmt.Fprintf(g.out, "- %s: %s\n+ %s: %s\n", d.Field, d.Stored, d.Field, d.Rejudged)
		}
	}
	if !r.Identical {
		return errSilent
	}
	return nil
}
