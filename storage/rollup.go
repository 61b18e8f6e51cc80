package storage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

const (
	// chunkRows is about how many flows are rolled up at once. It bounds the
	// memory and the disk a run takes; a single hour may have more.
	chunkRows = 2_000_000
	// rollupMemory is how many bytes of a grouping or sorting the engine keeps in
	// memory before it uses its disk.
	rollupMemory = 256 << 20
	// rollupPatience is how long before their expiry flows are no longer rolled
	// up, as they might go while it is done.
	rollupPatience = time.Hour
)

// RolledUp says what a roll-up did.
type RolledUp struct {
	// Hours and Flows are what was rolled up; a flow counts in each of its hours.
	Hours, Flows uint64
	// Late are the hours of which flows arrived, or were given another sampling
	// rate, after others of theirs had expired. Their rollups stay as they were.
	Late uint64
}

// dirtyHour is an hour whose flows have changed since they were rolled up, or of
// which the ledgers say something else.
type dirtyHour struct {
	begin                    time.Time
	rows, revisions          uint64
	rolled                   bool // by some run, of flows that are not there any more perhaps
	earliest                 int64
	firstStored, lastStored  time.Time
	lastRevisions, lastCount uint64
	lastScope                uint64
}

// changed tells whether the flows are others than those that were rolled up.
func (h *dirtyHour) changed() bool {
	return !h.rolled || h.rows != h.lastCount || h.revisions != h.lastRevisions
}

// namedScope is the scope of a day.
type namedScope struct {
	Scope
	name uint64
	kept bool // in the store
}

// chunk is a row of hours that are rolled up together.
type chunk struct {
	hours []dirtyHour
	run   uint64
	scope uint64
}

// RollUp brings the rollups of the hours of w up to date: those of which flows
// have arrived, or were given another sampling rate, since they were rolled up
// last, or of whose day the ledgers say something else. scope returns what they
// say of a local day. It may be run again,
// and by several processes at once; what was interrupted has no effect, and is
// done by the next call. Rollups of an hour change at once, and readers see
// either the old ones or the new ones.
func (s *Store) RollUp(ctx context.Context, w rules.Window, scope func(day registry.Date) Scope) (RolledUp, error) {
	var done RolledUp
	if !w.From.Before(w.To) {
		return done, nil
	}
	w.From = w.From.Truncate(time.Hour)
	if to := w.To.Truncate(time.Hour); to.Before(w.To) {
		w.To = to.Add(time.Hour)
	}
	dirty, run, err := s.dirtyHours(ctx, w)
	if err != nil {
		return done, err
	}
	if err := s.dropStages(ctx, run-uint64(24*time.Hour)); err != nil {
		return done, err
	}
	scopes := make(map[registry.Date]*namedScope)
	scopeAt := func(begin time.Time) *namedScope {
		day := registry.DateOf(begin.In(s.cfg.Location))
		if scopes[day] == nil {
			of := scope(day)
			of.sort()
			scopes[day] = &namedScope{Scope: of, name: of.name()}
		}
		return scopes[day]
	}
	var complete []dirtyHour
	for _, h := range dirty {
		if !h.changed() && h.lastScope == scopeAt(h.begin).name {
			continue
		}
		if s.expiring(&h) {
			if h.changed() {
				done.Late++
				s.log.Warn("flows came after others of their hour had expired: its rollups stay as they were", "hour", h.begin, "flows", h.rows)
			}
			continue
		}
		complete = append(complete, h)
	}
	for _, c := range chunksOf(complete, s.cfg.Location) {
		of := scopeAt(c.hours[0].begin)
		if !of.kept {
			if err := s.keepScope(ctx, &of.Scope, of.name); err != nil {
				return done, err
			}
			of.kept = true
		}
		run++
		c.run, c.scope = run, of.name
		if err := s.rollChunk(ctx, &c, &done); err != nil {
			return done, err
		}
	}
	return done, s.dropDeadRuns(ctx, w, deadRunAge)
}

// expiring tells whether some of the flows of an hour may be gone, or may go
// before they are rolled up.
func (s *Store) expiring(h *dirtyHour) bool {
	keep := s.cfg.Retention.Flows
	return keep > 0 && time.Since(h.firstStored) > keep-min(rollupPatience, keep/2)
}

// dirtyHours returns the hours of w that have flows, in order, with what their
// last run saw, and the number of the last run.
func (s *Store) dirtyHours(ctx context.Context, w rules.Window) (dirty []dirtyHour, run uint64, err error) {
	run = uint64(max(time.Now().UnixNano(), 0))
	err = s.query(ctx, "find hours to roll up", `SELECT hours.hour, hours.n, hours.revised, hours.since, hours.first, hours.last, runs.many, runs.n, runs.revised, runs.highest, runs.scope
FROM
(
    SELECT hour, sum(rows) AS n, sum(revisions) AS revised, min(earliest) AS since, min(first_stored) AS first, max(last_stored) AS last
    FROM flow_hours WHERE hour >= toDateTime({from:Int64}, 'UTC') AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour
) AS hours
LEFT JOIN
(
    SELECT hour, max(run) AS highest, count() AS many, argMax(rows, run) AS n, argMax(revisions, run) AS revised, argMax(scope, run) AS scope
    FROM rollup_runs WHERE hour >= toDateTime({from:Int64}, 'UTC') AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour
) AS runs ON runs.hour = hours.hour
ORDER BY hours.hour`,
		func(r driver.Rows) error {
			var (
				h             dirtyHour
				runs, highest uint64
			)
			if err := r.Scan(&h.begin, &h.rows, &h.revisions, &h.earliest, &h.firstStored, &h.lastStored,
				&runs, &h.lastCount, &h.lastRevisions, &highest, &h.lastScope); err != nil {
				return err
			}
			h.begin, h.rolled = h.begin.UTC(), runs > 0
			run = max(run, highest)
			if h.rows > 0 {
				dirty = append(dirty, h)
			}
			return nil
		}, secondsOf(w)...)
	return dirty, run, err
}

// chunksOf joins neighbouring hours of one local day.
func chunksOf(hours []dirtyHour, loc *time.Location) []chunk {
	var (
		chunks []chunk
		rows   uint64
	)
	for _, h := range hours {
		if n := len(chunks); n > 0 {
			c := &chunks[n-1]
			last := c.hours[len(c.hours)-1].begin
			if last.Add(time.Hour).Equal(h.begin) && rows+h.rows <= chunkRows &&
				registry.DateOf(last.In(loc)) == registry.DateOf(h.begin.In(loc)) {
				c.hours = append(c.hours, h)
				rows += h.rows
				continue
			}
		}
		chunks = append(chunks, chunk{hours: []dirtyHour{h}})
		rows = h.rows
	}
	return chunks
}

// values are the parameters of the queries of a chunk.
func (c *chunk) values(cfg *Config, stored time.Time) []any {
	first, last := c.hours[0], c.hours[len(c.hours)-1]
	earliest, firstStored, lastStored := first.earliest, first.firstStored, first.lastStored
	for _, h := range c.hours {
		earliest = min(earliest, h.earliest)
		if h.firstStored.Before(firstStored) {
			firstStored = h.firstStored
		}
		if h.lastStored.After(lastStored) {
			lastStored = h.lastStored
		}
	}
	number := func(name string, n int64) any { return clickhouse.Named(name, strconv.FormatInt(n, 10)) }
	return []any{
		clickhouse.Named("run", strconv.FormatUint(c.run, 10)), clickhouse.Named("scope", strconv.FormatUint(c.scope, 10)),
		number("from", first.begin.UnixNano()), number("to", last.begin.Add(time.Hour).UnixNano()),
		number("earliest", earliest), number("first_stored", firstStored.Unix()), number("last_stored", lastStored.Unix()),
		number("v4", int64(cfg.ThirdPartyV4+96)), number("v6", int64(cfg.ThirdPartyV6)), number("stored", stored.Unix()),
	}
}

// rollChunk rolls the hours of a chunk up under its run, and has it count when
// all is written.
func (s *Store) rollChunk(ctx context.Context, c *chunk, done *RolledUp) (err error) {
	defer func() {
		// A run that failed or was interrupted leaves nothing behind if it can.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, s.dropStage(clean, c.run))
	}()
	stored := time.Now().UTC().Truncate(time.Second)
	values, seconds := c.values(&s.cfg, stored), binSeconds(s.cfg.Location)
	for _, query := range append([]string{endQuery, stageQuery}, rollupQueries()...) {
		began := time.Now()
		if err := s.roll(ctx, fill(query, seconds), values...); err != nil {
			return err
		}
		into, _, _ := strings.Cut(query, " (")
		s.log.Debug("rolled up a part", "statement", into, "from", c.hours[0].begin, "hours", len(c.hours), "seconds", time.Since(began).Seconds())
	}
	counts, err := s.stagedRows(ctx, c.run)
	if err != nil {
		return err
	}
	var complete []dirtyHour
	for _, h := range c.hours {
		if counts[h.begin.Unix()] < h.rows {
			done.Late++
			s.log.Warn("flows of an hour have expired: its rollups stay as they were", "hour", h.begin, "flows", h.rows, "left", counts[h.begin.Unix()])
			continue
		}
		complete = append(complete, h)
	}
	if len(complete) == 0 {
		return nil
	}
	err = s.insert(ctx, "write the run", "INSERT INTO rollup_runs ("+runTable().names()+")", "run-"+strconv.FormatUint(c.run, 10), func(b driver.Batch) error {
		for _, h := range complete {
			if err := b.Append(stored, h.begin, c.run, c.scope, h.rows, h.revisions); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, h := range complete {
		done.Hours++
		done.Flows += h.rows
	}
	return nil
}

// roll runs one statement of a roll-up within bounded memory.
func (s *Store) roll(ctx context.Context, sql string, values ...any) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_bytes_before_external_group_by": rollupMemory,
		"max_bytes_before_external_sort":     rollupMemory,
		"insert_deduplicate":                 0,
		"optimize_on_insert":                 0, // rows are grouped already
		"max_partitions_per_insert_block":    0,
	}))
	return s.explain("roll up", s.conn.Exec(ctx, sql, values...))
}

// stagedRows counts the flows of the stage by hour.
func (s *Store) stagedRows(ctx context.Context, run uint64) (map[int64]uint64, error) {
	counts := make(map[int64]uint64)
	// A flow counts once in an hour, where it is first seen in it.
	err := s.query(ctx, "count what was rolled up", `SELECT toUnixTimestamp(toStartOfHour(bin)) AS hour, countIf(first OR intDiv(at, 1000000000) = hour AND at % 1000000000 = 0)
FROM rollup_stage WHERE run = {run:UInt64} GROUP BY hour`,
		func(r driver.Rows) error {
			var (
				hour uint32
				n    uint64
			)
			err := r.Scan(&hour, &n)
			counts[int64(hour)] = n
			return err
		}, clickhouse.Named("run", strconv.FormatUint(run, 10)))
	return counts, err
}

// dropStage removes what a run worked with.
func (s *Store) dropStage(ctx context.Context, run uint64) error {
	for _, table := range []string{"rollup_stage", "rollup_ends"} {
		sql := fmt.Sprintf("ALTER TABLE %s DROP PARTITION %d", table, run)
		if err := s.exec(ctx, "end a run", sql); err != nil {
			return err
		}
	}
	return nil
}

// dropStages removes what runs up to that one have left behind when they were
// killed.
func (s *Store) dropStages(ctx context.Context, upTo uint64) error {
	var old []uint64
	err := s.query(ctx, "look for runs that were killed", `SELECT DISTINCT run FROM (SELECT run FROM rollup_stage WHERE run <= {run:UInt64} UNION ALL SELECT run FROM rollup_ends WHERE run <= {run:UInt64})`,
		func(r driver.Rows) error {
			var run uint64
			err := r.Scan(&run)
			old = append(old, run)
			return err
		}, clickhouse.Named("run", strconv.FormatUint(upTo, 10)))
	if err != nil {
		return err
	}
	for _, run := range old {
		if err := s.dropStage(ctx, run); err != nil {
			return err
		}
	}
	return nil
}
