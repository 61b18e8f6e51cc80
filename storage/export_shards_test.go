package storage

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// PutOnShards has the tables be those of a cluster that is one engine. It has no
// Keeper: tables are not replicated and statements are run once.
func (c *Config) PutOnShards() { c.Cluster, c.rewrite = enginetest.ShardsCluster, withoutKeeper }

// ShardConditions say which rows of a local table are on which of two shards,
// after the sharding key of its table. Views fill their tables where the rows of
// their source are.
func ShardConditions() map[string]string {
	// What the engine says of itself is said once.
	conditions := map[string]string{"system.parts": "shardNum() IN (0, 1)", "system.columns": "shardNum() IN (0, 1)"}
	for _, t := range schema() {
		key := t.shardKey()
		if t.name == "flow_hours" {
			key = "cityHash64(hour)"
		}
		conditions[t.name+localSuffix] = "shardNum() IN (0, 1 + (" + key + ") % 2)"
	}
	return conditions
}

// localForm is a statement of tests that Distributed tables do not take.
var localForm = regexp.MustCompile(`^(TRUNCATE|OPTIMIZE) TABLE (\w+)`)

// forLocal is such a statement for the table that has the rows of a shard.
func (c *Config) forLocal(sql string) (string, bool) {
	m := localForm.FindStringSubmatch(sql)
	if c.Cluster == "" || m == nil {
		return "", false
	}
	return strings.Replace(sql, m[0], m[1]+" TABLE "+c.stored(m[2]), 1), true
}

var (
	replicatedEngine = regexp.MustCompile(`Replicated(\w*MergeTree)\('[^']*', '\{replica\}'(, )?`)
	distributedKey   = regexp.MustCompile(`(?s)(ENGINE = Distributed\('[^']*', '[^']*', '[^']*'), .*\)$`)
	// undetermined is what a mutation of a replicated table may not have in it, as
	// each replica would find something else.
	undetermined = regexp.MustCompile(`\bSELECT\b|\b(now|today|rand)\w*\(`)
)

var errUndetermined = errors.New("replicated tables refuse such a mutation")

// withoutKeeper takes out of a statement what one engine cannot do, and refuses
// what replicated tables do. All rows go to the first shard, under one token:
// the conditions divide them.
func withoutKeeper(sql string) (string, error) {
	if !schemaForm.MatchString(sql) {
		// The tables pass for replicated ones.
		return strings.Replace(sql, "SELECT name, engine, sorting_key", "SELECT name, replaceRegexpOne(engine, '^(.*MergeTree)$', 'Replicated\\1'), sorting_key", 1), nil
	}
	if deleteForm.MatchString(sql) && undetermined.MatchString(sql) {
		return "", fmt.Errorf("%w: %s", errUndetermined, sql)
	}
	sql = strings.Replace(sql, " ON CLUSTER '"+enginetest.ShardsCluster+"'", "", 1)
	sql = distributedKey.ReplaceAllString(replicatedEngine.ReplaceAllString(sql, "$1("), "$1, 0)")
	return strings.Replace(sql, " replicated_deduplication_window", " non_replicated_deduplication_window", 1), nil
}
