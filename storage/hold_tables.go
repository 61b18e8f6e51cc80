package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// holdTable is the account of the holds.
func holdTable() *table {
	return &table{
		name:    "holds",
		purpose: "what is kept for findings beyond its lifetime: orders, completions and releases; the row of the highest state counts",
		columns: []column{
			{"hold", "UUID", codecPlain},
			{"finding", "String", codecPlain},
			{"state", "UInt8", codecPlain},
			{"at", kindMicrosecond, codecPlain},
			{"by", "String", codecPlain},
			{"note", "String", codecPlain},
			{"lines", "Array(String)", codecPlain},
			{"prefixes", "Array(String)", codecPlain},
			{"from", kindMicrosecond, codecPlain},
			{"to", kindMicrosecond, codecPlain},
			{"tables", "Array(String)", codecPlain},
			{"rows", "Array(UInt64)", codecPlain},
		},
		engine:   "MergeTree",
		order:    "(finding, hold, state)",
		settings: []string{deduplication},
	}
}

// heldPrefix begins the name of a table that holds copies.
const heldPrefix = "held_"

// heldTable returns the table for copies of the rows of another one.
func heldTable(of *table) *table {
	return &table{
		name:    heldPrefix + of.name,
		purpose: "rows of " + of.name + " that are kept for findings, by their hold",
		columns: append([]column{{"hold", "UUID", codecPlain}, {"finding", "String", codecPlain}}, plainColumns(of)...),
		engine:  "MergeTree",
		order:   "(finding, hold)",
	}
}

// plainColumns are columns whose codecs do not count on the order of rows.
func plainColumns(of *table) []column {
	columns := slices.Clone(of.columns)
	for i := range columns {
		columns[i].codec = codecPlain
	}
	return columns
}

// heldTables returns the tables for copies, one for each table that loses rows
// by its age and says whose they are.
func heldTables(of []*table) (list []*table) {
	for _, t := range of {
		if t.subjects() != nil && t.instants() != nil {
			list = append(list, heldTable(t))
		}
	}
	return list
}

// withHolds adds the tables of holds to others.
func withHolds(tables []*table) []*table {
	return append(append(tables, holdTable(), confirmedTable()), heldTables(tables)...)
}

// holdStatements make what older schemas lack.
func holdStatements(c Config) []string {
	list := []string{leaseTable().create(c.Retention)}
	for _, t := range schema() {
		if t.name == "holds" || strings.HasPrefix(t.name, heldPrefix) {
			list = append(list, t.create(c.Retention))
		}
	}
	return list
}

// adjustHolds gives the tables of copies the columns that their originals have
// got since they were made.
func (s *Store) adjustHolds(ctx context.Context) error {
	found, err := s.checkColumns(ctx)
	if err != nil {
		return err
	}
	for _, d := range found {
		if d.What != "column" || d.Got != "" || !strings.HasPrefix(d.Table, heldPrefix) {
			continue
		}
		c := column{d.Column, d.Want, codecPlain}
		if err := s.exec(ctx, "adjust "+d.Table, "ALTER TABLE "+d.Table+" ADD COLUMN IF NOT EXISTS "+c.definition()); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) column(name string) bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name })
}

// subjects returns conditions that find the rows of the lines and prefixes of a
// hold, nil when the table does not say whose its rows are.
func (t *table) subjects() (conditions []string) {
	if t.retention == nil {
		return nil
	}
	for _, name := range []string{"line", "peer_line"} {
		if t.column(name) {
			conditions = append(conditions, "has({lines:Array(String)}, toString("+name+"))")
		}
	}
	for _, name := range []string{"src", "dst", "prefix", "address", "network"} {
		if t.column(name) {
			conditions = append(conditions,
				"arrayExists((low, high) -> "+name+" BETWEEN toIPv6(low) AND toIPv6(high), {lows:Array(String)}, {highs:Array(String)})")
		}
	}
	if t.column("subject") && t.column("id") {
		conditions = append(conditions, "id = {finding:String}")
	}
	return conditions
}

// instants returns the expressions of the first and last instant of a row in
// event time, nil when it has none.
func (t *table) instants() []string {
	switch {
	case t.column("subject"):
		return []string{"", ""} // a finding is kept whole
	case t.column("start") && t.column("end") && t.column("received"):
		// A time that the exporter did not say is the arrival's.
		const none = "1900-01-01"
		said := func(name string) string {
			return fmt.Sprintf("if(toDate32(%s) = toDate32('%s'), received, %s)", name, none, name)
		}
		return []string{said("start"), said("end")}
	}
	for _, name := range []string{"bin", "hour", "day", "at"} {
		if t.column(name) {
			return []string{name, name}
		}
	}
	return nil
}
