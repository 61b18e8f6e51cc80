package header_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
)

// unhex turns hex with spaces into bytes.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

const (
	macs = "0200 0000 0002 0200 0000 0001 "
	// ip4TCP is 192.0.2.1:443 to 198.51.100.2:50000, 60 bytes, ToS 0xb8, SYN ACK.
	ip4TCP = "45b8 003c 0001 4000 4006 0000 c000 0201 c633 6402 " +
		"01bb c350 0000 0001 0000 0002 a012 ffff 0000 0000 "
	// ip6UDP is 2001:db8::1 to 2001:db8::2, 20 bytes of payload.
	ip6Base  = "6b80 0000 %LEN%%NH%40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
	udp      = "0035 d431 0014 0000 "
	ip4ICMP  = "4500 0054 0001 0000 4001 0000 c000 0201 c633 6402 0301 0000 0000 0000 "
	ip4Later = "4500 0054 0001 2003 4011 0000 c000 0201 c633 6402 0035 d431 0014 0000 "
)

func ip6(length, next string) string {
	return strings.NewReplacer("%LEN%", length, "%NH%", next).Replace(ip6Base)
}

func tcp4() flows.Record {
	return flows.Record{
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"),
		Bytes: 60, Proto: 6, ToS: 0xb8, SrcPort: 443, DstPort: 50000, TCPFlags: 0x12,
	}
}

func udp6(bytes uint64) flows.Record {
	return flows.Record{
		Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"),
		Bytes: bytes, Proto: 17, ToS: 0xb8, SrcPort: 53, DstPort: 54321,
	}
}

func with(r flows.Record, change func(*flows.Record)) flows.Record {
	change(&r)
	return r
}

type parseCase struct {
	name     string
	link     header.Link
	frame    string
	frameLen uint32
	want     flows.Record
	result   header.Result
}

func parseCases() []parseCase {
	icmp := flows.Record{
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"),
		Bytes: 84, Proto: 1, ICMP: 0x0301,
	}
	later := with(icmp, func(r *flows.Record) { r.Proto, r.ICMP = 17, 0 })
	vlan := func(id uint16) func(*flows.Record) {
		return func(r *flows.Record) { r.SrcVLAN, r.DstVLAN = id, id }
	}
	return []parseCase{
		{"ethernet", header.Ethernet, macs + "0800" + ip4TCP, 74, tcp4(), header.Whole},
		{"length not known", header.Ethernet, macs + "0800" + ip4TCP, 0, tcp4(), header.Whole},
		{"padding and checksum do not count", header.Ethernet, macs + "0800" + ip4TCP, 200, tcp4(), header.Whole},
		{
			"offloaded segment longer than its header says", header.Ethernet, macs + "0800" + strings.Replace(ip4TCP, "003c", "0000", 1), 9014,
			with(tcp4(), func(r *flows.Record) { r.Bytes = 9000 }), header.Whole,
		},
		{
			"total length beyond the frame", header.Ethernet, macs + "0800" + strings.Replace(ip4TCP, "003c", "ffff", 1), 74,
			tcp4(), header.Whole,
		},
		{"802.1Q", header.Ethernet, macs + "8100 6064 0800" + ip4TCP, 78, with(tcp4(), vlan(100)), header.Whole},
		{"802.1ad keeps the outer tag", header.Ethernet, macs + "88a8 0bb9 8100 0064 0800" + ip4TCP, 82, with(tcp4(), vlan(3001)), header.Whole},
		{"old QinQ", header.Ethernet, macs + "9100 0007 8100 0064 0800" + ip4TCP, 82, with(tcp4(), vlan(7)), header.Whole},
		{"LLC SNAP", header.Ethernet, macs + "0044 aaaa 0300 0000 0800" + ip4TCP, 82, tcp4(), header.Whole},
		{"LLC of spanning tree", header.Ethernet, macs + "0026 4242 0300 0000 0000 0000", 64, flows.Record{}, header.NotIP},
		{"ARP", header.Ethernet, macs + "0806 0001 0800 0604 0001", 64, flows.Record{}, header.NotIP},
		{
			"MPLS stack", header.Ethernet, macs + "8847 0001 20ff 0001 01ff" + ip4TCP, 82,
			with(tcp4(), func(r *flows.Record) { r.MPLSLabel = 18 }), header.Whole,
		},
		{
			"MPLS pseudowire with control word", header.Ethernet, macs + "8847 0006 41ff 0000 0000" + macs + "0800" + ip4TCP, 96,
			with(tcp4(), func(r *flows.Record) { r.MPLSLabel = 100 }), header.Whole,
		},
		{
			"MPLS link", header.MPLS, "0006 41ff" + ip4TCP, 64,
			with(tcp4(), func(r *flows.Record) { r.MPLSLabel = 100 }), header.Whole,
		},
		{"PPPoE", header.Ethernet, macs + "8864 1100 0001 003e 0021" + ip4TCP, 82, tcp4(), header.Whole},
		{"PPPoE control", header.Ethernet, macs + "8864 1100 0001 0010 c021 0101", 64, flows.Record{}, header.NotIP},
		{"PPP in HDLC", header.PPP, "ff03 0021" + ip4TCP, 64, tcp4(), header.Whole},
		{"PPP compressed", header.PPP, "21" + ip4TCP, 61, tcp4(), header.Whole},
		{"raw IPv4", header.IP, ip4TCP, 60, tcp4(), header.Whole},
		{"IPv6 UDP", header.Ethernet, macs + "86dd" + ip6("0014", "11") + udp, 74, udp6(60), header.Whole},
		{"IPv6 jumbo", header.IP, ip6("0000", "11") + udp, 70000, udp6(70000), header.Whole},
		{
			"IPv6 hop-by-hop, routing, options", header.IP, ip6("0034", "00") + "2b00 0502 0000 0100" + "3c01 0401 0000 0000 0000 0000 0000 0000" +
				"1100 0104 0000 0000" + udp, 92, udp6(92), header.Whole,
		},
		{"IPv6 first fragment", header.IP, ip6("0494", "2c") + "1100 0001 0000 0001" + udp, 1212, udp6(1212), header.Whole},
		{
			"IPv6 later fragment", header.IP, ip6("0494", "2c") + "1100 0099 0000 0001" + udp, 1212,
			with(udp6(1212), func(r *flows.Record) { r.SrcPort, r.DstPort = 0, 0 }), header.Whole,
		},
		{
			"IPv6 authentication header is the protocol", header.IP, ip6("0034", "33") + udp, 92,
			with(udp6(92), func(r *flows.Record) { r.Proto, r.SrcPort, r.DstPort = 51, 0, 0 }), header.Whole,
		},
		{"ICMP", header.Ethernet, macs + "0800" + ip4ICMP, 98, icmp, header.Whole},
		{"IPv4 later fragment", header.Ethernet, macs + "0800" + ip4Later, 98, later, header.Whole},
		{
			"SCTP", header.IP, strings.Replace(ip4TCP, "4006", "4084", 1), 60,
			with(tcp4(), func(r *flows.Record) { r.Proto, r.TCPFlags = 132, 0 }), header.Whole,
		},
		{
			"GRE stays the outer packet", header.IP, strings.Replace(ip4TCP, "4006", "402f", 1), 60,
			with(tcp4(), func(r *flows.Record) { r.Proto, r.TCPFlags, r.SrcPort, r.DstPort = 47, 0, 0, 0 }), header.Whole,
		},
		{
			"options before the ports", header.IP, "46b8 003c 0001 4000 4006 0000 c000 0201 c633 6402 9404 0000" +
				"01bb c350 0000 0001 0000 0002 a012 ffff", 60, tcp4(), header.Whole,
		},
		{"version contradicts the type", header.Ethernet, macs + "0800" + ip6("0014", "11"), 74, flows.Record{}, header.Malformed},
		{"header length below 20", header.IP, strings.Replace(ip4TCP, "45b8", "44b8", 1), 60, flows.Record{}, header.Malformed},
		{"neither version", header.IP, "00", 60, flows.Record{}, header.NotIP},
		{"nothing", header.Ethernet, "", 60, flows.Record{}, header.Malformed},
		{"unknown link", header.Link(99), ip4TCP, 60, flows.Record{}, header.NotIP},
	}
}

func TestParse(t *testing.T) {
	for _, c := range parseCases() {
		t.Run(c.name, func(t *testing.T) {
			var got flows.Record
			if result := header.Parse(c.link, unhex(t, c.frame), c.frameLen, &got); result != c.result {
				t.Errorf("result %v, want %v", result, c.result)
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
		})
	}
}

// TestParseCutAnywhere cuts each header at each byte: the addresses are there
// or the result says not, ports come whole or not at all, and what is given
// never differs from the whole header.
func TestParseCutAnywhere(t *testing.T) {
	for _, c := range parseCases() {
		if c.result != header.Whole {
			continue
		}
		frame := unhex(t, c.frame)
		var whole flows.Record
		header.Parse(c.link, frame, c.frameLen, &whole)
		for n := range frame {
			var got flows.Record
			result := header.Parse(c.link, frame[:n:n], c.frameLen, &got)
			known := result == header.Whole || result == header.Cut
			if known != got.Src.IsValid() || got.Src.IsValid() != got.Dst.IsValid() {
				t.Errorf("%s cut at %d: %v with addresses %v, %v", c.name, n, result, got.Src, got.Dst)
			}
			if known && (got.Src != whole.Src || got.Dst != whole.Dst || got.Bytes != whole.Bytes) {
				t.Errorf("%s cut at %d: %v %v %d bytes, want %v %v %d", c.name, n, got.Src, got.Dst, got.Bytes, whole.Src, whole.Dst, whole.Bytes)
			}
			if got.SrcPort != 0 && (got.SrcPort != whole.SrcPort || got.DstPort != whole.DstPort) {
				t.Errorf("%s cut at %d: ports %d, %d", c.name, n, got.SrcPort, got.DstPort)
			}
			if result == header.Whole && (got.SrcPort != whole.SrcPort || got.TCPFlags != whole.TCPFlags || got.ICMP != whole.ICMP) {
				t.Errorf("%s cut at %d calls itself whole: %+v", c.name, n, got)
			}
		}
	}
}

func TestParseBoundsNesting(t *testing.T) {
	frame := append(unhex(t, macs), 0x81, 0x00)
	for range 1000 {
		frame = binary.BigEndian.AppendUint32(frame, 0x00018100)
	}
	var r flows.Record
	if got := header.Parse(header.Ethernet, frame, 0, &r); got != header.NotIP {
		t.Errorf("endless tags: %v, want %v", got, header.NotIP)
	}
	stack := make([]byte, 4000)
	if got := header.Parse(header.MPLS, stack, 0, &r); got != header.NotIP {
		t.Errorf("endless labels: %v, want %v", got, header.NotIP)
	}
	six := unhex(t, ip6("0000", "00"))
	six = append(six, make([]byte, 1000)...)
	if got := header.Parse(header.IP, six, 0, &r); got != header.Cut {
		t.Errorf("endless extension headers: %v, want %v", got, header.Cut)
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	frame := unhex(t, macs+"8100 6064 0800"+ip4TCP)
	var r flows.Record
	if n := testing.AllocsPerRun(100, func() { header.Parse(header.Ethernet, frame, 78, &r) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkParse(b *testing.B) {
	frame := unhex(b, macs+"8100 6064 0800"+ip4TCP)
	var r flows.Record
	b.ReportAllocs()
	for b.Loop() {
		header.Parse(header.Ethernet, frame, 78, &r)
	}
}

// TestParseStripped leaves out stripped octets only where the frame length has
// to stand in for the length of the packet.
func TestParseStripped(t *testing.T) {
	frame := unhex(t, macs+"0800"+ip4TCP)
	offload := unhex(t, macs+"0800"+strings.Replace(ip4TCP, "003c", "0000", 1))
	for _, c := range []struct {
		name               string
		frame              []byte
		frameLen, stripped uint32
		want               uint64
	}{
		{"packet says its length", frame, 78, 4, 60},
		{"stripped taken for what is cut off", frame[:40], 78, 38, 60},
		{"no length", offload, 9018, 4, 9000},
		{"no length, nothing stripped", offload, 9014, 0, 9000},
		{"no length, stripped more than there is", offload, 78, 1 << 31, 64},
		{"nothing known", offload, 0, 4, 40},
	} {
		var r flows.Record
		header.ParseStripped(header.Ethernet, c.frame, c.frameLen, c.stripped, &r)
		if r.Bytes != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, r.Bytes, c.want)
		}
	}
}
