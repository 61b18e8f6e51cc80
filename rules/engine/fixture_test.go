package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// store keeps findings as JSON, as a real one does, and hands times back in
// UTC.
type store struct {
	findings map[string]string
	events   []rules.Event
	saves    int
	// failRead and failSave make the next calls fail.
	failRead, failSave error
}

func newStore() *store { return &store{findings: make(map[string]string)} }

func (s *store) Findings(_ context.Context, filter rules.FindingFilter) ([]rules.Finding, error) {
	if s.failRead != nil {
		return nil, s.failRead
	}
	var out []rules.Finding
	for _, id := range slices.Sorted(maps.Keys(s.findings)) {
		var f rules.Finding
		if err := json.Unmarshal([]byte(s.findings[id]), &f); err != nil {
			return nil, err
		}
		for _, t := range []*time.Time{&f.FirstSeen, &f.LastSeen, &f.Window.From, &f.Window.To} {
			*t = t.UTC()
		}
		if filter.Match(&f) {
			out = append(out, f)
		}
	}
	return out, nil
}

func (s *store) SaveFindings(_ context.Context, changed []rules.Finding, events []rules.Event) error {
	s.saves++
	if s.failSave != nil {
		return s.failSave
	}
	for _, f := range changed {
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		s.findings[f.ID] = string(text)
	}
	s.events = append(s.events, events...)
	return nil
}

// one returns the finding of a subject under the rule of these tests.
func (s *store) one(t *testing.T, subject string) rules.Finding {
	t.Helper()
	found, err := s.Findings(t.Context(), rules.FindingFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Subject.ID == subject {
			return f
		}
	}
	t.Fatalf("no finding about %s", subject)
	return rules.Finding{}
}

// move is what a person does.
func (s *store) move(t *testing.T, subject string, to rules.State) {
	t.Helper()
	f := s.one(t, subject)
	f.State = to
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	s.findings[f.ID] = string(text)
}

// kinds lists the events of a subject.
func (s *store) kinds(subject string) []string {
	id := rules.FindingID("test", rules.Subject{Kind: rules.SubjectLine, ID: subject})
	out := []string{}
	for _, e := range s.events {
		if e.Finding == id {
			out = append(out, e.Kind)
		}
	}
	return out
}

// fact is about one line: the days of a month on which the signal was there.
type fact struct {
	Line     string           `json:"line"`
	Span     rules.Span       `json:"-"`
	Days     []registry.Date  `json:"days"`
	Withheld string           `json:"withheld"`
	Judged   *rules.Judgement `json:"-"`
}

func (f fact) About() (s rules.Subject, enterpriseID, province string) {
	return rules.Subject{Kind: rules.SubjectLine, ID: f.Line, Name: "name of " + f.Line}, "E1", "33"
}

// world is what the rule of these tests sees.
type world struct {
	signals  map[string][]registry.Date // by line
	withheld map[string]string
	judged   map[string]rules.Judgement
	err      error
	spans    []rules.Span
}

// rule fires for a line with a signal on some day of the span; a line without
// one is clear.
func (w *world) rule(change func(s *rules.Spec)) rules.Rule {
	spec := rules.Spec{
		ID: "test", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: []rules.Clause{{ID: "C1", Valid: registry.Validity{From: 1}}},
		Params:  []rules.Param{{Name: "min", Unit: "days", Default: 1, Min: 1, Max: 9}},
	}
	if change != nil {
		change(&spec)
	}
	return rules.Rule{
		Spec:    spec,
		Measure: w.measure,
		Judge:   judge,
		Decode: func(text []byte) (rules.Fact, error) {
			var f fact
			err := json.Unmarshal(text, &f)
			return f, err
		},
	}
}

func (w *world) measure(_ context.Context, in rules.Inputs, _ rules.Params) iter.Seq2[rules.Fact, error] {
	w.spans = append(w.spans, in.Span)
	return func(yield func(rules.Fact, error) bool) {
		lines := slices.Sorted(maps.Keys(w.signals))
		for _, line := range lines {
			f := fact{Line: line, Span: in.Span, Withheld: w.withheld[line]}
			if j, ok := w.judged[line]; ok {
				f.Judged = &j
			}
			for _, d := range w.signals[line] {
				if in.Span.Days.Contains(d) {
					f.Days = append(f.Days, d)
				}
			}
			if !yield(f, nil) {
				return
			}
		}
		if w.err != nil {
			yield(fact{}, w.err)
		}
	}
}

func judge(of rules.Fact, p rules.Params) rules.Judgement {
	f, ok := of.(fact)
	switch {
	case !ok:
		return rules.Judgement{Outcome: rules.Withheld, Reason: "wrong_fact"}
	case f.Judged != nil:
		return *f.Judged
	case f.Withheld != "":
		return rules.Judgement{Outcome: rules.Withheld, Reason: f.Withheld, Completeness: 0.5, Facts: rules.FactSet{"samples": uint64(3)}}
	case float64(len(f.Days)) < p["min"]:
		return rules.Judgement{Outcome: rules.Clear}
	}
	return rules.Judgement{
		Outcome: rules.Fires, FirstDay: slices.Min(f.Days), LastDay: slices.Max(f.Days),
		Severity: rules.High, Confidence: 0.9, Completeness: 0.97,
		Facts:       rules.FactSet{"days": len(f.Days), "bytes_per_day": uint64(123456789012), "share": 0.1, "networks": []string{"a", "b"}},
		Explanation: rules.Text{ZH: "说明", EN: "words <&>"},
		Evidence:    []rules.Evidence{{Kind: "traffic", Title: "t", Ref: "r"}},
	}
}

var errBroken = errors.New("broken")

// shanghai is where the days of these tests begin.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// jan is a day of January 2026.
func jan(day int) registry.Date { return registry.NewDate(2026, time.January, day) }

// days is the window of whole local days.
func days(from, to int) rules.Window {
	return rules.Window{From: jan(from).Start(shanghai), To: jan(to + 1).Start(shanghai)}
}

func newEngine(t *testing.T, s *store, list ...rules.Rule) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Config{Location: shanghai}, engine.Deps{Catalogue: list, Findings: s})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run judges the window, or the look-back ending with the day.
func run(t *testing.T, e *engine.Engine, req engine.Request) *engine.Report {
	t.Helper()
	r, err := e.Run(t.Context(), registry.NewSnapshot(&registry.Ledgers{}, nil), req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// summary lists what a report says, as words.
func summary(r *engine.Report) []string {
	out := []string{}
	for kind, list := range map[string][]rules.Finding{"new": r.New, "repeated": r.Repeated, "reopened": r.Reopened, "ceased": r.Ceased} {
		for _, f := range list {
			out = append(out, kind+" "+f.Subject.ID+" "+string(f.State))
		}
	}
	for _, w := range r.Withheld {
		out = append(out, "withheld "+w.Subject.ID+" "+w.Reason)
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}
