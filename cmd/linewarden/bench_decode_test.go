package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
)

// decodePackages have the benchmarks of decoding alone: BenchmarkDecode and,
// for the same datagrams through goflow2's decoder and producer,
// BenchmarkGoflow2, both with ns/record.
var decodePackages = []string{"flows/netflow", "flows/sflow"}

// decodeRow is what decoding costs, per record on one core.
type decodeRow struct {
	name         string
	nanoseconds  float64 // per record
	allocations  float64 // per datagram
	peer         float64 // nanoseconds of goflow2
	peerAllocate float64
}

// measureDecode runs the benchmarks of the decoders in processes of their own.
func measureDecode(ctx context.Context, log func(format string, args ...any)) ([]decodeRow, error) {
	var rows []decodeRow
	for _, folder := range decodePackages {
		run := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(Decode|Goflow2)$", "-benchtime", "1s",
			"github.com/linewarden/linewarden/"+folder)
		out, err := run.CombinedOutput()
		log("%s\n%s", strings.Join(run.Args, " "), out)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(run.Args, " "), err, out)
		}
		found := decodeRows(folder, string(out))
		if len(found) == 0 {
			return nil, fmt.Errorf("%s has no pair of BenchmarkDecode and BenchmarkGoflow2:\n%s", folder, out)
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

var (
	decodeLine   = regexp.MustCompile(`^Benchmark(Decode|Goflow2)(?:/(\S+?))?(?:-\d+)?\s+\d+\s`)
	decodeFigure = regexp.MustCompile(`([0-9.]+) (ns/record|allocs/op)`)
)

// decodeRows pairs the lines of both.
func decodeRows(folder, out string) []decodeRow {
	type pair struct{ nanoseconds, allocations float64 }
	found := map[string]map[string]pair{"Decode": {}, "Goflow2": {}}
	var names []string
	for line := range strings.Lines(out) {
		m := decodeLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		p := pair{math.NaN(), math.NaN()}
		for _, f := range decodeFigure.FindAllStringSubmatch(line, -1) {
			v, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				continue
			}
			if f[2] == "ns/record" {
				p.nanoseconds = v
			} else {
				p.allocations = v
			}
		}
		found[m[1]][m[2]] = p
		if m[1] == "Decode" {
			names = append(names, m[2])
		}
	}
	var rows []decodeRow
	for _, name := range names {
		peer, ok := found["Goflow2"][name]
		if !ok {
			peer = pair{math.NaN(), math.NaN()}
		}
		own := found["Decode"][name]
		rows = append(rows, decodeRow{
			name: strings.TrimSuffix(folder+" "+name, " "), nanoseconds: own.nanoseconds, allocations: own.allocations,
			peer: peer.nanoseconds, peerAllocate: peer.allocations,
		})
	}
	return rows
}

// TestDecodeRows reads lines as benchmarks write them.
func TestDecodeRows(t *testing.T) {
	rows := decodeRows("flows/x", `goos: linux
BenchmarkDecode/v9-2     	  200000	      5000 ns/op	       200.0 ns/record	       0 B/op	       0 allocs/op
BenchmarkDecode/odd      	  200000	      5000 ns/op	        10.5 ns/record
BenchmarkGoflow2/v9-2    	   10000	     90000 ns/op	      2000 ns/record	   90000 B/op	     700 allocs/op
`)
	if len(rows) != 2 || rows[0] != (decodeRow{"flows/x v9", 200, 0, 2000, 700}) {
		t.Fatalf("read %+v", rows)
	}
	if rows[1].nanoseconds != 10.5 || !math.IsNaN(rows[1].peer) {
		t.Errorf("a benchmark without a peer is read as %+v", rows[1])
	}
}

func renderDecode(rows []decodeRow, why string) string {
	if len(rows) == 0 {
		return "decode alone was not measured: " + why + "\n"
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"DECODE ALONE, ONE CORE", "NS/RECORD", "RECORDS/S", "ALLOCS/DATAGRAM", "GOFLOW2 NS/RECORD", "GOFLOW2 ALLOCS/DATAGRAM", "LINEWARDEN/GOFLOW2"})
	for _, r := range rows {
		t.AppendRow(table.Row{
			r.name, figure(r.nanoseconds, "%.1f"), figure(1e9/r.nanoseconds, "%.0f"), figure(r.allocations, "%.0f"),
			figure(r.peer, "%.1f"), figure(r.peerAllocate, "%.0f"), figure(r.peer/r.nanoseconds, "%.2f"),
		})
	}
	return t.Render() + "\n"
}
