package testkit

import (
	"testing"

	"github.com/linewarden/linewarden/flows"
)

// Balance fails the test for each source of books whose records are not all
// stored or lost. Nothing may be parked or queued any more when it is called.
func Balance(tb testing.TB, books *flows.Books) {
	tb.Helper()
	books.Totals(func(s flows.Source, c flows.Count) {
		if c.Records != c.Stored+c.TotalLost() {
			tb.Errorf("books of %v domain %d %v do not balance: %d records, %d stored, %d lost",
				s.Exporter, s.Domain, s.Version, c.Records, c.Stored, c.TotalLost())
		}
		if lost := c.TotalDatagramsLost(); lost > c.Datagrams {
			tb.Errorf("books of %v domain %d %v: %d datagrams lost of %d",
				s.Exporter, s.Domain, s.Version, lost, c.Datagrams)
		}
	})
}

// BalanceEntries does what Balance does for entries of the books as they are
// stored, added up by source.
func BalanceEntries(tb testing.TB, entries []flows.Entry) {
	tb.Helper()
	sums := make(map[flows.Source]*flows.Count)
	for i := range entries {
		e := &entries[i]
		if sums[e.Source] == nil {
			sums[e.Source] = new(flows.Count)
		}
		sums[e.Source].Add(&e.Count)
	}
	for s, c := range sums {
		if c.Records != c.Stored+c.TotalLost() {
			tb.Errorf("books of %v domain %d %v do not balance: %d records, %d stored, %d lost",
				s.Exporter, s.Domain, s.Version, c.Records, c.Stored, c.TotalLost())
		}
	}
}

// Store counts each of records as stored in books, the way a sink does. It is
// for tests of decoders that have no sink.
func Store(books *flows.Books, records []flows.Record) {
	for i := range records {
		books.Account(records[i].Source).Stored(records[i].Exported, 1)
	}
}

// Sum adds up everything books ever counted, over all sources.
func Sum(books *flows.Books) flows.Count {
	var sum flows.Count
	books.Totals(func(_ flows.Source, c flows.Count) { sum.Add(&c) })
	return sum
}
