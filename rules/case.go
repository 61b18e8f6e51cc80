package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Case is what people have decided about a finding, beside its state. A run of
// the rules never changes it.
type Case struct {
	Assignee string `json:"assignee,omitempty"`
	// Due is when the case has to be settled; nil while nothing is confirmed.
	Due *time.Time `json:"due,omitempty"`
	// Remedy says how a rectified case was settled.
	Remedy Remedy `json:"remedy,omitempty"`
	// ConfirmedBy are those who confirmed the finding. Where two have to, the
	// first is here while the state is still reviewing.
	ConfirmedBy []string `json:"confirmed_by,omitempty"`
}

// Remedy says how a case was settled.
type Remedy string

// The remedies.
const (
	PurposeCorrected  Remedy = "purpose_corrected"
	LicenceSupplied   Remedy = "licence_supplied"
	LineStopped       Remedy = "line_stopped"
	ResourceReclaimed Remedy = "resource_reclaimed"
	CompliantSelfUse  Remedy = "compliant_self_use"
)

// Remedies lists every remedy.
func Remedies() []string {
	return []string{
		string(PurposeCorrected), string(LicenceSupplied), string(LineStopped), string(ResourceReclaimed), string(CompliantSelfUse),
	}
}

// States lists every state, in the order of a case.
func States() []string {
	return []string{
		string(Open), string(Reviewing), string(Confirmed), string(Rectifying), string(Rectified), string(Dismissed), string(Ceased),
	}
}

// Action is what a person does to a finding.
type Action struct {
	// To is the state to move to; empty leaves the state as it is.
	To State
	// Note says why; every action needs one.
	Note string
	// Actor is who acts.
	Actor string
	// Remedy may be given with a move to rectified, and only there.
	Remedy Remedy
	// Assignee, when not empty, is who works the case from now on.
	Assignee string
	// Due, when not zero, replaces the due time of the case.
	Due time.Time
}

// CasePolicy says how cases are worked.
type CasePolicy struct {
	// TwoPersons makes a confirmation need two different people.
	TwoPersons bool
	// Location is where quarters end; nil is UTC.
	Location *time.Location
}

// ErrMove is the error of an action that the workflow does not permit.
var ErrMove = errors.New("this move is not permitted")

// moves are the permitted changes of state by a person. The rules themselves
// cease a finding whose signal is gone, and open it again.
var moves = map[State][]State{
	Open:       {Reviewing, Dismissed},
	Reviewing:  {Confirmed, Dismissed},
	Confirmed:  {Rectifying},
	Rectifying: {Rectified, Dismissed},
	Rectified:  {Open},
	Dismissed:  {Open},
	Ceased:     {Open},
}

// urgent is how long a confirmed finding of critical severity may take: it is a
// major problem, to be reported at once (N32-4.3b).
const urgent = 24 * time.Hour

// Apply returns the finding after the action, and the event that says so. The
// error wraps ErrMove when the state does not permit it, and says what does.
func (p CasePolicy) Apply(f Finding, a Action, now time.Time) (Finding, Event, error) {
	if err := a.check(); err != nil {
		return f, Event{}, err
	}
	before := f.State
	c := Case{}
	if f.Case != nil {
		c = *f.Case
		c.ConfirmedBy = slices.Clone(c.ConfirmedBy)
	}
	kind := "noted"
	if a.To != "" {
		var err error
		if kind, err = p.move(&f, &c, a, now); err != nil {
			return f, Event{}, err
		}
	}
	if a.Assignee != "" && a.Assignee != c.Assignee {
		c.Assignee = a.Assignee
		if kind == "noted" {
			kind = "assigned"
		}
	}
	if !a.Due.IsZero() {
		due := a.Due.UTC()
		c.Due = &due
	}
	f.Case = &c
	if c.Assignee == "" && c.Due == nil && c.Remedy == "" && len(c.ConfirmedBy) == 0 {
		f.Case = nil
	}
	return f, Event{
		Finding: f.ID, Kind: kind, From: before, To: f.State, Actor: a.Actor, Note: a.Note, Window: f.Window, Case: f.Case,
	}, nil
}

// check refuses an action that says too little, whatever the finding is.
func (a *Action) check() error {
	switch {
	case strings.TrimSpace(a.Note) == "":
		return errors.New("every action on a finding needs a note that says why")
	case strings.TrimSpace(a.Actor) == "":
		return errors.New("an action on a finding needs to say who acts")
	case a.To != "" && !slices.Contains(States(), string(a.To)):
		return fmt.Errorf("there is no state %q, it is one of %s", a.To, strings.Join(States(), ", "))
	case a.To == Rectified && a.Remedy != "" && !slices.Contains(Remedies(), string(a.Remedy)):
		return fmt.Errorf("there is no remedy %q, it is one of %s", a.Remedy, strings.Join(Remedies(), ", "))
	case a.To != Rectified && a.Remedy != "":
		return errors.New("a remedy is given with the move to rectified only")
	}
	return nil
}

// move changes the state and what follows from it.
func (p CasePolicy) move(f *Finding, c *Case, a Action, now time.Time) (kind string, err error) {
	allowed := moves[f.State]
	if !slices.Contains(allowed, a.To) {
		names := make([]string, len(allowed))
		for i, s := range allowed {
			names[i] = string(s)
		}
		return "", fmt.Errorf("%w: finding %s is %s, from there it goes to %s", ErrMove, f.ID, f.State, strings.Join(names, " or "))
	}
	switch a.To {
	case Confirmed:
		if slices.Contains(c.ConfirmedBy, a.Actor) {
			return "", fmt.Errorf("%w: %s has confirmed finding %s already, a second person has to", ErrMove, a.Actor, f.ID)
		}
		c.ConfirmedBy = append(c.ConfirmedBy, a.Actor)
		if p.TwoPersons && len(c.ConfirmedBy) < 2 {
			return "confirmation_proposed", nil
		}
		due := p.due(f.Severity, now).UTC()
		c.Due = &due
	case Rectified:
		c.Remedy = a.Remedy
	case Open:
		*c = Case{Assignee: c.Assignee}
		f.State = Open
		return "reopened", nil
	case Dismissed:
		c.Due = nil
	case Reviewing, Rectifying, Ceased:
	}
	f.State = a.To
	return "moved", nil
}

// due is when a confirmed finding has to be settled: a critical one within a
// day, any other by the end of the quarter, when progress is reported
// (N32-4.3a).
func (p CasePolicy) due(s Severity, now time.Time) time.Time {
	if s == Critical {
		return now.Add(urgent)
	}
	loc := p.Location
	if loc == nil {
		loc = time.UTC
	}
	local := now.In(loc)
	quarter := (local.Month() - 1) / 3
	return time.Date(local.Year(), 3*quarter+4, 1, 0, 0, 0, 0, loc)
}
