package netflow

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// withFields decodes one IPFIX record of addresses and the given fields.
func withFields(t *testing.T, values []byte, fields ...testField) flows.Record {
	t.Helper()
	b := newBench(t)
	r := b.one(timed(values, fields...)...)
	b.balance()
	return r
}

func TestReducedSizes(t *testing.T) {
	for n := 1; n <= 8; n++ {
		value := make([]byte, n)
		want := uint64(0)
		for i := range value {
			value[i] = byte(0x81 + i)
			want = want<<8 | uint64(value[i])
		}
		r := withFields(t, cat(value, value, value), testField{1, n}, testField{2, n}, testField{10, n})
		if r.Bytes != want || r.Packets != want || r.InIf != uint32(want) {
			t.Errorf("%d octets: %x, %x, %x, want %x", n, r.Bytes, r.Packets, r.InIf, want)
		}
	}
	// What no element can have is not read.
	if r := withFields(t, make([]byte, 9+3), testField{1, 9}, testField{15, 3}); r.Bytes != 0 || r.NextHop.IsValid() {
		t.Errorf("%+v", r)
	}
}

func TestCounters(t *testing.T) {
	for name, c := range map[string]struct {
		fields         []testField
		values         []byte
		bytes, packets uint64
	}{
		"deltas before totals and post": {[]testField{{85, 4}, {23, 4}, {1, 4}, {24, 4}, {2, 4}, {86, 4}}, cat(u32(1), u32(2), u32(3), u32(4), u32(5), u32(6)), 3, 5},
		"totals before post":            {[]testField{{24, 4}, {23, 4}, {85, 4}, {86, 4}}, cat(u32(1), u32(2), u32(3), u32(4)), 3, 4},
		"post alone":                    {[]testField{{23, 4}, {24, 4}}, cat(u32(1), u32(2)), 1, 2},
		"zero is said too":              {[]testField{{1, 4}, {23, 4}}, cat(u32(0), u32(2)), 0, 0},
		"the first of two":              {[]testField{{1, 4}, {1, 4}}, cat(u32(7), u32(8)), 7, 0},
		"unknown enterprise":            {[]testField{{1, 4}, pen(9, 1, 4), pen(4294967, 2, 4)}, cat(u32(7), u32(8), u32(9)), 7, 0},
	} {
		if r := withFields(t, c.values, c.fields...); r.Bytes != c.bytes || r.Packets != c.packets {
			t.Errorf("%s: %d octets, %d packets, want %d and %d", name, r.Bytes, r.Packets, c.bytes, c.packets)
		}
	}
}

func TestFallbacks(t *testing.T) {
	for name, c := range map[string]struct {
		fields []testField
		values []byte
		ok     func(r *flows.Record) bool
	}{
		"physical interfaces": {
			[]testField{{252, 4}, {253, 4}},
			cat(u32(3), u32(4)),
			func(r *flows.Record) bool { return r.InIf == 3 && r.OutIf == 4 },
		},
		"physical beside logical": {
			[]testField{{252, 4}, {10, 4}, {253, 4}, {14, 4}},
			cat(u32(3), u32(1), u32(4), u32(0)),
			func(r *flows.Record) bool { return r.InIf == 1 && r.OutIf == 4 },
		},
		"dot1q": {
			[]testField{{243, 2}, {254, 2}},
			cat(u16(10), u16(20)),
			func(r *flows.Record) bool { return r.SrcVLAN == 10 && r.DstVLAN == 20 },
		},
		"vlan before dot1q": {
			[]testField{{243, 2}, {58, 2}, {254, 2}, {59, 2}},
			cat(u16(10), u16(30), u16(20), u16(40)),
			func(r *flows.Record) bool { return r.SrcVLAN == 30 && r.DstVLAN == 40 },
		},
		"BGP next hop alone": {
			[]testField{{18, 4}},
			ip("203.0.113.9"),
			func(r *flows.Record) bool { return r.NextHop.String() == "203.0.113.9" },
		},
		"next hop before BGP": {
			[]testField{{18, 4}, {15, 4}},
			cat(ip("203.0.113.9"), ip("203.0.113.1")),
			func(r *flows.Record) bool { return r.NextHop.String() == "203.0.113.1" },
		},
		"next hop zero": {
			[]testField{{15, 4}, {63, 16}},
			cat(u32(0), ip("2001:db8::9")),
			func(r *flows.Record) bool { return r.NextHop.String() == "2001:db8::9" },
		},
		"UDP ports": {
			[]testField{{180, 2}, {181, 2}},
			cat(u16(53), u16(5353)),
			func(r *flows.Record) bool { return r.SrcPort == 53 && r.DstPort == 5353 },
		},
		"post NAT is not the packet": {
			[]testField{{225, 4}, {226, 4}, {227, 2}, {228, 2}},
			cat(ip("10.0.0.1"), ip("10.0.0.2"), u16(1), u16(2)),
			func(r *flows.Record) bool { return r.Src.String() == "192.0.2.1" && r.SrcPort == 0 },
		},
		"wide forwarding status": {
			[]testField{{89, 4}},
			u32(0x82),
			func(r *flows.Record) bool { return r.ForwardingStatus == 0x82 },
		},
		"wide TCP flags": {
			[]testField{{6, 2}},
			u16(0x112),
			func(r *flows.Record) bool { return r.TCPFlags == 0x112 },
		},
		"ToS after the exporter": {
			[]testField{{55, 1}},
			[]byte{9},
			func(r *flows.Record) bool { return r.ToS == 0 },
		},
		"direction of neither": {
			[]testField{{61, 1}},
			[]byte{7},
			func(r *flows.Record) bool { return r.Direction == flows.DirectionUnknown },
		},
	} {
		if r := withFields(t, c.values, c.fields...); !c.ok(&r) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAddresses(t *testing.T) {
	six := []testField{{27, 16}, {28, 16}, {8, 4}, {12, 4}}
	for name, c := range map[string]struct {
		values   []byte
		src, dst string
	}{
		"v6 beside zero v4": {cat(ip("2001:db8::1"), ip("2001:db8::2"), u32(0), u32(0)), "2001:db8::1", "2001:db8::2"},
		"v4 beside zero v6": {cat(make([]byte, 32), ip("192.0.2.1"), ip("192.0.2.2")), "192.0.2.1", "192.0.2.2"},
		"v4 mapped in v6":   {cat(ip("::ffff:192.0.2.1"), ip("::ffff:192.0.2.2"), u32(0), u32(0)), "192.0.2.1", "192.0.2.2"},
		"all zero":          {make([]byte, 40), "0.0.0.0", "0.0.0.0"},
		"DHCP":              {cat(make([]byte, 32), u32(0), ip("255.255.255.255")), "0.0.0.0", "255.255.255.255"},
		"v4 inside v6":      {cat(ip("2001:db8::1"), ip("2001:db8::2"), ip("192.0.2.1"), ip("192.0.2.2")), "2001:db8::1", "2001:db8::2"},
	} {
		b := newBench(t)
		r := b.one(ipfix(0, set(2, tmpl(256, six...))), ipfix(0, set(256, c.values)))
		if r.Src.String() != c.src || r.Dst.String() != c.dst {
			t.Errorf("%s: %v to %v", name, r.Src, r.Dst)
		}
	}
}

// TestAddressesInside decodes a tunnel whose outer packet is IPv4: what comes
// first is outside.
func TestAddressesInside(t *testing.T) {
	fields := []testField{{8, 4}, {12, 4}, {4, 1}, {7, 2}, {27, 16}, {28, 16}, {4, 1}, {7, 2}}
	values := cat(ip("192.0.2.1"), ip("192.0.2.2"), []byte{41}, u16(0), ip("2001:db8::1"), ip("2001:db8::2"), []byte{6}, u16(443))
	r := newBench(t).one(ipfix(0, set(2, tmpl(256, fields...))), ipfix(0, set(256, values)))
	if r.Src.String() != "192.0.2.1" || r.Dst.String() != "192.0.2.2" || r.Proto != 41 || r.SrcPort != 0 {
		t.Errorf("%v to %v, protocol %d, port %d", r.Src, r.Dst, r.Proto, r.SrcPort)
	}
}

func TestFlowsWithoutIP(t *testing.T) {
	b := newBench(t)
	out := b.take(
		v9(1, 0, set(0, tmpl(256, testField{56, 6}, testField{80, 6}, testField{256, 2}, testField{1, 4}))),
		v9(2, 1, set(256, make([]byte, 18), make([]byte, 18))),
	)
	if sum := b.sum(); len(out) != 0 || sum.Records != 2 || sum.Lost[flows.ReasonNotIP] != 2 {
		t.Error(describe(sum))
	}
	b.balance()
}

func TestICMP(t *testing.T) {
	for name, c := range map[string]struct {
		fields []testField
		values []byte
		icmp   uint16
	}{
		"element 32":              {[]testField{{4, 1}, {32, 2}, {11, 2}}, cat([]byte{1}, u16(0x0301), u16(0x0302)), 0x0301},
		"element 139":             {[]testField{{4, 1}, {139, 2}}, cat([]byte{58}, u16(0x8100)), 0x8100},
		"both, one zero":          {[]testField{{4, 1}, {32, 2}, {139, 2}}, cat([]byte{58}, u16(0), u16(0x8100)), 0x8100},
		"type and code":           {[]testField{{177, 1}, {4, 1}, {176, 1}}, []byte{4, 1, 3}, 0x0304},
		"type and code of v6":     {[]testField{{4, 1}, {176, 1}, {177, 1}, {178, 1}, {179, 1}}, []byte{58, 0, 0, 1, 4}, 0x0104},
		"in the port":             {[]testField{{4, 1}, {7, 2}, {11, 2}}, cat([]byte{1}, u16(0), u16(0x0800)), 0x0800},
		"type alone in the port":  {[]testField{{4, 1}, {7, 2}, {11, 2}}, cat([]byte{58}, u16(0), u16(135)), 0x8700},
		"echo reply is zero":      {[]testField{{4, 1}, {32, 2}, {11, 2}}, cat([]byte{1}, u16(0), u16(99)), 0},
		"not of another protocol": {[]testField{{4, 1}, {32, 2}}, cat([]byte{6}, u16(443)), 0},
	} {
		r := withFields(t, c.values, c.fields...)
		if r.ICMP != c.icmp || r.Proto != 6 && (r.SrcPort != 0 || r.DstPort != 0) {
			t.Errorf("%s: ICMP %#x, ports %d and %d, want %#x", name, r.ICMP, r.SrcPort, r.DstPort, c.icmp)
		}
	}
}

func TestBiflows(t *testing.T) {
	const reversed = reverseEnterprise
	later := testTime.Add(-time.Second)
	fields := []testField{
		{8, 4},
		{12, 4},
		{7, 2},
		{11, 2},
		{4, 1},
		{10, 4},
		{14, 4},
		{16, 4},
		{17, 4},
		{58, 2},
		{59, 2},
		{15, 4},
		{89, 1},
		{61, 1},
		{1, 4},
		{2, 4},
		{6, 1},
		{5, 1},
		{152, 8},
		{153, 8},
		pen(reversed, 1, 4), pen(reversed, 2, 4), pen(reversed, 6, 1), pen(reversed, 5, 1), pen(reversed, 152, 8), pen(reversed, 153, 8),
	}
	record := func(octets, packets uint32) []byte {
		ms := u64(uint64(testTime.Add(-2 * time.Second).UnixMilli()))
		return cat(ip("192.0.2.1"), ip("198.51.100.2"), u16(40000), u16(443), []byte{6}, u32(1), u32(2), u32(64500), u32(64501), u16(10), u16(20),
			ip("203.0.113.1"), []byte{0x40, 0}, u32(100), u32(1), []byte{0x02, 8}, ms, ms,
			u32(octets), u32(packets), []byte{0x12, 16}, u64(uint64(later.UnixMilli())), u64(uint64(later.UnixMilli())))
	}
	b := newBench(t)
	out := b.take(ipfix(0, set(2, tmpl(256, fields...))), ipfix(0, set(256, record(900, 3), record(0, 0))))
	if len(out) != 3 || out[0].Biflow || !out[1].Biflow || out[2].Biflow || b.sum().Records != 3 {
		t.Fatalf("%d records, %s", len(out), describe(b.sum()))
	}
	f := out[0]
	same(t, flows.Record{
		Source: f.Source, Received: testTime, Exported: testTime, Start: later, End: later,
		Src: f.Dst, Dst: f.Src, SrcPort: 443, DstPort: 40000, Proto: 6, InIf: 2, OutIf: 1, SrcAS: 64501, DstAS: 64500,
		SrcVLAN: 20, DstVLAN: 10, Bytes: 900, Packets: 3, TCPFlags: 0x12, ToS: 16, SamplingRate: 1, Biflow: true,
	}, out[1])
	if f.Bytes != 100 || f.TCPFlags != 2 || !f.End.Equal(testTime.Add(-2*time.Second)) {
		t.Errorf("forward %+v", f)
	}
	// IPFIX numbers data records, not directions.
	b.take(ipfix(2, set(256, record(0, 0))))
	if n := b.sum().SequenceGaps; n != 0 {
		t.Errorf("%d missing", n)
	}
	b.balance()
}

func TestResponders(t *testing.T) {
	b := newBench(t)
	asa := []testField{{8, 4}, {12, 4}, {231, 4}, {232, 4}, {298, 4}, {299, 4}}
	ends := cat(ip("192.0.2.1"), ip("198.51.100.2"))
	out := b.take(v9(1, 0, set(0, tmpl(256, asa...))),
		v9(2, 1, set(256, ends, u32(10), u32(20), u32(1), u32(2), ends, u32(10), u32(0), u32(1), u32(0))))
	if len(out) != 3 || out[0].Bytes != 10 || out[1].Bytes != 20 || out[1].Packets != 2 || out[1].Src != out[0].Dst || !out[1].Biflow {
		t.Errorf("%+v", out)
	}
	// Beside counters of the flow those of the responder may be part of them.
	if out = b.take(v9(1, 2, set(0, tmpl(257, testField{8, 4}, testField{12, 4}, testField{1, 4}, testField{232, 4}))),
		v9(1, 3, set(257, ends, u32(10), u32(20)))); len(out) != 1 || out[0].Bytes != 10 {
		t.Errorf("%+v", out)
	}
	b.balance()
}

func TestPacketSections(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	packet := unhex("45b8 003c 0001 4000 4006 0000 c000 0201 c633 6402 01bb c350 0000 0001 0000 0002 a012 ffff 0000 0000")
	frame := cat(unhex("0200 0000 0002 0200 0000 0001 8100 0064 0800"), packet)
	arp := unhex("0200 0000 0002 0200 0000 0001 0806 0001 0800 0604 0001 0000 0000 0000")
	b := newBench(t)
	b.take(ipfix(0, set(2,
		tmpl(256, testField{10, 4}, testField{312, 2}, testField{315, variableLength}),
		tmpl(257, testField{313, 40}),
		tmpl(258, testField{103, 2}, testField{104, len(frame)}, testField{1, 4}, testField{2, 4}),
	)))
	section := func(b []byte) []byte { return cat([]byte{byte(len(b))}, b) }
	r := b.one(ipfix(0, set(256, u32(9), u16(78), section(frame))))
	if r.Src.String() != "192.0.2.1" || r.DstPort != 50000 || r.TCPFlags != 0x12 || r.SrcVLAN != 100 || r.ToS != 0xb8 ||
		r.Bytes != 60 || r.Packets != 1 || r.InIf != 9 {
		t.Errorf("315: %+v", r)
	}
	if r = b.one(ipfix(1, set(257, packet))); r.Dst.String() != "198.51.100.2" || r.Bytes != 60 || r.Packets != 1 {
		t.Errorf("313: %+v", r)
	}
	if r = b.one(ipfix(2, set(258, u16(78), frame, u32(7000), u32(5)))); r.Bytes != 7000 || r.Packets != 5 || r.Proto != 6 {
		t.Errorf("104 with counters: %+v", r)
	}
	b.take(ipfix(3, set(256, u32(9), u16(64), section(arp))), ipfix(4, set(256, u32(9), u16(64), section(frame[:20]))))
	if sum := b.sum(); sum.Lost[flows.ReasonNotIP] != 1 || sum.Lost[flows.ReasonMalformed] != 1 {
		t.Error(describe(sum))
	}
	b.balance()
}
