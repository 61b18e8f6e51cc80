package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// TestLifeOfAFinding follows one line: found, seen again, gone, back.
func TestLifeOfAFinding(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3)}}}
	s := newStore()
	e := newEngine(t, s, w.rule(nil))
	step := func(last int, want ...string) {
		t.Helper()
		if want == nil {
			want = []string{}
		}
		if diff := cmp.Diff(want, summary(run(t, e, engine.Request{LastDay: jan(last)}))); diff != "" {
			t.Fatalf("day %d: %s", last, diff)
		}
	}
	step(2)
	step(3, "new L1 open")
	step(3, "repeated L1 open")
	w.signals["L1"] = append(w.signals["L1"], jan(4))
	step(4, "repeated L1 open")
	step(9, "repeated L1 open")  // still inside the look-back
	step(10, "repeated L1 open") // 4 January is the first day of it
	step(11, "ceased L1 ceased")
	step(12)
	w.signals["L1"] = append(w.signals["L1"], jan(20))
	step(20, "reopened L1 open")
	step(21, "repeated L1 open")
	f := s.one(t, "L1")
	if !f.FirstSeen.Equal(jan(3).Start(shanghai)) || !f.LastSeen.Equal(jan(21).Start(shanghai)) {
		t.Errorf("seen %v to %v", f.FirstSeen, f.LastSeen)
	}
	want := []string{"new", "repeated", "repeated", "repeated", "ceased", "reopened", "repeated"}
	if diff := cmp.Diff(want, s.kinds("L1")); diff != "" {
		t.Error(diff)
	}
	for i, e := range s.events[1:] {
		if e.From != s.events[i].To {
			t.Errorf("event %d is from %s, and the one before ended at %s", i+1, e.From, s.events[i].To)
		}
	}
}

func TestOldSpansNeverOverwriteNewerFigures(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3), jan(10), jan(11)}}}
	s := newStore()
	e := newEngine(t, s, w.rule(nil))
	run(t, e, engine.Request{Span: days(8, 14)})
	newer := s.one(t, "L1")
	r := run(t, e, engine.Request{Span: days(1, 7)})
	if diff := cmp.Diff([]string{"repeated L1 open"}, summary(r)); diff != "" {
		t.Error(diff)
	}
	got := s.one(t, "L1")
	if !got.FirstSeen.Equal(jan(3).Start(shanghai)) {
		t.Errorf("first seen %v: the older span does not widen what is known", got.FirstSeen)
	}
	got.FirstSeen = newer.FirstSeen
	if diff := cmp.Diff(newer, got); diff != "" {
		t.Errorf("the older span overwrote the newer one: %s", diff)
	}
	// A longer span with the same end is not older.
	run(t, e, engine.Request{Span: days(1, 14)})
	if got := s.one(t, "L1"); got.Facts["days"] != float64(3) {
		t.Errorf("facts of the wider span: %v", got.Facts)
	}
}

func TestOldSpansNeitherCeaseNorReopen(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(10)}}}
	s := newStore()
	e := newEngine(t, s, w.rule(nil))
	run(t, e, engine.Request{Span: days(8, 14)})
	if diff := cmp.Diff([]string{}, summary(run(t, e, engine.Request{Span: days(1, 7)}))); diff != "" {
		t.Errorf("an older span: %s", diff)
	}
	run(t, e, engine.Request{Span: days(15, 21)})
	if got := s.one(t, "L1").State; got != rules.Ceased {
		t.Fatalf("state %s", got)
	}
	for _, span := range []rules.Window{days(8, 14), days(10, 10), days(8, 21)} {
		r := run(t, e, engine.Request{Span: span})
		if diff := cmp.Diff([]string{"repeated L1 ceased"}, summary(r)); diff != "" {
			t.Errorf("the old signal in %v is news: %s", span, diff)
		}
	}
	if diff := cmp.Diff([]string{"new", "ceased"}, s.kinds("L1")); diff != "" {
		t.Error(diff)
	}
	w.signals["L1"] = append(w.signals["L1"], jan(12))
	if diff := cmp.Diff([]string{"reopened L1 open"}, summary(run(t, e, engine.Request{Span: days(8, 21)}))); diff != "" {
		t.Errorf("a later signal: %s", diff)
	}
}

func TestQuietSpan(t *testing.T) {
	for name, tt := range map[string]struct {
		quiet  int
		span   rules.Window
		ceases bool
	}{
		"whole quiet span":              {7, days(5, 11), true},
		"a day too early":               {7, days(4, 10), false},
		"shorter than the quiet span":   {7, days(8, 11), false},
		"long after":                    {7, days(21, 27), true},
		"no quiet span":                 {0, days(5, 5), true},
		"no quiet span, the day itself": {0, days(4, 4), false},
		"no quiet span, some hours":     {0, rules.Window{From: jan(5).Start(shanghai), To: jan(5).Start(shanghai).Add(time.Hour)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{signals: map[string][]registry.Date{"L1": {jan(4)}}}
			s := newStore()
			e := newEngine(t, s, w.rule(func(s *rules.Spec) { s.QuietDays = tt.quiet }))
			run(t, e, engine.Request{Span: days(1, 4)})
			w.signals = nil
			if got := s.one(t, "L1").State; got != rules.Open {
				t.Fatalf("state %s", got)
			}
			r := run(t, e, engine.Request{Span: tt.span})
			if (len(r.Ceased) == 1) != tt.ceases {
				t.Errorf("ceased %v, want %v", summary(r), tt.ceases)
			}
		})
	}
}

// TestQuietSpanAcrossSummerTime has the clocks change inside the quiet span: a
// day is then an hour short.
func TestQuietSpanAcrossSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	last := registry.NewDate(2026, time.March, 27)
	w := &world{signals: map[string][]registry.Date{"L1": {last}}}
	s := newStore()
	e, err := engine.New(engine.Config{Location: berlin}, engine.Deps{Catalogue: []rules.Rule{w.rule(nil)}, Findings: s})
	if err != nil {
		t.Fatal(err)
	}
	run(t, e, engine.Request{LastDay: last})
	if r := run(t, e, engine.Request{LastDay: last + 7}); len(r.Ceased) != 1 {
		t.Errorf("seven quiet days, and %v", summary(r))
	}
}

func TestNoDataIsNoSilence(t *testing.T) {
	w := &world{signals: map[string][]registry.Date{"L1": {jan(3)}}, withheld: map[string]string{}}
	s := newStore()
	e := newEngine(t, s, w.rule(nil))
	run(t, e, engine.Request{LastDay: jan(7)})
	w.withheld["L1"] = "low_completeness"
	if diff := cmp.Diff([]string{"withheld L1 low_completeness"}, summary(run(t, e, engine.Request{LastDay: jan(20)}))); diff != "" {
		t.Error(diff)
	}
	if got := s.one(t, "L1").State; got != rules.Open {
		t.Errorf("state %s", got)
	}
	// A subject that is gone altogether is silent.
	delete(w.signals, "L1")
	if diff := cmp.Diff([]string{"ceased L1 ceased"}, summary(run(t, e, engine.Request{LastDay: jan(20)}))); diff != "" {
		t.Error(diff)
	}
}

// TestWhatPeopleDecidedStays moves a finding to each state, and lets the signal
// come again and go.
func TestWhatPeopleDecidedStays(t *testing.T) {
	for state, want := range map[rules.State]struct {
		again, gone rules.State
	}{
		rules.Open:       {rules.Open, rules.Ceased},
		rules.Reviewing:  {rules.Reviewing, rules.Ceased},
		rules.Confirmed:  {rules.Confirmed, rules.Confirmed},
		rules.Rectifying: {rules.Rectifying, rules.Rectifying},
		rules.Rectified:  {rules.Rectified, rules.Rectified},
		rules.Dismissed:  {rules.Dismissed, rules.Dismissed},
		rules.Ceased:     {rules.Open, rules.Ceased},
	} {
		t.Run(string(state), func(t *testing.T) {
			w := &world{signals: map[string][]registry.Date{"L1": {jan(3)}}}
			s := newStore()
			e := newEngine(t, s, w.rule(nil))
			run(t, e, engine.Request{LastDay: jan(7)})
			s.move(t, "L1", state)
			w.signals["L1"] = append(w.signals["L1"], jan(8))
			run(t, e, engine.Request{LastDay: jan(8)})
			got := s.one(t, "L1")
			if got.State != want.again || !got.LastSeen.Equal(jan(9).Start(shanghai)) {
				t.Errorf("seen again: %s, last seen %v; want %s", got.State, got.LastSeen, want.again)
			}
			w.signals["L1"] = nil
			run(t, e, engine.Request{LastDay: jan(30)})
			if got := s.one(t, "L1").State; got != want.gone {
				t.Errorf("gone: %s, want %s", got, want.gone)
			}
		})
	}
}

// TestCeasedInsideTheSpan has a ledger rule say that the condition held early
// in the span, and no longer on its last day.
func TestCeasedInsideTheSpan(t *testing.T) {
	held := rules.Judgement{Outcome: rules.Fires, FirstDay: jan(2), LastDay: jan(4), Ceased: true, Severity: rules.Low}
	still := held
	still.LastDay, still.Ceased = jan(7), false
	w := &world{signals: map[string][]registry.Date{"L1": nil}, judged: map[string]rules.Judgement{"L1": held}}
	s := newStore()
	e := newEngine(t, s, w.rule(func(s *rules.Spec) { s.QuietDays = 0 }))
	if diff := cmp.Diff([]string{"new L1 ceased"}, summary(run(t, e, engine.Request{Span: days(1, 7)}))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"repeated L1 ceased"}, summary(run(t, e, engine.Request{Span: days(1, 7)}))); diff != "" {
		t.Error(diff)
	}
	w.judged["L1"] = still
	if diff := cmp.Diff([]string{"reopened L1 open"}, summary(run(t, e, engine.Request{Span: days(1, 7)}))); diff != "" {
		t.Error(diff)
	}
	s.move(t, "L1", rules.Reviewing)
	held.LastDay = jan(8)
	w.judged["L1"] = held
	if diff := cmp.Diff([]string{"ceased L1 ceased"}, summary(run(t, e, engine.Request{Span: days(1, 9)}))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"new", "reopened", "ceased"}, s.kinds("L1")); diff != "" {
		t.Error(diff)
	}
}
