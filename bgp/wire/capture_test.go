package wire

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/internal/testkit"
)

// stream is one direction of one TCP connection of a capture.
type stream struct {
	src, dst netip.AddrPort
	data     []byte
}

// streams reads the TCP streams of a pcap or pcapng file, in order of their first segment.
func streams(t testing.TB, path string) []stream {
	t.Helper()
	type key struct{ src, dst netip.AddrPort }
	type segment struct {
		seq  uint32
		data []byte
	}
	segments := make(map[key][]segment)
	var order []key
	packets(t, testkit.Capture(t, path), func(src, dst netip.AddrPort, seq uint32, syn bool, data []byte) {
		k := key{src, dst}
		if segments[k] == nil {
			order = append(order, k)
		}
		if syn && len(data) == 0 { // captures made by hand number the octets behind a SYN without it
			seq++
		}
		segments[k] = append(segments[k], segment{seq, data})
	})
	var list []stream
	for _, k := range order {
		parts := segments[k]
		start := parts[0].seq
		slices.SortStableFunc(parts, func(a, b segment) int { return cmp.Compare(int32(a.seq-start), int32(b.seq-start)) })
		s := stream{src: k.src, dst: k.dst}
		next := parts[0].seq
		for _, p := range parts {
			switch ahead := int32(p.seq - next); {
			case ahead > 0 && !bytes.HasPrefix(p.data, marker[:]):
				continue // lost, and cannot be cut in the middle
			case ahead <= 0 && -int(ahead) >= len(p.data):
				continue
			case ahead <= 0:
				p.data, p.seq = p.data[-ahead:], next
			}
			s.data = append(s.data, p.data...)
			next = p.seq + uint32(len(p.data))
		}
		if len(s.data) > 0 {
			list = append(list, s)
		}
	}
	return list
}

var marker = [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}

// cut returns the whole messages of a stream; what is no message is skipped.
func (s stream) cut() (messages [][]byte) {
	for b := s.data; ; {
		at := bytes.Index(b, marker[:])
		if at < 0 || len(b) < at+HeaderLength {
			return messages
		}
		b = b[at:]
		n := int(binary.BigEndian.Uint16(b[16:]))
		if n < HeaderLength || b[18] == 0 || b[18] > 5 {
			b = b[1:]
			continue
		}
		if n > len(b) {
			return messages
		}
		messages, b = append(messages, b[:n]), b[n:]
	}
}

// packets calls yield for each TCP segment of a pcap or pcapng file.
func packets(t testing.TB, file []byte, yield func(src, dst netip.AddrPort, seq uint32, syn bool, data []byte)) {
	t.Helper()
	frame := func(link uint32, b []byte) {
		ip, ok := network(link, b)
		if ok {
			segmentOf(ip, yield)
		}
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch magic := binary.LittleEndian.Uint32(file); magic {
	case 0x0a0d0d0a:
		var links []uint32
		for b := file; len(b) >= 12; {
			if binary.LittleEndian.Uint32(b) == 0x0a0d0d0a {
				order, links = binary.LittleEndian, nil
				if binary.BigEndian.Uint32(b[8:]) == 0x1a2b3c4d {
					order = binary.BigEndian
				}
			}
			size := int(order.Uint32(b[4:]))
			switch order.Uint32(b) {
			case 1:
				links = append(links, uint32(order.Uint16(b[8:])))
			case 6:
				n := order.Uint32(b[20:])
				frame(links[order.Uint32(b[8:])], b[28:28+n])
			}
			b = b[size:]
		}
	case 0xd4c3b2a1, 0x4d3cb2a1, 0xa1b2c3d4, 0xa1b23c4d:
		if magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1 {
			order = binary.BigEndian
		}
		link := order.Uint32(file[20:])
		for b := file[24:]; len(b) >= 16; {
			n := order.Uint32(b[8:])
			frame(link, b[16:16+n])
			b = b[16+n:]
		}
	default:
		t.Fatalf("no pcap: magic %#x", magic)
	}
}

// network strips the link layer.
func network(link uint32, b []byte) ([]byte, bool) {
	ethertype := func(at int) ([]byte, bool) {
		for len(b) >= at+2 {
			switch binary.BigEndian.Uint16(b[at:]) {
			case 0x8100, 0x88a8:
				at += 4
			case 0x0800, 0x86dd:
				return b[at+2:], true
			default:
				return nil, false
			}
		}
		return nil, false
	}
	switch link {
	case 1:
		return ethertype(12)
	case 113:
		return ethertype(14)
	case 276:
		return b[20:], len(b) > 20
	case 0:
		return b[4:], len(b) > 4
	case 12, 101:
		return b, true
	case 104: // Cisco HDLC
		return b[4:], len(b) > 4
	case 178: // Juniper: a header of varying length, then Ethernet
		at := bytes.Index(b, []byte{0x08, 0x00, 0x45})
		return b[at+2:], at >= 0
	}
	panic(fmt.Sprintf("link type %d", link))
}

func segmentOf(ip []byte, yield func(src, dst netip.AddrPort, seq uint32, syn bool, data []byte)) {
	var src, dst netip.Addr
	switch {
	case len(ip) >= 20 && ip[0]>>4 == 4 && ip[9] == 6:
		src, dst = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
		ip = ip[4*(ip[0]&15) : min(len(ip), int(binary.BigEndian.Uint16(ip[2:])))]
	case len(ip) >= 40 && ip[0]>>4 == 6 && ip[6] == 6:
		src, dst = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
		ip = ip[40:min(len(ip), 40+int(binary.BigEndian.Uint16(ip[4:])))]
	default:
		return
	}
	sport, dport := binary.BigEndian.Uint16(ip), binary.BigEndian.Uint16(ip[2:])
	data := ip[4*(ip[12]>>4):]
	yield(netip.AddrPortFrom(src, sport), netip.AddrPortFrom(dst, dport), binary.BigEndian.Uint32(ip[4:]), ip[13]&2 != 0, data)
}

// sessionsOf returns how to read each stream, from the OPENs in them. A stream
// whose other end is not in the capture is read as if that had every capability.
func sessionsOf(t testing.TB, list []stream, without Session) []Session {
	t.Helper()
	opens := make(map[[2]netip.AddrPort]Open)
	for _, s := range list {
		for _, m := range s.cut() {
			if m[18] != TypeOpen {
				continue
			}
			o, err := ParseOpen(m)
			if err != nil {
				t.Logf("%v: %v", s.src, err)
				continue
			}
			opens[[2]netip.AddrPort{s.src, s.dst}] = o
		}
	}
	result := make([]Session, len(list))
	for i, s := range list {
		sender, ok := opens[[2]netip.AddrPort{s.src, s.dst}]
		receiver, both := opens[[2]netip.AddrPort{s.dst, s.src}]
		switch {
		case !ok && both:
			sender = receiver
			sender.AddSend = 0
		case !ok:
			result[i] = without
			continue
		case !both:
			receiver = Open{AS4: true, Extended: true, Tables: AllTables, AddReceive: AllTables, MultiLabel: sender.MultiLabel}
		}
		result[i] = Negotiate(sender, receiver)
	}
	return result
}

// counted reads a column like "bgp OPEN=2 UPDATE=14" of the scenarios.
func counted(messages [][]byte) map[string]int {
	names := []string{"", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"}
	counts := make(map[string]int)
	for _, m := range messages {
		counts[names[m[18]]]++
	}
	return counts
}

func sum[K comparable](m map[K]uint64) (n uint64) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}
