package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// auditFlows is how many flows the smaller of two days has, unless
// LINEWARDEN_BENCH_FLOWS says another number; the larger day has ten times as
// many.
const auditFlows = 5_000_000

// BenchmarkAudit measures a full audit of one day over the carrier of the load
// generator (2,000 lines, 21,000 allocations, 48 exporters) by `linewarden
// audit`, and what comes before it, the roll-up of the day, for a day and for
// one with ten times the flows. The audit costs with lines, and not with flows.
//
// It reports the seconds of the roll-up and of the audit, those of all rules and
// of each that took more than a tenth of a second, the CPU time of command and
// engine together, the peak memory of each, and how many times as long the
// larger day took.
func BenchmarkAudit(b *testing.B) {
	small := auditFlows
	if text := os.Getenv("LINEWARDEN_BENCH_FLOWS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			b.Fatalf("LINEWARDEN_BENCH_FLOWS is %q, and no number from 1000", text)
		}
		small = n
	}
	carrier := newAuditCarrier(b)
	last := lastCompleteDay(time.Now(), carrier.cfg.location)
	var before auditRun
	for i, n := range []int{small, 10 * small} {
		day := last - registry.Date(i)
		b.Run(fmt.Sprintf("flows=%d", n), func(b *testing.B) {
			stored := carrier.fill(b, day, n)
			rolled := carrier.rollUp(b, day)
			var run auditRun
			for b.Loop() {
				run = carrier.audit(b, day)
			}
			b.ReportMetric(float64(n)/stored.Seconds(), "stored/s")
			b.ReportMetric(float64(n)/rolled.Seconds(), "rolled/s")
			b.ReportMetric(rolled.Seconds(), "roll-up-s")
			run.report(b)
			if before.took > 0 {
				b.ReportMetric(run.took.Seconds()/before.took.Seconds(), "times-a-tenth")
				b.ReportMetric(run.rules/before.rules, "rules-times-a-tenth")
			}
			before = run
		})
	}
}

// auditRun is what one run of the command took.
type auditRun struct {
	took time.Duration
	// rules are the seconds of all rules, and parts those of each.
	rules float64
	parts map[string]float64
	cpu   time.Duration // of the command and of the engine
	// memory and engine are the peaks of the command and of the engine, in bytes.
	memory, engine int64
}

func (r *auditRun) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(r.took.Seconds(), "audit-s")
	b.ReportMetric(r.rules, "rules-s")
	b.ReportMetric(r.cpu.Seconds(), "audit-cpu-s")
	b.ReportMetric(float64(r.memory)/(1<<20), "audit-MiB")
	b.ReportMetric(float64(r.engine)/(1<<20), "engine-MiB")
	for rule, seconds := range r.parts {
		if seconds > 0.1 {
			b.ReportMetric(seconds, rule+"-s")
		}
	}
}

// auditCarrier is a daemon with the ledgers of the load generator.
type auditCarrier struct {
	cfg        *Config
	file, data string
	daemon     int // its process, whose child is the engine
}

func newAuditCarrier(b *testing.B) *auditCarrier {
	b.Helper()
	dir := b.TempDir()
	c := &auditCarrier{file: filepath.Join(dir, "linewarden.yaml"), data: filepath.Join(dir, "data")}
	netflow, err := freePort()
	if err != nil {
		b.Fatal(err)
	}
	run, err := startLinewarden(b.Context(), "netflow9", netflow, dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := run.end(run.stop); err != nil {
			b.Error(err)
		}
	})
	c.daemon = run.cmd.Process.Pid
	if c.cfg, err = LoadConfig(c.file, c.data); err != nil {
		b.Fatal(err)
	}
	return c
}

// fill stores flows of a day as the daemon would, and returns how long it took.
func (c *auditCarrier) fill(b *testing.B, day registry.Date, n int) time.Duration {
	b.Helper()
	ctx, began := b.Context(), time.Now()
	c.within(b, func(s *opened, snapshot *registry.Snapshot) error {
		p, err := newPath(c.cfg, snapshot, nil, true)
		if err != nil {
			return err
		}
		w, err := s.NewFlowWriter(storage.FlowWriterConfig{Books: p.books}) //nolint:contextcheck // a writer outlives the call that opens it
		if err != nil {
			return err
		}
		traffic := make([]*loadTraffic, len(loadProtocols)*loadExporters)
		for e := range traffic {
			traffic[e] = newLoadTraffic(e/loadExporters, e%loadExporters)
		}
		records := make([]flows.Record, 0, 256)
		start, step := day.Start(c.cfg.location), 24*time.Hour/time.Duration(n)
		for i := range n {
			e := i / 16 % len(traffic)
			records = append(records, recordOf(traffic[e].flow(i%8 == 0), e, start.Add(time.Duration(i)*step)))
			if len(records) < cap(records) && i < n-1 {
				continue
			}
			for i := range records {
				p.books.Account(records[i].Source).Update(records[i].Exported, func(c *flows.Count) {
					c.Datagrams++
					c.Records++
				})
			}
			p.enricher.Enrich(records)
			if err := w.Append(records); err != nil {
				return err
			}
			records = records[:0]
		}
		if err := w.Close(ctx); err != nil {
			return err
		}
		var entries []flows.Entry
		p.books.Drain(func(source flows.Source, minute time.Time, c *flows.Count) {
			entries = append(entries, flows.Entry{Source: source, Minute: minute, Count: *c})
		})
		return s.WriteBooks(ctx, entries)
	})
	return time.Since(began)
}

// recordOf is the record that a decoder makes of a flow.
func recordOf(f loadFlow, exporter int, at time.Time) flows.Record {
	return flows.Record{
		Source:   flows.Source{Exporter: loadAddress(exporter/loadExporters, exporter%loadExporters), Domain: 1, Version: flows.NetFlow9},
		Received: at, Exported: at, Start: at.Add(-time.Duration(f.span) * time.Millisecond), End: at,
		Src: f.src, Dst: f.dst, NextHop: f.next, Bytes: uint64(f.bytes), Packets: uint64(f.packets),
		SamplingRate: loadSampling, SamplingSource: flows.SamplingOptions, InIf: f.inIf, OutIf: f.outIf, SrcAS: f.srcAS, DstAS: f.dstAS,
		SrcPort: f.srcPort, DstPort: f.dstPort, SrcVLAN: f.vlan, Proto: f.proto, ToS: f.tos, TCPFlags: uint16(f.tcpFlags),
	}
}

// rollUp does what the daemon does as hours close.
func (c *auditCarrier) rollUp(b *testing.B, day registry.Date) time.Duration {
	b.Helper()
	began := time.Now()
	c.within(b, func(s *opened, snapshot *registry.Snapshot) error {
		return rollUp(b.Context(), s, snapshot, rules.Window{From: day.Start(c.cfg.location), To: (day + 1).Start(c.cfg.location)})
	})
	return time.Since(began)
}

// judgedLine is what the log says of a rule.
var judgedLine = regexp.MustCompile(`msg="rule judged" rule=(\S+) subjects=\d+ seconds=(\S+)`)

// audit runs the command.
func (c *auditCarrier) audit(b *testing.B, day registry.Date) auditRun {
	b.Helper()
	before, err := timesOf(c.daemon)
	if err != nil {
		b.Fatal(err)
	}
	peak := watchPeak(b, c.daemon)
	began := time.Now()
	cmd := exec.CommandContext(b.Context(), program, "--verbose", "--config", c.file, "--data", c.data, "audit", "--from", day.String(), "--to", day.String())
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &log
	memory, err := runWatched(cmd)
	if err != nil {
		b.Fatalf("%v\n%s", err, log.String())
	}
	r := auditRun{took: time.Since(began), parts: make(map[string]float64), memory: memory, engine: peak()}
	after, err := timesOf(c.daemon)
	if err != nil {
		b.Fatal(err)
	}
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + after.minus(before).children
	for _, m := range judgedLine.FindAllStringSubmatch(log.String(), -1) {
		seconds, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			b.Fatal(err)
		}
		r.parts[m[1]] = seconds
		r.rules += seconds
	}
	if len(r.parts) == 0 {
		b.Fatalf("the log names no rule:\n%s", log.String())
	}
	return r
}

// watchPeak forgets the peak memory of the children of a process, and returns a
// function that says what it is since, in bytes.
func watchPeak(b *testing.B, parent int) func() int64 {
	b.Helper()
	var children []string
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended since
		}
		children = append(children, strings.Fields(string(text))...)
	}
	if len(children) == 0 {
		b.Fatal("the daemon has no engine")
	}
	for _, child := range children {
		if err := os.WriteFile("/proc/"+child+"/clear_refs", []byte("5"), 0); err != nil { // proc(5): resets VmHWM
			b.Fatal(err)
		}
	}
	return func() (bytes int64) {
		for _, child := range children {
			peak, err := peakOf(child)
			if err != nil {
				b.Fatal(err)
			}
			bytes += peak
		}
		return bytes
	}
}

// peakOf is the peak memory of a living process in bytes.
func peakOf(pid string) (bytes int64, err error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, fmt.Errorf("process %s has no peak of memory", pid)
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10, err
}

// runWatched runs a command and returns its peak memory in bytes, as it was
// seen while it ran. What wait4(2) says is no use: it holds the peak of the
// process that started the command too, which has just stored a day of flows.
func runWatched(cmd *exec.Cmd) (memory int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // received below
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			return memory, err
		case <-look.C:
			if peak, err := peakOf(strconv.Itoa(cmd.Process.Pid)); err == nil { // else it has just ended
				memory = max(memory, peak)
			}
		}
	}
}

func (c *auditCarrier) within(b *testing.B, do func(s *opened, snapshot *registry.Snapshot) error) {
	b.Helper()
	err := withStore(b.Context(), c.file, c.data, func(s *opened) error {
		snapshot, err := s.snapshot(b.Context(), c.cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return do(s, snapshot)
	})
	if err != nil {
		b.Fatal(err)
	}
}
