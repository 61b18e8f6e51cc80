package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report/reconciliation"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

func newReportReconciliation(g *globals) *cobra.Command {
	var (
		f        reportFlags
		settled  bool
		province string
	)
	c := &cobra.Command{
		Use: "reconciliation --out DIR", Short: "Write findings about filings under the names of the filing systems", Args: cobra.NoArgs,
		Long: "reconciliation writes what rules found about filings under the official names of results:\n" +
			officialNames() + ", as\n" +
			"reconciliation.csv, .xlsx and .json, with manifest.json and its signature in manifest.sig. Cases\n" +
			"that are settled are left out unless --settled is given. The directory appears whole or not at\n" +
			"all; linewarden verify DIR checks it. The rows are indications for a person to review.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return g.reportReconciliation(cmd.Context(), &f, settled, province)
		},
	}
	f.bind(c, rules.Text{ZH: "备案核对", EN: "reconciliation with filings"})
	c.Flags().BoolVar(&settled, "settled", false, "include cases that were rectified or dismissed, and signals that have ceased")
	c.Flags().StringVar(&province, "province", "", "only this province (two-digit GB/T 2260 `code`)")
	return c
}

// officialNames lists the results by name and rule.
func officialNames() string {
	var parts []string
	for _, n := range reconciliation.Names() {
		parts = append(parts, n.ZH+" ("+n.Code+")")
	}
	return strings.Join(parts, ", ")
}

func (g *globals) reportReconciliation(ctx context.Context, f *reportFlags, settled bool, province string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	in := &reconciliation.Input{Carrier: cfg.Carrier.Name, Location: cfg.location, Settled: settled}
	if in.Privacy, err = f.privacy(cfg, f.language, registry.DateOf(time.Now().In(cfg.location))); err != nil {
		return err
	}
	if err := vacant(f.out); err != nil {
		return err
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	var provinces []string
	if province != "" {
		provinces = []string{province}
	}
	if in.Privacy.By, err = f.permit(ctx, cfg, g.err, "reconciliation", provinces...); err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		if err := s.gatherReconciliation(ctx, cfg, in, g, province); err != nil {
			return fmt.Errorf("reconciliation: %w", err)
		}
		files, err := reconciliation.Make(in, key)
		if err != nil {
			return err
		}
		if err := writeDirWhole(f.out, files); err != nil {
			return err
		}
		fmt.Fprintf(g.err, "%s: %d files, signed with key %s\n", f.out, len(files), signed.KeyID(signed.PublicOf(key)))
		return nil
	})
}

func (o *opened) gatherReconciliation(ctx context.Context, cfg *Config, in *reconciliation.Input, g *globals, province string) error {
	var err error
	if in.Ledgers, err = o.snapshot(ctx, cfg, g.logger()); err != nil {
		return err
	}
	if in.Version, err = o.ledgerVersion(ctx); err != nil {
		return err
	}
	for _, n := range reconciliation.Names() {
		found, err := o.Findings(ctx, rules.FindingFilter{Rule: n.Rule, Province: province})
		if err != nil {
			return fmt.Errorf("read findings: %w", err)
		}
		in.Findings = append(in.Findings, found...)
	}
	log, err := o.CheckLog(ctx)
	if err != nil {
		return fmt.Errorf("check the log of findings: %w", err)
	}
	in.Log = log.Last
	return nil
}
