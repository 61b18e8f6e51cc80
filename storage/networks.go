package storage

import (
	"context"
	"iter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// LineNetworks yields what each line carried between each pair of networks on
// each local day, ordered by line, day and networks: each of the lines that are
// named, or all when none is. It counts the whole bins
// that begin in w: hours, or quarters of one where the carrier's local days do
// not begin on the hour. It reads rollups, so its cost grows with lines and
// networks and not with flows.
func (s *Store) LineNetworks(ctx context.Context, w rules.Window, loc *time.Location, lines ...string) iter.Seq2[rules.LineNetworks, error] {
	if !w.From.Before(w.To) {
		return none[rules.LineNetworks]()
	}
	ask, wanted := askDays(w, loc), ""
	if len(lines) > 0 {
		wanted = " AND line IN {lines:Array(String)}"
		ask.values = append(ask.values, clickhouse.Named("lines", stringsOf(lines)))
	}
	return answers(ctx, s, question[rules.LineNetworks]{
		"read line networks", `SELECT line, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, near, near_bits, far, far_bits,
    sumIf(bytes, direction = 'from_customer'), sumIf(bytes, direction = 'to_customer'), sum(samples), sum(unscaled)
FROM line_networks
WHERE toDate(bin) >= toDate(toDateTime({from:Int64}, 'UTC')) AND toDate(bin) <= toDate(toDateTime({to:Int64}, 'UTC')) AND {counted}` + wanted + `
GROUP BY line, day, near, near_bits, far, far_bits
ORDER BY line, day, near, near_bits, far, far_bits`,
		ask.values, func(r driver.Rows) (n rules.LineNetworks, err error) {
			var (
				day       uint32
				near, far netRow
			)
			err = r.Scan(&n.Line, &day, &near.addr, &near.bits, &far.addr, &far.bits,
				&n.FromCustomer, &n.ToCustomer, &n.Samples, &n.Unscaled)
			n.Near, n.Far, n.Day = near.prefix(), far.prefix(), ask.days.dates[day]
			return n, err
		},
	})
}
