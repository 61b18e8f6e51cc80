package rib

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/bgp"
)

// world makes tables that look like the Internet's: lengths as announced in
// 2025 (about 60 % of IPv4 are /24, 45 % of IPv6 are /48), prefixes in runs
// under shared allocations, six prefixes a set of attributes, paths of three to
// six networks, up to eight communities.
type world struct {
	v4, v6 []netip.Prefix
	seed   uint64
}

// cumulative shares of prefix lengths, in a thousand.
var (
	lengths4 = [][2]int{{24, 600}, {23, 710}, {22, 830}, {21, 880}, {20, 925}, {19, 950}, {18, 965}, {17, 973}, {16, 987}, {15, 990}, {14, 993}, {13, 995}, {12, 997}, {11, 998}, {10, 999}, {8, 1000}}
	lengths6 = [][2]int{{48, 460}, {44, 540}, {40, 620}, {36, 660}, {32, 780}, {33, 810}, {34, 830}, {35, 840}, {38, 850}, {42, 870}, {46, 910}, {47, 940}, {45, 955}, {56, 960}, {64, 970}, {29, 1000}}
)

func pick(lengths [][2]int, n int) int {
	for _, l := range lengths {
		if n < l[1] {
			return l[0]
		}
	}
	return lengths[0][0]
}

func newWorld(n4, n6 int) *world {
	w := &world{seed: 7}
	rnd := rand.New(rand.NewPCG(1, 2))
	seen := make(map[netip.Prefix]bool, n4+n6)
	for len(w.v4) < n4 {
		base := rnd.Uint32()
		if b := base >> 24; b == 0 || b == 10 || b == 127 || b >= 224 {
			continue
		}
		// A run of prefixes of one holder, side by side.
		for run := rnd.IntN(24) + 1; run > 0 && len(w.v4) < n4; run-- {
			length := pick(lengths4, rnd.IntN(1000))
			b := [4]byte{byte(base >> 24), byte(base >> 16), byte(base >> 8), byte(base)}
			p := netip.PrefixFrom(netip.AddrFrom4(b), length).Masked()
			if !seen[p] {
				seen[p] = true
				w.v4 = append(w.v4, p)
			}
			base += 256
		}
	}
	for len(w.v6) < n6 {
		var b [16]byte
		b[0], b[1] = 0x20+byte(rnd.IntN(2))*8, byte(rnd.IntN(16))
		b[2], b[3] = byte(rnd.IntN(256)), byte(rnd.IntN(256))&0xf8
		for run := rnd.IntN(24) + 1; run > 0 && len(w.v6) < n6; run-- {
			b[4], b[5] = byte(rnd.IntN(16)), byte(rnd.IntN(256))
			b[6] = byte(rnd.IntN(256))
			p := netip.PrefixFrom(netip.AddrFrom16(b), pick(lengths6, rnd.IntN(1000))).Masked()
			if !seen[p] {
				seen[p] = true
				w.v6 = append(w.v6, p)
			}
		}
	}
	return w
}

func peerKey(n int) bgp.PeerKey {
	a := netip.AddrFrom4([4]byte{192, 0, byte(2 + n>>8), byte(n)})
	return bgp.PeerKey{Router: a, Peer: a}
}

// each calls f with an announcement of every prefix by a peer; the event is
// used again. Runs of prefixes share their attributes, as in messages.
func (w *world) each(peer int, version uint64, f func(*bgp.Event)) {
	rnd := rand.New(rand.NewPCG(w.seed+uint64(peer)<<32, version))
	e := bgp.Event{Kind: bgp.Announce, Peer: peerKey(peer), PeerAS: uint32(65000 + peer)}
	fresh := func() {
		path := make([]uint32, 3+rnd.IntN(4))
		for i := range path {
			path[i] = 1000 + uint32(rnd.IntN(80000))
		}
		path[0] = e.PeerAS
		communities := make([]uint32, rnd.IntN(9))
		for i := range communities {
			communities[i] = e.PeerAS<<16 | uint32(rnd.IntN(200))
		}
		e.Route = bgp.Route{
			Path: bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: path}}, NextHop: e.Peer.Peer,
			Communities: communities, HasLocalPref: true, LocalPref: 100,
		}
	}
	for _, list := range [][]netip.Prefix{w.v4, w.v6} {
		for i, left := 0, 0; i < len(list); i, left = i+1, left-1 {
			if left == 0 {
				fresh()
				left = 1 + rnd.IntN(11)
			}
			e.Route.Prefix = list[i]
			f(&e)
		}
	}
}

// threadTime returns the processor time of the calling thread, which must be
// locked to the goroutine: on a machine that others use as well, the wall clock
// says more about them.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}
