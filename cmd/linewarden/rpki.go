package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/bgp/rtr"
)

// rpki is what the origins of routes are validated by: the payloads of a file
// and of caches, used together.
type rpki struct {
	table  *rib.RIB
	caches *rtr.Client
	log    *slog.Logger

	size atomic.Int64 // payloads in use

	mu      sync.Mutex // guards all below
	file    []rib.VRP  // nil = there is none
	fetched []rib.VRP
	current int // caches that fetched counts
}

var _ rtr.Sink = (*rpki)(nil)

// newRPKI returns payloads for a table, which is given those of the file.
func newRPKI(cfg *Config, table *rib.RIB, file []rib.VRP, log *slog.Logger) (*rpki, error) {
	p := &rpki{table: table, log: log}
	var err error
	if p.caches, err = rtr.New(rtrConfig(cfg), rtr.Deps{Sink: p, Logger: log}); err != nil {
		return nil, fmt.Errorf("configuration of bgp.rpki.rtr: %w", err)
	}
	p.setFile(file)
	return p, nil
}

func rtrConfig(cfg *Config) rtr.Config {
	c := rtr.DefaultConfig()
	for _, cache := range cfg.BGP.RPKI.RTR {
		c.Caches = append(c.Caches, cache.Address)
	}
	return c
}

func (p *rpki) start(ctx context.Context) { p.caches.Start(ctx) }

func (p *rpki) stop(ctx context.Context) error { return p.caches.Stop(ctx) }

// setFile takes the payloads of the file anew.
func (p *rpki) setFile(file []rib.VRP) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file = file
	p.applyLocked()
}

// Payloads implements rtr.Sink.
func (p *rpki) Payloads(caches int, all iter.Seq[rtr.Payload]) {
	var list []rib.VRP
	for v := range all {
		list = append(list, rib.VRP{Prefix: v.Prefix, MaxLength: v.MaxLength, ASN: v.ASN})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetched, p.current = list, caches
	p.applyLocked()
}

// applyLocked validates by what there is. Without a file or a current cache
// nothing is validated: that is not the same as payloads that cover nothing.
func (p *rpki) applyLocked() {
	now := time.Now().UTC()
	var vrps *rib.VRPs
	if p.file != nil || p.current > 0 {
		all := make([]rib.VRP, 0, len(p.file)+len(p.fetched))
		var err error
		if vrps, err = rib.NewVRPs(append(append(all, p.file...), p.fetched...), now); err != nil {
			p.log.Error("payloads of the RPKI are not taken, those before them stay in use", "error", err)
			return
		}
	}
	p.size.Store(int64(vrps.Len()))
	p.table.Revalidate(vrps, now)
	p.log.Debug("routes are validated by other payloads", "payloads", vrps.Len(), "caches", p.current, "took", time.Since(now))
}

// inUse returns how many payloads routes are validated by. It does not wait for
// a change of them.
func (p *rpki) inUse() int64 { return p.size.Load() }
