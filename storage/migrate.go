package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// migration is one step of the schema. Its statements check before they change
// (IF NOT EXISTS), so that a step that was interrupted is simply run again.
type migration struct {
	name       string
	statements func(Config) []string
}

// migrations lists all steps; the number of a step is its place, from 1. Steps
// are only ever added at the end.
func migrations() []migration {
	return []migration{
		{"first tables", func(c Config) []string {
			var list []string
			for _, t := range schema() {
				list = append(list, t.create(c.Retention))
			}
			return list
		}},
		{"losses of the spool", func(Config) []string { return []string{addBookColumns("spool_full", "spool_damaged")} }},
	}
}

// Migrate creates the database and its tables, or brings those of an older
// program up to date. It may be run again and by several processes at once. A
// database that is newer than this program is left alone: ErrNewerSchema.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.createDatabase(ctx); err != nil {
		return err
	}
	if err := s.exec(ctx, "create the table of schema versions", versionTable().create(s.cfg.Retention)); err != nil {
		return err
	}
	done, err := s.schemaVersion(ctx)
	if err != nil {
		return err
	}
	steps := migrations()
	if done > len(steps) {
		return fmt.Errorf("%w: database %s has schema %d, this program knows schemas up to %d; use the newer linewarden, or another storage.clickhouse.database",
			ErrNewerSchema, s.cfg.Database, done, len(steps))
	}
	for i := done; i < len(steps); i++ {
		if err := s.apply(ctx, i+1, steps[i]); err != nil {
			return err
		}
	}
	for _, adjust := range []func(context.Context) error{s.adjustViews, s.adjustRetention, s.checkSchema, s.repairFindings} {
		if err := adjust(ctx); err != nil {
			return err
		}
	}
	return nil
}

// createDatabase connects without a database, as there may be none yet.
func (s *Store) createDatabase(ctx context.Context) (err error) {
	what := "create database " + s.cfg.Database
	conn, err := clickhouse.Open(s.cfg.options(""))
	if err != nil {
		return s.explain(what, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// The name has been checked to be an identifier.
	return s.explain(what, conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS `"+s.cfg.Database+"` ENGINE = Atomic"))
}

func (s *Store) exec(ctx context.Context, what, sql string) error {
	return s.explain(what, s.conn.Exec(ctx, sql))
}

// schemaVersion is the number of the last step that was applied.
func (s *Store) schemaVersion(ctx context.Context) (int, error) {
	var version uint32
	err := s.query(ctx, "read the schema version", "SELECT max(version) FROM schema_versions",
		func(r driver.Rows) error { return r.Scan(&version) })
	return int(version), err
}

func (s *Store) apply(ctx context.Context, number int, m migration) error {
	what := fmt.Sprintf("migration %d (%s)", number, m.name)
	for _, statement := range m.statements(s.cfg) {
		if err := s.exec(ctx, what, statement); err != nil {
			return err
		}
	}
	s.log.Info("schema migrated", "database", s.cfg.Database, "version", number, "step", m.name)
	return s.insert(ctx, what, "INSERT INTO schema_versions (version, name, applied)", fmt.Sprintf("schema-%d", number),
		func(b driver.Batch) error { return b.Append(uint32(number), m.name, time.Now().UTC()) })
}

// adjustViews creates the views, and changes those whose query is another one
// now: by a newer program, or by other privacy settings.
func (s *Store) adjustViews(ctx context.Context) error {
	known := make(map[string]string)
	err := s.query(ctx, "read the views", "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'",
		func(r driver.Rows) error {
			var name, comment string
			err := r.Scan(&name, &comment)
			known[name] = comment
			return err
		})
	if err != nil {
		return err
	}
	for _, v := range views(s.cfg) {
		statements := []string{v.create()}
		if comment, there := known[v.name]; there {
			if comment == v.mark() {
				continue
			}
			// The mark comes last: until it is there, this is done again.
			statements = []string{
				"ALTER TABLE " + v.name + " MODIFY QUERY " + v.query,
				"ALTER TABLE " + v.name + " MODIFY COMMENT '" + v.mark() + "'",
			}
		}
		for _, statement := range statements {
			if err := s.exec(ctx, "adjust view "+v.name, statement); err != nil {
				return err
			}
		}
	}
	return nil
}

// adjustRetention gives each table the lifetime of the configuration. Rows are
// dropped as parts expire; nothing is rewritten for it.
func (s *Store) adjustRetention(ctx context.Context) error {
	engines := make(map[string]string)
	err := s.query(ctx, "read the tables", "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()",
		func(r driver.Rows) error {
			var name, engine string
			err := r.Scan(&name, &engine)
			engines[name] = engine
			return err
		})
	if err != nil {
		return err
	}
	for _, t := range schema() {
		want := t.ttl(s.cfg.Retention)
		has := strings.Contains(engines[t.name], " TTL ")
		var change string
		switch {
		case want != "" && !strings.Contains(engines[t.name], " TTL "+want):
			change = " MODIFY TTL " + want + " SETTINGS materialize_ttl_after_modify = 0"
		case want == "" && has:
			change = " REMOVE TTL"
		default:
			continue
		}
		if err := s.exec(ctx, "set the lifetime of "+t.name, "ALTER TABLE "+t.name+change); err != nil {
			return err
		}
	}
	return nil
}

// checkSchema compares the tables that are there with those this program
// expects, so that a table changed by hand is named before it loses data.
func (s *Store) checkSchema(ctx context.Context) error {
	running := make(map[string]string)
	err := s.query(ctx, "check the tables", "SELECT table, name, type FROM system.columns WHERE database = currentDatabase()",
		func(r driver.Rows) error {
			var table, name, kind string
			err := r.Scan(&table, &name, &kind)
			running[table+"."+name] = kind
			return err
		})
	if err != nil {
		return err
	}
	var wrong []string
	for _, t := range schema() {
		for _, c := range t.columns {
			place := t.name + "." + c.name
			if kind, there := running[place]; !there {
				wrong = append(wrong, place+" is missing")
			} else if kind != c.kind {
				wrong = append(wrong, fmt.Sprintf("%s is %s instead of %s", place, kind, c.kind))
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("database %s does not fit this program: %s; undo what was changed by hand, or use another storage.clickhouse.database",
		s.cfg.Database, strings.Join(wrong, ", "))
}
