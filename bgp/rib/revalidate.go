package rib

import (
	"net/netip"
	"slices"
	"time"
)

// SetVRPs gives the payloads that lookups and changes are validated by; nil
// ends that. The sink is told nothing of paths that are held already, see
// Revalidate.
func (r *RIB) SetVRPs(v *VRPs) {
	r.turning.Lock()
	defer r.turning.Unlock()
	r.vrps.Store(v)
}

// Revalidate is SetVRPs that also tells the sink of every path whose validity
// has become another. Lookups and writes go on meanwhile: a path that is
// announced at the same time may be told twice with the same validity, and none
// is left with the old one. BenchmarkRevalidate says how long it takes.
func (r *RIB) Revalidate(v *VRPs, at time.Time) {
	r.turning.Lock()
	defer r.turning.Unlock()
	old := r.vrps.Swap(v)
	if old == v {
		return
	}
	u := turn{old: old, now: v, at: at, changed: changes(old, v)}
	for _, in := range r.where.Load().instances {
		for _, t := range in {
			var c cursor[path]
			for more := true; more; {
				more = t.revalidateSlice(&c, &u)
			}
		}
	}
}

// changes returns the payloads of prefixes that two sets say different things
// of, or nil where one is none. A route that none of them covers keeps its
// validity, and most changes are of a few payloads.
func changes(a, b *VRPs) *VRPs {
	if a == nil || b == nil {
		return nil
	}
	c := new(VRPs)
	c.add(a, b)
	c.add(b, a)
	return c
}

// add takes the payloads of the prefixes of one set that stand otherwise, or not, in another.
func (v *VRPs) add(from, other *VRPs) {
	for f := range from.tries {
		width := [...]int{32, 128}[f]
		take := func(p netip.Prefix, here *[]grant) {
			if here == nil {
				return
			}
			k, _ := keyOf(p.Addr())
			slot := other.tries[f].get(&k, p.Bits())
			if slot == nil || slot.Load() == nil || !sameGrants(*here, *slot.Load()) {
				v.tries[f].put(&k, p.Bits(), here, 0)
				v.count++
			}
		}
		take((&key{}).prefix(width, 0), from.tries[f].zero.Load())
		var c cursor[[]grant]
		for n := c.next(&from.tries[f]); n != nil; n = c.next(&from.tries[f]) {
			n.each(func(at place, slot int) { take(c.prefixAt(at, width), n.values()[slot].Load()) })
		}
	}
}

// sameGrants compares two sets without repetitions.
func sameGrants(a, b []grant) bool {
	if len(a) != len(b) {
		return false
	}
	for _, g := range a {
		if !slices.Contains(b, g) {
			return false
		}
	}
	return true
}

// turn is a change of the payloads, and what it does to the paths of one prefix
// with one origin, as those of several peers mostly are alike.
type turn struct {
	old, now *VRPs
	changed  *VRPs // nil = any may have
	at       time.Time

	known         bool // all below
	origin        originAS
	before, after Validity
}

// of returns the validities of a path before and after the turn.
func (u *turn) of(prefix netip.Prefix, p *path) (before, after Validity) {
	origin := p.attributes.origin
	if origin.kind == originOwn {
		origin.asn = p.from.as
	}
	if !u.known || u.origin != origin {
		u.known, u.origin = true, origin
		u.before, u.after = u.old.of(prefix, p.attributes, p.from.as), u.now.of(prefix, p.attributes, p.from.as)
	}
	return u.before, u.after
}

// of is Route, for payloads that may be none.
func (v *VRPs) of(prefix netip.Prefix, a *Attributes, peerAS uint32) Validity {
	if v == nil {
		return NotChecked
	}
	return v.Route(prefix, a, peerAS)
}

// revalidateSlice takes the next prefixes, about sliceLength. It returns false
// at the end of the table.
func (t *table) revalidateSlice(c *cursor[path], u *turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.started {
		t.revalidateList(t.trie.zero.Load(), (&key{}).prefix(t.width, 0), u)
	}
	for limit := sliceLength; limit > 0; {
		n := c.next(&t.trie)
		if n == nil {
			return false
		}
		limit -= 1 + int(n.nvals)
		n.each(func(at place, slot int) {
			t.revalidateList(n.values()[slot].Load(), c.prefixAt(at, t.width), u)
		})
	}
	return true
}

// revalidateList tells the sink of paths of one prefix whose validity changes.
func (t *table) revalidateList(first *path, prefix netip.Prefix, u *turn) {
	if u.changed != nil && u.changed.Validate(prefix, 0, false) == NotFound {
		return
	}
	u.known = false
	list := first.list()
	for i := range list {
		p := &list[i]
		if p.from.dead(t.family) {
			continue
		}
		if before, after := u.of(prefix, p); before != after {
			t.tell(Revalidated, p.from, u.at, prefix, p.id, p.attributes, p.attributes)
		}
	}
}
