package console

import (
	"net/http"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// mostMoved bounds the findings of one request.
const mostMoved = 500

// bulkRequest is what a person does to several findings.
type bulkRequest struct {
	Findings []bulkItem   `json:"findings"`
	To       rules.State  `json:"to"`
	Note     string       `json:"note"`
	Remedy   rules.Remedy `json:"remedy"`
	Assignee string       `json:"assignee"`
	Due      *time.Time   `json:"due"`
}

// bulkItem is a finding as the person has seen it.
type bulkItem struct {
	ID       string      `json:"id"`
	ETag     string      `json:"etag"`
	Expected rules.State `json:"expected_state"`
}

// moveResult is what became of one finding.
type moveResult struct {
	ID     string `json:"id"`
	Status int    `json:"status"` // as moving it alone would have answered
	Detail string `json:"detail"` // empty where it was done
	Code   string `json:"code"`   // as that of a problem, likewise
	State  string `json:"state"`
	ETag   string `json:"etag"`
}

// moveMany acts on findings one by one: those that have changed, or cannot be
// moved, are named and the others are moved.
func (s *Console) moveMany(w http.ResponseWriter, r *http.Request, c *caller) {
	var req bulkRequest
	status, err := readJSON(w, r, &req)
	if err == nil {
		switch n := len(req.Findings); {
		case n == 0:
			status, err = http.StatusUnprocessableEntity, because("findings_empty")
		case n > mostMoved:
			status, err = http.StatusUnprocessableEntity, because("findings_many", n, mostMoved)
		}
	}
	if err != nil {
		s.refuse(w, r, status, err)
		return
	}
	results := make([]moveResult, 0, len(req.Findings))
	for _, item := range req.Findings {
		one := moveRequest{To: req.To, Note: req.Note, Remedy: req.Remedy, Assignee: req.Assignee, Due: req.Due, Expected: item.Expected}
		result, recorded := s.moveOne(w, r, c, item, &one)
		if !recorded {
			return
		}
		results = append(results, result)
	}
	s.json(w, r, http.StatusOK, results)
}

// moveOne acts on one finding; false means that it could not be recorded, and
// the request has been answered.
func (s *Console) moveOne(w http.ResponseWriter, r *http.Request, c *caller, item bulkItem, req *moveRequest) (moveResult, bool) {
	result := moveResult{ID: item.ID}
	fail := func(status int, err error) (moveResult, bool) {
		p := problemOf(status, err, spoken(r))
		result.Status, result.Detail, result.Code = status, p.Detail, p.Code
		return result, true
	}
	if status, err := req.check(item.ETag); err != nil {
		return fail(status, err)
	}
	seen, status, err := s.seen(r, c, item.ID)
	if err != nil {
		return fail(status, err)
	}
	result.State = string(seen.State)
	action, expect := req.action(c.name), req.expect(c, item.ETag)
	if status, err := possible(&seen, action, expect); err != nil {
		return fail(status, err)
	}
	if !s.record(w, r, c, "move", "finding/"+item.ID, string(seen.State)+" -> "+string(req.To)) {
		return result, false
	}
	if _, err := s.Cases.Act(r.Context(), item.ID, action, expect); err != nil {
		status, detail := moveStatus(err)
		if status == http.StatusServiceUnavailable {
			s.Log.Error("store does not answer", "err", err)
		}
		if !s.record(w, r, c, "move_failed", "finding/"+item.ID, err.Error()) {
			return result, false
		}
		return fail(status, detail)
	}
	now, status, err := s.seen(r, c, item.ID)
	if err != nil {
		return fail(status, err)
	}
	if result.ETag, err = findingTag(&now.Finding, now.Events); err != nil {
		return fail(http.StatusServiceUnavailable, errStore)
	}
	result.Status, result.State = http.StatusCreated, string(now.State)
	return result, true
}
