package custom

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// parser checks one document.
type parser struct {
	file     string
	doc      document
	places   map[string]place
	problems []*Problem
}

// place is where a key of a file is, and where its value begins.
type place struct{ key, value int }

// keyPattern is a key at the left margin, and whether its value is a block.
var keyPattern = regexp.MustCompile(`^([a-z_]+):\s*([|>][-+0-9]*\s*(#.*)?)?`)

// findPlaces returns the lines of the keys of a file, which the decoder does
// not keep.
func findPlaces(content []byte) map[string]place {
	places := make(map[string]place)
	for i, line := range strings.Split(string(content), "\n") {
		m := keyPattern.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		p := place{key: i + 1, value: i + 1}
		if m[2] != "" {
			p.value++
		}
		places[m[1]] = p
	}
	return places
}

// bad notes a mistake.
func (p *parser) bad(line int, format string, args ...any) {
	p.problems = append(p.problems, &Problem{p.file, max(1, line), fmt.Sprintf(format, args...)})
}

// badKey notes a mistake in the value of a key.
func (p *parser) badKey(key, format string, args ...any) {
	p.bad(p.places[key].key, key+": "+format, args...)
}

// rule makes the rule, if nothing is wrong.
func (p *parser) rule() rules.Rule {
	d := &p.doc
	if !idPattern.MatchString(d.ID) {
		p.badKey("id", "%q must be custom- and words of a-z and 0-9 joined by dashes, such as custom-night-upload", d.ID)
	}
	if d.Version == "" {
		p.badKey("version", `is missing; write "1" and change it whenever the rule would judge otherwise`)
	}
	p.text("title", d.Title)
	p.text("claim", d.Claim)
	levels := []string{string(rules.Low), string(rules.Medium), string(rules.High), string(rules.Critical)}
	if !slices.Contains(levels, d.Severity) {
		p.badKey("severity", "%q is not one of %s", d.Severity, strings.Join(levels, ", "))
	}
	p.within("lookback_days", d.Lookback, 1, 92)
	p.within("quiet_days", d.Quiet, 0, 366)
	spec := rules.Spec{
		ID: d.ID, Version: d.Version, Clauses: p.clauses(), Title: rules.Text(d.Title), Claim: rules.Text(d.Claim),
		LookbackDays: d.Lookback, QuietDays: d.Quiet, Params: p.params(),
	}
	t, ok := findTable(d.Fact)
	if !ok {
		p.badKey("fact", "%q is not one of %s", d.Fact, strings.Join(Tables(), ", "))
		return rules.Rule{}
	}
	if d.Subject != "" && d.Subject != string(t.subject()) {
		p.badKey("subject", "%q does not fit the fact %s, whose subject is %s; leave the key out or name that", d.Subject, d.Fact, t.subject())
	}
	c := p.conditions(t, spec.Params)
	if len(p.problems) > 0 {
		return rules.Rule{}
	}
	c.severity, c.title = rules.Severity(d.Severity), spec.Title
	return t.rule(spec, c)
}

// text checks words that are needed in both languages.
func (p *parser) text(key string, t text) {
	if strings.TrimSpace(t.ZH) == "" || strings.TrimSpace(t.EN) == "" {
		p.badKey(key, "needs both languages: {zh: …, en: …}")
	}
}

func (p *parser) within(key string, v, least, most int) {
	if v < least || v > most {
		p.badKey(key, "%d is not from %d to %d", v, least, most)
	}
}

func (p *parser) clauses() []rules.Clause {
	out := make([]rules.Clause, 0, len(p.doc.Clauses))
	for _, c := range p.doc.Clauses {
		from, err := registry.ParseDate(c.From)
		to, toErr := registry.ParseDate(c.To)
		if err := errors.Join(err, toErr); err != nil {
			p.badKey("clauses", "%v", err)
			continue
		}
		if c.ID == "" {
			p.badKey("clauses", "a clause has no id; write {id: N32-2.2.4, from: 2017-01-17}")
			continue
		}
		out = append(out, rules.Clause{ID: c.ID, Valid: registry.Validity{From: from, To: to}})
	}
	return out
}

// ownParams are those of every custom rule.
func ownParams() []rules.Param {
	return []rules.Param{
		{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: rules.Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		{Name: "min_days", Unit: "days", Default: 1, Min: 1, Max: 92, Meaning: rules.Text{ZH: "满足条件的天数下限", EN: "least days on which the condition holds"}},
		{Name: "min_samples", Unit: "packets", Default: 1000, Min: 0, Max: 1e9, Meaning: rules.Text{ZH: "采样包数下限", EN: "least sampled packets of the subject"}},
	}
}

// params returns the parameters of the file and those of every custom rule,
// which the file may give other defaults.
func (p *parser) params() []rules.Param {
	all := ownParams()
	seen := make(map[string]bool)
	for _, d := range p.doc.Params {
		switch {
		case !namePattern.MatchString(d.Name):
			p.badKey("params", "%q is no name: begin with a letter, then a-z, 0-9 and _", d.Name)
			continue
		case seen[d.Name]:
			p.badKey("params", "%s is there twice", d.Name)
			continue
		case !(d.Min <= d.Default && d.Default <= d.Max): // not a number is neither
			p.badKey("params", "%s: the default %v is not from min %v to max %v", d.Name, d.Default, d.Min, d.Max)
			continue
		case d.Unit == "" || d.Meaning.ZH == "" || d.Meaning.EN == "":
			p.badKey("params", "%s needs a unit and a meaning in both languages", d.Name)
			continue
		}
		seen[d.Name] = true
		q := rules.Param{Name: d.Name, Unit: d.Unit, Default: d.Default, Min: d.Min, Max: d.Max, Meaning: rules.Text(d.Meaning)}
		if i := slices.IndexFunc(all, func(o rules.Param) bool { return o.Name == d.Name }); i >= 0 {
			all[i] = q
		} else {
			all = append(all, q)
		}
	}
	return all
}

// conditions compiles the expressions of the file.
func (p *parser) conditions(t table, params []rules.Param) *conditions {
	names := make([]string, len(params))
	for i, q := range params {
		names[i] = q.Name
	}
	l, err := newLanguages(t.rowType(), names)
	if err != nil {
		p.bad(1, "%v", err)
		return nil
	}
	if strings.TrimSpace(p.doc.When) == "" {
		p.badKey("when", "is missing; write the condition a row must meet, such as row.out > params.min_bytes")
		return nil
	}
	c := &conditions{when: p.compile(l.row, "when", p.doc.When, cel.BoolType)}
	if strings.TrimSpace(p.doc.Only) != "" {
		c.only = p.compile(l.subject, "only", p.doc.Only, cel.BoolType)
	}
	c.confidence = p.compile(l.row, "confidence", p.doc.Confidence, cel.DoubleType)
	return c
}

func (p *parser) compile(env *cel.Env, key, source string, want *cel.Type) *expression {
	e, err := compile(env, source, want)
	if err == nil {
		return e
	}
	line := p.places[key].value
	if at, ok := errors.AsType[*expressionError](err); ok {
		line += at.line - 1
	}
	p.bad(line, "%s: %v", key, err)
	return nil
}
