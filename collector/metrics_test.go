package collector

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linewarden/linewarden/flows"
)

func TestMetricsShowTheBooks(t *testing.T) {
	books := flows.NewBooks()
	known := source(1)
	now := time.Now()
	books.Account(known).Update(now, func(c *flows.Count) {
		c.Datagrams, c.Records, c.Stored, c.SequenceGaps = 3, 30, 28, 4
		c.Lost[flows.ReasonNotIP] = 2
		c.DatagramsLost[flows.ReasonMalformed] = 1
	})
	v9 := known
	v9.Version, v9.Domain = flows.NetFlow9, 7
	receive(books, v9, now, 5)
	v9.Domain = 8
	receive(books, v9, now, 6)
	for i := 2; i < 50; i++ {
		receive(books, source(i), now, 1)
	}
	countDrops(books, now, 9)
	// Entries that were carried away are still part of the totals.
	books.Drain(func(flows.Source, time.Time, *flows.Count) {})

	m := NewMetrics(books, func(a netip.Addr) bool { return a == known.Exporter }, func() []SocketInfo {
		return []SocketInfo{{Listen: ":2055", Buffer: 100}, {Listen: ":2055", Buffer: 50}}
	})
	want := `
# HELP linewarden_flow_datagrams_received_total Export datagrams that arrived, whole or broken, and those the kernel dropped.
# TYPE linewarden_flow_datagrams_received_total counter
linewarden_flow_datagrams_received_total{exporter="192.0.0.1"} 5
linewarden_flow_datagrams_received_total{exporter="other"} 57
# HELP linewarden_flow_records_received_total Flow records that arrived.
# TYPE linewarden_flow_records_received_total counter
linewarden_flow_records_received_total{exporter="192.0.0.1",protocol_version="ipfix"} 30
linewarden_flow_records_received_total{exporter="192.0.0.1",protocol_version="netflow9"} 11
linewarden_flow_records_received_total{exporter="other",protocol_version="ipfix"} 48
linewarden_flow_records_received_total{exporter="other",protocol_version="unknown"} 0
# HELP linewarden_flow_records_stored_total Flow records that the store acknowledged.
# TYPE linewarden_flow_records_stored_total counter
linewarden_flow_records_stored_total{exporter="192.0.0.1"} 39
linewarden_flow_records_stored_total{exporter="other"} 48
# HELP linewarden_flow_socket_buffer_bytes Receive buffer the kernel gave to the sockets of an address, all workers together.
# TYPE linewarden_flow_socket_buffer_bytes gauge
linewarden_flow_socket_buffer_bytes{listen=":2055"} 150
`
	if err := testutil.CollectAndCompare(m, strings.NewReader(want),
		"linewarden_flow_datagrams_received_total", "linewarden_flow_records_received_total",
		"linewarden_flow_records_stored_total", "linewarden_flow_socket_buffer_bytes"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]float64{
		`linewarden_flow_records_lost_total{exporter=192.0.0.1,reason=not_ip}`:           2,
		`linewarden_flow_datagrams_lost_total{exporter=192.0.0.1,reason=malformed}`:      1,
		`linewarden_flow_datagrams_lost_total{exporter=other,reason=kernel_drop}`:        9,
		`linewarden_flow_records_lost_total{exporter=other,reason=store_refused}`:        0,
		`linewarden_flow_sequence_gaps_total{exporter=192.0.0.1,protocol_version=ipfix}`: 4,
	} {
		got, ok := gather(t, m)[name]
		if !ok || got != want {
			t.Errorf("%s is %v (there: %v), want %v", name, got, ok, want)
		}
	}
	if problems, err := testutil.CollectAndLint(m); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// gather returns all counters by name and labels.
func gather(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetName()+"="+pair.GetValue())
			}
			values[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = metric.GetCounter().GetValue()
		}
	}
	return values
}

func TestMetricsOfEmptyBooks(t *testing.T) {
	m := NewMetrics(flows.NewBooks(), nil, nil)
	values := gather(t, m)
	for reason := range flows.NumReasons {
		if _, ok := values["linewarden_flow_records_lost_total{exporter=other,reason="+reason.String()+"}"]; !ok {
			t.Errorf("no series for %v", reason)
		}
	}
}
