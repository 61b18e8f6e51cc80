package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// confirmedTable holds what holds do not: what evidence tells from ledgers, books
// and all other tables.
func confirmedTable() *table {
	return &table{
		name:    "confirmed_evidence",
		purpose: "what findings rested on when people confirmed them, as documents; one from before a confirmation that came to nothing is there as well",
		columns: []column{
			{"finding", "String", codecPlain},
			{"at", kindMicrosecond, codecPlain},
			{"document", "String", codecPlain},
		},
		engine:   "MergeTree",
		order:    "(finding, at)",
		settings: []string{deduplication},
	}
}

// ConfirmedEvidence is what a finding rested on at an instant.
type ConfirmedEvidence struct {
	At       time.Time // to the microsecond
	Document string    // in the form of who wrote it
}

// KeepEvidence keeps, for good, what a finding rests on at an instant.
func (s *Store) KeepEvidence(ctx context.Context, finding string, e ConfirmedEvidence) error {
	at := e.At.UTC().Truncate(time.Microsecond)
	return s.insert(ctx, "keep the evidence of finding "+finding, "INSERT INTO confirmed_evidence (finding, at, document)",
		fmt.Sprintf("confirmed-%s-%d", finding, at.UnixMicro()), func(b driver.Batch) error { return b.Append(finding, at, e.Document) })
}

// KeptEvidence returns what was kept of a finding, the oldest first.
func (s *Store) KeptEvidence(ctx context.Context, finding string) (list []ConfirmedEvidence, err error) {
	err = s.query(ctx, "read what was kept of finding "+finding, "SELECT at, document FROM confirmed_evidence WHERE finding = {finding:String} ORDER BY at",
		func(r driver.Rows) error {
			var e ConfirmedEvidence
			if err := r.Scan(&e.At, &e.Document); err != nil {
				return err
			}
			list = append(list, e)
			return nil
		}, clickhouse.Named("finding", finding))
	return list, err
}
