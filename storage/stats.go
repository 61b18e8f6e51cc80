package storage

import (
	"context"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Stats says how much is stored.
type Stats struct {
	// Tables are those of the store, ordered by name.
	Tables []TableStats
	// FlowColumns are the compressed bytes of the columns of flows by name. Parts
	// that keep their columns in one file, as fresh and small ones do, are not
	// among them.
	FlowColumns map[string]uint64
}

// TableStats says how much one table holds on disk.
type TableStats struct {
	Name  string
	Rows  uint64
	Bytes uint64
	Parts uint64
}

// BytesPerFlow is how many bytes on disk one flow takes, 0 when there is none.
func (s *Stats) BytesPerFlow() float64 {
	for _, t := range s.Tables {
		if t.Name == "flows" && t.Rows > 0 {
			return float64(t.Bytes) / float64(t.Rows)
		}
	}
	return 0
}

// Stats returns what is stored now, by active parts. On a cluster it is that of
// all shards, without the copies of replicas.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	stats := Stats{FlowColumns: make(map[string]uint64)}
	database := clickhouse.Named("database", s.cfg.Database)
	err := s.query(ctx, "read statistics",
		"SELECT table, sum(rows), sum(bytes_on_disk), count() FROM "+s.cfg.everywhere("system.parts")+
			" WHERE database = {database:String} AND active GROUP BY table ORDER BY table",
		func(r driver.Rows) error {
			var t TableStats
			if err := r.Scan(&t.Name, &t.Rows, &t.Bytes, &t.Parts); err != nil {
				return err
			}
			if s.cfg.Cluster != "" {
				t.Name = strings.TrimSuffix(t.Name, localSuffix)
			}
			stats.Tables = append(stats.Tables, t)
			return nil
		}, database)
	if err != nil {
		return stats, err
	}
	err = s.query(ctx, "read statistics",
		"SELECT name, sum(data_compressed_bytes) FROM "+s.cfg.everywhere("system.columns")+
			" WHERE database = {database:String} AND table = {table:String} GROUP BY name",
		func(r driver.Rows) error {
			var (
				name  string
				bytes uint64
			)
			err := r.Scan(&name, &bytes)
			stats.FlowColumns[name] = bytes
			return err
		}, database, clickhouse.Named("table", s.cfg.stored("flows")))
	return stats, err
}
