package engine

import (
	"context"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// mostShared is how many bytes of one answer are kept for the next rule that asks
// the same, what its rows point to left out: a million pairs of networks, or
// 250,000 days of allocations. A longer answer is asked for again.
const mostShared = 128 << 20

// shared answers the questions that several rules of a run ask alike from what
// the first of them was told. It lives for one run, in which the store may take
// in more: all rules of the run see the same. Of each question the last answer
// is kept, since the rules of one span follow one another. Rules are run one
// after the other, so that nothing here is locked.
type shared struct {
	rules.Traffic
	books    kept[rules.ExporterBooks]
	totals   kept[rules.AllocationDay]
	networks kept[rules.LineNetworks]
}

var _ rules.Traffic = (*shared)(nil)

// share returns the traffic of one run.
func share(t rules.Traffic) rules.Traffic {
	if t == nil {
		return nil
	}
	return &shared{Traffic: t}
}

func (s *shared) ExporterBooks(ctx context.Context, w rules.Window) ([]rules.ExporterBooks, error) {
	question := windowText(w)
	if s.books.question == question {
		return s.books.rows, nil
	}
	rows, err := s.Traffic.ExporterBooks(ctx, w)
	if err == nil {
		s.books = kept[rules.ExporterBooks]{question, rows}
	}
	return rows, err
}

func (s *shared) AllocationTotals(ctx context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return s.totals.answer(windowText(w)+" "+loc.String(), func() iter.Seq2[rules.AllocationDay, error] {
		return s.Traffic.AllocationTotals(ctx, w, loc)
	})
}

func (s *shared) LineNetworks(ctx context.Context, w rules.Window, loc *time.Location, lines ...string) iter.Seq2[rules.LineNetworks, error] {
	question := windowText(w) + " " + loc.String() + "\x00" + strings.Join(lines, "\x00")
	return s.networks.answer(question, func() iter.Seq2[rules.LineNetworks, error] {
		return s.Traffic.LineNetworks(ctx, w, loc, lines...)
	})
}

func windowText(w rules.Window) string {
	return w.From.UTC().Format(time.RFC3339Nano) + " " + w.To.UTC().Format(time.RFC3339Nano)
}

// kept is the last answer to one kind of question; question is empty for none.
type kept[T any] struct {
	question string
	rows     []T
}

// answer yields the kept rows of a question, or else asks, and keeps the rows
// where they were read to their end and are not too many.
func (k *kept[T]) answer(question string, ask func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if k.question == question {
			for _, row := range k.rows {
				if !yield(row, nil) {
					return
				}
			}
			return
		}
		*k = kept[T]{} // what it held goes before more is read
		var rows []T
		few, most := true, mostShared/int(reflect.TypeFor[T]().Size())
		for row, err := range ask() {
			if !yield(row, err) || err != nil {
				return
			}
			if few = few && len(rows) < most; few {
				rows = append(rows, row)
			} else {
				rows = nil
			}
		}
		if few {
			*k = kept[T]{question, rows}
		}
	}
}
