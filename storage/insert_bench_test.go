package storage_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// BenchmarkInsert measures the way of a record into the store, by the size of
// the batches: rows per second, what of it this process and the engine spend,
// and bytes on disk after merging.
func BenchmarkInsert(b *testing.B) {
	for _, size := range []int{10_000, 50_000, 150_000, 500_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) { benchmarkInsert(b, size) })
	}
}

func benchmarkInsert(b *testing.B, size int) {
	s := open(b, configure(b))
	records := traffic(max(size, 150_000), 1)
	w := writerOf(b, s, storage.FlowWriterConfig{Books: flows.NewBooks(), MaxRows: size})
	rows := 0
	client, engine := cpuTime(b), engineTime(b)
	for b.Loop() {
		for part := range slices.Chunk(records, 30) {
			if err := w.Append(part); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		rows += len(records)
	}
	client, engine = cpuTime(b)-client, engineTime(b)-engine
	closeWriter(b, w)
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(client.Seconds()/float64(rows)*1e6, "client-cpu-s/Mrow")
	b.ReportMetric(engine.Seconds()/float64(rows)*1e6, "engine-cpu-s/Mrow")
	// The same flows again and again would be smaller than others are.
	if err := s.Exec(b.Context(), "TRUNCATE TABLE flows"); err != nil {
		b.Fatal(err)
	}
	store(b, s, records...)
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

// engineTime is what the engine of the tests has spent, merges included; of a
// server elsewhere it is not known, and zero.
func engineTime(tb testing.TB) time.Duration {
	tb.Helper()
	socket, _ := strings.CutPrefix(engineAddr(tb), "unix://")
	id, err := os.ReadFile(filepath.Join(filepath.Dir(socket), "lock"))
	if err != nil {
		return 0
	}
	text, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(id)), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	ticks := 0
	for _, field := range strings.Fields(rest)[11:13] { // utime and stime of proc(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks*10) * time.Millisecond
}
