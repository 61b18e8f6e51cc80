package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/linewarden/linewarden/registry"
)

// LedgerVersion is one import of ledgers.
type LedgerVersion struct {
	ID uuid.UUID
	// Known is from when on its rows are known, to the microsecond.
	Known time.Time
	// Source says where the rows came from, and Hash names what they were.
	Source, Hash string
	// Opened and Closed are how many rows the import opened and closed.
	Opened, Closed int
	tables         []ledgerTable
	after          uuid.UUID
}

// ledgerTable is the name and the columns of a ledger in some import.
type ledgerTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// ledgerRow is a row with its ledger and columns, as it is opened and closed.
type ledgerRow struct {
	table  ledgerTable
	number int
	fields []string
}

// identity tells rows apart: the same values in the same columns are the same
// row, wherever it stands in its file.
func (r *ledgerRow) identity() string {
	var b strings.Builder
	for _, part := range [][]string{{r.table.Name}, r.table.Columns, r.fields} {
		for _, text := range part {
			b.WriteString(strconv.Itoa(len(text)))
			b.WriteByte(':')
			b.WriteString(text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// ImportLedgers makes tables the ledgers known from at on, and returns what has
// changed. Rows that changed or are gone are closed, never overwritten; a
// ledger that is not in tables is empty from then on. It is all or nothing.
func (s *Store) ImportLedgers(ctx context.Context, tables []registry.Table, at time.Time, source string) ([]registry.Change, error) {
	return s.ImportLedgersAs(ctx, tables, at, source, "")
}

// ImportLedgersAs is ImportLedgers, and keeps a hash of the content for
// LedgerSource.
func (s *Store) ImportLedgersAs(ctx context.Context, tables []registry.Table, at time.Time, source, hash string) ([]registry.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, err := s.ledgerVersionAt(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	v := LedgerVersion{ID: uuid.New(), Known: at.UTC().Truncate(time.Microsecond), Source: source, Hash: hash}
	var old []ledgerRow
	if last != nil {
		if !v.Known.After(last.Known) {
			return nil, fmt.Errorf("import ledgers: they are known since %s, which is not before %s; check the clock",
				last.Known.Format(time.RFC3339Nano), v.Known.Format(time.RFC3339Nano))
		}
		v.after = last.ID
		if old, err = s.ledgerRows(ctx, last); err != nil {
			return nil, err
		}
	}
	rows := rowsOf(tables)
	opened, closed := difference(old, rows)
	v.Opened, v.Closed, v.tables = len(opened), len(closed), tablesOf(tables)
	if err := s.writeLedgers(ctx, &v, opened, closed); err != nil {
		return nil, err
	}
	var before []registry.Table
	if last != nil {
		before = assemble(last.tables, old)
	}
	return registry.Diff(before, tables), nil
}

// writeLedgers writes the rows of an import, and then the import itself, which
// makes them visible.
func (s *Store) writeLedgers(ctx context.Context, v *LedgerVersion, opened, closed []ledgerRow) error {
	if len(opened)+len(closed) > 0 {
		err := s.insert(ctx, "import ledgers", "INSERT INTO ledger_rows ("+ledgerRowTable().names()+")", newToken(), func(b driver.Batch) error {
			for sign, rows := range map[int8][]ledgerRow{1: opened, -1: closed} {
				for i := range rows {
					if err := b.Append(rows[i].values(v, sign)...); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	tables, err := json.Marshal(v.tables)
	if err != nil {
		return fmt.Errorf("import ledgers: %w", err)
	}
	// Two imports after the same one have the same token: the second is not
	// written, which is how it learns of the first.
	err = s.insert(ctx, "import ledgers", "INSERT INTO ledger_versions ("+ledgerVersionTable().names()+")", "after "+v.after.String(), func(b driver.Batch) error {
		return b.Append(v.ID, v.after, v.Known, v.Source, v.Hash, string(tables), uint32(v.Opened), uint32(v.Closed))
	})
	if err != nil {
		return err
	}
	written, err := s.ledgerVersionAt(ctx, v.Known)
	if err != nil {
		return err
	}
	if written == nil || written.ID != v.ID {
		return fmt.Errorf("import ledgers: %w; nothing was changed, import again", ErrConflict)
	}
	return nil
}

// values returns the columns of ledger_rows.
func (r *ledgerRow) values(v *LedgerVersion, sign int8) []any {
	key := ""
	if len(r.fields) > 0 {
		key = r.fields[0]
	}
	from, to := r.validity()
	return []any{
		v.ID, v.Known, r.table.Name, sign, key, uint32(r.number), orEmpty(r.table.Columns), orEmpty(r.fields), from, to,
	}
}

// validity returns the days a row is valid, unbounded ones as the ends of what
// a Date32 holds.
func (r *ledgerRow) validity() (from, to time.Time) {
	from, to = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC)
	first, last := from, to
	for i, name := range r.table.Columns {
		if i >= len(r.fields) || r.fields[i] == "" || (name != "valid_from" && name != "valid_to") {
			continue
		}
		day, err := time.Parse(time.DateOnly, r.fields[i])
		if err != nil || day.Before(first) || day.After(last) {
			continue // the text of the row says it, this is for searching only
		}
		if name == "valid_from" {
			from = day
		} else {
			to = day
		}
	}
	return from, to
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func tablesOf(tables []registry.Table) []ledgerTable {
	list := make([]ledgerTable, len(tables))
	for i, t := range tables {
		list[i] = ledgerTable{t.Name, t.Columns}
	}
	return list
}

func rowsOf(tables []registry.Table) []ledgerRow {
	var rows []ledgerRow
	for _, t := range tables {
		for _, r := range t.Rows {
			rows = append(rows, ledgerRow{ledgerTable{t.Name, t.Columns}, r.Number, r.Fields})
		}
	}
	return rows
}

// difference returns the rows that only the new and only the old ledgers have.
// A row that is there twice counts twice.
func difference(old, rows []ledgerRow) (opened, closed []ledgerRow) {
	count := make(map[string]int, len(old))
	for i := range old {
		count[old[i].identity()]++
	}
	for i := range rows {
		id := rows[i].identity()
		if count[id] > 0 {
			count[id]--
			continue
		}
		opened = append(opened, rows[i])
	}
	for i := range slices.Backward(old) {
		id := old[i].identity()
		if count[id] > 0 {
			count[id]--
			closed = append(closed, old[i])
		}
	}
	return opened, closed
}

// Ledgers returns the ledgers as they were known at an instant; the zero Time
// is now. It returns nil when nothing was imported by then. Where some are named,
// the others come without their rows.
func (s *Store) Ledgers(ctx context.Context, knownAt time.Time, names ...string) ([]registry.Table, error) {
	v, err := s.ledgerVersionAt(ctx, knownAt)
	if err != nil || v == nil {
		return nil, err
	}
	rows, err := s.ledgerRows(ctx, v, names...)
	if err != nil {
		return nil, err
	}
	return assemble(v.tables, rows), nil
}

// assemble sorts rows into their tables, by their place in the file they came
// from.
func assemble(tables []ledgerTable, rows []ledgerRow) []registry.Table {
	list := make([]registry.Table, len(tables))
	place := make(map[string]int, len(tables))
	for i, t := range tables {
		list[i] = registry.Table{Name: t.Name, Columns: t.Columns}
		place[t.Name] = i
	}
	for _, r := range rows {
		if i, ok := place[r.table.Name]; ok {
			list[i].Rows = append(list[i].Rows, registry.Row{Number: r.number, Fields: r.fields})
		}
	}
	for i := range list {
		slices.SortStableFunc(list[i].Rows, func(a, b registry.Row) int {
			return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.Fields, b.Fields))
		})
	}
	return list
}

// ledgerRows returns the rows known at a version, of the ledgers that are named,
// or of all.
func (s *Store) ledgerRows(ctx context.Context, v *LedgerVersion, names ...string) ([]ledgerRow, error) {
	var (
		rows   []ledgerRow
		wanted string
	)
	if len(names) > 0 {
		wanted = " AND ledger IN {names:Array(String)}"
	}
	err := s.query(ctx, "read ledgers", `SELECT ledger, columns, fields, argMaxIf(number, known, sign > 0) AS place, sum(sign) AS copies
FROM ledger_rows
WHERE known <= fromUnixTimestamp64Micro({known:Int64}, 'UTC')
    AND import IN (SELECT import FROM ledger_versions WHERE known <= fromUnixTimestamp64Micro({known:Int64}, 'UTC'))`+wanted+`
GROUP BY ledger, columns, fields
HAVING copies > 0
ORDER BY ledger, place, fields`,
		func(r driver.Rows) error {
			var (
				row    ledgerRow
				number uint32
				copies int64
			)
			if err := r.Scan(&row.table.Name, &row.table.Columns, &row.fields, &number, &copies); err != nil {
				return err
			}
			row.number = int(number)
			for range copies {
				rows = append(rows, row)
			}
			return nil
		}, clickhouse.Named("known", strconv.FormatInt(v.Known.UnixMicro(), 10)), clickhouse.Named("names", stringsOf(names)))
	return rows, err
}

// ledgerVersionAt returns the newest import known at an instant, nil if none;
// the zero Time is now.
func (s *Store) ledgerVersionAt(ctx context.Context, knownAt time.Time) (*LedgerVersion, error) {
	known := int64(1<<62) / 1000
	if !knownAt.IsZero() {
		known = knownAt.UnixMicro()
	}
	list, err := s.ledgerVersions(ctx, "WHERE toUnixTimestamp64Micro(known) <= {known:Int64} ORDER BY known DESC LIMIT 1",
		clickhouse.Named("known", strconv.FormatInt(known, 10)))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// LedgerVersions returns every import, oldest first.
func (s *Store) LedgerVersions(ctx context.Context) ([]LedgerVersion, error) {
	return s.ledgerVersions(ctx, "ORDER BY known")
}

// LedgerSource returns the hash of the last import from a source, empty if
// there was none.
func (s *Store) LedgerSource(ctx context.Context, source string) (string, error) {
	list, err := s.ledgerVersions(ctx, "WHERE source = {source:String} ORDER BY known DESC LIMIT 1", clickhouse.Named("source", source))
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].Hash, nil
}

func (s *Store) ledgerVersions(ctx context.Context, tail string, values ...any) ([]LedgerVersion, error) {
	var list []LedgerVersion
	err := s.query(ctx, "read ledger versions", "SELECT import, known, source, hash, tables, opened, closed FROM ledger_versions "+tail,
		func(r driver.Rows) error {
			var (
				v              LedgerVersion
				tables         string
				opened, closed uint32
			)
			if err := r.Scan(&v.ID, &v.Known, &v.Source, &v.Hash, &tables, &opened, &closed); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(tables), &v.tables); err != nil {
				return fmt.Errorf("ledger version %s is damaged: %w", v.ID, err)
			}
			v.Known, v.Opened, v.Closed = v.Known.UTC(), int(opened), int(closed)
			list = append(list, v)
			return nil
		}, values...)
	return list, err
}
