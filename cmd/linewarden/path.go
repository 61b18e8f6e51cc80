package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/linewarden/linewarden/collector"
	"github.com/linewarden/linewarden/collector/enrich"
	"github.com/linewarden/linewarden/collector/snmp"
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/netflow"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/storage"
)

// path is what received and imported flows share: one set of books, the
// decoders with what they remember, and enrichment.
type path struct {
	books    *flows.Books
	netflow  *netflow.Decoder
	sflow    *sflow.Decoder
	ledgers  *enrich.Ledgers
	enricher *enrich.Enricher
	counters *collector.CounterKeeper // nil where counters are not kept
}

// newPath returns a path that has seen nothing yet. Routes may be nil.
func newPath(cfg *Config, snapshot *registry.Snapshot, routes enrich.RouteLookup, keepEventTime bool) (*path, error) {
	p := &path{books: flows.NewBooks(), ledgers: enrich.NewLedgers(snapshot)}
	sampling := func(exporter netip.Addr) uint64 { return p.ledgers.Sampling(exporter) }
	c := cfg.Collector
	p.netflow = netflow.New(netflow.Config{
		Books: p.books, MaxSkew: c.Clock.MaxSkew, KeepEventTime: keepEventTime,
		ParkingBytes: c.Parking.MaxBytes, ParkingAge: c.Parking.MaxAge, Sampling: sampling,
	})
	p.sflow = sflow.New(sflow.Config{Books: p.books, Sampling: sampling})
	var err error
	p.enricher, err = enrich.New(enrich.Config{Ledgers: p.ledgers, Routes: routes, Location: cfg.location})
	if err != nil {
		return nil, fmt.Errorf("prepare enrichment: %w", err)
	}
	return p, nil
}

// keepCounters has readings of interface counters stored from now on.
func (p *path) keepCounters(s *storage.Store, log *slog.Logger) {
	p.counters = collector.NewCounterKeeper(s, p.ledgers.Known, log)
	p.sflow.KeepCounters(p.counters)
}

// newPoller returns a poller of the exporters in the ledgers in use.
func (p *path) newPoller(cfg *Config, log *slog.Logger) (*snmp.Poller, error) {
	return snmp.New(cfg.Collector.SNMP, snmp.Deps{Sink: p.counters, Logger: log, Exporters: func() (list []netip.Addr) {
		for _, e := range p.ledgers.Load().Ledgers().Exporters {
			list = append(list, e.Address)
		}
		return list
	}})
}

// newSink returns a sink into the store, through the spool if there is one.
func (p *path) newSink(s *storage.Store, spool *storage.FlowSpool) (collector.FlowSink, error) {
	w, err := s.NewFlowWriter(storage.FlowWriterConfig{Books: p.books, Spool: spool, Policy: storage.Block, RetryFor: time.Minute})
	if err != nil {
		return nil, fmt.Errorf("open a writer of flows: %w", err)
	}
	return w, nil
}

// pipelineConfig leads datagrams from the decoders to sink.
func (p *path) pipelineConfig(sink collector.FlowSink) collector.PipelineConfig {
	return collector.PipelineConfig{Netflow: p.netflow, SFlow: p.sflow, Enricher: p.enricher, Sink: sink, Books: p.books}
}

// collectorDeps leads received datagrams through the spool into the store,
// under the books of this path.
func (p *path) collectorDeps(s *storage.Store, spool *storage.FlowSpool, log *slog.Logger) collector.Deps {
	shared := &sharedSink{open: func() (collector.FlowSink, error) { return p.newSink(s, spool) }}
	return collector.Deps{
		Books: p.books, Netflow: p.netflow, SFlow: p.sflow, Enricher: p.enricher,
		NewSink:   shared.user,
		BooksSink: spool, State: p.netflow, Known: p.ledgers.Known, Logger: log,
	}
}

// sharedSink is one writer for all workers. A batch of all of them together is
// larger than one of each, and a large part costs the store less than many
// small ones that it has to merge.
type sharedSink struct {
	collector.FlowSink
	open func() (collector.FlowSink, error)

	mu    sync.Mutex // guards everything below
	users int
}

// user returns the sink for one more worker.
func (s *sharedSink) user(int) (collector.FlowSink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		sink, err := s.open()
		if err != nil {
			return nil, err
		}
		s.FlowSink = sink
	}
	s.users++
	return s, nil
}

// Close ends the sink with its last user; for those before it, it flushes.
func (s *sharedSink) Close(ctx context.Context) error {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if !last {
		return s.Flush(ctx)
	}
	return s.FlowSink.Close(ctx)
}

// openSpool opens the spool of a daemon and begins to send what an earlier one
// left in it.
func (p *path) openSpool(cfg *Config, s *storage.Store) (*storage.FlowSpool, error) {
	c := cfg.Collector.Spool
	spool, err := s.OpenFlowSpool(storage.FlowSpoolConfig{
		Dir: c.Dir, MaxBytes: int64(c.MaxBytes), DropNewest: c.AtFull == dropNewest, Sync: c.Sync, Books: p.books,
	})
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	return spool, nil
}

// sampling returns the sampling rates in use, per source.
func (p *path) sampling() map[flows.Source][]uint64 {
	rates := p.netflow.Sampling()
	maps.Copy(rates, p.sflow.Sampling())
	return rates
}
