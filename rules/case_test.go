package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

var acted = time.Date(2026, 8, 14, 3, 0, 0, 0, time.UTC)

// TestEveryMove tries each pair of states; what is not in the table is refused
// and changes nothing.
func TestEveryMove(t *testing.T) {
	permitted := map[string]bool{
		"open reviewing": true, "open dismissed": true, "reviewing confirmed": true, "reviewing dismissed": true,
		"confirmed rectifying": true, "rectifying rectified": true, "rectifying dismissed": true,
		"rectified open": true, "dismissed open": true, "ceased open": true,
	}
	for _, from := range rules.States() {
		for _, to := range rules.States() {
			f := rules.Finding{ID: "f1", State: rules.State(from)}
			a := rules.Action{To: rules.State(to), Note: "because", Actor: "li"}
			if to == "rectified" {
				a.Remedy = rules.LineStopped
			}
			got, event, err := rules.CasePolicy{}.Apply(f, a, acted)
			switch {
			case !permitted[from+" "+to]:
				if !errors.Is(err, rules.ErrMove) || got.State != f.State {
					t.Errorf("%s to %s: %v, state %s", from, to, err, got.State)
				}
			case err != nil || string(got.State) != to || string(event.From) != from || string(event.To) != to || event.Note != "because" || event.Actor != "li":
				t.Errorf("%s to %s: %v, state %s, event %+v", from, to, err, got.State, event)
			}
		}
	}
}

func TestActionsThatSayTooLittle(t *testing.T) {
	for want, a := range map[string]rules.Action{
		"needs a note":       {To: rules.Reviewing, Actor: "li", Note: " \t"},
		"who acts":           {To: rules.Reviewing, Note: "because"},
		"no state \"gone\"":  {To: "gone", Note: "because", Actor: "li"},
		"to rectified only":  {To: rules.Reviewing, Note: "because", Actor: "li", Remedy: rules.LineStopped},
		"one of purpose_cor": {To: rules.Rectified, Note: "because", Actor: "li", Remedy: "forgotten"},
	} {
		_, _, err := rules.CasePolicy{}.Apply(rules.Finding{State: rules.Open}, a, acted)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v, want %q", a, err, want)
		}
	}
}

// TestRectifiedWithoutRemedy takes the note alone for how a case was settled.
func TestRectifiedWithoutRemedy(t *testing.T) {
	a := rules.Action{To: rules.Rectified, Note: "because", Actor: "li"}
	f, event, err := rules.CasePolicy{}.Apply(rules.Finding{State: rules.Rectifying}, a, acted)
	if err != nil || f.State != rules.Rectified || f.Case != nil || event.Note != "because" {
		t.Errorf("%v, state %s, case %+v, event %+v", err, f.State, f.Case, event)
	}
}

func TestTwoPersonsConfirm(t *testing.T) {
	p := rules.CasePolicy{TwoPersons: true, Location: shanghai(t)}
	f := rules.Finding{ID: "f1", State: rules.Reviewing, Severity: rules.High}
	confirm := func(actor string) rules.Action {
		return rules.Action{To: rules.Confirmed, Note: "seen", Actor: actor}
	}
	f, event, err := p.Apply(f, confirm("li"), acted)
	if err != nil || f.State != rules.Reviewing || event.Kind != "confirmation_proposed" || f.Case.Due != nil {
		t.Fatalf("the first: %v, %s, %+v", err, f.State, event)
	}
	if _, _, err := p.Apply(f, confirm("li"), acted); !errors.Is(err, rules.ErrMove) || !strings.Contains(err.Error(), "second person") {
		t.Errorf("the same again: %v", err)
	}
	f, _, err = p.Apply(f, confirm("wang"), acted)
	if err != nil || f.State != rules.Confirmed || !slices.Equal(f.Case.ConfirmedBy, []string{"li", "wang"}) {
		t.Fatalf("the second: %v, %s, %+v", err, f.State, f.Case)
	}
	// The third quarter ends with September, in the carrier's time zone.
	if want := time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC); !f.Case.Due.Equal(want) {
		t.Errorf("due %v, want %v", f.Case.Due, want)
	}
}

func TestCriticalIsDueWithinADay(t *testing.T) {
	f := rules.Finding{State: rules.Reviewing, Severity: rules.Critical}
	f, _, err := rules.CasePolicy{}.Apply(f, rules.Action{To: rules.Confirmed, Note: "seen", Actor: "li"}, acted)
	if err != nil || !f.Case.Due.Equal(acted.Add(24*time.Hour)) {
		t.Errorf("due %v, %v", f.Case, err)
	}
}

// TestReopenedCaseStartsAgain wants who works it to stay, and nothing else.
func TestReopenedCaseStartsAgain(t *testing.T) {
	due := acted
	f := rules.Finding{State: rules.Rectified, Case: &rules.Case{Assignee: "li", Due: &due, Remedy: rules.LineStopped, ConfirmedBy: []string{"li"}}}
	before := *f.Case
	got, event, err := rules.CasePolicy{}.Apply(f, rules.Action{To: rules.Open, Note: "it is back", Actor: "wang"}, acted)
	if err != nil || got.State != rules.Open || event.Kind != "reopened" || got.Case.Assignee != "li" || got.Case.Due != nil || got.Case.Remedy != "" || len(got.Case.ConfirmedBy) != 0 {
		t.Errorf("%v, %s %+v, %+v", err, got.State, got.Case, event)
	}
	if f.Case.Remedy != before.Remedy || f.Case.Due == nil {
		t.Error("the finding before the move was changed")
	}
}

func TestNotesAndAssignments(t *testing.T) {
	f := rules.Finding{State: rules.Reviewing}
	got, event, err := rules.CasePolicy{}.Apply(f, rules.Action{Note: "called them", Actor: "li"}, acted)
	if err != nil || event.Kind != "noted" || got.State != rules.Reviewing || got.Case != nil {
		t.Errorf("%v, %+v, %+v", err, event, got.Case)
	}
	got, event, err = rules.CasePolicy{}.Apply(f, rules.Action{Note: "yours", Actor: "li", Assignee: "wang", Due: acted}, acted)
	if err != nil || event.Kind != "assigned" || got.Case.Assignee != "wang" || !got.Case.Due.Equal(acted) {
		t.Errorf("%v, %+v, %+v", err, event, got.Case)
	}
}

// chained returns a log of events.
func chained(t *testing.T, n int) []rules.Event {
	t.Helper()
	var (
		log  []rules.Event
		last rules.Link
	)
	for i := range n {
		e, err := rules.Event{Finding: "f1", Kind: "noted", Actor: "li", Note: "note", At: acted.Add(time.Duration(i) * time.Second)}.After(last, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		log, last = append(log, e), e.Link
	}
	return log
}

// TestChainNamesWhatWasAltered plants each kind of change.
func TestChainNamesWhatWasAltered(t *testing.T) {
	check := func(log []rules.Event) error {
		var last rules.Link
		for _, e := range log {
			if err := e.Follows(last); err != nil {
				return err
			}
			last = e.Link
		}
		return nil
	}
	if err := check(chained(t, 5)); err != nil {
		t.Errorf("an unaltered log: %v", err)
	}
	if err := check(chained(t, 5)[2:]); err != nil {
		t.Errorf("a log without its beginning: %v", err)
	}
	rehash := func(e rules.Event, last rules.Link) rules.Event {
		e, err := e.After(last, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, alter := range map[string]func(log []rules.Event) []rules.Event{
		"is not what was written": func(log []rules.Event) []rules.Event { log[2].Note = "other"; return log },
		"is missing":              func(log []rules.Event) []rules.Event { return slices.Delete(log, 2, 3) },
		"does not continue": func(log []rules.Event) []rules.Event {
			log[2].Note = "other"
			log[2] = rehash(log[2], log[1].Link)
			return log
		},
	} {
		if err := check(alter(chained(t, 5))); !errors.Is(err, rules.ErrChain) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
