package replay

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

func TestPcapDamage(t *testing.T) {
	whole := pcapOf(t, linkRaw, four("a"), four("b"))
	second := 24 + 16 + len(four("a"))
	for _, c := range []struct {
		name string
		file []byte
		says []string
		n    int
	}{
		{"in a packet", whole[:len(whole)-1], []string{"at byte 69", "packet 2 ends early, at byte 113", "cut short"}, 1},
		{"in a header", whole[:second+5], []string{"at byte 69", "packet 2 ends early"}, 1},
		{"behind a header", whole[:second+16], []string{"packet 2 ends early"}, 1},
		{"in the first", whole[:30], []string{"at byte 24", "packet 1 ends early"}, 0},
	} {
		list, err := readAll(t, "cut.pcap", c.file, exportPorts)
		wantError(t, err, ErrDamaged, append(c.says, "cut.pcap")...)
		if len(list) != c.n {
			t.Errorf("%s: %d packets, want %d", c.name, len(list), c.n)
		}
	}
	huge := slices.Clone(whole)
	binary.LittleEndian.PutUint32(huge[second+8:], 1<<31)
	list, err := readAll(t, "a.pcap", huge, exportPorts)
	wantError(t, err, ErrDamaged, "at byte 69", "packet 2 claims 2147483648 bytes")
	if len(list) != 1 {
		t.Errorf("%d packets before the damage", len(list))
	}
	old := slices.Clone(whole)
	old[4] = 7
	_, err = readAll(t, "a.pcap", old, exportPorts)
	wantError(t, err, ErrNotExport, "pcap version 7", "editcap")
	_, err = readAll(t, "a.pcap", whole[:20], exportPorts)
	wantError(t, err, ErrDamaged, "the file header ends early")
}

func TestGzipDamage(t *testing.T) {
	whole := zipped(t, pcapOf(t, linkRaw, four("a"), four("b")))
	_, err := readAll(t, "a.gz", whole[:len(whole)-12], exportPorts)
	wantError(t, err, ErrDamaged, "of the unpacked contents", "cut short")
	bad := slices.Clone(whole)
	bad[len(bad)-6] ^= 0xff // its checksum
	_, err = readAll(t, "a.gz", bad, exportPorts)
	wantError(t, err, ErrDamaged, "cannot be unpacked")
	_, err = readAll(t, "a.gz", []byte{0x1f, 0x8b, 8}, exportPorts)
	wantError(t, err, ErrDamaged, "is not gzip after all")
	raw := exportPorts
	raw.Raw = true
	long := zipped(t, []byte("a payload"))
	_, err = readAll(t, "a.gz", long[:len(long)-6], raw)
	wantError(t, err, ErrDamaged, "cannot be unpacked")
	_, err = readAll(t, "a.gz", zipped(t, nil), exportPorts)
	wantError(t, err, ErrNotExport, "it is empty")
}

// TestCutPackets records with a snap length that is too short: what the wire
// had more is never made up.
func TestCutPackets(t *testing.T) {
	file := pcapOf(t, linkRaw, four("whole"), four("this one is cut"), ip4(17, 2, 0, udp(53, "another port")), ip4(6, 3, 0, make([]byte, 60)))
	// Cut every packet behind the first to 30 bytes, as a snap length does.
	out := slices.Clone(file[:24+16+len(four("whole"))])
	for in := file[len(out):]; len(in) > 0; {
		n := int(binary.LittleEndian.Uint32(in[8:]))
		record := slices.Clone(in[:16+30])
		binary.LittleEndian.PutUint32(record[8:], 30)
		out, in = append(out, record...), in[16+n:]
	}
	list, err := readAll(t, "snap.pcap", out, exportPorts)
	wantError(t, err, ErrIncomplete, "snap.pcap", "cut by the snap length and left out: 1 (the first is packet 2 at byte 73)", "tcpdump -s 0")
	if !slices.Equal(payloads(list), []string{"whole"}) {
		t.Errorf("gave %q", payloads(list))
	}
	// Where the headers are cut as well, nobody can tell what it was.
	for _, n := range []int{10, 22} {
		short := pcapOf(t, linkRaw, four("whole"), four("cut")[:n])
		binary.LittleEndian.PutUint32(short[24+16+len(four("whole"))+12:], 1400)
		_, err = readAll(t, "a.pcap", short, exportPorts)
		wantError(t, err, ErrIncomplete, "left out: 1 (")
	}
	// Of a fragment, a part is as good as nothing.
	parts := cuts4(9, 80, udp(2055, string(make([]byte, 200))))
	parts[1] = parts[1][:50]
	_, err = readAll(t, "a.pcap", pcapOf(t, linkRaw, parts...), exportPorts)
	wantError(t, err, ErrIncomplete, "contradict", "fragments are missing: 1 (the first is packet 1 ")
}

func TestBrokenPackets(t *testing.T) {
	longer := four("x")
	binary.BigEndian.PutUint16(longer[24:], 500)
	tiny := four("x")
	binary.BigEndian.PutUint16(tiny[24:], 7)
	shortHeader := four("x")
	shortHeader[0] = 0x44
	for name, p := range map[string][]byte{
		"UDP longer than IP": longer, "UDP shorter than its header": tiny, "IP header too short": shortHeader,
		"IPv6 extension beyond the end": ip6(0, []byte{17, 9, 0, 0}), "UDP without ports": ip4(17, 1, 0, []byte{1, 2, 3}),
		"no IPv6 header": ip6(17, nil)[:30],
	} {
		list, err := readAll(t, "a.pcap", pcapOf(t, linkRaw, p, four("good")), exportPorts)
		wantError(t, err, ErrIncomplete, "contradict their own headers and are left out: 1 (the first is packet 1 at byte 24)")
		if !slices.Equal(payloads(list), []string{"good"}) {
			t.Errorf("%s: gave %q", name, payloads(list))
		}
	}
	for name, p := range map[string][]byte{
		"ARP": ether(0x0806, make([]byte, 28)), "runt": {1, 2, 3}, "tag without end": ether(0x8100, []byte{1}),
		"tags without end": ether(0x8100, make([]byte, 80), 0x8100, 0x8100), "no IP": ether(etherIPv4, []byte{0x10}), "empty": ether(etherIPv4, nil),
	} {
		if list, err := readAll(t, "a.pcap", pcapOf(t, linkEthernet, p, ether(etherIPv4, four("good"))), exportPorts); err != nil || len(list) != 1 {
			t.Errorf("%s: %q, %v", name, payloads(list), err)
		}
	}
	_, err := readAll(t, "a.pcap", pcapOf(t, 105, four("a"), four("b")), exportPorts)
	wantError(t, err, ErrIncomplete, "link type 105, which is not read: 2 (the first is packet 1 at byte 24)")
	for link, short := range map[uint16][]byte{linkSLL2: make([]byte, 19), linkNull: {2, 0, 0}, linkLoop: {0, 0, 0, 99, 0x45}, linkSLL: make([]byte, 15)} {
		_, err := readAll(t, "a.pcap", pcapOf(t, link, short), exportPorts)
		wantError(t, err, ErrIncomplete, "none of its 1 packets is a UDP datagram")
	}
}

func TestIdentify(t *testing.T) {
	mrt := append(binary.BigEndian.AppendUint32(nil, 1700000000), 0, 13, 0, 1, 0, 0, 0, 9)
	for contents, says := range map[string]string{
		"":                             "it is empty",
		"\x7fELF\x02\x01":              "a program",
		"PK\x03\x04":                   "ZIP",
		"\x28\xb5\x2f\xfd....":         "zstd",
		"{\"a\": 1}":                   "JSON",
		"time,src,dst\n1,2,3\n":        "text",
		"  Übersicht der Verbindungen": "text",
		"\x00\x0a\x00\x10" + string(make([]byte, 12)):         "--raw",
		"\x00\x05\x00\x01" + string(make([]byte, 12)):         "--raw",
		"\x00\x00\x00\x05" + string(make([]byte, 12)):         "--raw",
		string(mrt) + "\x00\x00\x00\x00":                      "import bgp",
		"\x0c\xa5\x01\x00":                                    "nfdump",
		"\xff\xfe\xfd\xfc":                                    "nothing known",
		"a\x00b":                                              "nothing known",
		"snoop\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x04..": "editcap",
	} {
		_, err := readAll(t, "a.pcap", []byte(contents), exportPorts)
		wantError(t, err, ErrNotExport, "a.pcap", says)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), exportPorts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := Open(t.TempDir(), exportPorts); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a directory: error %v", err)
	}
	// What other programs expect is told apart from captures.
	for _, path := range []string{"SCENARIOS.tsv", "README.md"} {
		_, err := readFile(t, filepath.Join(testkit.CapturesDir(t), path), exportPorts)
		wantError(t, err, ErrNotExport, "text")
	}
}
