package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

func newFindings(g *globals) *cobra.Command {
	return group("findings", "List, show, export and work findings",
		newFindingsList(g), newFindingsShow(g), newFindingsExport(g), newFindingsMove(g), newFindingsNote(g))
}

// findingFlags are the filters of list and export.
type findingFlags struct {
	rule, clause, province, enterprise, state, severity, since, until, format string
}

func (f *findingFlags) bind(c *cobra.Command, format string) {
	flags := c.Flags()
	flags.StringVar(&f.rule, "rule", "", "only this rule `id`")
	flags.StringVar(&f.clause, "clause", "", "only findings that rest on this clause `id`")
	flags.StringVar(&f.province, "province", "", "only this province (two-digit GB/T 2260 `code`)")
	flags.StringVar(&f.enterprise, "enterprise", "", "only this enterprise `id`")
	flags.StringVar(&f.state, "state", "", "only this `state`: open, reviewing, confirmed, rectifying, rectified, dismissed, ceased")
	flags.StringVar(&f.severity, "severity", "", "only this `severity`: low, medium, high, critical")
	flags.StringVar(&f.since, "since", "", "only findings last seen at or after this `time`")
	flags.StringVar(&f.until, "until", "", "only findings first seen before the end of this `time`")
	flags.StringVar(&f.format, "format", format, "table, json, csv or xlsx")
}

func (f *findingFlags) filter(cfg *Config) (rules.FindingFilter, error) {
	filter := rules.FindingFilter{
		Rule: f.rule, Clause: f.clause, Province: f.province, Enterprise: f.enterprise,
		State: rules.State(f.state), Severity: rules.Severity(f.severity),
	}
	if err := oneOf("format", f.format, report.Formats()...); err != nil {
		return filter, err
	}
	if f.state != "" {
		if err := oneOf("state", f.state, rules.States()...); err != nil {
			return filter, err
		}
	}
	if f.severity != "" {
		if err := oneOf("severity", f.severity, "low", "medium", "high", "critical"); err != nil {
			return filter, err
		}
	}
	var err error
	if filter.Since, err = parseInstant("since", f.since, cfg.location, false); err != nil {
		return filter, err
	}
	filter.Until, err = parseInstant("until", f.until, cfg.location, true)
	return filter, err
}

func newFindingsList(g *globals) *cobra.Command {
	var f findingFlags
	c := &cobra.Command{
		Use: "list", Short: "List findings", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.exportFindings(cmd.Context(), &f, "", new(unmaskFlags))
		},
	}
	f.bind(c, "table")
	return c
}

func newFindingsExport(g *globals) *cobra.Command {
	var (
		f   findingFlags
		out string
		u   = unmaskFlags{unexplained: true}
	)
	c := &cobra.Command{
		Use: "export", Short: "Export findings, ceased ones included, with third parties masked", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := u.check(); err != nil {
				return err
			}
			return g.exportFindings(cmd.Context(), &f, out, &u)
		},
	}
	f.bind(c, "csv")
	c.Flags().StringVarP(&out, "out", "o", "", "`file` to write (default: standard output)")
	u.bind(c)
	return c
}

func (g *globals) exportFindings(ctx context.Context, f *findingFlags, out string, u *unmaskFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	filter, err := f.filter(cfg)
	if err != nil {
		return err
	}
	if f.format == "xlsx" && (out == "" || out == "-") && isTerminal(g.out) {
		return usagef("a workbook is not text: name a file or redirect the output")
	}
	if _, err := u.permit(ctx, cfg, g.err, "findings", filter.Provinces...); err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		found, err := s.Findings(ctx, filter)
		if err != nil {
			return fmt.Errorf("read findings: %w", err)
		}
		if !u.unmasked && cfg.Privacy.MaskExports {
			found = report.Mask{V4: cfg.Privacy.ThirdPartyPrefixV4, V6: cfg.Privacy.ThirdPartyPrefixV6}.Apply(found)
		}
		return g.writeOut(out, func(w io.Writer) error {
			return report.WriteFindings(w, f.format, found, cfg.location)
		})
	})
}
