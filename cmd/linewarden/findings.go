package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
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
		Use: "list", Short: "List findings, with third parties, persons and restricted bodies masked", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.exportFindings(cmd.Context(), &f, &exportFlags{})
		},
	}
	f.bind(c, "table")
	return c
}

// exportFlags are the flags of export.
type exportFlags struct {
	handlingFlags
	out string
	// handled is set where what is written says how it is to be handled.
	handled bool
}

func newFindingsExport(g *globals) *cobra.Command {
	var f findingFlags
	e := exportFlags{handled: true}
	c := &cobra.Command{
		Use: "export", Short: "Export findings, ceased ones included, with third parties, persons and restricted bodies masked", Args: cobra.NoArgs,
		Long: "export writes findings as a file that leaves the house: networks of third parties, addresses of\n" +
			"subscribers and of individuals, names of persons and of restricted bodies are masked. How it is\n" +
			"to be handled stands on it: in the last column of CSV, beside each finding of JSON, and on a sheet\n" +
			"of its own in a workbook. --unmasked takes the role for it and, where there are accounts, --reason.",
		RunE: func(cmd *cobra.Command, _ []string) error { return g.exportFindings(cmd.Context(), &f, &e) },
	}
	f.bind(c, "csv")
	c.Flags().StringVarP(&e.out, "out", "o", "", "`file` to write (default: standard output)")
	e.bind(c, rules.Text{ZH: "线索清单 list of findings", EN: "list of findings"})
	e.unmaskFlags.bind(c)
	return c
}

func (g *globals) exportFindings(ctx context.Context, f *findingFlags, e *exportFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	filter, err := f.filter(cfg)
	if err != nil {
		return err
	}
	if f.format == "xlsx" && (e.out == "" || e.out == "-") && isTerminal(g.out) {
		return usagef("a workbook is not text: name a file or redirect the output")
	}
	privacy, err := e.privacy(cfg, "", registry.DateOf(time.Now().In(cfg.location)))
	if err != nil {
		return err
	}
	if privacy.By, err = e.permit(ctx, cfg, g.err, "findings", filter.Provinces...); err != nil {
		return err
	}
	if !cfg.Privacy.MaskExports && !privacy.Unmasked {
		privacy.Unmasked, privacy.Reason = true, "privacy.mask_exports"
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		found, err := s.Findings(ctx, filter)
		if err != nil {
			return fmt.Errorf("read findings: %w", err)
		}
		var handling *report.Handling
		if e.handled {
			handling = new(privacy.Handling())
		}
		if found, err = s.masked(ctx, cfg, g, &privacy, found); err != nil {
			return err
		}
		return g.writeOut(e.out, func(w io.Writer) error {
			return report.WriteExport(w, f.format, found, cfg.location, handling)
		})
	})
}

// masked returns findings as readers of an export may see them.
func (o *opened) masked(ctx context.Context, cfg *Config, g *globals, p *report.Privacy, found []rules.Finding) ([]rules.Finding, error) {
	if p.Unmasked {
		return found, nil
	}
	ledgers, err := o.snapshot(ctx, cfg, g.logger())
	if err != nil {
		return nil, err
	}
	return p.Findings(found, p.Veil(ledgers)), nil
}
