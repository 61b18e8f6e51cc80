package evidence

import (
	"archive/zip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// The limits of what is read. A package beyond them is refused.
const (
	maxFiles     = 1000
	maxFileBytes = 256 << 20
	maxBytes     = 1 << 30
)

// ErrPackage is the error of a file that is no evidence package.
var ErrPackage = errors.New("this is not an evidence package")

// Verdict is what checking a package found.
type Verdict struct {
	Manifest Manifest `json:"manifest"`
	// Problems name what was altered, left out or added; none means intact.
	Problems []string `json:"problems"`
	// Rejudged is the verdict as it follows from the fact in the package; nil
	// where it could not be derived.
	Rejudged *rules.Rejudged `json:"rejudged"`
}

// Intact reports whether the package is as it was signed and its verdict
// follows from it.
func (v *Verdict) Intact() bool { return len(v.Problems) == 0 }

func (v *Verdict) blame(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

// Verify checks a package with the public key of who signed it. The error wraps
// ErrPackage when the file cannot be read as a package at all; everything else
// that is wrong is in the verdict.
func Verify(r io.ReaderAt, size int64, key ed25519.PublicKey, catalogue []rules.Rule) (*Verdict, error) {
	files, names, err := unzip(r, size)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Problems: []string{}}
	manifest, ok := files[manifestName]
	if !ok {
		return nil, fmt.Errorf("%w: it has no %s", ErrPackage, manifestName)
	}
	if err := json.Unmarshal(manifest, &v.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPackage, manifestName, err)
	}
	if v.Manifest.Format != Format {
		return nil, fmt.Errorf("%w of a form that this program reads: format %d, it reads %d", ErrPackage, v.Manifest.Format, Format)
	}
	v.signed(manifest, files[signatureName], key)
	v.compare(files, names)
	v.derive(files, catalogue)
	return v, nil
}

// unzip reads all files. It never trusts the sizes that a file claims.
func unzip(r io.ReaderAt, size int64) (files map[string][]byte, names []string, err error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPackage, err)
	}
	if len(archive.File) > maxFiles {
		return nil, nil, fmt.Errorf("%w: it has %d files", ErrPackage, len(archive.File))
	}
	files = make(map[string][]byte, len(archive.File))
	total := 0
	for _, f := range archive.File {
		content, err := read(f)
		if err != nil {
			return nil, nil, err
		}
		if total += len(content); total > maxBytes {
			return nil, nil, fmt.Errorf("%w: it holds more than %d bytes", ErrPackage, maxBytes)
		}
		names = append(names, f.Name)
		files[f.Name] = content
	}
	return files, names, nil
}

func read(f *zip.File) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPackage, f.Name, err)
	}
	content, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPackage, f.Name, err)
	}
	if len(content) > maxFileBytes {
		return nil, fmt.Errorf("%w: %s holds more than %d bytes", ErrPackage, f.Name, maxFileBytes)
	}
	return content, nil
}

// signed checks the signature of the manifest.
func (v *Verdict) signed(manifest, signature []byte, key ed25519.PublicKey) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(signature)))
	switch {
	case len(signature) == 0:
		v.blame("%s is missing: nobody signed the package", signatureName)
	case err != nil:
		v.blame("%s is not a signature", signatureName)
	case ed25519.Verify(key, manifest, raw):
		return
	case v.Manifest.Key != KeyID(key):
		v.blame("the package was signed with key %s, and key %s was given to check it", v.Manifest.Key, KeyID(key))
	default:
		v.blame("%s was altered: it does not fit its signature", manifestName)
	}
}

// compare checks each file against the manifest.
func (v *Verdict) compare(files map[string][]byte, names []string) {
	listed := map[string]bool{manifestName: true, signatureName: true}
	for _, f := range v.Manifest.Files {
		listed[f.Name] = true
		content, there := files[f.Name]
		sum := sha256.Sum256(content)
		switch {
		case !there:
			v.blame("%s is missing", f.Name)
		case hex.EncodeToString(sum[:]) != f.SHA256:
			v.blame("%s was altered", f.Name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		switch {
		case !listed[name]:
			v.blame("%s was added", name)
		case i > 0 && names[i-1] == name:
			v.blame("%s is there twice", name)
		}
	}
}

// derive judges the fact of the package again.
func (v *Verdict) derive(files map[string][]byte, catalogue []rules.Rule) {
	var (
		f     rules.Finding
		basis rules.Basis
	)
	if err := json.Unmarshal(files[findingName], &f); err != nil {
		v.blame("%s cannot be read: %v", findingName, err)
		return
	}
	if err := json.Unmarshal(files[basisName], &basis); err != nil {
		v.blame("%s cannot be read: %v", basisName, err)
		return
	}
	f.Basis = &basis
	m := &v.Manifest
	if f.ID != m.Finding || f.Rule != m.Rule || f.RuleVersion != m.RuleVersion || f.State != m.State {
		v.blame("%s is about another finding than %s", findingName, manifestName)
	}
	rule, known := rules.Find(catalogue, f.Rule)
	if !known {
		v.blame("rule %s is not one of this program, so that its verdict cannot be derived here", f.Rule)
		return
	}
	loc, err := time.LoadLocation(m.TimeZone)
	if err != nil {
		v.blame("time zone %q of the package is not known here", m.TimeZone)
		return
	}
	if v.Rejudged, err = rules.Rejudge(rule, &f, loc); err != nil {
		v.blame("the verdict cannot be derived: %v", err)
		return
	}
	for _, d := range v.Rejudged.Differences {
		if d.Field == "rule_version" {
			v.blame("the rule was version %s, this program has version %s", f.RuleVersion, rule.Spec.Version)
			continue
		}
		v.blame("the verdict does not follow from the fact: %s is %s, and would be %s", d.Field, d.Stored, d.Rejudged)
	}
}
