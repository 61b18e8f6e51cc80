package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
)

// pathKey is what makes a path: the table of a peer, a prefix in it, and the
// families without which addresses are not told apart (not that of the next
// hop, which is an attribute).
const pathKey = "prefix, prefix_bits, router, peer, peer_distinguisher, view, distinguisher, path_id, bitAnd(families, 207)"

// routeQuestion selects paths.
type routeQuestion struct {
	prefix       netip.Prefix
	covering     bool      // prefixes that cover it, itself included
	moreSpecific bool      // prefixes inside it, itself included
	from, to     time.Time // held at some time in it, both included
	known        time.Time // by what was stored by then; zero = now
}

// routeHit is a stored announcement and the next event of its path.
type routeHit struct {
	row        routeRow
	from, next eventOrder
	nextKind   int8 // -1 for none
}

// eventOrder is the place of an event among others of its source.
type eventOrder struct {
	at     int64 // microseconds since 1970
	stored uint32
	number uint32
}

func (o eventOrder) compare(p eventOrder) int {
	return cmp.Or(cmp.Compare(o.at, p.at), cmp.Compare(o.stored, p.stored), cmp.Compare(o.number, p.number))
}

// condition selects the events of the paths in question, by the order of the
// table. Its text comes from here alone, the values are parameters.
func (q *routeQuestion) condition() (string, []any) {
	var places []string
	var values []any
	name := func(name, value string) { values = append(values, clickhouse.Named(name, value)) }
	if q.covering {
		names, lengths := coveringKeys(q.prefix)
		var keys []string
		for i := range names {
			keys = append(keys, fmt.Sprintf("(toIPv6({c%d:String}), {b%d:UInt8})", i, i))
			name("c"+strconv.Itoa(i), names[i].String())
			name("b"+strconv.Itoa(i), strconv.Itoa(int(lengths[i])))
		}
		places = append(places, "(prefix, prefix_bits) IN ("+strings.Join(keys, ", ")+")")
	}
	if q.moreSpecific {
		low, high := span(q.prefix)
		_, bits := netOf(q.prefix)
		places = append(places, "prefix BETWEEN toIPv6({low:String}) AND toIPv6({high:String}) AND prefix_bits >= {bits:UInt8}")
		name("low", low.String())
		name("high", high.String())
		name("bits", strconv.Itoa(int(bits)))
	}
	one, other := familyV6, familyMapped // IPv6 prefixes may lie among the mapped ones
	if q.prefix.Addr().Is4() {
		one, other = familyV4, familyV4
	}
	name("family", strconv.Itoa(int(one)))
	name("other", strconv.Itoa(int(other)))
	name("known", knownSecond(q.known))
	return "(" + strings.Join(places, " OR ") + ") AND bitShiftRight(families, 6) IN ({family:UInt8}, {other:UInt8})" +
		" AND stored <= toDateTime({known:Int64}, 'UTC')", values
}

// knownSecond writes the second up to which what was stored counts.
func knownSecond(known time.Time) string {
	const last = 1<<32 - 1
	if known.IsZero() {
		return strconv.Itoa(last)
	}
	return strconv.FormatInt(min(max(known.Unix(), 0), last), 10)
}

// coveringKeys returns the stored forms of all prefixes that cover p.
func coveringKeys(p netip.Prefix) (addrs []netip.Addr, bits []uint8) {
	for n := p.Bits(); n >= 0; n-- {
		addr, length := netOf(netip.PrefixFrom(p.Addr(), n).Masked())
		addrs, bits = append(addrs, netip.AddrFrom16(addr)), append(bits, length)
	}
	return addrs, bits
}

// statement is the query for the announcements in question with the next event
// of their paths. An announcement whose path had its next event before the time
// in question is left out; a loss of its session is for the caller to find.
func (q *routeQuestion) statement(reads, order string) (string, []any) {
	condition, values := q.condition()
	values = append(values,
		clickhouse.Named("from", strconv.FormatInt(microsOf(q.from), 10)),
		clickhouse.Named("to", strconv.FormatInt(microsOf(q.to), 10)))
	return "SELECT " + reads + ` FROM
(
    SELECT *,
        leadInFrame(toInt8(kind), 1, toInt8(-1)) OVER path AS next_kind,
        leadInFrame(at) OVER path AS next_at,
        leadInFrame(stored) OVER path AS next_stored,
        leadInFrame(number) OVER path AS next_number
    FROM routes
    WHERE ` + condition + `
    WINDOW path AS (PARTITION BY ` + pathKey + ` ORDER BY at, stored, number ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE kind = 'announce' AND at <= fromUnixTimestamp64Micro({to:Int64}, 'UTC')
    AND (next_kind < 0 OR next_at > fromUnixTimestamp64Micro({from:Int64}, 'UTC'))` + order, values
}

// RoutesAt returns every path to a prefix that covers the given one, itself
// included, as it was held at an instant, by what was stored by another one (to
// the second; zero = all that is stored). The longest prefix comes first, then
// the lower distinguisher, peer, view and path identifier. A path that ended at
// the instant itself is not among them, one that began at it is.
func (s *Store) RoutesAt(ctx context.Context, prefix netip.Prefix, at, known time.Time) ([]RouteInterval, error) {
	q, err := questionOf(prefix)
	if err != nil {
		return nil, err
	}
	q.covering, q.from, q.to, q.known = true, at, at, known
	var hits []routeHit
	if err := s.hits(ctx, &q, "", func(h *routeHit) error {
		hits = append(hits, *h)
		return nil
	}); err != nil || len(hits) == 0 {
		return nil, err
	}
	losses, err := s.losses(ctx, known, routersOf(hits))
	if err != nil {
		return nil, err
	}
	list := make([]RouteInterval, 0, len(hits))
	for i := range hits {
		interval, err := hits[i].interval(losses)
		if err != nil {
			return nil, err
		}
		if interval.overlaps(&q) {
			list = append(list, interval)
		}
	}
	slices.SortFunc(list, compareIntervals)
	return list, nil
}

// RoutesWithin yields the paths to the prefix, to those that cover it and to
// those inside it that were held at some time in w (its beginning included, its
// end not), by all that is stored. They come by prefix, shorter ones of one
// address first, then by router, peer, view, distinguisher and path identifier,
// and those of one path in their order. They are read as they are yielded.
func (s *Store) RoutesWithin(ctx context.Context, prefix netip.Prefix, w rules.Window) iter.Seq2[RouteInterval, error] {
	return func(yield func(RouteInterval, error) bool) {
		q, err := questionOf(prefix)
		if err != nil {
			yield(RouteInterval{}, err)
			return
		}
		q.covering, q.moreSpecific, q.from, q.to = true, true, w.From, w.To.Add(-time.Microsecond)
		if q.to.Before(q.from) {
			return
		}
		losses, err := s.losses(ctx, time.Time{}, nil)
		if err != nil {
			yield(RouteInterval{}, err)
			return
		}
		err = s.hits(ctx, &q, " ORDER BY "+pathKey+", at, stored, number", func(h *routeHit) error {
			interval, err := h.interval(losses)
			if err != nil {
				return err
			}
			if interval.overlaps(&q) && !yield(interval, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(RouteInterval{}, err)
		}
	}
}

// questionOf checks the prefix of a question.
func questionOf(prefix netip.Prefix) (routeQuestion, error) {
	if !prefix.IsValid() {
		return routeQuestion{}, errors.New("read routes: the prefix is none")
	}
	return routeQuestion{prefix: prefix.Masked()}, nil
}

// hits hands each announcement in question over; it is overwritten by the next.
func (s *Store) hits(ctx context.Context, q *routeQuestion, order string, use func(*routeHit) error) error {
	sql, values := q.statement(routeReads, order)
	return s.query(ctx, "read routes", sql, func(r driver.Rows) error {
		var h routeHit // its slices are kept
		if err := h.scan(r); err != nil {
			return err
		}
		return use(&h)
	}, values...)
}

// overlaps tells whether a path was held for some time in question.
func (i *RouteInterval) overlaps(q *routeQuestion) bool {
	return i.End == RouteHeld || i.To.UnixMicro() > microsOf(q.from) && i.To.After(i.From)
}

// interval ends the path at its next event or the loss of its session,
// whichever is earlier.
func (h *routeHit) interval(losses lossTimes) (RouteInterval, error) {
	i, err := h.row.interval()
	if err != nil {
		return i, err
	}
	i.From = time.UnixMicro(h.from.at).UTC()
	if h.nextKind >= 0 {
		i.To, i.End = time.UnixMicro(h.next.at).UTC(), endOf(RouteKind(h.nextKind))
	}
	if loss, ok := losses.after(i.Peer, h.from); ok && (h.nextKind < 0 || loss.compare(h.next) < 0) {
		i.To, i.End = time.UnixMicro(loss.at).UTC(), RouteEndSessionLost
	}
	return i, nil
}

func routersOf(hits []routeHit) []netip.Addr {
	var routers []netip.Addr
	for i := range hits {
		routers = append(routers, wide(hits[i].row.router))
	}
	slices.SortFunc(routers, netip.Addr.Compare)
	return slices.Compact(routers)
}

// compareIntervals orders the answers of RoutesAt.
func compareIntervals(a, b RouteInterval) int {
	return cmp.Or(
		cmp.Compare(b.Route.Prefix.Bits(), a.Route.Prefix.Bits()),
		cmp.Compare(a.Route.Distinguisher, b.Route.Distinguisher),
		comparePeers(a.Peer, b.Peer),
		cmp.Compare(a.Route.PathID, b.Route.PathID),
	)
}

func comparePeers(a, b bgp.PeerKey) int {
	return cmp.Or(
		a.Router.Compare(b.Router), a.Peer.Compare(b.Peer),
		cmp.Compare(a.Distinguisher, b.Distinguisher), cmp.Compare(a.View, b.View),
	)
}
