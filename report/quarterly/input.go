package quarterly

import (
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// Languages are those a report is written in.
func Languages() []string { return []string{"zh", "en"} }

// Input is all that a report is made from.
type Input struct {
	Carrier  string
	Quarter  Quarter
	Location *time.Location
	Language string // of the PDF file: zh or en
	// BeforeUnobserved is set where nothing is known of the quarter before.
	BeforeUnobserved bool
	// Unfinished is set while the quarter has not ended.
	Unfinished bool

	// Ledgers are those in force when the report is made.
	Ledgers *registry.Snapshot
	Version registry.Version
	// Catalogue are the rules that were run.
	Catalogue []rules.Spec
	// Findings are all that were first seen before the end of the quarter.
	Findings []rules.Finding
	// Events are the histories of the findings that people worked on.
	Events map[string][]rules.Event
	// Adjudications are what people decided about the findings of each rule, of
	// any quarter.
	Adjudications []rules.Adjudications
	// Log is the last event of the log of findings.
	Log rules.Link
	// Exporters and Routers say what was observed in the quarter.
	Exporters []rules.ExporterBooks
	Routers   []rules.RouteCoverage

	Privacy report.Privacy
}

// Observed reports whether anything at all is known of the quarter: a report
// about nothing would look like one about nothing found.
func (in *Input) Observed() bool {
	w := in.Quarter.Window(in.Location)
	for i := range in.Findings {
		if seenIn(&in.Findings[i], w) {
			return true
		}
	}
	for _, b := range in.Exporters {
		if b.Minutes > 0 {
			return true
		}
	}
	for _, r := range in.Routers {
		if len(r.Up) > 0 {
			return true
		}
	}
	return false
}

// seenIn reports whether the signal of a finding was there in the window.
func seenIn(f *rules.Finding, w rules.Window) bool {
	return f.FirstSeen.Before(w.To) && f.LastSeen.After(w.From)
}
