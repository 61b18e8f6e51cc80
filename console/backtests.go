package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// Backtest is what somebody wants judged by a rule.
type Backtest struct {
	Rule string
	// Span is judged as if there were no findings yet.
	Span rules.Window
	// Params are those that are not the rule's own: in force, or of this request.
	Params map[string]float64
}

// Judged is what a rule would raise.
type Judged struct {
	Subjects int // that were judged
	Findings []rules.Finding
	// Withheld counts the subjects about which it could not judge, by reason.
	Withheld map[string]uint64
}

// Backtester judges a span by one rule and writes no finding; it tells how far
// it is.
type Backtester func(ctx context.Context, b Backtest, progress func(share float64, step string)) (Judged, error)

// The bounds of a backtest.
const (
	mostBacktest       = 92 * 24 * time.Hour // a quarter
	backtestTime       = 15 * time.Minute
	mostBacktestListed = 500 // findings of an answer
)

// backtestAnswer is a backtest and how far it is.
type backtestAnswer struct {
	jobAnswer
	Rule     string             `json:"rule"`
	From     time.Time          `json:"from"`
	To       time.Time          `json:"to"`
	Params   map[string]float64 `json:"params"` // those that are not the rule's own
	Subjects int                `json:"subjects"`
	Total    int                `json:"total"` // findings that it would raise
	// Known counts them by the state of the finding there is of the same subject
	// in the span, "none" where there is none; Lost counts those findings that it
	// would not raise.
	Known []countAnswer `json:"known"`
	Lost  []countAnswer `json:"lost"`
	// Findings are the first of them, masked; a list of backtests is without.
	Findings []rules.Finding `json:"findings"`
	Withheld []countAnswer   `json:"withheld"`
}

// backtestOf reads what is asked for.
func (s *Console) backtestOf(w http.ResponseWriter, r *http.Request) (Backtest, int, error) {
	var req struct {
		Rule   string             `json:"rule"`
		From   string             `json:"from"`
		To     string             `json:"to"`
		Params map[string]float64 `json:"params"`
	}
	if status, err := readJSON(w, r, &req); err != nil {
		return Backtest{}, status, err
	}
	catalogue, inForce := s.Rules()
	rule, ok := rules.Find(catalogue, req.Rule)
	if !ok {
		return Backtest{}, http.StatusUnprocessableEntity, because("no_rule", req.Rule)
	}
	usual := time.Duration(max(1, rule.Spec.LookbackDays)) * 24 * time.Hour
	span, err := s.windowOf(url.Values{"from": {req.From}, "to": {req.To}}, usual, mostBacktest)
	if err != nil {
		return Backtest{}, http.StatusUnprocessableEntity, err
	}
	b := Backtest{Rule: req.Rule, Span: span, Params: make(map[string]float64)}
	maps.Copy(b.Params, inForce[req.Rule])
	maps.Copy(b.Params, req.Params)
	if err := checkParams(&rule.Spec, b.Params); err != nil {
		return Backtest{}, http.StatusUnprocessableEntity, err
	}
	return b, http.StatusOK, nil
}

// checkParams refuses parameters that a rule does not have, or not with such a
// value.
func checkParams(spec *rules.Spec, given map[string]float64) error {
	known := make(map[string]rules.Param, len(spec.Params))
	for _, p := range spec.Params {
		known[p.Name] = p
	}
	for name, v := range given {
		p, ok := known[name]
		if !ok {
			return because("unknown_value", "params", name)
		}
		if !(v >= p.Min && v <= p.Max) { // not a number is neither
			return because("param_range", name, v, p.Min, p.Max)
		}
	}
	return nil
}

func (s *Console) startBacktest(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.wholeCountry(w, r, c) {
		return
	}
	b, status, err := s.backtestOf(w, r)
	if err != nil {
		s.refuse(w, r, status, err)
		return
	}
	j, err := newJob(c.name)
	if err != nil {
		s.Log.Error("no backtest", "err", err)
		s.refuse(w, r, http.StatusServiceUnavailable, because("failed"))
		return
	}
	detail := fmt.Sprintf("%s - %s %v", b.Span.From.Format(time.RFC3339), b.Span.To.Format(time.RFC3339), b.Params)
	if !s.record(w, r, c, "backtest", "rule/"+b.Rule, detail) {
		return
	}
	one := &backtestAnswer{
		jobAnswer: j, Rule: b.Rule, From: b.Span.From.UTC(), To: b.Span.To.UTC(), Params: b.Params,
		Known: []countAnswer{}, Lost: []countAnswer{}, Findings: []rules.Finding{}, Withheld: []countAnswer{},
	}
	answer := *one
	if !begun(s, &s.backtests, one, backtestTime, s.judging(one, b)) {
		s.refuse(w, r, http.StatusConflict, because("backtest_busy"))
		return
	}
	w.Header().Set("Location", api+"/backtests/"+answer.ID)
	s.json(w, r, http.StatusAccepted, answer)
}

// judging is the work of a backtest.
func (s *Console) judging(one *backtestAnswer, b Backtest) working {
	return func(ctx context.Context, progress func(share float64, step string)) (func(), error) {
		got, err := s.Backtest(ctx, b, progress)
		if err != nil {
			return nil, err
		}
		progress(0.95, "compare")
		stored, err := s.Store.Findings(ctx, rules.FindingFilter{Rule: b.Rule, Since: b.Span.From, Until: b.Span.To})
		if err != nil {
			return nil, fmt.Errorf("read the findings there are: %w", err)
		}
		known, lost := compared(got.Findings, stored)
		listed := s.Mask.Apply(got.Findings[:min(len(got.Findings), mostBacktestListed)])
		return func() {
			one.Subjects, one.Total, one.Known, one.Lost = got.Subjects, len(got.Findings), ranked(known), ranked(lost)
			one.Findings, one.Withheld = append(one.Findings, listed...), ranked(got.Withheld)
		}, nil
	}
}

// compared counts findings that would be raised by the state of the stored one
// of the same subject, and the stored ones that would not be.
func compared(raised, stored []rules.Finding) (known, lost map[string]uint64) {
	states := make(map[string]string, len(stored))
	lost = make(map[string]uint64)
	for i := range stored {
		states[stored[i].Subject.ID] = string(stored[i].State)
	}
	known = make(map[string]uint64)
	for i := range raised {
		state := states[raised[i].Subject.ID]
		delete(states, raised[i].Subject.ID)
		if state == "" {
			state = "none"
		}
		known[state]++
	}
	for _, state := range states {
		lost[state]++
	}
	return known, lost
}

func (s *Console) listBacktests(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.wholeCountry(w, r, c) {
		return
	}
	list := []backtestAnswer{}
	s.backtests.each(func(b *backtestAnswer) {
		one := *b
		one.Findings = []rules.Finding{}
		one.say(spoken(r))
		list = append(list, one)
	})
	s.json(w, r, http.StatusOK, list)
}

func (s *Console) backtest(w http.ResponseWriter, r *http.Request, c *caller) {
	if !s.wholeCountry(w, r, c) {
		return
	}
	var one backtestAnswer
	if id := r.PathValue("id"); !s.backtests.find(id, func(b *backtestAnswer) { one = *b }) {
		s.refuse(w, r, http.StatusNotFound, because("no_backtest", id))
		return
	}
	one.say(spoken(r))
	s.json(w, r, http.StatusOK, one)
}

// dropBacktest cancels one that is under way, and forgets one that has ended.
func (s *Console) dropBacktest(w http.ResponseWriter, r *http.Request, c *caller) {
	id := r.PathValue("id")
	if !s.wholeCountry(w, r, c) || !s.record(w, r, c, "backtest_drop", "backtest/"+id, "") {
		return
	}
	if !s.backtests.drop(id) {
		s.refuse(w, r, http.StatusNotFound, because("no_backtest", id))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
