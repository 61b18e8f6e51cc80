package collector

import (
	"context"
	"io"

	"github.com/linewarden/linewarden/flows"
)

// FlowSink takes enriched records on their way to the store. Workers may share
// one: Append and Flush are safe for concurrent use.
//
// The sink answers in the books for each record handed to it, by the record's
// source and the minute of its Exported: as stored once the store has
// acknowledged it, else as lost under the reason why. A sink that keeps records
// on disk until then has them when it says so, and answers for them later, if
// need be in the books of another process.
type FlowSink interface {
	// Append takes a copy of the records, which belong to the caller again when
	// it returns. It may block for as long as the sink's policy for a full queue
	// says. What has been appended is written without waiting for another call.
	// An error tells why records were not taken; the sink has counted them.
	Append(records []flows.Record) error
	// Flush returns when everything appended is acknowledged by the store, kept
	// on disk, or counted as lost, or when ctx ends.
	Flush(ctx context.Context) error
	// Close flushes and ends the sink. What is neither with the store nor on disk
	// when ctx ends is counted as lost.
	Close(ctx context.Context) error
}

// BooksSink takes the books for good.
type BooksSink interface {
	// WriteBooks adds the entries to what is stored for their sources and
	// minutes. It writes all of them, or returns an error and has written none.
	WriteBooks(ctx context.Context, entries []flows.Entry) error
}

// Enricher adds to each record what the ledgers and the routing table say. It
// is called by all workers at once.
type Enricher interface {
	Enrich(records []flows.Record)
}

// State is what a decoder remembers over a restart: templates, sampling rates
// and, of the last state alone, sequence numbers. Load leaves the decoder as it
// was when it returns an error.
type State interface {
	Save(w io.Writer, last bool) error
	Load(r io.Reader) error
}
