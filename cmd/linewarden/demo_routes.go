package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/linewarden/linewarden/internal/simulator"
)

// feedRoutes lets the routers of the carrier report their routes, and waits until
// the table has all of them. The flows that come later are told their origins by
// it. Whoever called it closes the feed.
func (g *globals) feedRoutes(ctx context.Context, d *daemon, carrier *simulator.Carrier) (*simulator.RouteFeed, error) {
	bmp, bgp := d.routing.station.Addrs(), d.routing.speaker.Addrs()
	if len(bmp) == 0 || len(bgp) == 0 {
		return nil, errors.New("the daemon listens for no routes")
	}
	feed, err := carrier.FeedRoutes(ctx, simulator.RouteTargets{BMP: bmp[0], BGP: bgp[0]})
	if err != nil {
		return nil, err
	}
	sent := feed.Sent()
	if err := waitForRoutes(ctx, d.routing, sent); err != nil {
		return nil, errors.Join(err, feed.Close())
	}
	if err := d.routing.history.writer.Flush(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store the routes: %w", err), feed.Close())
	}
	fmt.Fprintf(g.err, "路由已就绪 routes: %d BMP messages of %d sessions on %d routers, %d routes by BGP\n", sent.Messages, sent.Peers, sent.Routers, sent.Table)
	return feed, nil
}

// waitForRoutes waits until every message of the monitored routers is applied and
// the whole table of the reflector is there.
func waitForRoutes(ctx context.Context, r *routing, sent simulator.RoutesSent) error {
	reflector, _ := simulator.Reflector()
	var refused uint64
	err := waitUntil(ctx, func() (bool, string) {
		var applied uint64
		refused = 0
		for _, router := range r.station.Routers() {
			for _, n := range router.Count.Applied {
				applied += n
			}
			for _, n := range router.Count.Refused {
				refused += n
			}
		}
		held := heldOf(r, reflector)
		return applied+refused >= sent.Messages && held >= sent.Table,
			fmt.Sprintf("%d of %d BMP messages applied, %d refused, %d of %d routes held by BGP", applied, sent.Messages, refused, held, sent.Table)
	})
	if err == nil && refused > 0 {
		err = fmt.Errorf("the daemon refused %d BMP messages", refused)
	}
	return err
}

// heldOf is how many routes the table has by the session of a router.
func heldOf(r *routing, router netip.Addr) int {
	n := 0
	for _, p := range r.table.Peers() {
		if p.Key.Router == router {
			n += int(p.Routes[0] + p.Routes[1])
		}
	}
	return n
}
