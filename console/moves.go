package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
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

// errChanged means that a finding is not what the person has seen.
var errChanged = errors.New("the finding has changed since you have read it; read it again and decide anew")

// move lets a person act on a finding.
func (s *Console) move(w http.ResponseWriter, r *http.Request, c *caller) {
	var req moveRequest
	if status, err := readJSON(w, r, &req); err != nil {
		s.refuse(w, r, status, err.Error())
		return
	}
	tag := r.Header.Get("If-Match")
	if tag == "" && req.Expected == "" {
		s.refuse(w, r, http.StatusPreconditionRequired, "say which finding you have seen: its ETag in If-Match, or expected_state")
		return
	}
	if len(req.Note) > mostNote || len(req.Assignee) > mostAssignee {
		s.refuse(w, r, http.StatusUnprocessableEntity, fmt.Sprintf("note has at most %d bytes, assignee %d", mostNote, mostAssignee))
		return
	}
	seen, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	action := rules.Action{To: req.To, Note: req.Note, Actor: c.name, Remedy: req.Remedy, Assignee: req.Assignee}
	if req.Due != nil {
		action.Due = *req.Due
	}
	var visible rules.FindingFilter
	c.narrow(&visible)
	expect := func(f rules.Finding, events []rules.Event) error {
		now, err := findingTag(&f, events)
		if err != nil {
			return err
		}
		if !visible.Match(&f) || tag != "" && !matches(tag, now) || req.Expected != "" && f.State != req.Expected {
			return errChanged
		}
		return nil
	}
	err := expect(seen.Finding, seen.Events)
	if err == nil {
		// What is wrong with the request itself shows without the store.
		if _, _, err = (rules.CasePolicy{}).Apply(seen.Finding, action, time.Now()); err != nil && !errors.Is(err, rules.ErrMove) {
			s.refuse(w, r, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	if err != nil {
		s.moveFailed(w, r, err)
		return
	}
	if !s.record(w, r, c, "move", "finding/"+seen.ID, string(seen.State)+" -> "+string(req.To)) {
		return
	}
	if _, err := s.Cases.Act(r.Context(), seen.ID, action, expect); err != nil {
		if s.record(w, r, c, "move_failed", "finding/"+seen.ID, err.Error()) {
			s.moveFailed(w, r, err)
		}
		return
	}
	if answer, ok := s.lookUp(w, r, c); ok {
		if tag, err := findingTag(&answer.Finding, answer.Events); err == nil {
			w.Header().Set("ETag", tag)
		}
		s.json(w, r, http.StatusCreated, s.view(c, answer, false))
	}
}

func (s *Console) moveFailed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errChanged), errors.Is(err, rules.ErrMove):
		s.refuse(w, r, http.StatusConflict, err.Error())
	case errors.Is(err, ErrNoFinding):
		s.refuse(w, r, http.StatusNotFound, err.Error())
	default:
		s.storeFailed(w, r, err)
	}
}

// readJSON reads the body of a request. The content type is asked for because
// forms of other sites cannot send it.
func readJSON(w http.ResponseWriter, r *http.Request, into any) (status int, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType, errors.New("the body is JSON: Content-Type: application/json")
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
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return http.StatusBadRequest, fmt.Errorf("the body cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return http.StatusOK, nil
}
