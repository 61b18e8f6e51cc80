package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/quarterly"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

func newReport(g *globals) *cobra.Command {
	return group("report", "Write reports to the regulator", newReportQuarterly(g), newReportProblem(g), newReportReconciliation(g), newReportFiling(g), newReportEnvelope(g), newReportDiff(g))
}

// handlingFlags say who an export is for and how it is to be handled.
type handlingFlags struct {
	unmaskFlags
	recipient, purpose, expires string
	// usual is the purpose where none is given.
	usual rules.Text
}

func (f *handlingFlags) bind(c *cobra.Command, usual rules.Text) {
	f.usual = usual
	flags := c.Flags()
	flags.StringVar(&f.recipient, "recipient", "", "`name` of who it is for; it stands in the watermark")
	flags.StringVar(&f.purpose, "purpose", "", "`text` that says what it is for (default: "+usual.EN+")")
	flags.StringVar(&f.expires, "expires", "", "last `day` it may be used (default: a year after what it is about)")
}

// reportFlags are those of every report.
type reportFlags struct {
	handlingFlags
	out, language string
}

func (f *reportFlags) bind(c *cobra.Command, usual rules.Text) {
	f.handlingFlags.bind(c, usual)
	f.unmaskFlags.bind(c)
	c.Flags().StringVarP(&f.out, "out", "o", "", "`directory` to write; it must not be there yet, or be empty")
	c.Flags().StringVar(&f.language, "lang", "zh", "language of the PDF file: zh or en")
}

func (f *reportFlags) check() error {
	if f.out == "" {
		return usagef("--out is missing: name the directory to write")
	}
	return oneOf("lang", f.language, quarterly.Languages()...)
}

func newReportQuarterly(g *globals) *cobra.Command {
	var (
		f       reportFlags
		quarter string
	)
	c := &cobra.Command{
		Use: "quarterly --quarter 2026Q3 --out DIR", Short: "Write the signed self-inspection report of a quarter", Args: cobra.NoArgs,
		Long: "quarterly writes the eleven sections of the quarter's report as report.pdf, with every finding\n" +
			"in findings.csv, .xlsx and .json, coverage.csv (what was and was not observed), user_files.csv\n" +
			"(the files of international lines), and manifest.json with the SHA-256 of each, signed in\n" +
			"manifest.sig. The directory appears whole or not at all. From the same store comes the same\n" +
			"report, byte by byte; linewarden verify DIR checks one.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if quarter == "" {
				return usagef("--quarter is missing: write it like 2026Q3")
			}
			q, err := quarterly.ParseQuarter(quarter)
			if err != nil {
				return usagef("--quarter: %w", err)
			}
			if err := f.check(); err != nil {
				return err
			}
			return g.reportQuarterly(cmd.Context(), q, &f)
		},
	}
	c.Flags().StringVar(&quarter, "quarter", "", "`quarter` of a year, such as 2026Q3")
	f.bind(c, rules.Text{ZH: "季度自查报告", EN: "quarterly self-inspection"})
	return c
}

func (g *globals) reportQuarterly(ctx context.Context, q quarterly.Quarter, f *reportFlags) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	privacy, err := f.privacy(cfg, f.language, q.Days().To)
	if err != nil {
		return err
	}
	w, now := q.Window(cfg.location), time.Now()
	if now.Before(w.From) {
		return fmt.Errorf("quarter %s begins on %s and has no data yet", q, w.From.Format(time.DateOnly))
	}
	if err := vacant(f.out); err != nil {
		return err
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	if privacy.By, err = f.permit(ctx, cfg, g.err, "report/"+q.String()); err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		in := &quarterly.Input{
			Carrier: cfg.Carrier.Name, Quarter: q, Location: cfg.location, Language: f.language, Unfinished: now.Before(w.To), Privacy: privacy,
		}
		if err := s.gatherQuarter(ctx, cfg, in, g); err != nil {
			return fmt.Errorf("report %s: %w", q, err)
		}
		files, err := quarterly.Make(in, key)
		if err != nil {
			return fmt.Errorf("report %s: %w", q, err)
		}
		if err := writeDirWhole(f.out, files); err != nil {
			return err
		}
		fmt.Fprintf(g.err, "%s: %d files about %s, signed with key %s\n", f.out, len(files), q, signed.KeyID(signed.PublicOf(key)))
		return nil
	})
}

// privacy says what an export about days up to last shows, and to whom.
func (f *handlingFlags) privacy(cfg *Config, language string, last registry.Date) (report.Privacy, error) {
	if err := f.check(cfg); err != nil {
		return report.Privacy{}, err
	}
	p := report.Privacy{
		Mask:     report.Mask{V4: cfg.Privacy.ThirdPartyPrefixV4, V6: cfg.Privacy.ThirdPartyPrefixV6},
		Unmasked: f.unmasked, Reason: f.reason, Recipient: f.recipient, Purpose: f.purpose,
		Expires: registry.DateOf(last.Start(time.UTC).AddDate(1, 0, 0)),
	}
	if p.Purpose == "" {
		if p.Purpose = f.usual.ZH; language == "en" {
			p.Purpose = f.usual.EN
		}
	}
	if f.expires == "" {
		return p, nil
	}
	day, err := registry.ParseDate(f.expires)
	if err != nil {
		return p, usagef("--expires: %w", err)
	}
	p.Expires = day
	return p, nil
}

// gatherQuarter reads what a report is made from. A quarter of which nothing is
// known is an error: its report would look like one in which all is well.
func (o *opened) gatherQuarter(ctx context.Context, cfg *Config, in *quarterly.Input, g *globals) error {
	w := in.Quarter.Window(cfg.location)
	var err error
	if in.Ledgers, err = o.snapshot(ctx, cfg, g.logger()); err != nil {
		return err
	}
	if in.Version, err = o.ledgerVersion(ctx); err != nil {
		return err
	}
	set, err := cfg.ruleset()
	if err != nil {
		return err
	}
	for i := range set.catalogue {
		in.Catalogue = append(in.Catalogue, set.catalogue[i].Spec)
	}
	if in.Findings, err = o.Findings(ctx, rules.FindingFilter{Until: w.To}); err != nil {
		return fmt.Errorf("read findings: %w", err)
	}
	if in.Exporters, err = o.ExporterBooks(ctx, w); err != nil {
		return fmt.Errorf("read exporter books: %w", err)
	}
	if in.Routers, err = o.RouteCoverage(ctx, w); err != nil {
		return fmt.Errorf("read sessions of routers: %w", err)
	}
	if !in.Observed() {
		return fmt.Errorf("there is no data from %s to %s: no flow, no routes and no finding; %s",
			w.From.Format(time.DateOnly), w.To.AddDate(0, 0, -1).Format(time.DateOnly), o.spanOfFindings(ctx, cfg))
	}
	if err := o.observedBefore(ctx, in); err != nil {
		return err
	}
	in.Events = make(map[string][]rules.Event)
	for i := range in.Findings {
		if f := &in.Findings[i]; f.Case != nil {
			if in.Events[f.ID], err = o.Events(ctx, f.ID); err != nil {
				return fmt.Errorf("read the history of %s: %w", f.ID, err)
			}
		}
	}
	if in.Adjudications, err = o.Adjudications(ctx); err != nil {
		return fmt.Errorf("read what became of findings: %w", err)
	}
	log, err := o.CheckLog(ctx)
	if err != nil {
		return fmt.Errorf("check the log of findings: %w", err)
	}
	in.Log = log.Last
	return nil
}

// observedBefore tells whether anything is known of the quarter before: figures
// are not compared with nothing.
func (o *opened) observedBefore(ctx context.Context, in *quarterly.Input) error {
	before := &quarterly.Input{Quarter: in.Quarter.Before(), Location: in.Location, Findings: in.Findings}
	w := before.Quarter.Window(in.Location)
	var err error
	if before.Exporters, err = o.ExporterBooks(ctx, w); err != nil {
		return fmt.Errorf("read exporter books: %w", err)
	}
	if before.Routers, err = o.RouteCoverage(ctx, w); err != nil {
		return fmt.Errorf("read sessions of routers: %w", err)
	}
	in.BeforeUnobserved = !before.Observed()
	return nil
}

// spanOfFindings says when there is data, for a quarter that has none.
func (o *opened) spanOfFindings(ctx context.Context, cfg *Config) string {
	all, err := o.Findings(ctx, rules.FindingFilter{})
	if err != nil || len(all) == 0 {
		return "the store has no finding at all; see linewarden audit"
	}
	first := slices.MinFunc(all, func(a, b rules.Finding) int { return a.FirstSeen.Compare(b.FirstSeen) }).FirstSeen
	last := slices.MaxFunc(all, func(a, b rules.Finding) int { return a.LastSeen.Compare(b.LastSeen) }).LastSeen
	return fmt.Sprintf("the findings of the store are from %s to %s",
		first.In(cfg.location).Format(time.DateOnly), last.In(cfg.location).Add(-time.Nanosecond).Format(time.DateOnly))
}

// vacant refuses a directory that has something in it.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("write the report: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("%s is there already and is not empty; name another directory", dir)
	}
	return nil
}

// writeDirWhole writes files into a directory beside dir and renames it, so
// that nobody sees half of it.
func writeDirWhole(dir string, files map[string][]byte) (err error) {
	dir = filepath.Clean(dir)
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", dir, err), os.RemoveAll(tmp))
		}
	}()
	for name, content := range files {
		if err := writeSynced(filepath.Join(tmp, name), content); err != nil {
			return err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func writeSynced(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
