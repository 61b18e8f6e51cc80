package netflow

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"
	"github.com/netsampler/goflow2/v2/producer"
	protoproducer "github.com/netsampler/goflow2/v2/producer/proto"

	"github.com/linewarden/linewarden/flows"
)

// loads are the datagrams of the benchmarks: what a router sends with an MTU of
// 1500, after its template.
func loads() []struct {
	name     string
	template []byte
	data     []byte
	records  int
} {
	fields := []testField{
		{8, 4},
		{12, 4},
		{7, 2},
		{11, 2},
		{4, 1},
		{5, 1},
		{6, 1},
		{1, 4},
		{2, 4},
		{22, 4},
		{21, 4},
		{10, 4},
		{14, 4},
		{15, 4},
		{16, 4},
		{17, 4},
		{9, 1},
		{13, 1},
		{61, 1},
		{89, 1},
	}
	size := 0
	for _, f := range fields {
		size += f.length
	}
	const records = 24
	var body []byte
	for i := range records {
		b := make([]byte, size)
		for k := range b {
			b[k] = byte(k + i)
		}
		body = append(body, b...)
	}
	absolute := append([]testField(nil), fields...)
	absolute[9], absolute[10] = testField{152, 8}, testField{153, 8}
	var body10 []byte
	for i := range records {
		b := make([]byte, size+8)
		for k := range b {
			b[k] = byte(k + i)
		}
		copy(b[23:], u64(uint64(testTime.UnixMilli())))
		copy(b[31:], u64(uint64(testTime.UnixMilli())))
		body10 = append(body10, b...)
	}
	return []struct {
		name     string
		template []byte
		data     []byte
		records  int
	}{
		{"v9", v9(1, 0, set(0, tmpl(256, fields...))), v9(records, 1, set(256, body)), records},
		{"ipfix", ipfix(0, set(2, tmpl(256, absolute...))), ipfix(0, set(256, body10)), records},
		{"v5", nil, v5(30, 30, 0, 0), 30},
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, load := range loads() {
		b.Run(load.name, func(b *testing.B) {
			d := New(Config{Books: flows.NewBooks(), MaxSkew: 10 * time.Minute})
			p := flows.Packet{From: netip.MustParseAddrPort("192.0.2.1:2055"), Received: testTime}
			records := make([]flows.Record, 0, 256)
			if load.template != nil {
				p.Payload = load.template
				d.Decode(p, records)
			}
			p.Payload = load.data
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				records = d.Decode(p, records[:0])
				n += len(records)
			}
			if n != b.N*load.records {
				b.Fatalf("%d records in %d datagrams", n, b.N)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}

// BenchmarkGoflow2 leads the same datagrams through the decoder of goflow2 and
// its producer of protobuf messages, without their encoding.
func BenchmarkGoflow2(b *testing.B) {
	for _, load := range loads() {
		b.Run(load.name, func(b *testing.B) {
			config, err := new(protoproducer.ProducerConfig).Compile()
			if err != nil {
				b.Fatal(err)
			}
			maker, err := protoproducer.CreateProtoProducer(config, protoproducer.CreateSamplingSystem)
			if err != nil {
				b.Fatal(err)
			}
			templates := netflow.CreateTemplateSystem()
			args := &producer.ProduceArgs{
				Src: netip.MustParseAddrPort("192.0.2.1:2055"), SamplerAddress: netip.MustParseAddr("192.0.2.1"), TimeReceived: testTime,
			}
			if load.template != nil {
				_, _ = oracle(load.template, templates)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				message, err := oracle(load.data, templates)
				if err != nil {
					b.Fatal(err)
				}
				out, err := maker.Produce(message, args)
				if err != nil {
					b.Fatal(err)
				}
				n += len(out)
				maker.Commit(out)
			}
			if n != b.N*load.records {
				b.Fatalf("%d records in %d datagrams", n, b.N)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}

// oracle decodes a datagram with goflow2.
func oracle(payload []byte, templates netflow.NetFlowTemplateSystem) (any, error) {
	b := bytes.NewBuffer(payload)
	switch be16(payload) {
	case 5:
		var p netflowlegacy.PacketNetFlowV5
		return &p, netflowlegacy.DecodeMessageVersion(b, &p)
	case 9:
		var p netflow.NFv9Packet
		return &p, netflow.DecodeMessageVersion(b, templates, &p, nil)
	}
	var p netflow.IPFIXPacket
	return &p, netflow.DecodeMessageVersion(b, templates, nil, &p)
}
