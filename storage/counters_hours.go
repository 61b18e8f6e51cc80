package storage

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
)

// leastCovered is for how many seconds of an hour the counters must be known for
// the hour to be compared.
const leastCovered = 3240

// mostUncounted bounds the interfaces of an hour that flows name and of which
// there are no counters: forged flows can name any.
const mostUncounted = 4096

// countedHour is an hour with readings of counters, and what it was last compared
// from.
type countedHour struct {
	begin                     time.Time
	readings                  uint64
	firstStored               time.Time
	rows, revisions, compared uint64 // compared is the number of readings, 0 for never
}

// CompareCounters compares flows and counters in the hours of w that are over:
// those with readings of which other flows or more readings are known than the
// last time. It returns how many hours it has compared. It may be interrupted,
// and be run by several processes at once.
func (s *Store) CompareCounters(ctx context.Context, w rules.Window) (compared int, err error) {
	w.From = w.From.Truncate(time.Hour)
	if over := time.Now().Add(-readingSpan).Truncate(time.Hour); w.To.After(over) {
		w.To = over
	}
	if !w.From.Before(w.To) {
		return 0, nil
	}
	hours, err := s.countedHours(ctx, w)
	if err != nil || len(hours) == 0 {
		return 0, err
	}
	dirty, run, err := s.dirtyHours(ctx, w)
	if err != nil {
		return 0, err
	}
	flowsOf := make(map[time.Time]dirtyHour, len(dirty))
	for _, d := range dirty {
		flowsOf[d.begin] = d
	}
	for _, h := range hours {
		d, some := flowsOf[h.begin]
		same := h.compared >= h.readings && h.rows == d.rows && h.revisions == d.revisions
		if same || some && s.expiring(&d) || s.expiring(&dirtyHour{firstStored: h.firstStored}) {
			continue
		}
		run++
		if err := s.compareHour(ctx, h, d, run); err != nil {
			return compared, err
		}
		compared++
	}
	return compared, nil
}

// countedHours returns the hours of w that have readings, in order.
func (s *Store) countedHours(ctx context.Context, w rules.Window) (list []countedHour, err error) {
	err = s.query(ctx, "find hours with counters", `SELECT readings.hour, readings.n, readings.since, done.flows, done.revised, done.n
FROM
(
    SELECT toStartOfHour(toDateTime(at, 'UTC')) AS hour, count() AS n, min(stored) AS since FROM interface_counters
    WHERE at >= toDateTime({from:Int64}, 'UTC') AND at < toDateTime({to:Int64}, 'UTC') GROUP BY hour
) AS readings
LEFT JOIN
(
    SELECT hour, argMax(rows, run) AS flows, argMax(revisions, run) AS revised, argMax(readings, run) AS n FROM interface_hours
    WHERE hour >= toDateTime({from:Int64}, 'UTC') AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour
) AS done ON done.hour = readings.hour
ORDER BY readings.hour`, func(r driver.Rows) error {
		var h countedHour
		err := r.Scan(&h.begin, &h.readings, &h.firstStored, &h.rows, &h.revisions, &h.compared)
		h.begin = h.begin.UTC()
		list = append(list, h)
		return err
	}, secondsOf(w)...)
	return list, err
}

// portKey names an interface.
type portKey struct {
	exporter netip.Addr
	index    uint32
}

// portHour is an interface in one hour.
type portHour struct {
	rules.CountedInterface
	source flows.CounterSource
	speed  uint64
}

// compareHour measures one hour and writes what it found.
func (s *Store) compareHour(ctx context.Context, h countedHour, d dirtyHour, run uint64) error {
	ports := make(map[portKey]*portHour)
	meter := counterMeter{hour: h.begin, ports: ports}
	if err := s.eachReading(ctx, h.begin, meter.read); err != nil {
		return err
	}
	meter.close()
	if d.rows > 0 {
		if err := s.flowsOfPorts(ctx, d, ports); err != nil {
			return err
		}
	}
	stored := time.Now().UTC().Truncate(time.Second)
	return s.insert(ctx, "write compared hours", "INSERT INTO interface_hours ("+interfaceHourTable().names()+")", "interfaces-"+strconv.FormatUint(run, 10), func(b driver.Batch) error {
		for key, p := range ports {
			row := []any{
				stored, run, h.begin, wideOrZero(key.exporter), key.index, p.source.String(), p.Kind, p.speed, p.Name, p.Alias,
				d.rows, d.revisions, h.readings,
			}
			for _, figure := range measuredFigures(&p.CountedInterface) {
				row = append(row, *figure)
			}
			if err := b.Append(row...); err != nil {
				return err
			}
		}
		return nil
	})
}

// measuredFigures returns the figures of c, in the order of the columns.
func measuredFigures(c *rules.CountedInterface) (list []*float64) {
	for _, m := range []*rules.Measured{&c.In, &c.Out} {
		list = append(list, &m.FlowBytes, &m.FlowPackets, &m.Samples, &m.Variance, &m.Egress, &m.Unscaled, &m.Octets, &m.Packets, &m.Covered)
	}
	return list
}

// counterMeter adds up what counters say of one hour. Readings come ordered by
// interface, source and time.
type counterMeter struct {
	hour   time.Time
	ports  map[portKey]*portHour
	before flows.Counters // zero Exporter at the beginning
	port   portHour       // of the source that before is of
}

// read takes the next reading.
func (m *counterMeter) read(c *flows.Counters) {
	if c.Exporter != m.before.Exporter || c.Interface != m.before.Interface || c.Source != m.before.Source {
		m.close()
		m.port = portHour{source: c.Source}
		m.port.Exporter, m.port.Interface, m.port.Hours = c.Exporter, c.Interface, 1
	} else if !c.At.After(m.before.At) {
		return // read twice
	}
	m.port.Kind, m.port.speed, m.port.Name, m.port.Alias = c.Kind, c.Speed, c.Name, c.Alias
	if n, ok := c.Since(&m.before); ok {
		m.add(&n)
	}
	m.before = *c
}

// add adds the part of an increment that lies in the hour.
func (m *counterMeter) add(n *flows.Increment) {
	from, to := n.From, n.To
	if from.Before(m.hour) {
		from = m.hour
	}
	if end := m.hour.Add(time.Hour); to.After(end) {
		to = end
	}
	if !from.Before(to) {
		return
	}
	share := float64(to.Sub(from)) / float64(n.To.Sub(n.From))
	side := func(to *rules.Measured, known bool, octets, packets uint64, seconds float64) {
		if known {
			to.Octets += share * float64(octets)
			to.Packets += share * float64(packets)
			to.Covered += seconds
		}
	}
	side(&m.port.In, n.InKnown, n.In, n.InPackets, to.Sub(from).Seconds())
	side(&m.port.Out, n.OutKnown, n.Out, n.OutPackets, to.Sub(from).Seconds())
}

// close ends the account of a source. Of two sources the one that knows more of
// the hour counts.
func (m *counterMeter) close() {
	if !m.before.Exporter.IsValid() {
		return
	}
	key := portKey{m.before.Exporter, m.before.Interface}
	if other := m.ports[key]; other != nil && other.In.Covered+other.Out.Covered >= m.port.In.Covered+m.port.Out.Covered {
		return
	}
	port := m.port
	for _, side := range []*rules.Measured{&port.In, &port.Out} {
		if side.Covered > 0 {
			whole := time.Hour.Seconds() / side.Covered
			side.Octets *= whole
			side.Packets *= whole
		}
	}
	m.ports[key] = &port
}

// flowsOfPorts adds what the flows of an hour say, of exporters with counters.
// Bytes and packets are those of the part of each flow that lies in the hour, as
// rollups have them. Of sampling at 1 in n, each packet that was seen adds
// n(n-1) times its squared size to the variance.
func (s *Store) flowsOfPorts(ctx context.Context, d dirtyHour, ports map[portKey]*portHour) error {
	c := chunk{hours: []dirtyHour{d}}
	values := append(c.values(&s.cfg, time.Time{}),
		clickhouse.Named("read_from", strconv.FormatInt(d.begin.Add(-readingSpan).UnixMicro(), 10)),
		clickhouse.Named("read_to", strconv.FormatInt(d.begin.Add(time.Hour+readingSpan).UnixMicro(), 10)))
	uncounted := 0
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_bytes_before_external_group_by": rollupMemory}))
	err := s.query(ctx, "add up flows by interface", fill(portQuery, 0), func(r driver.Rows) error {
		var (
			exporter netip.Addr
			index    uint32
			output   bool
			seen     rules.Measured
		)
		if err := r.Scan(&exporter, &index, &output, &seen.FlowBytes, &seen.FlowPackets, &seen.Samples, &seen.Variance, &seen.Egress, &seen.Unscaled); err != nil {
			return err
		}
		key := portKey{exporter.Unmap(), index}
		p := ports[key]
		if p == nil {
			if uncounted++; uncounted > mostUncounted {
				return nil
			}
			p = &portHour{}
			p.Exporter, p.Interface, p.Hours = key.exporter, key.index, 1
			ports[key] = p
		}
		if output {
			p.Out.Add(&seen)
		} else {
			p.In.Add(&seen)
		}
		return nil
	}, values...)
	if uncounted > mostUncounted {
		s.log.Warn("flows name more interfaces without counters than are kept", "hour", d.begin, "interfaces", uncounted, "kept", mostUncounted)
	}
	if err != nil {
		return fmt.Errorf("hour %s: %w", d.begin.Format(time.RFC3339), err)
	}
	return nil
}

// portQuery groups by both interfaces of a flow first, of which there are few
// pairs, and then by each of them.
const portQuery = `SELECT exporter, end.1 AS index, end.2 AS output, sum(carried), sum(packets_carried), sum(seen), sum(spread), sum(carried_out), sum(bare)
FROM
(
    SELECT exporter, in_if, out_if, sum(flow_bytes * rate) AS carried, sum(flow_packets * rate) AS packets_carried,
        sumIf(flow_packets, rate > 0) AS seen, sum(if(rate > 0, rate * (rate - 1), 0) * flow_bytes * flow_bytes / greatest(flow_packets, 1e-9)) AS spread,
        sumIf(flow_bytes * rate, leaving) AS carried_out, sumIf(flow_bytes, rate = 0) AS bare
    FROM
    (
        WITH
            {span},
            (SELECT groupArray((exporter, domain, toUnixTimestamp64Nano(from), toUnixTimestamp64Nano(to), rate))
                FROM (SELECT exporter, domain, from, to, rate FROM sampling_corrections ORDER BY known DESC, rate DESC)) AS corrections,
            arrayFirst(c -> c.1 = flows.exporter AND c.2 = flows.domain AND c.3 <= flow_first AND c.4 > flow_first, corrections) AS correction,
            (least(begin + duration, {to:Int64}) - greatest(begin, {from:Int64})) / duration AS part
        SELECT exporter, in_if, out_if, direction = 'egress' AS leaving, flows.bytes * part AS flow_bytes, flows.packets * part AS flow_packets,
            toFloat64(if(correction.5 > 0, correction.5, sampling_rate)) AS rate
        FROM flows
        WHERE ` + ofChunk + `
            AND exporter IN (SELECT exporter FROM interface_counters
                WHERE at >= fromUnixTimestamp64Micro({read_from:Int64}, 'UTC') AND at < fromUnixTimestamp64Micro({read_to:Int64}, 'UTC'))
    )
    GROUP BY exporter, in_if, out_if
)
ARRAY JOIN [(in_if, false), (out_if, true)] AS end
WHERE end.1 > 0
GROUP BY exporter, index, output
ORDER BY sum(carried) DESC`
