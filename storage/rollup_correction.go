package storage

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// SamplingCorrection says that an exporter sampled at another rate than it said.
type SamplingCorrection struct {
	Exporter netip.Addr
	// Domain is that of flows.Source.
	Domain uint32
	// From and To bound the start of the flows: From included, To excluded. The
	// arrival stands in for a start that the exporter did not say.
	From, To time.Time
	// Rate is how many packets one sampled packet stands for.
	Rate uint64
	// Actor says so, and Note why.
	Actor, Note string
	// Known is when it was noted, to the microsecond. CorrectSampling sets it.
	Known time.Time
}

func (c *SamplingCorrection) check() error {
	switch {
	case !c.Exporter.IsValid():
		return errors.New("a correction of sampling names no exporter")
	case !c.From.Before(c.To):
		return errors.New("a correction of sampling has no span")
	case c.Rate == 0:
		return errors.New("a correction of sampling has no rate")
	}
	return nil
}

// CorrectSampling notes a correction and makes the hours dirty that the flows
// concerned touch. It returns how many they are; the next RollUp of them counts
// with the rate. Of several corrections of one flow the last one holds.
func (s *Store) CorrectSampling(ctx context.Context, c SamplingCorrection) (hours uint64, err error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	c.Known = time.Now().UTC().Truncate(time.Microsecond)
	err = s.insert(ctx, "note a correction of sampling", "INSERT INTO sampling_corrections ("+correctionTable().names()+")", newToken(), func(b driver.Batch) error {
		return b.Append(c.Known, wideOrZero(c.Exporter), c.Domain, c.From.UTC(), c.To.UTC(), c.Rate, c.Actor, c.Note)
	})
	if err != nil {
		return 0, err
	}
	// The correction is there before its hours are dirty: a roll-up that sees the
	// second has seen the first.
	return s.touchHours(ctx, `exporter = toIPv6({exporter:String}) AND domain = {domain:UInt32} AND flow_first >= {since:Int64} AND flow_first < {upto:Int64}`,
		clickhouse.Named("exporter", wide(c.Exporter).String()), clickhouse.Named("domain", strconv.FormatUint(uint64(c.Domain), 10)),
		clickhouse.Named("since", strconv.FormatInt(instantOf(c.From), 10)), clickhouse.Named("upto", strconv.FormatInt(instantOf(c.To), 10)))
}

// touchHours makes the hours dirty that the selected flows touch: the same flows
// once more are no more flows, but a revision. It returns how many they are.
func (s *Store) touchHours(ctx context.Context, condition string, values ...any) (hours uint64, err error) {
	query := "WITH\n    " + fillSpan() + flowHourSelect("FROM flows WHERE "+condition)
	touched := strings.NewReplacer("sum(n) AS rows", "toUInt64(0) AS rows", "sum(revised) AS revisions", "toUInt64(1) AS revisions").Replace(query)
	if err := s.roll(ctx, "INSERT INTO flow_hours (stored, hour, rows, revisions, earliest, first_stored, last_stored)\n"+touched, values...); err != nil {
		return 0, err
	}
	err = s.query(ctx, "count touched hours", "SELECT uniqExact(hour) FROM ("+query+")",
		func(r driver.Rows) error { return r.Scan(&hours) }, values...)
	return hours, err
}

// SamplingCorrections returns all corrections, as they became known.
func (s *Store) SamplingCorrections(ctx context.Context) ([]SamplingCorrection, error) {
	var list []SamplingCorrection
	err := s.query(ctx, "read corrections of sampling",
		"SELECT known, exporter, domain, from, to, rate, actor, note FROM sampling_corrections ORDER BY known, exporter, domain",
		func(r driver.Rows) error {
			var c SamplingCorrection
			if err := r.Scan(&c.Known, &c.Exporter, &c.Domain, &c.From, &c.To, &c.Rate, &c.Actor, &c.Note); err != nil {
				return err
			}
			c.Exporter = c.Exporter.Unmap()
			c.From, c.To, c.Known = c.From.UTC(), c.To.UTC(), c.Known.UTC()
			list = append(list, c)
			return nil
		})
	return list, err
}
