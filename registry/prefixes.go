package registry

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// prefixes finds the ledger rows about a prefix or an address. All days share
// one table: an entry lists its rows of every day and knows the entry that
// encloses it, so that a look-up walks outwards to the first one that has a row
// of its day. Rows are named by their index in Ledgers.
type prefixes struct {
	table   bart.Table[int32]
	entries []entry
	// next chains the rows of one ledger that have the same prefix, in file
	// order.
	next [claimKinds][]int32
}

// entry is one prefix that some ledger speaks of.
type entry struct {
	prefix netip.Prefix
	// parent is the entry of the longest prefix that encloses this one.
	parent int32
	// first is the first row of each ledger with this prefix.
	first [claimKinds]int32
}

// none stands for no row and no entry.
const none int32 = -1

// claimKind is the ledger a claim on a prefix comes from.
type claimKind uint8

const (
	claimAllocation claimKind = iota
	claimBroadcast
	claimTranslation
	claimNetwork
	claimEndpoint
	claimExporter
	claimKinds = iota
)

// claim says that a row speaks of a prefix.
type claim struct {
	prefix netip.Prefix
	kind   claimKind
	row    int32
}

// newPrefixes builds the table of the ledgers. Rows without a valid prefix are
// left out.
func newPrefixes(l *Ledgers) *prefixes {
	p := new(prefixes)
	p.build(claims(l), [claimKinds]int{
		claimAllocation: len(l.Allocations), claimBroadcast: len(l.Broadcasts), claimTranslation: len(l.Translations),
		claimNetwork: len(l.Networks), claimEndpoint: len(l.LineEndpoints), claimExporter: len(l.Exporters),
	})
	return p
}

// claims lists what the ledgers say of prefixes, in the order of prefixes,
// enclosing ones first.
func claims(l *Ledgers) []claim {
	list := make([]claim, 0, len(l.Allocations)+len(l.Broadcasts)+len(l.Translations)+len(l.Networks)+len(l.LineEndpoints)+len(l.Exporters))
	add := func(p netip.Prefix, kind claimKind, row int) {
		if p.IsValid() {
			list = append(list, claim{p.Masked(), kind, int32(row)})
		}
	}
	for i := range l.Allocations {
		add(l.Allocations[i].Prefix, claimAllocation, i)
	}
	for i := range l.Broadcasts {
		add(l.Broadcasts[i].Prefix, claimBroadcast, i)
	}
	for i := range l.Translations {
		add(l.Translations[i].PublicPrefix, claimTranslation, i)
	}
	for i := range l.Networks {
		add(l.Networks[i].Prefix, claimNetwork, i)
	}
	for i := range l.LineEndpoints {
		add(l.LineEndpoints[i].Prefix, claimEndpoint, i)
	}
	for i := range l.Exporters {
		a := l.Exporters[i].Address
		add(netip.PrefixFrom(a, a.BitLen()), claimExporter, i)
	}
	slices.SortFunc(list, func(a, b claim) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()),
			cmp.Compare(a.kind, b.kind), cmp.Compare(a.row, b.row))
	})
	return list
}

func (p *prefixes) build(list []claim, rows [claimKinds]int) {
	for kind, n := range rows {
		p.next[kind] = make([]int32, n)
	}
	var (
		open []int32 // entries that enclose the one at hand, widest first
		last [claimKinds]int32
	)
	for _, c := range list {
		if n := len(p.entries); n == 0 || p.entries[n-1].prefix != c.prefix {
			for len(open) > 0 && !p.entries[open[len(open)-1]].prefix.Contains(c.prefix.Addr()) {
				open = open[:len(open)-1]
			}
			parent := none
			if len(open) > 0 {
				parent = open[len(open)-1]
			}
			p.entries = append(p.entries, entry{c.prefix, parent, [claimKinds]int32{none, none, none, none, none, none}})
			p.table.Insert(c.prefix, int32(n))
			open = append(open, int32(n))
		}
		p.next[c.kind][c.row] = none
		if e := &p.entries[len(p.entries)-1]; e.first[c.kind] == none {
			e.first[c.kind] = c.row
		} else {
			p.next[c.kind][last[c.kind]] = c.row
		}
		last[c.kind] = c.row
	}
}

// of returns the most specific entry that holds addr, or none.
func (p *prefixes) of(addr netip.Addr) int32 {
	if i, ok := p.table.Lookup(addr); ok {
		return i
	}
	return none
}

// covering returns the most specific entry that covers all of prefix, or none.
func (p *prefixes) covering(prefix netip.Prefix) int32 {
	if i, ok := p.table.LookupPrefix(prefix); ok {
		return i
	}
	return none
}
