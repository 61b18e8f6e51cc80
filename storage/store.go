package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

const (
	// readTime is how long the server may be silent inside one statement.
	readTime = 10 * time.Minute
	// queryTries is how often a question is asked whose connection fails before
	// the first row: the next one goes to an address that answers.
	queryTries = 3
	// insertTries is how often a small insert is sent before its error is
	// returned; the engine recognises one that had arrived after all.
	insertTries = 4
	// firstPause is the pause before the second try; each one is twice as long.
	firstPause = 100 * time.Millisecond
)

// Store is a database in ClickHouse. It is safe for concurrent use.
type Store struct {
	cfg  Config
	conn driver.Conn
	log  *slog.Logger
	base func() context.Context // what outlives the calls: flow writers

	logging sync.Mutex // one writer of the log of findings at a time; guards version
	version uint64     // of the findings saved last

	mu    sync.Mutex // guards everything below
	books booksBatch // the entries that were refused last
}

// Open connects to the store. It does not create or change anything: call
// Migrate for that. The context bounds connecting only.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	s := &Store{cfg: cfg, log: cfg.Logger, base: func() context.Context { return context.WithoutCancel(ctx) }}
	if err := s.greet(ctx); err != nil {
		return nil, err
	}
	s.conn, err = clickhouse.Open(cfg.options(cfg.Database))
	if err != nil {
		return nil, s.explain("open the store", err)
	}
	return s, nil
}

func (c *Config) options(database string) *clickhouse.Options {
	o := &clickhouse.Options{
		Addr:        c.Addr,
		Auth:        clickhouse.Auth{Database: database, Username: c.Username, Password: c.Password},
		DialContext: c.dial, DialTimeout: dialTime, ReadTimeout: readTime, Settings: c.sessionSettings(),
		MaxOpenConns: 16, MaxIdleConns: 4, ConnMaxLifetime: time.Hour,
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
	}
	if !near(c.Addr) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	return o
}

// greet makes sure that a server answers and takes the user, before there may
// be a database.
func (s *Store) greet(ctx context.Context) (err error) {
	conn, err := clickhouse.Open(s.cfg.options(""))
	if err != nil {
		return s.explain("open the store", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return s.explain("open the store", conn.Ping(ctx))
}

// Close ends all connections. Flow writers must have been closed before.
func (s *Store) Close() error {
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// Ping returns an error when the store does not answer or has no database.
func (s *Store) Ping(ctx context.Context) error {
	return s.explain("reach the store", s.conn.Ping(ctx))
}

// query runs a SELECT and hands each row to scan, until it returns an error.
// Values are passed as parameters by clickhouse.Named. A connection that fails
// before the first row is replaced, so that the end of one server of several is
// not the end of the question.
func (s *Store) query(ctx context.Context, what, sql string, scan func(driver.Rows) error, values ...any) error {
	pause := firstPause
	for try := 1; ; try++ {
		begun := false
		err := s.queryOnce(ctx, what, sql, func(r driver.Rows) error {
			begun = true
			return scan(r)
		}, values...)
		if err == nil || begun || try == queryTries || !lostConnection(err) || !wait(ctx, pause) {
			return err
		}
		pause *= 2
	}
}

func (s *Store) queryOnce(ctx context.Context, what, sql string, scan func(driver.Rows) error, values ...any) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if sql, err = s.cfg.rewritten(sql); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	rows, err := s.conn.Query(ctx, sql, values...)
	if err != nil {
		return s.explain(what, err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = s.explain(what, cerr)
		}
	}()
	for rows.Next() {
		if err := scan(rows); err != nil {
			cancel() // else Close would read what is left
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return s.explain(what, rows.Err())
}

// insert writes one block, all of it or nothing. It is sent again when the
// connection fails, under the same token, so that it is not written twice.
func (s *Store) insert(ctx context.Context, what, sql, token string, fill func(driver.Batch) error) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(token)))
	pause := firstPause
	for try := 1; ; try++ {
		err := s.insertOnce(ctx, sql, fill)
		if err == nil || try == insertTries || !transient(err) {
			return s.explain(what, err)
		}
		if !wait(ctx, pause) {
			return s.explain(what, err)
		}
		pause *= 2
	}
}

func (s *Store) insertOnce(ctx context.Context, sql string, fill func(driver.Batch) error) (err error) {
	batch, err := s.conn.PrepareBatch(ctx, sql)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	if err := fill(batch); err != nil {
		return fmt.Errorf("fill the batch: %w", err)
	}
	return batch.Send()
}

// insertSettings make an insert synchronous and repeatable.
func insertSettings(token string) clickhouse.Settings {
	return clickhouse.Settings{
		"async_insert":               0,
		"insert_deduplicate":         1,
		"insert_deduplication_token": token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
	}
}

// newToken returns a name for an insert.
func newToken() string { return uuid.NewString() }

// wait returns false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
