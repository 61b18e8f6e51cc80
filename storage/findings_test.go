package storage_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// finding returns a finding about a subject.
func finding(rule, subject string) rules.Finding {
	about := rules.Subject{Kind: rules.SubjectLine, ID: subject, Name: "专线 " + subject}
	return rules.Finding{
		ID: rules.FindingID(rule, about), Rule: rule, RuleVersion: "1", Clauses: []string{"N32-2.2.4", "TR-5"}, Subject: about,
		EnterpriseID: "E1", Province: "31", Severity: rules.High, Confidence: 0.75, State: rules.Open,
		FirstSeen: noon, LastSeen: noon.Add(time.Hour), Window: rules.Window{From: noon, To: noon.AddDate(0, 0, 8)},
		Facts:        rules.FactSet{"third_party_share": 0.25, "names": []any{"甲", "乙"}, "licensed": false, "bytes_per_day": float64(1 << 52)},
		Completeness: 0.99, Title: rules.Text{ZH: "标题", EN: "title"}, Explanation: rules.Text{ZH: "说明", EN: "why"},
		Evidence: []rules.Evidence{{Kind: "ledger_row", Title: "lines.csv:2", Ref: "lines/L1"}},
	}
}

func save(tb testing.TB, s *storage.Store, changed []rules.Finding, events ...rules.Event) {
	tb.Helper()
	if err := s.SaveFindings(tb.Context(), changed, events); err != nil {
		tb.Fatal(err)
	}
}

func find(tb testing.TB, s *storage.Store, filter rules.FindingFilter) []rules.Finding {
	tb.Helper()
	found, err := s.Findings(tb.Context(), filter)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func TestFindingComesBack(t *testing.T) {
	s := open(t, configure(t))
	want := finding("licence-missing", "L1")
	save(t, s, []rules.Finding{want})
	got, ok, err := s.Finding(t.Context(), want.ID)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, ok, err := s.Finding(t.Context(), "none"); ok || err != nil {
		t.Errorf("a finding that is not there: %v, %v", ok, err)
	}
}

// TestBasisIsKept has the facts of a finding come back from the store, and stay
// out of the JSON that other programs read.
func TestBasisIsKept(t *testing.T) {
	s := open(t, configure(t))
	want := finding("licence-missing", "L1")
	want.Basis = &rules.Basis{
		Fact: json.RawMessage(`{"subject":{"id":"L1"},"bytes":18446744073709551615}`), Params: rules.Params{"min_share": 0.05},
		Ledgers: registry.Version{ID: "import", Known: noon.UTC()},
	}
	save(t, s, []rules.Finding{want})
	got, _, err := s.Finding(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), "basis") {
		t.Errorf("the basis is in what others read: %s, %v", text, err)
	}
}

func TestNewestFindingCounts(t *testing.T) {
	s := open(t, configure(t))
	f := finding("licence-missing", "L1")
	for _, state := range []rules.State{rules.Open, rules.Reviewing, rules.Confirmed} {
		f.State = state
		save(t, s, []rules.Finding{f}, rules.Event{Finding: f.ID, Kind: "moved", To: state, Note: "备注 '\\", Window: f.Window})
	}
	if found := find(t, s, rules.FindingFilter{}); len(found) != 1 || found[0].State != rules.Confirmed {
		t.Errorf("got %+v", found)
	}
	if found := find(t, s, rules.FindingFilter{State: rules.Open}); len(found) != 0 {
		t.Errorf("a state of the past is found: %+v", found)
	}
	events, err := s.Events(t.Context(), f.ID)
	if err != nil {
		t.Fatal(err)
	}
	var states []rules.State
	for _, e := range events {
		states = append(states, e.To)
		if e.At.IsZero() || time.Since(e.At) > time.Hour || e.Note != "备注 '\\" || !e.Window.From.Equal(noon) {
			t.Errorf("event %+v", e)
		}
	}
	if !slices.Equal(states, []rules.State{rules.Open, rules.Reviewing, rules.Confirmed}) {
		t.Errorf("history %v", states)
	}
}

// TestFilterAgreesWithMatch holds the SQL of a filter against the Go of it.
func TestFilterAgreesWithMatch(t *testing.T) {
	s := open(t, configure(t))
	var all []rules.Finding
	for i := range 48 {
		f := finding([]string{"intl-third-party", "licence-missing"}[i%2], fmt.Sprintf("L%d", i))
		f.Clauses = [][]string{{"A"}, {"A", "B"}, nil}[i%3]
		f.Province = []string{"31", "11", ""}[i%3]
		f.EnterpriseID = []string{"E1", "E2"}[i/2%2]
		f.State = []rules.State{rules.Open, rules.Ceased}[i/4%2]
		f.Severity = []rules.Severity{rules.Low, rules.Critical}[i/8%2]
		f.FirstSeen, f.LastSeen = noon.Add(time.Duration(i)*time.Hour), noon.Add(time.Duration(i+2)*time.Hour)
		all = append(all, f)
	}
	save(t, s, all)
	slices.SortFunc(all, func(a, b rules.Finding) int { return cmpText(a.ID, b.ID) })
	for _, filter := range []rules.FindingFilter{
		{},
		{Rule: "licence-missing"},
		{Clause: "A"},
		{Clause: "B"},
		{Clause: "C"},
		{Province: "11"},
		{Enterprise: "E2"},
		{State: rules.Ceased},
		{Severity: rules.Critical},
		{Since: noon.Add(20 * time.Hour)},
		{Until: noon.Add(20 * time.Hour)},
		{Since: noon.Add(20*time.Hour + 1), Until: noon.Add(20*time.Hour + 1)},
		{Rule: "licence-missing", Clause: "A", Province: "31", Enterprise: "E1", State: rules.Open, Severity: rules.Low, Since: noon, Until: noon.AddDate(0, 0, 9)},
		{Limit: 7},
		{Provinces: []string{"31", "11"}},
		{Provinces: []string{}},
		{Provinces: []string{"31"}, Province: "11"},
		{States: []rules.State{rules.Ceased, rules.Confirmed}},
		{States: []rules.State{}},
		{After: all[20].ID, Limit: 5},
		{After: all[47].ID},
		{Rule: "intl-third-party", Limit: 3},
	} {
		var want, got []string
		for _, f := range all {
			if filter.Match(&f) && (filter.Limit == 0 || len(want) < filter.Limit) {
				want = append(want, f.ID)
			}
		}
		for _, f := range find(t, s, filter) {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", filter, got, want)
		}
	}
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestFindingTextsAreValues(t *testing.T) {
	s := open(t, configure(t))
	for _, text := range injections() {
		f := finding("r", text)
		f.EnterpriseID, f.Rule, f.Clauses, f.Province = text, text, []string{text}, text
		save(t, s, []rules.Finding{f}, rules.Event{Finding: text, Kind: text, Note: text})
		filter := rules.FindingFilter{Rule: text, Enterprise: text, Clause: text, Province: text, State: rules.Open}
		if found := find(t, s, filter); len(found) != 1 || found[0].Subject.ID != text {
			t.Errorf("%q: %v", text, found)
		}
		events, err := s.Events(t.Context(), text)
		if err != nil || len(events) != 1 || events[0].Note != text {
			t.Errorf("%q: %v, %v", text, events, err)
		}
		if _, ok, err := s.Finding(t.Context(), text); ok || err != nil {
			t.Errorf("%q as an id: %v, %v", text, ok, err)
		}
	}
}

func TestSavingIsAllOrNothing(t *testing.T) {
	s := open(t, configure(t))
	good, bad := finding("a", "L1"), finding("a", "L2")
	bad.Facts = rules.FactSet{"share": math.NaN()}
	event := rules.Event{Finding: good.ID, Kind: "new"}
	if err := s.SaveFindings(t.Context(), []rules.Finding{good, bad}, []rules.Event{event}); err == nil {
		t.Fatal("a finding that cannot be written was taken")
	}
	if err := s.Exec(t.Context(), "RENAME TABLE finding_events TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveFindings(t.Context(), []rules.Finding{good}, []rules.Event{event}); err == nil {
		t.Fatal("findings were saved into nothing")
	}
	if err := s.Exec(t.Context(), "RENAME TABLE elsewhere TO finding_events"); err != nil {
		t.Fatal(err)
	}
	if found := find(t, s, rules.FindingFilter{}); len(found) != 0 {
		t.Errorf("half of it was saved: %v", found)
	}
	if events, err := s.Events(t.Context(), good.ID); len(events) != 0 || err != nil {
		t.Errorf("half of it was saved: %v, %v", events, err)
	}
}

// TestFindingsAreRepaired removes the states, as an engine leaves them that ended
// between the history and them.
func TestFindingsAreRepaired(t *testing.T) {
	s := open(t, configure(t))
	f := finding("a", "L1")
	save(t, s, []rules.Finding{f}, rules.Event{Finding: f.ID, Kind: "new"})
	if err := s.Exec(t.Context(), "TRUNCATE TABLE findings"); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := find(t, s, rules.FindingFilter{}); len(found) != 1 || found[0].ID != f.ID {
		t.Errorf("got %v", found)
	}
	if events, err := s.Events(t.Context(), f.ID); len(events) != 1 || err != nil {
		t.Errorf("got %v, %v", events, err)
	}
}

func TestSavingTogether(t *testing.T) {
	s := open(t, configure(t))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			f := finding("a", fmt.Sprint(i))
			if err := s.SaveFindings(t.Context(), []rules.Finding{f}, []rules.Event{{Finding: f.ID, Kind: "new"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if found := find(t, s, rules.FindingFilter{}); len(found) != 8 {
		t.Errorf("%d of 8 findings", len(found))
	}
	if err := s.SaveFindings(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}
