package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/storage"
)

// history hands every change of the routes to the store, with what origin
// validation says of it at that moment. Losses are counted by the writer.
type history struct {
	writer *storage.RouteWriter
	log    *slog.Logger
}

var _ rib.Sink = (*history)(nil)

// open opens the writer. It comes before the first change.
func (h *history) open(s *storage.Store, policy storage.Policy) error {
	var err error
	if h.writer, err = s.NewRouteWriter(storage.RouteWriterConfig{Policy: policy}); err != nil {
		return fmt.Errorf("open a writer of routes: %w", err)
	}
	return nil
}

// Change implements rib.Sink.
func (h *history) Change(c *rib.Change) {
	e := storage.RouteEvent{
		Kind: storage.RouteKind(c.Reason), Peer: c.Peer, PeerAS: c.PeerAS, At: c.Time,
		Route: bgp.Route{Prefix: c.Prefix, Distinguisher: c.Distinguisher, PathID: c.PathID},
	}
	if c.New != nil {
		e.Route = c.New.Route(c.Prefix, c.Distinguisher, c.PathID)
		e.Validity = storage.RouteValidity(c.Validity)
	}
	if c.Reason == rib.Revalidated {
		// The same path from then on, with another validity.
		e.Kind = storage.RouteAnnounced
	}
	if err := h.writer.Append([]storage.RouteEvent{e}); err != nil {
		h.log.Debug("a change of a route is not kept", "error", err)
	}
}

// PeerChange implements rib.Sink.
func (h *history) PeerChange(c *rib.PeerChange) {
	e := storage.PeerEvent{Kind: c.Kind, Family: c.Family, PeerAS: c.PeerAS, Peer: c.Peer, At: c.Time}
	if err := h.writer.AppendPeers([]storage.PeerEvent{e}); err != nil {
		h.log.Warn("a change of a peer is not kept", "peer", c.Peer.Peer, "error", err)
	}
}

// closeOld ends the sessions that an earlier process left open, because it was
// killed: since then nobody knows what their peers announce.
func (h *history) closeOld(ctx context.Context, s *storage.Store, now time.Time) error {
	events, err := s.PeerHistory(ctx, time.Unix(0, 0), now)
	if err != nil {
		return fmt.Errorf("read the history of peers: %w", err)
	}
	last := make(map[bgp.PeerKey]storage.PeerEvent)
	for _, e := range events {
		last[e.Peer] = e
	}
	var down []storage.PeerEvent
	for _, e := range last {
		if e.Kind != bgp.PeerDown {
			e.Kind, e.Family, e.At = bgp.PeerDown, bgp.FamilyNone, now
			down = append(down, e)
		}
	}
	if len(down) == 0 {
		return nil
	}
	h.log.Info("sessions of an earlier run end now in the history of routes", "sessions", len(down))
	if err := h.writer.AppendPeers(down); err != nil {
		return fmt.Errorf("end the sessions of an earlier run: %w", err)
	}
	return nil
}

// readVRPs reads a file of validated ROA payloads; no name gives nil.
func readVRPs(name string) ([]rib.VRP, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("bgp.rpki.file: %w", err)
	}
	list, err := rib.ReadVRPs(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("bgp.rpki.file: %s: %w", name, err)
	}
	if list == nil {
		list = []rib.VRP{} // a file that covers nothing
	}
	return list, nil
}

// routesLost is how many changes of routes and peers were not stored.
func routesLost(b storage.RouteBooks) uint64 {
	var n uint64
	for _, lost := range b.Lost {
		n += lost
	}
	return n
}
