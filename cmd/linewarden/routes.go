package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/storage"
)

func newRoutes(g *globals) *cobra.Command {
	return group("routes", "Ask the history of routes", newRoutesShow(g), newRoutesOrigins(g), newRoutesPeers(g))
}

// routeFlags are the flags of the routes commands.
type routeFlags struct {
	at, known, from, to, peer, format string
}

// routeRow is a path and how long it was held, as other programs read it.
type routeRow struct {
	Prefix        string   `json:"prefix"`
	Distinguisher uint64   `json:"distinguisher"`
	Router        string   `json:"router"`
	Peer          string   `json:"peer"`
	PeerAS        uint32   `json:"peer_as"`
	View          string   `json:"view"`
	PathID        uint32   `json:"path_id"`
	Path          string   `json:"path"`
	Origins       []uint32 `json:"origins"`
	NextHop       string   `json:"next_hop"`
	Communities   []string `json:"communities"`
	Validity      string   `json:"validity"`
	From          string   `json:"from"`
	To            string   `json:"to"` // empty while held
	End           string   `json:"end"`
}

func newRoutesShow(g *globals) *cobra.Command {
	var f routeFlags
	c := &cobra.Command{
		Use:   "show PREFIX",
		Short: "Show the routes that covered a prefix or address, now or at a time",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.showRoutes(cmd.Context(), args[0], &f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.at, "at", "", "`time` the routes were in use; a date is its end (default now)")
	flags.StringVar(&f.known, "known", "", "`time` up to which reports count, for what was believed then (default now)")
	flags.StringVar(&f.peer, "peer", "", "only paths of this peer `address`")
	formatFlag(flags, &f.format, "table", "json")
	return c
}

func (g *globals) showRoutes(ctx context.Context, prefix string, f *routeFlags) error {
	p, cfg, err := g.routeArguments(prefix, f)
	if err != nil {
		return err
	}
	now := time.Now()
	at, err := instantOr(now, "at", f.at, cfg.location)
	if err != nil {
		return err
	}
	known, err := instantOr(now, "known", f.known, cfg.location)
	if err != nil {
		return err
	}
	var peer netip.Addr
	if f.peer != "" {
		if peer, err = netip.ParseAddr(f.peer); err != nil {
			return usagef("--peer: %q is not an IP address", f.peer)
		}
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		held, err := s.RoutesAt(ctx, p, at, known)
		if err != nil {
			return fmt.Errorf("read routes: %w", err)
		}
		rows := make([]routeRow, 0, len(held))
		for i := range held {
			if !peer.IsValid() || held[i].Peer.Peer == peer || held[i].Peer.Router == peer {
				rows = append(rows, routeRowOf(&held[i]))
			}
		}
		return g.writeRoutes(rows, f.format)
	})
}

// routeArguments reads what all routes commands take.
func (g *globals) routeArguments(prefix string, f *routeFlags) (netip.Prefix, *Config, error) {
	var p netip.Prefix
	if prefix != "" {
		var err error
		if p, err = parsePrefix(prefix); err != nil {
			return p, nil, usagef("%q is neither a prefix nor an address", prefix)
		}
	}
	cfg, err := g.config()
	return p, cfg, err
}

// instantOr reads an instant that has a default.
func instantOr(otherwise time.Time, flag, text string, loc *time.Location) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	return parseInstant(flag, text, loc, true)
}

func routeRowOf(i *storage.RouteInterval) routeRow {
	r := routeRow{
		Prefix: i.Route.Prefix.String(), Distinguisher: i.Route.Distinguisher,
		Router: addressText(i.Peer.Router), Peer: addressText(i.Peer.Peer), PeerAS: i.PeerAS, View: viewName(i.Peer.View),
		PathID: i.Route.PathID, Path: i.Route.Path.String(), Origins: i.Origins, NextHop: addressText(i.Route.NextHop),
		Communities: []string{}, Validity: i.Validity.String(), From: i.From.UTC().Format(time.RFC3339Nano), End: i.End.String(),
	}
	if r.Origins == nil {
		r.Origins = []uint32{}
	}
	if !i.To.IsZero() {
		r.To = i.To.UTC().Format(time.RFC3339Nano)
	}
	for _, c := range i.Route.Communities {
		r.Communities = append(r.Communities, fmt.Sprintf("%d:%d", c>>16, c&0xffff))
	}
	for _, c := range i.Route.LargeCommunities {
		r.Communities = append(r.Communities, fmt.Sprintf("%d:%d:%d", c[0], c[1], c[2]))
	}
	return r
}

// viewName is the view as metrics and records name it.
func viewName(v bgp.View) string {
	switch v {
	case bgp.ViewAdjIn:
		return "adj_in"
	case bgp.ViewAdjInPost:
		return "adj_in_post"
	case bgp.ViewLocal:
		return "local"
	case bgp.ViewAdjOut:
		return "adj_out"
	case bgp.ViewAdjOutPost:
		return "adj_out_post"
	}
	return "unknown"
}

func (g *globals) writeRoutes(rows []routeRow, format string) error {
	if format == "json" {
		return report.WriteJSON(g.out, rows)
	}
	t := report.NewTable("PREFIX", "ROUTER", "PEER", "AS", "VIEW", "PATH", "NEXT HOP", "VALIDITY", "FROM", "TO")
	for _, r := range rows {
		to := r.To
		if to != "" {
			to += " " + r.End
		}
		t.AppendRow(table.Row{r.Prefix, r.Router, r.Peer, r.PeerAS, r.View, r.Path, r.NextHop, r.Validity, r.From, to})
	}
	_, err := fmt.Fprintln(g.out, t.Render())
	return err
}

// originRow says when a network was the origin of a prefix.
type originRow struct {
	Prefix  string      `json:"prefix"`
	Origin  uint32      `json:"origin"` // 0 = nobody can tell
	SetOnly bool        `json:"set_only"`
	Seconds float64     `json:"held_seconds"`
	Spans   []originRun `json:"spans"`
}

type originRun struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func newRoutesOrigins(g *globals) *cobra.Command {
	var f routeFlags
	c := &cobra.Command{
		Use:   "origins PREFIX",
		Short: "List who originated a prefix, what covers it and what is inside it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.showOrigins(cmd.Context(), args[0], &f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.from, "from", "", "first `time` of the span (default seven days before its end)")
	flags.StringVar(&f.to, "to", "", "end `time` of the span; a date includes that day (default now)")
	formatFlag(flags, &f.format, "table", "json")
	return c
}

func (g *globals) showOrigins(ctx context.Context, prefix string, f *routeFlags) error {
	p, cfg, err := g.routeArguments(prefix, f)
	if err != nil {
		return err
	}
	w, err := parseSpan(f.from, f.to, cfg.location)
	if err != nil {
		return err
	}
	if w.To.IsZero() {
		w.To = time.Now()
	}
	if w.From.IsZero() {
		w.From = w.To.AddDate(0, 0, -7)
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		origins, err := s.Origins(ctx, p, w.From, w.To)
		if err != nil {
			return fmt.Errorf("read origins: %w", err)
		}
		rows := make([]originRow, 0, len(origins))
		for i := range origins {
			o := &origins[i]
			row := originRow{Prefix: o.Prefix.String(), Origin: o.Origin, SetOnly: o.SetOnly, Seconds: o.Held().Seconds()}
			for _, span := range o.Spans {
				row.Spans = append(row.Spans, originRun{span.From.UTC().Format(time.RFC3339), span.To.UTC().Format(time.RFC3339)})
			}
			rows = append(rows, row)
		}
		return g.writeOrigins(rows, f.format)
	})
}

func (g *globals) writeOrigins(rows []originRow, format string) error {
	if format == "json" {
		return report.WriteJSON(g.out, rows)
	}
	t := report.NewTable("PREFIX", "ORIGIN", "HELD", "SPANS")
	for _, r := range rows {
		spans := make([]string, len(r.Spans))
		for i, s := range r.Spans {
			spans[i] = s.From + " – " + s.To
		}
		t.AppendRow(table.Row{r.Prefix, r.Origin, (time.Duration(r.Seconds) * time.Second).String(), strings.Join(spans, "\n")})
	}
	_, err := fmt.Fprintln(g.out, t.Render())
	return err
}
