package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/bgp/speaker"
	"github.com/linewarden/linewarden/storage"
)

// routingMetrics shows sessions, tables and the history of routes at the
// moment of the scrape. Peers are bounded by the configuration of the table.
type routingMetrics struct {
	r *routing

	up, routes, routers, bytes, received, stored, folded, lost, waiting *prometheus.Desc
}

var _ prometheus.Collector = (*routingMetrics)(nil)

func newRoutingMetrics(r *routing) *routingMetrics {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linewarden_"+name, help, labels, nil)
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
	}
}

// Describe implements prometheus.Collector.
func (m *routingMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.up, m.routes, m.routers, m.bytes, m.received, m.stored, m.folded, m.lost, m.waiting} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *routingMetrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	for _, p := range m.r.speaker.Peers() {
		established := 0.0
		if p.State == speaker.StateEstablished {
			established = 1
		}
		gauge(m.up, established, p.Neighbor.Address.String())
		gauge(m.waiting, float64(p.Queued), p.Neighbor.Address.String())
	}
	routes := make(map[[2]string]int64)
	for _, p := range m.r.table.Peers() {
		routes[[2]string{addressText(p.Key.Peer), viewName(p.Key.View)}] += p.Routes[0] + p.Routes[1]
	}
	for key, n := range routes {
		gauge(m.routes, float64(n), key[0], key[1])
	}
	connected := 0
	for _, r := range m.r.station.Routers() {
		if r.Connected {
			connected++
		}
	}
	gauge(m.routers, float64(connected))
	gauge(m.bytes, float64(m.r.table.Stats().Bytes))
	books := m.r.history.writer.Books()
	counter(m.received, books.Received)
	counter(m.stored, books.Stored)
	counter(m.folded, books.Folded)
	for loss := range storage.NumRouteLosses {
		counter(m.lost, books.Lost[loss], loss.String())
	}
}
