package quarterly

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/rules"
)

// maxFileBytes is the size of the largest file that is read to check it.
const maxFileBytes = 1 << 30

// ErrReport is the error of a directory that holds no report.
var ErrReport = errors.New("this is not a report")

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

// Verify checks the report of a directory with the public key of who signed it,
// and counts its findings again. The error wraps ErrReport when the directory
// holds no report; everything else that is wrong is in the verdict.
func Verify(dir fs.FS, key ed25519.PublicKey) (*Verdict, error) {
	manifest, err := readFile(dir, ManifestName)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReport, err)
	}
	v := &Verdict{Problems: []string{}}
	if err := json.Unmarshal(manifest, &v.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrReport, ManifestName, err)
	}
	if v.Manifest.Kind != Kind || v.Manifest.Format != Format {
		return nil, fmt.Errorf("%w of a form that this program reads: kind %q, format %d", ErrReport, v.Manifest.Kind, v.Manifest.Format)
	}
	v.signed(dir, manifest, key)
	if err := v.compare(dir); err != nil {
		return nil, err
	}
	v.recount(dir)
	return v, nil
}

func readFile(dir fs.FS, name string) (content []byte, err error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read it: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err = io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(content) > maxFileBytes {
		return nil, fmt.Errorf("%s holds more than %d bytes", name, maxFileBytes)
	}
	return content, nil
}

// signed checks the signature of the manifest.
func (v *Verdict) signed(dir fs.FS, manifest []byte, key ed25519.PublicKey) {
	text, err := readFile(dir, SignatureName)
	if err != nil {
		v.blame("%s is missing: nobody signed the report", SignatureName)
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		v.blame("%s is not a signature", SignatureName)
	case ed25519.Verify(key, manifest, raw):
	case v.Manifest.Key != evidence.KeyID(key):
		v.blame("the report was signed with key %s, and key %s was given to check it", v.Manifest.Key, evidence.KeyID(key))
	default:
		v.blame("%s was altered: it does not fit its signature", ManifestName)
	}
}

// compare checks each file against the manifest.
func (v *Verdict) compare(dir fs.FS) error {
	listed := []string{ManifestName, SignatureName}
	for _, f := range v.Manifest.Files {
		listed = append(listed, f.Name)
		content, err := readFile(dir, f.Name)
		sum := sha256.Sum256(content)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.blame("%s is missing", f.Name)
		case err != nil:
			v.blame("%s cannot be read: %v", f.Name, err)
		case hex.EncodeToString(sum[:]) != f.SHA256:
			v.blame("%s was altered", f.Name)
		}
	}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return fmt.Errorf("list the report: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains(listed, e.Name()) {
			v.blame("%s was added", e.Name())
		}
	}
	return nil
}

// recount counts findings.json again.
func (v *Verdict) recount(dir fs.FS) {
	content, err := readFile(dir, "findings.json")
	if err != nil {
		return // blamed by compare
	}
	m := maker{window: v.Manifest.Spans.Quarter, before: v.Manifest.Spans.Before}
	if err := json.Unmarshal(content, &m.findings); err != nil {
		v.blame("findings.json cannot be read: %v", err)
		return
	}
	if got := m.tally(func(*rules.Finding) bool { return true }); got != v.Manifest.Counts {
		v.blame("findings.json has %d indications in the quarter and %d to date, %s says %d and %d",
			got.Quarter.Indications, got.Cumulative.Indications, ManifestName, v.Manifest.Counts.Quarter.Indications, v.Manifest.Counts.Cumulative.Indications)
	}
}
