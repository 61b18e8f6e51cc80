package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/bmp"
	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/bgp/speaker"
	"github.com/linewarden/linewarden/collector/enrich"
	"github.com/linewarden/linewarden/storage"
)

// routing is the routes of a daemon: the sessions and monitored routers they
// come by, the table they are kept in, and their history.
type routing struct {
	table   *rib.RIB
	history *history
	rpki    *rpki
	speaker *speaker.Speaker
	station *bmp.Station
	log     *slog.Logger
}

var _ enrich.RouteLookup = (*rib.RIB)(nil)

// newRouting returns routing that knows no route and listens nowhere.
func newRouting(cfg *Config, s *storage.Store, log *slog.Logger) (*routing, error) {
	file, err := readVRPs(cfg.BGP.RPKI.File)
	if err != nil {
		return nil, err
	}
	r := &routing{log: log, history: &history{log: log}}
	if r.table, err = rib.New(rib.DefaultConfig(), r.history); err != nil {
		return nil, fmt.Errorf("make the table of routes: %w", err)
	}
	if r.rpki, err = newRPKI(cfg, r.table, file, log); err != nil {
		return nil, err
	}
	sessions, err := speakerConfig(cfg)
	if err != nil {
		return nil, err
	}
	r.speaker, err = speaker.New(sessions, speaker.Deps{Sink: r, Logger: log, Routes: r.routesOf})
	if err != nil {
		return nil, fmt.Errorf("configuration of bgp: %w", err)
	}
	c := bmp.DefaultConfig()
	c.Listen = listOf(cfg.BGP.BMP.Listen)
	if r.station, err = bmp.New(c, bmp.Deps{Sink: r, Logger: log}); err != nil {
		return nil, fmt.Errorf("configuration of bgp.bmp: %w", err)
	}
	// Last, as what is open must be closed; nothing happens before start.
	return r, r.history.open(s, storage.Block)
}

// validate takes another file of payloads for origin validation; nil is none.
func (r *routing) validate(file []rib.VRP) { r.rpki.setFile(file) }

// setNeighbors has the neighbours of another configuration in place of those
// before, all or none.
func (r *routing) setNeighbors(ctx context.Context, cfg *Config) error {
	c, err := speakerConfig(cfg)
	if err != nil {
		return err
	}
	if err := r.speaker.SetNeighbors(ctx, c.Neighbors); err != nil {
		return fmt.Errorf("bgp.neighbors: %w", err)
	}
	return nil
}

// speakerConfig says who may connect.
func speakerConfig(cfg *Config) (speaker.Config, error) {
	c := speaker.DefaultConfig()
	c.Listen, c.ASN, c.RouterID = listOf(cfg.BGP.Listen), cfg.Carrier.ASNs[0], cfg.BGP.RouterID
	for i, n := range cfg.BGP.Neighbors {
		of := speaker.Neighbor{Address: n.Address, ASN: n.ASN, LimitIPv4: n.LimitIPv4, LimitIPv6: n.LimitIPv6}
		if n.PasswordFile != "" {
			var err error
			if of.Password, err = passwordOf(fmt.Sprintf("bgp.neighbors[%d].password_file", i), n.PasswordFile); err != nil {
				return c, err
			}
		}
		c.Neighbors = append(c.Neighbors, of)
	}
	return c, nil
}

// listOf is a list of one address, or of none.
func listOf(address string) []string {
	if address == "" {
		return nil
	}
	return []string{address}
}

// Events implements speaker.Sink and bmp.Sink.
func (r *routing) Events(_ context.Context, events []bgp.Event) error {
	for i := range events {
		err := r.table.Apply(&events[i])
		if errors.Is(err, rib.ErrPeerRoutes) || errors.Is(err, rib.ErrRoutes) {
			return err
		}
		if err != nil {
			r.log.Warn("an event of a peer is refused", "peer", events[i].Peer.Peer, "error", err)
		}
	}
	return nil
}

// routesOf returns how many paths the table holds of a peer and family.
func (r *routing) routesOf(peer bgp.PeerKey, family bgp.Family) int {
	for _, p := range r.table.Peers() {
		if p.Key != peer {
			continue
		}
		switch family {
		case bgp.FamilyIPv4:
			return int(p.Routes[0])
		case bgp.FamilyIPv6:
			return int(p.Routes[1])
		case bgp.FamilyNone, bgp.FamilyVPNv4, bgp.FamilyVPNv6:
		}
	}
	return 0
}

// start lets routers connect.
func (r *routing) start(ctx context.Context) error {
	r.rpki.start(ctx)
	if err := r.speaker.Start(ctx); err != nil {
		return fmt.Errorf("open the BGP sockets: %w", err)
	}
	for _, addr := range r.speaker.Addrs() {
		r.log.Info("listening for BGP", "address", addr.String(), "neighbors", len(r.speaker.Peers()))
	}
	if err := r.station.Start(ctx); err != nil {
		return fmt.Errorf("open the BMP sockets: %w", err)
	}
	for _, addr := range r.station.Addrs() {
		r.log.Info("listening for BMP", "address", addr.String())
	}
	return nil
}

// stop ends the sessions, and then the history, which has their ends in it.
func (r *routing) stop(ctx context.Context) error {
	err := errors.Join(r.rpki.stop(ctx), r.speaker.Stop(ctx), r.station.Stop(ctx))
	r.table.Sweep()
	if cerr := r.history.writer.Close(ctx); cerr != nil {
		err = errors.Join(err, fmt.Errorf("write the last routes: %w", cerr))
	}
	return err
}
