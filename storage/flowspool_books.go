package storage

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/flows"
)

const (
	// entriesAtOnce bounds the books in one entry of the spool.
	entriesAtOnce = 1 << 14
	// maxOwed bounds the books of dropped entries. Beyond it they go on under the
	// zero exporter of their protocol.
	maxOwed = 1 << 17
)

// WriteBooks keeps books in the spool, where they survive the process, and from
// where the store gets them. What is said of records that were stored is left
// out, because that comes with the batches of the records: so at any moment the
// stored books have each record as stored or lost, or not at all.
func (f *FlowSpool) WriteBooks(ctx context.Context, entries []flows.Entry) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := f.repay(ctx); err != nil {
		return err
	}
	batch := booksBatch{digest: digestOf(entries), token: newToken(), stored: time.Now().UTC().Truncate(time.Second)}
	if batch.digest == f.refused.digest {
		batch = f.refused
	}
	_, err := f.keepBooks(ctx, batch, settled(entries))
	f.refused = booksBatch{}
	if err != nil {
		f.refused = batch
	}
	return err
}

// settled returns what entries say that does not come with batches.
func settled(entries []flows.Entry) []flows.Entry {
	list := make([]flows.Entry, 0, len(entries))
	for _, e := range entries {
		e.Count.Records, e.Count.Stored = e.Count.TotalLost(), 0
		if e.Count != (flows.Count{}) {
			list = append(list, e)
		}
	}
	return list
}

// keepBooks puts books into the spool, and returns how many it took. The caller
// has writing.
func (f *FlowSpool) keepBooks(ctx context.Context, batch booksBatch, entries []flows.Entry) (kept int, err error) {
	part := 0
	for chunk := range slices.Chunk(entries, entriesAtOnce) {
		s := &spooled{token: fmt.Sprintf("%s-%d", batch.token, part), kind: spooledBooks, stored: batch.stored, books: chunk}
		if err := f.append(ctx, s, nil); err != nil {
			return kept, fmt.Errorf("keep books: %w", err)
		}
		part++
		kept += len(chunk)
	}
	return kept, nil
}

// owe remembers books that the spool dropped, to put them into it again.
func (f *FlowSpool) owe(entries []flows.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		key := tallyKey{e.Source, e.Minute.Unix() / 60}
		sum := f.owed[key]
		if sum == nil && len(f.owed) >= maxOwed {
			key.source = flows.Source{Exporter: netip.Addr{}, Version: e.Source.Version}
			sum = f.owed[key]
		}
		if sum == nil {
			sum = new(flows.Count)
			f.owed[key] = sum
		}
		sum.Add(&e.Count)
	}
}

// repay puts what is owed into the spool again. The caller has writing.
func (f *FlowSpool) repay(ctx context.Context) error {
	f.mu.Lock()
	owed := f.owed
	f.owed = make(map[tallyKey]*flows.Count)
	f.mu.Unlock()
	if len(owed) == 0 {
		return nil
	}
	entries := make([]flows.Entry, 0, len(owed))
	for key, count := range owed {
		entries = append(entries, flows.Entry{Source: key.source, Minute: time.Unix(key.minute*60, 0).UTC(), Count: *count})
	}
	batch := booksBatch{token: newToken(), stored: time.Now().UTC().Truncate(time.Second)}
	kept, err := f.keepBooks(ctx, batch, entries)
	f.owe(entries[kept:])
	return err
}
