package storage

import (
	"context"
	"net/netip"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/flows"
)

// SamplingUse says at which rate flows of an exporter were sampled.
type SamplingUse struct {
	Exporter netip.Addr
	// Rate is packets per sample as the records have it, before any correction; 0
	// if unknown. Source says who told it.
	Rate   uint64
	Source flows.SamplingSource
	// Records is how many flows there are of it, which began from First to Last.
	Records     uint64
	First, Last time.Time
}

// Sampling returns how the flows that a filter selects were sampled, by exporter
// and rate. It reads records, which are kept less long than their sums: of days
// whose records are gone it says nothing. Limit is not looked at.
func (s *Store) Sampling(ctx context.Context, f FlowFilter) ([]SamplingUse, error) {
	condition, values := f.condition()
	var list []SamplingUse
	err := s.query(ctx, "read how flows were sampled", `SELECT exporter, bitAnd(families, 3) AS side, sampling_rate, toInt8(sampling_source) AS told, count(), min(start), max(start)
FROM flows`+condition+`
GROUP BY exporter, side, sampling_rate, told ORDER BY exporter, side, sampling_rate, told`,
		func(r driver.Rows) error {
			var (
				u    SamplingUse
				addr netip.Addr
				side uint8
				told int8
			)
			err := r.Scan(&addr, &side, &u.Rate, &told, &u.Records, &u.First, &u.Last)
			u.Exporter, u.Source, u.First, u.Last = addrOf(addr, family(side)), flows.SamplingSource(told), u.First.UTC(), u.Last.UTC()
			list = append(list, u)
			return err
		}, values...)
	return list, err
}
