package engine

import (
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"
)

// tableEngines are the engines a client may make tables with. All others reach
// files, programs or other machines.
var tableEngines = []string{
	"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree",
	"VersionedCollapsingMergeTree", "Memory", "Null", "Buffer", "Set", "Join", "Log", "TinyLog", "StripeLog",
	"MaterializedView", "View", "Dictionary",
}

// grantedEngine is refused by the rights alone, so that tests can grant it and
// have an engine be a cluster by itself.
const grantedEngine = "Distributed"

// databaseEngines are the engines a client may make databases with.
var databaseEngines = []string{"Atomic", "Memory"}

// rights is what a client may do. There is no source among them: no file, URL
// or other server. Dictionaries are left out because their source may be a
// program.
var rights = []string{
	"SHOW, SELECT, INSERT, ALTER, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, CHECK, KILL QUERY, dictGet ON *.*",
	"CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE, CREATE FUNCTION ON *.*",
	"SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM DROP CACHE, SYSTEM FLUSH, SYSTEM RELOAD DICTIONARY, SYSTEM VIEWS ON *.*",
}

// serverText is the configuration of the engine. Caches are small, because the
// working set is the newest day; parts are synced before an insert is
// acknowledged, and their directories too, so that it outlives a power cut. A
// part that an insert writes keeps its columns in one file, so that this is a
// few syncs and not two for each column; merges give each its own later.
const serverText = `<clickhouse>
  <users_config>%s</users_config>
  <max_server_memory_usage>%d</max_server_memory_usage>
  <mark_cache_size>%d</mark_cache_size>
  <primary_index_cache_size>%d</primary_index_cache_size>
  <index_mark_cache_size>%d</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <access_control_improvements>
    <table_engines_require_grant>true</table_engines_require_grant>
  </access_control_improvements>
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
    <min_bytes_for_wide_part>268435456</min_bytes_for_wide_part>
  </merge_tree>
</clickhouse>
`

// usersText is the one user, its settings and its rights. The log comment names
// the connection of a statement, by which it is stopped, so no client may
// change it.
const usersText = `<clickhouse>
  <profiles><default>
    <implicit_select>0</implicit_select>
    <output_format_native_write_json_as_string>1</output_format_native_write_json_as_string>
    <constraints>
      <log_comment><const/></log_comment>
      <implicit_select><const/></implicit_select>
    </constraints>
  </default></profiles>
  <quotas><default></default></quotas>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
%s    </grants>
  </default></users>
</clickhouse>
`

// The caches of marks and of primary keys each take this share of the memory, and
// no more than so many bytes.
const (
	cacheShare = 32
	maxCache   = 128 << 20
)

// writeSetup writes the configuration files and returns the arguments of every
// engine connection.
func writeSetup(c *Config) (args []string, err error) {
	// The caches are counted in the memory of the engine and must leave room in it.
	cache := min(c.MaxMemory/cacheShare, maxCache)
	server, users := filepath.Join(c.Path, "config.xml"), filepath.Join(c.Path, "users.xml")
	var escaped strings.Builder
	if err := xml.EscapeText(&escaped, []byte(users)); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	if err := writeFile(server, fmt.Sprintf(serverText, escaped.String(), c.MaxMemory, cache, cache, cache/4)); err != nil {
		return nil, err
	}
	var grants strings.Builder
	for _, g := range rights {
		grants.WriteString("      <query>GRANT " + g + "</query>\n")
	}
	for _, e := range tableEngines {
		grants.WriteString("      <query>GRANT TABLE ENGINE ON " + e + "</query>\n")
	}
	if err := writeFile(users, fmt.Sprintf(usersText, grants.String())); err != nil {
		return nil, err
	}
	return []string{"--path=" + filepath.Join(c.Path, dataFolder), "--config-file=" + server}, nil
}
