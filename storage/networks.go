package storage

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// The rules measure their facts from the store.
var _ rules.Traffic = (*Store)(nil)

// LineNetworks yields what each line carried between each pair of networks on
// each local day, ordered by line, day and networks. It counts the whole bins
// that begin in w: hours, or quarters of one where the carrier's local days do
// not begin on the hour. It reads rollups, so its cost grows with lines and
// networks and not with flows.
func (s *Store) LineNetworks(ctx context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.LineNetworks, error] {
	return func(yield func(rules.LineNetworks, error) bool) {
		if !w.From.Before(w.To) {
			return
		}
		days := daysOf(w, loc)
		values := append(secondsOf(w), clickhouse.Named("days", days.literal()))
		err := s.query(ctx, "read line networks", `SELECT line, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, near, near_bits, far, far_bits,
    sumIf(bytes, direction = 'from_customer'), sumIf(bytes, direction = 'to_customer'), sum(samples), sum(unscaled)
FROM line_networks
WHERE bin >= toDateTime({from:Int64}, 'UTC') AND bin < toDateTime({to:Int64}, 'UTC')
GROUP BY line, day, near, near_bits, far, far_bits
ORDER BY line, day, near, near_bits, far, far_bits`,
			func(r driver.Rows) error {
				var (
					n         rules.LineNetworks
					day       uint32
					near, far netRow
				)
				if err := r.Scan(&n.Line, &day, &near.addr, &near.bits, &far.addr, &far.bits,
					&n.FromCustomer, &n.ToCustomer, &n.Samples, &n.Unscaled); err != nil {
					return err
				}
				n.Near, n.Far, n.Day = near.prefix(), far.prefix(), days.dates[day]
				if !yield(n, nil) {
					return errEnough
				}
				return nil
			}, values...)
		if err != nil && !errors.Is(err, errEnough) {
			yield(rules.LineNetworks{}, err)
		}
	}
}

// localDays are the days of a span by the seconds at which they begin. A day
// has 23, 24 or 25 hours: whoever knows the zone says where it begins.
type localDays struct {
	starts []uint32
	dates  map[uint32]registry.Date
}

func daysOf(w rules.Window, loc *time.Location) localDays {
	days := localDays{dates: make(map[uint32]registry.Date)}
	last := registry.DateOf(w.To.Add(-time.Nanosecond).In(loc))
	for d := registry.DateOf(w.From.In(loc)); d <= last; d++ {
		second := min(max(d.Start(loc).Unix(), 0), 1<<32-1)
		days.starts = append(days.starts, uint32(second))
		days.dates[uint32(second)] = d
	}
	return days
}

// literal writes the starts as an array.
func (d *localDays) literal() string {
	texts := make([]string, len(d.starts))
	for i, s := range d.starts {
		texts[i] = strconv.FormatUint(uint64(s), 10)
	}
	return "[" + strings.Join(texts, ",") + "]"
}
