package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go"
)

// routeSender sends batches over a connection of its own. It is used by one
// goroutine.
type routeSender struct {
	store    *Store
	retryFor time.Duration
	client   *ch.Client // nil when not connected
}

// send writes a block of a batch. Errors that may pass are met by sending it
// again under the same token, so that one that had arrived is not written twice.
func (r *routeSender) send(ctx context.Context, t *table, block *routeBlock) error {
	began, pause := time.Now(), firstPause
	for try := 1; ; try++ {
		err := r.sendOnce(ctx, t, block)
		if err == nil {
			return nil
		}
		left := r.retryFor - time.Since(began)
		if !transient(err) || left <= 0 || ctx.Err() != nil {
			return r.store.explain(fmt.Sprintf("write %d rows of %s (try %d)", block.rows, t.name, try), err)
		}
		if try == 1 {
			r.store.log.Warn("the store does not take routes, trying again", "error", err, "for", r.retryFor)
		}
		wait(ctx, min(pause, left))
		pause = min(2*pause, longestPause)
	}
}

func (r *routeSender) sendOnce(ctx context.Context, t *table, block *routeBlock) error {
	if r.client == nil || r.client.IsClosed() {
		client, err := r.store.connect(ctx)
		if err != nil {
			return err
		}
		r.client = client
	}
	err := r.client.Do(ctx, ch.Query{
		Body:  "INSERT INTO " + t.name + " (" + t.names() + ") VALUES",
		Input: block.input,
		Settings: []ch.Setting{
			{Key: "async_insert", Value: "0"},
			{Key: "insert_deduplicate", Value: "1"},
			{Key: "insert_deduplication_token", Value: block.token},
		},
	})
	if err != nil && !ch.IsException(err) {
		// The two ends may be out of step.
		r.close()
	}
	return err
}

func (r *routeSender) close() {
	if r.client != nil && !r.client.IsClosed() {
		if err := r.client.Close(); err != nil {
			r.store.log.Debug("closing the connection of a route writer", "error", err)
		}
	}
	r.client = nil
}
