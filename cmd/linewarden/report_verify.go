package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/quarterly"
)

// verifyReport checks the report of a directory.
func (g *globals) verifyReport(dir, keyFile, format string) error {
	keyFile, err := g.publicKeyFile(keyFile)
	if err != nil {
		return err
	}
	public, err := evidence.ReadPublic(keyFile)
	if err != nil {
		return err
	}
	v, err := quarterly.Verify(os.DirFS(dir), public)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if format == "json" {
		err = writeJSON(g.out, v)
	} else {
		err = g.printReportVerdict(dir, v)
	}
	if err == nil && !v.Intact() {
		err = errSilent
	}
	return err
}

func (g *globals) printReportVerdict(dir string, v *quarterly.Verdict) error {
	m := &v.Manifest
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s %s · %s · key %s\n", dir, m.Kind, m.Quarter, m.Carrier, m.Key)
	for _, p := range v.Problems {
		fmt.Fprintf(&b, "异常 problem: %s\n", p)
	}
	if v.Intact() {
		fmt.Fprintf(&b, "完整 intact: %d files as signed; %d indications in the quarter, %d to date\n",
			len(m.Files), m.Counts.Quarter.Indications, m.Counts.Cumulative.Indications)
	}
	_, err := g.out.Write(b.Bytes())
	return err
}
