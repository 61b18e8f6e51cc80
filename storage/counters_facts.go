package storage

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// CountedInterfaces returns what the interfaces of all exporters carried in the
// hours of w by their flows and by their counters, ordered by exporter and
// interface. An hour of a direction counts where its counters are known for nine
// tenths of it; interfaces that have flows and no counters have no octets.
func (s *Store) CountedInterfaces(ctx context.Context, w rules.Window) ([]rules.CountedInterface, error) {
	columns := []string{
		"exporter", "if_index", "argMax(name, hour)", "argMax(alias, hour)", "argMax(kind, hour)",
		"uniqExactIf(hour, greatest(in_covered, out_covered) >= {covered})",
	}
	for _, way := range []string{"in_", "out_"} {
		for _, name := range measuredNames {
			known, sum := way+"covered >= {covered}", "sumIf("+way+name+", "
			columns = append(columns, "if(countIf("+known+") > 0, "+sum+known+"), "+sum+way+"covered = 0))")
		}
	}
	sql := "SELECT " + strings.Join(columns, ", ") + `
FROM interface_hours
WHERE hour >= toDateTime({from:Int64}, 'UTC') AND hour < toDateTime({to:Int64}, 'UTC')
    AND (hour, run) IN (SELECT hour, max(run) FROM interface_hours
        WHERE hour >= toDateTime({from:Int64}, 'UTC') AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour)
GROUP BY exporter, if_index ORDER BY exporter, if_index`
	var list []rules.CountedInterface
	err := s.query(ctx, "compare flows and counters", strings.ReplaceAll(sql, "{covered}", strconv.Itoa(leastCovered)), func(r driver.Rows) error {
		var (
			c        rules.CountedInterface
			exporter netip.Addr
		)
		targets := []any{&exporter, &c.Interface, &c.Name, &c.Alias, &c.Kind, &c.Hours}
		for _, figure := range measuredFigures(&c) {
			targets = append(targets, figure)
		}
		if err := r.Scan(targets...); err != nil {
			return err
		}
		c.Exporter = exporter.Unmap()
		list = append(list, c)
		return nil
	}, secondsOf(w)...)
	return list, err
}
