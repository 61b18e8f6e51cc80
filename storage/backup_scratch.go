package storage

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// scratchAge is how old a database must be that a killed backup or restore has
// left, to be removed by the next one.
const scratchAge = 24 * time.Hour

// scratch makes a database for one backup or restore, beside that of the store.
// Its name has the time, by which forgotten ones are known.
func (s *Store) scratch(ctx context.Context, purpose string) (string, error) {
	if err := s.dropForgotten(ctx, purpose); err != nil {
		return "", err
	}
	name := s.cfg.Database + "_" + purpose + "_" + strconv.FormatInt(time.Now().UnixNano(), 10)
	return name, s.execAnywhere(ctx, "make a database for the "+purpose, "CREATE DATABASE "+quoteName(name)+" ENGINE = Atomic")
}

func (s *Store) dropScratch(ctx context.Context, name string) error {
	return s.execAnywhere(ctx, "drop the database "+name, "DROP DATABASE IF EXISTS "+quoteName(name)+" SYNC")
}

// dropForgotten removes what killed processes have left.
func (s *Store) dropForgotten(ctx context.Context, purpose string) error {
	prefix := s.cfg.Database + "_" + purpose + "_"
	var names []string
	err := s.queryAnywhere(ctx, "list databases", "SELECT name FROM system.databases WHERE startsWith(name, {prefix:String})",
		func(r driver.Rows) error {
			var name string
			err := r.Scan(&name)
			names = append(names, name)
			return err
		}, clickhouse.Named("prefix", prefix))
	if err != nil {
		return err
	}
	for _, name := range names {
		at, err := strconv.ParseInt(strings.TrimPrefix(name, prefix), 10, 64)
		if err != nil || time.Since(time.Unix(0, at)) < scratchAge {
			continue
		}
		s.log.Warn("removing what was left by a process that was killed", "purpose", purpose, "database", name)
		if err := s.dropScratch(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// anywhere connects without a database: that of the store may not be there.
func (s *Store) anywhere(what string, work func(driver.Conn) error) (err error) {
	conn, err := clickhouse.Open(s.cfg.options(""))
	if err != nil {
		return s.explain(what, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return work(conn)
}

func (s *Store) execAnywhere(ctx context.Context, what, sql string) error {
	return s.anywhere(what, func(conn driver.Conn) error { return s.explain(what, conn.Exec(ctx, sql)) })
}

func (s *Store) queryAnywhere(ctx context.Context, what, sql string, scan func(driver.Rows) error, values ...any) error {
	return s.anywhere(what, func(conn driver.Conn) error {
		// The rows are read before the connection goes.
		with := &Store{cfg: s.cfg, conn: conn, log: s.log}
		return with.query(ctx, what, sql, scan, values...)
	})
}

// quoteName quotes the name of a database, a table or a column.
func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// formOf says how the values of a type are written to a backup.
func formOf(kind string) form {
	switch {
	case strings.HasPrefix(kind, "AggregateFunction("):
		return formState
	case strings.Contains(kind, "Tuple("), strings.Contains(kind, "Map("), strings.Contains(kind, "AggregateFunction("):
		return formText
	}
	return formPlain
}

// plainKind is the type under which a column stands in the file.
func (c *BackupColumn) plainKind() string {
	if c.Form != formPlain {
		return "String"
	}
	kind := c.Type
	if m := simpleAggregate.FindStringSubmatch(kind); m != nil {
		kind = m[1]
	}
	// Dictionaries are made anew by the server that takes the words.
	return lowCardinality.ReplaceAllString(kind, "$1")
}

// lowCardinality is a type with a dictionary.
var lowCardinality = regexp.MustCompile(`LowCardinality\((\w+|Nullable\(\w+\)|FixedString\(\d+\))\)`)

// simpleAggregate is a type whose values are those of another one.
var simpleAggregate = regexp.MustCompile(`^SimpleAggregateFunction\(\w+, (.*)\)$`)

// written is the expression of a column as it stands in the file.
func (c *BackupColumn) written() string {
	name := quoteName(c.Name)
	switch c.Form {
	case formHex, formState:
		return "hex(" + name + ")"
	case formText:
		return "toString(" + name + ")"
	case formPlain:
	}
	if kind := c.plainKind(); kind != c.Type {
		return "CAST(" + name + ", " + quoteText(kind) + ")"
	}
	return name
}

// quoteText quotes a string.
func quoteText(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}

// read is the expression that makes the column of what stands in the file.
func (c *BackupColumn) read() string {
	name := quoteName(c.Name)
	switch c.Form {
	case formHex, formState:
		name = "unhex(" + name + ")"
	case formPlain:
		return name
	case formText:
	}
	return "CAST(" + name + ", " + quoteText(c.Type) + ")"
}

// hashed is the expression of a column in the hash of its row. A value that is
// missing and one that is empty differ.
func (c *BackupColumn) hashed() string {
	if strings.Contains(c.Type, "Nullable(") {
		return "toString(tuple(" + quoteName(c.Name) + "))"
	}
	switch c.Form {
	case formPlain:
		return quoteName(c.Name)
	case formState:
		return "finalizeAggregation(" + quoteName(c.Name) + ")"
	case formHex, formText:
	}
	return c.written()
}

// rowHash is the expression of the hash of a row.
func (t *BackupTable) rowHash() string {
	list := make([]string, len(t.Columns))
	for i := range t.Columns {
		list[i] = t.Columns[i].hashed()
	}
	return "sipHash64(" + strings.Join(list, ", ") + ")"
}

// transformed tells whether rows of the file are not those of the table.
func (t *BackupTable) transformed() bool {
	for i := range t.Columns {
		if t.Columns[i].Form != formPlain {
			return true
		}
	}
	return false
}

// names lists the columns for an INSERT or a SELECT.
func (t *BackupTable) names(of func(*BackupColumn) string) string {
	list := make([]string, len(t.Columns))
	for i := range t.Columns {
		list[i] = of(&t.Columns[i])
	}
	return strings.Join(list, ", ")
}

// check refuses a table that a hostile manifest could have.
func (t *BackupTable) check() error {
	if !identifier.MatchString(t.Name) || len(t.Columns) == 0 {
		return fmt.Errorf("%w: a table of the manifest has no proper name or no columns: %q", ErrBackupDamaged, t.Name)
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Form != formOf(c.Type) {
			return fmt.Errorf("%w: column %s.%s has the form %q", ErrBackupDamaged, t.Name, c.Name, c.Form)
		}
	}
	return nil
}

// ownRows is the engine of a table that a backup has.
var ownRows = regexp.MustCompile(`\) ENGINE = (Replacing|Summing|Aggregating)?MergeTree\b`)
