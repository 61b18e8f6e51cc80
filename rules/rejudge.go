package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Rejudged is what came of deriving a finding again from its basis.
type Rejudged struct {
	Finding string `json:"finding"`
	Rule    string `json:"rule"`
	// Version is the version of the rule that judged now.
	Version string `json:"rule_version"`
	// Identical is set when every figure and word is what is stored.
	Identical bool `json:"identical"`
	// Differences are the parts that came out otherwise, in the order of the
	// finding object.
	Differences []Difference `json:"differences"`
}

// Difference is one part of a finding that is not what was stored, both in JSON.
type Difference struct {
	Field    string          `json:"field"`
	Stored   json.RawMessage `json:"stored"`
	Rejudged json.RawMessage `json:"rejudged"`
}

// ErrNoBasis means that a finding was stored without what it was derived from.
var ErrNoBasis = errors.New("the facts of this finding were not kept")

// Rejudge derives the verdict of a stored finding again, from its basis alone,
// and compares it with what is stored. First and last days are compared only
// where the signal was seen in one run: merging widens them. It fails with
// ErrNoBasis where there is nothing to derive it from, and where r is not its
// rule.
func Rejudge(r Rule, f *Finding, loc *time.Location) (*Rejudged, error) {
	if r.Spec.ID != f.Rule {
		return nil, fmt.Errorf("finding %s is of rule %s and not of %s", f.ID, f.Rule, r.Spec.ID)
	}
	if f.Basis == nil || len(f.Basis.Fact) == 0 || bytes.Equal(f.Basis.Fact, []byte("null")) {
		return nil, fmt.Errorf("rejudge %s: %w; it gets them when the rule next sees the signal", f.ID, ErrNoBasis)
	}
	fact, err := r.Decode(f.Basis.Fact)
	if err != nil {
		return nil, err
	}
	out := &Rejudged{Finding: f.ID, Rule: f.Rule, Version: r.Spec.Version, Differences: []Difference{}}
	j := r.Judge(fact, f.Basis.Params)
	out.compare("rule_version", f.RuleVersion, r.Spec.Version)
	out.compare("outcome", Fires.String(), j.Outcome.String())
	if j.Outcome == Fires {
		subject, enterprise, province := fact.About()
		if h := j.Holder; h != nil {
			subject.Name, enterprise, province = h.Name, h.EnterpriseID, h.Province
		}
		out.compare("subject", f.Subject, subject)
		out.compare("enterprise_id", f.EnterpriseID, enterprise)
		out.compare("province", f.Province, province)
		out.compare("severity", f.Severity, j.Severity)
		out.compare("confidence", f.Confidence, j.Confidence)
		out.seen(f, j, loc)
		out.compare("facts", f.Facts, j.Facts)
		out.compare("completeness", f.Completeness, j.Completeness)
		out.compare("title", f.Title, r.Spec.Title)
		out.compare("explanation", f.Explanation, j.Explanation)
		out.compare("evidence", f.Evidence, j.Evidence)
		out.compare("benign", f.Benign, j.Benign)
	}
	out.Identical = len(out.Differences) == 0
	return out, nil
}

// seen notes a signal that lies outside the days of the finding, which other
// runs may have widened and none narrows.
func (r *Rejudged) seen(f *Finding, j Judgement, loc *time.Location) {
	if first := j.FirstDay.Start(loc); first.Before(f.FirstSeen) {
		r.compare("first_seen", f.FirstSeen.UTC(), first.UTC())
	}
	if last := (j.LastDay + 1).Start(loc); last.After(f.LastSeen) {
		r.compare("last_seen", f.LastSeen.UTC(), last.UTC())
	}
}

// compare notes a field whose JSON differs. Both sides are read and written
// once, so that a number from the store and one from the rule look alike.
func (r *Rejudged) compare(field string, stored, now any) {
	a, b := plainJSON(stored), plainJSON(now)
	if !bytes.Equal(a, b) {
		r.Differences = append(r.Differences, Difference{Field: field, Stored: a, Rejudged: b})
	}
}

// plainJSON writes v as it looks after having been stored: an empty list is
// none, and keys are in order.
func plainJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`"not JSON"`)
	}
	if slices.Contains([]string{"[]", "{}"}, string(text)) {
		return json.RawMessage("null")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return text
	}
	if again, err := json.Marshal(plainNumbers(plain)); err == nil {
		return again
	}
	return text
}

// plainNumbers makes every number a float64, as a store hands it back.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// String returns clear, fires or withheld.
func (o Outcome) String() string {
	switch o {
	case Clear:
		return "clear"
	case Fires:
		return "fires"
	case Withheld:
		return "withheld"
	}
	return "unknown"
}
