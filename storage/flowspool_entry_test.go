package storage

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage/spool"
)

// sealedBatch is a batch as a writer hands it over.
func sealedBatch(n int) *flowBatch {
	b := newFlowBatch()
	for _, r := range sample(n) {
		b.add(&r)
	}
	b.seal(time.Unix(1_800_000_000, 5))
	return b
}

func entryOf(tb testing.TB, s *spooled, pack *compress.Writer) *spool.Entry {
	tb.Helper()
	body := new(proto.Buffer)
	if s.input != nil {
		if err := appendBody(body, s.input, pack); err != nil {
			tb.Fatal(err)
		}
	}
	return &spool.Entry{Token: s.token, Meta: s.appendMeta(nil), Body: body.Buf}
}

// TestEntryOfABatch compares the bytes that are sent from the spool with those
// of the batch itself, and what both tell the books.
func TestEntryOfABatch(t *testing.T) {
	for name, pack := range map[string]*compress.Writer{"plain": nil, "packed": compress.NewWriter(0, compress.LZ4)} {
		t.Run(name, func(t *testing.T) {
			b := sealedBatch(1000)
			want := spooledOf(b)
			want.run = 42
			e := entryOf(t, want, pack)
			got, err := spooledFrom(e)
			if err != nil {
				t.Fatal(err)
			}
			if got.token != want.token || got.run != 42 || got.rows != 1000 || !got.stored.Equal(b.sealed) || got.kind != spooledFlows {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff(want.tally, got.tally, cmp.AllowUnexported(tallied{}, tallyKey{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(block(t, want.input), block(t, got.input)) {
				t.Error("other columns come back")
			}
			if pack != nil && len(e.Body) > 1000*100 {
				t.Errorf("%d bytes, packed", len(e.Body))
			}
		})
	}
}

// block is what is sent to the store.
func block(tb testing.TB, input proto.Input) []byte {
	tb.Helper()
	b, w := new(proto.Buffer), new(bytes.Buffer)
	if err := (proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}).EncodeBlock(b, proto.Version, input); err != nil {
		tb.Fatal(err)
	}
	// Both ways in which a client takes columns give the same.
	chain := proto.NewWriter(w, new(proto.Buffer))
	if err := (proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}).WriteBlock(chain, proto.Version, input); err != nil {
		tb.Fatal(err)
	}
	if _, err := chain.Flush(); err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(b.Buf, w.Bytes()) {
		tb.Error("encoded and written columns differ")
	}
	return b.Buf
}

func TestEntryOfBooks(t *testing.T) {
	var every flows.Count
	for i, f := range countFigures(&every) {
		*f = uint64(i+1) << 50
	}
	want := &spooled{token: "t", kind: spooledBooks, run: 1, stored: time.Unix(5, 0).UTC(), books: []flows.Entry{
		{Source: flows.Source{Exporter: netip.MustParseAddr("192.0.2.1"), Domain: 1<<32 - 1, Version: flows.IPFIX}, Minute: time.Unix(-60, 0).UTC(), Count: every},
		{Source: flows.Source{Exporter: netip.MustParseAddr("2001:db8::1")}, Minute: time.Unix(1<<32*60, 0).UTC(), Count: flows.Count{Counters: 1}},
		{Source: flows.Source{Exporter: netip.MustParseAddr("::ffff:192.0.2.1")}, Minute: time.Unix(0, 0).UTC()},
		{Minute: time.Unix(60, 0).UTC(), Count: flows.Count{Datagrams: 1<<64 - 1}},
	}}
	got, err := spooledFrom(entryOf(t, want, nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.books, got.books, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// FuzzEntry reads entries that no program wrote.
func FuzzEntry(f *testing.F) {
	for _, pack := range []*compress.Writer{nil, compress.NewWriter(0, compress.LZ4)} {
		e := entryOf(f, spooledOf(sealedBatch(3)), pack)
		f.Add(e.Meta, e.Body)
	}
	e := entryOf(f, &spooled{kind: spooledBooks, books: []flows.Entry{{Count: flows.Count{Records: 1}}}}, nil)
	f.Add(e.Meta, e.Body)
	f.Fuzz(func(t *testing.T, meta, body []byte) {
		s, err := spooledFrom(&spool.Entry{Meta: meta, Body: body})
		if err != nil {
			return
		}
		again := s.appendMeta(nil)
		back, err := readMeta(again)
		if err != nil || !bytes.Equal(back.appendMeta(nil), again) {
			t.Errorf("%x is read and written as %x, error %v", meta, again, err)
		}
	})
}
