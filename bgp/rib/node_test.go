package rib

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

// somePrefix returns a prefix below 198.51.0.0/16 or 2001:db8:::/40: few enough
// places for nodes to become full.
func somePrefix(rnd *rand.Rand, six bool) netip.Prefix {
	if six {
		a := [16]byte{0x20, 1, 0xd, 0xb8, 0, byte(rnd.Uint32()), byte(rnd.IntN(3))}
		return netip.PrefixFrom(netip.AddrFrom16(a), 41+rnd.IntN(15)).Masked()
	}
	a := [4]byte{198, 51, byte(rnd.Uint32()), byte(rnd.IntN(3) << 6)}
	return netip.PrefixFrom(netip.AddrFrom4(a), 17+rnd.IntN(10)).Masked()
}

// noteOfPrefix is a note that no other prefix has.
func noteOfPrefix(p netip.Prefix) uint64 {
	k, _ := keyOf(p.Addr())
	return uint64(k[2])<<40 | uint64(k[3])<<32 | uint64(k[5])<<24 | uint64(k[6])<<16 | uint64(p.Bits())
}

// TestNodesAgainstAMap lets prefixes of few nodes come and go, so that the nodes
// become dense and sparse again, while readers look at them: whatever they find
// at a place must be what belongs there.
func TestNodesAgainstAMap(t *testing.T) {
	t.Run("IPv4", func(t *testing.T) { playNodes(t, false) })
	t.Run("IPv6", func(t *testing.T) { playNodes(t, true) })
}

func playNodes(t *testing.T, six bool) {
	rnd := rand.New(rand.NewPCG(1, 2))
	tr := new(trie[netip.Prefix])
	if !six {
		tr.top = make([]atomic.Pointer[node[netip.Prefix]], 1<<topBits)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(done)
	for seed := range uint64(2) {
		readers.Go(func() { readNodes(t, tr, rand.New(rand.NewPCG(seed, 7)), six, done) })
	}
	want := make(map[netip.Prefix]bool)
	densest := 0
	for round := range 40_000 {
		p := somePrefix(rnd, six)
		k, _ := keyOf(p.Addr())
		// Phases of growing and of shrinking.
		if grow := round/4000%2 == 0; rnd.IntN(10) < 2 == grow {
			if want[p] {
				tr.drop(&k, p.Bits())
				delete(want, p)
			}
		} else if !want[p] {
			tr.put(&k, p.Bits(), &p, noteOfPrefix(p))
			want[p] = true
		}
		if round%500 == 0 {
			densest = max(densest, checkNodes(t, tr, want))
		}
	}
	for p := range want {
		k, _ := keyOf(p.Addr())
		tr.drop(&k, p.Bits())
	}
	if tr.nodes.Load() != 0 || tr.slots.Load() != 0 {
		t.Errorf("left: %d nodes, %d words", tr.nodes.Load(), tr.slots.Load())
	}
	if densest < 200 {
		t.Errorf("the densest node had %d prefixes", densest)
	}
}

// checkNodes compares all nodes with what should be there, and returns the size
// of the largest dense one.
func checkNodes(t *testing.T, tr *trie[netip.Prefix], want map[netip.Prefix]bool) (densest int) {
	t.Helper()
	found := 0
	words := int64(0)
	var c cursor[netip.Prefix]
	for n := c.next(tr); n != nil; n = c.next(tr) {
		width := 32
		n.each(func(at place, slot int) {
			p := n.values()[slot].Load()
			if p.Addr().Is6() {
				width = 128
			}
			if got := c.prefixAt(at, width); *p != got || !want[got] || n.values()[slot].note.Load() != noteOfPrefix(got) {
				t.Fatalf("%v at the place of %v", p, got)
			}
			found++
		})
		words += n.words() + int64(n.nkids)
		if n.dense {
			densest = max(densest, n.size())
		} else if n.size() != int(n.nvals) {
			t.Fatalf("a sparse node of %d prefixes has %d values", n.size(), n.nvals)
		}
	}
	if found != len(want) || words != tr.slots.Load() {
		t.Fatalf("%d prefixes in %d words, want %d in %d", found, words, len(want), tr.slots.Load())
	}
	return densest
}

// readNodes looks prefixes up as lookups do.
func readNodes(t *testing.T, tr *trie[netip.Prefix], rnd *rand.Rand, six bool, done chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		p := somePrefix(rnd, six)
		k, _ := keyOf(p.Addr())
		if slot := tr.get(&k, p.Bits()); slot != nil {
			if v := slot.Load(); v != nil && *v != p {
				t.Errorf("%v where %v belongs", v, p)
				return
			}
		}
		depth, _ := placeOf(&k, p.Bits())
		where, d := tr.start(&k, depth)
		for n := where.Load(); n != nil && d < 16; d++ {
			for under := 9; ; {
				length, slot := n.longest(int(k[d]), under)
				if length == 0 {
					break
				}
				under = length
				cut := netip.PrefixFrom(p.Addr(), d<<3+length).Masked()
				if v := n.values()[slot].Load(); v != nil && *v != cut {
					t.Errorf("%v where %v belongs", v, cut)
					return
				}
			}
			n = n.kid(int(k[d]))
		}
	}
}
