package rib

import (
	"reflect"
	"sync/atomic"
	"unsafe"
)

// node covers one octet of the address: prefixes that end in it and children
// for those that go on. A lookup that ends in a whole octet reads the first 48
// bytes, one that goes through it the next 40. The values lie behind it, in the
// same object, so that reading one mostly needs no second entry of the
// processor's page cache.
//
// A sparse node is immutable but for its values and the pointers to children: a
// prefix more takes a copy. Its values are ordered as its prefixes are, those of
// part first. A dense node has an index and room to spare, so that prefixes come
// and go in place, as copies of large nodes would be most of what a full table
// costs.
type node[V any] struct {
	full   bitset // prefixes that end with the octet, by the octet
	part0  uint64 // the first word of part
	shorts uint16 // how many of the values are for part
	nvals  uint16 // room for values, in a sparse node all in use
	nkids  uint16
	dense  bool

	below bitset // children, by the octet
	kid0  *atomic.Pointer[node[V]]
	part  [3]uint64 // prefixes of 1 to 7 bits of the octet: 1<<length | those bits, from 64 on
}

// mostSparse is how many prefixes a sparse node has at most.
const mostSparse = 16

// The most prefixes of a node: with the whole octet, and with 1 to 7 bits of it.
const (
	mostFull = 256
	mostPart = 254
)

// index lies between a dense node and its values. It says where the value of a
// prefix is. A place keeps its slot when its prefix goes, so a reader that was
// too late finds no value there, or that of the same prefix.
type index struct {
	slots [2 * 256 / 4]atomic.Uint32 // a byte each, by place.number, counted from the first of full or part
	held  [2]bitset                  // places that have a slot, full and part; for writers alone
}

// indexWords is the size of an index.
const indexWords = int(unsafe.Sizeof(index{}) / 8)

func (x *index) slot(number int) int {
	return int(x.slots[number>>2].Load() >> (number & 3 * 8) & 0xff)
}

func (x *index) setSlot(number, slot int) {
	word, shift := &x.slots[number>>2], number&3*8
	word.Store(word.Load()&^(0xff<<shift) | uint32(slot)<<shift)
	x.held[number>>8].set(number & 0xff)
}

// room is a node with room for values: those of part, then those of full.
type room struct {
	values int
	shape  reflect.Type
}

// rooms returns where there is room for each number of values. There is one for
// each number up to 16, and from there an eighth more each, as the allocator's
// sizes grow, to the most there can be.
func rooms[V any](dense bool) (list []room) {
	const most = mostFull + mostPart
	list = make([]room, 1, most+1)
	for n := 1; ; n += max(1, n/8) {
		n = min(n, most)
		fields := []reflect.StructField{{Name: "Node", Type: reflect.TypeFor[node[V]]()}}
		if dense {
			fields = append(fields, reflect.StructField{Name: "Index", Type: reflect.TypeFor[index]()})
		}
		fields = append(fields, reflect.StructField{Name: "Values", Type: reflect.ArrayOf(n, reflect.TypeFor[slot[V]]())})
		for r := (room{n, reflect.StructOf(fields)}); len(list) <= n; {
			list = append(list, r)
		}
		if n == most {
			return list
		}
	}
}

// index returns that of a dense node.
func (n *node[V]) index() *index {
	return (*index)(unsafe.Add(unsafe.Pointer(n), unsafe.Sizeof(*n)))
}

// values returns those of a node, which newNode made room for behind it.
func (n *node[V]) values() []slot[V] {
	if n.nvals == 0 {
		return nil
	}
	at := unsafe.Sizeof(*n)
	if n.dense {
		at += unsafe.Sizeof(index{})
	}
	return unsafe.Slice((*slot[V])(unsafe.Add(unsafe.Pointer(n), at)), int(n.nvals))
}

// kids returns the pointers to children. They were allocated as one slice, of
// which the node holds the first element.
func (n *node[V]) kids() []atomic.Pointer[node[V]] { return unsafe.Slice(n.kid0, int(n.nkids)) }

func (n *node[V]) setKids(kids []atomic.Pointer[node[V]]) {
	n.kid0, n.nkids = unsafe.SliceData(kids), uint16(len(kids))
}

// parts returns the set of prefixes shorter than the octet.
func (n *node[V]) parts() bitset {
	return bitset{
		atomic.LoadUint64(&n.part0), atomic.LoadUint64(&n.part[0]), atomic.LoadUint64(&n.part[1]), atomic.LoadUint64(&n.part[2]),
	}
}

// fulls returns the set of prefixes that end with the octet.
func (n *node[V]) fulls() bitset {
	return bitset{
		atomic.LoadUint64(&n.full[0]), atomic.LoadUint64(&n.full[1]), atomic.LoadUint64(&n.full[2]), atomic.LoadUint64(&n.full[3]),
	}
}

// setPlaces says which prefixes a new node has.
func (n *node[V]) setPlaces(full, part *bitset) {
	n.full, n.part0, n.part = *full, part[0], [3]uint64(part[1:])
}

// mark says that a prefix is there, or is not.
func (n *node[V]) mark(at place, there bool) {
	word := &n.part0
	switch w := at.index >> 6; {
	case at.whole:
		word = &n.full[w]
	case w > 0:
		word = &n.part[w-1]
	}
	bit := uint64(1) << (at.index & 63)
	if there {
		atomic.StoreUint64(word, *word|bit)
	} else {
		atomic.StoreUint64(word, *word&^bit)
	}
}

// size returns how many prefixes the node has.
func (n *node[V]) size() int {
	full, part := n.fulls(), n.parts()
	return full.size() + part.size()
}

// words returns the size of the values and the index, of 8 bytes each.
func (n *node[V]) words() int64 {
	if n.dense {
		return int64(2*int(n.nvals) + indexWords)
	}
	return 2 * int64(n.nvals)
}

// place is where a prefix stands in its node.
type place struct {
	index int  // in full or part
	whole bool // in full
}

// number tells all places apart.
func (at place) number() int {
	if at.whole {
		return at.index
	}
	return 256 + at.index
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

// slot returns the index in values of a place, and false if no prefix is there.
func (n *node[V]) slot(at place) (int, bool) {
	if at.whole {
		if !n.hasFull(at.index) {
			return 0, false
		}
		return n.fullSlot(at.index), true
	}
	parts := n.parts()
	if !parts.has(at.index) {
		return 0, false
	}
	return n.partSlot(at.index, &parts), true
}

func (n *node[V]) hasFull(octet int) bool {
	return atomic.LoadUint64(&n.full[octet>>6&3])>>(octet&63)&1 != 0
}

// fullSlot returns the slot of a prefix that ends with an octet and is there.
func (n *node[V]) fullSlot(octet int) int {
	if n.dense {
		return int(n.shorts) + n.index().slot(octet)
	}
	return int(n.shorts) + n.full.rank(octet)
}

// partSlot returns the slot of one of the shorter prefixes.
func (n *node[V]) partSlot(i int, parts *bitset) int {
	if n.dense {
		return n.index().slot(256 + i)
	}
	return parts.rank(i)
}

// longest returns the length within the octet, below the given one, of the
// longest prefix that covers the octet, and its slot; 0 when there is none.
func (n *node[V]) longest(octet, under int) (length, slot int) {
	if under > 8 && n.hasFull(octet) {
		return 8, n.fullSlot(octet)
	}
	if n.shorts == 0 {
		return 0, 0
	}
	parts := n.parts()
	for length = min(under-1, 7); length > 0; length-- {
		if i := 1<<length | octet>>(8-length); parts.has(i) {
			return length, n.partSlot(i, &parts)
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

// each calls f with the place and slot of each prefix of the node.
func (n *node[V]) each(f func(at place, slot int)) {
	full, part := n.fulls(), n.parts()
	eachPlace(&full, &part, func(at place, rank int) {
		switch {
		case !n.dense:
			f(at, rank)
		case at.whole:
			f(at, n.fullSlot(at.index))
		default:
			f(at, n.partSlot(at.index, &part))
		}
	})
}

// eachPlace calls f with each of the places and how many come before it.
func eachPlace(full, part *bitset, f func(at place, rank int)) {
	rank := 0
	for i := part.from(0); i >= 0; i = nextOf(part, i) {
		f(place{i, false}, rank)
		rank++
	}
	for i := full.from(0); i >= 0; i = nextOf(full, i) {
		f(place{i, true}, rank)
		rank++
	}
}

func nextOf(b *bitset, i int) int {
	if i == 255 {
		return -1
	}
	return b.from(i + 1)
}

// add adds a prefix in place. It returns false where there is no room for it.
func (n *node[V]) add(at place, v *V, note uint64) bool {
	if !n.dense {
		return false
	}
	x, number := n.index(), at.number()
	kind := number >> 8
	if !x.held[kind].has(number & 0xff) {
		used, most := x.held[kind].size(), int(n.shorts)
		if at.whole {
			most = int(n.nvals) - int(n.shorts)
		}
		if used == most {
			return false
		}
		x.setSlot(number, used)
	}
	slot := x.slot(number)
	if at.whole {
		slot += int(n.shorts)
	}
	n.values()[slot].Store(v, note)
	n.mark(at, true) // last, as readers go by it
	return true
}

// clear takes prefixes out in place.
func (n *node[V]) clear(full, part *bitset) {
	vals := n.values()
	eachPlace(full, part, func(at place, _ int) {
		if i, ok := n.slot(at); ok {
			n.mark(at, false)
			vals[i].Store(nil, 0)
		}
	})
}
