package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/flows"
)

// CounterMetrics shows the books of a CounterKeeper to Prometheus.
type CounterMetrics struct {
	keeper                          *CounterKeeper
	received, stored, lost, waiting *prometheus.Desc
}

var _ prometheus.Collector = (*CounterMetrics)(nil)

// NewCounterMetrics returns metrics over the books of k.
func NewCounterMetrics(k *CounterKeeper) *CounterMetrics {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linewarden_interface_readings_"+name, help, labels, nil)
	}
	return &CounterMetrics{
		keeper: k,
		received: describe("received_total",
			"Readings of interface counters that arrived, from sFlow samples and SNMP polls.", "source"),
		stored: describe("stored_total", "Readings of interface counters that the store acknowledged."),
		lost: describe("lost_total",
			"Readings of interface counters that were not stored; thinned ones are of a minute that has another of the interface.", "reason"),
		waiting: describe("waiting", "Readings of interface counters that the store has not taken yet."),
	}
}

// Describe implements prometheus.Collector.
func (m *CounterMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.received, m.stored, m.lost, m.waiting} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *CounterMetrics) Collect(to chan<- prometheus.Metric) {
	books := m.keeper.Books()
	for _, source := range []flows.CounterSource{flows.CountersSNMP, flows.CountersSFlow} {
		send(to, m.received, books.Received[source], source.String())
	}
	send(to, m.stored, books.Stored)
	for reason := range numCounterReasons {
		send(to, m.lost, books.Lost[reason], reason.String())
	}
	to <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(books.Waiting))
}
