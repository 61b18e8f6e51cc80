package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Errors of backups that a caller tells apart.
var (
	// ErrBackupExists is returned when something is already where a backup shall go.
	ErrBackupExists = errors.New("there is something already")
	// ErrBackupDamaged is returned when a backup is not as it was written.
	ErrBackupDamaged = errors.New("the backup is damaged")
	// ErrNotEmpty is returned when a restore would meet rows that are stored.
	ErrNotEmpty = errors.New("the database is not empty")
)

// BackupVersion is the version of the layout that Backup writes.
const BackupVersion = 1

// Manifest says what a backup holds. It is its last file, manifest.json.
type Manifest struct {
	Version  int       `json:"version"`
	Program  string    `json:"program"`
	Database string    `json:"database"`
	Schema   int       `json:"schema"` // number of the last migration
	Taken    time.Time `json:"taken"`
	// OneInstant says that all tables are as they were at one instant. If not,
	// each is consistent in itself and Why says what was in the way.
	OneInstant bool          `json:"one_instant"`
	Why        string        `json:"why,omitempty"`
	Tables     []BackupTable `json:"tables"`
}

// Rows is how many rows the backup holds.
func (m *Manifest) Rows() (n uint64) {
	for i := range m.Tables {
		n += m.Tables[i].Rows
	}
	return n
}

// BackupTable is a table of a backup.
type BackupTable struct {
	Name    string         `json:"name"`
	Create  string         `json:"create"` // the statement that makes it
	Columns []BackupColumn `json:"columns"`
	File    string         `json:"file"`
	Bytes   int64          `json:"bytes"`  // of the file
	SHA256  string         `json:"sha256"` // of the file, in hex
	Rows    uint64         `json:"rows"`
	// Sum is the sum, modulo 2^64, of a hash of each row: the same rows in any
	// order have the same sum.
	Sum uint64 `json:"sum,string"`
}

// BackupColumn is a column of a table and how it stands in the file.
type BackupColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // in the table
	Form form   `json:"form,omitempty"`
}

// form says how a value is written where it is not as its type.
type form string

const (
	formPlain form = ""    // as its type
	formHex   form = "hex" // hexadecimal digits of a state, which are in its hash as well
	// formState are hexadecimal digits of a state whose hash is that of what it has
	// counted: what was merged in another order comes back in other digits.
	formState form = "state"
	formText  form = "text" // as the server prints it
)

// BackupOptions says where a backup goes.
type BackupOptions struct {
	// Path is a directory that does not exist or is empty, or a file to be made
	// whose name ends in .tar.
	Path string
	// Program is named in the manifest.
	Program string
	// Progress is told of rows as they are written or read; nil for nobody.
	Progress func(BackupProgress)
}

// BackupProgress is how far a backup or a restore is.
type BackupProgress struct {
	Table         string
	Number, Of    int    // of the table
	Rows, AllRows uint64 // of the table
}

func (o *BackupOptions) tell(p BackupProgress) {
	if o.Progress != nil {
		o.Progress(p)
	}
}

// Backup writes all tables to a directory or a tar file. Where the server can
// clone tables, which costs no copy of their data, the clones are of one instant
// and writers go on meanwhile. What is written appears under its name only when
// it is whole. Views are not in it: they are made by Migrate.
func (s *Store) Backup(ctx context.Context, o BackupOptions) (_ *Manifest, err error) {
	m := &Manifest{Version: BackupVersion, Program: o.Program, Database: s.cfg.Database, Taken: time.Now().UTC().Truncate(time.Second)}
	if m.Schema, err = s.schemaVersion(ctx); err != nil {
		return nil, err
	}
	if m.Tables, err = s.backupTables(ctx); err != nil {
		return nil, err
	}
	out, err := createArchive(o.Path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.abandon())
		}
	}()
	from, drop, err := s.snapshot(ctx, m)
	if err != nil {
		return nil, err
	}
	err = s.exportAll(ctx, out, from, m, &o)
	if err = errors.Join(err, drop()); err != nil {
		return nil, err
	}
	return m, out.finish(m)
}

// backupTables lists the tables with rows of their own, and how each is made.
func (s *Store) backupTables(ctx context.Context) (list []BackupTable, err error) {
	condition := "engine LIKE '%MergeTree'"
	if s.cfg.Cluster != "" {
		condition = "engine = 'Distributed'"
	}
	err = s.query(ctx, "list the tables",
		"SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() AND "+condition+" ORDER BY name",
		func(r driver.Rows) error {
			var t BackupTable
			err := r.Scan(&t.Name, &t.Create)
			list = append(list, t)
			return err
		})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("back up database %s: %w: it has no tables; run linewarden serve or import first, or correct storage.clickhouse.database", s.cfg.Database, ErrDatabase)
	}
	for i := range list {
		if list[i].Columns, err = s.backupColumns(ctx, list[i].Name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// backupColumns lists the columns of a table that hold what was inserted.
func (s *Store) backupColumns(ctx context.Context, table string) (list []BackupColumn, err error) {
	err = s.query(ctx, "list the columns of "+table,
		`SELECT name, type FROM system.columns
WHERE database = currentDatabase() AND table = {table:String} AND default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') ORDER BY position`,
		func(r driver.Rows) error {
			var c BackupColumn
			err := r.Scan(&c.Name, &c.Type)
			c.Form = formOf(c.Type)
			list = append(list, c)
			return err
		}, clickhouse.Named("table", table))
	return list, err
}

// snapshotTries is how often an instant without a running insert is looked for.
const (
	snapshotTries = 40
	snapshotPause = 50 * time.Millisecond
)

// snapshot clones the tables into a database of its own. It returns the database
// to read, and what removes the clones.
func (s *Store) snapshot(ctx context.Context, m *Manifest) (from string, drop func() error, err error) {
	if s.cfg.Cluster != "" {
		m.Why = "tables of a cluster are read where they are"
		return s.cfg.Database, func() error { return nil }, nil
	}
	scratch, err := s.scratch(ctx, "backup")
	if err != nil {
		return "", nil, err
	}
	drop = func() error { return s.dropScratch(context.WithoutCancel(ctx), scratch) }
	for try := 1; ; try++ {
		quiet, err := s.cloneAll(ctx, scratch, m.Tables, try == snapshotTries)
		switch {
		case err == nil && quiet:
			m.OneInstant = true
			return scratch, drop, nil
		case err != nil && cannotClone(err):
			m.Why = "the server cannot clone tables"
			return s.cfg.Database, drop, nil
		case err != nil:
			return "", nil, errors.Join(err, drop())
		case try == snapshotTries:
			m.Why = fmt.Sprintf("rows were inserted all the time: in %d tries no instant was found without an insert under way", try)
			return scratch, drop, nil
		}
		if !wait(ctx, snapshotPause) {
			return "", nil, errors.Join(ctx.Err(), drop())
		}
	}
}

// cannotClone tells whether the server is too old for CLONE AS.
func cannotClone(err error) bool {
	code, _, ok := exception(err)
	return ok && (code == codeSyntax || code == codeNotImplemented)
}

// cloneAll clones the tables, and tells whether nothing was inserted meanwhile.
// The last try clones them even if something is.
func (s *Store) cloneAll(ctx context.Context, scratch string, tables []BackupTable, last bool) (quiet bool, err error) {
	before, busy, err := s.state(ctx)
	if err != nil || busy && !last {
		return false, err
	}
	for i := range tables {
		name := quoteName(scratch) + "." + quoteName(tables[i].Name)
		if err := s.exec(ctx, "drop an older clone", "DROP TABLE IF EXISTS "+name+" SYNC"); err != nil {
			return false, err
		}
		if err := s.exec(ctx, "clone "+tables[i].Name, "CREATE TABLE "+name+" CLONE AS "+quoteName(tables[i].Name)); err != nil {
			return false, err
		}
	}
	after, busyStill, err := s.state(ctx)
	return !busy && !busyStill && before == after, err
}

// state is a digest of what was inserted so far, and whether an insert is under
// way. Merges do not change it: a part keeps the numbers of its first and last
// insert.
func (s *Store) state(ctx context.Context) (digest uint64, busy bool, err error) {
	var running uint64
	err = s.query(ctx, "look for inserts", `SELECT
    (SELECT sum(cityHash64(table, partition_id, newest)) FROM (
        SELECT table, partition_id, max(max_block_number) AS newest FROM system.parts
        WHERE database = currentDatabase() AND active GROUP BY table, partition_id)),
    (SELECT count() FROM system.processes WHERE query_kind = 'Insert')`,
		func(r driver.Rows) error { return r.Scan(&digest, &running) })
	return digest, running > 0, err
}
