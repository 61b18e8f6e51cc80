package storage

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// mostClients bounds the networks that are told of one service.
const mostClients = 4096

// LineHours yields what each line carried in each UTC hour that begins in w,
// ordered by line and hour. Minutes in which nothing was carried count as such:
// the 95th percentile is the fourth largest of the 60.
func (s *Store) LineHours(ctx context.Context, w rules.Window) iter.Seq2[rules.LineHour, error] {
	return s.lineHours(ctx, "{counted}", secondsOf(w))
}

// LineHoursOf yields the same for one line.
func (s *Store) LineHoursOf(ctx context.Context, line string, w rules.Window) iter.Seq2[rules.LineHour, error] {
	return s.lineHours(ctx, "{counted} AND line = {line:String}", append(secondsOf(w), clickhouse.Named("line", line)))
}

func (s *Store) lineHours(ctx context.Context, condition string, values []any) iter.Seq2[rules.LineHour, error] {
	return answers(ctx, s, question[rules.LineHour]{
		"read line hours", `SELECT line, bin, from_customer, to_customer, peak_from, p95_from, peak_to, p95_to, samples
FROM line_hours WHERE ` + condition + ` ORDER BY line, bin`,
		values, func(r driver.Rows) (h rules.LineHour, err error) {
			err = r.Scan(&h.Line, &h.Hour, &h.FromCustomer, &h.ToCustomer, &h.PeakFromCustomer, &h.P95FromCustomer,
				&h.PeakToCustomer, &h.P95ToCustomer, &h.Samples)
			h.Hour = h.Hour.UTC()
			return h, err
		},
	})
}

// LineSources yields what each line carried by the network on the customer's side
// on each local day, ordered by line, day and network: each of the lines that are
// named, or all when none is. The pairs of networks are added up in the engine.
func (s *Store) LineSources(ctx context.Context, w rules.Window, loc *time.Location, lines ...string) iter.Seq2[rules.LineSource, error] {
	if !w.From.Before(w.To) {
		return none[rules.LineSource]()
	}
	ask, wanted := askDays(w, loc), ""
	if len(lines) > 0 {
		wanted = " AND line IN {lines:Array(String)}"
		ask.values = append(ask.values, clickhouse.Named("lines", stringsOf(lines)))
	}
	return answers(ctx, s, question[rules.LineSource]{
		"read line sources", `SELECT line, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, near, near_bits, sumIf(bytes, direction = 'from_customer'),
    sumIf(bytes, direction = 'to_customer'), sumIf(samples, direction = 'from_customer'), sum(unscaled)
FROM line_networks
WHERE toDate(bin) >= toDate(toDateTime({from:Int64}, 'UTC')) AND toDate(bin) <= toDate(toDateTime({to:Int64}, 'UTC')) AND {counted}` + wanted + `
GROUP BY line, day, near, near_bits
ORDER BY line, day, near, near_bits`,
		ask.values, func(r driver.Rows) (n rules.LineSource, err error) {
			var (
				day     uint32
				network netRow
			)
			err = r.Scan(&n.Line, &day, &network.addr, &network.bits, &n.FromCustomer, &n.ToCustomer, &n.Samples, &n.Unscaled)
			n.Network, n.Day = network.prefix(), ask.days.dates[day]
			return n, err
		},
	})
}

// LinePairs yields, for each of the lines and each local day, how many pairs of
// addresses were active in those of its hours that are asked for, ordered by
// line and day. It knows international lines only; a day without an active pair
// is not told.
func (s *Store) LinePairs(ctx context.Context, q rules.PairsQuestion) iter.Seq2[rules.LinePairs, error] {
	if !q.Window.From.Before(q.Window.To) || len(q.Lines) == 0 || len(q.Hours) == 0 {
		return none[rules.LinePairs]()
	}
	hours := make([]uint32, len(q.Hours))
	for i, h := range q.Hours {
		hours[i] = uint32(min(max(h.Unix(), 0), 1<<32-1))
	}
	ask := askDays(q.Window, q.Location)
	ask.values = append(ask.values, clickhouse.Named("lines", stringsOf(q.Lines)), clickhouse.Named("hours", arrayOf(hours)))
	return answers(ctx, s, question[rules.LinePairs]{
		"read line pairs", `SELECT line, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, uniqCombined64Merge(14)(pairs)
FROM line_pairs
WHERE {counted} AND line IN {lines:Array(String)} AND toUnixTimestamp(toStartOfHour(bin)) IN {hours:Array(UInt32)}
GROUP BY line, day ORDER BY line, day`,
		ask.values, func(r driver.Rows) (p rules.LinePairs, err error) {
			var day uint32
			err = r.Scan(&p.Line, &day, &p.Pairs)
			p.Day = ask.days.dates[day]
			return p, err
		},
	})
}

// LineServices yields the addresses in server role on international lines that
// enough others used, ordered by line, day, server, side and port. Which those
// are is found first: states of peers are merged for them alone.
func (s *Store) LineServices(ctx context.Context, q rules.ServicesQuestion) iter.Seq2[rules.LineService, error] {
	if !q.Window.From.Before(q.Window.To) || len(q.Lines) == 0 {
		return none[rules.LineService]()
	}
	ask := askDays(q.Window, q.Location)
	ask.values = append(ask.values, clickhouse.Named("lines", stringsOf(q.Lines)),
		clickhouse.Named("peers", strconv.FormatUint(q.LeastPeers, 10)), clickhouse.Named("networks", strconv.FormatUint(q.LeastNetworks, 10)))
	return answers(ctx, s, question[rules.LineService]{
		"read line services", `SELECT line, day, server, server_bits, near, port, uniqCombined64Merge(14)(state) AS peers, sum(carried), sum(packets),
    groupArray(toString(client)), groupArray(client_bits), groupArray(origin), groupArray(carried), groupArray(packets)
FROM
(
    SELECT line, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, server, server_bits, near, port, client, client_bits,
        argMax(asn, (bytes, asn)) AS origin, sum(bytes) AS carried, sum(samples) AS packets, uniqCombined64MergeState(14)(peers) AS state
    FROM line_services
    WHERE {counted} AND line IN {lines:Array(String)} AND (line, server, server_bits, near) IN (
        SELECT line, server, server_bits, near FROM line_services WHERE {counted} AND line IN {lines:Array(String)}
        GROUP BY line, server, server_bits, near HAVING uniqExact(client, client_bits) >= {networks:UInt64})
    GROUP BY line, day, server, server_bits, near, port, client, client_bits
)
GROUP BY line, day, server, server_bits, near, port
HAVING peers >= {peers:UInt64}
ORDER BY line, day, server, server_bits, near, port`,
		ask.values, func(r driver.Rows) (v rules.LineService, err error) {
			var (
				day            uint32
				server         netRow
				clients        []string // the driver has no netip.Addr in arrays
				bits           []uint8
				origins        []uint32
				bytes, packets []uint64
			)
			if err := r.Scan(&v.Line, &day, &server.addr, &server.bits, &v.Near, &v.Port, &v.Peers, &v.Bytes, &v.Samples,
				&clients, &bits, &origins, &bytes, &packets); err != nil {
				return v, err
			}
			v.Day, v.Server = ask.days.dates[day], server.prefix()
			for i, text := range clients {
				addr, err := netip.ParseAddr(text)
				if err != nil {
					return v, fmt.Errorf("network of a client: %w", err)
				}
				v.Clients = append(v.Clients, rules.ServiceClient{
					Network: prefixOf(addr, bits[i]), ASN: origins[i], Bytes: bytes[i], Samples: packets[i],
				})
			}
			v.Clients = busiest(v.Clients)
			return v, nil
		},
	})
}

// busiest returns the most active clients, in the order of their networks.
func busiest(clients []rules.ServiceClient) []rules.ServiceClient {
	byNetwork := func(a, b rules.ServiceClient) int {
		return cmp.Or(a.Network.Addr().Compare(b.Network.Addr()), cmp.Compare(a.Network.Bits(), b.Network.Bits()))
	}
	if len(clients) > mostClients {
		slices.SortFunc(clients, func(a, b rules.ServiceClient) int {
			return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), byNetwork(a, b))
		})
		clients = clients[:mostClients]
	}
	slices.SortFunc(clients, byNetwork)
	return clients
}
