package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// logged saves a few findings and notes something of one of them.
func logged(t *testing.T, cfg storage.Config) *storage.Store {
	t.Helper()
	s := open(t, cfg)
	for i := range 3 {
		f := rules.Finding{ID: fmt.Sprintf("f%d", i), Rule: "licence-missing", State: rules.Open, FirstSeen: noon, LastSeen: noon}
		if err := s.SaveFindings(t.Context(), []rules.Finding{f}, []rules.Event{{Finding: f.ID, Kind: "new", To: rules.Open, Actor: "linewarden"}}); err != nil {
			t.Fatal(err)
		}
	}
	note(t, s, "f1", "called them")
	return s
}

func note(t *testing.T, s *storage.Store, id, text string) {
	t.Helper()
	_, err := s.ChangeFinding(t.Context(), id, func(f rules.Finding) (rules.Finding, rules.Event, error) {
		return rules.CasePolicy{}.Apply(f, rules.Action{Note: text, Actor: "li", Assignee: text}, noon)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLogIsIntact(t *testing.T) {
	s := logged(t, configure(t))
	c, err := s.CheckLog(t.Context())
	if err != nil || c.Events != 4 || c.First != 1 || c.Last.Number != 4 || c.Findings != 3 || c.Unchained != 0 {
		t.Errorf("got %+v, %v", c, err)
	}
	if f, _, err := s.Finding(t.Context(), "f1"); err != nil || f.Case == nil || f.Case.Assignee != "called them" {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := s.ChangeFinding(t.Context(), "f9", nil); !errors.Is(err, storage.ErrNoFinding) {
		t.Errorf("a finding that is not there: %v", err)
	}
}

// TestLogNamesWhatWasAltered changes the tables as somebody with the password
// of the store could.
func TestLogNamesWhatWasAltered(t *testing.T) {
	for want, statement := range map[string]string{
		"event 4 of finding f1": "ALTER TABLE finding_events UPDATE event = replaceOne(event, 'called them', 'did nothing') WHERE kind = 'assigned'",
		"is missing":            "ALTER TABLE finding_events DELETE WHERE id = 'f2' AND event != ''",
		"finding f0 is not":     "ALTER TABLE findings UPDATE body = replaceOne(body, '\"state\":\"open\"', '\"state\":\"dismissed\"') WHERE id = 'f0'",
		"finding f2 is in the":  "ALTER TABLE findings DELETE WHERE id = 'f2'",
		"is no event":           "ALTER TABLE finding_events UPDATE event = 'x' WHERE id = 'f1' AND kind = 'new'",
	} {
		s := logged(t, configure(t))
		if err := s.Exec(t.Context(), statement+" SETTINGS mutations_sync = 2"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CheckLog(t.Context()); !errors.Is(err, rules.ErrChain) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// TestLogOfTwoProcesses lets two stores on one database write at once: the
// chain has no fork, and no change is lost.
func TestLogOfTwoProcesses(t *testing.T) {
	cfg := configure(t)
	s, other := logged(t, cfg), reopen(t, cfg)
	var wg sync.WaitGroup
	for _, writer := range []*storage.Store{s, other} {
		wg.Go(func() {
			for i := range 5 {
				note(t, writer, "f0", fmt.Sprintf("note %d", i))
			}
		})
	}
	wg.Wait()
	c, err := s.CheckLog(t.Context())
	if err != nil || c.Events != 14 {
		t.Errorf("got %+v, %v", c, err)
	}
}
