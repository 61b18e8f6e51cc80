package netflow

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

func TestV9AndIPFIXRecord(t *testing.T) {
	fields := []testField{
		{8, 4},
		{12, 4},
		{15, 4},
		{10, 4},
		{14, 2},
		{2, 3},
		{1, 8},
		{7, 2},
		{11, 2},
		{6, 1},
		{4, 1},
		{5, 1},
		{16, 4},
		{17, 2},
		{58, 2},
		{59, 2},
		{61, 1},
		{70, 3},
		{89, 1},
	}
	values := cat(ip("192.0.2.1"), ip("198.51.100.2"), ip("203.0.113.3"), u32(70000), u16(5), []byte{1, 0, 0}, u64(1<<40),
		u16(443), u16(50000), []byte{0x12, 6, 0xb8}, u32(4200000000), u16(64501), u16(100), u16(200), []byte{1}, []byte{0x00, 0x06, 0x41}, []byte{0x40})
	for version, datagrams := range map[flows.Version][][]byte{
		flows.NetFlow9: {v9(1, 0, set(0, tmpl(256, fields...))), v9(1, 1, set(256, values))},
		flows.IPFIX:    {ipfix(0, set(2, tmpl(256, fields...))), ipfix(0, set(256, values))},
	} {
		b := newBench(t)
		same(t, flows.Record{
			Source:   flows.Source{Exporter: netip.MustParseAddr("192.0.2.9"), Domain: testDomain, Version: version},
			Received: testTime, Exported: testTime, Start: testTime, End: testTime,
			Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"), NextHop: netip.MustParseAddr("203.0.113.3"),
			Bytes: 1 << 40, Packets: 1 << 16, SamplingRate: 1, InIf: 70000, OutIf: 5, SrcAS: 4200000000, DstAS: 64501,
			MPLSLabel: 100, SrcPort: 443, DstPort: 50000, SrcVLAN: 100, DstVLAN: 200,
			TCPFlags: 0x12, Proto: 6, ToS: 0xb8, ForwardingStatus: 0x40, Direction: flows.Egress,
		}, b.one(datagrams...))
		b.balance()
	}
}

func TestPaddingIsNoRecord(t *testing.T) {
	three := cat(basicRecord(1), basicRecord(2), basicRecord(3))
	for n := range 4 {
		b := newBench(t)
		b.take(v9(1, 0, set(0, tmpl(256, basic...), make([]byte, n))))
		if out := b.take(v9(3, 1, set(256, three, make([]byte, n)))); len(out) != 3 {
			t.Errorf("%d bytes of padding: %d records", n, len(out))
		}
		if sum := b.sum(); sum.Records != 3 {
			t.Error(describe(sum))
		}
		b.balance()
	}
	// A template of a record shorter than the padding.
	b := newBench(t)
	b.take(ipfix(0, set(2, tmpl(256, testField{4, 1}))))
	b.take(ipfix(0, set(256, []byte{6, 17, 0, 0})))
	if sum := b.sum(); sum.Lost[flows.ReasonNotIP] != 2 || sum.Records != 2 {
		t.Error(describe(sum))
	}
	b.balance()
}

func TestTrailingZerosArePadding(t *testing.T) {
	b := newBench(t)
	b.take(cat(v9(5, 0, set(0, tmpl(256, basic...), make([]byte, 8))), make([]byte, 64)))
	if sum := b.sum(); sum.Templates != 1 || sum.Records != 0 || sum.TotalDatagramsLost() != 0 {
		t.Error(describe(sum))
	}
	b.balance()
}

func TestVariableLength(t *testing.T) {
	fields := []testField{pen(9, 12235, variableLength), {8, 4}, {82, variableLength}, {12, 4}, {1, variableLength}}
	short := cat([]byte{3}, []byte("abc"), ip("192.0.2.1"), []byte{0}, ip("198.51.100.2"), []byte{2}, u16(600))
	long := cat([]byte{255}, u16(300), make([]byte, 300), ip("192.0.2.2"), []byte{255}, u16(2), []byte("if"), ip("198.51.100.3"), []byte{4}, u32(70000))
	b := newBench(t)
	out := b.take(ipfix(0, set(2, tmpl(256, fields...))), ipfix(0, set(256, short, long, []byte{0, 0})))
	if len(out) != 2 || out[0].Bytes != 600 || out[1].Bytes != 70000 ||
		out[0].Src.String() != "192.0.2.1" || out[1].Dst.String() != "198.51.100.3" {
		t.Fatalf("%+v", out)
	}
	b.balance()

	// A length beyond the set ends it, and is no padding.
	b = newBench(t)
	out = b.take(ipfix(0, set(2, tmpl(256, fields...))), ipfix(0, set(256, short, []byte{200}, long[:60])))
	if sum := b.sum(); len(out) != 1 || sum.Lost[flows.ReasonMalformed] != 1 || sum.Records != 2 {
		t.Errorf("%d records, %s", len(out), describe(sum))
	}
	b.balance()
	b = newBench(t)
	b.take(ipfix(0, set(2, tmpl(256, fields...))), ipfix(0, set(256, []byte{200}, make([]byte, 40), []byte{1})))
	if sum := b.sum(); sum.Lost[flows.ReasonMalformed] != 1 || sum.Records != 1 {
		t.Error(describe(sum))
	}
	b.balance()
}

func TestBrokenDatagrams(t *testing.T) {
	learned := set(0, tmpl(256, basic...))
	learned10 := set(2, tmpl(256, basic...))
	two := cat(basicRecord(1), basicRecord(2))
	for name, c := range map[string]struct {
		datagram              []byte
		stored, lost, refused uint64
	}{
		"v9 header cut":               {v9(1, 0)[:19], 0, 0, 1},
		"v9 set length too small":     {v9(1, 0, []byte{1, 0, 0, 3, 1}), 0, 0, 1},
		"v9 data set cut in a record": {v9(2, 0, set(256, two))[:20+4+21+10], 1, 1, 0},
		"v9 data, then garbage":       {v9(5, 0, set(256, two), []byte{9, 9, 9, 9, 9}), 2, 3, 0},
		"v9, claims in vain":          {v9(65535, 0, set(256, two), []byte{9, 9, 9, 9, 9}), 2, 3117, 0},
		"ipfix header cut":            {ipfix(0)[:15], 0, 0, 1},
		"ipfix length too small":      {cat(u16(10), u16(15), make([]byte, 40)), 0, 0, 1},
		"ipfix data, then garbage":    {ipfix(0, set(256, two), []byte{9, 9, 9, 9, 9}), 2, 1, 0},
		"ipfix shorter than it says":  {ipfix(0, set(256, two))[:16+4+21+10], 1, 1, 0},
		"ipfix cut between its sets":  {ipfix(0, set(256, two), set(256, two))[:16+4+42], 2, 1, 0},
		"ipfix longer than it says":   {cat(ipfix(0, set(256, two)), []byte{1, 2, 3}), 2, 0, 0},
		"ipfix without sets":          {ipfix(0), 0, 0, 0},
		"v9 without sets":             {v9(0, 0), 0, 0, 0},
		"v9 reserved set":             {v9(0, 0, set(100, two)), 0, 0, 0},
		"less than a record":          {v9(1, 0, set(256, []byte{1, 2, 3, 4, 5, 6, 7, 8})), 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.take(v9(1, 0, learned), ipfix(0, learned10))
			before := *b.sum()
			b.take(c.datagram)
			sum := b.sum()
			if uint64(len(b.all)) != c.stored || sum.Lost[flows.ReasonMalformed] != c.lost || sum.TotalLost() != c.lost ||
				sum.DatagramsLost[flows.ReasonMalformed] != c.refused || sum.Datagrams != before.Datagrams+1 {
				t.Errorf("%d records, %s", len(b.all), describe(sum))
			}
			b.balance()
		})
	}
}

func TestMessagesInARow(t *testing.T) {
	b := newBench(t)
	out := b.take(cat(
		ipfix(0, set(2, tmpl(256, basic...))),
		ipfix(0, set(256, basicRecord(1))),
		ipfix(1, set(256, basicRecord(2), basicRecord(3))),
	))
	if sum := b.sum(); len(out) != 3 || sum.Datagrams != 1 || sum.SequenceGaps != 0 {
		t.Errorf("%d records, %s", len(out), describe(sum))
	}
	b.balance()

	// Of two domains: each has its own books.
	b = newBench(t)
	out = b.take(cat(
		ipfixOf(1, 0, set(2, tmpl(256, basic...)), set(256, basicRecord(1))),
		ipfixOf(2, 0, set(2, tmpl(256, swapped...)), set(256, basicRecord(2), basicRecord(3))),
	))
	if sum := b.sum(); len(out) != 3 || sum.Datagrams != 1 || out[2].Source.Domain != 2 || out[2].Src != out[0].Dst {
		t.Errorf("%+v, %s", out, describe(sum))
	}
	b.balance()
}
