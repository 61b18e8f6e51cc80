package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/linewarden/linewarden/report"
)

// routesReport is the outcome of BenchmarkRoutes.
type routesReport struct {
	table *routesTable
	rows  []*routesRow
}

// render returns what was measured, and what was aimed at beside it.
func (r *routesReport) render() string {
	return fmt.Sprintf("%d prefixes, %d sets of attributes; %s\nRatios are to the first line.\n%s\n%s\n",
		len(r.table.prefixes), r.table.sets, describeMachine(), r.tables(), r.aims())
}

// of returns what was found for a collector, nil if it was not measured.
func (r *routesReport) of(name string) *routesRow {
	for _, w := range r.rows {
		if w.name == name && w.why == "" {
			return w
		}
	}
	return nil
}

// ratio writes a quotient, or nothing where it is not known.
func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// tables writes time and memory of each collector.
func (r *routesReport) tables() string {
	t := report.NewTable("", "TABLE s", "RATIO", "CPU s", "RATIO", "MB", "RATIO", "MANY s", "RATIO", "MB", "RATIO")
	first := r.rows[0]
	for _, w := range r.rows {
		if w.why != "" {
			t.AppendRow(table.Row{w.name, w.why})
			continue
		}
		row := table.Row{
			w.name, fmt.Sprintf("%.2f", w.converge.Seconds()), ratio(w.converge.Seconds(), first.converge.Seconds()),
			fmt.Sprintf("%.1f", w.cpu.Seconds()), ratio(w.cpu.Seconds(), first.cpu.Seconds()),
			w.memory / 1e6, ratio(float64(w.memory), float64(first.memory)), "", "", "", "",
		}
		if w.manyTime > 0 {
			row[7], row[8] = fmt.Sprintf("%.2f", w.manyTime.Seconds()), ratio(w.manyTime.Seconds(), first.manyTime.Seconds())
			row[9], row[10] = w.manyMemory/1e6, ratio(float64(w.manyMemory), float64(first.manyMemory))
			if w.manySlow { // the true ones are greater
				for i := 7; i <= 10; i++ {
					row[i] = fmt.Sprintf("> %v", row[i])
				}
			}
		}
		t.AppendRow(row)
	}
	return t.Render()
}

// aims writes what is wanted of the table of routes beside what was found.
func (r *routesReport) aims() string {
	t := report.NewTable("AIM", "WANTED", "FOUND", "")
	met := func(ok bool) string {
		if ok {
			return "met"
		}
		return "not met"
	}
	compare := func(what string, other *routesRow, most float64, value func(*routesRow) float64) {
		if first := r.of(r.rows[0].name); first != nil && other != nil && value(other) > 0 {
			found := value(first) / value(other)
			t.AppendRow(table.Row{what, fmt.Sprintf("<= %.2f", most), fmt.Sprintf("%.2f", found), met(found <= most)})
		}
	}
	wall := func(w *routesRow) float64 { return w.converge.Seconds() }
	cpu := func(w *routesRow) float64 { return w.cpu.Seconds() }
	memory := func(w *routesRow) float64 { return float64(w.memory) }
	gobgpd, bird := r.of("gobgpd"), r.of("bird")
	compare("time to converge, of gobgpd's", gobgpd, 0.25, wall)
	compare("memory, of gobgpd's", gobgpd, 1.0/3, memory)
	compare("time to converge, of bird's", bird, 2, wall)
	compare("processor time to converge, of bird's", bird, 2, cpu)
	if w := r.of(r.rows[0].name); w != nil && w.whileDown != nil {
		t.AppendRow(table.Row{"p99 of a lookup like traffic, 10,000 flaps/s", "<= 150ns", w.flapping.p99, met(w.flapping.p99 <= 150)})
		t.AppendRow(table.Row{"p99 of a lookup of random prefixes, 10,000 flaps/s", "<= 150ns", w.scattered.p99, met(w.scattered.p99 <= 150)})
		held := w.whileDown.mostHeld
		t.AppendRow(table.Row{"longest lookup while a full table is lost", "<= 10ms", held, met(held <= 10*time.Millisecond)})
		t.AppendRow(table.Row{"  with waits for a processor that others had", "", w.whileDown.most, ""})
		t.AppendRow(table.Row{"  the same with nothing going on", "", w.quiet.most, ""})
		t.AppendRow(table.Row{"lookups/s like traffic, 10,000 flaps/s", "", int64(w.flapping.perSecond), ""})
	}
	return t.Render()
}

// TestRoutesReport checks what is said of figures that are met, of some that are
// not, and of one that was given up.
func TestRoutesReport(t *testing.T) {
	fine, slow := &lookupStats{p99: 90, most: time.Millisecond}, &lookupStats{p99: 400, most: 17 * time.Millisecond, mostHeld: 12 * time.Millisecond}
	r := &routesReport{table: new(routesTable), rows: []*routesRow{
		{
			name: "linewarden", converge: time.Second, cpu: 3 * time.Second, memory: 100e6, manyTime: time.Second, manyMemory: 500e6,
			quiet: fine, flapping: fine, scattered: slow, whileDown: slow,
		},
		{name: "gobgpd", converge: 20 * time.Second, cpu: 20 * time.Second, memory: 1000e6, manyTime: 300 * time.Second, manyMemory: 5000e6, manySlow: true},
		{name: "bird", converge: 400 * time.Millisecond, cpu: time.Second, memory: 50e6},
		{name: "other", why: "is not installed"},
	}}
	text := r.render()
	for _, want := range []string{"> 300.00", "is not installed", "0.05", "2.50", "400ns", "12ms", "17ms", "20.00"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "not met"); n != 4 { // both of bird's, random prefixes, the loss
		t.Errorf("%d are not met:\n%s", n, text)
	}
}
