package storage_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// BenchmarkInsert measures the way of a record into the store: rows per second,
// what of it this process spends, and bytes on disk after merging.
func BenchmarkInsert(b *testing.B) {
	s := open(b, configure(b))
	records := traffic(300_000, 1)
	books := flows.NewBooks()
	w := writerOf(b, s, storage.FlowWriterConfig{Books: books})
	rows := 0
	before := cpuTime(b)
	for b.Loop() {
		for i := 0; i < len(records); i += 30 {
			if err := w.Append(records[i : i+30]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		rows += len(records)
	}
	spent := cpuTime(b) - before
	closeWriter(b, w)
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(spent.Seconds()/float64(rows)*1e6, "client-cpu-s/Mrow")
	if err := s.Exec(b.Context(), "OPTIMIZE TABLE flows FINAL"); err != nil {
		b.Fatal(err)
	}
	stats, err := s.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(stats.BytesPerFlow(), "B/flow")
}

// BenchmarkFlows measures reading records.
func BenchmarkFlows(b *testing.B) {
	s := open(b, configure(b))
	store(b, s, traffic(100_000, 1)...)
	rows := 0
	for b.Loop() {
		for _, err := range s.Flows(b.Context(), storage.FlowFilter{}) {
			if err != nil {
				b.Fatal(err)
			}
			rows++
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
