package quarterly

import (
	"encoding/json"
	"fmt"

	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// Verdict is what checking a report found.
type Verdict struct {
	Manifest Manifest `json:"manifest"`
	// Problems name what was altered, left out or added; none means intact.
	Problems []string `json:"problems"`
}

// Intact reports whether the report is as it was signed.
func (v *Verdict) Intact() bool { return len(v.Problems) == 0 }

func (v *Verdict) blame(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// Verify reads the manifest of a report that was opened, and counts its findings
// again. The error wraps signed.ErrReport when it is no report of a quarter;
// everything else that is wrong is in the verdict.
func Verify(o *signed.Opened) (*Verdict, error) {
	v := &Verdict{Problems: o.Problems}
	if err := json.Unmarshal(o.Manifest, &v.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", signed.ErrReport, signed.ManifestName, err)
	}
	if v.Manifest.Kind != Kind || v.Manifest.Format != Format {
		return nil, fmt.Errorf("%w of a form that this program reads: kind %q, format %d", signed.ErrReport, v.Manifest.Kind, v.Manifest.Format)
	}
	v.recount(o)
	return v, nil
}

// recount counts findings.json again.
func (v *Verdict) recount(o *signed.Opened) {
	content, err := o.Read("findings.json")
	if err != nil {
		return // the problem is named already
	}
	m := maker{window: v.Manifest.Spans.Quarter, before: v.Manifest.Spans.Before}
	if err := json.Unmarshal(content, &m.findings); err != nil {
		v.blame("findings.json cannot be read: %v", err)
		return
	}
	if got := m.tally(func(*rules.Finding) bool { return true }); got != v.Manifest.Counts {
		v.blame("findings.json has %d indications in the quarter and %d to date, %s says %d and %d",
			got.Quarter.Indications, got.Cumulative.Indications, signed.ManifestName, v.Manifest.Counts.Quarter.Indications, v.Manifest.Counts.Cumulative.Indications)
	}
}
