package rules

import (
	"slices"
	"time"
)

// FindingFilter selects findings. A zero field selects every value.
type FindingFilter struct {
	// Rule is the id of a rule.
	Rule string
	// Clause is the id of a clause the finding rests on.
	Clause string
	// Province is a two-digit GB/T 2260 code.
	Province string
	// Enterprise is an enterprise_id.
	Enterprise string
	State      State
	Severity   Severity
	// Since selects findings last seen at or after it.
	Since time.Time
	// Until selects findings first seen before it.
	Until time.Time
	// Provinces and States, when not nil, select findings of one of them beside
	// what Province and State say; empty and not nil selects none. They are what
	// the asker may see at all.
	Provinces []string
	States    []State
	// After selects findings whose id comes behind it, for the next page.
	After string
	// Limit bounds how many findings a store returns, in the order of their
	// ids; 0 is all of them. Match does not look at it.
	Limit int
}

// Match reports whether f is selected.
func (w *FindingFilter) Match(f *Finding) bool {
	return w.matchSubject(f) &&
		(w.State == "" || w.State == f.State) &&
		(w.Severity == "" || w.Severity == f.Severity) &&
		(w.Since.IsZero() || !f.LastSeen.Before(w.Since)) &&
		(w.Until.IsZero() || f.FirstSeen.Before(w.Until)) &&
		w.matchScope(f)
}

func (w *FindingFilter) matchScope(f *Finding) bool {
	return (w.Provinces == nil || slices.Contains(w.Provinces, f.Province)) &&
		(w.States == nil || slices.Contains(w.States, f.State)) &&
		(w.After == "" || f.ID > w.After)
}

func (w *FindingFilter) matchSubject(f *Finding) bool {
	return (w.Rule == "" || w.Rule == f.Rule) &&
		(w.Clause == "" || slices.Contains(f.Clauses, w.Clause)) &&
		(w.Province == "" || w.Province == f.Province) &&
		(w.Enterprise == "" || w.Enterprise == f.EnterpriseID)
}
