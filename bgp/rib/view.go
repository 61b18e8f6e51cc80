package rib

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// Entry is one path to one prefix, as a listing shows it.
type Entry struct {
	Peer          bgp.PeerKey
	PeerAS        uint32
	Prefix        netip.Prefix
	Distinguisher uint64 // of the instance
	PathID        uint32
	Stale         bool
	Attributes    *Attributes
}

// Instances returns the distinguishers that have tables, 0 first.
func (r *RIB) Instances() []uint64 {
	var all []uint64
	for d := range r.where.Load().instances {
		all = append(all, d)
	}
	slices.Sort(all)
	return all
}

// Covering yields the paths to every prefix that covers the given one, itself
// included, the longest first, the preferred path of each first. It takes no
// lock; routes that come or go meanwhile may or may not be seen.
func (r *RIB) Covering(distinguisher uint64, p netip.Prefix) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		in := r.where.Load().instances[distinguisher]
		if in == nil || !p.IsValid() {
			return
		}
		t := in[familyIndex(bgp.FamilyOf(p.Addr()))]
		for length := p.Bits(); length >= 0; length-- {
			cut := netip.PrefixFrom(p.Addr(), length).Masked()
			k, _ := keyOf(cut.Addr())
			if slot := t.trie.get(&k, length); slot != nil && !t.yield(slot.Load(), cut, yield) {
				return
			}
		}
	}
}

// All yields every path of one instance and family, by prefix in the order of
// nodes, not of addresses. It takes no lock; routes that come or go meanwhile
// may or may not be seen.
func (r *RIB) All(distinguisher uint64, family bgp.Family) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		in := r.where.Load().instances[distinguisher]
		if in == nil || family == bgp.FamilyNone {
			return
		}
		t := in[familyIndex(family)]
		var c cursor[path]
		if t.yield(t.trie.zero.Load(), (&key{}).prefix(t.width, 0), yield) {
			if !t.walk(t.trie.root.Load(), &c, yield) {
				return
			}
			for i := range t.trie.top {
				c.at, c.depth = key{byte(i >> 8), byte(i)}, topBits/8
				if !t.walk(t.trie.top[i].Load(), &c, yield) {
					return
				}
			}
		}
	}
}

// walk goes through a node and its children; the cursor says where they stand.
func (t *table) walk(n *node[path], c *cursor[path], yield func(Entry) bool) bool {
	if n == nil {
		return true
	}
	more := true
	n.each(func(at place, slot int) {
		more = more && t.yield(n.values()[slot].Load(), c.prefixAt(at, t.width), yield)
	})
	slot := 0
	for o := n.below.from(0); o >= 0 && more; o = nextOf(&n.below, o) {
		c.at[c.depth] = byte(o)
		c.depth++
		more = t.walk(n.kids()[slot].Load(), c, yield)
		c.depth--
		slot++
	}
	return more
}

func (t *table) yield(p *path, prefix netip.Prefix, yield func(Entry) bool) bool {
	for _, p := range p.list() {
		if p.from.dead(t.family) {
			continue
		}
		if !yield(Entry{
			Peer: p.from.peer.key, PeerAS: p.from.as, Prefix: prefix, Distinguisher: t.instance, PathID: p.id,
			Stale: p.from.flags.Load()&flagStale != 0, Attributes: p.attributes,
		}) {
			return false
		}
	}
	return true
}

// PeerInfo is how one peer is. Announced, Unchanged, Withdrawn, Unknown and
// Refused together are the announcements and withdrawals applied.
type PeerInfo struct {
	Key    bgp.PeerKey
	AS     uint32
	State  PeerState
	Since  time.Time // of the state, by the source's clock
	Last   time.Time // of the last event applied, by the source's clock; zero = none had a time
	Routes [2]int64  // IPv4, IPv6; lost ones until they are swept
	Synced [2]bool   // the end of RIB came

	Announced uint64 // new or changed paths
	Unchanged uint64 // announcements of what was known
	Withdrawn uint64
	Unknown   uint64 // withdrawals of what was not known
	Refused   uint64 // beyond a limit, or of a session that ended meanwhile
}

// Peers returns all known peers, by router and address.
func (r *RIB) Peers() []PeerInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]PeerInfo, 0, len(r.peers))
	for _, p := range r.peers {
		var last time.Time
		if at := p.last.Load(); at != 0 {
			last = time.Unix(0, at).UTC()
		}
		list = append(list, PeerInfo{
			Last: last,
			Key:  p.key, AS: p.as, State: p.state, Since: p.since, Synced: p.synced,
			Routes:    [2]int64{p.routes[0].Load(), p.routes[1].Load()},
			Announced: p.counts.announced.Load(), Unchanged: p.counts.unchanged.Load(),
			Withdrawn: p.counts.withdrawn.Load(), Unknown: p.counts.unknown.Load(), Refused: p.counts.refused.Load(),
		})
	}
	slices.SortFunc(list, func(a, b PeerInfo) int {
		return cmp.Or(a.Key.Router.Compare(b.Key.Router), a.Key.Peer.Compare(b.Key.Peer),
			cmp.Compare(a.Key.Distinguisher, b.Key.Distinguisher), cmp.Compare(a.Key.View, b.Key.View))
	})
	return list
}

// Stats is the size of a RIB.
type Stats struct {
	Routes     int64
	Prefixes   [2]int64 // IPv4, IPv6, over all instances
	Attributes int64    // distinct sets
	Unplaced   uint64   // events refused or ignored before they reached a peer
	Dead       int      // lost sessions not yet swept
	Bytes      int64    // of routes, nodes and attributes, estimated within a fifth
}

// Stats returns the size of the RIB.
func (r *RIB) Stats() Stats {
	s := Stats{Routes: r.routes.Load(), Attributes: r.pool.count.Load()}
	// A map entry and its share of the buckets take about 24 bytes.
	s.Bytes = s.Routes*32 + r.pool.size.Load() + s.Attributes*24
	for _, in := range r.where.Load().instances {
		for f, t := range in {
			s.Prefixes[f] += t.prefixes.Load()
			s.Bytes += t.trie.size()
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	s.Unplaced, s.Dead = r.unplaced, len(r.dead)
	return s
}
