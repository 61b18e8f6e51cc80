package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/storage"
)

// peerRow is the last state of a peer.
type peerRow struct {
	Router        string `json:"router"`
	Peer          string `json:"peer"`
	Distinguisher uint64 `json:"distinguisher"`
	PeerAS        uint32 `json:"peer_as"`
	View          string `json:"view"`
	State         string `json:"state"` // up, stale, down
	Since         string `json:"since"`
	Sessions      int    `json:"sessions"` // begun since the history begins

	// What a running daemon says; null without one.
	RoutesIPv4 *int64   `json:"routes_ipv4"`
	RoutesIPv6 *int64   `json:"routes_ipv6"`
	LastEvent  *string  `json:"last_event"`  // by the router's clock
	LagSeconds *float64 `json:"lag_seconds"` // since then
	// Changes of all peers that the history has still to take.
	HistoryBehind *int64 `json:"history_behind_events"`
}

func newRoutesPeers(g *globals) *cobra.Command {
	var f routeFlags
	c := &cobra.Command{
		Use:   "peers",
		Short: "List peers with the state of their sessions, their routes and lag",
		Long: "peers lists every table of every peer that the history knows, with the state of its session.\n" +
			"A daemon that runs with the same configuration is asked at http.listen for the paths it holds\n" +
			"of each, for the time of the last route or change of session, from which LAG is counted, and\n" +
			"for the changes that the history has still to take. A peer with nothing to say has a large lag\n" +
			"too: keepalives do not count. Without a daemon these columns are empty, and null in JSON.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, cfg, err := g.routeArguments("", &f)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return g.withStore(ctx, cfg, func(s *opened) error {
				events, err := s.PeerHistory(ctx, time.Unix(0, 0), time.Now())
				if err != nil {
					return fmt.Errorf("read the history of peers: %w", err)
				}
				rows := peerRows(events)
				if text, err := readMetrics(ctx, cfg.HTTP); err != nil {
					g.logger().Info("no daemon answers, so counts of routes are not known", "error", err)
				} else {
					addCounts(rows, text, time.Now())
				}
				return g.writePeers(rows, f.format)
			})
		},
	}
	formatFlag(c.Flags(), &f.format, "table", "json")
	return c
}

// peerRows folds the history of peers, which is in the order of time.
func peerRows(events []storage.PeerEvent) []peerRow {
	byKey := make(map[bgp.PeerKey]*peerRow)
	for _, e := range events {
		row := byKey[e.Peer]
		if row == nil {
			row = &peerRow{
				Router: addressText(e.Peer.Router), Peer: addressText(e.Peer.Peer), Distinguisher: e.Peer.Distinguisher, View: viewName(e.Peer.View),
			}
			byKey[e.Peer] = row
		}
		row.PeerAS = e.PeerAS
		state := row.State
		switch e.Kind {
		case bgp.PeerUp:
			state = "up"
			row.Sessions++
		case bgp.PeerDown:
			state = "down"
		case bgp.PeerStale:
			state = "stale"
		case bgp.EndOfRIB, bgp.Announce, bgp.Withdraw:
		}
		if state != row.State || e.Kind == bgp.PeerUp {
			row.State, row.Since = state, e.At.UTC().Format(time.RFC3339)
		}
	}
	rows := make([]peerRow, 0, len(byKey))
	for _, r := range byKey {
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(a, b peerRow) int {
		return cmp.Or(strings.Compare(a.Router, b.Router), strings.Compare(a.Peer, b.Peer),
			cmp.Compare(a.Distinguisher, b.Distinguisher), strings.Compare(a.View, b.View))
	})
	return rows
}

// readMetrics asks the daemon at the address of its console, by TLS where it has
// a certificate.
func readMetrics(ctx context.Context, c HTTPConfig) (string, error) {
	client, base, err := consoleClient(c)
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	text, err := answer(ctx, client, base+"/metrics")
	return string(text), err
}

// addCounts fills in what the daemon says of peers in its metrics.
func addCounts(rows []peerRow, metrics string, now time.Time) {
	values := make(map[string]float64)
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, peerRoutesMetric) || strings.HasPrefix(line, peerLastMetric) || strings.HasPrefix(line, pendingMetric) {
			name, text, _ := strings.Cut(strings.TrimSpace(line), "} ")
			if strings.HasPrefix(line, pendingMetric) {
				name, text, _ = strings.Cut(strings.TrimSpace(line), " ")
			}
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				values[name] = v
			}
		}
	}
	whole := func(name string) *int64 {
		v, ok := values[name]
		if !ok {
			return nil
		}
		n := int64(v)
		return &n
	}
	for i := range rows {
		r := &rows[i]
		// The client writes labels in the order of their names.
		labels := fmt.Sprintf(`peer=%q,router=%q,view=%q`, r.Peer, r.Router, r.View)
		with := func(family string) string {
			return fmt.Sprintf(`%s{distinguisher="%d",family=%q,%s`, peerRoutesMetric, r.Distinguisher, family, labels)
		}
		r.RoutesIPv4, r.RoutesIPv6, r.HistoryBehind = whole(with("ipv4")), whole(with("ipv6")), whole(pendingMetric)
		if at, ok := values[fmt.Sprintf(`%s{distinguisher="%d",%s`, peerLastMetric, r.Distinguisher, labels)]; ok {
			last := time.UnixMilli(int64(at * 1000)).UTC()
			text, lag := last.Format(time.RFC3339), max(0, now.Sub(last).Seconds())
			r.LastEvent, r.LagSeconds = &text, &lag
		}
	}
}

func (g *globals) writePeers(rows []peerRow, format string) error {
	if format == "json" {
		return report.WriteJSON(g.out, rows)
	}
	t := report.NewTable("ROUTER", "PEER", "AS", "VIEW", "STATE", "SINCE", "SESSIONS", "IPV4", "IPV6", "LAG")
	var behind *int64
	for _, r := range rows {
		lag := ""
		if r.LagSeconds != nil {
			lag = (time.Duration(*r.LagSeconds) * time.Second).String()
		}
		behind = r.HistoryBehind // the same for all
		t.AppendRow(table.Row{r.Router, r.Peer, r.PeerAS, r.View, r.State, r.Since, r.Sessions, orEmpty(r.RoutesIPv4), orEmpty(r.RoutesIPv6), lag})
	}
	text := t.Render()
	if behind != nil {
		text += fmt.Sprintf("\nThe history has still to take %d changes.", *behind)
	}
	_, err := fmt.Fprintln(g.out, text)
	return err
}

// orEmpty is a number, or nothing where it is not known.
func orEmpty(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
