package sflow_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	goflow "github.com/netsampler/goflow2/v2/decoders/sflow"
	"github.com/netsampler/goflow2/v2/producer"
	protoproducer "github.com/netsampler/goflow2/v2/producer/proto"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/sflow"
)

// benchSamples is how many flow samples the datagram of the benchmarks has: as
// many as fit into an Ethernet frame, as switches send them.
const benchSamples = 7

// benchDatagram is a datagram of sampled headers of 128 octets with switch and
// router records.
func benchDatagram() []byte {
	frame := append(unhex(macs+"8100 0064 0800"+"45b8 05dc"+ip4[10:]), make([]byte, 128-78)...)
	var samples [][]byte
	for i := range uint32(benchSamples) {
		p := probe{source: 3, rate: 512, in: 3, out: 4 + i, records: [][]byte{
			sampled(1, 1522, 4, frame), opaque(1001, words(100, 0, 200, 0)), router(hop4),
		}}
		samples = append(samples, p.compact())
	}
	return export{samples: samples}.bytes()
}

// decoding returns a function that decodes one datagram into records, books
// included.
func decoding(b *testing.B) func() {
	b.Helper()
	payload := benchDatagram()
	decoder := sflow.New(sflow.Config{Books: flows.NewBooks()})
	packet := flows.Packet{Payload: payload, From: from, Received: at}
	records := make([]flows.Record, 0, benchSamples)
	sequence := uint32(0)
	return func() {
		sequence++
		binary.BigEndian.PutUint32(payload[16:], sequence)
		if records = decoder.Decode(packet, records[:0]); len(records) != benchSamples {
			b.Fatalf("%d records", len(records))
		}
	}
}

// producing returns a function that does the same work by goflow2: its decoder,
// and its producer that makes messages of what was decoded. The messages are
// not encoded.
func producing(b *testing.B) func() {
	b.Helper()
	payload := benchDatagram()
	config, err := (&protoproducer.ProducerConfig{}).Compile()
	if err != nil {
		b.Fatal(err)
	}
	produce, err := protoproducer.CreateProtoProducer(config, protoproducer.CreateSamplingSystem)
	if err != nil {
		b.Fatal(err)
	}
	args := &producer.ProduceArgs{Src: from, SamplerAddress: from.Addr(), TimeReceived: at}
	return func() {
		var packet goflow.Packet
		if err := goflow.DecodeMessageVersion(bytes.NewBuffer(payload), &packet); err != nil {
			b.Fatal(err)
		}
		messages, err := produce.Produce(&packet, args)
		if err != nil || len(messages) != benchSamples {
			b.Fatalf("%d messages, %v", len(messages), err)
		}
		produce.Commit(messages)
	}
}

func benchmark(b *testing.B, once func()) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSamples, "ns/record")
}

func BenchmarkDecode(b *testing.B) { benchmark(b, decoding(b)) }

func BenchmarkGoflow2(b *testing.B) { benchmark(b, producing(b)) }

// BenchmarkRatio reports how many records this package decodes while goflow2
// does one, taking turns, so that other load hits both.
func BenchmarkRatio(b *testing.B) {
	const turn = 32
	ours, theirs := decoding(b), producing(b)
	var ourTime, theirTime time.Duration
	for b.Loop() {
		start := time.Now()
		for range turn {
			ours()
		}
		middle := time.Now()
		for range turn {
			theirs()
		}
		ourTime += middle.Sub(start)
		theirTime += time.Since(middle)
	}
	b.ReportMetric(float64(theirTime)/float64(ourTime), "x-goflow2")
	b.ReportMetric(0, "ns/op")
}
