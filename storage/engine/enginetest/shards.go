package enginetest

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ShardsCluster is the cluster that Shards makes.
const ShardsCluster = "shards"

const shardsServer = `<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers><` + ShardsCluster + `>
    <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
    <shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>
  </` + ShardsCluster + `></remote_servers>
</clickhouse>
`

const shardsUsers = `<clickhouse>
  <profiles><default><additional_table_filters>%s</additional_table_filters></default></profiles>
  <users><default><grants replace="replace"><query>GRANT ALL ON *.*</query></grants></default></users>
</clickhouse>
`

// Shards has the engine of a directory be a cluster of two shards by itself. It
// plans and runs questions to Distributed tables as a cluster does: each shard
// answers with states that are merged. Both read the same tables, but see the
// rows alone for which the condition of the table is true there; conditions tell
// the shards by shardNum(), which is 1 or 2, and 0 for whoever asks a table
// itself. Nothing is sent to another process.
func Shards(path string, conditions map[string]string) error {
	var pairs []string
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace
	for table, condition := range conditions {
		pairs = append(pairs, "'"+quote(table)+"':'"+quote(condition)+"'")
	}
	var filters strings.Builder
	if err := xml.EscapeText(&filters, []byte("{"+strings.Join(pairs, ",")+"}")); err != nil {
		return fmt.Errorf("write the conditions of shards: %w", err)
	}
	for name, text := range map[string]string{
		"config.d/shards.xml": shardsServer, "users.d/shards.xml": fmt.Sprintf(shardsUsers, filters.String()),
	} {
		file := filepath.Join(path, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
