package enrich

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// Ledgers holds the snapshot that is in use. It is safe for concurrent use.
type Ledgers struct {
	held atomic.Pointer[held]
}

// held is a snapshot with the view of the day it was taken into use: rows of
// exporters have no validity, any day shows them.
type held struct {
	snapshot *registry.Snapshot
	today    *registry.View
}

// NewLedgers returns a holder of snapshot; nil stands for empty ledgers.
func NewLedgers(snapshot *registry.Snapshot) *Ledgers {
	l := new(Ledgers)
	if snapshot == nil {
		snapshot = registry.NewSnapshot(&registry.Ledgers{}, nil)
	}
	l.Swap(snapshot)
	return l
}

// Swap takes snapshot into use and returns the one before it. Batches that are
// being enriched are finished with the one they began with.
func (l *Ledgers) Swap(snapshot *registry.Snapshot) *registry.Snapshot {
	before := l.held.Swap(&held{snapshot, snapshot.At(registry.DateOf(time.Now().UTC()))})
	if before == nil {
		return nil
	}
	return before.snapshot
}

// Load returns the snapshot in use.
func (l *Ledgers) Load() *registry.Snapshot { return l.held.Load().snapshot }

// Known tells whether the exporter is in the ledgers.
func (l *Ledgers) Known(exporter netip.Addr) bool {
	return l.held.Load().today.Exporter(exporter) != nil
}

// Sampling returns the rate the ledgers give for the exporter, as packets per
// sample; 0 if they give none.
func (l *Ledgers) Sampling(exporter netip.Addr) uint64 {
	if e := l.held.Load().today.Exporter(exporter); e != nil {
		return e.Sampling
	}
	return 0
}
