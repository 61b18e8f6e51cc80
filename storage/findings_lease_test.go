package storage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// TestLostLeaseIsTakenAgain has somebody else take the lease on the log while a
// finding is changed, and let go of it again, as a busy store may have it seem.
func TestLostLeaseIsTakenAgain(t *testing.T) {
	s := logged(t, configure(t))
	term := func(add int, holder string) {
		n, err := s.Number(t.Context(), "SELECT max(term) FROM leases WHERE name = 'findings'")
		if err == nil {
			err = s.Exec(t.Context(), fmt.Sprintf("INSERT INTO leases (name, term, holder, at) VALUES ('findings', %d, '%s', now64(6))", n+uint64(add), holder))
		}
		if err != nil {
			t.Error(err)
		}
	}
	tries := 0
	f, err := s.ChangeFinding(t.Context(), "f1", func(f rules.Finding) (rules.Finding, rules.Event, error) {
		if tries++; tries == 1 {
			term(1, "somebody")
			<-time.After(11 * time.Second) // a third of the time of the lease, when it is renewed
			term(1, "")
		}
		return rules.CasePolicy{}.Apply(f, rules.Action{To: rules.Reviewing, Note: "seen", Actor: "li"}, noon)
	})
	if err != nil || f.State != rules.Reviewing || tries != 2 {
		t.Errorf("state %s after %d tries: %v", f.State, tries, err)
	}
	if c, err := s.CheckLog(t.Context()); err != nil || c.Events != 5 {
		t.Errorf("the log has %d events: %v", c.Events, err)
	}
}
