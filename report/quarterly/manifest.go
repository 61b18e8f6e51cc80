package quarterly

import (
	"crypto/ed25519"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// Format is the version of the layout. Verify reads this one.
const Format = 1

// Kind tells the manifest of a quarterly report from others.
const Kind = "quarterly"

// Manifest is what is signed.
type Manifest struct {
	signed.Common
	Carrier    string `json:"carrier"`
	Quarter    string `json:"quarter"`
	Language   string `json:"language"`
	TimeZone   string `json:"time_zone"`
	Unfinished bool   `json:"unfinished"`
	// Spans are those the figures were asked for.
	Spans struct {
		Quarter    rules.Window `json:"quarter"`
		Before     rules.Window `json:"quarter_before"`
		Cumulative time.Time    `json:"cumulative_before"`
	} `json:"spans"`
	Ledgers struct {
		Import string    `json:"import"`
		Known  time.Time `json:"known"`
	} `json:"ledgers_version"`
	Rules map[string]string `json:"rule_versions"`
	Log   rules.Link        `json:"log"`

	report.Handling

	// Counts are of findings.json, and stand in every other file.
	Counts Tally      `json:"counts"`
	Note   rules.Text `json:"note"`
}

// note says what a report is not.
func note() rules.Text {
	return rules.Text{
		ZH: "本报告所列均为疑似线索，供人工核查，不构成认定。",
		EN: "Everything in this report is an indication for a person to review; it is not a verdict.",
	}
}

func (m *maker) manifest(files map[string][]byte, key ed25519.PrivateKey) Manifest {
	in := m.in
	out := Manifest{
		Common: signed.List(Kind, Format, files, key), Carrier: in.Carrier, Quarter: in.Quarter.String(), Language: in.Language, TimeZone: in.Location.String(),
		Unfinished: in.Unfinished, Rules: make(map[string]string), Log: in.Log,
		Handling: in.Privacy.Handling(), Counts: m.tally(func(*rules.Finding) bool { return true }),
		Note: note(),
	}
	out.Spans.Quarter, out.Spans.Before, out.Spans.Cumulative = utc(m.window), utc(m.before), m.window.To.UTC()
	out.Ledgers.Import, out.Ledgers.Known = in.Version.ID, in.Version.Known.UTC()
	for i := range in.Catalogue {
		out.Rules[in.Catalogue[i].ID] = in.Catalogue[i].Version
	}
	return out
}

func utc(w rules.Window) rules.Window { return rules.Window{From: w.From.UTC(), To: w.To.UTC()} }
