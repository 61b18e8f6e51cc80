package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// Policy says what Append does while the store is behind.
type Policy uint8

// The policies.
const (
	// Block makes Append wait until the store has taken or refused a batch.
	Block Policy = iota
	// Drop makes Append count the records as lost (queue_full).
	Drop
)

// FlowWriterConfig says how records are gathered and written.
type FlowWriterConfig struct {
	// Books take what became of each record; required.
	Books *flows.Books
	// MaxRows is the size at which a batch is sent; default 500000. The columns of
	// a row take about 200 bytes, and there are two batches.
	MaxRows int
	// MaxAge is the age of its oldest record at which a batch is sent; default
	// one second.
	MaxAge time.Duration
	// Spool keeps each batch on disk before it is sent to the store. A batch that
	// is there counts as written for Flush and Close; the spool enters it in its
	// books, which must be these. Nil sends to the store, and what it does not
	// take is lost.
	Spool *FlowSpool
	// Policy applies when one batch is full and the one before it is not
	// written yet.
	Policy Policy
	// RetryFor is how long a batch is sent again after errors that may pass;
	// default one minute. After it the batch is lost (store_refused).
	RetryFor time.Duration
}

func (c FlowWriterConfig) withDefaults() (FlowWriterConfig, error) {
	if c.Books == nil {
		return c, errors.New("a flow writer needs books")
	}
	if c.MaxRows <= 0 {
		c.MaxRows = 500_000
	}
	if c.MaxAge <= 0 {
		c.MaxAge = time.Second
	}
	if c.RetryFor <= 0 {
		c.RetryFor = time.Minute
	}
	if c.Spool != nil && c.Spool.cfg.Books != c.Books {
		return c, errors.New("a flow writer and its spool need the same books")
	}
	return c, nil
}

// FlowWriter writes flow records. There are two batches: one is filled by
// Append while a goroutine of the writer, which Close waits for, sends the
// other. Append and Flush are safe for concurrent use; Close comes after them.
type FlowWriter struct {
	cfg     FlowWriterConfig
	store   *Store
	sender  flowSender
	batches *gatherer[*flowBatch]
}

// NewFlowWriter starts a writer. Close ends it.
func (s *Store) NewFlowWriter(cfg FlowWriterConfig) (*FlowWriter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	w := &FlowWriter{cfg: cfg, store: s, sender: flowSender{store: s, table: "flows", retryFor: cfg.RetryFor}}
	w.batches = newGatherer(s.base(), gathering[*flowBatch]{
		what: "records", maxAge: cfg.MaxAge, policy: cfg.Policy,
		full:  func(b *flowBatch) bool { return b.rows >= cfg.MaxRows },
		seal:  func(b *flowBatch) { b.seal(time.Now()) },
		write: w.write, end: w.sender.close,
	}, newFlowBatch(), newFlowBatch())
	return w, nil
}

func (b *flowBatch) size() int { return b.rows }

// Append copies records into the batch. The records belong to the caller again
// when it returns. Its error says why records were lost; they are counted.
func (w *FlowWriter) Append(records []flows.Record) error {
	g := w.batches
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(records) > 0 {
		if err := g.roomLocked(); err != nil {
			return w.refuse(records, err)
		}
		n := min(w.cfg.MaxRows-g.filling.rows, len(records))
		for i := range records[:n] {
			g.filling.add(&records[i])
		}
		g.tookLocked(n)
		records = records[n:]
	}
	g.passLocked()
	return nil
}

// refuse counts records as lost.
func (w *FlowWriter) refuse(records []flows.Record, why error) error {
	reason := flows.ReasonStoreRefused
	if errors.Is(why, ErrQueueFull) {
		reason = flows.ReasonQueueFull
	}
	for i := range records {
		r := &records[i]
		at := r.Exported
		if at.IsZero() {
			at = r.Received
		}
		w.cfg.Books.Account(r.Source).Lose(at, reason, 1)
	}
	return fmt.Errorf("%d records dropped: %w", len(records), why)
}

// Flush returns when everything appended is acknowledged by the store, or the
// spool, or counted as lost, or when ctx ends.
func (w *FlowWriter) Flush(ctx context.Context) error { return w.batches.flush(ctx) }

// Close writes what is left and ends the writer. What neither the store nor the
// spool has acknowledged when ctx ends is counted as lost, even if it arrived.
func (w *FlowWriter) Close(ctx context.Context) error { return w.batches.close(ctx) }

// write leads a batch to the store or into the spool, and sees to its books.
func (w *FlowWriter) write(ctx context.Context, batch *flowBatch) {
	if w.cfg.Spool != nil {
		w.cfg.Spool.take(ctx, batch, &w.sender)
		return
	}
	err := w.sender.send(ctx, batch)
	batch.settle(func(key tallyKey, n uint64) {
		account, minute := w.cfg.Books.Account(key.source), time.Unix(key.minute*60, 0)
		if err != nil {
			account.Lose(minute, flows.ReasonStoreRefused, n)
			return
		}
		account.Stored(minute, n)
	})
	if err != nil {
		w.store.log.Error("flows were lost: the store did not take them", "records", batch.rows, "error", err)
	}
}
