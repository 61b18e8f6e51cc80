package storage

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
)

// RouteCoverage implements rules.Routes. A session counts from its first sign,
// an event of its own or its first route, as tables that were read from files
// have no beginning; it does not while it is down or stale.
func (s *Store) RouteCoverage(ctx context.Context, w rules.Window) ([]rules.RouteCoverage, error) {
	events, err := s.PeerHistory(ctx, time.UnixMicro(0), w.To)
	if err != nil {
		return nil, err
	}
	signs, err := s.firstRoutes(ctx, w)
	if err != nil {
		return nil, err
	}
	// The first route comes before the events of its instant: the peer was up
	// before it went down.
	events = append(signs, events...)
	slices.SortStableFunc(events, func(a, b PeerEvent) int { return a.At.Compare(b.At) })
	sessions := make(map[bgp.PeerKey]time.Time) // up since
	found := make(map[netip.Addr]*routerTime)
	for i := range events {
		e := &events[i]
		r := found[e.Peer.Router]
		if r == nil {
			r = &routerTime{first: e.At}
			found[e.Peer.Router] = r
		}
		since, up := sessions[e.Peer]
		switch e.Kind {
		case bgp.PeerUp, bgp.EndOfRIB, bgp.Announce:
			if !up {
				sessions[e.Peer] = e.At
			}
		case bgp.PeerDown, bgp.PeerStale:
			if up {
				r.up.Add(within(rules.Window{From: since, To: e.At}, w))
			}
			delete(sessions, e.Peer)
		case bgp.Withdraw:
		}
	}
	for peer, since := range sessions {
		found[peer.Router].up.Add(within(rules.Window{From: since, To: w.To}, w))
	}
	out := make([]rules.RouteCoverage, 0, len(found))
	for router, r := range found {
		out = append(out, rules.RouteCoverage{Router: router, First: r.first, Up: r.up})
	}
	slices.SortFunc(out, func(a, b rules.RouteCoverage) int { return a.Router.Compare(b.Router) })
	return out, nil
}

type routerTime struct {
	first time.Time
	up    rules.Spans
}

// within returns the part of v that lies in w; it may be empty.
func within(v, w rules.Window) rules.Window {
	if v.From.Before(w.From) {
		v.From = w.From
	}
	if v.To.After(w.To) {
		v.To = w.To
	}
	return v
}

// firstRoutes returns the first route of each peer before the end of w.
func (s *Store) firstRoutes(ctx context.Context, w rules.Window) ([]PeerEvent, error) {
	var list []PeerEvent
	err := s.query(ctx, "read first routes", `SELECT router, peer, bitAnd(families, 15) AS sides, peer_distinguisher, toInt8(view), min(at)
FROM routes WHERE at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
GROUP BY router, peer, sides, peer_distinguisher, view`,
		func(r driver.Rows) error {
			var (
				e             = PeerEvent{Kind: bgp.Announce}
				router, peer  netip.Addr
				families      uint8
				distinguisher uint64
				view          int8
			)
			if err := r.Scan(&router, &peer, &families, &distinguisher, &view, &e.At); err != nil {
				return err
			}
			e.At, e.Peer = e.At.UTC(), peerKeyOf(router, peer, families, distinguisher, view)
			list = append(list, e)
			return nil
		}, clickhouse.Named("until", microsText(w.To)))
	return list, err
}
