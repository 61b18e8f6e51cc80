package storage_test

import (
	"cmp"
	"maps"
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

// enoughRows is how many rows are written without waiting for them, as the
// daemon does: the next batch is filled while the store takes one.
const enoughRows = 3_000_000

func benchmarkInsert(b *testing.B, size int) {
	s := open(b, configure(b))
	records := traffic(max(size, 150_000), 1)
	w := writerOf(b, s, storage.FlowWriterConfig{Books: flows.NewBooks(), MaxRows: size})
	rows := 0
	forgetPeak(b)
	client, engine := cpuTime(b), engineTime(b)
	for b.Loop() {
		for range max(1, enoughRows/len(records)) {
			for part := range slices.Chunk(records, 30) {
				if err := w.Append(part); err != nil {
					b.Fatal(err)
				}
			}
			rows += len(records)
		}
		if err := w.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	client, engine = cpuTime(b)-client, engineTime(b)-engine
	closeWriter(b, w)
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(client.Seconds()/float64(rows)*1e6, "client-cpu-s/Mrow")
	b.ReportMetric(engine.Seconds()/float64(rows)*1e6, "engine-cpu-s/Mrow")
	b.ReportMetric(enginePeak(b), "engine-peak-MB")
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
	names := slices.SortedFunc(maps.Keys(stats.FlowColumns), func(x, y string) int { return cmp.Compare(stats.FlowColumns[y], stats.FlowColumns[x]) })
	for _, name := range names {
		if bytes := stats.FlowColumns[name]; bytes > 0 {
			b.Logf("%s: %.2f bytes a flow", name, float64(bytes)/float64(len(records)))
		}
	}
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

// engineFile is a file about the process of the tests' engine in /proc, empty
// for a server elsewhere.
func engineFile(tb testing.TB, name string) string {
	tb.Helper()
	socket, _ := strings.CutPrefix(engineAddr(tb), "unix://")
	id, err := os.ReadFile(filepath.Join(filepath.Dir(socket), "lock"))
	if err != nil {
		return ""
	}
	return filepath.Join("/proc", strings.TrimSpace(string(id)), name)
}

// engineTime is what the engine of the tests has spent, merges included; of a
// server elsewhere it is not known, and zero.
func engineTime(tb testing.TB) time.Duration {
	tb.Helper()
	text, err := os.ReadFile(engineFile(tb, "stat"))
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

// forgetPeak begins a new span for enginePeak.
func forgetPeak(tb testing.TB) {
	tb.Helper()
	if file := engineFile(tb, "clear_refs"); file != "" {
		if err := os.WriteFile(file, []byte("5"), 0); err != nil { // proc(5): the peak becomes what there is now
			tb.Fatal(err)
		}
	}
}

// enginePeak is the largest resident size of the engine of the tests since
// forgetPeak, in megabytes; zero where it is not known.
func enginePeak(tb testing.TB) float64 {
	tb.Helper()
	text, err := os.ReadFile(engineFile(tb, "status"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		tb.Fatal(err)
	}
	return kilobytes * 1024 / 1e6
}
