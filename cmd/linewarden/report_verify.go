package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/casefile"
	"github.com/linewarden/linewarden/report/quarterly"
	"github.com/linewarden/linewarden/report/reconciliation"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/report/timestamp"
)

// verifyReport checks the report of a directory.
func (g *globals) verifyReport(dir string, flags *verifyFlags) error {
	public, err := flags.public(g)
	if err != nil {
		return err
	}
	trust, err := flags.trust()
	if err != nil {
		return err
	}
	o, err := signed.Open(os.DirFS(dir), public)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	stamp, problem := timestamp.Of(o, trust)
	if problem != "" {
		o.Problems = append(o.Problems, problem)
	}
	var (
		verdict  any
		intact   string
		problems = o.Problems
	)
	switch o.Common.Kind {
	case casefile.ProblemKind, filingKind:
		intact = fmt.Sprintf("%d files as signed", len(o.Common.Files))
		verdict = problemVerdict{o.Common, o.Problems}
	case reconciliation.Kind:
		v, err := reconciliation.Verify(o)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		intact = fmt.Sprintf("%d files as signed", len(o.Common.Files))
		verdict, problems = v, v.Problems
	default:
		v, err := quarterly.Verify(o)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		intact = fmt.Sprintf("%s: %d files as signed; %d indications in the quarter, %d to date",
			v.Manifest.Quarter, len(o.Common.Files), v.Manifest.Counts.Quarter.Indications, v.Manifest.Counts.Cumulative.Indications)
		verdict, problems = v, v.Problems
	}
	if flags.format == "json" {
		err = report.WriteValue(g.out, verdict)
	} else {
		err = g.printReportVerdict(dir, o, problems, intact, stamp)
	}
	if err == nil && len(problems) > 0 {
		err = errSilent
	}
	return err
}

// problemVerdict is what checking files found that have no figures to count again.
type problemVerdict struct {
	Manifest signed.Common `json:"manifest"`
	Problems []string      `json:"problems"`
}

func (g *globals) printReportVerdict(dir string, o *signed.Opened, problems []string, intact string, stamp *timestamp.Stamp) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s · key %s\n", dir, o.Common.Kind, o.Common.Key)
	for _, p := range problems {
		fmt.Fprintf(&b, "异常 problem: %s\n", p)
	}
	if len(problems) == 0 {
		fmt.Fprintf(&b, "完整 intact: %s\n", intact)
	}
	b.WriteString(stampText(stamp))
	_, err := g.out.Write(b.Bytes())
	return err
}
