package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// caseFile describes a fixture: which rules judge which span, and what must come
// out. It lies in its folder as case.yaml, beside the folder ledgers and the
// files flows.csv and routes.csv, each of which may be missing.
type caseFile struct {
	Rules []string `yaml:"rules"`
	// From and To bound the span as audit --from and --to do.
	From string `yaml:"from"`
	To   string `yaml:"to"`
	// Timezone is where days begin; empty is Asia/Shanghai.
	Timezone    string   `yaml:"timezone"`
	CarrierASNs []uint32 `yaml:"carrier_asns"`
	// RulesDir holds custom rules and Calendar working days, by a path from the
	// folder of the case; empty are those of the configuration.
	RulesDir string                        `yaml:"rules_dir"`
	Calendar string                        `yaml:"calendar"`
	Params   map[string]map[string]float64 `yaml:"params"`
	Expect   []expectation                 `yaml:"expect"`
}

// expectation is a finding, or a subject about which a rule withholds.
type expectation struct {
	Rule string `yaml:"rule"` // may be left out where the case is about one rule
	// Subject is the id of the subject, Kind its kind where the id is not enough.
	Subject string `yaml:"subject"`
	Kind    string `yaml:"kind"`
	// Outcome is finding, ceased (a finding whose signal is gone by the end of
	// the span) or withheld; empty is finding.
	Outcome string `yaml:"outcome"`
	// Everything below is compared only where it is given.
	Reason     string         `yaml:"reason"`
	Severity   string         `yaml:"severity"`
	Enterprise string         `yaml:"enterprise"`
	Facts      map[string]any `yaml:"facts"`
}

// maxCaseBytes is the size of case.yaml.
const maxCaseBytes = 1 << 20

// findCases returns the folders below dir, or dir itself, that hold a case.
func findCases(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == "case.yaml" {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for cases: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no case.yaml in %s nor below it; see linewarden rules test --help", dir)
	}
	return found, nil
}

// readCase reads case.yaml of a folder.
func readCase(dir string) (*caseFile, error) {
	name := filepath.Join(dir, "case.yaml")
	text, err := readBounded(name, maxCaseBytes)
	if err != nil {
		return nil, err
	}
	c := &caseFile{Timezone: "Asia/Shanghai", CarrierASNs: []uint32{64500}}
	if err := yaml.UnmarshalWithOptions(text, c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", name, yaml.FormatError(err, false, true))
	}
	if len(c.Rules) == 0 || c.From == "" || c.To == "" {
		return nil, fmt.Errorf("%s: rules, from and to must be there, such as rules: [intl-third-party]", name)
	}
	for i := range c.Expect {
		e := &c.Expect[i]
		if e.Rule == "" && len(c.Rules) == 1 {
			e.Rule = c.Rules[0]
		}
		if e.Outcome == "" {
			e.Outcome = "finding"
		}
		switch {
		case !slices.Contains(c.Rules, e.Rule):
			return nil, fmt.Errorf("%s: expect[%d]: rule %q is not one of rules %v", name, i, e.Rule, c.Rules)
		case e.Subject == "":
			return nil, fmt.Errorf("%s: expect[%d]: subject is missing", name, i)
		case !slices.Contains([]string{"finding", "ceased", "withheld"}, e.Outcome):
			return nil, fmt.Errorf("%s: expect[%d]: outcome %q is not finding, ceased or withheld", name, i, e.Outcome)
		}
	}
	return c, nil
}

// readBounded reads a file of a limited size.
func readBounded(name string, most int64) (_ []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read a case: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return text, err
}

// config is the configuration a case is judged by: the defaults, and what the
// case says. Nothing is too old to be kept.
func (c *caseFile) config(dir string, own *Config) (*Config, error) {
	cfg := DefaultConfig()
	cfg.Carrier.Timezone, cfg.Carrier.ASNs = c.Timezone, c.CarrierASNs
	cfg.Storage.Retention = RetentionConfig{}
	cfg.Registry = RegistryConfig{Dir: filepath.Join(dir, "ledgers"), Calendar: own.Registry.Calendar}
	cfg.Rules.Dir, cfg.Rules.Params = own.Rules.Dir, c.Params
	if c.RulesDir != "" {
		cfg.Rules.Dir = filepath.Join(dir, c.RulesDir)
	}
	if c.Calendar != "" {
		cfg.Registry.Calendar = filepath.Join(dir, c.Calendar)
	}
	cfg.schedule = false
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "case.yaml"), err)
	}
	return &cfg, nil
}

// span returns the span of the case.
func (c *caseFile) span(loc *time.Location) (rules.Window, error) {
	return parseSpan(c.From, c.To, loc)
}

// outcome is one thing that came out of a case, as an expectation names it.
type outcome struct {
	rule, kind, subject, outcome string
	reason, severity, enterprise string
	facts                        rules.FactSet
}

func (o *outcome) String() string {
	text := fmt.Sprintf("%s: %s %s %s", o.rule, o.outcome, o.kind, o.subject)
	if o.outcome == "withheld" {
		return text + " (" + o.reason + ")"
	}
	return text + " (" + o.severity + ", " + o.enterprise + ")"
}

// outcomes lists what a run found, in the order of rules and subjects.
func outcomes(r *engine.Report) []outcome {
	var out []outcome
	for _, list := range [][]rules.Finding{r.New, r.Repeated, r.Reopened, r.Ceased} {
		for _, f := range list {
			o := outcome{f.Rule, string(f.Subject.Kind), f.Subject.ID, "finding", "", string(f.Severity), f.EnterpriseID, f.Facts}
			if f.State == rules.Ceased {
				o.outcome = "ceased"
			}
			out = append(out, o)
		}
	}
	for _, w := range r.Withheld {
		out = append(out, outcome{w.Rule, string(w.Subject.Kind), w.Subject.ID, "withheld", w.Reason, "", "", w.Facts})
	}
	slices.SortStableFunc(out, func(a, b outcome) int {
		return cmp.Or(strings.Compare(a.rule, b.rule), strings.Compare(a.kind, b.kind), strings.Compare(a.subject, b.subject))
	})
	return out
}

// difference compares what came out with what was expected, one line for each
// thing that is not as it should be: "-" was expected, "+" came out.
func difference(expected []expectation, got []outcome) []string {
	var lines []string
	left := slices.Clone(got)
	for _, e := range expected {
		i := slices.IndexFunc(left, func(o outcome) bool {
			return o.rule == e.Rule && o.subject == e.Subject && (e.Kind == "" || o.kind == e.Kind)
		})
		if i < 0 {
			lines = append(lines, fmt.Sprintf("- %s: %s %s %s", e.Rule, e.Outcome, e.Kind, e.Subject))
			continue
		}
		o := left[i]
		left = slices.Delete(left, i, i+1)
		for _, field := range []struct{ name, want, got string }{
			{"outcome", e.Outcome, o.outcome},
			{"reason", e.Reason, o.reason},
			{"severity", e.Severity, o.severity},
			{"enterprise", e.Enterprise, o.enterprise},
		} {
			if field.want != "" && field.want != field.got {
				lines = append(lines, fmt.Sprintf("- %s: %s: %s %s", e.Rule, e.Subject, field.name, field.want), fmt.Sprintf("+ %s: %s: %s %s", e.Rule, e.Subject, field.name, field.got))
			}
		}
		lines = append(lines, differentFacts(&e, o.facts)...)
	}
	for i := range left {
		lines = append(lines, "+ "+left[i].String())
	}
	return lines
}

// differentFacts compares the facts that an expectation names. Numbers are the
// same when they differ by less than a millionth.
func differentFacts(e *expectation, got rules.FactSet) []string {
	var lines []string
	names := make([]string, 0, len(e.Facts))
	for name := range e.Facts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		want, have := factJSON(e.Facts[name]), factJSON(got[name])
		if sameFact(want, have) {
			continue
		}
		lines = append(lines, fmt.Sprintf("- %s: %s: facts.%s %s", e.Rule, e.Subject, name, want), fmt.Sprintf("+ %s: %s: facts.%s %s", e.Rule, e.Subject, name, have))
	}
	return lines
}

func factJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return text
}

func sameFact(a, b []byte) bool {
	var x, y float64
	if json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && !bytes.Equal(a, []byte("null")) && !bytes.Equal(b, []byte("null")) {
		return math.Abs(x-y) <= 1e-6*max(math.Abs(x), math.Abs(y))
	}
	return bytes.Equal(a, b)
}
