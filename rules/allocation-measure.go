package rules

import (
	"context"
	"fmt"
	"iter"
)

// measureDays measures a rule about what allocations did on days without an
// active licence for a service there: from the totals of a day, then for those it
// is worth it from the networks they dealt with, then from what more asks for.
func measureDays[D any, F Fact](
	ctx context.Context, in Inputs, p Params, rule dayRule[D],
	more func(context.Context, *allocationDays[D], Params) error, fact func(AllocationRecord, []D) F,
) iter.Seq2[F, error] {
	return allocationFacts(func() ([]F, error) {
		a, err := readAllocations(ctx, in, []string{rule.service}, func(row *AllocationDay) (D, bool) {
			d := rule.fold(row)
			return d, rule.bytes(&d, p)
		})
		if err != nil {
			return nil, err
		}
		if rule.networks != nil {
			err := a.count(ctx, func(row *AllocationDay) (D, bool) {
				d := rule.fold(row)
				return d, rule.networks(&d, p)
			})
			if err != nil {
				return nil, err
			}
		}
		if err := more(ctx, a, p); err != nil {
			return nil, err
		}
		var facts []F
		a.each(p["min_completeness"], func(r AllocationRecord, days []D) { facts = append(facts, fact(r, days)) })
		return facts, nil
	})
}

// dayRule is how a rule about a licence for a service sees a day.
type dayRule[D any] struct {
	service string
	// fold puts the totals of a day into the words of the rule.
	fold func(*AllocationDay) D
	// bytes and networks say whether it is worth asking for more: by its bytes
	// alone, and with networks and origins counted; nil where they do not matter.
	bytes, networks func(*D, Params) bool
}

// eachAddress hands over what each address of the promising allocations did on a
// day that is to be judged: its ports, and all else it did.
func (a *allocationDays[D]) eachAddress(ctx context.Context, visit func(d *D, rows []AllocationHost)) error {
	within := a.promising()
	if len(within) == 0 {
		return nil
	}
	rows := together[AllocationHost]{
		same: func(x, y *AllocationHost) bool {
			return x.Allocation == y.Allocation && x.Day == y.Day && x.Address == y.Address
		},
		visit: func(rows []AllocationHost) {
			if d := a.day(rows[0].Allocation, rows[0].Day); d != nil {
				visit(d, rows)
			}
		},
	}
	if err := rows.read(a.in.Traffic.AllocationHosts(ctx, a.in.Addresses(within))); err != nil {
		return fmt.Errorf("read hosts of allocations: %w", err)
	}
	return nil
}

// eachSource hands over from where the promising allocations took on the days
// that are to be judged.
func (a *allocationDays[D]) eachSource(ctx context.Context, visit func(d *D, s *AllocationSource)) error {
	within := a.promising()
	if len(within) == 0 {
		return nil
	}
	for s, err := range a.in.Traffic.AllocationSources(ctx, a.in.Span.Window(), a.in.Span.Location, within) {
		if err != nil {
			return fmt.Errorf("read sources of allocations: %w", err)
		}
		if d := a.day(s.Allocation, s.Day); d != nil {
			visit(d, &s)
		}
	}
	return nil
}

// eachContact hands over the contacts of each address and day together.
func eachContact(ctx context.Context, in Inputs, q ContactQuestion, visit func(rows []AllocationContact)) error {
	if len(q.Within) == 0 {
		return nil
	}
	rows := together[AllocationContact]{
		same: func(x, y *AllocationContact) bool {
			return x.Allocation == y.Allocation && x.Day == y.Day && x.Address == y.Address
		},
		visit: visit,
	}
	if err := rows.read(in.Traffic.AllocationContacts(ctx, q)); err != nil {
		return fmt.Errorf("read contacts of allocations: %w", err)
	}
	return nil
}

// together hands over rows of an answer that follow one another and belong
// together. What is handed over holds until the next.
type together[T any] struct {
	same  func(x, y *T) bool
	visit func(rows []T)
}

func (t *together[T]) read(answer iter.Seq2[T, error]) error {
	var rows []T
	for row, err := range answer {
		if err != nil {
			return err
		}
		if len(rows) > 0 && !t.same(&rows[0], &row) {
			t.visit(rows)
			rows = rows[:0]
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		t.visit(rows)
	}
	return nil
}
