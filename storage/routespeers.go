package storage

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/bgp"
)

// lossTimes are the losses of all paths of a peer, in order.
type lossTimes map[bgp.PeerKey][]eventOrder

// after returns the first loss of the peer's paths after an event.
func (l lossTimes) after(k bgp.PeerKey, e eventOrder) (eventOrder, bool) {
	list := l[k]
	i, same := slices.BinarySearchFunc(list, e, eventOrder.compare)
	if same {
		i++
	}
	if i == len(list) {
		return eventOrder{}, false
	}
	return list[i], true
}

// losses returns when peers lost their paths. A session that comes up when the
// one before it neither ended nor was kept (RFC 4724) has lost them as well.
func (s *Store) losses(ctx context.Context, known time.Time) (lossTimes, error) {
	losses, before := make(lossTimes), make(map[bgp.PeerKey]bgp.EventKind)
	err := s.query(ctx, "read lost sessions", `SELECT router, peer, families, peer_distinguisher, toInt8(view), toInt8(kind), at, stored, number
FROM route_peers
WHERE kind != 'end_of_rib' AND stored <= toDateTime({known:Int64}, 'UTC')
ORDER BY router, peer, peer_distinguisher, view, at, stored, number`,
		func(r driver.Rows) error {
			var (
				router, peer  netip.Addr
				families      uint8
				distinguisher uint64
				view, kind    int8
				at, stored    time.Time
				o             eventOrder
			)
			if err := r.Scan(&router, &peer, &families, &distinguisher, &view, &kind, &at, &stored, &o.number); err != nil {
				return err
			}
			o.at, o.stored = at.UnixMicro(), uint32(stored.Unix())
			key, now := peerKeyOf(router, peer, families, distinguisher, view), bgp.EventKind(kind)
			if now == bgp.PeerDown || now == bgp.PeerUp && before[key] != bgp.PeerStale {
				losses[key] = append(losses[key], o)
			}
			before[key] = now
			return nil
		}, clickhouse.Named("known", knownSecond(known)))
	return losses, err
}

// lossesMeanwhile begins to read the losses, and returns who waits for them. When
// nobody does any more, done must be called.
func (s *Store) lossesMeanwhile(ctx context.Context, known time.Time) (wait func() (lossTimes, error), done func()) {
	var (
		losses lossTimes
		err    error
		group  sync.WaitGroup
	)
	group.Go(func() { losses, err = s.losses(ctx, known) })
	return func() (lossTimes, error) {
		group.Wait()
		return losses, err
	}, group.Wait
}

// PeerHistory returns what happened to peers from an instant (included) to
// another (not included), in order.
func (s *Store) PeerHistory(ctx context.Context, from, to time.Time) ([]PeerEvent, error) {
	var list []PeerEvent
	err := s.query(ctx, "read the history of peers", `SELECT at, toInt8(kind), toInt8(family), router, peer, families, peer_distinguisher, toInt8(view), peer_as
FROM route_peers
WHERE at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')
ORDER BY at, stored, number`,
		func(r driver.Rows) error {
			var (
				e             PeerEvent
				router, peer  netip.Addr
				kind, fam     int8
				families      uint8
				distinguisher uint64
				view          int8
			)
			if err := r.Scan(&e.At, &kind, &fam, &router, &peer, &families, &distinguisher, &view, &e.PeerAS); err != nil {
				return err
			}
			e.At, e.Kind, e.Family = e.At.UTC(), bgp.EventKind(kind), bgp.Family(fam)
			e.Peer = peerKeyOf(router, peer, families, distinguisher, view)
			list = append(list, e)
			return nil
		},
		clickhouse.Named("from", strconv.FormatInt(microsOf(from), 10)), clickhouse.Named("to", strconv.FormatInt(microsOf(to), 10)))
	return list, err
}
