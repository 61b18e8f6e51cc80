package sflow_test

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

func TestSampleForms(t *testing.T) {
	want := record4()
	if d := diff(want, one(t, of(frame4()).compact())); d != "" {
		t.Errorf("flow sample (-want +got):\n%s", d)
	}
	if d := diff(want, one(t, of(frame4()).expanded(0))); d != "" {
		t.Errorf("expanded flow sample (-want +got):\n%s", d)
	}
	// What 24 and 30 bits do not hold needs the expanded form.
	p := of(frame4())
	p.in, p.out = 0xfffffff0, 0x7fffffff
	want.InIf, want.OutIf = 0xfffffff0, 0x7fffffff
	if d := diff(want, one(t, p.expanded(0))); d != "" {
		t.Errorf("large ifIndex (-want +got):\n%s", d)
	}
}

func TestSampledHeaders(t *testing.T) {
	mpls := change(record4(), func(r *flows.Record) { r.MPLSLabel = 100 })
	cut := change(record4(), func(r *flows.Record) { r.SrcPort, r.DstPort, r.TCPFlags = 0, 0, 0 })
	offload := unhex(macs + "0800" + "45b8 0000" + ip4[10:])
	for _, c := range []struct {
		name   string
		header []byte
		want   flows.Record
	}{
		{"Ethernet", frame4(), record4()},
		{"Ethernet IPv6", sampled(1, 78, 4, unhex(macs+"86dd"+ip6)), record6()},
		{"IPv4 without link header", sampled(11, 78, 18, unhex(ip4)), record4()},
		{"IPv6 without link header", sampled(12, 78, 18, unhex(ip6)), record6()},
		{"MPLS", sampled(13, 82, 18, unhex("0006 41ff"+ip4)), mpls},
		{"PPP", sampled(7, 64, 0, unhex("ff03 0021"+ip4)), record4()},
		{"packet over SONET", sampled(14, 68, 4, unhex("ff03 0021"+ip4)), record4()},
		{"padding of a short frame", sampled(1, 104, 4, append(unhex(macs+"0800"+ip4), make([]byte, 26)...)), record4()},
		{"stripped taken for what the header leaves out", sampled(1, 78, 44, unhex(macs + "0800" + ip4)[:34]), cut},
		{
			"no total length: frame less link header and stripped octets", sampled(1, 9018, 4, offload),
			change(record4(), func(r *flows.Record) { r.Bytes = 9000 }),
		},
		{
			"no total length, stripped outer tag", sampled(1, 9022, 8, offload),
			change(record4(), func(r *flows.Record) { r.Bytes = 9000 }),
		},
		{"stripped beyond the frame", sampled(1, 78, 4_000_000_000, unhex(macs+"0800"+ip4)), record4()},
		{"frame length not known", sampled(1, 0, 0, unhex(macs+"0800"+ip4)), record4()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := diff(c.want, one(t, of(c.header).compact())); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
		})
	}
}

func TestNotIP(t *testing.T) {
	for name, records := range map[string][][]byte{
		"ARP":                   {sampled(1, 64, 4, unhex(macs+"0806 0001 0800 0604 0001 0200 0000 0001 c000 0201"))},
		"frame relay":           {sampled(5, 64, 4, unhex(ip4))},
		"header protocol 4e9":   {sampled(4_000_000_000, 64, 4, unhex(ip4))},
		"sampled Ethernet only": {opaque(2, words(64), unhex("0200 0000 0001 0000 0200 0000 0002 0000"), words(0x0800))},
		"extended switch only":  {opaque(1001, words(5, 0, 6, 0))},
		"no record":             nil,
	} {
		t.Run(name, func(t *testing.T) { none(t, of(records...).compact(), flows.ReasonNotIP) })
	}
}

func sampledIP(format, length, proto uint32, src, dst string, ports ...uint32) []byte {
	return opaque(format, words(length, proto), netip.MustParseAddr(src).AsSlice(), netip.MustParseAddr(dst).AsSlice(), words(ports...))
}

func TestSampledIP(t *testing.T) {
	tcp4 := sampledIP(3, 60, 6, "192.0.2.1", "198.51.100.2", 443, 50000, 0x12, 0xb8)
	udp6 := sampledIP(4, 60, 17, "2001:db8::1", "2001:db8::2", 53, 54321, 0, 0xb8)
	icmp := sampledIP(3, 84, 1, "192.0.2.1", "198.51.100.2", 3, 1, 0, 0xb8)
	for _, c := range []struct {
		name    string
		records [][]byte
		want    flows.Record
	}{
		{"IPv4", [][]byte{tcp4}, record4()},
		{"IPv6", [][]byte{udp6}, record6()},
		{"no ports and flags without a transport that has them", [][]byte{icmp}, change(record4(), func(r *flows.Record) {
			r.Bytes, r.Proto, r.SrcPort, r.DstPort, r.TCPFlags = 84, 1, 0, 0, 0
		})},
		{"the sampled header is better", [][]byte{icmp, frame4()}, record4()},
		{"but not where it is cut", [][]byte{sampled(1, 78, 4, unhex(macs + "0800" + ip4)[:36]), tcp4}, record4()},
		{"nor where it has no addresses", [][]byte{sampled(1, 78, 4, unhex(macs)), tcp4}, record4()},
		{"nor where its protocol is not read", [][]byte{sampled(5, 78, 4, unhex(ip4)), tcp4}, record4()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := diff(c.want, one(t, of(c.records...).compact())); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
		})
	}
}

func TestInterfaces(t *testing.T) {
	const internal = 0x3fffffff
	for _, c := range []struct {
		name       string
		source     uint32
		in, out    uint32 // with the format in the two high bits
		wantIn     uint32
		wantOut    uint32
		wantStatus uint8
		direction  flows.Direction
	}{
		{"both known", 0, 3, 4, 3, 4, 0, flows.DirectionUnknown},
		{"metered at the input", 3, 3, 4, 3, 4, 0, flows.Ingress},
		{"metered at the output", 4, 3, 4, 3, 4, 0, flows.Egress},
		{"metered elsewhere", 5, 3, 4, 3, 4, 0, flows.DirectionUnknown},
		{"in and out by one interface", 3, 3, 3, 3, 3, 0, flows.DirectionUnknown},
		{"metered by VLAN 3", 1<<24 | 3, 3, 4, 3, 4, 0, flows.DirectionUnknown},
		{"output not known", 3, 3, 0, 3, 0, 0, flows.Ingress},
		{"from the device", 0, internal, 4, 0, 4, 0, flows.DirectionUnknown},
		{"to the device", 0, 3, internal, 3, 0, 0, flows.DirectionUnknown},
		{"to several interfaces", 0, 3, 2<<30 | 7, 3, 0, 64, flows.DirectionUnknown},
		{"format 3 is none", 0, 3, 3<<30 | 7, 3, 0, 0, flows.DirectionUnknown},
		{"discarded at the input is none", 0, 1<<30 | 3, 4, 0, 4, 0, flows.DirectionUnknown},
		{"discarded: net unreachable", 0, 3, 1 << 30, 3, 0, 131, flows.DirectionUnknown},
		{"discarded: too big", 0, 3, 1<<30 | 262, 3, 0, 133, flows.DirectionUnknown},
		{"discarded: prohibited", 0, 3, 1<<30 | 13, 3, 0, 129, flows.DirectionUnknown},
		{"discarded: not known", 0, 3, 1<<30 | 256, 3, 0, 128, flows.DirectionUnknown},
		{"discarded: TTL", 0, 3, 1<<30 | 257, 3, 0, 137, flows.DirectionUnknown},
		{"discarded: ACL", 0, 3, 1<<30 | 258, 3, 0, 129, flows.DirectionUnknown},
		{"discarded: no buffer", 0, 3, 1<<30 | 259, 3, 0, 128, flows.DirectionUnknown},
		{"discarded: RED", 0, 3, 1<<30 | 260, 3, 0, 139, flows.DirectionUnknown},
		{"discarded: policed", 0, 3, 1<<30 | 261, 3, 0, 138, flows.DirectionUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := change(record4(), func(r *flows.Record) {
				r.InIf, r.OutIf, r.ForwardingStatus, r.Direction = c.wantIn, c.wantOut, c.wantStatus, c.direction
			})
			p := probe{source: c.source, rate: 512, in: c.in, out: c.out, records: [][]byte{frame4()}}
			if d := diff(want, one(t, p.compact())); d != "" {
				t.Errorf("flow sample (-want +got):\n%s", d)
			}
			if c.in>>30 != 0 {
				return // the fixture has no format for the input
			}
			p.out &= 0x3fffffff
			if d := diff(want, one(t, p.expanded(c.out>>30))); d != "" {
				t.Errorf("expanded flow sample (-want +got):\n%s", d)
			}
		})
	}
}

func TestSamplingRate(t *testing.T) {
	asked := func(rate uint64) func(netip.Addr) uint64 {
		return func(a netip.Addr) uint64 {
			if a != agent {
				t.Errorf("asked for %v, want %v", a, agent)
			}
			return rate
		}
	}
	for _, c := range []struct {
		name   string
		rate   uint32
		ledger func(netip.Addr) uint64
		want   uint64
		source flows.SamplingSource
	}{
		{"in the sample", 512, nil, 512, flows.SamplingRecord},
		{"the sample is believed before the ledger", 512, asked(1000), 512, flows.SamplingRecord},
		{"in the ledger", 0, asked(1000), 1000, flows.SamplingLedger},
		{"nowhere", 0, asked(0), 0, flows.SamplingNone},
		{"no ledger", 0, nil, 0, flows.SamplingNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := of(frame4())
			p.rate = c.rate
			records, count, d := decodeWith(c.ledger, export{domain: 9, samples: [][]byte{p.compact()}}.bytes())
			if len(records) != 1 || records[0].SamplingRate != c.want || records[0].SamplingSource != c.source {
				t.Fatalf("records %+v, want rate %d from %v", records, c.want, c.source)
			}
			unscaled := uint64(0)
			want := map[flows.Source][]uint64{}
			if c.want == 0 {
				unscaled = 1
			} else {
				want[flows.Source{Exporter: agent, Domain: 9, Version: flows.SFlow5}] = []uint64{c.want}
			}
			if count.Unscaled != unscaled {
				t.Errorf("%d unscaled, want %d", count.Unscaled, unscaled)
			}
			if d := diff(want, d.Sampling()); d != "" {
				t.Errorf("rates (-want +got):\n%s", d)
			}
		})
	}
}
