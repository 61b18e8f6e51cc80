package storage

import (
	"context"
	"fmt"
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

// allocationCounts are the counts of networks and origins of a day. Merging their
// states is most of the work of a day with many flows.
const allocationCounts = `uniqCombined64Merge(14)(served_networks), uniqCombined64Merge(12)(served_asns),
    uniqCombined64Merge(14)(filled_networks), uniqCombined64Merge(12)(filled_asns)`

// noCounts stand for those that nobody asked for.
const noCounts = "toUInt64(0) AS no_served, toUInt64(0) AS no_served_asns, toUInt64(0) AS no_filled, toUInt64(0) AS no_filled_asns"

// Allocations yields the totals of each allocation, ordered by prefix and local
// day. A local hour that a day has twice is one.
func (s *Store) Allocations(ctx context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return s.allocations(ctx, w, loc, allocationCounts, nil)
}

// AllocationTotals yields the same without the counts of networks and origins.
func (s *Store) AllocationTotals(ctx context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return s.allocations(ctx, w, loc, noCounts, nil)
}

// AllocationsWithin yields what Allocations does of some of them.
func (s *Store) AllocationsWithin(
	ctx context.Context, w rules.Window, loc *time.Location, within []rules.AllocationID,
) iter.Seq2[rules.AllocationDay, error] {
	if len(within) == 0 {
		return none[rules.AllocationDay]()
	}
	return s.allocations(ctx, w, loc, allocationCounts, within)
}

// allocations asks about some allocations, or about all where none is named.
func (s *Store) allocations(
	ctx context.Context, w rules.Window, loc *time.Location, counts string, within []rules.AllocationID,
) iter.Seq2[rules.AllocationDay, error] {
	if !w.From.Before(w.To) {
		return none[rules.AllocationDay]()
	}
	ask, some := askDays(w, loc), ""
	if len(within) > 0 {
		some = "(allocation, allocation_bits) IN {within:Array(Tuple(IPv6, UInt8))} AND "
		ask.values = append(ask.values, clickhouse.Named("within", allocationsOf(within)))
	}
	return answers(ctx, s, question[rules.AllocationDay]{
		"read allocations", `SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day,
    sum(out), sum(in), sum(samples), sum(unscaled), sum(web_out), ` + counts + `,
    arrayMap(e -> toString(e), arraySort(groupUniqArrayArray(exporters))), groupArray(toUnixTimestamp(bin)), groupArray(out), groupArray(in)
FROM allocation_hours
WHERE {counted} AND ` + some + ofSide + `
GROUP BY allocation, allocation_bits, day ORDER BY allocation, allocation_bits, day`,
		ask.values, func(r driver.Rows) (rules.AllocationDay, error) { return scanAllocation(r, loc, &ask.days) },
	})
}

func scanAllocation(r driver.Rows, loc *time.Location, days *localDays) (a rules.AllocationDay, err error) {
	var (
		net     netRow
		day     uint32
		texts   []string // the driver has no netip.Addr in arrays
		bins    []uint32
		out, in []uint64
	)
	if err := r.Scan(&net.addr, &net.bits, &day, &a.Out, &a.In, &a.Samples, &a.Unscaled, &a.WebOut,
		&a.ServedNetworks, &a.ServedASNs, &a.FilledNetworks, &a.FilledASNs, &texts, &bins, &out, &in); err != nil {
		return a, err
	}
	a.Allocation, a.Day = net.prefix(), days.dates[day]
	for _, text := range texts {
		exporter, err := netip.ParseAddr(text)
		if err != nil {
			return a, fmt.Errorf("exporter: %w", err)
		}
		a.Exporters = append(a.Exporters, exporter.Unmap())
	}
	for i, bin := range bins {
		h := time.Unix(int64(bin), 0).In(loc).Hour()
		a.OutByHour[h] += out[i]
		a.InByHour[h] += in[i]
	}
	return a, nil
}

// noState is a state of kindSome that has counted nothing.
const noState = "arrayReduce('uniqCombined64State(12)', emptyArrayUInt64())"

// AllocationHosts yields what single addresses of the allocations did, ordered
// by allocation, local day, address and port.
func (s *Store) AllocationHosts(ctx context.Context, ask rules.AddressQuestion) iter.Seq2[rules.AllocationHost, error] {
	loc := ask.Location
	return ofAllocations(ctx, s, ask, question[rules.AllocationHost]{
		what: "read addresses", sql: `SELECT allocation, allocation_bits, day, address, port, sum(sent), sum(received), sum(packets),
    uniqCombined64Merge(12)(peer_state), uniqCombined64Merge(12)(network_state), uniqCombined64Merge(12)(asn_state),
    uniqCombined64Merge(12)(session_state), max(most), groupUniqArrayArray(bins)
FROM
(
    SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, address, port,
        out AS sent, in AS received, samples AS packets, peers AS peer_state, networks AS network_state, asns AS asn_state, sessions AS session_state,
        toUInt64(0) AS most, [toUnixTimestamp(bin)] AS bins
    FROM allocation_hosts WHERE ` + ofAsked(ask) + `
    UNION ALL
    SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, address, 0 AS port,
        0, 0, 0, ` + noState + `, ` + noState + `, ` + noState + `, ` + noState + `, peak, emptyArrayUInt32()
    FROM allocation_sessions WHERE ` + ofAsked(ask) + `
)
GROUP BY allocation, allocation_bits, day, address, port
ORDER BY allocation, allocation_bits, day, address, port`,
	}, func(r driver.Rows, n *netRow, day *uint32) (h rules.AllocationHost, err error) {
		var bins []uint32
		if err := r.Scan(&n.addr, &n.bits, day, &h.Address, &h.Port, &h.Out, &h.In, &h.Samples,
			&h.Peers, &h.Networks, &h.ASNs, &h.Sessions, &h.PeakSessions, &bins); err != nil {
			return h, err
		}
		h.Address = h.Address.Unmap()
		for _, bin := range bins {
			h.Hours |= 1 << time.Unix(int64(bin), 0).In(loc).Hour()
		}
		return h, nil
	}, func(h *rules.AllocationHost, p netip.Prefix, d registry.Date) { h.Allocation, h.Day = p, d })
}

// AllocationSources yields from which remote networks the allocations took, as
// clients, ordered by allocation, local day and network. The origin is that of
// the most bytes.
func (s *Store) AllocationSources(
	ctx context.Context, w rules.Window, loc *time.Location, within []rules.AllocationID,
) iter.Seq2[rules.AllocationSource, error] {
	var ( // of the row that is read; one for all rows
		a       rules.AllocationSource
		network netRow
	)
	about := rules.AddressQuestion{Window: w, Location: loc, Within: within}
	return ofAllocations(ctx, s, about, question[rules.AllocationSource]{
		what: "read sources", sql: `SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, network, network_bits,
    argMax(asn, (in + out, asn)), sum(in), sum(out), sum(web_in), sum(samples)
FROM allocation_sources
WHERE ` + ofAsked(about) + `
GROUP BY allocation, allocation_bits, day, network, network_bits
ORDER BY allocation, allocation_bits, day, network, network_bits`,
	}, func(r driver.Rows, n *netRow, day *uint32) (rules.AllocationSource, error) {
		err := r.Scan(&n.addr, &n.bits, day, &network.addr, &network.bits, &a.ASN, &a.In, &a.Out, &a.WebIn, &a.Samples)
		a.Network = network.prefix()
		return a, err
	}, func(a *rules.AllocationSource, p netip.Prefix, d registry.Date) { a.Allocation, a.Day = p, d })
}

// AllocationContacts yields what addresses exchanged with remote networks by
// tunnels and DNS, and by anything else in the UTC hours in which they had
// tunnels, ordered by allocation, local day, address, kind and network.
func (s *Store) AllocationContacts(ctx context.Context, q rules.ContactQuestion) iter.Seq2[rules.AllocationContact, error] {
	wanted := ofContacts(&q)
	var ( // of the row that is read; one for all rows
		c       rules.AllocationContact
		network netRow
		kind    uint8
	)
	return ofAllocations(ctx, s, q.AddressQuestion, question[rules.AllocationContact]{
		what: "read contacts", sql: `SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, address, toUInt8(kind) AS contact,
    network, network_bits, sum(out), sum(in), sum(samples)
FROM allocation_contacts
WHERE ` + wanted + `
GROUP BY allocation, allocation_bits, day, address, contact, network, network_bits
ORDER BY allocation, allocation_bits, day, address, contact, network, network_bits`,
	}, func(r driver.Rows, n *netRow, day *uint32) (rules.AllocationContact, error) {
		err := r.Scan(&n.addr, &n.bits, day, &c.Address, &kind, &network.addr, &network.bits, &c.Out, &c.In, &c.Samples)
		c.Address, c.Kind, c.Network = c.Address.Unmap(), rules.ContactKind(kind), network.prefix()
		return c, err
	}, func(c *rules.AllocationContact, p netip.Prefix, d registry.Date) { c.Allocation, c.Day = p, d })
}

// AllocationEntries yields where the bytes sourced from each allocation entered
// the carrier, ordered by allocation, local day, exporter and interface.
// Subscriber pools are not told.
func (s *Store) AllocationEntries(ctx context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.AllocationEntry, error] {
	if !w.From.Before(w.To) {
		return none[rules.AllocationEntry]()
	}
	ask := askDays(w, loc)
	return answers(ctx, s, question[rules.AllocationEntry]{
		"read entries", `SELECT allocation, allocation_bits, roundDown(toUnixTimestamp(bin), {days:Array(UInt32)}) AS day, exporter, in_if,
    argMax(line, (bytes, line)), sum(bytes), sum(samples)
FROM allocation_entries
WHERE {counted}
GROUP BY allocation, allocation_bits, day, exporter, in_if
ORDER BY allocation, allocation_bits, day, exporter, in_if`,
		ask.values, func(r driver.Rows) (e rules.AllocationEntry, err error) {
			var (
				n   netRow
				day uint32
			)
			err = r.Scan(&n.addr, &n.bits, &day, &e.Exporter, &e.InIf, &e.Line, &e.Bytes, &e.Samples)
			e.Allocation, e.Day, e.Exporter = n.prefix(), ask.days.dates[day], e.Exporter.Unmap()
			return e, err
		},
	})
}

// ofAsked selects the rows of the allocations and addresses that are asked about.
func ofAsked(about rules.AddressQuestion) string {
	asked := "{counted} AND (allocation, allocation_bits) IN {within:Array(Tuple(IPv6, UInt8))} AND " + ofSide
	if len(about.Addresses) == 0 {
		return asked
	}
	return asked + " AND address IN {addresses:Array(IPv6)}"
}

// addressesOf writes addresses as an array.
func addressesOf(list []netip.Addr) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = "'" + netip.AddrFrom16(a.As16()).String() + "'"
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// ofKinds selects contacts of some kinds, or all where none is named.
func ofKinds(list []rules.ContactKind) string {
	if len(list) == 0 {
		return ""
	}
	numbers := make([]uint32, len(list))
	for i, k := range list {
		numbers[i] = uint32(k)
	}
	return " AND toUInt32(kind) IN " + arrayOf(numbers)
}

// ofContacts selects the contacts that are asked for. Which addresses have enough
// of them is found in the engine: rows of all others never leave it.
func ofContacts(q *rules.ContactQuestion) string {
	const day = "roundDown(toUnixTimestamp(bin), {days:Array(UInt32)})"
	of := ofAsked(q.AddressQuestion) + ofKinds(q.Kinds)
	all := of
	if q.LeastBytes > 0 {
		all += ` AND (allocation, allocation_bits, address) IN (
    SELECT allocation, allocation_bits, address FROM allocation_contacts WHERE ` + of + `
    GROUP BY allocation, allocation_bits, address, ` + day + ` HAVING sum(out) + sum(in) >= ` + strconv.FormatUint(q.LeastBytes, 10) + `)`
	}
	if q.LeastNetworks > 0 {
		all += ` AND (allocation, allocation_bits, address) IN (
    SELECT allocation, allocation_bits, address
    FROM (SELECT allocation, allocation_bits, address, ` + day + ` AS day FROM allocation_contacts WHERE ` + of + `
        GROUP BY allocation, allocation_bits, address, day, network, network_bits HAVING sum(out) > 0 AND (sum(in) > 0 OR sumIf(out, kind = 'answer') > 0))
    GROUP BY allocation, allocation_bits, address, day HAVING count() >= ` + strconv.FormatUint(q.LeastNetworks, 10) + `)`
	}
	return all
}

// ofAllocations asks a question about some allocations. scan reads a row with
// its allocation and the second its day begins, and set enters them.
func ofAllocations[T any](
	ctx context.Context, s *Store, about rules.AddressQuestion, q question[T],
	scan func(driver.Rows, *netRow, *uint32) (T, error), set func(*T, netip.Prefix, registry.Date),
) iter.Seq2[T, error] {
	if !about.Window.From.Before(about.Window.To) || len(about.Within) == 0 {
		return none[T]()
	}
	ask := askDays(about.Window, about.Location)
	q.values = append(ask.values, clickhouse.Named("within", allocationsOf(about.Within)))
	if len(about.Addresses) > 0 {
		q.values = append(q.values, clickhouse.Named("addresses", addressesOf(about.Addresses)))
	}
	var ( // of the row that is read; one for all rows
		n   netRow
		day uint32
	)
	q.scan = func(r driver.Rows) (T, error) {
		answer, err := scan(r, &n, &day)
		set(&answer, n.prefix(), ask.days.dates[day])
		return answer, err
	}
	return answers(ctx, s, q)
}
