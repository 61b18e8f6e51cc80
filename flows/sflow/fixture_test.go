package sflow_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/sflow"
)

var (
	at    = time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	from  = netip.MustParseAddrPort("198.51.100.77:40000")
	agent = netip.MustParseAddr("192.0.2.1")
)

// words encodes words the way XDR does.
func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// address encodes an address with its type; the zero Addr is an unknown one.
func address(a netip.Addr) []byte {
	switch {
	case a.Is4():
		return append(words(1), a.AsSlice()...)
	case a.Is6():
		return append(words(2), a.AsSlice()...)
	}
	return words(0)
}

// opaque encodes a record or a sample: format, length and contents, filled up
// to a whole word.
func opaque(format uint32, body ...[]byte) []byte {
	b := join(body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return join(words(format, uint32(len(b))), b)
}

// export is a datagram to be.
type export struct {
	agent            netip.Addr
	domain           uint32
	sequence, uptime uint32
	samples          [][]byte
}

func (e export) bytes() []byte {
	a := e.agent
	if !a.IsValid() {
		a = agent
	}
	return join(words(5), address(a), words(e.domain, e.sequence, e.uptime, uint32(len(e.samples))), join(e.samples...))
}

// probe is a flow sample to be.
type probe struct {
	source, rate, in, out uint32
	records               [][]byte
}

func (p probe) compact() []byte {
	return opaque(1, words(7, p.source, p.rate, 1000, 3, p.in, p.out, uint32(len(p.records))), join(p.records...))
}

// expanded takes the format of the output apart from its value.
func (p probe) expanded(outFormat uint32) []byte {
	return opaque(3, words(7, p.source>>24, p.source&0xffffff, p.rate, 1000, 3, 0, p.in, outFormat, p.out, uint32(len(p.records))),
		join(p.records...))
}

// sampled encodes a sampled header.
func sampled(protocol, frameLen, stripped uint32, frame []byte) []byte {
	return opaque(1, words(protocol, frameLen, stripped, uint32(len(frame))), frame)
}

const (
	macs = "0200 0000 0002 0200 0000 0001 "
	// ip4 is 192.0.2.1:443 to 198.51.100.2:50000 by TCP, 60 octets, ToS 0xb8.
	ip4 = "45b8 003c 0001 4000 4006 0000 c000 0201 c633 6402 01bb c350 0000 0001 0000 0002 a012 ffff 0000 0000 "
	// ip6 is 2001:db8::1 port 53 to 2001:db8::2 port 54321 by UDP, 60 octets.
	ip6 = "6b80 0000 0014 1140 20010db8000000000000000000000001 20010db8000000000000000000000002 0035 d431 0014 0000 "
)

// frame4 is a sampled header of ip4: 74 octets and 4 of check sequence.
func frame4() []byte { return sampled(1, 78, 4, unhex(macs+"0800"+ip4)) }

// record4 is what a sample of frame4 at rate 512 from interface 3 to 4 gives.
func record4() flows.Record {
	return flows.Record{
		Source:   flows.Source{Exporter: agent, Version: flows.SFlow5},
		Received: at, Exported: at, Start: at, End: at,
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"),
		Bytes: 60, Packets: 1, SamplingRate: 512, SamplingSource: flows.SamplingRecord,
		InIf: 3, OutIf: 4, Proto: 6, ToS: 0xb8, SrcPort: 443, DstPort: 50000, TCPFlags: 0x12,
	}
}

func record6() flows.Record {
	return change(record4(), func(r *flows.Record) {
		r.Src, r.Dst = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
		r.Proto, r.SrcPort, r.DstPort, r.TCPFlags = 17, 53, 54321, 0
	})
}

func change(r flows.Record, f func(*flows.Record)) flows.Record {
	f(&r)
	return r
}

// of is a probe with the interfaces and the rate of record4.
func of(records ...[]byte) probe { return probe{rate: 512, in: 3, out: 4, records: records} }

// decode gives payload to a new decoder.
func decode(payload []byte) ([]flows.Record, flows.Count, *sflow.Decoder) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	records := d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, nil)
	return records, sum(books), d
}

func sum(books *flows.Books) flows.Count {
	var total flows.Count
	books.Totals(func(_ flows.Source, c flows.Count) { total.Add(&c) })
	return total
}

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty())
}

// one decodes a datagram of one sample that has to give one record.
func one(t *testing.T, sample []byte) flows.Record {
	t.Helper()
	records, count, _ := decode(export{samples: [][]byte{sample}}.bytes())
	if len(records) != 1 || count.Records != 1 || count.TotalLost() != 0 {
		t.Fatalf("%d records, count %+v, want one record", len(records), count)
	}
	return records[0]
}

// none decodes a datagram of one sample that has to be lost for a reason.
func none(t *testing.T, sample []byte, why flows.Reason) {
	t.Helper()
	records, count, _ := decode(export{samples: [][]byte{sample}}.bytes())
	want := flows.Count{Datagrams: 1, Records: 1}
	want.Lost[why] = 1
	if len(records) != 0 || count != want {
		t.Errorf("%d records, count %+v, want one lost as %v", len(records), count, why)
	}
}
