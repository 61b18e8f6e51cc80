package header_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
	"github.com/linewarden/linewarden/internal/testkit"
)

// FuzzParse compares with gopacket what it decodes without error, and checks
// that nothing else does harm.
func FuzzParse(f *testing.F) {
	for _, c := range parseCases() {
		f.Add(uint8(c.link), unhex(f, c.frame), c.frameLen)
	}
	f.Fuzz(func(t *testing.T, link uint8, frame []byte, frameLen uint32) {
		var got flows.Record
		result := header.Parse(header.Link(link), frame, frameLen, &got)
		known := result == header.Whole || result == header.Cut
		if known != (got.Src.IsValid() && got.Dst.IsValid()) {
			t.Fatalf("%v with addresses %v, %v", result, got.Src, got.Dst)
		}
		if known && got.Bytes == 0 {
			t.Fatalf("%v without bytes", result)
		}
		compare(t, header.Link(link), frame, &got, result)
	})
}

// compare checks got against the first IP layer that gopacket finds.
func compare(t *testing.T, link header.Link, frame []byte, got *flows.Record, result header.Result) {
	t.Helper()
	var first gopacket.Decoder
	switch {
	case link == header.Ethernet:
		first = layers.LayerTypeEthernet
	case link == header.IP && len(frame) > 0 && frame[0]>>4 == 4:
		first = layers.LayerTypeIPv4
	case link == header.IP && len(frame) > 0 && frame[0]>>4 == 6:
		first = layers.LayerTypeIPv6
	default:
		return
	}
	packet := gopacket.NewPacket(frame, first, gopacket.DecodeOptions{NoCopy: true})
	for i, layer := range packet.Layers() {
		switch l := layer.(type) {
		case *layers.MPLS, *layers.PPPoE, *layers.PPP, *layers.LLC, *layers.SNAP:
			// Where the two differ by design (nesting, compressed protocol
			// numbers, control words) the first IP layer may differ too.
			return
		case *layers.IPv4:
			compareIPv4(t, l, packet.Layers()[i+1:], got, result)
			return
		case *layers.IPv6:
			compareIPv6(t, l, packet.Layers()[i+1:], got, result)
			return
		}
	}
}

func compareIPv4(t *testing.T, l *layers.IPv4, above []gopacket.Layer, got *flows.Record, result header.Result) {
	t.Helper()
	if l.IHL < 5 || l.Version != 4 {
		return
	}
	if result != header.Whole && result != header.Cut {
		t.Fatalf("%v where the oracle reads IPv4 %v to %v", result, l.SrcIP, l.DstIP)
	}
	src, _ := netip.AddrFromSlice(l.SrcIP.To4())
	dst, _ := netip.AddrFromSlice(l.DstIP.To4())
	if got.Src != src || got.Dst != dst || got.Proto != uint8(l.Protocol) || got.ToS != l.TOS {
		t.Fatalf("%+v, oracle %v to %v protocol %d ToS %d", got, src, dst, l.Protocol, l.TOS)
	}
	if l.FragOffset == 0 && len(above) > 0 {
		compareTransport(t, above[0], got)
	}
}

func compareIPv6(t *testing.T, l *layers.IPv6, above []gopacket.Layer, got *flows.Record, result header.Result) {
	t.Helper()
	if l.Version != 6 {
		return
	}
	if result != header.Whole && result != header.Cut {
		t.Fatalf("%v where the oracle reads IPv6 %v to %v", result, l.SrcIP, l.DstIP)
	}
	src, _ := netip.AddrFromSlice(l.SrcIP)
	dst, _ := netip.AddrFromSlice(l.DstIP)
	if got.Src != src || got.Dst != dst || got.ToS != l.TrafficClass {
		t.Fatalf("%+v, oracle %v to %v class %d", got, src, dst, l.TrafficClass)
	}
	if len(above) > 0 {
		compareTransport(t, above[0], got)
	}
}

func compareTransport(t *testing.T, layer gopacket.Layer, got *flows.Record) {
	t.Helper()
	if len(layer.LayerContents()) == 0 {
		return // the oracle gave up on a header that is cut
	}
	switch l := layer.(type) {
	case *layers.TCP:
		if got.SrcPort != uint16(l.SrcPort) || got.DstPort != uint16(l.DstPort) || got.TCPFlags&0xff != uint16(l.Contents[13]) {
			t.Fatalf("%+v, oracle TCP %d to %d flags %#x", got, l.SrcPort, l.DstPort, l.Contents[13])
		}
	case *layers.UDP:
		if got.SrcPort != uint16(l.SrcPort) || got.DstPort != uint16(l.DstPort) {
			t.Fatalf("%+v, oracle UDP %d to %d", got, l.SrcPort, l.DstPort)
		}
	case *layers.ICMPv4:
		if got.ICMP != uint16(l.TypeCode) {
			t.Fatalf("%+v, oracle ICMP %v", got, l.TypeCode)
		}
	case *layers.ICMPv6:
		if got.ICMP != uint16(l.TypeCode) {
			t.Fatalf("%+v, oracle ICMPv6 %v", got, l.TypeCode)
		}
	}
}

// TestParseRealFrames compares with gopacket every Ethernet frame of the flow
// captures, cut at the sizes exporters use.
func TestParseRealFrames(t *testing.T) {
	frames := 0
	for _, s := range testkit.Scenarios(t) {
		for _, file := range s.Files {
			if !strings.HasSuffix(file, ".pcap") && !strings.HasSuffix(file, ".cap") {
				continue
			}
			r, err := pcapgo.NewReader(bytes.NewReader(testkit.Capture(t, file)))
			if err != nil || r.LinkType() != layers.LinkTypeEthernet {
				continue
			}
			for {
				frame, _, err := r.ReadPacketData()
				if err != nil {
					break
				}
				for _, size := range []int{64, 128, len(frame)} {
					cut := frame[:min(size, len(frame))]
					var got flows.Record
					result := header.Parse(header.Ethernet, cut, uint32(len(frame)), &got)
					compare(t, header.Ethernet, cut, &got, result)
					frames++
				}
			}
		}
	}
	if frames < 1000 {
		t.Errorf("%d frames compared, want at least 1000", frames)
	}
}
