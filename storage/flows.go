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

	"github.com/linewarden/linewarden/flows"
)

// FlowFilter selects flow records. A zero field selects every value.
type FlowFilter struct {
	// From and To bound the start of the flow: From included, To excluded.
	From, To time.Time
	// Exporter is the address of the exporter.
	Exporter netip.Addr
	// Line is a line_id the flow entered or left on.
	Line string
	// Prefix covers the source or the destination address.
	Prefix netip.Prefix
	// Limit bounds how many records are returned; 0 is all of them.
	Limit int
}

// sortMemory is how many bytes of records the server sorts in memory before it
// uses its disk.
const sortMemory = 256 << 20

// errEnough ends a query whose reader has seen enough.
var errEnough = errors.New("enough")

// Flows yields records in the order of their start. They are read as they are
// yielded, and never all in memory.
func (s *Store) Flows(ctx context.Context, f FlowFilter) iter.Seq2[flows.Record, error] {
	return func(yield func(flows.Record, error) bool) {
		condition, values := f.condition()
		sql := "SELECT " + strings.Join(flowReads(), ", ") + " FROM flows" + condition + " ORDER BY start, end, exporter, src, dst, src_port, dst_port"
		if f.Limit > 0 {
			sql += " LIMIT {limit:UInt64}"
			values = append(values, clickhouse.Named("limit", strconv.Itoa(f.Limit)))
		}
		ctx := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_bytes_before_external_sort": sortMemory}))
		row := new(flowRow)
		targets := row.targets()
		err := s.query(ctx, "read flows", sql, func(r driver.Rows) error {
			if err := r.Scan(targets...); err != nil {
				return err
			}
			if !yield(row.record(), nil) {
				return errEnough
			}
			return nil
		}, values...)
		if err != nil && !errors.Is(err, errEnough) {
			yield(flows.Record{}, err)
		}
	}
}

// condition returns the WHERE clause. Its text comes from here alone, the
// values are parameters.
func (f *FlowFilter) condition() (clause string, values []any) {
	var terms []string
	add := func(term string, named ...any) {
		terms = append(terms, term)
		values = append(values, named...)
	}
	if !f.From.IsZero() {
		add("start >= fromUnixTimestamp64Nano({from:Int64}, 'UTC')", clickhouse.Named("from", strconv.FormatInt(instantOf(f.From), 10)))
	}
	if !f.To.IsZero() {
		add("start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')", clickhouse.Named("to", strconv.FormatInt(instantOf(f.To), 10)))
	}
	if f.Exporter.IsValid() {
		add("exporter = toIPv6({exporter:String}) AND bitAnd(families, 3) = {exporter_family:UInt8}",
			clickhouse.Named("exporter", wide(f.Exporter).String()), clickhouse.Named("exporter_family", strconv.Itoa(int(familyOf(f.Exporter)))))
	}
	if f.Line != "" {
		add("(line = {line:String} OR peer_line = {line:String})", clickhouse.Named("line", f.Line))
	}
	if f.Prefix.IsValid() {
		low, high := span(f.Prefix)
		mapped := familyMapped // an IPv6 prefix may cover mapped addresses too
		if f.Prefix.Addr().Is4() {
			mapped = familyV4
		}
		add(`(src BETWEEN toIPv6({low:String}) AND toIPv6({high:String}) AND bitAnd(bitShiftRight(families, 2), 3) IN ({family:UInt8}, {mapped:UInt8})
			OR dst BETWEEN toIPv6({low:String}) AND toIPv6({high:String}) AND bitAnd(bitShiftRight(families, 4), 3) IN ({family:UInt8}, {mapped:UInt8}))`,
			clickhouse.Named("low", low.String()), clickhouse.Named("high", high.String()),
			clickhouse.Named("family", strconv.Itoa(int(familyOf(f.Prefix.Addr())))), clickhouse.Named("mapped", strconv.Itoa(int(mapped))))
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), values
}

// wide returns the IPv6 form of an address.
func wide(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

// span returns the first and the last address of a prefix, in their IPv6 form.
func span(p netip.Prefix) (low, high netip.Addr) {
	first := p.Masked().Addr().As16()
	_, bits := netOf(p)
	last := first
	for i := range last {
		if keep := int(bits) - 8*i; keep <= 0 {
			last[i] = 0xff
		} else if keep < 8 {
			last[i] |= 0xff >> keep
		}
	}
	return netip.AddrFrom16(first), netip.AddrFrom16(last)
}
