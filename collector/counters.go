package collector

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// CounterStore keeps readings of interface counters for good.
type CounterStore interface {
	// WriteCounters stores the readings: all of them, or it returns an error and
	// has stored none. The same readings offered again are stored once.
	WriteCounters(ctx context.Context, readings []flows.Counters) error
}

// CounterReason names why a reading of counters was not stored.
type CounterReason uint8

// The reasons. Each reading received ends as stored or under exactly one.
const (
	// CounterThinned is a reading of a minute that has another of its interface.
	CounterThinned CounterReason = iota
	// CounterMalformed is one that contradicts its format.
	CounterMalformed
	// CounterUnknownExporter is one of a device that is in no ledger.
	CounterUnknownExporter
	// CounterTooMany is one of an interface beyond those that are followed.
	CounterTooMany
	// CounterQueueFull is one for which there was no room while the store took none.
	CounterQueueFull
	// CounterShutdown is one that the store had not taken at the end.
	CounterShutdown

	numCounterReasons
)

// String returns the metric label.
func (r CounterReason) String() string {
	return [...]string{
		"thinned", "malformed", "unknown_exporter", "too_many_interfaces", "queue_full", "shutdown", "unknown",
	}[min(r, numCounterReasons)]
}

const (
	// mostInterfaces bounds the interfaces that are followed, and mostReadings
	// the readings that wait for the store: a minute of all of them.
	mostInterfaces = 1 << 18
	mostReadings   = mostInterfaces
	// mostAtOnce is how many readings one write has.
	mostAtOnce = 1 << 15
	// lastWrite is how long the end waits for the store.
	lastWrite = 5 * time.Second
)

// CounterBooks is the account of readings. It balances when
//
//	Received = Stored + sum(Lost) + Waiting
type CounterBooks struct {
	// Received counts by source.
	Received map[flows.CounterSource]uint64
	Stored   uint64
	Lost     [numCounterReasons]uint64
	Waiting  int
}

// CounterKeeper takes readings of interface counters from decoders and pollers,
// one of each interface and minute, and carries them to the store. It is safe
// for concurrent use, but for Write, Run and End.
type CounterKeeper struct {
	known func(netip.Addr) bool
	store CounterStore
	log   *slog.Logger
	most  int // interfaces and readings

	offered []flows.Counters // refused by the store, or not yet offered

	mu     sync.Mutex // guards everything below
	next   []flows.Counters
	latest map[interfaceKey]int64 // minute of the last reading
	books  CounterBooks
}

type interfaceKey struct {
	exporter netip.Addr
	index    uint32
	source   flows.CounterSource
}

var _ flows.CounterSink = (*CounterKeeper)(nil)

// NewCounterKeeper returns a keeper. known tells whether an exporter is in the
// ledgers; others are not followed.
func NewCounterKeeper(store CounterStore, known func(netip.Addr) bool, log *slog.Logger) *CounterKeeper {
	return &CounterKeeper{
		known: known, store: store, log: log, most: mostInterfaces,
		latest: make(map[interfaceKey]int64), books: CounterBooks{Received: make(map[flows.CounterSource]uint64)},
	}
}

// TakeCounters implements flows.CounterSink.
func (k *CounterKeeper) TakeCounters(c flows.Counters) {
	known := k.known(c.Exporter)
	key := interfaceKey{c.Exporter, c.Interface, c.Source}
	minute := c.At.Unix() / 60
	k.mu.Lock()
	defer k.mu.Unlock()
	k.books.Received[c.Source]++
	last, followed := k.latest[key]
	switch {
	case !known:
		k.books.Lost[CounterUnknownExporter]++
	case followed && last == minute:
		k.books.Lost[CounterThinned]++
	case !followed && len(k.latest) >= k.most:
		k.books.Lost[CounterTooMany]++
	case len(k.next) >= min(k.most, mostReadings):
		k.books.Lost[CounterQueueFull]++
	default:
		k.latest[key] = minute
		k.next = append(k.next, c)
		k.books.Waiting++
	}
}

// MalformedCounters implements flows.CounterSink.
func (k *CounterKeeper) MalformedCounters(netip.Addr) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.books.Received[flows.CountersSFlow]++
	k.books.Lost[CounterMalformed]++
}

// Books returns the account so far.
func (k *CounterKeeper) Books() CounterBooks {
	k.mu.Lock()
	defer k.mu.Unlock()
	books := k.books
	books.Received = maps.Clone(k.books.Received)
	return books
}

// Write hands over everything taken so far. After an error call it again: what
// the store refused is offered again as the same readings, before anything newer.
func (k *CounterKeeper) Write(ctx context.Context) error {
	for {
		if len(k.offered) == 0 && !k.offer() {
			return nil
		}
		if err := k.store.WriteCounters(ctx, k.offered); err != nil {
			return fmt.Errorf("write %d readings of counters: %w", len(k.offered), err)
		}
		k.mu.Lock()
		k.books.Stored += uint64(len(k.offered))
		k.books.Waiting -= len(k.offered)
		k.mu.Unlock()
		k.offered = nil
	}
}

// offer takes the next readings to write, if there are any.
func (k *CounterKeeper) offer() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := min(len(k.next), mostAtOnce)
	k.offered = append(k.offered, k.next[:n]...)
	k.next = append(k.next[:0], k.next[n:]...)
	return n > 0
}

// forget no longer follows interfaces that were not read for two hours.
func (k *CounterKeeper) forget(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, minute := range k.latest {
		if minute < now.Unix()/60-120 {
			delete(k.latest, key)
		}
	}
}

// Run writes from time to time until ctx ends.
func (k *CounterKeeper) Run(ctx context.Context, every time.Duration) {
	tick, hour := time.NewTicker(every), time.NewTicker(time.Hour)
	defer tick.Stop()
	defer hour.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-hour.C:
			k.forget(now)
		case <-tick.C:
			if err := k.Write(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn("counters were not written and are kept for the next time", "error", err)
			}
		}
	}
}

// End writes what is left when nobody takes readings any more, or counts it as
// lost.
func (k *CounterKeeper) End(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lastWrite)
	defer cancel()
	err := k.Write(ctx)
	if err == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.books.Waiting
	k.books.Lost[CounterShutdown] += uint64(n)
	k.offered, k.next, k.books.Waiting = nil, nil, 0
	return fmt.Errorf("give up %d readings at the end: %w", n, err)
}
