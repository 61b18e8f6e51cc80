package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/flows"
)

// WriteCounters stores readings of interface counters: all of them, or it
// returns an error and has stored none. The same readings offered again are
// stored once.
func (s *Store) WriteCounters(ctx context.Context, readings []flows.Counters) error {
	if len(readings) == 0 {
		return nil
	}
	digest := sha256.New()
	for i := range readings {
		fmt.Fprintln(digest, readings[i])
	}
	token := "counters-" + hex.EncodeToString(digest.Sum(nil)[:16])
	stored := time.Now().UTC().Truncate(time.Second)
	return s.insert(ctx, "write counters", "INSERT INTO interface_counters ("+counterTable().names()+")", token, func(b driver.Batch) error {
		for i := range readings {
			c := &readings[i]
			row := []any{
				stored, wideOrZero(c.Exporter), c.Interface, c.Source.String(), c.At.UTC(), int64(c.Uptime), c.Discontinuity,
				c.Kind, c.Speed, c.Name, c.Alias, c.Narrow,
			}
			for _, figure := range counterFigures(c) {
				row = append(row, *figure)
			}
			if err := b.Append(row...); err != nil {
				return err
			}
		}
		return nil
	})
}

// counterFigures returns the figures of c, in the order of the columns.
func counterFigures(c *flows.Counters) (list []*uint64) {
	for _, t := range []*flows.Tally{&c.In, &c.Out} {
		list = append(list, &t.Octets, &t.Unicast, &t.Multicast, &t.Broadcast, &t.Discards, &t.Errors)
	}
	return list
}

// readingSpan is how far before and after an hour readings are looked for that
// tell what was carried at its ends.
const readingSpan = 20 * time.Minute

// eachReading visits the readings around an hour, ordered by exporter,
// interface, source and time.
func (s *Store) eachReading(ctx context.Context, hour time.Time, visit func(c *flows.Counters)) error {
	var octets []string
	for _, c := range counterTable().columns[12:] {
		octets = append(octets, c.name)
	}
	sql := `SELECT exporter, if_index, toInt8(source), at, uptime, discontinuity, kind, speed, name, alias, narrow, ` + strings.Join(octets, ", ") + `
FROM interface_counters
WHERE at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')
ORDER BY exporter, if_index, source, at`
	return s.query(ctx, "read counters", sql, func(r driver.Rows) error {
		var (
			c        flows.Counters
			exporter netip.Addr
			source   int8
			uptime   int64
		)
		targets := []any{&exporter, &c.Interface, &source, &c.At, &uptime, &c.Discontinuity, &c.Kind, &c.Speed, &c.Name, &c.Alias, &c.Narrow}
		for _, figure := range counterFigures(&c) {
			targets = append(targets, figure)
		}
		if err := r.Scan(targets...); err != nil {
			return err
		}
		c.Exporter, c.Source, c.Uptime = exporter.Unmap(), flows.CounterSource(source), time.Duration(uptime)
		visit(&c)
		return nil
	}, microseconds(hour.Add(-readingSpan), hour.Add(time.Hour+readingSpan))...)
}

// microseconds are the parameters from and to.
func microseconds(from, to time.Time) []any {
	return []any{
		clickhouse.Named("from", strconv.FormatInt(from.UnixMicro(), 10)), clickhouse.Named("to", strconv.FormatInt(to.UnixMicro(), 10)),
	}
}
