package storage

import (
	"context"
	"errors"
	"iter"
	"net/netip"
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

// question is a SELECT over rollups, whose rows become answers.
type question[T any] struct {
	what, sql string
	values    []any
	// scan reads a row.
	scan func(driver.Rows) (T, error)
}

// factMemory is how many bytes of a grouping or sorting the engine keeps in
// memory before it uses its disk: a day of a large carrier must not fail for it.
const factMemory = 512 << 20

// answers asks the question as it is iterated over. An answer is handed on as
// it is read: none is kept.
func answers[T any](ctx context.Context, s *Store, q question[T]) iter.Seq2[T, error] {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_bytes_before_external_group_by": factMemory, "max_bytes_before_external_sort": factMemory,
	}))
	return func(yield func(T, error) bool) {
		err := s.query(ctx, q.what, fill(q.sql, 0), func(r driver.Rows) error {
			answer, err := q.scan(r)
			if err != nil {
				return err
			}
			if !yield(answer, nil) {
				return errEnough
			}
			return nil
		}, q.values...)
		if err != nil && !errors.Is(err, errEnough) {
			var none T
			yield(none, err)
		}
	}
}

func none[T any]() iter.Seq2[T, error] { return func(func(T, error) bool) {} }

// dayQuestion is a window with its local days.
type dayQuestion struct {
	days   localDays
	values []any
}

func askDays(w rules.Window, loc *time.Location) dayQuestion {
	days := daysOf(w, loc)
	return dayQuestion{days, append(secondsOf(w), clickhouse.Named("days", days.literal()))}
}

// allocationsOf writes allocations as an array of address and length.
func allocationsOf(list []rules.AllocationID) string {
	texts := make([]string, len(list))
	for i, p := range list {
		addr, bits := netOf(p)
		texts[i] = "('" + netip.AddrFrom16(addr).String() + "'," + strconv.Itoa(int(bits)) + ")"
	}
	return "[" + strings.Join(texts, ",") + "]"
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
func (d *localDays) literal() string { return arrayOf(d.starts) }

func arrayOf(numbers []uint32) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.FormatUint(uint64(n), 10)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// stringsOf writes texts as the value of a parameter that is an array. The
// driver escapes backslashes, so that a quote is doubled instead.
func stringsOf(texts []string) string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = "'" + strings.ReplaceAll(t, "'", "''") + "'"
	}
	return "[" + strings.Join(list, ",") + "]"
}

// ofSide selects, of each day of an allocation, the rows of the side it is told
// from: the smallest class that saw anything of it.
const ofSide = `(allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}), class) IN (
        SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, min(class)
        FROM allocation_hours WHERE {counted} GROUP BY allocation, allocation_bits, day)`
