package main

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/rtr"
	"github.com/linewarden/linewarden/bgp/speaker"
	"github.com/linewarden/linewarden/storage"
)

// The names of metrics that the command routes peers reads.
const (
	peerRoutesMetric = "linewarden_bgp_peer_routes"
	peerLastMetric   = "linewarden_bgp_peer_last_event_timestamp_seconds"
	pendingMetric    = "linewarden_route_events_pending"
)

// routingMetrics shows sessions, tables, the history of routes and the caches of
// the RPKI at the moment of the scrape. Peers are bounded by the configuration
// of the table, caches by that of the daemon.
type routingMetrics struct {
	r *routing

	up, routes, routers, bytes, received, stored, folded, lost, waiting *prometheus.Desc
	peerRoutes, peerLast, pending                                       *prometheus.Desc
	payloads, cacheUp, cachePayloads, cacheUpdated, cacheEnds           *prometheus.Desc
}

var _ prometheus.Collector = (*routingMetrics)(nil)

func newRoutingMetrics(r *routing) *routingMetrics {
	full := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return full("linewarden_"+name, help, labels...)
	}
	return &routingMetrics{
		r:        r,
		up:       describe("bgp_peer_up", "1 while the BGP session of a configured neighbour is established.", "peer"),
		routes:   describe("bgp_routes", "Paths held of a peer, by the view of the table.", "peer", "view"),
		routers:  describe("bmp_routers", "Routers whose BMP connection is open."),
		bytes:    describe("bgp_table_bytes", "Memory of the table of routes, estimated within a fifth."),
		received: describe("route_events_received_total", "Changes of routes and peers that the table handed to the history."),
		stored:   describe("route_events_stored_total", "Changes of routes and peers that the store acknowledged."),
		folded:   describe("route_events_folded_total", "Ends of paths that the loss of their session tells, and that are not stored again."),
		lost:     describe("route_events_lost_total", "Changes of routes and peers that were not stored.", "reason"),
		waiting:  describe("bgp_waiting_events", "Events of a neighbour that wait for the table.", "peer"),

		peerRoutes: full(peerRoutesMetric, "Paths held of a peer of a router, by view and family.", append(slices.Clone(peerLabels), "family")...),
		peerLast:   full(peerLastMetric, "When a peer of a router last said something of its routes or session, by the router's clock.", peerLabels...),
		pending:    full(pendingMetric, "Changes of routes and peers that wait for the store."),

		payloads:      describe("rpki_payloads", "Validated ROA payloads that routes are validated by, 0 while there is nothing to validate by."),
		cacheUp:       describe("rpki_cache_up", "1 while the connection to an RPKI cache is open.", "cache"),
		cachePayloads: describe("rpki_cache_payloads", "Payloads of an RPKI cache that are in use.", "cache"),
		cacheUpdated:  describe("rpki_cache_updated_timestamp_seconds", "When an RPKI cache last answered to the end, 0 if never.", "cache"),
		cacheEnds:     describe("rpki_cache_ends_total", "Connections to an RPKI cache, and attempts at one, that ended.", "cache", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (m *routingMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.up, m.routes, m.routers, m.bytes, m.received, m.stored, m.folded, m.lost, m.waiting, m.peerRoutes, m.peerLast, m.pending,
		m.payloads, m.cacheUp, m.cachePayloads, m.cacheUpdated, m.cacheEnds,
	} {
		to <- d
	}
}

// gauge and counter hand one value to the scrape.
func gauge(to chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(to chan<- prometheus.Metric, d *prometheus.Desc, value uint64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

// Collect implements prometheus.Collector.
func (m *routingMetrics) Collect(to chan<- prometheus.Metric) {
	for _, p := range m.r.speaker.Peers() {
		gauge(to, m.up, oneIf(p.State == speaker.StateEstablished), p.Neighbor.Address.String())
		gauge(to, m.waiting, float64(p.Queued), p.Neighbor.Address.String())
	}
	m.collectTable(to)
	connected := 0
	for _, r := range m.r.station.Routers() {
		if r.Connected {
			connected++
		}
	}
	gauge(to, m.routers, float64(connected))
	books := m.r.history.writer.Books()
	counter(to, m.received, books.Received)
	counter(to, m.stored, books.Stored)
	counter(to, m.folded, books.Folded)
	gauge(to, m.pending, float64(books.Pending))
	for loss := range storage.NumRouteLosses {
		counter(to, m.lost, books.Lost[loss], loss.String())
	}
	m.collectCaches(to)
}

func (m *routingMetrics) collectTable(to chan<- prometheus.Metric) {
	routes := make(map[[2]string]int64)
	for _, p := range m.r.table.Peers() {
		labels := labelsOf(p.Key)
		routes[[2]string{labels[1], labels[3]}] += p.Routes[0] + p.Routes[1]
		for f, family := range familyNames {
			gauge(to, m.peerRoutes, float64(p.Routes[f]), append(labels, family)...)
		}
		if !p.Last.IsZero() {
			gauge(to, m.peerLast, float64(p.Last.UnixMilli())/1000, labels...)
		}
	}
	for key, n := range routes {
		gauge(to, m.routes, float64(n), key[0], key[1])
	}
	gauge(to, m.bytes, float64(m.r.table.Stats().Bytes))
}

// peerLabels name a table of a peer, as labelsOf gives them.
var peerLabels = []string{"router", "peer", "distinguisher", "view"}

func labelsOf(k bgp.PeerKey) []string {
	return []string{addressText(k.Router), addressText(k.Peer), strconv.FormatUint(k.Distinguisher, 10), viewName(k.View)}
}

// familyNames are the families as rib.PeerInfo counts them.
var familyNames = [...]string{"ipv4", "ipv6"}

func (m *routingMetrics) collectCaches(to chan<- prometheus.Metric) {
	gauge(to, m.payloads, float64(m.r.rpki.inUse()))
	for _, c := range m.r.rpki.caches.Status() {
		gauge(to, m.cacheUp, oneIf(c.Connected), c.Address)
		gauge(to, m.cachePayloads, float64(c.Payloads), c.Address)
		updated := 0.0
		if !c.Updated.IsZero() {
			updated = float64(c.Updated.UnixMilli()) / 1000
		}
		gauge(to, m.cacheUpdated, updated, c.Address)
		for _, end := range rtr.AllEnds() {
			counter(to, m.cacheEnds, c.Ends[end], c.Address, end.String())
		}
	}
}

// oneIf is a truth as metrics have it.
func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
