package replay

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/ip4defrag"
	"github.com/google/gopacket/layers"
)

// cuts are the fragments of one UDP datagram, of step bytes each.
func cuts(step int, whole []byte, packet func(offset int, more bool, piece []byte) []byte) [][]byte {
	var list [][]byte
	for at := 0; at < len(whole); at += step {
		end := min(at+step, len(whole))
		list = append(list, packet(at, end < len(whole), whole[at:end]))
	}
	return list
}

func cuts4(id uint16, step int, whole []byte) [][]byte {
	return cuts(step, whole, func(offset int, more bool, piece []byte) []byte {
		flags := uint16(offset / 8)
		if more {
			flags |= 0x2000
		}
		return ip4(17, id, flags, piece)
	})
}

func cuts6(id uint32, step int, whole []byte) [][]byte {
	return cuts(step, whole, func(offset int, more bool, piece []byte) []byte {
		return ip6frag(17, id, offset, more, piece)
	})
}

func TestFragments(t *testing.T) {
	long := strings.Repeat("0123456789", 500)
	other := strings.Repeat("abcdefg", 300)
	a, b := cuts4(1, 1480, udp(2055, long)), cuts6(1<<30, 1448, udp(6343, other))
	mixed := slices.Concat(a[:2], b[1:], a[3:], [][]byte{four("between")}, a[2:3], b[:1])
	list, err := readAll(t, "a.pcap", pcapOf(t, linkRaw, mixed...), exportPorts)
	if err != nil || !slices.Equal(list, []got{{"between", from4, at}, {long, from4, at}, {other, from6, at}}) {
		t.Errorf("%d datagrams, %v", len(list), err)
	}
	// A destination options header may stand in the fragments (RFC 8200 section 4.1).
	deep := append([]byte{17, 0, 0, 0, 0, 0, 0, 0}, udp(2055, long)...)
	frames := cuts(1200, deep, func(offset int, more bool, piece []byte) []byte { return ip6frag(60, 5, offset, more, piece) })
	if list, err = readAll(t, "a.pcap", pcapOf(t, linkRaw, frames...), exportPorts); err != nil || !slices.Equal(payloads(list), []string{long}) {
		t.Errorf("options in fragments: %d datagrams, %v", len(list), err)
	}
	// Fragments of something else are nobody's loss, and neither are those of
	// another port.
	frames = slices.Concat([][]byte{four("x"), ip6frag(6, 5, 0, true, make([]byte, 80))}, cuts4(3, 800, udp(53, long))[:2])
	if list, err = readAll(t, "a.pcap", pcapOf(t, linkRaw, frames...), exportPorts); err != nil || len(list) != 1 {
		t.Errorf("fragments of others: %d datagrams, %v", len(list), err)
	}
}

// TestFragmentsInAnyOrder shuffles and repeats fragments, and holds the result
// against another implementation.
func TestFragmentsInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		long := strings.Repeat("linewarden", 10+random.IntN(400))
		frames := cuts4(uint16(round), 8*(1+random.IntN(100)), udp(2055, long))
		for range random.IntN(3) {
			frames = append(frames, frames[random.IntN(len(frames))])
		}
		random.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		theirs := defragment(t, frames)
		r := newFragments()
		ours := ""
		for i, raw := range frames {
			d, s := parseIP(raw)
			if s != isFragment {
				ours = long // it fits into one
				break
			}
			whole, s := r.add(&frame{number: i + 1}, &d)
			if s == isDatagram {
				u, _ := parseUDP(whole)
				ours = string(u.payload)
				break
			}
			if len(r.waiting) > 1 || s != isWaiting && len(frames) < mostSpans {
				t.Fatalf("round %d: state %d", round, s)
			}
		}
		if ours != long && len(frames) < mostSpans || theirs != "" && theirs != long {
			t.Errorf("round %d: %d fragments give %d bytes, the other way %d, want %d", round, len(frames), len(ours), len(theirs), len(long))
		}
	}
}

// defragment puts fragments together with gopacket; empty if it cannot.
func defragment(t *testing.T, frames [][]byte) string {
	t.Helper()
	d := ip4defrag.NewIPv4Defragmenter()
	for _, raw := range frames {
		packet := gopacket.NewPacket(raw, layers.LayerTypeIPv4, gopacket.Default)
		ip, ok := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if !ok {
			t.Fatal("not IPv4")
		}
		whole, err := d.DefragIPv4(ip)
		if err == nil && whole != nil {
			return string(whole.Payload[8:])
		}
	}
	return ""
}

func TestFragmentsThatAreNotTaken(t *testing.T) {
	long := strings.Repeat("x", 4000)
	good := func() [][]byte { return cuts4(1, 1480, udp(2055, long)) }
	for name, c := range map[string]struct {
		frames [][]byte
		says   string
	}{
		"missing":        {good()[:2], "fragments are missing: 1 (the first is packet 2 at byte"},
		"first missing":  {good()[1:], "fragments are missing: 1 (the first is packet 2"},
		"overlap":        {append(good()[:1], ip4(17, 1, 100|0x2000, make([]byte, 1480))), "contradict their own headers"},
		"other contents": {append(good()[:1], ip4(17, 1, 0x2000, make([]byte, 1480))), "contradict their own headers"},
		"odd length":     {[][]byte{ip4(17, 1, 0x2000, make([]byte, 1479))}, "contradict their own headers"},
		"too long":       {[][]byte{ip4(17, 1, 0x1fff, make([]byte, 80))}, "contradict their own headers"},
		"two ends":       {[][]byte{ip4(17, 1, 100, make([]byte, 80)), ip4(17, 1, 200, make([]byte, 80))}, "contradict their own headers"},
		"behind the end": {[][]byte{ip4(17, 1, 100, make([]byte, 80)), ip4(17, 1, 200|0x2000, make([]byte, 80))}, "contradict their own headers"},
		"end before":     {[][]byte{ip4(17, 1, 200|0x2000, make([]byte, 80)), ip4(17, 1, 100, make([]byte, 80))}, "contradict their own headers"},
		"empty":          {[][]byte{ip4(17, 1, 0x2000, nil)}, "contradict their own headers"},
	} {
		file := pcapOf(t, linkRaw, append([][]byte{four("whole")}, c.frames...)...)
		list, err := readAll(t, "a.pcap", file, exportPorts)
		wantError(t, err, ErrIncomplete, "a.pcap", c.says)
		if !slices.Equal(payloads(list), []string{"whole"}) {
			t.Errorf("%s: gave %v", name, payloads(list))
		}
	}
}

// TestFragmentsAreBounded sends first fragments without end.
func TestFragmentsAreBounded(t *testing.T) {
	r := newFragments()
	n := 10 * mostPartial
	for i := range n {
		d, _ := parseIP(ip6frag(17, uint32(i), 65000, true, make([]byte, 80)))
		r.add(&frame{number: i + 1, sec: 1}, &d)
	}
	if len(r.waiting) > mostPartial || r.order.Len() > mostPartial {
		t.Errorf("%d datagrams wait", len(r.waiting))
	}
	// Time passes: all but the new one are given up.
	d, _ := parseIP(ip6frag(17, 1<<20, 0, true, udp(53, strings.Repeat("x", 64))))
	r.add(&frame{number: n + 1, sec: 2 + waitSeconds}, &d)
	if len(r.waiting) != 1 {
		t.Errorf("%d datagrams wait after %d s", len(r.waiting), waitSeconds+1)
	}
	if lost := r.incomplete(func(p uint16) bool { return p == 53 }); lost.n != n+1 || lost.number != 1 {
		t.Errorf("lost %v, want %d", lost.String(), n+1)
	}
	// Pieces that never touch are given up, too.
	for i := range 2 * mostSpans {
		d, _ := parseIP(ip6frag(17, 7, 16*i, true, make([]byte, 8)))
		if _, s := r.add(&frame{}, &d); (s == isBroken) != (i == mostSpans) {
			t.Fatalf("piece %d: state %d", i, s)
		}
	}
}
