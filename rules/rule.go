package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sort"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// Spec describes a rule to people and to the engine.
type Spec struct {
	ID      string
	Version string // changes whenever the same facts could be judged otherwise
	Clauses []Clause
	Title   Text
	Claim   Text
	// Ledger is set when the rule needs no traffic, Routes when it asks the history
	// of routes.
	Ledger, Routes bool
	// LookbackDays is how many days a scheduled run judges, ending with the
	// last complete one.
	LookbackDays int
	// QuietDays is how many days a finding must not have been seen before it
	// ceases.
	QuietDays int
	Params    []Param
}

// Needs says what the rule is measured from.
func (s *Spec) Needs() Text {
	switch {
	case s.Ledger && s.Routes:
		return Text{ZH: "台账和路由", EN: "ledgers and routes"}
	case s.Ledger:
		return Text{ZH: "仅台账", EN: "ledgers alone"}
	case s.Routes:
		return Text{ZH: "流量和路由", EN: "traffic and routes"}
	}
	return Text{ZH: "流量", EN: "traffic"}
}

// Clause is a provision a rule rests on, with the days between which it binds.
type Clause struct {
	ID    string
	Valid registry.Validity
}

// Param is a number an operator may set in the configuration.
type Param struct {
	Name     string
	Unit     string
	Default  float64
	Min, Max float64
	Meaning  Text
}

// Params holds the value of each parameter of one rule.
type Params map[string]float64

// ClausesAt returns the ids of the clauses that bind on some day of v.
func (s *Spec) ClausesAt(v registry.Validity) []string {
	ids := make([]string, 0, len(s.Clauses))
	for _, c := range s.Clauses {
		if c.Valid.Overlaps(v) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// ParamsWith returns the defaults of s with the given values laid over them,
// or an error that names the parameter and what it may be.
func (s *Spec) ParamsWith(given map[string]float64) (Params, error) {
	p := make(Params, len(s.Params))
	for _, d := range s.Params {
		p[d.Name] = d.Default
	}
	for name, v := range given {
		d, ok := s.param(name)
		if !ok {
			return nil, fmt.Errorf("rule %s has no parameter %q, it has %v", s.ID, name, s.paramNames())
		}
		if !(v >= d.Min && v <= d.Max) { // not a number is neither
			return nil, fmt.Errorf("rule %s: parameter %s is %v, it must be from %v to %v %s", s.ID, name, v, d.Min, d.Max, d.Unit)
		}
		p[name] = v
	}
	return p, nil
}

func (s *Spec) param(name string) (Param, bool) {
	for _, p := range s.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

func (s *Spec) paramNames() []string {
	names := make([]string, len(s.Params))
	for i, p := range s.Params {
		names[i] = p.Name
	}
	sort.Strings(names)
	return names
}

// Span is a run of local days, both included. They are whole days unless Exact
// says at which instants the first begins and the last ends.
type Span struct {
	Days     registry.Validity
	Location *time.Location
	Exact    Window
}

// NewSpan returns the days that w touches, bounded by its instants.
func NewSpan(w Window, loc *time.Location) Span {
	days := registry.Validity{
		From: registry.DateOf(w.From.In(loc)),
		To:   registry.DateOf(w.To.In(loc).Add(-time.Nanosecond)),
	}
	return Span{Days: days, Location: loc, Exact: w}
}

// Window returns the span in event time.
func (s Span) Window() Window {
	if !s.Exact.To.IsZero() {
		return s.Exact
	}
	return Window{From: s.Days.From.Start(s.Location), To: (s.Days.To + 1).Start(s.Location)}
}

// Each calls visit with every day of the span.
func (s Span) Each(visit func(day registry.Date)) {
	for d := s.Days.From; d <= s.Days.To; d++ {
		visit(d)
	}
}

// Inputs is what a rule measures its facts from.
type Inputs struct {
	Span    Span
	Ledgers *registry.Snapshot
	Traffic Traffic
	// Routes is nil where no routes were ever collected: rules that need them
	// then have no subjects.
	Routes Routes
	// Calendar tells working days; nil is the one that ships.
	Calendar *registry.Calendar
}

// Fact is what was measured about one subject. It is a plain value that can be
// written as JSON and read back, so that a verdict can be re-derived.
type Fact interface {
	// About returns the subject and who holds it.
	About() (s Subject, enterpriseID, province string)
}

// Outcome is what judging a fact gives.
type Outcome uint8

// The outcomes.
const (
	// Clear means that the rule has nothing to say about the subject.
	Clear Outcome = iota
	// Fires means that the condition holds.
	Fires
	// Withheld means that the data does not suffice to say.
	Withheld
)

// Judgement is the answer of a rule about one fact.
type Judgement struct {
	Outcome Outcome
	// Reason says why it was withheld: low_samples, low_completeness,
	// sampling_unknown.
	Reason string
	// Ceased is set when the condition held in the span, but no longer on its
	// last day.
	Ceased bool
	// FirstDay and LastDay are the days of the span on which it held.
	FirstDay, LastDay registry.Date
	// Holder is who held the subject on LastDay, where that is not who the fact
	// is about: a finding is about who held it then, not about who followed.
	Holder       *Holder
	Severity     Severity
	Confidence   float64
	Completeness float64
	Facts        FactSet
	Explanation  Text
	Evidence     []Evidence
	// Benign lists the innocent explanations that were tested, and why each
	// failed.
	Benign []BenignTest
}

// Holder is an enterprise as a finding names it.
type Holder struct {
	EnterpriseID string `json:"enterprise_id"`
	Name         string `json:"name"`
	Province     string `json:"province"`
}

// heldBy returns h, or nil if that is who the fact is about anyway.
func heldBy(f Fact, h Holder) *Holder {
	if s, enterprise, province := f.About(); h == (Holder{enterprise, s.Name, province}) {
		return nil
	}
	return &h
}

// BenignTest is one innocent explanation and what became of it.
type BenignTest struct {
	Name   string `json:"name"`
	Result Text   `json:"result"`
}

// Rule is a rule the engine can run.
type Rule struct {
	Spec Spec
	// Measure yields the fact of each subject, in the order of subjects.
	Measure func(ctx context.Context, in Inputs, p Params) iter.Seq2[Fact, error]
	// Judge is a pure function of the fact and the parameters.
	Judge func(f Fact, p Params) Judgement
	// Decode reads a fact back from its JSON.
	Decode func(data []byte) (Fact, error)
}

// define binds the typed functions of one rule to a Rule.
func define[F Fact](
	spec Spec,
	measure func(ctx context.Context, in Inputs, p Params) iter.Seq2[F, error],
	judge func(f F, p Params) Judgement,
) Rule {
	return Rule{
		Spec: spec,
		Measure: func(ctx context.Context, in Inputs, p Params) iter.Seq2[Fact, error] {
			return func(yield func(Fact, error) bool) {
				for f, err := range measure(ctx, in, p) {
					if !yield(f, err) {
						return
					}
				}
			}
		},
		Judge: func(f Fact, p Params) Judgement {
			typed, ok := f.(F)
			if !ok {
				return Judgement{Outcome: Withheld, Reason: "wrong_fact"}
			}
			return judge(typed, p)
		},
		Decode: func(data []byte) (Fact, error) {
			var f F
			if err := json.Unmarshal(data, &f); err != nil {
				return nil, fmt.Errorf("decode fact of rule %s: %w", spec.ID, err)
			}
			return f, nil
		},
	}
}

// Find returns the rule with that id.
func Find(catalogue []Rule, id string) (Rule, bool) {
	for _, r := range catalogue {
		if r.Spec.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// Catalogue returns every built-in rule, ordered by id.
func Catalogue() []Rule {
	return []Rule{
		CommitmentOverdue(),
		CreditNewResource(),
		DNSInfrastructure(),
		EvaluationMissing(),
		FilingConflict(),
		FilingOutside(),
		FilingUnreported(),
		ICPAccessProvider(),
		ICPEmptyShell(),
		ICPStaleAccess(),
		ICPUnfiled(),
		IllegalUpstream(),
		IntlBusinessPlatform(),
		IntlDatacentre(),
		IntlGateway(),
		IntlNonOfficeProfile(),
		IntlThirdParty(),
		IntlTransit(),
		IntlUnapprovedChannel(),
		IntlUserFile(),
		LicenceMissing(),
		LicenceRegion(),
		LicenceScope(),
		SelfBuiltPath(),
		SubleaseBandwidth(),
		SubleaseChain(),
		SubleaseDownstream(),
		SubleaseOrigin(),
		SubleaseTenants(),
		UnlicensedCDN(),
		UnlicensedDNS(),
		UnlicensedIDC(),
		UnlicensedIPVPN(),
		UnlicensedISP(),
	}
}
