package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	cfg    FlowWriterConfig
	store  *Store
	sender flowSender
	wake   chan struct{}      // tells the goroutine that something changed
	cancel context.CancelFunc // ends what the goroutine is doing
	done   chan struct{}      // closed when the goroutine has ended

	mu       sync.Mutex // guards everything below
	changed  *sync.Cond // broadcast when settled or ready changed
	filling  *flowBatch
	ready    *flowBatch // sealed and to be sent or being sent, nil if none
	spare    *flowBatch // empty, nil while ready is not
	since    time.Time  // when the first record of filling came
	appended uint64     // records taken
	settled  uint64     // records of them that are stored or lost
	urgent   uint64     // up to which record not to wait for more
	closed   bool
}

// NewFlowWriter starts a writer. Close ends it.
func (s *Store) NewFlowWriter(cfg FlowWriterConfig) (*FlowWriter, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	ctx, cancel := context.WithCancel(s.base())
	w := &FlowWriter{
		cfg: cfg, store: s, sender: flowSender{store: s, retryFor: cfg.RetryFor},
		wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
		filling: newFlowBatch(), spare: newFlowBatch(),
	}
	w.changed = sync.NewCond(&w.mu)
	go w.run(ctx)
	return w, nil
}

// Append copies records into the batch. The records belong to the caller again
// when it returns. Its error says why records were lost; they are counted.
func (w *FlowWriter) Append(records []flows.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(records) > 0 {
		room := w.cfg.MaxRows - w.filling.rows
		if room == 0 {
			if err := w.makeRoom(); err != nil {
				return w.refuse(records, err)
			}
			continue
		}
		if w.closed {
			return w.refuse(records, ErrClosed)
		}
		if w.filling.rows == 0 {
			w.since = time.Now()
			w.poke()
		}
		n := min(room, len(records))
		for i := range records[:n] {
			w.filling.add(&records[i])
		}
		w.appended += uint64(n)
		records = records[n:]
	}
	if w.filling.rows == w.cfg.MaxRows && w.ready == nil {
		w.turn()
	}
	return nil
}

// makeRoom hands the full batch over, waiting for its turn if the policy says
// so.
func (w *FlowWriter) makeRoom() error {
	for w.ready != nil {
		if w.closed {
			return ErrClosed
		}
		if w.cfg.Policy == Drop {
			return ErrQueueFull
		}
		w.changed.Wait()
	}
	if w.filling.rows == w.cfg.MaxRows {
		w.turn()
	}
	return nil
}

// turn makes the filled batch the one to send. There must be none.
func (w *FlowWriter) turn() {
	w.filling.seal(time.Now())
	w.ready, w.filling, w.spare = w.filling, w.spare, nil
	w.poke()
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

// poke wakes the goroutine.
func (w *FlowWriter) poke() {
	select {
	case w.wake <- struct{}{}:
	default: // it has been told already
	}
}

// Flush returns when everything appended is acknowledged by the store, or the
// spool, or counted as lost, or when ctx ends.
func (w *FlowWriter) Flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changed.Broadcast()
	})
	defer stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	target := w.appended
	w.urgent = target
	w.poke()
	for w.settled < target {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("flush %d records: %w", target-w.settled, err)
		}
		w.changed.Wait()
	}
	return nil
}

// Close writes what is left and ends the writer. What neither the store nor the
// spool has acknowledged when ctx ends is counted as lost, even if it arrived.
func (w *FlowWriter) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	left := w.appended - w.settled
	w.changed.Broadcast()
	w.mu.Unlock()
	w.poke()
	select {
	case <-w.done:
		w.cancel()
		return nil
	case <-ctx.Done():
	}
	w.cancel()
	<-w.done
	return fmt.Errorf("close the flow writer with %d records to write: %w", left, ctx.Err())
}

// run sends batches until the writer is closed and empty.
func (w *FlowWriter) run(ctx context.Context) {
	defer close(w.done)
	defer w.sender.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		batch, pause, end := w.next()
		switch {
		case end:
			return
		case batch != nil:
			w.write(ctx, batch)
			w.release(batch)
			continue
		}
		timer.Reset(pause)
		select {
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// next returns the batch to send, or how long to wait for one.
func (w *FlowWriter) next() (batch *flowBatch, pause time.Duration, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready == nil && w.filling.rows > 0 {
		pause = w.cfg.MaxAge - time.Since(w.since)
		if pause <= 0 || w.closed || w.settled < w.urgent {
			w.turn()
		}
	}
	if w.ready != nil {
		return w.ready, 0, false
	}
	if w.filling.rows == 0 {
		return nil, time.Hour, w.closed
	}
	return nil, pause, false
}

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

// release makes the memory of a batch free again.
func (w *FlowWriter) release(batch *flowBatch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled += uint64(batch.rows)
	batch.reset()
	w.ready, w.spare = nil, batch
	w.changed.Broadcast()
}
