package rib

import (
	"cmp"
	"unsafe"
)

// path is one way to a prefix. Paths of a prefix lie side by side, in the order
// of preference; left says how many follow this one. They are immutable.
type path struct {
	attributes *Attributes
	from       *session
	id         uint32 // ADD-PATH identifier
	left       uint32
	origin     uint32 // of OriginAS, 0 = unknown; here to save lookups a far read
	neighbor   uint32 // network, 0 = unknown
}

// list returns the paths that begin with this one.
func (p *path) list() []path {
	if p == nil {
		return nil
	}
	// newPaths made p the first of left+1 elements of one array.
	return unsafe.Slice(p, int(p.left)+1)
}

// newPaths returns a copy of the paths as one list, nil for none.
func newPaths(from []path) *path {
	if len(from) == 0 {
		return nil
	}
	list := make([]path, len(from))
	copy(list, from)
	for i := range list {
		list[i].left = uint32(len(list) - 1 - i)
	}
	return &list[0]
}

// defaultLocalPref is the degree of preference of a path that carries none, as
// routers have it by default.
const defaultLocalPref = 100

// order compares two paths to the same prefix; the preferred one is less. It is
// the decision process of RFC 4271 section 9.1 as far as a listener can follow
// it, made a total order:
//
//  1. what the router itself decided or announced (Loc-RIB, a plain session),
//     then what passed its policy, then what it heard, then what it sends;
//  2. the higher LOCAL_PREF, 100 if absent (9.1.1);
//  3. the shorter path, a set counted as one (9.1.2.2 a);
//  4. the lower ORIGIN (9.1.2.2 b);
//  5. the lower MULTI_EXIT_DISC, 0 if absent, among paths of one neighbouring
//     network; paths of different networks go by its number first, which keeps
//     the comparison transitive (9.1.2.2 c);
//  6. the lower address of the peer (9.1.2.2 g), of the router, and path id.
//
// The cost inside the router's network and what is known of its own identifier
// (9.1.2.2 d to f) cannot be seen from outside. Stale paths are not put back
// (RFC 4724 section 4.2).
func order(a, b *path) int {
	if a.from.rank != b.from.rank {
		return cmp.Compare(a.from.rank, b.from.rank)
	}
	x, y := a.attributes, b.attributes
	if x != y {
		if x.weight != y.weight {
			return cmp.Compare(x.weight, y.weight)
		}
		if x.neighbor != y.neighbor {
			return cmp.Compare(x.neighbor, y.neighbor)
		}
		if c := cmp.Compare(x.med(), y.med()); c != 0 {
			return c
		}
	}
	if a.from != b.from {
		if c := a.from.peer.order(b.from.peer); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.id, b.id)
}

// A note says of the paths of a prefix what Origin mostly wants to know: the
// origin, in the upper half, if all have the same; and which routers have a
// path, by a bit each. Routers after the first 31 share the last bit, which says
// nothing of one of them.
const (
	noteBits  = 32
	noteShare = 31
)

func noteOf(list []path) uint64 {
	if len(list) == 0 {
		return 0
	}
	origin, routers := list[0].origin, uint64(0)
	for i := range list {
		if list[i].origin != origin {
			return 0
		}
		routers |= 1 << list[i].from.router.bit
	}
	return uint64(origin)<<noteBits | routers
}
