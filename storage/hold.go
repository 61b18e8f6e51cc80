package storage

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// ErrHold is returned when a hold is asked for that would keep nothing.
var ErrHold = errors.New("the hold names nothing that could be kept")

// HoldRequest says what is kept for a finding beyond the configured lifetimes.
type HoldRequest struct {
	Finding string // its id
	By      string // who ordered it
	Note    string
	// Lines and Prefixes say whose rows are kept: those of the lines, and those
	// whose addresses or routes are in the prefixes.
	Lines    []string
	Prefixes []netip.Prefix
	// From and To bound the event time of rows with one; To is exclusive.
	From, To time.Time
}

// HoldState is how far a hold is.
type HoldState uint8

// The states of a hold, in the order it goes through them.
const (
	HoldCopying  HoldState = 1 // begun; not complete while it is in this state
	HoldKept     HoldState = 2
	HoldReleased HoldState = 3
)

// Hold is what is kept for a finding. Its rows are copies in tables of their
// own, which have no lifetime: the tables they come from go on losing theirs.
type Hold struct {
	ID string
	HoldRequest
	At    time.Time // of the last change
	State HoldState
	Rows  map[string]uint64 // by the table they were copied from
}

// Hold copies the rows of a request to tables that have no lifetime. A request
// that is held already is not copied again; one that was interrupted is begun
// anew. It returns what is kept.
func (s *Store) Hold(ctx context.Context, r HoldRequest) (*Hold, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	known, err := s.Holds(ctx, r.Finding)
	if err != nil {
		return nil, err
	}
	for i := range known {
		switch h := &known[i]; {
		case h.State == HoldKept && h.same(&r):
			return h, nil
		case h.State == HoldCopying && h.same(&r):
			if err := s.Release(ctx, h.ID, r.By, "begun anew after an interruption"); err != nil {
				return nil, err
			}
		}
	}
	h := &Hold{ID: uuid.NewString(), HoldRequest: r, State: HoldCopying, Rows: make(map[string]uint64)}
	if err := s.noteHold(ctx, h); err != nil {
		return nil, err
	}
	for _, t := range schema() {
		if t.subjects() == nil || t.instants() == nil {
			continue
		}
		if h.Rows[t.name], err = s.copyHeld(ctx, t, h); err != nil {
			return nil, err
		}
	}
	h.State = HoldKept
	return h, s.noteHold(ctx, h)
}

func (r *HoldRequest) check() error {
	switch {
	case r.Finding == "":
		return fmt.Errorf("%w: it has no finding", ErrHold)
	case len(r.Lines) == 0 && len(r.Prefixes) == 0:
		return fmt.Errorf("%w: finding %s has neither lines nor prefixes", ErrHold, r.Finding)
	case !r.From.Before(r.To):
		return fmt.Errorf("%w: finding %s: the span from %v to %v is empty", ErrHold, r.Finding, r.From, r.To)
	}
	for _, p := range r.Prefixes {
		if !p.IsValid() {
			return fmt.Errorf("%w: finding %s has an invalid prefix", ErrHold, r.Finding)
		}
	}
	return nil
}

// same tells whether a hold keeps what a request asks for.
func (h *Hold) same(r *HoldRequest) bool {
	return slices.Equal(h.Lines, r.Lines) && slices.Equal(h.Prefixes, r.Prefixes) &&
		h.From.Equal(r.From.Truncate(time.Microsecond)) && h.To.Equal(r.To.Truncate(time.Microsecond))
}

// copyHeld copies the rows of one table and returns their number.
func (s *Store) copyHeld(ctx context.Context, t *table, h *Hold) (rows uint64, err error) {
	what := "hold rows of " + t.name
	condition := "(" + strings.Join(t.subjects(), " OR ") + ")"
	if span := t.instants(); span[0] != "" {
		condition += " AND " + span[1] + " >= {from:DateTime64(6)} AND " + span[0] + " < {to:DateTime64(6)}"
	}
	if t.column("run") && t.column("bin") {
		// Of rows that were rolled up more than once, those that count are kept.
		condition += " AND (toStartOfHour(bin), run) IN (SELECT hour, max(run) FROM rollup_runs GROUP BY hour)"
	}
	values := h.values()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0, "async_insert": 0}))
	sql := "INSERT INTO " + heldPrefix + t.name + " (hold, finding, " + t.quotedNames() + ")\nSELECT toUUID({hold:String}), {finding:String}, " +
		t.quotedNames() + "\nFROM " + t.name + "\nWHERE " + condition
	if err := s.conn.Exec(ctx, sql, values...); err != nil {
		return 0, s.explain(what, err)
	}
	err = s.query(ctx, what, "SELECT count() FROM "+heldPrefix+t.name+" WHERE finding = {finding:String} AND hold = toUUID({hold:String})",
		func(r driver.Rows) error { return r.Scan(&rows) }, values...)
	return rows, err
}

// quotedNames lists the columns, some of which have names of the language.
func (t *table) quotedNames() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = quoteName(c.name)
	}
	return strings.Join(names, ", ")
}

// values are the parameters of a hold.
func (h *Hold) values() []any {
	lows, highs := make([]string, len(h.Prefixes)), make([]string, len(h.Prefixes))
	for i, p := range h.Prefixes {
		low, high := boundsOf(p)
		lows[i], highs[i] = low.String(), high.String()
	}
	return []any{
		clickhouse.Named("hold", h.ID), clickhouse.Named("finding", h.Finding),
		clickhouse.Named("lines", orEmpty(h.Lines)), clickhouse.Named("lows", lows), clickhouse.Named("highs", highs),
		clickhouse.DateNamed("from", h.From.UTC(), clickhouse.MicroSeconds), clickhouse.DateNamed("to", h.To.UTC(), clickhouse.MicroSeconds),
	}
}

// boundsOf returns the first and last address of a prefix, as IPv6 columns hold
// them.
func boundsOf(p netip.Prefix) (low, high netip.Addr) {
	first := p.Masked().Addr()
	a := first.As16()
	bits := p.Bits()
	if first.Is4() {
		bits += 96
	}
	b := a
	for i := bits; i < 128; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom16(a), netip.AddrFrom16(b)
}

// noteHold writes the state of a hold.
func (s *Store) noteHold(ctx context.Context, h *Hold) error {
	h.At = time.Now().UTC()
	prefixes := make([]string, len(h.Prefixes))
	for i, p := range h.Prefixes {
		prefixes[i] = p.String()
	}
	var (
		tables []string
		rows   []uint64
	)
	for _, t := range schema() {
		if n, copied := h.Rows[t.name]; copied {
			tables, rows = append(tables, t.name), append(rows, n)
		}
	}
	return s.insert(ctx, "write hold "+h.ID, "INSERT INTO holds (hold, finding, state, at, by, note, lines, prefixes, from, to, tables, rows)",
		fmt.Sprintf("hold-%s-%d", h.ID, h.State), func(b driver.Batch) error {
			return b.Append(h.ID, h.Finding, uint8(h.State), h.At, h.By, h.Note, orEmpty(h.Lines), prefixes,
				h.From.UTC(), h.To.UTC(), orEmpty(tables), rows)
		})
}

// Holds lists the holds of a finding, or all of them when it is empty, the
// released ones included, by finding and id.
func (s *Store) Holds(ctx context.Context, finding string) ([]Hold, error) {
	var list []Hold
	err := s.query(ctx, "list holds", `SELECT toString(hold), finding, state, at, by, note, lines, prefixes, from, to, tables, rows
FROM holds WHERE {finding:String} = '' OR finding = {finding:String}
ORDER BY finding, hold, state DESC LIMIT 1 BY finding, hold`, func(r driver.Rows) error {
		h := Hold{Rows: make(map[string]uint64)}
		var (
			state    uint8
			prefixes []string
			tables   []string
			rows     []uint64
		)
		err := r.Scan(&h.ID, &h.Finding, &state, &h.At, &h.By, &h.Note, &h.Lines, &prefixes, &h.From, &h.To, &tables, &rows)
		if err != nil {
			return err
		}
		h.State = HoldState(state)
		for _, text := range prefixes {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return err
			}
			h.Prefixes = append(h.Prefixes, p)
		}
		for i, name := range tables {
			if i < len(rows) {
				h.Rows[name] = rows[i]
			}
		}
		list = append(list, h)
		return nil
	}, clickhouse.Named("finding", finding))
	return list, err
}

// Release ends a hold by its id: its copies are deleted and its account stays.
// One that is released already is left alone.
func (s *Store) Release(ctx context.Context, id, by, note string) error {
	list, err := s.Holds(ctx, "")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(h Hold) bool { return h.ID == id })
	if i < 0 {
		return fmt.Errorf("release hold %s: %w: there is none of this id", id, ErrHold)
	}
	h := &list[i]
	if h.State == HoldReleased {
		return nil
	}
	for _, t := range schema() {
		if !strings.HasPrefix(t.name, heldPrefix) {
			continue
		}
		if err := s.exec(ctx, "delete copies of "+t.name, "DELETE FROM "+t.name+" WHERE hold = toUUID("+quoteText(h.ID)+")"); err != nil {
			return err
		}
	}
	h.State, h.By, h.Note = HoldReleased, by, note
	return s.noteHold(ctx, h)
}
