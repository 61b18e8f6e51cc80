package snmp

import "github.com/prometheus/client_golang/prometheus"

// Metrics shows the books of a Poller to Prometheus.
type Metrics struct {
	poller                           *Poller
	polls, late, devices, interfaces *prometheus.Desc
}

var _ prometheus.Collector = (*Metrics)(nil)

// NewMetrics returns metrics over the books of p, which may be nil: then nothing
// is polled.
func NewMetrics(p *Poller) *Metrics {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linewarden_snmp_"+name, help, labels, nil)
	}
	return &Metrics{
		poller:     p,
		polls:      describe("polls_total", "Polls of interface counters that have ended, by how.", "outcome"),
		late:       describe("polls_late_total", "Polls that began a whole interval late: collector.snmp.workers are too few."),
		devices:    describe("devices", "Devices by how their last poll ended.", "state"),
		interfaces: describe("interfaces", "Interfaces that the last polls have read."),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.polls, m.late, m.devices, m.interfaces} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	var b Books
	if m.poller != nil {
		b = m.poller.Books()
	}
	for o := range numOutcomes {
		to <- prometheus.MustNewConstMetric(m.polls, prometheus.CounterValue, float64(b.Outcomes[o]), o.String())
	}
	to <- prometheus.MustNewConstMetric(m.late, prometheus.CounterValue, float64(b.Late))
	to <- prometheus.MustNewConstMetric(m.devices, prometheus.GaugeValue, float64(b.Answering), "answering")
	to <- prometheus.MustNewConstMetric(m.devices, prometheus.GaugeValue, float64(b.Failing), "failing")
	to <- prometheus.MustNewConstMetric(m.interfaces, prometheus.GaugeValue, float64(b.Interfaces))
}
