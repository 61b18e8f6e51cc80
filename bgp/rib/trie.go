package rib

import (
	"math/bits"
	"net/netip"
	"reflect"
	"sync/atomic"
)

// key is an address as the trie reads it: IPv4 in the first four bytes.
type key [16]byte

// keyOf returns the key of an address, and how many bits it has.
func keyOf(a netip.Addr) (k key, width int) {
	if a.Is4() {
		b := a.As4()
		copy(k[:], b[:])
		return k, 32
	}
	return a.As16(), 128
}

// prefix is the inverse of keyOf.
func (k *key) prefix(width, length int) netip.Prefix {
	if width == 32 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(k[:4])), length)
	}
	return netip.PrefixFrom(netip.AddrFrom16(*k), length)
}

// bitset is a set of the numbers 0 to 255.
type bitset [4]uint64

func (b *bitset) has(i int) bool { return b[i>>6&3]>>(i&63)&1 != 0 }
func (b *bitset) set(i int)      { b[i>>6&3] |= 1 << (i & 63) }
func (b *bitset) clear(i int)    { b[i>>6&3] &^= 1 << (i & 63) }
func (b *bitset) size() int {
	return bits.OnesCount64(b[0]) + bits.OnesCount64(b[1]) + bits.OnesCount64(b[2]) + bits.OnesCount64(b[3])
}

// rank returns how many members are below i.
func (b *bitset) rank(i int) int {
	n := bits.OnesCount64(b[i>>6&3] & (1<<(i&63) - 1))
	for w := i >> 6; w > 0; w-- {
		n += bits.OnesCount64(b[w-1])
	}
	return n
}

// from returns the least member that is not below i, or -1.
func (b *bitset) from(i int) int {
	for w := i >> 6; w < 4; w++ {
		word := b[w]
		if w == i>>6 {
			word &= ^uint64(0) << (i & 63)
		}
		if word != 0 {
			return w<<6 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// slot holds the value of one prefix. note is what the owner of the trie wants to
// know of the value without reading it; a reader uses one of the two, as they
// do not change together.
type slot[V any] struct {
	value atomic.Pointer[V]
	note  atomic.Uint64
}

// Load returns the value.
func (s *slot[V]) Load() *V { return s.value.Load() }

// Store sets both.
func (s *slot[V]) Store(v *V, note uint64) {
	s.value.Store(v)
	s.note.Store(note)
}

// trie maps prefixes to values. Reads need no lock, writes need one.
type trie[V any] struct {
	zero slot[V] // of the default route
	root atomic.Pointer[node[V]]
	// top holds, where it is not nil, the nodes of the third octet by the first
	// two, so that a lookup need not step through those. Prefixes of up to 16
	// bits are below root.
	top []atomic.Pointer[node[V]]
	// Sizes, kept by the writers; a value is two slots, a child one, of 8 bytes.
	nodes, slots atomic.Int64
	rooms        [2][]room // of sparse and of dense nodes, made by the first writer
}

// topBits is the length of prefixes that top leaves to root.
const topBits = 16

// start returns where the way to a node begins, and at which depth.
func (t *trie[V]) start(k *key, depth int) (where *atomic.Pointer[node[V]], d int) {
	if t.top != nil && depth >= topBits/8 {
		return &t.top[int(k[0])<<8|int(k[1])], topBits / 8
	}
	return &t.root, 0
}

// get returns where the value of a prefix is, or nil.
func (t *trie[V]) get(k *key, length int) *slot[V] {
	if length == 0 {
		return &t.zero
	}
	depth, at := placeOf(k, length)
	where, d := t.start(k, depth)
	n := where.Load()
	for ; d < depth && n != nil; d++ {
		n = n.kid(int(k[d]))
	}
	if n == nil {
		return nil
	}
	if i, ok := n.slot(at); ok {
		return &n.values()[i]
	}
	return nil
}

// put sets the value of a prefix, and the note beside it.
func (t *trie[V]) put(k *key, length int, v *V, note uint64) {
	if length == 0 {
		t.zero.Store(v, note)
		return
	}
	depth, at := placeOf(k, length)
	for where, d := t.start(k, depth); ; d++ {
		n := where.Load()
		if n == nil {
			where.Store(t.branch(k, d, depth, at, v, note))
			return
		}
		if d == depth {
			if i, ok := n.slot(at); ok {
				n.values()[i].Store(v, note)
			} else if !n.add(at, v, note) {
				c := t.withValue(n, at, v, note)
				t.slots.Add(c.words() - n.words())
				where.Store(c)
			}
			return
		}
		if !n.below.has(int(k[d])) {
			t.slots.Add(1)
			where.Store(t.withKid(n, int(k[d]), t.branch(k, d+1, depth, at, v, note)))
			return
		}
		where = &n.kids()[n.below.rank(int(k[d]))]
	}
}

// branch returns new nodes from one depth to another, the last with the value.
func (t *trie[V]) branch(k *key, from, to int, at place, v *V, note uint64) *node[V] {
	n := t.withValue(&node[V]{}, at, v, note)
	t.slots.Add(2)
	t.nodes.Add(int64(to - from + 1))
	for d := to - 1; d >= from; d-- {
		t.slots.Add(1)
		n = t.withKid(&node[V]{}, int(k[d]), n)
	}
	return n
}

// newNode returns a copy of a node without its prefixes, with room for so many
// values, those of part first.
func (t *trie[V]) newNode(like *node[V], parts, fulls int, dense bool) *node[V] {
	var n *node[V]
	if parts+fulls > 0 {
		list := &t.rooms[0]
		if dense {
			list = &t.rooms[1]
		}
		if *list == nil {
			*list = rooms[V](dense)
		}
		r := (*list)[parts+fulls]
		if dense {
			fulls = r.values - parts // all there is
		}
		// The node comes first in every room, and keeps all of it alive.
		n = (*node[V])(reflect.New(r.shape).UnsafePointer())
	} else {
		n = new(node[V])
	}
	*n = *like
	n.setPlaces(&bitset{}, &bitset{})
	n.shorts, n.nvals, n.dense = uint16(parts), uint16(parts+fulls), dense
	return n
}

// withValue returns a copy of the node with one value more. The children are
// shared, as the old node is written to no more. Slots and children are copied
// as plain memory: writers take turns, and nobody sees the copy yet.
func (t *trie[V]) withValue(n *node[V], at place, v *V, note uint64) *node[V] {
	full, part := n.fulls(), n.parts()
	if at.whole {
		full.set(at.index)
	} else {
		part.set(at.index)
	}
	fulls, parts := full.size(), part.size()
	if n.dense || fulls+parts > mostSparse {
		c := t.gathered(n, &full, &part)
		i, _ := c.slot(at)
		c.values()[i].Store(v, note)
		return c
	}
	i := part.rank(at.index)
	if at.whole {
		i = parts + full.rank(at.index)
	}
	c := t.newNode(n, parts, fulls, false)
	c.setPlaces(&full, &part)
	old, vals := n.values(), c.values()
	copy(vals[:i], old[:i])
	vals[i].Store(v, note)
	copy(vals[i+1:], old[i:])
	return c
}

// gathered returns a copy of the node that has the given prefixes, and of them
// the values that the node had.
func (t *trie[V]) gathered(n *node[V], full, part *bitset) *node[V] {
	parts, fulls := part.size(), full.size()
	dense := parts+fulls > mostSparse
	if dense {
		// A quarter more, so that a prefix is copied about four times on the way to a full node.
		fulls = min(fulls+fulls/4+1, mostFull)
		if parts > 0 { // or else readers need not look for shorter prefixes
			parts = min(parts+parts/4+1, mostPart)
		}
	}
	c := t.newNode(n, parts, fulls, dense)
	c.setPlaces(full, part)
	old, vals := n.values(), c.values()
	before := part.size()
	eachPlace(full, part, func(at place, rank int) {
		to := rank
		if dense {
			if at.whole {
				rank -= before
				to = parts + rank
			}
			c.index().setSlot(at.number(), rank)
		}
		if from, ok := n.slot(at); ok {
			copy(vals[to:to+1], old[from:from+1])
		}
	})
	return c
}

// copied returns a copy of a node with its values. The old node is written to no
// more; who still reads it reads what was there.
func (t *trie[V]) copied(n *node[V]) *node[V] {
	if n.dense {
		full, part := n.fulls(), n.parts()
		c := t.gathered(n, &full, &part)
		t.slots.Add(c.words() - n.words())
		return c
	}
	c := t.newNode(n, int(n.shorts), int(n.nvals-n.shorts), false)
	c.full, c.part0, c.part = n.full, n.part0, n.part
	copy(c.values(), n.values())
	return c
}

// withKid returns a copy of the node with one child more.
func (t *trie[V]) withKid(n *node[V], octet int, kid *node[V]) *node[V] {
	i := n.below.rank(octet)
	c := t.copied(n)
	c.below.set(octet)
	old := n.kids()
	kids := make([]atomic.Pointer[node[V]], len(old)+1)
	copy(kids[:i], old[:i])
	kids[i].Store(kid)
	copy(kids[i+1:], old[i:])
	c.setKids(kids)
	return c
}

// remove takes prefixes out of the node at the given depth on the way to k, and
// the nodes that are left empty with them.
func (t *trie[V]) remove(k *key, depth int, full, part *bitset) {
	var ways [16]*atomic.Pointer[node[V]]
	where, start := t.start(k, depth)
	for d := start; d < depth; d++ {
		ways[d] = where
		n := where.Load()
		where = &n.kids()[n.below.rank(int(k[d]))]
	}
	n := where.Load()
	whole, parts := n.fulls(), n.parts()
	for w := range full {
		whole[w] &^= full[w]
		parts[w] &^= part[w]
	}
	if n.dense && whole.size()+parts.size() > mostSparse/2 {
		n.clear(full, part)
		return
	}
	c := t.gathered(n, &whole, &parts)
	t.slots.Add(c.words() - n.words())
	where.Store(c)
	for d := depth; c.nvals == 0 && c.nkids == 0; d-- {
		t.nodes.Add(-1)
		if d == start {
			where, _ = t.start(k, depth)
			where.Store(nil)
			return
		}
		c = t.withoutKid(ways[d-1].Load(), int(k[d-1]))
		t.slots.Add(-1)
		ways[d-1].Store(c)
	}
}

// withoutKid returns a copy of the node with one child less.
func (t *trie[V]) withoutKid(n *node[V], octet int) *node[V] {
	i := n.below.rank(octet)
	c := t.copied(n)
	c.below.clear(octet)
	old := n.kids()
	kids := make([]atomic.Pointer[node[V]], len(old)-1)
	copy(kids[:i], old[:i])
	copy(kids[i:], old[i+1:])
	c.setKids(kids)
	return c
}

// drop takes one prefix out.
func (t *trie[V]) drop(k *key, length int) {
	if length == 0 {
		t.zero.Store(nil, 0)
		return
	}
	var full, part bitset
	depth, at := placeOf(k, length)
	if at.whole {
		full.set(at.index)
	} else {
		part.set(at.index)
	}
	t.remove(k, depth, &full, &part)
}

// size returns about how many bytes the nodes take.
func (t *trie[V]) size() int64 {
	return t.nodes.Load()*112 + t.slots.Load()*8 + int64(len(t.top))*8
}
