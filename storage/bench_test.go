package storage

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// sample returns records of some lines and exporters.
func sample(n int) []flows.Record {
	records := make([]flows.Record, n)
	at := time.Date(2026, 9, 14, 4, 0, 0, 0, time.UTC)
	lines := make([]string, 300)
	for i := range lines {
		lines[i] = fmt.Sprintf("L-%05d", i)
	}
	for i := range records {
		r := &records[i]
		r.Source = flows.Source{Exporter: netip.AddrFrom4([4]byte{192, 0, 2, byte(i / 30 % 20)}), Version: flows.NetFlow9}
		r.Received = at.Add(time.Duration(i) * 10 * time.Microsecond)
		r.Exported, r.Start, r.End = r.Received, r.Received.Add(-5*time.Second), r.Received
		r.Src = netip.AddrFrom4([4]byte{10, byte(i * 7), byte(i * 13), byte(i)})
		r.Dst = netip.AddrFrom4([4]byte{203, byte(i * 31), byte(i * 17), byte(i * 3)})
		r.Bytes, r.Packets, r.SamplingRate = uint64(i*37%9000), uint64(i%10), 1000
		r.Labels.Line, r.Labels.LineDirection = lines[i*7919%len(lines)], flows.LineDirection(1+i%2)
		r.Labels.SrcNet, r.Labels.DstNet = netip.PrefixFrom(r.Src, 24), netip.PrefixFrom(r.Dst, 24)
	}
	return records
}

// BenchmarkAppend measures the copy of a record into the columns.
func BenchmarkAppend(b *testing.B) {
	records := sample(30 * 1000)
	batch := newFlowBatch()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch.add(&records[i%len(records)])
		if batch.rows == 150_000 {
			batch.reset()
		}
	}
}
