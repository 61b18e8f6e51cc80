package engine

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// merge brings the judgements of one rule together with the findings it
// raised before.
type merge struct {
	spec    *rules.Spec
	span    rules.Span
	window  rules.Window
	clauses []string
	params  rules.Params
	ledgers registry.Version
	known   map[string]rules.Finding
	seen    map[string]bool // judged in this run, whatever the outcome
	changed []rules.Finding
	events  []rules.Event
}

func newMerge(spec *rules.Spec, span rules.Span, known []rules.Finding) *merge {
	m := &merge{
		spec: spec, span: span, window: span.Window(), clauses: spec.ClausesAt(span.Days),
		known: make(map[string]rules.Finding, len(known)), seen: make(map[string]bool),
	}
	for _, f := range known {
		m.known[f.ID] = f
	}
	return m
}

// judged takes one judgement into the report.
func (m *merge) judged(fact rules.Fact, j rules.Judgement, report *Report) error {
	subject, enterprise, province := fact.About()
	id := rules.FindingID(m.spec.ID, subject)
	switch j.Outcome {
	case rules.Clear:
		return nil
	case rules.Withheld:
		m.seen[id] = true // no data is no sign that the signal is gone
		report.Withheld = append(report.Withheld, Withheld{
			Rule: m.spec.ID, Subject: subject, Reason: j.Reason, Completeness: j.Completeness, Facts: j.Facts,
		})
		return nil
	case rules.Fires:
	}
	m.seen[id] = true
	f := m.finding(id, j)
	f.Subject, f.EnterpriseID, f.Province = subject, enterprise, province
	if h := j.Holder; h != nil {
		f.Subject.Name, f.EnterpriseID, f.Province = h.Name, h.EnterpriseID, h.Province
	}
	var err error
	if f.Basis, err = rules.NewBasis(fact, m.params, m.ledgers); err != nil {
		return err
	}
	old, exists := m.known[id]
	if !exists {
		report.New = append(report.New, f)
		m.save(f, "new", "")
		return nil
	}
	m.again(old, f, report)
	return nil
}

// finding makes a finding of a judgement that fires.
func (m *merge) finding(id string, j rules.Judgement) rules.Finding {
	f := rules.Finding{
		ID: id, Rule: m.spec.ID, RuleVersion: m.spec.Version, Clauses: m.clauses,
		Severity: j.Severity, Confidence: j.Confidence, State: rules.Open, Window: m.window,
		FirstSeen: j.FirstDay.Start(m.span.Location), LastSeen: (j.LastDay + 1).Start(m.span.Location),
		Facts: j.Facts, Completeness: j.Completeness, Title: m.spec.Title, Explanation: j.Explanation, Evidence: j.Evidence,
		Benign: j.Benign,
	}
	if j.Ceased {
		f.State = rules.Ceased
	}
	return f
}

// again merges a finding with the one of the same id. A run over an older span
// widens what is known, and never overwrites newer figures. A finding that has
// ceased opens again only when the signal was seen later than before: judging
// the old days once more is no news.
func (m *merge) again(old, f rules.Finding, report *Report) {
	newer := !f.Window.To.Before(old.Window.To)
	if old.State == rules.Ceased && !f.LastSeen.After(old.LastSeen) {
		newer = false
	}
	merged := old
	if newer {
		merged = f
		merged.State, merged.Case = stateAfter(old.State, f.State), old.Case
	}
	merged.FirstSeen = earlier(old.FirstSeen, f.FirstSeen)
	merged.LastSeen = later(old.LastSeen, f.LastSeen)
	reopened := old.State == rules.Ceased && merged.State == rules.Open
	switch {
	case reopened:
		report.Reopened = append(report.Reopened, merged)
	case newer && old.State != rules.Ceased && merged.State == rules.Ceased:
		report.Ceased = append(report.Ceased, merged)
	default:
		report.Repeated = append(report.Repeated, merged)
	}
	if same(old, merged) {
		return
	}
	kind := "repeated"
	if reopened {
		kind = "reopened"
	} else if merged.State != old.State {
		kind = "ceased"
	}
	m.save(merged, kind, old.State)
}

// stateAfter returns the state of a finding whose rule fired again: what a
// person decided stays, a ceased one opens again.
func stateAfter(old, now rules.State) rules.State {
	switch old {
	case rules.Open, rules.Ceased:
		return now
	case rules.Reviewing:
		if now == rules.Ceased {
			return now
		}
		return old
	case rules.Confirmed, rules.Rectifying, rules.Rectified, rules.Dismissed:
		return old
	}
	return now
}

// cease closes the findings whose signal is gone for the rule's quiet span. A
// run over an older span, or one shorter than the quiet span, ceases nothing.
func (m *merge) cease(report *Report) {
	for _, id := range slices.Sorted(maps.Keys(m.known)) {
		f := m.known[id]
		if m.seen[id] || (f.State != rules.Open && f.State != rules.Reviewing) || !m.quiet(f.LastSeen) {
			continue
		}
		old := f.State
		f.State = rules.Ceased
		report.Ceased = append(report.Ceased, f)
		m.save(f, "ceased", old)
	}
}

// quiet reports whether this run looked long enough after lastSeen to say that
// the signal is gone.
func (m *merge) quiet(lastSeen time.Time) bool {
	days := m.spec.QuietDays
	lastSeen = lastSeen.In(m.span.Location) // days are local, also across a change of the clocks
	return m.window.To.After(lastSeen) && !m.window.To.Before(lastSeen.AddDate(0, 0, days)) &&
		!m.window.From.AddDate(0, 0, days).After(m.window.To)
}

func (m *merge) save(f rules.Finding, kind string, from rules.State) {
	m.changed = append(m.changed, f)
	m.events = append(m.events, rules.Event{
		Finding: f.ID, Kind: kind, From: from, To: f.State, Actor: "linewarden", Note: m.spec.ID + " " + m.spec.Version, Window: m.window,
	})
}

// same reports whether storing b over a would change nothing: the same text,
// whatever time zone a store hands times back in. What it was derived from is
// not looked at: a basis that gave the same text still gives it.
func same(a, b rules.Finding) bool {
	x, errA := json.Marshal(inUTC(a))
	y, errB := json.Marshal(inUTC(b))
	return errA == nil && errB == nil && string(x) == string(y)
}

func inUTC(f rules.Finding) rules.Finding {
	for _, t := range []*time.Time{&f.FirstSeen, &f.LastSeen, &f.Window.From, &f.Window.To} {
		*t = t.UTC()
	}
	return f
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
