package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report/casefile"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

func newReportProblem(g *globals) *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use: "problem ID --out DIR", Short: "Write the signed report of a major problem, at any time", Args: cobra.ExactArgs(1),
		Long: "problem writes report.pdf and findings.json about one finding that a person has confirmed, with\n" +
			"manifest.json and its signature in manifest.sig. The directory appears whole or not at all;\n" +
			"linewarden verify DIR checks it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return g.reportProblem(cmd.Context(), args[0], &f)
		},
	}
	f.bind(c, rules.Text{ZH: "重大问题报告", EN: "report of a major problem"})
	return c
}

func (g *globals) reportProblem(ctx context.Context, id string, f *reportFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	if err := vacant(f.out); err != nil {
		return err
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		m, err := gatherEvidence(ctx, cfg, s.Store, id)
		if err != nil {
			return err
		}
		p := casefile.Problem{Carrier: cfg.Carrier.Name, Language: f.language, Material: *m}
		if p.Privacy, err = f.privacy(cfg, f.language, registry.DateOf(m.Finding.Window.To.In(cfg.location))); err != nil {
			return err
		}
		if p.Privacy.By, err = f.permit(ctx, cfg, g.err, "finding/"+id, m.Finding.Province); err != nil {
			return err
		}
		decided, err := s.Adjudications(ctx)
		if err != nil {
			return fmt.Errorf("read what became of the rule's findings: %w", err)
		}
		precision := rules.PrecisionOf(decided, m.Finding.Rule)
		p.Precision = &precision
		if p.Ledgers, err = s.snapshot(ctx, cfg, g.logger()); err != nil {
			return err
		}
		files, err := p.Files(key)
		if err != nil {
			return err
		}
		if err := writeDirWhole(f.out, files); err != nil {
			return err
		}
		fmt.Fprintf(g.err, "%s: %d files about %s, signed with key %s\n", f.out, len(files), id, signed.KeyID(signed.PublicOf(key)))
		return nil
	})
}
