package rib

import (
	"math/bits"
	"net/netip"
)

// cursor walks the nodes of a trie, a node before its children. It survives
// changes of the trie between two steps.
type cursor[V any] struct {
	at      key
	depth   int
	started bool
}

// next moves on and returns the node, or nil at the end. It must not run beside a writer.
func (c *cursor[V]) next(t *trie[V]) *node[V] {
	if !c.started {
		c.started = true
		if n := t.root.Load(); n != nil {
			return n
		}
		return c.nextTop(t, 0)
	}
	where, base := t.start(&c.at, c.depth)
	// The way down to where the cursor stands, as far as it still exists.
	var way [17]*node[V]
	last := base - 1
	for d, n := base, where.Load(); d <= c.depth && n != nil; d++ {
		way[d], last = n, d
		n = n.kid(int(c.at[d]))
	}
	least := 0
	if last < c.depth && last >= base {
		least = int(c.at[last]) + 1
	}
	for d := last; d >= base; d-- {
		if least <= 255 {
			if o := way[d].below.from(least); o >= 0 {
				c.at[d] = byte(o)
				clear(c.at[d+1:])
				c.depth = d + 1
				return way[d].kid(o)
			}
		}
		if d > base {
			least = int(c.at[d-1]) + 1
		}
	}
	if base == 0 {
		return c.nextTop(t, 0)
	}
	return c.nextTop(t, int(c.at[0])<<8+int(c.at[1])+1)
}

// nextTop moves to the first node of top that is not below i.
func (c *cursor[V]) nextTop(t *trie[V], i int) *node[V] {
	for ; i < len(t.top); i++ {
		if n := t.top[i].Load(); n != nil {
			c.at, c.depth = key{byte(i >> 8), byte(i)}, topBits/8
			return n
		}
	}
	return nil
}

// prefixAt returns the prefix that stands at a place of the node the cursor is at.
func (c *cursor[V]) prefixAt(at place, width int) netip.Prefix {
	k := c.at
	clear(k[c.depth:])
	if at.whole {
		k[c.depth] = byte(at.index)
		return k.prefix(width, c.depth<<3+8)
	}
	n := bits.Len(uint(at.index)) - 1
	k[c.depth] = byte(at.index << (8 - n))
	return k.prefix(width, c.depth<<3+n)
}
