package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// backstop is how long after Expire would have deleted rows the engine does so by
// itself, without a record: when no daemon has run for that long.
const backstop = 48 * time.Hour

// DeletionState is how far a deletion is.
type DeletionState uint8

// The states of a deletion. Its record is written before anything is deleted;
// one that stays in the first state was interrupted, and what it names was
// deleted then or by a later one.
const (
	DeletionBegun DeletionState = 1
	DeletionDone  DeletionState = 2
)

// Deletion is a record of rows that were deleted because of their age.
type Deletion struct {
	ID    string        `json:"id"`
	State DeletionState `json:"-"`
	Done  bool          `json:"done"`
	At    time.Time     `json:"at"`
	Table string        `json:"table"`
	// Partition is a day, month or year of storing, as 20060102, 200601 or 2006.
	Partition string `json:"partition"`
	// First and Last are the times of storing of the oldest and newest row.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Rows  uint64    `json:"rows"`
	// Held is how many copies of rows of that span stay under holds.
	Held uint64 `json:"held"`
	// Setting is the key of the configuration, and Keep what it said.
	Setting string        `json:"setting"`
	Keep    time.Duration `json:"-"`
	Seconds int64         `json:"keep_seconds"`
	By      string        `json:"by"`
}

// partitionSpan is how long the rows of one partition may lie apart.
func (t *table) partitionSpan() time.Duration {
	const day = 24 * time.Hour
	switch name, _, _ := strings.Cut(t.partition, "("); name {
	case "toDate":
		return day
	case "toYYYYMM":
		return 31 * day
	}
	return 366 * day // by year, and findings, which are deleted by year
}

// partitionBounds returns the span of a partition of the form that the table
// has: by day, month or year, in UTC; To is exclusive.
func (t *table) partitionBounds(id string) (from, to time.Time, err error) {
	layout, years, months, days := "2006", 1, 0, 0
	switch name, _, _ := strings.Cut(t.partition, "("); name {
	case "toDate":
		layout, years, days = "20060102", 0, 1
	case "toYYYYMM":
		layout, years, months = "200601", 0, 1
	}
	from, err = time.Parse(layout, id)
	if err != nil {
		return from, to, fmt.Errorf("partition %q of %s: %w", id, t.name, err)
	}
	return from, from.AddDate(years, months, days), nil
}

// retentionTable is never deleted from.
func retentionTable() *table {
	return &table{
		name:    "retention_log",
		purpose: "what was deleted because of its age: a row before a partition is deleted (state 1) and one after it (state 2)",
		columns: []column{
			{"id", "UUID", codecPlain},
			{"state", "UInt8", codecPlain},
			{"at", kindMicrosecond, codecPlain},
			{"table", kindWord, codecPlain},
			{"partition", "String", codecPlain},
			{"first", kindMicrosecond, codecPlain},
			{"last", kindMicrosecond, codecPlain},
			{"rows", "UInt64", codecPlain},
			{"held", "UInt64", codecPlain},
			{"setting", kindWord, codecPlain},
			{"keep_seconds", "Int64", codecPlain},
			{"by", "String", codecPlain},
		},
		engine:   "MergeTree",
		order:    "(at, id, state)",
		settings: []string{deduplication},
	}
}

// Expire deletes whole partitions whose newest possible row is older than the
// configuration keeps it, each after a record of it was written. Copies under
// holds stay. While a hold is being copied nothing is deleted, so that it
// finds all its rows; the next run deletes it. It returns what it deleted.
func (s *Store) Expire(ctx context.Context, now time.Time, by string) ([]Deletion, error) {
	lease := s.NewLease(LeaseConfig{Name: "retention", Holder: newToken()})
	_, held, err := lease.Try(ctx)
	if err != nil || !held {
		return nil, err // another process does it
	}
	var (
		done []Deletion
		errs error
	)
	lease.serve(ctx, func(ctx context.Context, _ uint64) { done, errs = s.expire(ctx, now, by) })
	return done, errors.Join(errs, lease.Release(context.WithoutCancel(ctx)))
}

// copyTime is how long a hold may be in the copying: one that takes longer was
// interrupted, and keeps nobody from deleting.
const copyTime = 24 * time.Hour

func (s *Store) expire(ctx context.Context, now time.Time, by string) (done []Deletion, err error) {
	holds, err := s.Holds(ctx, "")
	if err != nil {
		return nil, err
	}
	for i := range holds {
		if h := &holds[i]; h.State == HoldCopying && now.Sub(h.At) < copyTime {
			s.log.Info("nothing is deleted by its age while a hold is copied", "finding", h.Finding)
			return nil, nil
		}
	}
	for _, t := range schema() {
		if t.retention == nil || t.retention(s.cfg.Retention) <= 0 {
			continue
		}
		list, err := s.expired(ctx, t, now)
		if err != nil {
			return done, err
		}
		for _, id := range list {
			d, err := s.deletePartition(ctx, t, id, by)
			if err != nil {
				return done, err
			}
			done = append(done, d)
		}
	}
	return done, nil
}

// expired lists the partitions of a table that are older than they are kept.
func (s *Store) expired(ctx context.Context, t *table, now time.Time) ([]string, error) {
	sql := "SELECT DISTINCT partition_id FROM " + s.cfg.everywhere("system.parts") +
		" WHERE database = {database:String} AND table = {table:String} AND active ORDER BY partition_id"
	if t.partition == "" {
		sql = "SELECT DISTINCT toString(toYear(" + t.birth + ")) AS year FROM " + t.name + " ORDER BY year"
	}
	var list []string
	keep := t.retention(s.cfg.Retention)
	err := s.query(ctx, "list the partitions of "+t.name, sql, func(r driver.Rows) error {
		var id string
		if err := r.Scan(&id); err != nil {
			return err
		}
		_, end, err := t.partitionBounds(id)
		if err != nil {
			return err
		}
		if !now.Before(end.Add(keep)) {
			list = append(list, id)
		}
		return nil
	}, clickhouse.Named("database", s.cfg.Database), clickhouse.Named("table", s.cfg.stored(t.name)))
	return list, err
}

// deletePartition writes what is deleted, deletes it, and writes that it is.
func (s *Store) deletePartition(ctx context.Context, t *table, id, by string) (Deletion, error) {
	keep := t.retention(s.cfg.Retention)
	d := Deletion{
		ID: uuid.NewString(), State: DeletionBegun, Table: t.name, Partition: id, Setting: "storage.retention." + t.lifetime,
		Keep: keep, Seconds: int64(keep / time.Second), By: by,
	}
	from, to, err := t.partitionBounds(id)
	if err != nil {
		return d, err
	}
	within := t.birth + " >= toDateTime('" + from.Format(time.DateTime) + "', 'UTC') AND " + t.birth + " < toDateTime('" + to.Format(time.DateTime) + "', 'UTC')"
	err = s.query(ctx, "count what is deleted of "+t.name,
		"SELECT count(), toDateTime64(min("+t.birth+"), 6, 'UTC'), toDateTime64(max("+t.birth+"), 6, 'UTC') FROM "+t.name+" WHERE "+within,
		func(r driver.Rows) error { return r.Scan(&d.Rows, &d.First, &d.Last) })
	if err != nil {
		return d, err
	}
	if tableNamed(heldPrefix+t.name) != nil {
		err = s.query(ctx, "count what is held of "+t.name, "SELECT count() FROM "+heldPrefix+t.name+" WHERE "+within,
			func(r driver.Rows) error { return r.Scan(&d.Held) })
		if err != nil {
			return d, err
		}
	}
	if err := s.noteDeletion(ctx, &d); err != nil {
		return d, err
	}
	statement := "ALTER TABLE " + t.name + " DROP PARTITION ID '" + id + "'"
	if t.partition == "" {
		statement = "DELETE FROM " + t.name + " WHERE " + within
	}
	if err := s.exec(ctx, "delete "+t.name+" of "+id, statement); err != nil {
		return d, err
	}
	d.State, d.Done = DeletionDone, true
	return d, s.noteDeletion(ctx, &d)
}

// noteDeletion writes the state of a deletion.
func (s *Store) noteDeletion(ctx context.Context, d *Deletion) error {
	d.At = time.Now().UTC().Truncate(time.Microsecond)
	return s.insert(ctx, "record what is deleted of "+d.Table,
		"INSERT INTO retention_log (id, state, at, table, partition, first, last, rows, held, setting, keep_seconds, by)",
		"retention-"+d.ID+"-"+strconv.Itoa(int(d.State)), func(b driver.Batch) error {
			return b.Append(d.ID, uint8(d.State), d.At, d.Table, d.Partition, d.First, d.Last, d.Rows, d.Held, d.Setting, d.Seconds, d.By)
		})
}

// Deletions lists what was deleted because of its age, oldest first. Limit
// bounds it to the newest ones; 0 is all.
func (s *Store) Deletions(ctx context.Context, limit int) ([]Deletion, error) {
	bound := ""
	if limit > 0 {
		bound = " LIMIT " + strconv.Itoa(limit)
	}
	var list []Deletion
	err := s.query(ctx, "list deletions", `SELECT toString(id), state, at, table, partition, first, last, rows, held, setting, keep_seconds, by
FROM (SELECT id, state, at, table, partition, first, last, rows, held, setting, keep_seconds, by FROM retention_log ORDER BY id, state DESC LIMIT 1 BY id)
ORDER BY at DESC, id DESC`+bound, func(r driver.Rows) error {
		var (
			d     Deletion
			state uint8
		)
		err := r.Scan(&d.ID, &state, &d.At, &d.Table, &d.Partition, &d.First, &d.Last, &d.Rows, &d.Held, &d.Setting, &d.Seconds, &d.By)
		d.State, d.Keep = DeletionState(state), time.Duration(d.Seconds)*time.Second
		d.Done = d.State == DeletionDone
		list = append(list, d)
		return err
	})
	slices.Reverse(list)
	return list, err
}
