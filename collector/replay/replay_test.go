package replay

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// at is the time of the recorded packets.
var at = time.Date(2026, 3, 4, 5, 6, 7, 890_123_000, time.UTC)

// got is a packet with a payload of its own.
type got struct {
	payload  string
	from     netip.AddrPort
	received time.Time
}

// readAll opens a file with these contents and reads it to its end.
func readAll(tb testing.TB, name string, contents []byte, o Options) ([]got, error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, contents, 0o600); err != nil {
		tb.Fatal(err)
	}
	return readFile(tb, path, o)
}

func readFile(tb testing.TB, path string, o Options) ([]got, error) {
	tb.Helper()
	r, err := Open(path, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := r.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	}()
	var list []got
	for {
		p, err := r.Next()
		if err != nil {
			if _, again := r.Next(); !errors.Is(again, err) {
				tb.Errorf("the error %v became %v", err, again)
			}
			if errors.Is(err, io.EOF) {
				return list, nil
			}
			return list, err
		}
		list = append(list, got{string(p.Payload), p.From, p.Received})
	}
}

// pcapOf records frames in a pcap file.
func pcapOf(tb testing.TB, link uint16, frames ...[]byte) []byte {
	tb.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<18, layers.LinkTypeRaw); err != nil {
		tb.Fatal(err)
	}
	// The library knows no link types above 255.
	binary.LittleEndian.PutUint16(file.Bytes()[20:], link)
	for _, f := range frames {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(f), Length: len(f)}, f); err != nil {
			tb.Fatal(err)
		}
	}
	return file.Bytes()
}

// udp is a UDP header and payload, without checksum.
func udp(port uint16, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, 40000)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

// ip4 is an IPv4 packet; flags is the field with the fragment offset.
func ip4(proto byte, id, flags uint16, payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, byte(id >> 8), byte(id), byte(flags >> 8), byte(flags), 64, proto, 0, 0, 192, 0, 2, 7, 198, 51, 100, 1}
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	return append(b, payload...)
}

// ip6 is an IPv6 packet whose payload begins with a header of the given type.
func ip6(next byte, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0, 0, 0, next, 64}
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	for _, a := range []string{"2001:db8::7", "2001:db8::1"} {
		b = append(b, netip.MustParseAddr(a).AsSlice()...)
	}
	return append(b, payload...)
}

// ip6frag is a fragment of an IPv6 packet.
func ip6frag(next byte, id uint32, offset int, more bool, payload []byte) []byte {
	h := binary.BigEndian.AppendUint16([]byte{next, 0}, uint16(offset))
	if more {
		h[3] |= 1
	}
	h = binary.BigEndian.AppendUint32(h, id)
	return ip6(44, append(h, payload...))
}

// ether is an Ethernet frame; tags are pairs of type and id.
func ether(kind uint16, packet []byte, tags ...uint16) []byte {
	b := make([]byte, 12, 64)
	for _, t := range append(tags, kind) {
		b = binary.BigEndian.AppendUint16(b, t)
	}
	return append(b, packet...)
}

func four(payload string) []byte { return ip4(17, 1, 0, udp(2055, payload)) }
func six(payload string) []byte  { return ip6(17, udp(2055, payload)) }

var (
	exportPorts = Options{Ports: []uint16{2055, 6343}, Exporter: netip.MustParseAddr("192.0.2.1")}
	from4       = netip.MustParseAddrPort("192.0.2.7:40000")
	from6       = netip.MustParseAddrPort("[2001:db8::7]:40000")
)

func payloads(list []got) []string {
	var texts []string
	for _, g := range list {
		texts = append(texts, g.payload)
	}
	return texts
}

func TestLinks(t *testing.T) {
	sll := func(kind uint16, packet []byte) []byte {
		return append(binary.BigEndian.AppendUint16(make([]byte, 14), kind), packet...)
	}
	sll2 := func(kind uint16, packet []byte) []byte {
		return append(append(binary.BigEndian.AppendUint16(nil, kind), make([]byte, 18)...), packet...)
	}
	ext := slices.Concat([]byte{60, 0, 5, 2, 0, 0, 0, 0}, []byte{43, 1}, make([]byte, 14), []byte{17, 0, 0, 0, 0, 0, 0, 0}, udp(2055, "deep"))
	for _, c := range []struct {
		name  string
		link  uint16
		frame []byte
		from  netip.AddrPort
	}{
		{"ethernet", linkEthernet, ether(etherIPv4, four("deep")), from4},
		{"padded", linkEthernet, append(ether(etherIPv4, four("deep")), make([]byte, 20)...), from4},
		{"vlan", linkEthernet, ether(etherIPv4, four("deep"), 0x8100, 100), from4},
		{"qinq", linkEthernet, ether(etherIPv6, six("deep"), 0x88a8, 100, 0x8100, 7), from6},
		{"old qinq", linkEthernet, ether(etherIPv4, four("deep"), 0x9100, 100, 0x8100, 7), from4},
		{"ipv6", linkEthernet, ether(etherIPv6, six("deep")), from6},
		{"ipv6 extension headers", linkEthernet, ether(etherIPv6, ip6(0, ext)), from6},
		{"ipv6 authenticated", linkRaw, ip6(51, slices.Concat([]byte{17, 4}, make([]byte, 22), udp(2055, "deep"))), from6},
		{"ipv6 atomic fragment", linkRaw, ip6frag(17, 9, 0, false, udp(2055, "deep")), from6},
		{"cooked", linkSLL, sll(etherIPv4, four("deep")), from4},
		{"cooked ipv6", linkSLL, sll(etherIPv6, six("deep")), from6},
		{"cooked 2", linkSLL2, sll2(etherIPv4, four("deep")), from4},
		{"raw", linkRaw, four("deep"), from4},
		{"raw of BSD", linkRawBSD, six("deep"), from6},
		{"raw ipv6", linkIPv6, six("deep"), from6},
		{"null little endian", linkNull, append([]byte{2, 0, 0, 0}, four("deep")...), from4},
		{"null big endian", linkNull, append([]byte{0, 0, 0, 30}, six("deep")...), from6},
		{"loop", linkLoop, append([]byte{0, 0, 0, 24}, six("deep")...), from6},
		{"options", linkRaw, func() []byte {
			p := four("deep")
			p = slices.Concat(p[:20], []byte{1, 1, 1, 1}, p[20:])
			p[0], p[3] = 0x46, p[3]+4
			return p
		}(), from4},
		{"offloaded length", linkRaw, func() []byte { p := four("deep"); p[2], p[3] = 0, 0; return p }(), from4},
	} {
		list, err := readAll(t, c.name+".pcap", pcapOf(t, c.link, c.frame), exportPorts)
		if err != nil || !slices.Equal(list, []got{{"deep", c.from, at}}) {
			t.Errorf("%s: %v, error %v", c.name, list, err)
		}
	}
}

func TestPorts(t *testing.T) {
	file := pcapOf(t, linkRaw, four("one"), ip4(17, 1, 0, udp(6343, "two")), ip4(17, 1, 0, udp(53, "three")), ip4(6, 1, 0, udp(2055, "tcp")))
	list, err := readAll(t, "a", file, exportPorts)
	if err != nil || !slices.Equal(payloads(list), []string{"one", "two"}) {
		t.Errorf("two ports give %v, %v", payloads(list), err)
	}
	if list, err = readAll(t, "a", file, Options{AnyPort: true}); err != nil || len(list) != 3 {
		t.Errorf("any port gives %v, %v", payloads(list), err)
	}
	list, err = readAll(t, "a", file, Options{Ports: []uint16{4739}})
	wantError(t, err, ErrIncomplete, "none of its 4 packets", "53 (1 datagrams), 2055 (1 datagrams), 6343 (1 datagrams)", "--exporter-ports")
	if len(list) != 0 {
		t.Errorf("a port without datagrams gives %v", payloads(list))
	}
	_, err = readAll(t, "a", pcapOf(t, linkRaw, ip4(6, 1, 0, udp(2055, "tcp"))), exportPorts)
	wantError(t, err, ErrIncomplete, "none of its 1 packets is a UDP datagram")
	if _, err = readAll(t, "a", file, Options{}); err == nil {
		t.Error("no ports at all are taken")
	}
	if list, err := readAll(t, "a", pcapOf(t, linkRaw), exportPorts); err != nil || len(list) != 0 {
		t.Errorf("a capture without packets gives %v, %v", list, err)
	}
}

// wantError tells whether err is of a kind and its text has all parts.
func wantError(tb testing.TB, err, kind error, parts ...string) {
	tb.Helper()
	if !errors.Is(err, kind) {
		tb.Errorf("error %v, want one of kind %v", err, kind)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			tb.Errorf("error %q does not say %q", err, p)
		}
	}
}

func TestFormats(t *testing.T) {
	plain := pcapOf(t, linkRaw, four("a"), six("b"))
	want := []got{{"a", from4, at}, {"b", from6, at}}
	swapped := bytes.Clone(plain)
	for _, field := range [][2]int{{0, 4}, {4, 2}, {6, 2}, {16, 4}, {20, 4}} {
		slices.Reverse(swapped[field[0] : field[0]+field[1]])
	}
	for start := 24; start < len(swapped); {
		n := int(binary.LittleEndian.Uint32(swapped[start+8:]))
		for i := range 4 {
			slices.Reverse(swapped[start+4*i : start+4*i+4])
		}
		start += 16 + n
	}
	nano := bytes.Clone(plain)
	binary.LittleEndian.PutUint32(nano, pcapNano)
	for start := 24; start < len(nano); start += 16 + int(binary.LittleEndian.Uint32(nano[start+8:])) {
		binary.LittleEndian.PutUint32(nano[start+4:], uint32(at.Nanosecond()))
	}
	for name, file := range map[string][]byte{
		"plain.pcap": plain, "swapped.cap": swapped, "nano.pcap": nano, "named.ipfix": plain, "no-name": zipped(t, plain),
	} {
		list, err := readAll(t, name, file, exportPorts)
		if err != nil || !slices.Equal(list, want) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

func zipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	if _, err := z.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

func TestMessagesAndPayloads(t *testing.T) {
	message := func(text string) string {
		b := binary.BigEndian.AppendUint16([]byte{0, 10}, uint16(16+len(text)))
		return string(append(b, make([]byte, 12)...)) + text
	}
	both := message("first") + message("2")
	exporter := netip.AddrPortFrom(exportPorts.Exporter, 0)
	want := []got{{message("first"), exporter, time.Time{}}, {message("2"), exporter, time.Time{}}}
	for name, file := range map[string][]byte{"a.ipfix": []byte(both), "B.IPFIX.gz": zipped(t, []byte(both))} {
		list, err := readAll(t, name, file, exportPorts)
		if err != nil || !slices.Equal(list, want) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
	list, err := readAll(t, "short.ipfix", []byte(both[:len(both)-1]), exportPorts)
	wantError(t, err, ErrDamaged, "short.ipfix", "at byte 21", "message 2", "cut short")
	if !slices.Equal(list, want[:1]) {
		t.Errorf("a short file gives %v", list)
	}
	list, err = readAll(t, "bad.ipfix", []byte(message("first")+"\x00\x09"+both), exportPorts)
	wantError(t, err, ErrDamaged, "at byte 21", "message 2", "version 9")
	if !slices.Equal(list, want[:1]) {
		t.Errorf("a bad file gives %v", list)
	}
	raw := exportPorts
	raw.Raw = true
	for name, file := range map[string][]byte{"a.ipfix": []byte(both), "a.bin": []byte("anything"), "a.gz": zipped(t, []byte("anything"))} {
		list, err := readAll(t, name, file, raw)
		if err != nil || len(list) != 1 || list[0].from != exporter || !list[0].received.IsZero() {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
	_, err = readAll(t, "a", make([]byte, largestPayload+1), raw)
	wantError(t, err, ErrNotExport, "larger than a UDP payload")
	_, err = readAll(t, "a", pcapOf(t, linkRaw, four("a")), raw)
	wantError(t, err, ErrNotExport, "leave out --raw")
}

// TestAllocations reads many packets without memory for each.
func TestAllocations(t *testing.T) {
	frames := make([][]byte, 2000)
	for i := range frames {
		frames[i] = four("a payload")
	}
	path := filepath.Join(t.TempDir(), "a.pcap")
	if err := os.WriteFile(path, pcapOf(t, linkRaw, frames...), 0o600); err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(3, func() {
		r, err := Open(path, exportPorts)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; n++ {
			_, err = r.Next()
		}
		if n != len(frames)+1 || r.Close() != nil {
			t.Errorf("read %d packets", n)
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations for %d packets", allocs, len(frames))
	}
}
