package storage

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DropDatabase removes what a test made.
func (s *Store) DropDatabase(ctx context.Context) error {
	return s.exec(ctx, "drop the database", "DROP DATABASE IF EXISTS `"+s.cfg.Database+"` SYNC")
}

// Exec runs a statement of a test.
func (s *Store) Exec(ctx context.Context, sql string) error {
	if local, ok := s.cfg.forLocal(sql); ok {
		return s.conn.Exec(ctx, local)
	}
	return s.exec(ctx, "test", sql)
}

// Number returns the one number a statement of a test selects.
func (s *Store) Number(ctx context.Context, sql string) (n uint64, err error) {
	err = s.query(ctx, "test", sql, func(r driver.Rows) error { return r.Scan(&n) })
	return n, err
}

// Text returns the one string a statement of a test selects.
func (s *Store) Text(ctx context.Context, sql string) (text string, err error) {
	err = s.query(ctx, "test", sql, func(r driver.Rows) error { return r.Scan(&text) })
	return text, err
}

// SetClock has a test say how much time passes for a lease.
func (l *Lease) SetClock(now func() time.Time) { l.now = now }

// CreateDatabase makes the database alone.
func (s *Store) CreateDatabase(ctx context.Context) error { return s.createDatabase(ctx) }

// NewestSchema is the number of the last migration.
func NewestSchema() int { return len(migrations()) }
