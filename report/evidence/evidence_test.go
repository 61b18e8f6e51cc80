package evidence_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

var (
	key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	pub = key.Public().(ed25519.PublicKey)
)

// material is about a finding that the rule itself made.
func material(t *testing.T) *evidence.Material {
	t.Helper()
	day := func(text string) registry.Date {
		d, err := registry.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ledgers := registry.NewSnapshot(&registry.Ledgers{
		Enterprises: []registry.Enterprise{{ID: "E1", Name: "甲公司", Place: "3301"}},
		Lines:       []registry.Line{{ID: "L1", EnterpriseID: "E1", Scope: "international", APlace: "3301", ZCountry: "JP"}},
	}, nil, registry.WithVersion(registry.Version{ID: "import-1"}))
	rule := rules.IntlUserFile()
	params, err := rule.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	span := rules.Span{Days: registry.Validity{From: day("2026-03-02"), To: day("2026-03-08")}, Location: time.UTC}
	for fact, err := range rule.Measure(t.Context(), rules.Inputs{Span: span, Ledgers: ledgers}, params) {
		if err != nil {
			t.Fatal(err)
		}
		j := rule.Judge(fact, params)
		if j.Outcome != rules.Fires {
			t.Fatalf("the rule says %v", j.Outcome)
		}
		subject, enterprise, province := fact.About()
		f := rules.Finding{
			ID: rules.FindingID(rule.Spec.ID, subject), Rule: rule.Spec.ID, RuleVersion: rule.Spec.Version, Clauses: rule.Spec.ClausesAt(span.Days),
			Subject: subject, EnterpriseID: enterprise, Province: province, Severity: j.Severity, Confidence: j.Confidence, State: rules.Confirmed,
			FirstSeen: j.FirstDay.Start(time.UTC), LastSeen: (j.LastDay + 1).Start(time.UTC), Window: span.Window(), Facts: j.Facts,
			Completeness: j.Completeness, Title: rule.Spec.Title, Explanation: j.Explanation, Evidence: j.Evidence, Benign: j.Benign,
		}
		if f.Basis, err = rules.NewBasis(fact, params, ledgers.Version()); err != nil {
			t.Fatal(err)
		}
		event, err := rules.Event{Finding: f.ID, Kind: "new", Actor: "linewarden", At: span.Window().To}.After(rules.Link{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return &evidence.Material{
			Finding: f, Rule: rule.Spec, Events: []rules.Event{event}, Location: time.UTC,
			Tables:    []evidence.Table{{Name: "ledgers/lines", Columns: []string{"line_id"}, Rows: [][]string{{"L1"}}}},
			Documents: map[string][]byte{"summary.txt": []byte("summary\n")},
		}
	}
	t.Fatal("nothing was measured")
	return nil
}

func packed(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := evidence.Write(&b, material(t), key); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(t *testing.T, b []byte, public ed25519.PublicKey) *evidence.Verdict {
	t.Helper()
	v, err := evidence.Verify(bytes.NewReader(b), int64(len(b)), public, rules.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPackageIsIntact(t *testing.T) {
	v := verify(t, packed(t), pub)
	if !v.Intact() || v.Rejudged == nil || !v.Rejudged.Identical {
		t.Errorf("problems %q, rejudged %+v", v.Problems, v.Rejudged)
	}
	if v.Manifest.Ledgers != "import-1" || v.Manifest.Log.Number != 1 || len(v.Manifest.Files) != 6 {
		t.Errorf("manifest %+v", v.Manifest)
	}
}

func TestSameInputsGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(packed(t), packed(t)) {
		t.Error("two packages of the same inputs differ")
	}
}

// rezip writes a package again, with its files as alter leaves them.
func rezip(t *testing.T, b []byte, alter func(files map[string][]byte)) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	alter(files)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestVerifyNamesWhatWasAltered plants each kind of change.
func TestVerifyNamesWhatWasAltered(t *testing.T) {
	replace := func(name, old, now string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			altered := strings.Replace(string(files[name]), old, now, 1)
			if altered == string(files[name]) {
				t.Fatalf("%s has no %q", name, old)
			}
			files[name] = []byte(altered)
		}
	}
	for want, alter := range map[string]func(map[string][]byte){
		"ledgers/lines.csv was altered": replace("ledgers/lines.csv", "L1", "L2"),
		"finding.json was altered":      replace("finding.json", "confirmed", "dismissed"),
		"summary.txt is missing":        func(files map[string][]byte) { delete(files, "summary.txt") },
		"more.txt was added":            func(files map[string][]byte) { files["more.txt"] = nil },
		"manifest.json was altered":     replace("manifest.json", `"rule_version"`, ` "rule_version"`),
		"nobody signed this":            func(files map[string][]byte) { delete(files, "manifest.sig") },
		"manifest.sig is not a":         func(files map[string][]byte) { files["manifest.sig"] = []byte("?") },
		"leads out of the package":      func(files map[string][]byte) { files["../../etc/more"] = nil },
		"the verdict does not follow":   replace("finding.json", `"severity": "`, `"severity": "less `),
	} {
		v := verify(t, rezip(t, packed(t), alter), pub)
		if !slices.ContainsFunc(v.Problems, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("want %q, got %q", want, v.Problems)
		}
	}
}

// TestVerifyWhatIsAround puts bytes where no signature looks, and alters the
// manifest where it tells of another file.
func TestVerifyWhatIsAround(t *testing.T) {
	whole := packed(t)
	other := rezip(t, whole, func(files map[string][]byte) {
		text := files["manifest.json"]
		at := bytes.Index(text, []byte(`"name": "summary.txt"`))
		if at < 0 {
			t.Fatal("the manifest does not name summary.txt")
		}
		at += bytes.Index(text[at:], []byte(`"sha256": "`)) + len(`"sha256": "`)
		text[at] ^= 1
	})
	for want, b := range map[string][]byte{
		"there are bytes after the archive":                     append(bytes.Clone(whole), 'x'),
		"there are bytes before the archive":                    append([]byte("#!/bin/sh\n"), whole...),
		"summary.txt is not what manifest.json says of it":      other,
		"manifest.json was altered, or signed with another key": other,
	} {
		v := verify(t, b, pub)
		if !slices.ContainsFunc(v.Problems, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("want %q, got %q", want, v.Problems)
		}
		if slices.ContainsFunc(v.Problems, func(p string) bool { return strings.HasSuffix(p, "summary.txt was altered") }) {
			t.Errorf("a file is blamed for its manifest: %q", v.Problems)
		}
	}
}

// TestTwoFilesOfOneName refuses a package of which readers would see one file or
// the other.
func TestTwoFilesOfOneName(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for range 2 {
		if _, err := w.Create("finding.json"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := evidence.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), pub, rules.Catalogue())
	if !errors.Is(err, evidence.ErrPackage) || !strings.Contains(err.Error(), "two files finding.json") {
		t.Errorf("got %v", err)
	}
}

func TestVerifyWithAnotherKey(t *testing.T) {
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	v := verify(t, packed(t), other)
	if len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "was signed with key "+signed.KeyID(pub)+", and key "+signed.KeyID(other)) {
		t.Errorf("got %q", v.Problems)
	}
}

func TestVerifyWhatIsNoPackage(t *testing.T) {
	whole := packed(t)
	for name, b := range map[string][]byte{
		"text": []byte("no zip"), "empty": nil, "cut": whole[:len(whole)/2],
		"no manifest": rezip(t, whole, func(files map[string][]byte) { delete(files, "manifest.json") }),
		"newer": rezip(t, whole, func(files map[string][]byte) {
			files["manifest.json"] = bytes.Replace(files["manifest.json"], []byte(`"format": 1`), []byte(`"format": 2`), 1)
		}),
	} {
		if _, err := evidence.Verify(bytes.NewReader(b), int64(len(b)), pub, rules.Catalogue()); !errors.Is(err, evidence.ErrPackage) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// FuzzVerify reads files that anybody may send.
func FuzzVerify(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = evidence.Verify(bytes.NewReader(b), int64(len(b)), pub, nil)
	})
}
