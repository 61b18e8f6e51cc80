package console

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// moveRequest is what a person does to a finding.
type moveRequest struct {
	// To is the state to move to; empty leaves it and adds a note.
	To       rules.State  `json:"to"`
	Note     string       `json:"note"`
	Remedy   rules.Remedy `json:"remedy"`
	Assignee string       `json:"assignee"`
	Due      *time.Time   `json:"due"`
	// Expected is the state that the person has seen; it may be given instead of
	// If-Match.
	Expected rules.State `json:"expected_state"`
}

// The longest texts of a move, in bytes.
const (
	mostNote     = 4000
	mostAssignee = 200
)

// errChanged means that a finding is not in the state the person has seen, and
// errStale that it is another one than its tag names.
var (
	errChanged = because("changed")
	errStale   = because("stale")
	errStore   = because("store_away")
)

// check refuses what is wrong with a request whatever the finding is.
func (m *moveRequest) check(tag string) (status int, err error) {
	switch {
	case tag == "" && m.Expected == "":
		return http.StatusPreconditionRequired, because("if_match_missing")
	case len(m.Note) > mostNote || len(m.Assignee) > mostAssignee:
		return http.StatusUnprocessableEntity, because("note_too_long", mostNote, mostAssignee)
	}
	return http.StatusOK, nil
}

// action is what the rules of cases are asked for.
func (m *moveRequest) action(actor string) rules.Action {
	a := rules.Action{To: m.To, Note: m.Note, Actor: actor, Remedy: m.Remedy, Assignee: m.Assignee}
	if m.Due != nil {
		a.Due = *m.Due
	}
	return a
}

// expect returns what agrees to a finding that is as the person has seen it, and
// that the person may see still.
func (m *moveRequest) expect(c *caller, tag string) func(f rules.Finding, events []rules.Event) error {
	var visible rules.FindingFilter
	c.narrow(&visible)
	return func(f rules.Finding, events []rules.Event) error {
		now, err := findingTag(&f, events)
		if err != nil {
			return err
		}
		switch {
		case !visible.Match(&f), m.Expected != "" && f.State != m.Expected:
			return errChanged
		case tag != "" && !matches(tag, now):
			return errStale
		}
		return nil
	}
}

// move lets a person act on a finding.
func (s *Console) move(w http.ResponseWriter, r *http.Request, c *caller) {
	var req moveRequest
	status, err := readJSON(w, r, &req)
	tag := r.Header.Get("If-Match")
	if err == nil {
		status, err = req.check(tag)
	}
	if err != nil {
		s.refuse(w, r, status, err)
		return
	}
	seen, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	action, expect := req.action(c.name), req.expect(c, tag)
	if status, err := possible(&seen, action, expect); err != nil {
		s.refuse(w, r, status, err)
		return
	}
	if s.perform(w, r, c, &seen, action, expect) {
		s.moved(w, r, c)
	}
}

// possible tells what is wrong with a request without the store.
func possible(seen *findingAnswer, a rules.Action, expect func(rules.Finding, []rules.Event) error) (int, error) {
	if err := expect(seen.Finding, seen.Events); err != nil {
		status, err := moveStatus(err)
		return status, err
	}
	_, _, err := (rules.CasePolicy{}).Apply(seen.Finding, a, time.Now())
	switch {
	case err == nil:
		return http.StatusOK, nil
	case errors.Is(err, rules.ErrMove):
		return http.StatusConflict, notPossible(&seen.Finding, a, err)
	case strings.TrimSpace(a.Note) == "":
		return http.StatusUnprocessableEntity, &fault{code: "note_missing", err: err}
	}
	return http.StatusUnprocessableEntity, &fault{code: "action_incomplete", err: err}
}

// notPossible says why the workflow does not permit an action.
func notPossible(f *rules.Finding, a rules.Action, err error) error {
	if a.To == rules.Confirmed && f.Case != nil && slices.Contains(f.Case.ConfirmedBy, a.Actor) {
		return &fault{code: "second_person", err: err}
	}
	return &fault{code: "move_not_possible", err: err}
}

// perform does and records what was found to be possible.
func (s *Console) perform(
	w http.ResponseWriter, r *http.Request, c *caller, seen *findingAnswer, a rules.Action, expect func(rules.Finding, []rules.Event) error,
) bool {
	object := "finding/" + seen.ID
	if !s.record(w, r, c, "move", object, string(seen.State)+" -> "+string(a.To)) {
		return false
	}
	_, err := s.Cases.Act(r.Context(), seen.ID, a, expect)
	if err == nil {
		return true
	}
	if s.record(w, r, c, "move_failed", object, err.Error()) {
		s.moveFailed(w, r, err)
	}
	return false
}

// moved answers with the finding as it is now.
func (s *Console) moved(w http.ResponseWriter, r *http.Request, c *caller) {
	answer, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	tag, err := findingTag(&answer.Finding, answer.Events)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	w.Header().Set("ETag", tag)
	s.json(w, r, http.StatusCreated, s.view(c, answer, false))
}

func (s *Console) moveFailed(w http.ResponseWriter, r *http.Request, err error) {
	status, detail := moveStatus(err)
	if status == http.StatusServiceUnavailable {
		s.storeFailed(w, r, err)
		return
	}
	s.refuse(w, r, status, detail)
}

// moveStatus says how a failed action is answered.
func moveStatus(err error) (int, error) {
	switch {
	case errors.Is(err, errStale):
		return http.StatusPreconditionFailed, err
	case errors.Is(err, errChanged):
		return http.StatusConflict, err
	case errors.Is(err, rules.ErrMove):
		return http.StatusConflict, &fault{code: "move_not_possible", err: err}
	case errors.Is(err, ErrNoFinding):
		return http.StatusNotFound, err
	}
	return http.StatusServiceUnavailable, errStore
}

// readJSON reads the body of a request. The content type is asked for because
// forms of other sites cannot send it.
func readJSON(w http.ResponseWriter, r *http.Request, into any) (status int, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType, because("body_type")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	dec.DisallowUnknownFields()
	err = dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is something after it")
		}
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, because("body_too_large", tooLarge.Limit)
	}
	if err != nil {
		return http.StatusBadRequest, because("body", strings.TrimPrefix(err.Error(), "json: "))
	}
	return http.StatusOK, nil
}
