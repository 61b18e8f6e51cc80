package collector

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// script is a decoder that gives what it is told to.
type script struct {
	books                 *flows.Books
	decode, expire, flush int
}

func (s script) give(n int, dst []flows.Record) []flows.Record {
	from := flows.Source{Exporter: netip.MustParseAddr("192.0.2.1"), Version: flows.IPFIX}
	receive := func(c *flows.Count) { c.Records += uint64(n) }
	s.books.Account(from).Update(time.Now(), receive)
	for range n {
		dst = append(dst, flows.Record{Source: from, Exported: time.Now()})
	}
	return dst
}

func (s script) Decode(_ flows.Packet, dst []flows.Record) []flows.Record {
	return s.give(s.decode, dst)
}

func (s script) Expire(_ time.Time, dst []flows.Record) []flows.Record { return s.give(s.expire, dst) }

func (s script) Flush(dst []flows.Record) []flows.Record { return s.give(s.flush, dst) }

// sizes notes how many records come at a time, and names their line.
type sizes struct {
	*sink
	batches []int
}

func (s *sizes) Append(records []flows.Record) error {
	s.batches = append(s.batches, len(records))
	return s.sink.Append(records)
}

func (s *sizes) Enrich(records []flows.Record) {
	for i := range records {
		records[i].Labels.Line = "L1"
	}
}

func scripted(t *testing.T, decode, expire, flush int) (*Pipeline, *sizes) {
	t.Helper()
	books := flows.NewBooks()
	out := &sizes{sink: newSink(books)}
	p, err := NewPipeline(PipelineConfig{
		Netflow: script{books, decode, expire, flush}, SFlow: script{books, 0, expire, flush},
		Enricher: out, Sink: out, Books: books,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

func TestPipelineHandsOverInBatches(t *testing.T) {
	p, out := scripted(t, 30, 2, 3)
	packet := flows.Packet{Payload: []byte{0, 10}, From: netip.MustParseAddrPort("192.0.2.1:1"), Received: time.Now()}
	for range 10 {
		if err := p.Take(packet); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.batches) != 1 || out.batches[0] != 270 {
		t.Errorf("batches %v after 300 records, want one of 270", out.batches)
	}
	for _, end := range []func() error{p.HandOver, p.HandOver, func() error { return p.Expire(time.Now()) }, p.Flush} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	want := []int{270, 30, 4, 6}
	if len(out.batches) != len(want) {
		t.Fatalf("batches %v, want %v", out.batches, want)
	}
	for i := range want {
		if out.batches[i] != want[i] {
			t.Errorf("batches %v, want %v", out.batches, want)
		}
	}
	for _, r := range out.all() {
		if r.Labels.Line != "L1" {
			t.Fatal("a record is not enriched")
		}
	}
	balance(t, out.books)
}

func TestPipelineDoesNotKeepALargeBuffer(t *testing.T) {
	p, out := scripted(t, 0, 0, 10*keepSize)
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(out.all()) != 20*keepSize || cap(p.records) > keepSize {
		t.Errorf("%d records, buffer of %d", len(out.all()), cap(p.records))
	}
}

func TestPipelineTellsOfTheSink(t *testing.T) {
	p, out := scripted(t, handSize, 0, 0)
	out.refuse = errors.New("closed")
	packet := flows.Packet{Payload: []byte{0, 10}, From: netip.MustParseAddrPort("192.0.2.1:1")}
	if err := p.Take(packet); !errors.Is(err, out.refuse) {
		t.Errorf("error %v", err)
	}
	balance(t, out.books)
	if _, err := NewPipeline(PipelineConfig{}); err == nil {
		t.Error("a pipeline without a sink")
	}
}

func TestPipelineWithoutDecoders(t *testing.T) {
	books := flows.NewBooks()
	p, err := NewPipeline(PipelineConfig{Sink: newSink(books), Books: books})
	if err != nil {
		t.Fatal(err)
	}
	// A raw payload has no arrival time; its loss must not land in 1970.
	packet := flows.Packet{Payload: []byte{0, 9}, From: netip.MustParseAddrPort("[::ffff:192.0.2.1]:1")}
	if err := errors.Join(p.Take(packet), p.Expire(time.Now()), p.Flush()); err != nil {
		t.Fatal(err)
	}
	var minutes []time.Time
	books.Drain(func(s flows.Source, minute time.Time, c *flows.Count) {
		minutes = append(minutes, minute)
		if s.Exporter != netip.MustParseAddr("192.0.2.1") || c.DatagramsLost[flows.ReasonUnknownVersion] != 1 {
			t.Errorf("%v: %+v", s, c)
		}
	})
	if len(minutes) != 1 || time.Since(minutes[0]) > 2*time.Minute {
		t.Errorf("counted in %v", minutes)
	}
}
