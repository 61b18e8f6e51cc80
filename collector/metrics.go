package collector

import (
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linewarden/linewarden/flows"
)

// otherExporters is the label of all exporters that are in no ledger, so that
// forged addresses make no new series.
const otherExporters = "other"

// Metrics shows the books and the sockets to Prometheus. The figures are those
// of the books at the moment of the scrape; there is no second count.
//
// An exporter that enters the ledgers leaves the label "other" with its whole
// count: to Prometheus that is a counter reset, which rate() understands.
type Metrics struct {
	books   *flows.Books
	known   func(netip.Addr) bool
	sockets func() []SocketInfo

	datagrams, records, stored, recordsLost, datagramsLost   *prometheus.Desc
	gaps, missed, reordered, templates, unscaled, clockSkews *prometheus.Desc
	counters, socketBuffer                                   *prometheus.Desc
}

var _ prometheus.Collector = (*Metrics)(nil)

// NewMetrics returns metrics over books. known tells whether an exporter is in
// the ledgers, sockets lists the open sockets; it may be nil.
func NewMetrics(books *flows.Books, known func(netip.Addr) bool, sockets func() []SocketInfo) *Metrics {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("linewarden_flow_"+name, help, labels, nil)
	}
	return &Metrics{
		books: books, known: known, sockets: sockets,
		datagrams: describe("datagrams_received_total",
			"Export datagrams that arrived, whole or broken, and those the kernel dropped.", "exporter"),
		records: describe("records_received_total",
			"Flow records that arrived.", "exporter", "protocol_version"),
		stored: describe("records_stored_total",
			"Flow records that the store acknowledged.", "exporter"),
		recordsLost: describe("records_lost_total",
			"Flow records that arrived and were not stored.", "exporter", "reason"),
		datagramsLost: describe("datagrams_lost_total",
			"Export datagrams that gave nothing.", "exporter", "reason"),
		gaps: describe("sequence_gaps_total",
			"Units that never arrived in time by the sequence numbers of the protocol: "+
				"records for NetFlow v5 and IPFIX, datagrams for NetFlow v9 and sFlow.", "exporter", "protocol_version"),
		missed: describe("records_missed_total",
			"Estimate of the flow records in the sequence gaps.", "exporter", "protocol_version"),
		reordered: describe("sequence_reordered_total",
			"Units of the sequence gaps that came late after all.", "exporter", "protocol_version"),
		templates: describe("templates_learned_total",
			"Templates and options templates that were learned.", "exporter", "protocol_version"),
		unscaled: describe("records_unscaled_total",
			"Flow records that were kept without a known sampling rate.", "exporter"),
		clockSkews: describe("records_clock_skewed_total",
			"Flow records whose event time was too far off and was replaced.", "exporter"),
		counters: describe("sflow_interface_samples_total",
			"Samples of sFlow with counters of any kind.", "exporter"),
		socketBuffer: describe("socket_buffer_bytes",
			"Receive buffer the kernel gave to the sockets of an address, all workers together.", "listen"),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.datagrams, m.records, m.stored, m.recordsLost, m.datagramsLost, m.gaps, m.missed,
		m.reordered, m.templates, m.unscaled, m.clockSkews, m.counters, m.socketBuffer,
	} {
		to <- d
	}
}

type seriesKey struct {
	exporter string
	version  flows.Version
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	exporters := map[string]*flows.Count{otherExporters: {}}
	series := make(map[seriesKey]*flows.Count)
	m.books.Totals(func(source flows.Source, count flows.Count) {
		name := otherExporters
		if source.Exporter.IsValid() && m.known != nil && m.known(source.Exporter) {
			name = source.Exporter.String()
		}
		if exporters[name] == nil {
			exporters[name] = new(flows.Count)
		}
		exporters[name].Add(&count)
		key := seriesKey{name, source.Version}
		if series[key] == nil {
			series[key] = new(flows.Count)
		}
		series[key].Add(&count)
	})
	for name, count := range exporters {
		m.collectExporter(to, name, count)
	}
	for key, count := range series {
		m.collectSeries(to, key, count)
	}
	m.collectSockets(to)
}

func (m *Metrics) collectExporter(to chan<- prometheus.Metric, name string, c *flows.Count) {
	send(to, m.datagrams, c.Datagrams, name)
	send(to, m.stored, c.Stored, name)
	send(to, m.unscaled, c.Unscaled, name)
	send(to, m.clockSkews, c.ClockSkewed, name)
	send(to, m.counters, c.Counters, name)
	// All reasons are there from the start, so that the first loss is seen as
	// an increase and not as the birth of a series.
	for reason := range flows.NumReasons {
		send(to, m.recordsLost, c.Lost[reason], name, reason.String())
		send(to, m.datagramsLost, c.DatagramsLost[reason], name, reason.String())
	}
}

func (m *Metrics) collectSeries(to chan<- prometheus.Metric, key seriesKey, c *flows.Count) {
	version := key.version.String()
	send(to, m.records, c.Records, key.exporter, version)
	send(to, m.gaps, c.SequenceGaps, key.exporter, version)
	send(to, m.missed, c.RecordsMissed, key.exporter, version)
	send(to, m.reordered, c.Reordered, key.exporter, version)
	send(to, m.templates, c.Templates, key.exporter, version)
}

func (m *Metrics) collectSockets(to chan<- prometheus.Metric) {
	if m.sockets == nil {
		return
	}
	buffers := make(map[string]int)
	for _, s := range m.sockets() {
		buffers[s.Listen] += s.Buffer
	}
	for address, size := range buffers {
		to <- prometheus.MustNewConstMetric(m.socketBuffer, prometheus.GaugeValue, float64(size), address)
	}
}

func send(to chan<- prometheus.Metric, d *prometheus.Desc, value uint64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}
