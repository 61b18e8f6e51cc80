package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// clusterConfig is of a cluster that nobody has: its statements are explained.
func clusterConfig() Config {
	return Config{
		Addr: []string{"10.0.0.1:9000", "10.0.0.2:9000"}, Database: "linewarden", Username: "default", Cluster: "carrier-1",
		Retention: Retention{
			Flows: 7 * 24 * time.Hour, Rollups: 400 * 24 * time.Hour, Routes: 400 * 24 * time.Hour, Findings: 3650 * 24 * time.Hour,
		},
		ThirdPartyV4: 24, ThirdPartyV6: 48, Location: time.UTC,
	}
}

// clusterStatements are all that make the schema on a cluster.
func clusterStatements(t *testing.T, c Config) (list []string) {
	t.Helper()
	var single []string
	for _, table := range []*table{versionTable(), leaseTable()} {
		single = append(single, table.create(c.Retention))
	}
	for _, m := range migrations() {
		single = append(single, m.statements(c)...)
	}
	for _, v := range views(c) {
		single = append(single, v.create(),
			"ALTER TABLE "+v.name+" MODIFY QUERY "+v.query, "ALTER TABLE "+v.name+" MODIFY COMMENT '"+v.mark()+"'")
	}
	for _, table := range schema() {
		if ttl := table.ttl(c.Retention); ttl != "" {
			single = append(single, "ALTER TABLE "+table.name+" MODIFY TTL "+ttl+" SETTINGS materialize_ttl_after_modify = 0", "ALTER TABLE "+table.name+" REMOVE TTL")
		}
		if strings.HasPrefix(table.name, heldPrefix) {
			single = append(single, "DELETE FROM "+table.name+" WHERE hold = toUUID('"+uuid.NewString()+"')")
		}
	}
	single = append(single, "CREATE DATABASE IF NOT EXISTS `linewarden` ENGINE = Atomic")
	for _, sql := range single {
		statements, err := c.ddl(sql)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, statements...)
	}
	return list
}

// explainer is an engine that parses statements.
func explainer(t *testing.T) *Store {
	t.Helper()
	addr := os.Getenv("LINEWARDEN_TEST_CLICKHOUSE")
	if addr == "" {
		p, err := engine.Start(t.Context(), enginetest.Config(t, t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		addr = p.Addr()
	}
	s, err := Open(t.Context(), Config{
		Addr: []string{addr}, Database: "test_cluster_" + strings.ReplaceAll(uuid.NewString(), "-", ""),
		Username: os.Getenv("LINEWARDEN_TEST_CLICKHOUSE_USER"), Password: os.Getenv("LINEWARDEN_TEST_CLICKHOUSE_PASSWORD"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.createDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.DropDatabase(context.WithoutCancel(t.Context())), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestClusterStatementsAreExplained has the engine parse each statement: there is
// no cluster here to run them on.
func TestClusterStatementsAreExplained(t *testing.T) {
	s := explainer(t)
	onCluster := regexp.MustCompile(`ON CLUSTER '?carrier-1|ON CLUSTER ` + "`carrier-1`")
	list := clusterStatements(t, clusterConfig())
	changes := 0
	for _, sql := range list {
		if !schemaForm.MatchString(sql) {
			continue // rows, which go through the Distributed tables
		}
		changes++
		if !onCluster.MatchString(sql) {
			t.Errorf("it is of one server only: %s", sql)
		}
		for _, how := range []string{"EXPLAIN AST ", "EXPLAIN SYNTAX "} {
			if how == "EXPLAIN SYNTAX " && !strings.HasPrefix(sql, "CREATE TABLE") {
				continue // resolves what is not there
			}
			lines := 0
			err := s.query(t.Context(), "explain", how+sql, func(driver.Rows) error { lines++; return nil })
			if err != nil || lines < 2 {
				t.Errorf("%d lines, %v\nof %s", lines, err, sql)
			}
		}
	}
	t.Logf("%d statements, %d of them change the schema", len(list), changes)
	if changes < 2*len(schema()) {
		t.Errorf("%d statements for %d tables", changes, len(schema()))
	}
}

// TestClusterTables checks what each table becomes.
func TestClusterTables(t *testing.T) {
	c := clusterConfig()
	for _, table := range schema() {
		statements, err := c.ddl(table.create(c.Retention))
		if err != nil || len(statements) != 2 {
			t.Fatalf("%s: %d statements, %v", table.name, len(statements), err)
		}
		engine, _, _ := strings.Cut(table.engine, "(")
		for _, want := range []string{
			"CREATE TABLE IF NOT EXISTS " + table.name + "_local ON CLUSTER 'carrier-1'",
			"ENGINE = Replicated" + engine + "('/clickhouse/tables/{shard}/linewarden/" + table.name + "_local', '{replica}'",
		} {
			if !strings.Contains(statements[0], want) {
				t.Errorf("%s: no %q in\n%s", table.name, want, statements[0])
			}
		}
		if strings.Contains(statements[0], "non_replicated") {
			t.Errorf("%s remembers inserts as tables of one server do:\n%s", table.name, statements[0])
		}
		want := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %[1]s ON CLUSTER 'carrier-1' AS %[1]s_local\nENGINE = Distributed('carrier-1', 'linewarden', '%[1]s_local', %[2]s)",
			table.name, table.shardKey())
		if statements[1] != want {
			t.Errorf("got\n%s\nwant\n%s", statements[1], want)
		}
	}
	for name, want := range map[string]string{
		"flows": "if(line = '', cityHash64(src, dst), cityHash64(line))", "line_networks": "cityHash64(line)", "findings": "cityHash64(id)",
		"finding_events": "cityHash64(id)", "routes": "cityHash64(prefix, prefix_bits)", "ledger_rows": "0", "leases": "0",
		"held_flows": "cityHash64(finding)",
	} {
		if got := tableNamed(name).shardKey(); got != want {
			t.Errorf("%s is sharded by %s, want %s", name, got, want)
		}
	}
}

// TestClusterViewsFillLocalTables runs the statements of one shard, less what
// only a cluster has, and stores rows: the views must fill the local tables.
func TestClusterViewsFillLocalTables(t *testing.T) {
	s := explainer(t)
	c := clusterConfig()
	c.PutOnShards()
	for _, sql := range clusterStatements(t, c) {
		if !strings.HasPrefix(sql, "CREATE") || strings.Contains(sql, "Distributed(") || strings.HasPrefix(sql, "CREATE DATABASE") {
			continue
		}
		sql, err := withoutKeeper(sql)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.exec(t.Context(), "make the tables of a shard", sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		"INSERT INTO flows_local (stored, start, line) SELECT now(), now64(9), 'l' FROM numbers(10)",
		"INSERT INTO finding_events_local (id, version, at, body) SELECT 'f', 1, now64(9), '{}'",
	} {
		if err := s.exec(t.Context(), "store rows", sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range views(c) {
		if n, err := s.Number(t.Context(), "SELECT count() FROM "+v.target+"_local"); err != nil || n == 0 {
			t.Errorf("view %s has filled %s with %d rows, %v", v.name, v.target, n, err)
		}
	}
}

// TestClusterSettings: an insert waits for the shards, under its token.
func TestClusterSettings(t *testing.T) {
	c := clusterConfig()
	if got := c.sessionSettings(); got["distributed_foreground_insert"] != 1 || got["distributed_product_mode"] != "global" {
		t.Errorf("got %v", got)
	}
	if got := c.connectionSettings(); len(got) != len(clusterSettings) {
		t.Errorf("got %v", got)
	}
	c.Cluster = ""
	if len(c.sessionSettings()) != 0 || c.connectionSettings() != nil {
		t.Error("a single server is given settings of a cluster")
	}
	// The server must know each name.
	s := explainer(t)
	for _, setting := range clusterSettings {
		if n, err := s.Number(t.Context(), "SELECT count() FROM system.settings WHERE name = '"+setting.key+"'"); err != nil || n != 1 {
			t.Errorf("the server does not know %s, %v", setting.key, err)
		}
	}
}

// TestUnknownStatementIsRefusedOnACluster: nothing is run on one server of many
// by mistake.
func TestUnknownStatementIsRefusedOnACluster(t *testing.T) {
	c := clusterConfig()
	for _, sql := range []string{
		"DROP TABLE flows", "TRUNCATE TABLE flows", "RENAME TABLE a TO b", "CREATE TABLE IF NOT EXISTS unheard_of\n(\n    a String\n)\nENGINE = MergeTree\nORDER BY a\nCOMMENT ''",
		"CREATE TABLE flows (a String) ENGINE = MergeTree ORDER BY a",
	} {
		if got, err := c.ddl(sql); err == nil {
			t.Errorf("%s became %q", sql, got)
		}
	}
}
