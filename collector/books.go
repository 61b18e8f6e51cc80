package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// maxEntries bounds the entries kept for a store that takes none. Beyond it the
// counts of a minute go on under the zero exporter of their protocol: the sums
// stay right and memory stays bounded.
const maxEntries = 1 << 17

// BooksKeeper carries the books to the store. Each count is handed to the sink
// until the sink takes it, and then never again. It is not safe for concurrent
// use.
//
// What the sink refused is offered again as exactly the same entries, before
// anything newer, so that a store that recognises a repeated write can.
type BooksKeeper struct {
	books   *flows.Books
	sink    BooksSink
	offered []flows.Entry             // refused by the sink, or not yet offered
	next    map[entryKey]*flows.Count // drained since
	most    int
}

type entryKey struct {
	source flows.Source
	minute int64 // Unix seconds
}

// NewBooksKeeper returns a keeper of books.
func NewBooksKeeper(books *flows.Books, sink BooksSink) *BooksKeeper {
	return &BooksKeeper{books: books, sink: sink, next: make(map[entryKey]*flows.Count), most: maxEntries}
}

// Write hands over everything counted so far. After an error call it again:
// nothing is lost.
func (k *BooksKeeper) Write(ctx context.Context) error {
	k.drain()
	for len(k.offered) > 0 || len(k.next) > 0 {
		if len(k.offered) == 0 {
			k.offer()
		}
		if err := k.sink.WriteBooks(ctx, k.offered); err != nil {
			return fmt.Errorf("write the books of %d source minutes: %w", len(k.offered), err)
		}
		k.offered = nil
	}
	return nil
}

// Waiting returns how many entries the sink has not taken yet.
func (k *BooksKeeper) Waiting() int { return len(k.offered) + len(k.next) }

func (k *BooksKeeper) drain() {
	k.books.Drain(func(source flows.Source, minute time.Time, count *flows.Count) {
		key := entryKey{source, minute.Unix()}
		sum := k.next[key]
		if sum == nil && len(k.next) >= k.most {
			key.source = flows.Source{Version: source.Version}
			sum = k.next[key]
		}
		if sum == nil {
			k.next[key] = count
			return
		}
		sum.Add(count)
	})
}

func (k *BooksKeeper) offer() {
	k.offered = make([]flows.Entry, 0, len(k.next))
	for key, count := range k.next {
		k.offered = append(k.offered, flows.Entry{
			Source: key.source, Minute: time.Unix(key.minute, 0).UTC(), Count: *count,
		})
	}
	clear(k.next)
}
