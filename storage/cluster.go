package storage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// On a cluster each table is two. The rows are in NAME_local, replicated within
// a shard, and NAME is a Distributed table over those of all shards, through
// which everything is read and written: no other statement knows the
// difference. Views read and fill local tables, so that a flow and its rollups
// are written by one server under one token.

// localSuffix ends the name of a table that holds the rows of one shard.
const localSuffix = "_local"

// clusterName is what a cluster may be called, so that it can stand in quotes.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (c *Config) checkCluster() error {
	if c.Cluster != "" && !clusterName.MatchString(c.Cluster) {
		return fmt.Errorf("cluster %q: a name has letters, digits, dots, dashes and underscores, at most 64; it stands in remote_servers of the servers", c.Cluster)
	}
	return nil
}

// clusterSettings make an insert wait for the shards, which get its token, and
// a question within a question ask all of them. An insert of what was selected is
// of all shards together, and not of each by itself, which would store as many
// sums as there are shards. Replicas are asked in the order of the configuration,
// so that what was written is read again.
var clusterSettings = []struct {
	key   string
	value any
}{
	{"distributed_foreground_insert", 1},
	{"distributed_product_mode", "global"},
	{"parallel_distributed_insert_select", 0},
	{"load_balancing", "in_order"},
	{"alter_sync", 2},
}

// sessionSettings are sent with every statement of the pool.
func (c *Config) sessionSettings() clickhouse.Settings {
	settings := make(clickhouse.Settings)
	if c.Cluster != "" {
		for _, s := range clusterSettings {
			settings[s.key] = s.value
		}
	}
	return settings
}

// connectionSettings are the same for a connection of a writer.
func (c *Config) connectionSettings() (list []ch.Setting) {
	if c.Cluster == "" {
		return nil
	}
	for _, s := range clusterSettings {
		list = append(list, ch.Setting{Key: s.key, Value: fmt.Sprint(s.value), Important: true})
	}
	return list
}

// stored is the name of the table that holds the rows of a table.
func (c *Config) stored(table string) string {
	if c.Cluster == "" {
		return table
	}
	return table + localSuffix
}

// everywhere is a table of the servers, such as system.parts, of one server of
// each shard.
func (c *Config) everywhere(table string) string {
	if c.Cluster == "" {
		return table
	}
	return "cluster('" + c.Cluster + "', " + table + ")"
}

// onCluster is the clause that has a statement run on every server.
func (c *Config) onCluster() string { return "ON CLUSTER '" + c.Cluster + "'" }

// shardKeys say which shard a row is on by the first of these columns that its
// table has: a line, a finding and a prefix are each on one shard. Flows of no
// line are spread by their addresses.
var shardKeys = []struct{ column, key string }{
	{"finding", "cityHash64(finding)"},
	{"line", "cityHash64(line)"},
	{"id", "cityHash64(id)"},
	{"prefix", "cityHash64(prefix, prefix_bits)"},
	{"allocation", "cityHash64(allocation)"},
}

// shardKey is the sharding key of a table. What is small and read as a whole,
// as ledgers and versions, is on the first shard.
func (t *table) shardKey() string {
	has := func(name string) bool {
		return slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name })
	}
	for _, s := range shardKeys {
		switch {
		case !has(s.column):
		case s.column == "line" && has("src") && has("dst"):
			return "if(line = '', cityHash64(src, dst), cityHash64(line))"
		default:
			return s.key
		}
	}
	return "0"
}

// Statements that change the schema, in the forms that this package writes.
var (
	createTableForm = regexp.MustCompile(`(?s)^CREATE TABLE IF NOT EXISTS (\w+)\n(\(.*\n\))\nENGINE = (\w+)(\((.*?)\))?\n(.*)$`)
	createViewForm  = regexp.MustCompile(`(?s)^CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\n(.*)\nCOMMENT ('[^']*')$`)
	alterForm       = regexp.MustCompile(`(?s)^ALTER TABLE (\w+) (.*)$`)
	deleteForm      = regexp.MustCompile(`(?s)^DELETE FROM (\w+) (.*)$`)
	dropViewForm    = regexp.MustCompile(`^DROP VIEW IF EXISTS (\w+)$`)
	databaseForm    = regexp.MustCompile("(?s)^(CREATE DATABASE IF NOT EXISTS|DROP DATABASE IF EXISTS) (`\\w+`)(.*)$")
	schemaForm      = regexp.MustCompile(`^(CREATE|ALTER|DROP|RENAME|EXCHANGE|ATTACH|DETACH|TRUNCATE|DELETE|OPTIMIZE)\b`)
	sourceForm      = regexp.MustCompile(`\b(FROM|JOIN) (\w+)\b( AS \w+)?`)
)

// ddl returns the statements that do on every server of the cluster what one
// does on a single server. Without a cluster, and for what is no change of the
// schema, that is the statement itself.
func (c *Config) ddl(sql string) ([]string, error) {
	if c.Cluster == "" || !schemaForm.MatchString(sql) {
		return []string{sql}, nil
	}
	if m := createTableForm.FindStringSubmatch(sql); m != nil {
		return c.createOnCluster(m)
	}
	if m := createViewForm.FindStringSubmatch(sql); m != nil {
		return []string{fmt.Sprintf("CREATE MATERIALIZED VIEW IF NOT EXISTS %s %s TO %s AS\n%s\nCOMMENT %s",
			m[1], c.onCluster(), c.stored(m[2]), c.localSources(m[3]), m[4])}, nil
	}
	if m := alterForm.FindStringSubmatch(sql); m != nil {
		return c.alterOnCluster(m[1], m[2]), nil
	}
	if m := deleteForm.FindStringSubmatch(sql); m != nil {
		return []string{"DELETE FROM " + c.stored(m[1]) + " " + c.onCluster() + " " + m[2]}, nil
	}
	if m := dropViewForm.FindStringSubmatch(sql); m != nil {
		return []string{"DROP VIEW IF EXISTS " + m[1] + " " + c.onCluster()}, nil
	}
	if m := databaseForm.FindStringSubmatch(sql); m != nil {
		return []string{m[1] + " " + m[2] + " " + c.onCluster() + m[3]}, nil
	}
	first, _, _ := strings.Cut(sql, "\n")
	return nil, fmt.Errorf("cluster %s: there is no form of this statement for several servers: %s", c.Cluster, first)
}

// createOnCluster takes the parts of a CREATE TABLE: name, columns, engine, its
// arguments with and without brackets, and the rest.
func (c *Config) createOnCluster(m []string) ([]string, error) {
	name, columns, engine, arguments, rest := m[1], m[2], m[3], m[5], m[6]
	t := tableNamed(name)
	if t == nil {
		return nil, fmt.Errorf("cluster %s: table %s is not in the schema", c.Cluster, name)
	}
	local := c.stored(name)
	parameters := fmt.Sprintf("'/clickhouse/tables/{shard}/%s/%s', '{replica}'", c.Database, local)
	if arguments != "" {
		parameters += ", " + arguments
	}
	rest = strings.ReplaceAll(rest, "non_replicated_deduplication_window", "replicated_deduplication_window")
	return []string{
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s %s\n%s\nENGINE = Replicated%s(%s)\n%s", local, c.onCluster(), columns, engine, parameters, rest),
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s %s AS %s\nENGINE = Distributed('%s', '%s', '%s', %s)",
			name, c.onCluster(), local, c.Cluster, c.Database, local, t.shardKey()),
	}, nil
}

// alterOnCluster changes the local tables and, where columns change, the
// Distributed tables before them. Views have one form.
func (c *Config) alterOnCluster(name, change string) []string {
	if tableNamed(name) == nil {
		return []string{"ALTER TABLE " + name + " " + c.onCluster() + " " + c.localSources(change)}
	}
	list := []string{"ALTER TABLE " + c.stored(name) + " " + c.onCluster() + " " + change}
	bare, _, _ := strings.Cut(change, " SETTINGS ")
	var columns []string
	for _, command := range commands(bare) {
		if columnForm.MatchString(command) {
			columns = append(columns, codecClause.ReplaceAllString(command, ""))
		}
	}
	if len(columns) > 0 {
		list = append(list, "ALTER TABLE "+name+" "+c.onCluster()+" "+strings.Join(columns, ", "))
	}
	return list
}

// columnForm is a command of an ALTER that changes which columns there are, and
// codecClause is the part of it that is left out where a table stores nothing.
var (
	columnForm  = regexp.MustCompile(`^(ADD|DROP|MODIFY|RENAME) COLUMN\b`)
	codecClause = regexp.MustCompile(` CODEC\([^()]*(\([^()]*\)[^()]*)*\)`)
)

// commands splits an ALTER at the commas that are in no brackets or quotes.
func commands(change string) (list []string) {
	depth, quoted, begin := 0, false, 0
	for i, c := range change {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			list = append(list, strings.TrimSpace(change[begin:i]))
			begin = i + 1
		}
	}
	return append(list, strings.TrimSpace(change[begin:]))
}

// localSources has a query read the rows of its own server.
func (c *Config) localSources(query string) string {
	return sourceForm.ReplaceAllStringFunc(query, func(text string) string {
		m := sourceForm.FindStringSubmatch(text)
		if tableNamed(m[2]) == nil {
			return text
		}
		alias := m[3]
		if alias == "" {
			alias = " AS " + m[2]
		}
		return m[1] + " " + c.stored(m[2]) + alias
	})
}

// tableNamed returns a table of the schema, or nil.
func tableNamed(name string) *table {
	for _, t := range schema() {
		if t.name == name {
			return t
		}
	}
	return nil
}
