package evidence

import (
	"archive/zip"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/report/timestamp"
	"github.com/linewarden/linewarden/rules"
)

// maxFiles is how many files a package may have.
const maxFiles = 1000

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
	// Stamp is what CheckStamp found.
	Stamp  *timestamp.Stamp `json:"timestamp"`
	opened *signed.Opened
}

// CheckStamp checks the time-stamp of the package, if it has one, and names what
// is wrong with it among the problems. Where authorities are trusted, a package
// without a time-stamp is a problem too.
func (v *Verdict) CheckStamp(trust *timestamp.Trust) {
	stamp, problem := timestamp.Of(v.opened, trust)
	v.Stamp = stamp
	if problem != "" {
		v.blame("%s", problem)
	}
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
	archive, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	o, err := signed.Open(archive, key)
	if err != nil {
		return nil, fmt.Errorf("%w: its %s cannot be read: %w", ErrPackage, signed.ManifestName, err)
	}
	v := &Verdict{Problems: append(o.Problems, around(archive, r, size)...), opened: o}
	if err := json.Unmarshal(o.Manifest, &v.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPackage, signed.ManifestName, err)
	}
	if c := o.Common; c.Kind != Kind || c.Format != Format {
		return nil, fmt.Errorf("%w of a form that this program reads: kind %q, format %d", ErrPackage, c.Kind, c.Format)
	}
	v.custody(o)
	v.derive(o, catalogue)
	return v, nil
}

// openArchive opens a package whose files have names of their own.
func openArchive(r io.ReaderAt, size int64) (*zip.Reader, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w, or it was cut short: %w", ErrPackage, err)
	}
	if len(archive.File) > maxFiles {
		return nil, fmt.Errorf("%w: it has %d files", ErrPackage, len(archive.File))
	}
	seen := make(map[string]bool)
	for _, f := range archive.File {
		if seen[f.Name] {
			return nil, fmt.Errorf("%w: it has two files %s", ErrPackage, f.Name)
		}
		seen[f.Name] = true
	}
	return archive, nil
}

// endBytes is how long the end of an archive is that has no comment.
const endBytes = 22

// around names what is in a package beside its files, which no signature covers:
// names that lead out of it, and bytes before and after the archive.
func around(archive *zip.Reader, r io.ReaderAt, size int64) (problems []string) {
	for _, f := range archive.File {
		if !fs.ValidPath(f.Name) {
			problems = append(problems, fmt.Sprintf("%q is a name that leads out of the package", f.Name))
		}
	}
	var begin, end [4]byte
	_, err := r.ReadAt(begin[:], 0)
	if err == nil {
		_, err = r.ReadAt(end[:], size-endBytes)
	}
	switch {
	case err != nil:
		problems = append(problems, fmt.Sprintf("the archive cannot be read: %v", err))
	case string(begin[:]) != "PK\x03\x04":
		problems = append(problems, "there are bytes before the archive")
	case string(end[:]) != "PK\x05\x06":
		problems = append(problems, "there are bytes after the archive, or it has a comment")
	}
	return problems
}

// derive judges the fact of the package again.
func (v *Verdict) derive(o *signed.Opened, catalogue []rules.Rule) {
	var (
		f     rules.Finding
		basis rules.Basis
	)
	for _, file := range []struct {
		name string
		into any
	}{{findingName, &f}, {basisName, &basis}} {
		text, err := o.Read(file.name)
		if err == nil {
			err = json.Unmarshal(text, file.into)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return // it is named as missing
		case err != nil:
			v.blame("%s cannot be read: %v", file.name, err)
			return
		}
	}
	f.Basis = &basis
	m := &v.Manifest
	if f.ID != m.Finding || f.Rule != m.Rule || f.RuleVersion != m.RuleVersion || f.State != m.State {
		v.blame("%s is about another finding than %s", findingName, signed.ManifestName)
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
		v.blame("the verdict does not follow from the fact: %s is %s, and would be %s", d.Field, brief(string(d.Stored)), brief(string(d.Rejudged)))
	}
}

// mostBrief is how many characters of a text are shown that differs.
const mostBrief = 80

// brief shortens a text.
func brief(text string) string {
	if r := []rune(text); len(r) > mostBrief {
		return string(r[:mostBrief]) + "…"
	}
	return text
}
