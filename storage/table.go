package storage

import (
	"fmt"
	"strings"
	"time"
)

// column is one column of a table.
type column struct {
	name, kind, codec string
}

// alias is a column that is computed from others when it is read.
type alias struct {
	name, kind, expression string
}

// index is a data skipping index.
type index struct {
	name, expression, kind string
}

// table is the definition of one table, from which its DDL and its line of
// README.md are made.
type table struct {
	name      string
	purpose   string // a sentence for README.md
	columns   []column
	aliases   []alias
	indices   []index
	engine    string
	partition string // empty for none
	order     string
	retention func(Retention) time.Duration // nil when rows are kept for good
	lifetime  string                        // the configuration key of retention
	birth     string                        // the column the lifetime counts from
	settings  []string
}

// deduplication makes the engine recognise an insert that is sent again: so
// many of the last inserts of each partition are remembered.
const deduplication = "non_replicated_deduplication_window = 1000"

// create returns the statement that makes the table.
func (t *table) create(r Retention) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s\n(\n", t.name)
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("    " + c.definition())
	}
	for _, a := range t.aliases {
		b.WriteString(",\n    " + a.definition())
	}
	for _, x := range t.indices {
		fmt.Fprintf(&b, ",\n    INDEX %s %s TYPE %s GRANULARITY 1", x.name, x.expression, x.kind)
	}
	fmt.Fprintf(&b, "\n)\nENGINE = %s\n", t.engine)
	if t.partition != "" {
		fmt.Fprintf(&b, "PARTITION BY %s\n", t.partition)
	}
	fmt.Fprintf(&b, "ORDER BY %s\n", t.order)
	if ttl := t.ttl(r); ttl != "" {
		fmt.Fprintf(&b, "TTL %s\n", ttl)
	}
	settings := t.settings
	if t.retention != nil {
		settings = append([]string{"ttl_only_drop_parts = 1"}, settings...)
	}
	if len(settings) > 0 {
		fmt.Fprintf(&b, "SETTINGS %s\n", strings.Join(settings, ", "))
	}
	fmt.Fprintf(&b, "COMMENT '%s'", strings.ReplaceAll(t.purpose, "'", "''"))
	return b.String()
}

// computeAliases are the statement that replaces columns which used to be
// stored by computed ones. They may be run again.
func (t *table) computeAliases() string {
	var changes []string
	for _, a := range t.aliases {
		changes = append(changes, "DROP COLUMN IF EXISTS "+a.name)
	}
	for _, a := range t.aliases {
		changes = append(changes, "ADD COLUMN "+a.definition())
	}
	return "ALTER TABLE " + t.name + " " + strings.Join(changes, ", ")
}

// ttl is the expression after which the engine drops rows by itself, written as
// ClickHouse prints it; empty when they are kept for good. It comes after Expire
// would have deleted them, which writes a record first.
func (t *table) ttl(r Retention) string {
	if t.retention == nil {
		return ""
	}
	keep := t.retention(r)
	if keep <= 0 {
		return ""
	}
	return fmt.Sprintf("%s + toIntervalSecond(%d)", t.birth, int64((keep+t.partitionSpan()+backstop)/time.Second))
}

// names returns the columns that are inserted, separated by commas.
func (t *table) names() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

func (a alias) definition() string { return a.name + " " + a.kind + " ALIAS " + a.expression }

func (c column) definition() string {
	text := c.name + " " + c.kind
	if c.codec != "" {
		text += " CODEC(" + c.codec + ")"
	}
	return text
}
