package engine_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

func TestNewChecksParameters(t *testing.T) {
	w := new(world)
	tests := []struct {
		name   string
		params map[string]map[string]float64
		want   string // part of the error, empty if there is none
	}{
		{"none", nil, ""},
		{"in range", map[string]map[string]float64{"test": {"min": 9}}, ""},
		{"no such rule", map[string]map[string]float64{"tset": {"min": 9}}, `parameters for rule "tset": there is no such rule`},
		{"no such parameter", map[string]map[string]float64{"test": {"max": 9}}, `rule test has no parameter "max", it has [min]`},
		{"out of range", map[string]map[string]float64{"test": {"min": 10}}, "rule test: parameter min is 10, it must be from 1 to 9 days"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := engine.New(engine.Config{Params: tt.params}, engine.Deps{Catalogue: []rules.Rule{w.rule(nil)}})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestParametersReachTheRule(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(5)}, "L2": {jan(4), jan(5)}}}
	s := newStore()
	e, err := engine.New(engine.Config{Location: shanghai, Params: map[string]map[string]float64{"test": {"min": 2}}},
		engine.Deps{Catalogue: []rules.Rule{w.rule(nil)}, Findings: s})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new L2 open"}, summary(run(t, e, engine.Request{LastDay: jan(7)}))); diff != "" {
		t.Error(diff)
	}
}

func TestRunRefusesWhatJudgesNothing(t *testing.T) {
	e := newEngine(t, newStore(), new(world).rule(nil))
	for name, tt := range map[string]struct {
		req  engine.Request
		want string
	}{
		"no such rule": {engine.Request{LastDay: jan(7), Rule: "tset"}, `there is no rule "tset"`},
		"nothing":      {engine.Request{}, "neither a span nor a last day"},
		"empty span":   {engine.Request{Span: rules.Window{From: jan(7).Start(shanghai), To: jan(7).Start(shanghai)}}, "is empty"},
		"reversed":     {engine.Request{Span: rules.Window{From: jan(8).Start(shanghai), To: jan(7).Start(shanghai)}}, "is empty"},
	} {
		if _, err := e.Run(t.Context(), nil, tt.req); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestSpanOfARun(t *testing.T) {
	w := new(world)
	short := w.rule(func(s *rules.Spec) { s.ID, s.LookbackDays = "short", 1 })
	long := w.rule(func(s *rules.Spec) { s.ID, s.LookbackDays = "long", 30 })
	none := w.rule(func(s *rules.Spec) { s.ID, s.LookbackDays = "none", 0 })
	e := newEngine(t, newStore(), short, long, none)
	run(t, e, engine.Request{LastDay: jan(31)})
	run(t, e, engine.Request{Span: days(3, 9), LastDay: jan(31)})
	exact := rules.Window{From: jan(3).Start(shanghai).Add(time.Hour), To: jan(4).Start(shanghai).Add(time.Minute)}
	run(t, e, engine.Request{Span: exact, Rule: "long"})
	want := []registry.Validity{
		{From: jan(31), To: jan(31)},
		{From: jan(2), To: jan(31)},
		{From: jan(31), To: jan(31)},
		{From: jan(3), To: jan(9)},
		{From: jan(3), To: jan(9)},
		{From: jan(3), To: jan(9)},
		{From: jan(3), To: jan(4)},
	}
	got := []registry.Validity{}
	for _, s := range w.spans {
		got = append(got, s.Days)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := w.spans[len(w.spans)-1].Window(); !last.From.Equal(exact.From) || !last.To.Equal(exact.To) {
		t.Errorf("exact instants became %v", last)
	}
	if w := w.spans[1].Window(); !w.From.Equal(jan(2).Start(shanghai)) || !w.To.Equal(jan(32).Start(shanghai)) {
		t.Errorf("look-back is %v", w)
	}
}

func TestAllThatAFindingSays(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3), jan(5)}, "L2": nil, "L3": {jan(4)}}, withheld: map[string]string{"L3": "low_samples"}}
	s := newStore()
	r := run(t, newEngine(t, s, w.rule(nil)), engine.Request{LastDay: jan(7)})
	want := rules.Finding{
		ID: rules.FindingID("test", rules.Subject{Kind: rules.SubjectLine, ID: "L1"}), Rule: "test", RuleVersion: "1", Clauses: []string{"C1"},
		Subject: rules.Subject{Kind: rules.SubjectLine, ID: "L1", Name: "name of L1"}, EnterpriseID: "E1", Province: "33",
		Severity: rules.High, Confidence: 0.9, State: rules.Open, Completeness: 0.97,
		FirstSeen: jan(3).Start(shanghai), LastSeen: jan(6).Start(shanghai), Window: days(1, 7),
		Facts:       rules.FactSet{"days": 2, "bytes_per_day": uint64(123456789012), "share": 0.1, "networks": []string{"a", "b"}},
		Explanation: rules.Text{ZH: "说明", EN: "words <&>"}, Evidence: []rules.Evidence{{Kind: "traffic", Title: "t", Ref: "r"}},
		Basis: &rules.Basis{Fact: json.RawMessage(`{"line":"L1","days":[20457,20459],"withheld":""}`), Params: rules.Params{"min": 1}},
	}
	if diff := cmp.Diff([]rules.Finding{want}, r.New); diff != "" {
		t.Error(diff)
	}
	withheld := []engine.Withheld{{
		Rule: "test", Subject: rules.Subject{Kind: rules.SubjectLine, ID: "L3", Name: "name of L3"}, Reason: "low_samples",
		Completeness: 0.5, Facts: rules.FactSet{"samples": uint64(3)},
	}}
	if diff := cmp.Diff(withheld, r.Withheld); diff != "" {
		t.Error(diff)
	}
	if r.Subjects["test"] != 3 {
		t.Errorf("%d subjects were judged, want 3", r.Subjects["test"])
	}
	event := rules.Event{Finding: want.ID, Kind: "new", To: rules.Open, Actor: "linewarden", Note: "test 1", Window: days(1, 7)}
	if diff := cmp.Diff([]rules.Event{event}, s.events); diff != "" {
		t.Error(diff)
	}
}

// TestHolderOfAJudgement has a rule blame who held the subject before.
func TestHolderOfAJudgement(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": nil}, judged: map[string]rules.Judgement{"L1": {
		Outcome: rules.Fires, FirstDay: jan(3), LastDay: jan(3), Holder: &rules.Holder{EnterpriseID: "E0", Name: "before", Province: "44"},
	}}}
	f := run(t, newEngine(t, newStore(), w.rule(nil)), engine.Request{LastDay: jan(7)}).New[0]
	if f.EnterpriseID != "E0" || f.Subject.Name != "before" || f.Province != "44" || f.Subject.ID != "L1" {
		t.Errorf("blames %s %s %s", f.EnterpriseID, f.Subject.Name, f.Province)
	}
}

func TestRulesThatDoNotBindYet(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3)}}}
	r := w.rule(func(s *rules.Spec) {
		s.Clauses = []rules.Clause{{ID: "old", Valid: registry.Validity{To: jan(1)}}, {ID: "new", Valid: registry.Validity{From: jan(5)}}}
	})
	e := newEngine(t, newStore(), r)
	for _, tt := range []struct {
		from, to int
		want     []string
	}{{2, 4, nil}, {2, 5, []string{"new"}}, {1, 4, []string{"old"}}, {1, 5, []string{"old", "new"}}} {
		e := e
		if tt.want != nil {
			e = newEngine(t, newStore(), r)
		}
		var got []string
		if report := run(t, e, engine.Request{Span: days(tt.from, tt.to)}); len(report.New) > 0 {
			got = report.New[0].Clauses
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%d to %d: %s", tt.from, tt.to, diff)
		}
	}
}

// TestRunningAgainChangesNothing repeats runs over the same span: what is
// stored stays as it is, to the byte, and nothing is added to the history.
func TestRunningAgainChangesNothing(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3), jan(5)}, "L2": {jan(1)}, "L3": {jan(7)}}, withheld: map[string]string{"L3": "x"}}
	s := newStore()
	e := newEngine(t, s, w.rule(nil))
	for _, req := range []engine.Request{{LastDay: jan(7)}, {Span: days(1, 7)}, {LastDay: jan(15)}} {
		run(t, e, req)
		stored, events, saves := maps.Clone(s.findings), len(s.events), s.saves
		for range 3 {
			run(t, e, req)
			if diff := cmp.Diff(stored, s.findings); diff != "" || len(s.events) != events || s.saves != saves {
				t.Fatalf("%v again: %d events, %d saves more: %s", req, len(s.events)-events, s.saves-saves, diff)
			}
		}
	}
	// An engine made anew comes to the same.
	other := newStore()
	run(t, newEngine(t, other, w.rule(nil)), engine.Request{LastDay: jan(7)})
	run(t, newEngine(t, other, w.rule(nil)), engine.Request{LastDay: jan(15)})
	if diff := cmp.Diff(s.findings, other.findings); diff != "" {
		t.Error(diff)
	}
}

func TestStoreThatFailsLeavesNothingHalfSaved(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3)}, "L2": {jan(4)}}}
	first, second := w.rule(func(s *rules.Spec) { s.ID = "first" }), w.rule(nil)
	t.Run("reading", func(t *testing.T) {
		s := newStore()
		s.failRead = errBroken
		r, err := newEngine(t, s, first, second).Run(t.Context(), nil, engine.Request{LastDay: jan(7)})
		if !errors.Is(err, errBroken) || r != nil || s.saves != 0 || !strings.HasPrefix(err.Error(), "rule first: read open findings: ") {
			t.Errorf("report %v, %d saves, %v", r, s.saves, err)
		}
	})
	t.Run("saving", func(t *testing.T) {
		s := newStore()
		e := newEngine(t, s, second)
		s.failSave = errBroken
		r, err := e.Run(t.Context(), nil, engine.Request{LastDay: jan(7)})
		if !errors.Is(err, errBroken) || r != nil || s.saves != 1 || len(s.findings)+len(s.events) != 0 {
			t.Errorf("report %v, %d saves, %v", r, s.saves, err)
		}
		s.failSave = nil
		if diff := cmp.Diff([]string{"new L1 open", "new L2 open"}, summary(run(t, e, engine.Request{LastDay: jan(7)}))); diff != "" {
			t.Errorf("what failed is not new the next time: %s", diff)
		}
	})
	t.Run("measuring", func(t *testing.T) {
		s := newStore()
		run(t, newEngine(t, s, second), engine.Request{LastDay: jan(7)})
		before, saves := maps.Clone(s.findings), s.saves
		w := &world{signals: map[string][]registry.Date{"L1": {jan(9)}, "L9": {jan(9)}}, err: errBroken}
		if _, err := newEngine(t, s, w.rule(nil)).Run(t.Context(), nil, engine.Request{LastDay: jan(30)}); !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "rule test: measure: ") {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, s.findings); diff != "" || s.saves != saves {
			t.Errorf("half a measurement was saved, or taken for silence: %s", diff)
		}
	})
}

func TestOneRuleOnly(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3)}}}
	s := newStore()
	e := newEngine(t, s, w.rule(func(s *rules.Spec) { s.ID = "first" }), w.rule(nil))
	r := run(t, e, engine.Request{LastDay: jan(7), Rule: "test"})
	if len(r.New) != 1 || r.New[0].Rule != "test" || len(r.Subjects) != 1 {
		t.Errorf("got %+v", r)
	}
	// Another rule's findings are none of its business.
	run(t, e, engine.Request{LastDay: jan(7)})
	w.signals = nil
	if got := run(t, e, engine.Request{LastDay: jan(20), Rule: "first"}); len(got.Ceased) != 1 || got.Ceased[0].Rule != "first" {
		t.Errorf("ceased %+v", got.Ceased)
	}
}
