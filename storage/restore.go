package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Restore brings a backup into the database of the store, which must not be
// there or have no rows. The rows are loaded into a database beside it, counted
// and summed there, and only then given the name of the store's: an error or a
// kill leaves the store as it was. Afterwards the schema is brought up to date
// as Migrate does. Tables of a cluster are not restored: ErrNotEmpty and
// ErrBackupDamaged are told apart by callers.
func (s *Store) Restore(ctx context.Context, o BackupOptions) (_ *Manifest, err error) {
	if s.cfg.Cluster != "" {
		return nil, fmt.Errorf("restore: tables of cluster %s are restored by the servers' own RESTORE; restore into a single server, or leave storage.clickhouse.cluster empty", s.cfg.Cluster)
	}
	files, m, err := openArchive(o.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, files.close()) }()
	if known := len(migrations()); m.Schema > known {
		return nil, fmt.Errorf("restore from %s: %w: the backup has schema %d, this program knows schemas up to %d; use the linewarden that wrote it (%s) or a newer one",
			o.Path, ErrNewerSchema, m.Schema, known, m.Program)
	}
	there, err := s.emptyDatabase(ctx)
	if err != nil {
		return nil, err
	}
	scratch, err := s.scratch(ctx, "restore")
	if err != nil {
		return nil, err
	}
	if err := s.loadAll(ctx, files, scratch, m, &o); err != nil {
		return nil, errors.Join(err, s.dropScratch(context.WithoutCancel(ctx), scratch))
	}
	if err := s.takePlace(ctx, scratch, there); err != nil {
		return nil, err
	}
	for i := range m.Tables {
		name := quoteName(s.cfg.Database) + "." + quoteName(m.Tables[i].Name)
		if err := s.execAnywhere(ctx, "allow merges again", "SYSTEM START MERGES "+name); err != nil {
			return nil, err
		}
	}
	return m, s.Migrate(ctx)
}

// besideRows are tables whose rows make no store: they are written before the
// first record comes.
var besideRows = []string{"schema_versions", "leases"}

// emptyDatabase tells whether there is a database, and that it has no rows.
func (s *Store) emptyDatabase(ctx context.Context) (there bool, err error) {
	var full []string
	err = s.queryAnywhere(ctx, "look for rows", `SELECT name, toUInt64(ifNull(total_rows, 0)) FROM system.tables
WHERE database = {database:String} AND engine LIKE '%MergeTree'`,
		func(r driver.Rows) error {
			var (
				name string
				rows uint64
			)
			err := r.Scan(&name, &rows)
			there = true
			if rows > 0 && !slices.Contains(besideRows, name) {
				full = append(full, fmt.Sprintf("%s (%d rows)", name, rows))
			}
			return err
		}, clickhouse.Named("database", s.cfg.Database))
	if err == nil && len(full) > 0 {
		slices.Sort(full)
		err = fmt.Errorf("restore into database %s: %w: %s; name another storage.clickhouse.database, another --data, or drop it",
			s.cfg.Database, ErrNotEmpty, strings.Join(full, ", "))
	}
	return there, err
}

// takePlace gives the loaded database the name of the store's.
func (s *Store) takePlace(ctx context.Context, scratch string, there bool) error {
	if there {
		// It was empty, and is asked again: somebody may have begun to write.
		if _, err := s.emptyDatabase(ctx); err != nil {
			return errors.Join(err, s.dropScratch(context.WithoutCancel(ctx), scratch))
		}
	}
	if err := s.execAnywhere(ctx, "drop the empty database", "DROP DATABASE IF EXISTS "+quoteName(s.cfg.Database)+" SYNC"); err != nil {
		return err
	}
	return s.execAnywhere(ctx, "name the restored database", "RENAME DATABASE "+quoteName(scratch)+" TO "+quoteName(s.cfg.Database))
}

// loadAll makes the tables and loads and checks their rows.
func (s *Store) loadAll(ctx context.Context, files *backupFiles, scratch string, m *Manifest, o *BackupOptions) (err error) {
	in := &Store{cfg: s.cfg, log: s.log, base: s.base}
	in.cfg.Database = scratch
	if in.conn, err = clickhouse.Open(in.cfg.options(scratch)); err != nil {
		return in.explain("restore", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	client, err := in.connect(ctx)
	if err != nil {
		return in.explain("restore", err)
	}
	defer func() {
		if cerr := client.Close(); cerr != nil && !errors.Is(cerr, ch.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}()
	for i := range m.Tables {
		t := &m.Tables[i]
		at := BackupProgress{Table: t.Name, Number: i + 1, Of: len(m.Tables), AllRows: t.Rows}
		err := in.loadTable(ctx, client, files, m, t, func(rows uint64) {
			at.Rows = rows
			o.tell(at)
		})
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return nil
}

// loadTable loads one table. Its parts are not merged meanwhile, because merging
// adds rows up.
func (s *Store) loadTable(ctx context.Context, client *ch.Client, files *backupFiles, m *Manifest, t *BackupTable, progress func(uint64)) error {
	create, err := t.createIn(m.Database)
	if err != nil {
		return err
	}
	name := quoteName(t.Name)
	for _, statement := range []string{create, "SYSTEM STOP MERGES " + name} {
		if err := s.exec(ctx, "make the table", statement); err != nil {
			return err
		}
	}
	into := name
	if t.transformed() {
		into = quoteName(t.Name + "_as_written")
		if err := s.stage(ctx, t, into); err != nil {
			return err
		}
	}
	f, err := files.open(t.File)
	if err != nil {
		return err
	}
	if err := errors.Join(s.load(ctx, client, f, into, t, progress), f.Close()); err != nil {
		return err
	}
	if into != name {
		for _, statement := range []string{"DROP VIEW " + quoteName(t.Name+"_as_read") + " SYNC", "DROP TABLE " + into + " SYNC"} {
			if err := s.exec(ctx, "drop the stage", statement); err != nil {
				return err
			}
		}
	}
	return s.sameRows(ctx, t)
}

// stage makes a table that takes the rows as they stand in the file and hands
// them on to the real one.
func (s *Store) stage(ctx context.Context, t *BackupTable, name string) error {
	columns := t.names(func(c *BackupColumn) string { return quoteName(c.Name) + " " + c.plainKind() })
	reads := t.names(func(c *BackupColumn) string { return c.read() + " AS " + quoteName(c.Name) })
	for _, statement := range []string{
		"CREATE TABLE " + name + " (" + columns + ") ENGINE = Null",
		"CREATE MATERIALIZED VIEW " + quoteName(t.Name+"_as_read") + " TO " + quoteName(t.Name) + " AS SELECT " + reads + " FROM " + name +
			" SETTINGS prefer_column_name_to_alias = 1",
	} {
		if err := s.exec(ctx, "make the stage", statement); err != nil {
			return err
		}
	}
	return nil
}

// sameRows compares the restored rows with those that were written.
func (s *Store) sameRows(ctx context.Context, t *BackupTable) error {
	var rows, sum uint64
	err := s.query(ctx, "check the rows", "SELECT count(), sum("+t.rowHash()+") FROM "+quoteName(t.Name),
		func(r driver.Rows) error { return r.Scan(&rows, &sum) })
	if err != nil {
		return err
	}
	if rows != t.Rows || sum != t.Sum {
		return fmt.Errorf("%w: %d rows with the sum %d were restored, %d with %d were written", ErrBackupDamaged, rows, sum, t.Rows, t.Sum)
	}
	return nil
}

// createIn returns the statement that makes the table, without the database it
// was in. Anything but a table that keeps rows by itself is refused.
func (t *BackupTable) createIn(database string) (string, error) {
	for _, name := range []string{database + "." + t.Name, quoteName(database) + "." + t.Name, quoteName(database) + "." + quoteName(t.Name)} {
		rest, ok := strings.CutPrefix(t.Create, "CREATE TABLE "+name+" (")
		if ok && ownRows.MatchString(rest) {
			return "CREATE TABLE " + quoteName(t.Name) + " (" + rest, nil
		}
	}
	return "", fmt.Errorf("%w: its statement makes no table of this store: %.80q", ErrBackupDamaged, t.Create)
}
