package rib

import (
	"math/bits"
	"net/netip"
	"reflect"
	"sort"
	"sync/atomic"
	"unsafe"
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

// node covers one octet of the address: prefixes that end in it and children
// for those that go on. It is immutable but for the pointers among values and
// kids. A lookup that ends in a whole octet reads the first 48 bytes, one that
// goes through it the next 40. The values lie behind it, in the same object, so
// that reading one mostly needs no second entry of the processor's page cache.
type node[V any] struct {
	full   bitset // prefixes that end with the octet, by the octet
	part0  uint64 // the first word of part
	shorts uint16 // how many prefixes are in part
	nvals  uint16
	nkids  uint16

	below bitset // children, by the octet
	kid0  *atomic.Pointer[node[V]]
	part  [3]uint64 // prefixes of 1 to 7 bits of the octet: 1<<length | those bits, from 64 on
}

// room is a node with room for values: those of part, then those of full.
type room struct {
	values int
	shape  reflect.Type
}

// rooms returns those for each number up to 16, and from there an eighth more
// each, as the allocator's sizes grow, to 510 values, the most there can be.
func rooms[V any]() (list []room) {
	const most = 255 + 255
	for n := 1; ; n += max(1, n/8) {
		n = min(n, most)
		list = append(list, room{n, reflect.StructOf([]reflect.StructField{
			{Name: "Node", Type: reflect.TypeFor[node[V]]()}, {Name: "Values", Type: reflect.ArrayOf(n, reflect.TypeFor[slot[V]]())},
		})})
		if n == most {
			return list
		}
	}
}

// newNode returns a copy of a node with room for so many values, and none yet.
func (t *trie[V]) newNode(like *node[V], values int) *node[V] {
	n := new(node[V])
	if values > 0 {
		if t.rooms == nil {
			t.rooms = rooms[V]()
		}
		i := sort.Search(len(t.rooms), func(i int) bool { return t.rooms[i].values >= values })
		// The node comes first in every room, and keeps all of it alive.
		n = (*node[V])(reflect.New(t.rooms[i].shape).UnsafePointer())
	}
	*n = *like
	n.nvals = uint16(values)
	return n
}

// values returns those of a node, which newNode made room for behind it.
func (n *node[V]) values() []slot[V] {
	if n.nvals == 0 {
		return nil
	}
	return unsafe.Slice((*slot[V])(unsafe.Add(unsafe.Pointer(n), unsafe.Sizeof(*n))), int(n.nvals))
}

// kids returns the pointers to children. They were allocated as one slice, of
// which the node holds the first element.
func (n *node[V]) kids() []atomic.Pointer[node[V]] { return unsafe.Slice(n.kid0, int(n.nkids)) }

func (n *node[V]) setKids(kids []atomic.Pointer[node[V]]) {
	n.kid0, n.nkids = unsafe.SliceData(kids), uint16(len(kids))
}

// parts returns the set of prefixes shorter than the octet.
func (n *node[V]) parts() bitset { return bitset{n.part0, n.part[0], n.part[1], n.part[2]} }

func (n *node[V]) setParts(b bitset) { n.part0, n.part = b[0], [3]uint64(b[1:]) }

// place is where a prefix stands in its node.
type place struct {
	index int  // in full or part
	whole bool // in full
}

// placeOf returns the depth of the node that holds a prefix of length > 0, and the place in it.
func placeOf(k *key, length int) (depth int, at place) {
	depth = (length - 1) >> 3
	n := length - depth<<3
	if n == 8 {
		return depth, place{int(k[depth]), true}
	}
	return depth, place{1<<n | int(k[depth])>>(8-n), false}
}

// slot returns the index in values of a place, and whether it is taken.
func (n *node[V]) slot(at place) (int, bool) {
	if at.whole {
		return int(n.shorts) + n.full.rank(at.index), n.full.has(at.index)
	}
	parts := n.parts()
	return parts.rank(at.index), parts.has(at.index)
}

// longest returns the length within the octet, below the given one, of the
// longest prefix that covers the octet, and its slot; 0 when there is none.
func (n *node[V]) longest(octet, under int) (length, slot int) {
	if under > 8 && n.full.has(octet) {
		return 8, int(n.shorts) + n.full.rank(octet)
	}
	if n.shorts == 0 {
		return 0, 0
	}
	parts := n.parts()
	for length = min(under-1, 7); length > 0; length-- {
		if i := 1<<length | octet>>(8-length); parts.has(i) {
			return length, parts.rank(i)
		}
	}
	return 0, 0
}

// kid returns the child of an octet or nil.
func (n *node[V]) kid(octet int) *node[V] {
	// Most nodes have none, and the count is in the first cache line.
	if n.nkids == 0 || !n.below.has(octet) {
		return nil
	}
	return n.kids()[n.below.rank(octet)].Load()
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
	rooms        []room // made by the first writer
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
				return
			}
			t.slots.Add(2)
			where.Store(t.withValue(n, at, v, note))
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

// withValue returns a copy of the node with one value more. The children are
// shared, as the old node is written to no more.
func (t *trie[V]) withValue(n *node[V], at place, v *V, note uint64) *node[V] {
	i, _ := n.slot(at)
	c := t.newNode(n, int(n.nvals)+1)
	if at.whole {
		c.full.set(at.index)
	} else {
		parts := c.parts()
		parts.set(at.index)
		c.setParts(parts)
		c.shorts++
	}
	old, vals := n.values(), c.values()
	copySlots(vals[:i], old[:i])
	vals[i].Store(v, note)
	copySlots(vals[i+1:], old[i:])
	return c
}

// withKid returns a copy of the node with one child more.
func (t *trie[V]) withKid(n *node[V], octet int, kid *node[V]) *node[V] {
	i := n.below.rank(octet)
	c := t.copied(n)
	c.below.set(octet)
	old := n.kids()
	kids := make([]atomic.Pointer[node[V]], len(old)+1)
	load(kids[:i], old[:i])
	kids[i].Store(kid)
	load(kids[i+1:], old[i:])
	c.setKids(kids)
	return c
}

// copied returns a copy of a node with its values. The old node is written to no
// more; who still reads it reads what was there.
func (t *trie[V]) copied(n *node[V]) *node[V] {
	c := t.newNode(n, int(n.nvals))
	copySlots(c.values(), n.values())
	return c
}

func copySlots[V any](to, from []slot[V]) {
	for i := range from {
		to[i].Store(from[i].Load(), from[i].note.Load())
	}
}

func load[V any](to, from []atomic.Pointer[V]) {
	for i := range from {
		to[i].Store(from[i].Load())
	}
}

// without returns a copy of the node that lacks the given prefixes.
func (t *trie[V]) without(n *node[V], full, part *bitset) *node[V] {
	parts, whole := n.parts(), n.full
	for w := range full {
		whole[w] &^= full[w]
		parts[w] &^= part[w]
	}
	c := t.newNode(n, parts.size()+whole.size())
	c.full, c.shorts = whole, uint16(parts.size())
	c.setParts(parts)
	old, vals := n.values(), c.values()
	n.each(func(at place, i int) {
		if at.whole && whole.has(at.index) || !at.whole && parts.has(at.index) {
			vals[0].Store(old[i].Load(), old[i].note.Load())
			vals = vals[1:]
		}
	})
	return c
}

// each calls f with the place and slot of each prefix of the node.
func (n *node[V]) each(f func(at place, slot int)) {
	slot := 0
	parts := n.parts()
	for i := parts.from(0); i >= 0; i = nextOf(&parts, i) {
		f(place{i, false}, slot)
		slot++
	}
	for i := n.full.from(0); i >= 0; i = nextOf(&n.full, i) {
		f(place{i, true}, slot)
		slot++
	}
}

func nextOf(b *bitset, i int) int {
	if i == 255 {
		return -1
	}
	return b.from(i + 1)
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
	c := t.without(n, full, part)
	t.slots.Add(2 * (int64(c.nvals) - int64(n.nvals)))
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
	load(kids[:i], old[:i])
	load(kids[i:], old[i+1:])
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
