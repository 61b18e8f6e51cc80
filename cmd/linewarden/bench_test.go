package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
)

// BenchmarkPath sends NetFlow v9, IPFIX and sFlow over loopback, from a second
// process, at rising rates, into the daemon with ledgers and the embedded
// engine, and the same load into other collectors. It reports for each the
// highest rate at which nothing was lost, by its own account, and what a record
// costs, and ends in a table of ratios.
//
// All collectors have the same receive buffers and share the machine with the
// generator. A collector that is not installed is in the table as not measured.
func BenchmarkPath(b *testing.B) {
	ctx := b.Context()
	collectors := []*benchCollector{linewardenUnderLoad(), goflow2Peer(ctx, b.TempDir()), pmacctPeer(), nfdumpPeer()}
	report := &benchReport{noDecode: "not chosen", machine: describeMachine()}
	for _, c := range collectors {
		if c.version != "" {
			report.versions = append(report.versions, c.version)
		}
	}
	b.Run("decode", func(b *testing.B) {
		rows, err := measureDecode(ctx, b.Logf)
		report.decode, report.noDecode = rows, "failed"
		if err != nil {
			b.Error(err)
		}
		b.ReportMetric(0, "ns/op")
	})
	load, err := startLoad()
	if err != nil {
		b.Fatal(err)
	}
	for _, protocol := range loadProtocols {
		for _, c := range collectors {
			row := &benchRow{protocol: protocol, name: c.name, why: c.missing}
			report.rows = append(report.rows, row)
			if c.missing != "" {
				continue
			}
			row.why = "not chosen"
			b.Run(protocol+"/"+strings.ReplaceAll(c.name, " ", "-"), func(b *testing.B) {
				row.why = "failed"
				t := &benchTrial{collector: c, protocol: protocol, log: b.Logf, load: load}
				result, err := t.measure(ctx)
				if err != nil {
					b.Fatal(err)
				}
				row.result, row.why, row.note = result, "", t.note
				row.tell(b)
			})
		}
	}
	if err := load.stop(); err != nil {
		b.Error(err)
	}
	fmt.Fprint(os.Stdout, report.render())
}

// benchRow is what was found for a collector and a protocol.
type benchRow struct {
	protocol, name string
	result         *benchResult // nil if there is none
	why            string       // there is none
	note           string
}

// tell reports the figures of a row as those of a benchmark.
func (r *benchRow) tell(b *testing.B) {
	b.ReportMetric(0, "ns/op") // one operation is a whole search: its time says nothing
	b.ReportMetric(r.result.median(), "flows/s")
	b.ReportMetric(r.result.own, "cpu-s/Mrecord")
	if r.result.children > 0 {
		b.ReportMetric(r.result.children, "children-cpu-s/Mrecord")
	}
	if !math.IsNaN(r.result.allocations) {
		b.ReportMetric(r.result.allocations, "allocs/record")
	}
	if !math.IsNaN(r.result.disk) {
		b.ReportMetric(r.result.disk, "B/flow")
	}
}

// benchReport is the table at the end.
type benchReport struct {
	machine  string
	versions []string // of the peers
	decode   []decodeRow
	noDecode string // why decode is empty
	rows     []*benchRow
}

// render writes the figures, and after them what was not measured and what the
// reader must know.
func (p *benchReport) render() string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"PROTOCOL", "COLLECTOR", "FLOWS/S AT ZERO LOSS", "SPREAD", "CPU S/M RECORDS", "ALLOCS/RECORD", "B/FLOW ON DISK", "LINEWARDEN/IT", "ITS CPU/LINEWARDEN'S"})
	var notes []string
	for _, r := range p.rows {
		if r.result == nil {
			t.AppendRow(table.Row{r.protocol, r.name, "not measured", "", "", "", "", "", ""})
			notes = append(notes, fmt.Sprintf("%s %s was not measured: %s", r.protocol, r.name, r.why))
			continue
		}
		x := r.result
		rate, cpu := p.ratios(r)
		reach := ""
		if x.generatorIsTheLimit {
			reach = "≥ "
		}
		t.AppendRow(table.Row{
			r.protocol, r.name, reach + strconv.FormatFloat(x.median(), 'f', 0, 64),
			fmt.Sprintf("%.0f – %.0f", slices.Min(x.rates), slices.Max(x.rates)),
			cpuText(x), figure(x.allocations, "%.3f"), figure(x.disk, "%.1f"), figure(rate, "%.2f"), figure(cpu, "%.2f"),
		})
		if x.strangers >= disturbedBy {
			notes = append(notes, fmt.Sprintf("%s %s: other programs used %.0f %% of the processors meanwhile", r.protocol, r.name, 100*x.strangers))
		}
		if r.note != "" {
			notes = append(notes, fmt.Sprintf("%s %s: %s", r.protocol, r.name, r.note))
		}
	}
	out := fmt.Sprintf("\nOn %s, beside %s.\n\n", p.machine, strings.Join(p.versions, ", ")) + renderDecode(p.decode, p.noDecode) + "\nWHOLE PATH\n" + t.Render() + "\n"
	for _, n := range notes {
		out += n + "\n"
	}
	return out
}

// describeMachine says where the figures are from.
func describeMachine() string {
	model := "an unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s/%s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

func cpuText(x *benchResult) string {
	if x.children == 0 {
		return fmt.Sprintf("%.2f", x.own)
	}
	return fmt.Sprintf("%.2f = %.2f + %.2f", x.own+x.children, x.own, x.children)
}

func figure(v float64, format string) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// ratios returns linewarden's rate through that of a row of the same protocol,
// and the row's CPU time through linewarden's.
func (p *benchReport) ratios(r *benchRow) (rate, cpu float64) {
	for _, own := range p.rows {
		if own.protocol == r.protocol && own.name == "linewarden" && own.result != nil && own != r {
			rate = own.result.median() / r.result.median()
			cpu = (r.result.own + r.result.children) / (own.result.own + own.result.children)
			return rate, cpu
		}
	}
	return math.NaN(), math.NaN()
}
