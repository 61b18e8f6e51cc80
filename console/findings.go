package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// maxListed bounds an answer of the API.
const maxListed = 10000

// filterOf reads the filter of a request: rule, clause, province, enterprise,
// state, severity, since, until (RFC 3339 or a date of the carrier's zone),
// limit.
func (s *server) filterOf(q url.Values) (rules.FindingFilter, error) {
	f := rules.FindingFilter{
		Rule: q.Get("rule"), Clause: q.Get("clause"), Province: q.Get("province"), Enterprise: q.Get("enterprise"),
		State: rules.State(q.Get("state")), Severity: rules.Severity(q.Get("severity")), Limit: maxListed,
	}
	var err error
	if f.Since, err = s.instant(q.Get("since"), false); err != nil {
		return f, fmt.Errorf("since: %w", err)
	}
	if f.Until, err = s.instant(q.Get("until"), true); err != nil {
		return f, fmt.Errorf("until: %w", err)
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxListed {
			return f, fmt.Errorf("limit: %q is not a number from 1 to %d", text, maxListed)
		}
		f.Limit = n
	}
	return f, nil
}

func (s *server) instant(text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, s.Location)
	if err != nil {
		return t, fmt.Errorf("%q is neither an RFC 3339 time nor a date", text)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	filter, err := s.filterOf(r.URL.Query())
	if err != nil {
		s.problem(w, http.StatusBadRequest, err.Error())
		return
	}
	found, err := s.Store.Findings(r.Context(), filter)
	if err != nil {
		s.storeFailed(w, err)
		return
	}
	if found == nil {
		found = []rules.Finding{}
	}
	s.json(w, http.StatusOK, found)
}

// findingAnswer is one finding with its history.
type findingAnswer struct {
	rules.Finding
	Events []rules.Event `json:"events"`
}

func (s *server) finding(w http.ResponseWriter, r *http.Request) {
	answer, status, err := s.lookUp(r)
	switch {
	case status == http.StatusNotFound:
		s.problem(w, status, "there is no finding "+strconv.Quote(r.PathValue("id")))
	case err != nil:
		s.storeFailed(w, err)
	default:
		s.json(w, status, answer)
	}
}

func (s *server) lookUp(r *http.Request) (findingAnswer, int, error) {
	f, ok, err := s.Store.Finding(r.Context(), r.PathValue("id"))
	if err != nil {
		return findingAnswer{}, http.StatusServiceUnavailable, fmt.Errorf("read finding: %w", err)
	}
	if !ok {
		return findingAnswer{}, http.StatusNotFound, nil
	}
	events, err := s.Store.Events(r.Context(), f.ID)
	if err != nil {
		return findingAnswer{}, http.StatusServiceUnavailable, fmt.Errorf("read events: %w", err)
	}
	return findingAnswer{Finding: f, Events: events}, http.StatusOK, nil
}

// storeFailed answers without the store's own words, which may hold SQL.
func (s *server) storeFailed(w http.ResponseWriter, err error) {
	s.Log.Error("store does not answer", "err", err)
	s.problem(w, http.StatusServiceUnavailable, "the store does not answer; see the log of the daemon and /readyz")
}
