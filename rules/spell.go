package rules

import (
	"cmp"
	"context"
	"iter"
	"reflect"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// Spell is a run of days of a span on which the ledgers said the same of a
// subject.
type Spell[T any] struct {
	From  registry.Date `json:"from"`
	To    registry.Date `json:"to"`
	State T             `json:"state"`
}

// spells asks for the state of a subject on each day, and joins days of the
// same state. Days without a state are left out.
func spells[T any](days registry.Validity, at func(day registry.Date) (T, bool)) []Spell[T] {
	var out []Spell[T]
	for d := days.From; d <= days.To; d++ {
		state, active := at(d)
		if !active {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To == d-1 && reflect.DeepEqual(out[n-1].State, state) {
			out[n-1].To = d
			continue
		}
		out = append(out, Spell[T]{d, d, state})
	}
	return out
}

// held is on which days of a span a condition held.
type held struct {
	first, last registry.Date
	days        int
}

func (h *held) add(from, to registry.Date) {
	if h.days == 0 {
		h.first = from
	}
	h.last = to
	h.days += int(to-from) + 1
}

// holding returns the days on which the state of a spell meets a condition, and
// the last state that does.
func holding[T any](list []Spell[T], meets func(*T) bool) (h held, last *T) {
	for i := range list {
		if meets(&list[i].State) {
			h.add(list[i].From, list[i].To)
			last = &list[i].State
		}
	}
	return h, last
}

// fires returns a finding of a ledger rule about the days of h.
func (h held) fires(span registry.Validity, s Severity) Judgement {
	return Judgement{
		Outcome: Fires, Completeness: 1, Confidence: 1, Severity: s,
		FirstDay: h.first, LastDay: h.last, Ceased: h.last != span.To,
	}
}

// clear is what a rule says that has nothing to say.
func clearJudgement() Judgement { return Judgement{Outcome: Clear, Completeness: 1} }

// withheld is what a ledger rule says when a ledger does not tell.
func withheld(reason string) Judgement {
	return Judgement{Outcome: Withheld, Reason: reason, Completeness: 1}
}

// inOrder yields facts in the order of their subjects.
func inOrder[F Fact](facts []F) iter.Seq2[F, error] {
	slices.SortFunc(facts, func(a, b F) int {
		x, _, _ := a.About()
		y, _, _ := b.About()
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.ID, y.ID))
	})
	return func(yield func(F, error) bool) {
		for _, f := range facts {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// fromLedgers makes a measurement of a function that needs the ledgers alone.
func fromLedgers[F Fact](facts func(s *registry.Snapshot, days registry.Validity) []F) func(context.Context, Inputs, Params) iter.Seq2[F, error] {
	return func(_ context.Context, in Inputs, _ Params) iter.Seq2[F, error] {
		return inOrder(facts(in.Ledgers, in.Span.Days))
	}
}

// holderOf names an enterprise as of the view's day.
func holderOf(v *registry.View, enterprise string, place registry.Place) Holder {
	e := v.Enterprise(enterprise)
	if place == "" && e != nil {
		place = e.Place
	}
	return Holder{EnterpriseID: enterprise, Name: displayName(e, enterprise), Province: place.Province()}
}

// lastDayIn returns the last day of days on which v holds.
func lastDayIn(v, days registry.Validity) registry.Date {
	if v.To != 0 && v.To < days.To {
		return v.To
	}
	return days.To
}

// ledgerRow is the evidence of one row of a ledger.
func ledgerRow(ledger, key, title string) Evidence {
	return Evidence{Kind: "ledger_row", Title: title, Ref: ledger + "/" + key}
}

// since binds clauses from one day on.
func since(day registry.Date, ids ...string) []Clause {
	out := make([]Clause, len(ids))
	for i, id := range ids {
		out[i] = Clause{ID: id, Valid: registry.Validity{From: day}}
	}
	return out
}

// firstOf shortens a list that a person reads.
func firstOf(list []string, most int) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), "…")
}
