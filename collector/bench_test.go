package collector

import (
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// counter is a sink that only counts.
type counter struct {
	*sink
	records int
}

func (c *counter) Append(records []flows.Record) error {
	c.records += len(records)
	return nil
}

// BenchmarkPipeline measures decoding of datagrams that are already in memory.
func BenchmarkPipeline(b *testing.B) {
	const records = 29
	now := time.Now()
	from := netip.MustParseAddrPort("192.0.2.1:2055")
	for _, c := range []struct {
		name           string
		first, payload []byte
	}{
		{"netflow5", nil, v5(0, records, now)},
		{"netflow9", v9Template(0, now), v9Data(1, records, now)},
		{"sflow5", nil, testkit.Capture(b, "sflow5/goflow2-expanded/TestExpandedSFlowDecode-0-data.bin")},
	} {
		b.Run(c.name, func(b *testing.B) {
			books := flows.NewBooks()
			out := &counter{sink: newSink(books)}
			netflow, sflow := decoders(books)
			p, err := NewPipeline(PipelineConfig{Netflow: netflow, SFlow: sflow, Sink: out, Books: books})
			if err != nil {
				b.Fatal(err)
			}
			packet := flows.Packet{From: from, Received: now, Payload: c.first}
			if c.first != nil {
				if err := p.Take(packet); err != nil {
					b.Fatal(err)
				}
			}
			packet.Payload = c.payload
			b.ReportAllocs()
			b.SetBytes(int64(len(c.payload)))
			for b.Loop() {
				if err := p.Take(packet); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.HandOver(); err != nil {
				b.Fatal(err)
			}
			if out.records == 0 {
				b.Fatal("nothing was decoded")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(out.records), "ns/record")
		})
	}
}

// BenchmarkReceive measures what a socket gives, without decoding.
func BenchmarkReceive(b *testing.B) {
	sockets, err := listen(b.Context(), "127.0.0.1:0", 1, 32<<20)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = closeAll(sockets) }()
	conn := exporter(b, sockets[0].local, "127.0.0.1")
	payload, batch := make([]byte, 1400), newBatch()
	b.ReportAllocs()
	var received int
	for b.Loop() {
		b.StopTimer()
		for range batchSize {
			write(b, conn, payload)
		}
		b.StartTimer()
		for n := 0; n < batchSize; n += batch.n {
			if err := sockets[0].receive(batch); err != nil {
				b.Fatal(err)
			}
			for i := range batch.n {
				batch.packet(i)
			}
			received += batch.n
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(received), "ns/datagram")
}
