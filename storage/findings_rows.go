package storage

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// LedgerRow is a row of a ledger with the imports that brought and took it.
type LedgerRow struct {
	Ledger  string   `json:"ledger"`
	Columns []string `json:"columns"`
	Fields  []string `json:"fields"`
	// Import is the import that brought the row, and Known from when on it was
	// known.
	Import uuid.UUID `json:"import"`
	Known  time.Time `json:"known"`
	// Closed is when a later import took the row out; zero while it is in force.
	Closed time.Time `json:"closed"`
}

// maxLedgerRows is how many rows one reference gives.
const maxLedgerRows = 100

// LedgerRows returns the rows a piece of evidence names, as they were known at
// an instant; the zero Time is now. A reference is a ledger and the key of a
// row, joined by a slash, such as lines/L1 or licences/A2.B1-20200001/B11:
// what follows the first column must be in the row too. At most 100 rows are
// returned.
func (s *Store) LedgerRows(ctx context.Context, ref string, knownAt time.Time) ([]LedgerRow, error) {
	ledger, rest, ok := strings.Cut(ref, "/")
	if !ok {
		return nil, nil
	}
	if knownAt.IsZero() {
		knownAt = time.Now()
	}
	var list []LedgerRow
	err := s.query(ctx, "read rows of ledgers", `WITH fromUnixTimestamp64Micro({known:Int64}, 'UTC') AS at
SELECT columns, fields, argMaxIf(import, known, sign > 0 AND known <= at) AS brought, maxIf(known, sign > 0 AND known <= at) AS since,
    minIf(known, sign < 0 AND known > at) AS closed, sumIf(sign, known <= at) AS copies
FROM ledger_rows
WHERE ledger = {ledger:String} AND key IN {keys:Array(String)} AND import IN (SELECT import FROM ledger_versions)
GROUP BY columns, fields
HAVING copies > 0
ORDER BY fields
LIMIT {most:UInt64}`,
		func(r driver.Rows) error {
			var (
				row    = LedgerRow{Ledger: ledger}
				copies int64
			)
			if err := r.Scan(&row.Columns, &row.Fields, &row.Import, &row.Known, &row.Closed, &copies); err != nil {
				return err
			}
			row.Known, row.Closed = row.Known.UTC(), row.Closed.UTC()
			if row.Closed.Unix() <= 0 {
				row.Closed = time.Time{}
			}
			if row.named(rest) {
				list = append(list, row)
			}
			return nil
		},
		clickhouse.Named("known", knownAt.UnixMicro()), clickhouse.Named("ledger", ledger),
		clickhouse.Named("keys", keysOf(rest)), clickhouse.Named("most", maxLedgerRows))
	return list, err
}

// keysOf returns what the first column may be: a key may hold slashes itself,
// as prefixes do.
func keysOf(rest string) []string {
	keys := []string{rest}
	for i, c := range rest {
		if c == '/' {
			keys = append(keys, rest[:i])
		}
	}
	return keys
}

// named reports whether what follows the key is in the row.
func (r *LedgerRow) named(rest string) bool {
	if len(r.Fields) == 0 {
		return false
	}
	more, ok := strings.CutPrefix(rest, r.Fields[0])
	if !ok || more == "" {
		return ok
	}
	more = strings.TrimPrefix(more, "/")
	return slices.Contains(r.Fields[1:], more)
}
