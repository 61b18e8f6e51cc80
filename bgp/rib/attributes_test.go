package rib

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/linewarden/linewarden/bgp"
)

// TestPool lets goroutines take and give back the same few sets. While one is
// held, all who ask must get it and no copy; in the end nothing is left.
func TestPool(t *testing.T) {
	p := newPool()
	type holder struct {
		attributes *Attributes
		count      int
	}
	var mu sync.Mutex
	held := make([]holder, 2)
	var all sync.WaitGroup
	for g := range 3 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for range 30_000 {
				i := rnd.IntN(len(held))
				a := p.intern(&bgp.Route{MED: uint32(i), HasMED: true})
				mu.Lock()
				h := &held[i]
				if h.count > 0 && h.attributes != a {
					t.Error("two copies of one set")
				}
				h.attributes, h.count = a, h.count+1
				mu.Unlock()
				for range rnd.IntN(4) {
					runtime.Gosched() // others take and give back meanwhile
				}
				// Said first, so that no one who finds it held is wrong.
				mu.Lock()
				h.count--
				mu.Unlock()
				p.release(a)
			}
		})
	}
	all.Wait()
	if p.count.Load() != 0 || p.size.Load() != 0 {
		t.Errorf("left: %d sets, %d bytes", p.count.Load(), p.size.Load())
	}
	for i := range p.shards {
		if len(p.shards[i].by) > 0 {
			t.Error("a shard is not empty")
		}
	}
}

// TestCollision proves that sets of one hash are told apart, and leave one by one.
func TestCollision(t *testing.T) {
	p := newPool()
	var sets []*Attributes
	for i := range uint32(3) {
		a := newAttributes(&bgp.Route{MED: i, HasMED: true})
		a.hash, a.next = 1, p.shards[0].by[1]
		a.refs.Store(1)
		p.shards[0].by[1] = a
		sets = append(sets, a)
	}
	for _, i := range []int{1, 2, 0} {
		p.release(sets[i])
		for a := p.shards[0].by[1]; a != nil; a = a.next {
			if a == sets[i] {
				t.Errorf("set %d is still there", i)
			}
		}
	}
	if len(p.shards[0].by) != 0 {
		t.Error("the chain is not empty")
	}
}

// TestSame proves that every field makes a difference.
func TestSame(t *testing.T) {
	base := func() bgp.Route {
		return bgp.Route{
			Path:    bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: []uint32{1, 2}}, {Type: bgp.SegmentSet, ASNs: []uint32{3}}},
			NextHop: netip.MustParseAddr("192.0.2.1"), MED: 1, LocalPref: 2, HasMED: true, HasLocalPref: true,
			Communities: []uint32{4}, LargeCommunities: [][3]uint32{{5, 6, 7}},
		}
	}
	p := newPool()
	first := base()
	a := p.intern(&first)
	again := base()
	if p.intern(&again) != a {
		t.Fatal("equal sets are not one")
	}
	if got := a.Route(first.Prefix, 0, 0); !a.same(&got) {
		t.Errorf("%+v", got)
	}
	for name, change := range map[string]func(*bgp.Route){
		"path":        func(r *bgp.Route) { r.Path[0].ASNs[0] = 9 },
		"kind":        func(r *bgp.Route) { r.Path[0].Type = bgp.SegmentConfedSequence },
		"segments":    func(r *bgp.Route) { r.Path = r.Path[:1] },
		"next hop":    func(r *bgp.Route) { r.NextHop = netip.MustParseAddr("::ffff:192.0.2.1") },
		"med":         func(r *bgp.Route) { r.MED = 9 },
		"no med":      func(r *bgp.Route) { r.HasMED = false },
		"preference":  func(r *bgp.Route) { r.LocalPref = 9 },
		"none":        func(r *bgp.Route) { r.HasLocalPref = false },
		"origin":      func(r *bgp.Route) { r.Origin = bgp.OriginEGP },
		"communities": func(r *bgp.Route) { r.Communities = nil },
		"large":       func(r *bgp.Route) { r.LargeCommunities[0][2] = 9 },
	} {
		r := base()
		change(&r)
		if p.intern(&r) == a {
			t.Errorf("another %s makes no difference", name)
		}
	}
}
