package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// longestPause bounds the pause between two tries.
const longestPause = 5 * time.Second

// flowSender sends batches over a connection of its own. It is used by one
// goroutine.
type flowSender struct {
	store    *Store
	table    string // flows, or one like it
	retryFor time.Duration
	client   *ch.Client // nil when not connected
}

// send writes a batch. Errors that may pass are met by sending it again under
// the same token, so that a batch that had arrived is not written twice.
func (f *flowSender) send(ctx context.Context, batch *flowBatch) error {
	began, pause := time.Now(), firstPause
	for try := 1; ; try++ {
		err := f.sendOnce(ctx, batch.token, batch.input)
		if err == nil {
			return nil
		}
		left := f.retryFor - time.Since(began)
		if !transient(err) || left <= 0 || ctx.Err() != nil {
			return f.store.explain(fmt.Sprintf("write %d flows (try %d)", batch.rows, try), err)
		}
		if try == 1 {
			f.store.log.Warn("the store does not take flows, trying again", "error", err, "for", f.retryFor)
		}
		wait(ctx, min(pause, left))
		pause = min(2*pause, longestPause)
	}
}

// sendOnce writes columns of the table under a token.
func (f *flowSender) sendOnce(ctx context.Context, token string, input proto.Input) error {
	if f.client == nil || f.client.IsClosed() {
		client, err := f.store.connect(ctx)
		if err != nil {
			return err
		}
		f.client = client
	}
	err := f.client.Do(ctx, ch.Query{
		Body:     input.Into(f.table),
		Input:    input,
		Settings: flowSettings(token),
	})
	if err != nil && !ch.IsException(err) {
		// The two ends may be out of step.
		f.close()
	}
	return err
}

func (f *flowSender) close() {
	if f.client != nil && !f.client.IsClosed() {
		if err := f.client.Close(); err != nil {
			f.store.log.Debug("closing the connection of a flow writer", "error", err)
		}
	}
	f.client = nil
}

// flowSettings are those of insertSettings, and one more: the views group their
// rows already, so that adding them up once more before they are written would
// only cost time.
func flowSettings(token string) []ch.Setting {
	return []ch.Setting{
		{Key: "optimize_on_insert", Value: "0"},
		{Key: "async_insert", Value: "0"},
		{Key: "insert_deduplicate", Value: "1"},
		{Key: "insert_deduplication_token", Value: token},
		{Key: "deduplicate_blocks_in_dependent_materialized_views", Value: "1"},
	}
}

// connect opens a connection for inserts to the first address that answers.
func (s *Store) connect(ctx context.Context) (*ch.Client, error) {
	var failed []error
	for _, addr := range s.cfg.Addr {
		conn, err := s.cfg.dial(ctx, addr)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		options := ch.Options{
			Database: s.cfg.Database, User: s.cfg.Username, Password: s.cfg.Password,
			ReadTimeout: readTime, HandshakeTimeout: dialTime, Settings: s.cfg.connectionSettings(),
		}
		if !near(s.cfg.Addr) {
			options.Compression = ch.CompressionLZ4
		}
		client, err := ch.Connect(ctx, conn, options)
		if err == nil {
			return client, nil
		}
		failed = append(failed, fmt.Errorf("connect to %s: %w", addr, err), conn.Close())
		if ch.IsException(err) {
			break // it answers, and will say the same again
		}
	}
	return nil, errors.Join(failed...)
}
