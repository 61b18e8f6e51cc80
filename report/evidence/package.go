package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// Format is the version of the layout. Verify reads this one.
const Format = 1

// The names of files that every package has.
const (
	manifestName  = "manifest.json"
	signatureName = "manifest.sig"
	findingName   = "finding.json"
	basisName     = "basis.json"
	ruleName      = "rule.json"
	eventsName    = "events.json"
)

// Material is all that goes into a package.
type Material struct {
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
	Format      int            `json:"format"`
	Finding     string         `json:"finding"`
	Rule        string         `json:"rule"`
	RuleVersion string         `json:"rule_version"`
	Subject     rules.Subject  `json:"subject"`
	State       rules.State    `json:"state"`
	Window      rules.Window   `json:"window"`
	TimeZone    string         `json:"time_zone"`
	Ledgers     string         `json:"ledgers_version"`
	Log         rules.Link     `json:"log"` // of the last event of the finding
	Key         string         `json:"key"` // of the signature, as KeyID gives it
	Note        rules.Text     `json:"note"`
	Files       []ManifestFile `json:"files"`
}

// ManifestFile is one file of a package.
type ManifestFile struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// note says what a package is not.
func note() rules.Text {
	return rules.Text{
		ZH: "本证据包说明的是疑似线索，供人工核查，不构成认定。",
		EN: "This package supports an indication for a person to review; it is not a verdict.",
	}
}

// KeyID names a public key: the first 16 hexadecimal digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Write writes the package and signs it.
func Write(w io.Writer, m *Material, key ed25519.PrivateKey) error {
	files, err := m.files()
	if err != nil {
		return err
	}
	manifest, err := m.manifest(files, key)
	if err != nil {
		return err
	}
	files[manifestName] = manifest
	files[signatureName] = []byte(base64.StdEncoding.EncodeToString(ed25519.Sign(key, manifest)) + "\n")
	out := zip.NewWriter(w)
	for _, name := range sortedNames(files) {
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
		text, err := encode(value)
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

func (m *Material) manifest(files map[string][]byte, key ed25519.PrivateKey) ([]byte, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the key of evidence is not an ed25519 key")
	}
	f := &m.Finding
	out := Manifest{
		Format: Format, Finding: f.ID, Rule: f.Rule, RuleVersion: f.RuleVersion, Subject: f.Subject, State: f.State,
		Window: rules.Window{From: f.Window.From.UTC(), To: f.Window.To.UTC()}, TimeZone: m.Location.String(), Key: KeyID(public), Note: note(),
	}
	if f.Basis != nil {
		out.Ledgers = f.Basis.Ledgers.ID
	}
	for _, e := range m.Events {
		if e.Number > out.Log.Number {
			out.Log = e.Link
		}
	}
	for _, name := range sortedNames(files) {
		sum := sha256.Sum256(files[name])
		out.Files = append(out.Files, ManifestFile{Name: name, Bytes: len(files[name]), SHA256: hex.EncodeToString(sum[:])})
	}
	return encode(out)
}

func sortedNames(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// encode writes JSON that people can read.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return b.Bytes(), nil
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
