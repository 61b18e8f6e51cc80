package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
)

// benchConfig is the daemon under load; the rest is as by default.
const benchConfig = `carrier: {name: Bench, asns: [64500], timezone: Asia/Shanghai}
collector:
  netflow: {listen: [%q]}
  sflow: {listen: [%q]}
  receive_buffer: %d
bgp: {listen: "127.0.0.1:0", neighbors: [{address: 127.0.0.1, asn: 64500}], bmp: {listen: "127.0.0.1:0"}}
rules: {every: 24h}
http: {listen: %q}
`

// writeAge is how long the daemon gathers records before it stores them.
const writeAge = time.Second

var (
	storedSeries = regexp.MustCompile(`(?m)^linewarden_flow_records_stored_total\{.*\} (\S+)$`)
	lostSeries   = regexp.MustCompile(`(?m)^linewarden_flow_records_lost_total\{.*\} (\S+)$`)
)

// linewardenUnderLoad is the daemon as people run it, with ledgers, into the
// embedded engine.
func linewardenUnderLoad() *benchCollector {
	return &benchCollector{name: "linewarden", start: startLinewarden, expected: 200_000}
}

func startLinewarden(ctx context.Context, protocol string, target netip.AddrPort, dir string) (*benchRun, error) {
	netflow := target
	sflow, err := freePort()
	if err != nil {
		return nil, err
	}
	if protocol == "sflow5" {
		netflow, sflow = sflow, netflow
	}
	web, err := freeTCP()
	if err != nil {
		return nil, err
	}
	file, data := filepath.Join(dir, "linewarden.yaml"), filepath.Join(dir, "data")
	text := fmt.Appendf(nil, benchConfig, netflow, sflow, benchBuffer, web)
	err = errors.Join(os.WriteFile(file, text, 0o600), writeLoadLedgers(filepath.Join(data, "registry")))
	if err != nil {
		return nil, err
	}
	p, err := startProcess(dir, program, "serve", "--config", file, "--data", data)
	if err != nil {
		return nil, err
	}
	metrics := &scraper{url: "http://" + web + "/metrics"}
	r := &benchRun{
		benchProcess: p, stop: syscall.SIGTERM, late: writeAge,
		taken:       func(ctx context.Context) (uint64, error) { return metrics.sum(ctx, storedSeries) },
		allocations: metrics.allocations,
		disk:        func(ctx context.Context) (float64, error) { return flowsOnDisk(ctx, file, data) },
		check:       func(ctx context.Context) error { return checkStored(ctx, metrics, file, data) },
	}
	return r, ready(ctx, p, target, "http://"+web+"/readyz")
}

func freeTCP() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// withStore opens the store of a running daemon.
func withStore(ctx context.Context, file, data string, do func(s *opened) error) error {
	cfg, err := LoadConfig(file, data)
	if err != nil {
		return err
	}
	s, err := openStoreOf(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// flowsOnDisk is how many bytes on disk a flow takes.
func flowsOnDisk(ctx context.Context, file, data string) (bytes float64, err error) {
	err = withStore(ctx, file, data, func(s *opened) error {
		stats, err := s.Stats(ctx)
		bytes = stats.BytesPerFlow()
		return err
	})
	return bytes, err
}

// checkStored wants the rows in the store, the books in the store and the
// metrics of the daemon to agree about what was stored and what was lost.
func checkStored(ctx context.Context, metrics *scraper, file, data string) error {
	stored, err := metrics.sum(ctx, storedSeries)
	if err != nil {
		return err
	}
	lost, err := metrics.sum(ctx, lostSeries)
	if err != nil {
		return err
	}
	return withStore(ctx, file, data, func(s *opened) error {
		stats, err := s.Stats(ctx)
		if err != nil {
			return err
		}
		rows := uint64(0)
		for _, t := range stats.Tables {
			if t.Name == "flows" {
				rows = t.Rows
			}
		}
		if rows != stored {
			return fmt.Errorf("%d flows are in the store, the daemon says %d", rows, stored)
		}
		return checkBooks(ctx, s, stored, lost)
	})
}

// checkBooks waits until the books were written, which is done from time to
// time, and compares them.
func checkBooks(ctx context.Context, s *opened, stored, lost uint64) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	limit := time.Now().Add(30 * time.Second)
	for {
		now := time.Now()
		entries, err := s.BookEntries(ctx, rules.Window{From: now.Add(-time.Hour), To: now.Add(time.Hour)})
		if err != nil {
			return err
		}
		var sum flows.Count
		for i := range entries {
			sum.Add(&entries[i].Count)
		}
		if sum.Stored == stored && sum.TotalLost() == lost && sum.Records == stored+lost {
			return nil
		}
		if now.After(limit) {
			return fmt.Errorf("the books in the store say %d records, %d stored, %d lost, the daemon says %d stored, %d lost",
				sum.Records, sum.Stored, sum.TotalLost(), stored, lost)
		}
		<-tick.C
	}
}
