package main

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"github.com/linewarden/linewarden/console"
)

// consoleDaemon tells the console how a daemon is. It implements console.Daemon.
type consoleDaemon struct {
	d     *daemon
	began time.Time
}

var _ console.Daemon = consoleDaemon{}

// instantOrNil is a time as records have it that may be without one.
func instantOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// System implements console.Daemon. What the store does not tell is left out:
// the page is looked at when the store is away.
func (c consoleDaemon) System(ctx context.Context) console.System {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	d := c.d
	spool := d.spool.Stats()
	s := console.System{
		Version: version(), Go: runtime.Version(), Started: c.began, Engine: "server",
		SpoolBytes: spool.Bytes, SpoolEntries: spool.Entries, SpoolState: spool.State.String(), SpoolOldest: instantOrNil(spool.Oldest),
	}
	if d.store.engine != nil {
		s.Engine, s.EngineRestarts = "embedded", uint64(d.store.engine.Restarts())
	}
	var err error
	if s.Schema, s.NewestSchema, err = d.store.SchemaVersion(ctx); err != nil {
		d.log.Warn("the schema is not known", "error", err)
	}
	stats, err := d.store.Stats(ctx)
	if err != nil {
		d.log.Warn("the sizes of tables are not known", "error", err)
	}
	for _, t := range stats.Tables {
		s.Tables = append(s.Tables, console.TableSize{Name: t.Name, Rows: t.Rows, Bytes: t.Bytes})
	}
	return s
}

// Peers implements console.Daemon.
func (c consoleDaemon) Peers() []console.Peer {
	routes := make(map[string]int64)
	for _, p := range c.d.routing.table.Peers() {
		routes[cmp.Or(addressText(p.Key.Router), addressText(p.Key.Peer))] += p.Routes[0] + p.Routes[1]
	}
	var list []console.Peer
	for _, p := range c.d.routing.speaker.Peers() {
		address := p.Neighbor.Address.String()
		list = append(list, console.Peer{
			Kind: "bgp", Address: address, Name: p.RouterID, ASN: p.Neighbor.ASN, State: p.State.String(), Since: instantOrNil(p.Since), Detail: p.LastEnd,
			Routes: routes[address],
		})
	}
	for _, r := range c.d.routing.station.Routers() {
		one := console.Peer{Kind: "bmp", Address: r.Addr.String(), Name: r.Info.Name, State: "down", Since: instantOrNil(r.Since), Routes: routes[r.Addr.String()]}
		if r.Connected {
			one.State = "established"
		}
		if r.LastEnd != nil {
			one.Detail = r.LastEnd.Error()
		}
		list = append(list, one)
	}
	return list
}
