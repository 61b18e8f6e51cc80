package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
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
// generator (2,000 lines, 21,000 allocations) by `linewarden audit`, and what
// comes before it, the roll-up of the day, for a day and for one with ten times
// the flows. The audit costs with lines, and not with flows.
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
	var before time.Duration
	for i, n := range []int{small, 10 * small} {
		day := last - registry.Date(i)
		b.Run(fmt.Sprintf("flows=%d", n), func(b *testing.B) {
			stored := carrier.fill(b, day, n)
			rolled := carrier.rollUp(b, day)
			var took time.Duration
			var memory int64
			for b.Loop() {
				took, memory = carrier.audit(b, day)
			}
			b.ReportMetric(float64(n)/stored.Seconds(), "stored/s")
			b.ReportMetric(float64(n)/rolled.Seconds(), "rolled/s")
			b.ReportMetric(rolled.Seconds(), "roll-up-s")
			b.ReportMetric(took.Seconds(), "audit-s")
			b.ReportMetric(float64(memory)/(1<<20), "audit-MiB")
			if before > 0 {
				b.ReportMetric(took.Seconds()/before.Seconds(), "times-a-tenth")
			}
			before = took
		})
	}
}

// auditCarrier is a daemon with the ledgers of the load generator.
type auditCarrier struct {
	cfg        *Config
	file, data string
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
		traffic := make([]*loadTraffic, loadExporters)
		for e := range traffic {
			traffic[e] = newLoadTraffic(0, e)
		}
		records := make([]flows.Record, 0, 256)
		start, step := day.Start(c.cfg.location), 24*time.Hour/time.Duration(n)
		for i := range n {
			e := i / 16 % loadExporters
			records = append(records, recordOf(traffic[e].flow(i%8 == 0), e, start.Add(time.Duration(i)*step)))
			if len(records) < cap(records) && i < n-1 {
				continue
			}
			for i := range records {
				p.books.Account(records[i].Source).Update(records[i].Exported, func(c *flows.Count) { c.Records++ })
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
		Source:   flows.Source{Exporter: loadAddress(0, exporter), Domain: 1, Version: flows.NetFlow9},
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

// audit runs the command, and returns how long it took and what memory it had.
func (c *auditCarrier) audit(b *testing.B, day registry.Date) (took time.Duration, memory int64) {
	b.Helper()
	began := time.Now()
	cmd := exec.CommandContext(b.Context(), program, "--config", c.file, "--data", c.data, "audit", "--from", day.String(), "--to", day.String())
	cmd.Stdout, cmd.Stderr = io.Discard, b.Output()
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the system does not say what a process used")
	}
	return time.Since(began), usage.Maxrss << 10
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
