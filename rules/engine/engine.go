package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// Findings is where findings live between runs. Save is all or nothing.
type Findings interface {
	// Findings returns those that match, in the order of ids.
	Findings(ctx context.Context, filter rules.FindingFilter) ([]rules.Finding, error)
	// SaveFindings replaces the findings with these ids and records why.
	SaveFindings(ctx context.Context, changed []rules.Finding, events []rules.Event) error
}

// Deps is what an Engine works with.
type Deps struct {
	Catalogue []rules.Rule
	Traffic   rules.Traffic
	Routes    rules.Routes // nil where none are collected
	Findings  Findings
	// Log may be nil.
	Log *slog.Logger
}

// Config says how rules are run.
type Config struct {
	// Params holds the values set by an operator, by rule and parameter.
	Params map[string]map[string]float64
	// Location is where days begin; nil is UTC.
	Location *time.Location
	// Calendar tells working days; nil is the one that ships.
	Calendar *registry.Calendar
}

// Engine runs rules.
type Engine struct {
	deps   Deps
	config Config
	params map[string]rules.Params
}

// New checks the parameters and returns an Engine.
func New(config Config, deps Deps) (*Engine, error) {
	e := &Engine{deps: deps, config: config, params: make(map[string]rules.Params)}
	if e.config.Location == nil {
		e.config.Location = time.UTC
	}
	for id := range config.Params {
		if _, ok := rules.Find(deps.Catalogue, id); !ok {
			return nil, fmt.Errorf("parameters for rule %q: there is no such rule, see linewarden rules list", id)
		}
	}
	for _, r := range deps.Catalogue {
		p, err := r.Spec.ParamsWith(config.Params[r.Spec.ID])
		if err != nil {
			return nil, err
		}
		e.params[r.Spec.ID] = p
	}
	return e, nil
}

// Request says what a run is to judge.
type Request struct {
	// Span is judged by every rule as it is. When it is empty, each rule judges
	// its own look-back, ending with LastDay.
	Span    rules.Window
	LastDay registry.Date
	// Rule restricts the run to one rule.
	Rule string
}

// Report is what a run found.
type Report struct {
	New      []rules.Finding `json:"new"`
	Repeated []rules.Finding `json:"repeated"`
	Reopened []rules.Finding `json:"reopened"`
	Ceased   []rules.Finding `json:"ceased"`
	Withheld []Withheld      `json:"withheld"`
	// Subjects is how many subjects were judged, by rule.
	Subjects map[string]int `json:"subjects"`
}

// Withheld is a subject about which a rule could not judge.
type Withheld struct {
	Rule         string        `json:"rule"`
	Subject      rules.Subject `json:"subject"`
	Reason       string        `json:"reason"`
	Completeness float64       `json:"completeness"`
	Facts        rules.FactSet `json:"facts"`
}

// Run judges the request and saves what changed.
func (e *Engine) Run(ctx context.Context, ledgers *registry.Snapshot, req Request) (*Report, error) {
	if err := e.check(req); err != nil {
		return nil, err
	}
	report := &Report{Subjects: make(map[string]int)}
	traffic := share(e.deps.Traffic)
	for _, r := range e.deps.Catalogue {
		if req.Rule != "" && r.Spec.ID != req.Rule {
			continue
		}
		began := time.Now()
		if err := e.runRule(ctx, r, rules.Inputs{
			Span: e.span(r, req), Ledgers: ledgers, Traffic: traffic, Routes: e.deps.Routes, Calendar: e.config.Calendar,
		}, report); err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Spec.ID, err)
		}
		if e.deps.Log != nil {
			e.deps.Log.Debug("rule judged", "rule", r.Spec.ID, "subjects", report.Subjects[r.Spec.ID], "seconds", time.Since(began).Seconds())
		}
	}
	return report, nil
}

// check refuses a request that would judge nothing.
func (e *Engine) check(req Request) error {
	if req.Rule != "" {
		if _, ok := rules.Find(e.deps.Catalogue, req.Rule); !ok {
			return fmt.Errorf("there is no rule %q, see linewarden rules list", req.Rule)
		}
	}
	switch {
	case req.Span.To.IsZero() && req.LastDay < 1:
		return errors.New("neither a span nor a last day is given to judge")
	case !req.Span.To.IsZero() && !req.Span.From.Before(req.Span.To):
		return fmt.Errorf("the span from %s to %s is empty", req.Span.From.Format(time.RFC3339), req.Span.To.Format(time.RFC3339))
	}
	return nil
}

// span returns the days a rule judges in this request.
func (e *Engine) span(r rules.Rule, req Request) rules.Span {
	if !req.Span.To.IsZero() {
		return rules.NewSpan(req.Span, e.config.Location)
	}
	lookback := registry.Date(max(1, r.Spec.LookbackDays))
	days := registry.Validity{From: req.LastDay - lookback + 1, To: req.LastDay}
	return rules.Span{Days: days, Location: e.config.Location}
}

func (e *Engine) runRule(ctx context.Context, r rules.Rule, in rules.Inputs, report *Report) error {
	known, err := e.deps.Findings.Findings(ctx, rules.FindingFilter{Rule: r.Spec.ID})
	if err != nil {
		return fmt.Errorf("read open findings: %w", err)
	}
	m := newMerge(&r.Spec, in.Span, known)
	if len(m.clauses) == 0 && len(r.Spec.Clauses) > 0 {
		return nil // no provision binds in the span
	}
	params := e.params[r.Spec.ID]
	m.params, m.ledgers = params, in.Ledgers.Version()
	for fact, err := range r.Measure(ctx, in, params) {
		if err != nil {
			return fmt.Errorf("measure: %w", err)
		}
		report.Subjects[r.Spec.ID]++
		if err := m.judged(fact, r.Judge(fact, params), report); err != nil {
			return err
		}
	}
	m.cease(report)
	if len(m.changed) == 0 {
		return nil
	}
	if err := e.deps.Findings.SaveFindings(ctx, m.changed, m.events); err != nil {
		return fmt.Errorf("save findings: %w", err)
	}
	return nil
}
