package engine_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/storage/engine"
	"github.com/linewarden/linewarden/storage/engine/enginetest"
)

// resident is the memory of a process in MiB, from statm of proc(5).
func resident(tb testing.TB, pid int) float64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		tb.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		tb.Fatal(err)
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}

// BenchmarkStart measures a start and a stop.
func BenchmarkStart(b *testing.B) {
	path := b.TempDir()
	for b.Loop() {
		p, err := engine.Start(b.Context(), enginetest.Config(b, path))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(resident(b, pidOf(b, path)), "MiB-resident")
		if err := p.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSelectOne measures the way there and back.
func BenchmarkSelectOne(b *testing.B) {
	c := client(b, enginetest.Addr(b), ch.CompressionDisabled)
	var v proto.ColUInt8
	for b.Loop() {
		if err := c.Do(b.Context(), ch.Query{Body: "SELECT 1 AS v", Result: proto.Results{{Name: "v", Data: &v}}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream measures reading five columns of a result that is made as it
// is read.
func BenchmarkStream(b *testing.B) {
	const rows = 1_000_000
	for name, compression := range map[string]ch.Compression{"plain": ch.CompressionDisabled, "lz4": ch.CompressionLZ4} {
		b.Run(name, func(b *testing.B) {
			c := client(b, enginetest.Addr(b), compression)
			results := new(proto.Results)
			for b.Loop() {
				err := c.Do(b.Context(), ch.Query{
					Body:     fmt.Sprintf("SELECT number, number %% 7, toIPv6(toString(toIPv4(toUInt32(number)))), toString(number), now64(9) FROM numbers(%d)", rows),
					Result:   results.Auto(),
					OnResult: func(context.Context, proto.Block) error { return nil },
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkSmallInsert measures the least that an acknowledged insert costs.
func BenchmarkSmallInsert(b *testing.B) {
	addr := enginetest.Addr(b)
	db := open(b, addr)
	name := fmt.Sprintf("bench_%d", b.N)
	run(b, db, "CREATE DATABASE IF NOT EXISTS "+name+" ENGINE = Atomic", "CREATE TABLE IF NOT EXISTS "+name+".t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	c := client(b, addr, ch.CompressionDisabled)
	var n proto.ColUInt64
	var s proto.ColStr
	for i := range uint64(50) {
		n.Append(i)
		s.Append("some text")
	}
	for b.Loop() {
		err := c.Do(b.Context(), ch.Query{Body: "INSERT INTO " + name + ".t VALUES", Input: proto.Input{{Name: "n", Data: &n}, {Name: "s", Data: &s}}})
		if err != nil {
			b.Fatal(err)
		}
	}
}
