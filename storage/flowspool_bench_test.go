package storage_test

import (
	"slices"
	"testing"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// BenchmarkSpool measures what it costs to have each batch on disk before it is
// sent: rows per second until the store has them, and what this process and the
// engine spend.
func BenchmarkSpool(b *testing.B) {
	b.Run("without", func(b *testing.B) { benchmarkSpool(b, nil) })
	b.Run("with", func(b *testing.B) { benchmarkSpool(b, &storage.FlowSpoolConfig{}) })
	b.Run("sync", func(b *testing.B) { benchmarkSpool(b, &storage.FlowSpoolConfig{Sync: true}) })
}

func benchmarkSpool(b *testing.B, cfg *storage.FlowSpoolConfig) {
	s := open(b, configure(b))
	books := flows.NewBooks()
	records := traffic(600_000, 1)
	var f *storage.FlowSpool
	if cfg != nil {
		cfg.Dir, cfg.Books = b.TempDir(), books
		f = openSpool(b, s, *cfg)
	}
	w := writerOf(b, s, storage.FlowWriterConfig{Books: books, Spool: f})
	rows := 0
	client, engine := cpuTime(b), engineTime(b)
	for b.Loop() {
		for part := range slices.Chunk(records, 30) {
			if err := w.Append(part); err != nil {
				b.Fatal(err)
			}
		}
		flush(b, w)
		if f != nil {
			flush(b, f)
		}
		rows += len(records)
	}
	client, engine = cpuTime(b)-client, engineTime(b)-engine
	closeWriter(b, w)
	if f != nil {
		closeSpool(b, f)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(client.Seconds()/float64(rows)*1e6, "client-cpu-s/Mrow")
	b.ReportMetric(engine.Seconds()/float64(rows)*1e6, "engine-cpu-s/Mrow")
}

// BenchmarkSpoolKeep measures how fast batches go into a spool while the store
// is away.
func BenchmarkSpoolKeep(b *testing.B) {
	behind, _, g := gated(b)
	g.set(false)
	books := flows.NewBooks()
	f := openSpool(b, behind, storage.FlowSpoolConfig{Dir: b.TempDir(), Books: books, MaxBytes: 2 << 30})
	w := writerOf(b, behind, storage.FlowWriterConfig{Books: books, Spool: f})
	records := traffic(150_000, 1)
	rows := 0
	client := cpuTime(b)
	for b.Loop() {
		for part := range slices.Chunk(records, 30) {
			if err := w.Append(part); err != nil {
				b.Fatal(err)
			}
		}
		flush(b, w)
		rows += len(records)
	}
	client = cpuTime(b) - client
	stats := f.Stats()
	closeWriter(b, w)
	closeSpool(b, f)
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(client.Seconds()/float64(rows)*1e6, "client-cpu-s/Mrow")
	b.ReportMetric(float64(stats.Bytes)/float64(stats.Entries*150_000), "B/row")
}
