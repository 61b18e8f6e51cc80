package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// ErrNoFinding means that there is no finding with that id.
var ErrNoFinding = errors.New("there is no finding")

// filterOf reads the filter of a request: rule, clause, province, enterprise,
// state, severity, since, until (RFC 3339 or a date of the carrier's zone),
// limit, cursor.
func (s *Console) filterOf(q url.Values) (rules.FindingFilter, error) {
	f := rules.FindingFilter{
		Rule: q.Get("rule"), Clause: q.Get("clause"), Province: q.Get("province"), Enterprise: q.Get("enterprise"),
		State: rules.State(q.Get("state")), Severity: rules.Severity(q.Get("severity")),
	}
	if f.State != "" && !slices.Contains(rules.States(), string(f.State)) {
		return f, because("unknown_value", "state", f.State)
	}
	switch f.Severity {
	case "", rules.Low, rules.Medium, rules.High, rules.Critical:
	default:
		return f, because("unknown_value", "severity", f.Severity)
	}
	var err error
	if f.Since, err = s.instant(q, "since", false); err != nil {
		return f, err
	}
	if f.Until, err = s.instant(q, "until", true); err != nil {
		return f, err
	}
	if f.Limit, err = limitOf(q); err != nil {
		return f, err
	}
	if cursor := q.Get("cursor"); cursor != "" {
		after, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || len(after) == 0 {
			return f, because("cursor", cursor)
		}
		f.After = string(after)
	}
	return f, nil
}

// instant reads a time of a query. As an end, a date includes that day.
func (s *Console) instant(q url.Values, name string, end bool) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, s.Location)
	if err != nil {
		return t, because("time", name, text)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// unmasked reports whether third parties are shown as they were measured, which
// is recorded; done means that the request was answered.
func (s *Console) unmasked(w http.ResponseWriter, r *http.Request, c *caller, object string) (all, done bool) {
	text := r.URL.Query().Get("unmasked")
	asked, err := strconv.ParseBool(text)
	if text != "" && err != nil {
		s.refuse(w, r, http.StatusBadRequest, because("one_of", "unmasked", text, "true, false"))
		return false, true
	}
	if asked && !c.can(seeUnmasked) {
		s.refuse(w, r, http.StatusForbidden, because("no_unmasked"))
		return false, true
	}
	all = (asked || s.Unmasked && text == "") && c.can(seeUnmasked)
	return all, all && !s.record(w, r, c, "read_unmasked", object, r.URL.RawQuery)
}

// shown returns findings as the caller may see them.
func (s *Console) shown(c *caller, found []rules.Finding, all bool) []rules.Finding {
	if !all {
		found = s.Mask.Apply(found)
	}
	if !c.can(seeCases) {
		found = slices.Clone(found)
		for i := range found {
			found[i].Case = nil
		}
	}
	return append([]rules.Finding{}, found...)
}

// history returns events as the caller may see them.
func history(c *caller, events []rules.Event) []rules.Event {
	events = append([]rules.Event{}, events...)
	if c.Role == accounts.Regulator {
		// What was said before it was confirmed is the carrier's own.
		i := slices.IndexFunc(events, func(e rules.Event) bool { return e.To == rules.Confirmed })
		if i < 0 {
			i = len(events)
		}
		events = events[i:]
	}
	if !c.can(seeCases) {
		for i := range events {
			events[i].Note, events[i].Actor, events[i].Case = "", "", nil
		}
	}
	return events
}

// findingAnswer is one finding with its history.
type findingAnswer struct {
	rules.Finding
	Events []rules.Event `json:"events"`
}

// findingTag names a finding and its history as they are stored.
func findingTag(f *rules.Finding, events []rules.Event) (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("name finding %s: %w", f.ID, err)
	}
	last, err := json.Marshal(events)
	if err != nil {
		return "", fmt.Errorf("name finding %s: %w", f.ID, err)
	}
	return etagOf(text, last), nil
}

func (s *Console) finding(w http.ResponseWriter, r *http.Request, c *caller) {
	answer, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	all, done := s.unmasked(w, r, c, "finding/"+answer.ID)
	if done {
		return
	}
	tag, err := findingTag(&answer.Finding, answer.Events)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	w.Header().Set("ETag", tag)
	answer = s.view(c, answer, all)
	s.json(w, r, http.StatusOK, answer)
}

func (s *Console) view(c *caller, a findingAnswer, all bool) findingAnswer {
	return findingAnswer{Finding: s.shown(c, []rules.Finding{a.Finding}, all)[0], Events: history(c, a.Events)}
}

// lookUp returns a finding that the caller may see, as it is stored. Otherwise
// it has answered: one that may not be seen is not there.
func (s *Console) lookUp(w http.ResponseWriter, r *http.Request, c *caller) (findingAnswer, bool) {
	a, status, err := s.seen(r, c, r.PathValue("id"))
	if err != nil {
		s.refuse(w, r, status, err)
	}
	return a, err == nil
}

// seen returns a finding that the caller may see, or how to answer.
func (s *Console) seen(r *http.Request, c *caller, id string) (findingAnswer, int, error) {
	f, ok, err := s.Store.Finding(r.Context(), id)
	if err != nil {
		s.Log.Error("store does not answer", "err", err)
		return findingAnswer{}, http.StatusServiceUnavailable, errStore
	}
	var visible rules.FindingFilter
	c.narrow(&visible)
	if !ok || !visible.Match(&f) {
		return findingAnswer{}, http.StatusNotFound, because("no_finding", id)
	}
	events, err := s.Store.Events(r.Context(), f.ID)
	if err != nil {
		s.Log.Error("store does not answer", "err", err)
		return findingAnswer{}, http.StatusServiceUnavailable, errStore
	}
	return findingAnswer{Finding: f, Events: events}, http.StatusOK, nil
}
