package storage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// TestAdjudications works cases as people do, and counts what stands of their
// decisions.
func TestAdjudications(t *testing.T) {
	s := open(t, configure(t))
	if got, err := s.Adjudications(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("before any case: %v, %v", got, err)
	}
	const a, b = "intl-third-party", "licence-missing"
	for subject, moves := range map[string][]rules.State{
		"L1": {rules.Reviewing, rules.Confirmed},
		"L2": {rules.Reviewing, rules.Confirmed, rules.Rectifying, rules.Rectified},             // still confirmed
		"L3": {rules.Reviewing, rules.Confirmed, rules.Rectifying, rules.Rectified, rules.Open}, // it came again
		"L4": {rules.Dismissed},
		"L5": {rules.Dismissed, rules.Open}, // the dismissal is taken back
		"L6": {rules.Dismissed, rules.Open, rules.Reviewing, rules.Confirmed},
		"L7": {rules.Reviewing, rules.Confirmed, rules.Rectifying, rules.Dismissed},
		"L8": {rules.Reviewing}, // not decided
		"L9": {},
	} {
		work(t, s, finding(a, subject), rules.CasePolicy{}, moves...)
	}
	work(t, s, finding(b, "L1"), rules.CasePolicy{TwoPersons: true}, rules.Reviewing, rules.Confirmed) // proposed only
	work(t, s, finding(b, "L2"), rules.CasePolicy{}, rules.Dismissed)
	// A run of the rules adds to the log and decides nothing.
	again := finding(a, "L1")
	again.State = rules.Confirmed
	save(t, s, []rules.Finding{again}, rules.Event{Finding: again.ID, Kind: "repeated", From: rules.Confirmed, To: rules.Confirmed, Actor: "linewarden"})
	reopened := finding(a, "L9")
	save(t, s, []rules.Finding{reopened}, rules.Event{Finding: reopened.ID, Kind: "reopened", From: rules.Ceased, To: rules.Open, Actor: "linewarden"})
	got, err := s.Adjudications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []rules.Adjudications{{Rule: a, Confirmed: 4, Dismissed: 2}, {Rule: b, Dismissed: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	here, err := s.Adjudications(t.Context(), again.Province, "99")
	if diff := cmp.Diff(want, here); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if elsewhere, err := s.Adjudications(t.Context(), "99"); err != nil || len(elsewhere) != 0 {
		t.Errorf("of another province: %v, %v", elsewhere, err)
	}
}

// work saves a finding and moves its case from state to state.
func work(t *testing.T, s *storage.Store, f rules.Finding, policy rules.CasePolicy, states ...rules.State) {
	t.Helper()
	save(t, s, []rules.Finding{f}, rules.Event{Finding: f.ID, Kind: "new", To: f.State, Actor: "linewarden"})
	for _, to := range states {
		action := rules.Action{To: to, Note: "looked at", Actor: "wang"}
		if to == rules.Rectified {
			action.Remedy = rules.LineStopped
		}
		_, err := s.ChangeFinding(t.Context(), f.ID, func(f rules.Finding) (rules.Finding, rules.Event, error) {
			return policy.Apply(f, action, time.Now())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
