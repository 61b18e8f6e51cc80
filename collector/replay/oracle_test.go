package replay

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/linewarden/linewarden/internal/testkit"
)

// TestRealCaptures reads every capture there is, of whatever protocol, as
// gopacket does: the same UDP payloads from the same sources at the same times.
func TestRealCaptures(t *testing.T) {
	root := testkit.CapturesDir(t)
	files, datagrams := 0, 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if k := identify(data[:min(len(data), identifySize)]); k != kindPcap && k != kindPcapng {
			return nil
		}
		files++
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		want := oracle(t, name, data)
		list, err := readFile(t, path, Options{AnyPort: true})
		if err != nil && !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(list, want) {
			t.Errorf("%s: %d datagrams, want %d: %v", name, len(list), len(want), err)
		}
		datagrams += len(list)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d captures, %d datagrams", files, datagrams)
	if files < 105 || datagrams < 1600 {
		t.Errorf("%d captures with %d datagrams: some are missing", files, datagrams)
	}
}

// oracle reads a capture with gopacket.
func oracle(t *testing.T, name string, data []byte) (list []got) {
	t.Helper()
	next, link := packets(t, name, data)
	for {
		frame, ci, err := next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := gopacket.NewPacket(frame, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
		udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok || ci.CaptureLength < ci.Length || tunnelled(p) {
			continue
		}
		var src netip.Addr
		switch ip := p.NetworkLayer().(type) {
		case *layers.IPv4:
			src, _ = netip.AddrFromSlice(ip.SrcIP.To4())
		case *layers.IPv6:
			src, _ = netip.AddrFromSlice(ip.SrcIP)
		}
		list = append(list, got{string(udp.Payload), netip.AddrPortFrom(src, uint16(udp.SrcPort)), arrivalOf(ci.Timestamp)})
	}
}

// tunnelled tells whether an IP packet is in another: flow export does not come
// that way to a collector, and the reader does not look there.
func tunnelled(p gopacket.Packet) bool {
	n := 0
	for _, l := range p.Layers() {
		if l.LayerType() == layers.LayerTypeIPv4 || l.LayerType() == layers.LayerTypeIPv6 {
			n++
		}
	}
	return n > 1
}

func arrivalOf(t time.Time) time.Time { return arrival(t.Unix(), int64(t.Nanosecond())) }

func packets(t *testing.T, name string, data []byte) (next func() ([]byte, gopacket.CaptureInfo, error), link gopacket.Decoder) {
	t.Helper()
	if identify(data[:min(len(data), identifySize)]) == kindPcapng {
		r, err := pcapgo.NewNgReader(bytes.NewReader(data), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return r.ReadPacketData, r.LinkType()
	}
	r, err := pcapgo.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r.SetSnaplen(largestFrame)
	return r.ReadPacketData, r.LinkType()
}
