package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/collector/snmp"
	"github.com/linewarden/linewarden/rules"
)

// auditMetrics says how audits went and what they found.
type auditMetrics struct {
	seconds  prometheus.Histogram
	failures prometheus.Counter
	findings *prometheus.GaugeVec
	counters counterGauges
}

func newAuditMetrics() *auditMetrics {
	return &auditMetrics{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "linewarden_audit_seconds", Help: "How long runs of the rules took.",
			Buckets: prometheus.ExponentialBuckets(0.05, 2, 14),
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linewarden_audit_failures_total", Help: "Runs of the rules that failed and saved nothing more.",
		}),
		findings: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linewarden_findings", Help: "Findings in the store as of the last run of the rules.",
		}, []string{"rule", "state"}),
		counters: newCounterGauges(),
	}
}

// count replaces the figures by those of found.
func (m *auditMetrics) count(catalogue []rules.Rule, found []rules.Finding) {
	m.findings.Reset()
	for _, r := range catalogue {
		m.findings.WithLabelValues(r.Spec.ID, string(rules.Open)).Set(0)
	}
	for i := range found {
		m.findings.WithLabelValues(found[i].Rule, string(found[i].State)).Inc()
	}
}

// newMetrics returns every metric of a daemon.
func newMetrics(d *daemon) *prometheus.Registry {
	all := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "linewarden_build_info", Help: "Always 1; the label is the version of the program.",
		ConstLabels: prometheus.Labels{"version": version()},
	})
	build.Set(1)
	all.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		collector.NewMetrics(d.path.books, d.path.ledgers.Known, d.collector.Sockets),
		newRoutingMetrics(d.routing), newSpoolMetrics(d.spool), d.auditor.metrics.seconds, d.auditor.metrics.failures, d.auditor.metrics.findings,
		collector.NewCounterMetrics(d.path.counters), snmp.NewMetrics(d.poller), d.auditor.metrics.counters.ratio, d.auditor.metrics.counters.directions, d.auditor.metrics.counters.exporters,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linewarden_reload_failed",
			Help: "1 when the last reload failed and the configuration and ledgers before it are in use.",
		}, func() float64 {
			if d.reloadBad.Load() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "linewarden_flow_parked_bytes",
			Help: "Bytes of flow data that wait for a template or a sampling rate; their records are neither stored nor lost yet.",
		}, func() float64 { return float64(d.path.netflow.Parked()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "linewarden_flow_templates_evicted_total",
			Help: "Templates and exporters that were forgotten to keep memory bounded.",
		}, func() float64 { return float64(d.path.netflow.Evicted()) }),
		refusedMetric("unknown", func() uint64 { return d.collector.Refused().Unknown }),
		refusedMetric("rate", func() uint64 { return d.collector.Refused().Rate }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "linewarden_engine_restarts_total",
			Help: "How often the embedded engine ended by itself and was started again.",
		}, func() float64 {
			if d.store.engine == nil {
				return 0
			}
			return float64(d.store.engine.Restarts())
		}),
	)
	return all
}

// refusedMetric counts datagrams that the admission did not take.
func refusedMetric(reason string, count func() uint64) prometheus.CounterFunc {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name:        "linewarden_flow_datagrams_refused_total",
		Help:        "Export datagrams that collector.admit did not take, which are in no books: of unknown sources, or over the rate of their exporter.",
		ConstLabels: prometheus.Labels{"reason": reason},
	}, func() float64 { return float64(count()) })
}
