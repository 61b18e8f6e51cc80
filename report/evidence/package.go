package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/report/timestamp"
	"github.com/linewarden/linewarden/rules"
)

// Format is the version of the layout. Verify reads this one.
const Format = 1

// Kind is that of the manifest.
const Kind = "evidence"

// The names of files that every package has beside its manifest.
const (
	findingName = "finding.json"
	basisName   = "basis.json"
	ruleName    = "rule.json"
	eventsName  = "events.json"
)

// Material is all that goes into a package.
type Material struct {
	// Carrier is whose evidence it is.
	Carrier string
	// Handling says who the package is for, and why it is not masked.
	Handling report.Handling
	// Finding must have its Basis.
	Finding rules.Finding
	Rule    rules.Spec
	// Events are the history of the case, oldest first.
	Events []rules.Event
	// Location is the carrier's time zone, in which days were judged.
	Location *time.Location
	// Tables are written as CSV files of their names: ledger rows, traffic,
	// completeness, routes.
	Tables []Table
	// Documents are further files by name, such as a readable PDF.
	Documents map[string][]byte
	// Timestamp is an answer of a time-stamping authority about the manifest (RFC
	// 3161); nil for none.
	Timestamp []byte
}

// Table is a CSV file in the making.
type Table struct {
	// Name is a path without its ending, such as ledgers/lines.
	Name string
	// Columns name the figures, with units.
	Columns []string
	Rows    [][]string
}

// Manifest is what is signed.
type Manifest struct {
	signed.Common
	Carrier     string        `json:"carrier"`
	Finding     string        `json:"finding"`
	Rule        string        `json:"rule"`
	RuleVersion string        `json:"rule_version"`
	Subject     rules.Subject `json:"subject"`
	State       rules.State   `json:"state"`
	Window      rules.Window  `json:"window"`
	TimeZone    string        `json:"time_zone"`
	Ledgers     string        `json:"ledgers_version"`
	Log         rules.Link    `json:"log"` // of the last event of the finding
	report.Handling
	Note rules.Text `json:"note"`
}

// note says what a package is not.
func note() rules.Text {
	return rules.Text{
		ZH: "本证据包说明的是疑似线索，供人工核查，不构成认定。",
		EN: "This package supports an indication for a person to review; it is not a verdict.",
	}
}

// Write writes the package and signs it.
func Write(w io.Writer, m *Material, key ed25519.PrivateKey) error {
	files, err := m.files()
	if err != nil {
		return err
	}
	if err := signed.Seal(files, m.manifest(files, key), key); err != nil {
		return err
	}
	if m.Timestamp != nil {
		if _, err := timestamp.Check(m.Timestamp, files[signed.ManifestName], nil); err != nil {
			return fmt.Errorf("put the time-stamp into the evidence package: %w", err)
		}
		files[signed.TimestampName] = m.Timestamp
	}
	return archive(w, files)
}

// archive writes files as the zip file of a package.
func archive(w io.Writer, files map[string][]byte) error {
	out := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		// Stored, and without a time: no library or clock changes a byte.
		f, err := out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return fmt.Errorf("write %s into the evidence package: %w", name, err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write the evidence package: %w", err)
	}
	return nil
}

// files returns all files but manifest and signature.
func (m *Material) files() (map[string][]byte, error) {
	files := make(map[string][]byte, len(m.Tables)+len(m.Documents)+6)
	for name, value := range map[string]any{
		findingName: m.Finding, basisName: m.Finding.Basis, ruleName: m.Rule, eventsName: m.Events,
	} {
		text, err := signed.Encode(value)
		if err != nil {
			return nil, fmt.Errorf("write %s into the evidence package: %w", name, err)
		}
		files[name] = text
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		text, err := t.encode()
		if err != nil {
			return nil, fmt.Errorf("write %s into the evidence package: %w", t.Name, err)
		}
		files[t.Name+".csv"] = text
	}
	for name, content := range m.Documents {
		if _, taken := files[name]; taken {
			return nil, fmt.Errorf("the evidence package has two files %s", name)
		}
		files[name] = content
	}
	return files, nil
}

func (m *Material) manifest(files map[string][]byte, key ed25519.PrivateKey) Manifest {
	f := &m.Finding
	out := Manifest{
		Common: signed.List(Kind, Format, files, key), Carrier: m.Carrier, Handling: m.Handling,
		Finding: f.ID, Rule: f.Rule, RuleVersion: f.RuleVersion, Subject: f.Subject, State: f.State,
		Window: rules.Window{From: f.Window.From.UTC(), To: f.Window.To.UTC()}, TimeZone: m.Location.String(), Note: note(),
	}
	if f.Basis != nil {
		out.Ledgers = f.Basis.Ledgers.ID
	}
	out.Log = LastLink(m.Events)
	return out
}

// LastLink is that of the last event in the log of findings.
func LastLink(events []rules.Event) (last rules.Link) {
	for _, e := range events {
		if e.Number > last.Number {
			last = e.Link
		}
	}
	return last
}

func (t *Table) encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff") // spreadsheets take a file without it for the local code page
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.WriteAll(append([][]string{t.Columns}, t.Rows...)); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return b.Bytes(), nil
}
