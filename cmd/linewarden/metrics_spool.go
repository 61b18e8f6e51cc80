package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/storage"
)

// spoolMetrics shows the spool at the moment of the scrape.
type spoolMetrics struct {
	spool *storage.FlowSpool

	bytes, entries, age, state, lost *prometheus.Desc
}

var _ prometheus.Collector = (*spoolMetrics)(nil)

func newSpoolMetrics(spool *storage.FlowSpool) *spoolMetrics {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linewarden_spool_"+name, help, labels, nil)
	}
	return &spoolMetrics{
		spool:   spool,
		bytes:   describe("bytes", "Bytes on disk that wait for the store."),
		entries: describe("entries", "Batches of flows and books that wait for the store."),
		age:     describe("oldest_seconds", "How long the oldest of them has waited, 0 when there is none."),
		state:   describe("state", "1 for the state the spool is in.", "state"),
		lost:    describe("lost_entries_total", "Entries lost since the start; what was in them is in the books.", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (m *spoolMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.bytes, m.entries, m.age, m.state, m.lost} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *spoolMetrics) Collect(to chan<- prometheus.Metric) {
	stats := m.spool.Stats()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(m.bytes, float64(stats.Bytes))
	gauge(m.entries, float64(stats.Entries))
	age := 0.0
	if !stats.Oldest.IsZero() {
		age = max(0, time.Since(stats.Oldest).Seconds())
	}
	gauge(m.age, age)
	gauge(m.state, 1, stats.State.String())
	for reason, n := range map[string]uint64{"dropped": stats.Dropped, "damaged": stats.Damaged, "torn": stats.Torn} {
		to <- prometheus.MustNewConstMetric(m.lost, prometheus.CounterValue, float64(n), reason)
	}
}
