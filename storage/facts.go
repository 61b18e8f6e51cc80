package storage

import (
	"context"
	"iter"
	"time"

	"github.com/linewarden/linewarden/rules"
)

func none[T any]() iter.Seq2[T, error] { return func(func(T, error) bool) {} }

// LineHours yields what each line carried per hour.
func (s *Store) LineHours(context.Context, rules.Window) iter.Seq2[rules.LineHour, error] {
	return none[rules.LineHour]()
}

// LinePairs counts active address pairs.
func (s *Store) LinePairs(context.Context, rules.PairsQuestion) iter.Seq2[rules.LinePairs, error] {
	return none[rules.LinePairs]()
}

// LineServices yields addresses in server role on lines.
func (s *Store) LineServices(context.Context, rules.Window, *time.Location, []string) iter.Seq2[rules.LineService, error] {
	return none[rules.LineService]()
}

// Allocations yields the totals of allocations.
func (s *Store) Allocations(context.Context, rules.Window, *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return none[rules.AllocationDay]()
}

// AllocationHosts yields what single addresses did.
func (s *Store) AllocationHosts(context.Context, rules.Window, *time.Location, []rules.AllocationID) iter.Seq2[rules.AllocationHost, error] {
	return none[rules.AllocationHost]()
}

// AllocationSources yields from which networks allocations took.
func (s *Store) AllocationSources(context.Context, rules.Window, *time.Location, []rules.AllocationID) iter.Seq2[rules.AllocationSource, error] {
	return none[rules.AllocationSource]()
}

// AllocationContacts yields tunnels and DNS.
func (s *Store) AllocationContacts(context.Context, rules.Window, *time.Location, []rules.AllocationID) iter.Seq2[rules.AllocationContact, error] {
	return none[rules.AllocationContact]()
}

// AllocationEntries yields where bytes entered.
func (s *Store) AllocationEntries(context.Context, rules.Window, *time.Location) iter.Seq2[rules.AllocationEntry, error] {
	return none[rules.AllocationEntry]()
}
