package rules

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// Finding says: this rule, about this subject, in this span, on this evidence.
type Finding struct {
	ID           string     `json:"id"`
	Rule         string     `json:"rule"`
	RuleVersion  string     `json:"rule_version"`
	Clauses      []string   `json:"clauses"`
	Subject      Subject    `json:"subject"`
	EnterpriseID string     `json:"enterprise_id"`
	Province     string     `json:"province"`
	Severity     Severity   `json:"severity"`
	Confidence   float64    `json:"confidence"`
	State        State      `json:"state"`
	FirstSeen    time.Time  `json:"first_seen"`
	LastSeen     time.Time  `json:"last_seen"`
	Window       Window     `json:"window"`
	Facts        FactSet    `json:"facts"`
	Completeness float64    `json:"completeness"`
	Title        Text       `json:"title"`
	Explanation  Text       `json:"explanation"`
	Evidence     []Evidence `json:"evidence"`
	// Benign lists the innocent explanations that were tested.
	Benign []BenignTest `json:"benign"`
	// Case is what people decided about it; nil while nobody has.
	Case *Case `json:"case,omitempty"`
	// Basis is what the verdict was derived from. It is stored with the finding
	// and shown only to who asks for it; nil where it was not kept.
	Basis *Basis `json:"-"`
}

// Basis is all that a verdict follows from, so that it can be derived again
// from the store alone.
type Basis struct {
	// Fact is the fact as it was measured, in JSON; null where it was larger
	// than MaxFactBytes.
	Fact json.RawMessage `json:"fact"`
	// Params are the values of every parameter of the rule.
	Params Params `json:"params"`
	// Ledgers is the import of ledgers the fact was measured by.
	Ledgers registry.Version `json:"ledgers"`
}

// MaxFactBytes is the size of the largest fact that is kept with a finding.
const MaxFactBytes = 1 << 20

// NewBasis returns the basis of a verdict about fact.
func NewBasis(fact Fact, p Params, ledgers registry.Version) (*Basis, error) {
	text, err := json.Marshal(fact)
	if err != nil {
		return nil, fmt.Errorf("keep the fact: %w", err)
	}
	if len(text) > MaxFactBytes {
		text = []byte("null")
	}
	return &Basis{Fact: text, Params: maps.Clone(p), Ledgers: ledgers}, nil
}

// Event is one entry of a finding's history; it is never changed or erased. The
// events of all findings form one chain: each holds the hash of the one before.
type Event struct {
	Finding string `json:"finding"`
	// Kind is new, repeated, reopened, ceased, moved, noted, assigned or
	// confirmation_proposed.
	Kind   string    `json:"kind"`
	From   State     `json:"from"`
	To     State     `json:"to"`
	Actor  string    `json:"actor"`
	Note   string    `json:"note"`
	Window Window    `json:"window"`
	At     time.Time `json:"at"` // set by the store
	// Case is the case after it.
	Case *Case `json:"case,omitempty"`
	// Link places the event in the chain; zero for events from before there was
	// one. The store sets it.
	Link
}

// Subject is what a finding is about.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	ID   string      `json:"id"`
	Name string      `json:"name"`
}

// SubjectKind is the kind of a subject.
type SubjectKind string

// The kinds of subjects.
const (
	SubjectLine       SubjectKind = "line"
	SubjectAllocation SubjectKind = "allocation"
	SubjectPrefix     SubjectKind = "prefix"
	SubjectASN        SubjectKind = "asn"
	SubjectEnterprise SubjectKind = "enterprise"
	SubjectInterface  SubjectKind = "interface"
	SubjectDomain     SubjectKind = "domain"
)

// Severity orders findings by how soon a person should look.
type Severity string

// The severities.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// State is where a finding stands in its case.
type State string

// The states of a finding.
const (
	Open       State = "open"
	Reviewing  State = "reviewing"
	Confirmed  State = "confirmed"
	Rectifying State = "rectifying"
	Rectified  State = "rectified"
	Dismissed  State = "dismissed"
	Ceased     State = "ceased"
)

// Window is a span of event time: From included, To excluded.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Text is one sentence or paragraph in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// FactSet holds the measured figures of a finding by name, with the unit in the
// name. Values are numbers, strings, booleans, or slices of strings.
type FactSet map[string]any

// Evidence points to something a finding rests on.
type Evidence struct {
	Kind  string `json:"kind"` // ledger_row, traffic, routes, completeness
	Title string `json:"title"`
	Ref   string `json:"ref"`
}

// FindingID returns the stable id of a finding: the same rule and subject give
// the same id, whoever computes it and whenever.
func FindingID(rule string, s Subject) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + string(s.Kind) + "\x00" + s.ID))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10]))
}

// ThirdPartyFacts returns the names of facts that list networks of others.
// Exports show them no finer than the privacy settings allow.
func ThirdPartyFacts() []string { return []string{"third_party_networks"} }
