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

// routeQuestion selects paths.
type routeQuestion struct {
	prefix       netip.Prefix
	covering     bool      // prefixes that cover it, itself included
	moreSpecific bool      // prefixes inside it, itself included
	from, to     time.Time // held at some time in it, both included
	known        time.Time // by what was stored by then; zero = now
	origins      bool      // read no more attributes than the origins
}

// condition selects the events of the paths in question, by the order of the
// table. Its text comes from here alone, the values are parameters.
func (q *routeQuestion) condition() (string, []any) {
	var places []string
	var values []any
	name := func(name, value string) { values = append(values, clickhouse.Named(name, value)) }
	if q.covering {
		places = append(places, "(prefix, prefix_bits) IN {covering:Array(Tuple(IPv6, UInt8))}")
		name("covering", coveringKeys(q.prefix))
	}
	if q.moreSpecific {
		low, high := span(q.prefix)
		_, bits := netOf(q.prefix)
		places = append(places, "prefix BETWEEN toIPv6({low:String}) AND toIPv6({high:String}) AND prefix_bits >= {bits:UInt8}")
		name("low", low.String())
		name("high", high.String())
		name("bits", strconv.Itoa(int(bits)))
	}
	text := "(" + strings.Join(places, " OR ") + ")"
	if !q.known.IsZero() {
		text += " AND stored <= toDateTime({known:Int64}, 'UTC')"
		name("known", knownSecond(q.known))
	}
	return text, values
}

// asks tells whether a prefix is of the family in question: IPv6 prefixes may lie
// among the mapped ones, where IPv4 is stored. A condition would cost more.
func (q *routeQuestion) asks(families uint8) bool {
	return (family(families>>6) == familyV4) == q.prefix.Addr().Is4()
}

// coveringKeys writes the stored forms of all prefixes that cover p.
func coveringKeys(p netip.Prefix) string {
	var b strings.Builder
	for n := p.Bits(); n >= 0; n-- {
		addr, bits := netOf(netip.PrefixFrom(p.Addr(), n).Masked())
		fmt.Fprintf(&b, ",('%v',%d)", netip.AddrFrom16(addr), bits)
	}
	return "[" + strings.TrimPrefix(b.String(), ",") + "]"
}

// knownSecond writes the second up to which what was stored counts.
func knownSecond(known time.Time) string {
	const last = 1<<32 - 1
	if known.IsZero() {
		return strconv.Itoa(last)
	}
	return strconv.FormatInt(min(max(known.Unix(), 0), last), 10)
}

// intervals hands over each path in question, those of one path in their order.
// Events are read in the order of the table and each announcement is kept until
// the next event of its path, so that no more than one key is in memory. The
// losses of sessions are read meanwhile.
func (s *Store) intervals(ctx context.Context, q *routeQuestion, use func(*RouteInterval) error) error {
	ctx, cancel := context.WithCancel(ctx)
	losses, done := s.lossesMeanwhile(ctx, q.known)
	defer cancel()
	defer done()
	condition, values := q.condition()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_bytes_before_external_sort": sortMemory}))
	p := pairing{question: q, losses: losses, use: use, open: make(map[uint8]*routeRow)}
	err := s.query(ctx, "read routes", "SELECT "+routeReads(q.origins)+" FROM routes WHERE "+condition+" ORDER BY "+routeOrder,
		func(r driver.Rows) error {
			t := new(routeRow) // its slices are kept
			if err := r.Scan(t.targets(q.origins)...); err != nil {
				return err
			}
			if !q.asks(t.families) {
				return nil
			}
			t.order.at, t.order.stored = t.at.UnixMicro(), uint32(t.stored.Unix())
			return p.take(t)
		}, values...)
	if err != nil {
		cancel() // nobody waits for the losses now
		return err
	}
	return p.flush()
}

// pairing joins announcements with what came after them.
type pairing struct {
	question *routeQuestion
	losses   func() (lossTimes, error)
	use      func(*RouteInterval) error
	last     routeKey
	open     map[uint8]*routeRow // announcements of the last key, by the families that tell paths apart
}

// pathFamilies are the bits of families that tell paths apart: not those of the
// next hop, which is an attribute.
const pathFamilies = 0b11001111

func (p *pairing) take(t *routeRow) error {
	if t.routeKey != p.last {
		if err := p.flush(); err != nil {
			return err
		}
		p.last = t.routeKey
	}
	families := t.families & pathFamilies
	if before := p.open[families]; before != nil {
		delete(p.open, families)
		if err := p.settle(before, t); err != nil {
			return err
		}
	}
	if RouteKind(t.kind) == RouteAnnounced {
		p.open[families] = t
	}
	return nil
}

// flush settles the announcements after which nothing came.
func (p *pairing) flush() error {
	for families, t := range p.open {
		delete(p.open, families)
		if err := p.settle(t, nil); err != nil {
			return err
		}
	}
	return nil
}

// settle hands a path over if it was held for some time in question: from its
// announcement to its next event, if there is one, or the loss of its session,
// whichever is earlier.
func (p *pairing) settle(t, next *routeRow) error {
	from, to := microsOf(p.question.from), microsOf(p.question.to)
	if t.order.at > to || next != nil && (next.order.at <= from || next.order.at == t.order.at) {
		return nil
	}
	i := RouteInterval{Peer: t.key(), From: time.UnixMicro(t.order.at).UTC()}
	if next != nil {
		i.To, i.End = time.UnixMicro(next.order.at).UTC(), endOf(RouteKind(next.kind))
	}
	losses, err := p.losses()
	if err != nil {
		return err
	}
	if loss, ok := losses.after(i.Peer, t.order); ok && (next == nil || loss.compare(next.order) < 0) {
		if loss.at <= from || loss.at == t.order.at {
			return nil
		}
		i.To, i.End = time.UnixMicro(loss.at).UTC(), RouteEndSessionLost
	}
	if err := t.describe(&i); err != nil {
		return err
	}
	return p.use(&i)
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
	var list []RouteInterval
	err = s.intervals(ctx, &q, func(i *RouteInterval) error {
		list = append(list, *i)
		return nil
	})
	if err != nil {
		return nil, err
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
		err = s.intervals(ctx, &q, func(i *RouteInterval) error {
			if !yield(*i, nil) {
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
