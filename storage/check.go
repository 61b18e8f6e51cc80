package storage

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Difference is one way in which the running schema is not that of this program.
type Difference struct {
	Table, Column string // Column is empty for what concerns the whole table
	What          string // what differs: table, column, type, codec, engine, order, partition, view
	Want, Got     string
	// Breaks says that this program would lose or misread rows; without it, it
	// works, though perhaps slower or on more disk.
	Breaks bool
}

// String returns the difference as a clause of a sentence.
func (d Difference) String() string {
	place := d.Table
	if d.Column != "" {
		place += "." + d.Column
	}
	switch {
	case d.Got == "":
		return place + " is missing"
	case d.Want == "":
		return place + " is not of this program"
	case d.What == "type" || d.What == "view":
		return fmt.Sprintf("%s is %s instead of %s", place, d.Got, d.Want)
	}
	return fmt.Sprintf("the %s of %s is %s instead of %s", d.What, place, d.Got, d.Want)
}

// CheckSchema compares the running tables and views, column by column, with
// those of this program at its newest schema. It changes nothing. Differences
// are ordered by table and column.
func (s *Store) CheckSchema(ctx context.Context) ([]Difference, error) {
	var found []Difference
	for _, part := range []func(context.Context) ([]Difference, error){s.checkTables, s.checkColumns, s.checkViews} {
		list, err := part(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	slices.SortStableFunc(found, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column), cmp.Compare(a.What, b.What))
	})
	return found, nil
}

// SchemaVersion returns the number of the last migration that was applied, and
// the one this program would bring the database to.
func (s *Store) SchemaVersion(ctx context.Context) (applied, newest int, err error) {
	applied, err = s.schemaVersion(ctx)
	return applied, len(migrations()), err
}

// requireSchema names the differences, so that a table changed by hand is known
// of before it loses data.
func (s *Store) requireSchema(ctx context.Context) error {
	found, err := s.CheckSchema(ctx)
	if err != nil {
		return err
	}
	var wrong, odd []string
	for _, d := range found {
		switch {
		case d.Breaks:
			wrong = append(wrong, d.String())
		case d.What != "codec": // tables of older programs keep theirs
			odd = append(odd, d.String())
		}
	}
	if len(odd) > 0 {
		s.log.Warn("tables are not as this program makes them", "database", s.cfg.Database, "differences", strings.Join(odd, ", "))
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("database %s does not fit this program: %s; undo what was changed by hand, or use another storage.clickhouse.database",
		s.cfg.Database, strings.Join(wrong, ", "))
}

// checkTables compares how tables are kept: engine, order and partitions.
func (s *Store) checkTables(ctx context.Context) (found []Difference, err error) {
	type shape struct{ engine, order, partition string }
	running := make(map[string]shape)
	err = s.query(ctx, "check the tables", "SELECT name, engine, sorting_key, partition_key FROM system.tables WHERE database = currentDatabase()",
		func(r driver.Rows) error {
			var (
				name string
				is   shape
			)
			err := r.Scan(&name, &is.engine, &is.order, &is.partition)
			running[name] = is
			return err
		})
	if err != nil {
		return nil, err
	}
	for _, t := range schema() {
		is, there := running[s.cfg.stored(t.name)]
		if !there {
			found = append(found, Difference{Table: t.name, What: "table", Want: t.engine, Breaks: true})
			continue
		}
		engine, _, _ := strings.Cut(t.engine, "(")
		if s.cfg.Cluster != "" {
			engine = "Replicated" + engine
		}
		for _, part := range []Difference{
			{What: "engine", Want: engine, Got: is.engine, Breaks: true},
			{What: "order", Want: t.order, Got: is.order},
			{What: "partition", Want: t.partition, Got: is.partition},
		} {
			if squeeze(part.Want) != squeeze(part.Got) {
				part.Table, part.Want, part.Got = t.name, cmp.Or(part.Want, "none"), cmp.Or(part.Got, "none")
				found = append(found, part)
			}
		}
	}
	return found, nil
}

// squeeze takes out what does not change the meaning of an expression.
func squeeze(text string) string {
	return strings.NewReplacer("tuple()", "", " ", "", "`", "", "(", "", ")", "").Replace(text)
}

// runningColumn is a column as the server tells it.
type runningColumn struct{ kind, codec, defaults string }

// checkColumns compares types and codecs.
func (s *Store) checkColumns(ctx context.Context) (found []Difference, err error) {
	running := make(map[string]map[string]runningColumn)
	err = s.query(ctx, "check the tables",
		"SELECT table, name, type, compression_codec, default_kind FROM system.columns WHERE database = currentDatabase()",
		func(r driver.Rows) error {
			var (
				table, name string
				c           runningColumn
			)
			if err := r.Scan(&table, &name, &c.kind, &c.codec, &c.defaults); err != nil {
				return err
			}
			if running[table] == nil {
				running[table] = make(map[string]runningColumn)
			}
			running[table][name] = c
			return nil
		})
	if err != nil {
		return nil, err
	}
	for _, t := range schema() {
		if columns, there := running[s.cfg.stored(t.name)]; there {
			found = append(found, t.compare(columns)...)
		}
	}
	return found, nil
}

// compare returns how the running columns differ from those of the table.
func (t *table) compare(running map[string]runningColumn) (found []Difference) {
	known := make(map[string]bool, len(t.columns))
	for _, c := range t.columns {
		known[c.name] = true
		is, there := running[c.name]
		switch {
		case !there:
			found = append(found, Difference{Table: t.name, Column: c.name, What: "column", Want: c.kind, Breaks: true})
		case is.kind != c.kind:
			found = append(found, Difference{Table: t.name, Column: c.name, What: "type", Want: c.kind, Got: is.kind, Breaks: true})
		case plainCodec(is.codec) != plainCodec(c.codec):
			found = append(found, Difference{Table: t.name, Column: c.name, What: "codec", Want: cmp.Or(c.codec, "none"), Got: cmp.Or(is.codec, "none")})
		}
	}
	for _, a := range t.aliases {
		known[a.name] = true
	}
	for name, is := range running {
		if !known[name] {
			found = append(found, Difference{Table: t.name, Column: name, What: "column", Got: is.kind})
		}
	}
	return found
}

// codecWidth is the width that a server adds to some codecs.
var codecWidth = regexp.MustCompile(`\b(Delta|DoubleDelta|GCD|Gorilla)\(\d+\)`)

// plainCodec is a codec as it is configured, however the server writes it.
func plainCodec(codec string) string {
	codec = strings.TrimSuffix(strings.TrimPrefix(codec, "CODEC("), ")")
	return squeeze(codecWidth.ReplaceAllString(codec, "$1"))
}

// checkViews compares the marks of the views' queries.
func (s *Store) checkViews(ctx context.Context) (found []Difference, err error) {
	running, err := s.runningViews(ctx)
	if err != nil {
		return nil, err
	}
	for _, v := range views(s.cfg) {
		switch mark, there := running[v.name]; {
		case !there:
			found = append(found, Difference{Table: v.name, What: "view", Want: v.mark(), Breaks: true})
		case mark != v.mark():
			found = append(found, Difference{Table: v.name, What: "view", Want: v.mark(), Got: cmp.Or(mark, "without a mark"), Breaks: true})
		}
	}
	return found, nil
}

// runningViews returns the comment of each view, which is the mark of its query.
func (s *Store) runningViews(ctx context.Context) (map[string]string, error) {
	known := make(map[string]string)
	err := s.query(ctx, "read the views", "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'",
		func(r driver.Rows) error {
			var name, comment string
			err := r.Scan(&name, &comment)
			known[name] = comment
			return err
		})
	return known, err
}
