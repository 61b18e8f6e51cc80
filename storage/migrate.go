package storage

import (
	"context"
	"errors"
	"fmt"
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
		{"rollups by hour", rollupStatements},
		{"networks of flows by their length", func(Config) []string { return []string{flowTable().computeAliases()} }},
		{"leases and holds", holdStatements},
		{"log of what is deleted by its age", func(c Config) []string { return []string{retentionTable().create(c.Retention)} }},
		// Databases of the first programs with leases had no kind "shared".
		{"kinds of scopes", func(Config) []string {
			return []string{"ALTER TABLE rollup_scopes MODIFY COLUMN " + column{"kind", kindScope, codecPlain}.definition()}
		}},
		{"counters of interfaces", counterStatements},
		{"evidence of confirmed findings", func(c Config) []string { return []string{confirmedTable().create(c.Retention)} }},
	}
}

// Migrate creates the database and its tables, or brings those of an older
// program up to date. It may be run again and by several processes at once: one
// of them changes the schema and the others wait for it. A database that is
// newer than this program is left alone: ErrNewerSchema. Tables that were
// changed by hand so that rows would not fit are an error; other differences
// are logged.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.createDatabase(ctx); err != nil {
		return err
	}
	for _, t := range []*table{versionTable(), leaseTable()} {
		if err := s.exec(ctx, "create the table "+t.name, t.create(s.cfg.Retention)); err != nil {
			return err
		}
	}
	done, err := s.knownVersion(ctx)
	if err != nil {
		return err
	}
	if done < len(migrations()) {
		if err := s.migrateAlone(ctx); err != nil {
			return err
		}
	}
	for _, adjust := range []func(context.Context) error{s.adjustViews, s.adjustRetention, s.adjustHolds, s.requireSchema, s.repairFindings, s.completeRelabel} {
		if err := adjust(ctx); err != nil {
			return err
		}
	}
	return nil
}

// knownVersion is the number of the last step that was applied, which must be
// one of this program.
func (s *Store) knownVersion(ctx context.Context) (int, error) {
	done, err := s.schemaVersion(ctx)
	if err == nil && done > len(migrations()) {
		err = fmt.Errorf("%w: database %s has schema %d, this program knows schemas up to %d; use the newer linewarden, or another storage.clickhouse.database",
			ErrNewerSchema, s.cfg.Database, done, len(migrations()))
	}
	return done, err
}

// migrationPause is how often a process asks whether another one is done.
const migrationPause = 200 * time.Millisecond

// migrateAlone applies the steps that are missing while no other process does.
func (s *Store) migrateAlone(ctx context.Context) error {
	lease := s.NewLease(LeaseConfig{Name: "schema", Holder: newToken()})
	for said := false; ; {
		_, held, err := lease.Try(ctx)
		if err != nil {
			return err
		}
		if held {
			break
		}
		if !said {
			s.log.Info("another process changes the schema, waiting for it", "database", s.cfg.Database)
			said = true
		}
		if !wait(ctx, migrationPause) {
			return fmt.Errorf("wait for another process to migrate database %s: %w", s.cfg.Database, ctx.Err())
		}
	}
	err := errLeaseOver
	done := lease.serve(ctx, func(ctx context.Context, _ uint64) { err = s.applySteps(ctx) })
	if !done && err == nil {
		err = errLeaseOver
	}
	return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
}

// applySteps applies what another process has not applied meanwhile.
func (s *Store) applySteps(ctx context.Context) error {
	done, err := s.knownVersion(ctx)
	if err != nil {
		return err
	}
	steps := migrations()
	for i := done; i < len(steps); i++ {
		if err := s.apply(ctx, i+1, steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// oldestServer is the first major version of ClickHouse that has all the schema
// uses: the codec GCD came in 23.9.
const oldestServer = 24

// createDatabase connects without a database, as there may be none yet.
func (s *Store) createDatabase(ctx context.Context) (err error) {
	what := "create database " + s.cfg.Database
	conn, err := clickhouse.Open(s.cfg.options(""))
	if err != nil {
		return s.explain(what, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	server, err := conn.ServerVersion()
	if err != nil {
		return s.explain(what, err)
	}
	if v := server.Version; v.Major < oldestServer {
		return fmt.Errorf("%s: %w: %s is ClickHouse %s, the schema needs %d.1 or newer (DateTime64, IPv6, codecs and tokens of inserts)",
			what, ErrOldServer, strings.Join(s.cfg.Addr, ", "), v, oldestServer)
	}
	// The name has been checked to be an identifier.
	return s.execOn(ctx, conn, what, "CREATE DATABASE IF NOT EXISTS `"+s.cfg.Database+"` ENGINE = Atomic")
}

// exec runs a statement without a result, on every server where it changes the
// schema of a cluster.
func (s *Store) exec(ctx context.Context, what, sql string) error {
	return s.execOn(ctx, s.conn, what, sql)
}

func (s *Store) execOn(ctx context.Context, conn driver.Conn, what, sql string) error {
	statements, err := s.cfg.ddl(sql)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, statement := range statements {
		if statement, err = s.cfg.rewritten(statement); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := conn.Exec(ctx, statement); err != nil {
			return s.explain(what, err)
		}
	}
	return nil
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
	known, err := s.runningViews(ctx)
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
		running := engines[s.cfg.stored(t.name)]
		has := strings.Contains(running, " TTL ")
		var change string
		switch {
		case want != "" && !strings.Contains(running, " TTL "+want):
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
