package storage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// deadHour is an hour of a table with rows of a run that does not count for it.
type deadHour struct {
	begin int64 // seconds since 1970
	run   uint64
}

const (
	// deadRunAge is how long rows of a run that does not count stay: somebody may
	// be reading them.
	deadRunAge = time.Hour
	// deadHours is how many hours one statement names: it has 35 bytes for each.
	deadHours = 2000
)

// dropDeadRuns removes the rows of runs that do not count any more, or never
// did, from the hours of w, when they are older than age. What is removed is
// named by its values, as replicas must not find it by a question of their own.
func (s *Store) dropDeadRuns(ctx context.Context, w rules.Window, age time.Duration) error {
	for _, t := range rollups() {
		var dead []deadHour
		err := s.query(ctx, "look for rows of old runs", "SELECT DISTINCT toUnixTimestamp(toStartOfHour(bin)) AS begin, run FROM "+t.name+" WHERE "+deadRows+" ORDER BY begin, run",
			func(r driver.Rows) error {
				var (
					begin uint32
					run   uint64
				)
				err := r.Scan(&begin, &run)
				dead = append(dead, deadHour{int64(begin), run})
				return err
			}, append(secondsOf(w), clickhouse.Named("age", strconv.FormatInt(int64(age/time.Second), 10)))...)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(dead, deadHours) {
			pairs := make([]string, len(some))
			for i, h := range some {
				pairs[i] = fmt.Sprintf("(%d, %d)", h.begin, h.run)
			}
			where := fmt.Sprintf("bin >= toDateTime(%d, 'UTC') AND bin < toDateTime(%d, 'UTC') AND (toUnixTimestamp(toStartOfHour(bin)), run) IN (%s)",
				some[0].begin, some[len(some)-1].begin+3600, strings.Join(pairs, ", "))
			if err := s.exec(ctx, "remove rows of old runs", "DELETE FROM "+t.name+" WHERE "+where); err != nil {
				return err
			}
		}
	}
	return nil
}

// deadRows selects rows of a window that do not count.
const deadRows = `bin >= toDateTime({from:Int64}, 'UTC') AND bin < toDateTime({to:Int64}, 'UTC') AND stored <= now() - {age:Int64}
    AND (toStartOfHour(bin), run) NOT IN (SELECT hour, max(run) FROM rollup_runs
        WHERE hour >= toDateTime({from:Int64}, 'UTC') AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour)`
