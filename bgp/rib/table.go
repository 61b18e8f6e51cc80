package rib

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// table holds the paths of one family in one instance.
type table struct {
	rib      *RIB
	instance uint64
	family   int // index
	width    int // bits of an address
	trie     trie[path]

	prefixes atomic.Int64 // written with mu held

	mu      sync.Mutex
	scratch []path      // guarded by mu
	change  Change      // guarded by mu
	last    *Attributes // of the last announcement, with a reference; guarded by mu
}

// announce adds or replaces the path of a session.
func (t *table) announce(s *session, e *bgp.Event, k *key) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &e.Route
	if s.dead(t.family) {
		s.peer.counts.refused.Add(1)
		return nil // another goroutine took the peer down meanwhile
	}
	slot := t.trie.get(k, r.Prefix.Bits())
	var had *path
	if slot != nil {
		had = slot.Load()
	}
	was, rest := t.part(had, s, r.PathID, r.Prefix)
	if was == nil {
		if err := t.rib.admit(s.peer); err != nil {
			s.peer.counts.refused.Add(1)
			t.settle(slot, k, r.Prefix.Bits(), had, rest)
			return err
		}
	}
	a := t.intern(r)
	if was != nil && was.attributes == a {
		s.peer.counts.unchanged.Add(1)
		if was.from == s && len(rest)+1 == len(had.list()) {
			t.rib.pool.release(a)
			return nil
		}
	} else {
		s.peer.counts.announced.Add(1)
		t.tell(Announced, s, e.Time, r.Prefix, r.PathID, attributesOf(was), a)
	}
	now := path{attributes: a, from: s, id: r.PathID}
	now.origin, _ = a.OriginAS(s.as)
	if now.neighbor = a.neighbor; now.neighbor == 0 && a.origin.kind == originOwn {
		now.neighbor = s.as
	}
	i := 0
	for i < len(rest) && order(&rest[i], &now) < 0 {
		i++
	}
	rest = slices.Insert(rest, i, now)
	t.scratch = rest
	t.count(s, 1)
	list := newPaths(rest)
	if was != nil {
		t.count(was.from, -1)
		t.rib.pool.release(was.attributes)
	}
	if had != nil {
		slot.Store(list, noteOf(rest))
		return nil
	}
	t.prefixes.Add(1)
	t.trie.put(k, r.Prefix.Bits(), list, noteOf(rest))
	return nil
}

// withdraw takes the path of a session away.
func (t *table) withdraw(s *session, e *bgp.Event, k *key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &e.Route
	slot := t.trie.get(k, r.Prefix.Bits())
	if slot == nil {
		s.peer.counts.unknown.Add(1)
		return
	}
	had := slot.Load()
	was, rest := t.part(had, s, r.PathID, r.Prefix)
	if was == nil {
		s.peer.counts.unknown.Add(1)
	} else {
		s.peer.counts.withdrawn.Add(1)
		t.tell(Withdrawn, s, e.Time, r.Prefix, r.PathID, was.attributes, nil)
		t.count(was.from, -1)
		t.rib.pool.release(was.attributes)
	}
	t.settle(slot, k, r.Prefix.Bits(), had, rest)
}

// part takes a list apart: the path that the session, or the stale one before
// it, has under this identifier, and all others that are alive. Dead ones are
// declared lost. The result lives in t.scratch.
func (t *table) part(had *path, s *session, id uint32, prefix netip.Prefix) (was *path, rest []path) {
	rest = t.scratch[:0]
	list := had.list()
	before := s.before.Load()
	for i := range list {
		p := &list[i]
		switch {
		case p.from.dead(t.family):
			t.lose(p, prefix)
		case p.id == id && (p.from == s || p.from == before):
			was = p
		default:
			rest = append(rest, *p)
		}
	}
	t.scratch = rest
	return was, rest
}

// settle stores what is left of a list after paths were taken out of it.
func (t *table) settle(slot *slot[path], k *key, length int, had *path, rest []path) {
	switch {
	case slot == nil || len(rest) == len(had.list()):
	case len(rest) > 0:
		slot.Store(newPaths(rest), noteOf(rest))
	default:
		t.prefixes.Add(-1)
		t.trie.drop(k, length)
	}
}

// lose declares a path of a dead session lost.
func (t *table) lose(p *path, prefix netip.Prefix) {
	end := &p.from.ends[t.family]
	t.tell(end.reason, p.from, end.at, prefix, p.id, p.attributes, nil)
	t.count(p.from, -1)
	t.rib.pool.release(p.attributes)
}

func (t *table) count(s *session, n int64) {
	s.routes[t.family].Add(n)
	s.peer.routes[t.family].Add(n)
	t.rib.routes.Add(n)
}

func (t *table) tell(reason Reason, s *session, at time.Time, prefix netip.Prefix, id uint32, old, now *Attributes) {
	c := &t.change
	*c = Change{
		Reason: reason, Peer: s.peer.key, PeerAS: s.as, Time: at,
		Prefix: prefix, PathID: id, Old: old, New: now,
	}
	if now != nil {
		c.Validity = t.rib.vrps.Load().of(prefix, now, s.as)
	}
	if t.instance != s.peer.key.Distinguisher {
		c.Distinguisher = t.instance
	}
	t.rib.sink.Change(c)
}

// intern is pool.intern with a short cut for the many prefixes of one message.
func (t *table) intern(r *bgp.Route) *Attributes {
	if t.last != nil && t.last.same(r) {
		t.last.refs.Add(1)
		return t.last
	}
	a := t.rib.pool.intern(r)
	if t.last != nil {
		t.rib.pool.release(t.last)
	}
	a.refs.Add(1)
	t.last = a
	return a
}

func attributesOf(p *path) *Attributes {
	if p == nil {
		return nil
	}
	return p.attributes
}

// sweepSlice clears dead paths out of about limit prefixes from the cursor on.
// It returns false at the end of the table.
func (t *table) sweepSlice(c *cursor[path], limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.started {
		if zero := t.trie.zero.Load(); zero != nil {
			t.settle(&t.trie.zero, &key{}, 0, zero, t.alive(zero, (&key{}).prefix(t.width, 0)))
		}
	}
	for limit > 0 {
		n := c.next(&t.trie)
		if n == nil {
			return false
		}
		limit -= 1 + int(n.nvals)
		t.sweepNode(c, n)
	}
	return true
}

func (t *table) sweepNode(c *cursor[path], n *node[path]) {
	var full, part bitset
	emptied := 0
	n.each(func(at place, slot int) {
		had := n.values()[slot].Load()
		if !slices.ContainsFunc(had.list(), func(p path) bool { return p.from.dead(t.family) }) {
			return
		}
		rest := t.alive(had, c.prefixAt(at, t.width))
		if len(rest) > 0 {
			n.values()[slot].Store(newPaths(rest), noteOf(rest))
			return
		}
		emptied++
		if at.whole {
			full.set(at.index)
		} else {
			part.set(at.index)
		}
	})
	if emptied > 0 {
		t.prefixes.Add(int64(-emptied))
		t.trie.remove(&c.at, c.depth, &full, &part)
	}
}

// alive returns the living paths of a list, in t.scratch, and declares the others lost.
func (t *table) alive(had *path, prefix netip.Prefix) []path {
	rest := t.scratch[:0]
	list := had.list()
	for i := range list {
		if p := &list[i]; p.from.dead(t.family) {
			t.lose(p, prefix)
		} else {
			rest = append(rest, *p)
		}
	}
	t.scratch = rest
	return rest
}
