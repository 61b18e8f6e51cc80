package registry

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// index finds the rows of the ledgers that only the rules ask for. It is built
// at the first question, not with the snapshot: what reads flows needs none of
// it.
type index struct {
	commitments map[string][]*Commitment
	evaluations map[string][]*Evaluation
	gateways    map[string][]*Gateway
	filings     map[string][]*ICPFiling
	accesses    map[string][]*ICPAccess
}

func (s *Snapshot) index() *index {
	s.indexOnce.Do(func() {
		l := s.ledgers
		s.indexed = &index{
			commitments: byKey(l.Commitments, func(r *Commitment) string { return r.EnterpriseID }),
			evaluations: byKey(l.Evaluations, func(r *Evaluation) string { return r.EnterpriseID }),
			gateways:    byKey(l.Gateways, func(r *Gateway) string { return r.ID }),
			filings:     byKey(l.ICPFilings, func(r *ICPFiling) string { return r.Domain }),
			accesses:    byKey(l.ICPAccesses, func(r *ICPAccess) string { return r.Domain }),
		}
	})
	return s.indexed
}

// byKey groups rows, in file order.
func byKey[T any](rows []T, key func(*T) string) map[string][]*T {
	out := make(map[string][]*T)
	for i := range rows {
		k := key(&rows[i])
		out[k] = append(out[k], &rows[i])
	}
	return out
}

// Commitments returns every row about commitments of an enterprise, in file
// order.
func (v *View) Commitments(enterprise string) []*Commitment {
	return v.snapshot.index().commitments[enterprise]
}

// Evaluations returns every row about evaluations of an enterprise, passed by
// the day or not, in file order.
func (v *View) Evaluations(enterprise string) []*Evaluation {
	return v.snapshot.index().evaluations[enterprise]
}

// Gateway returns the row of a gateway that is valid on the day, or nil.
func (v *View) Gateway(id string) *Gateway {
	for _, g := range v.snapshot.index().gateways[id] {
		if g.Valid.Contains(v.day) {
			return g
		}
	}
	return nil
}

// GatewayHistory returns every row of a gateway, valid on the day or not, in
// file order.
func (v *View) GatewayHistory(id string) []*Gateway { return v.snapshot.index().gateways[id] }

// CarrierGroup reports whether an enterprise is the carrier or of its group.
func (v *View) CarrierGroup(enterprise string) bool {
	for _, a := range v.snapshot.carriers {
		if a.Valid.Contains(v.day) && v.Siblings(a.EnterpriseID, enterprise) {
			return true
		}
	}
	return false
}

// Carrier returns the enterprise of the first of the carrier's ASNs that is
// filed on the day, or nothing.
func (v *View) Carrier() string {
	for _, a := range v.snapshot.carriers {
		if a.Valid.Contains(v.day) {
			return a.EnterpriseID
		}
	}
	return ""
}

// upwards visits a name and every name above it, the name first.
func upwards(domain string, visit func(name string)) {
	for domain != "" {
		visit(domain)
		_, domain, _ = strings.Cut(domain, ".")
	}
}

// Filings returns the filings about a name or a name above it, valid on the day
// or not, those of the name itself first: a filing covers the names below it.
func (v *View) Filings(domain string) []*ICPFiling {
	var out []*ICPFiling
	upwards(domain, func(name string) { out = append(out, v.snapshot.index().filings[name]...) })
	return out
}

// Accesses returns the access rows of the day about a name or a name above it,
// those of the name itself first.
func (v *View) Accesses(domain string) []*ICPAccess {
	var out []*ICPAccess
	upwards(domain, func(name string) {
		for _, a := range v.snapshot.index().accesses[name] {
			if a.Valid.Contains(v.day) {
				out = append(out, a)
			}
		}
	})
	return out
}

// AccessHistory returns every access row of exactly that name, in file order.
func (v *View) AccessHistory(domain string) []*ICPAccess {
	return v.snapshot.index().accesses[domain]
}

// AllocationsOf returns the allocations of the day of exactly that prefix.
func (v *View) AllocationsOf(prefix netip.Prefix) []*Allocation {
	p := v.snapshot.prefixes
	i := p.covering(prefix)
	if i == none || p.entries[i].prefix != prefix.Masked() {
		return nil
	}
	var out []*Allocation
	for row := p.entries[i].first[claimAllocation]; row != none; row = p.next[claimAllocation][row] {
		if a := &v.snapshot.ledgers.Allocations[row]; a.Valid.Contains(v.day) {
			out = append(out, a)
		}
	}
	return out
}

// EndpointLines returns the lines of the day with a declared end that holds
// addr, most specific end first.
func (v *View) EndpointLines(addr netip.Addr) []*Line {
	var out []*Line
	if !addr.IsValid() {
		return nil
	}
	s := v.snapshot
	s.prefixes.outwards(netip.PrefixFrom(addr, addr.BitLen()), claimEndpoint, func(row int32) {
		if l := lineOn(s.endpointLines[row], v.day); l != nil && !slices.Contains(out, l) {
			out = append(out, l)
		}
	})
	return out
}

// EachCovering visits the allocations of all days that cover all of prefix,
// most specific first.
func (s *Snapshot) EachCovering(prefix netip.Prefix, visit func(*Allocation)) {
	s.prefixes.outwards(prefix, claimAllocation, func(row int32) { visit(&s.ledgers.Allocations[row]) })
}

// Ranges is a set of addresses in runs.
type Ranges struct{ runs []run }

// run is a run of addresses, both included.
type run struct{ from, to netip.Addr }

// Sources returns the addresses of the blocks the carrier had obtained by the
// day. It costs with the number of blocks.
func (v *View) Sources() Ranges {
	var runs []run
	for _, b := range v.snapshot.ledgers.Sources {
		if b.Prefix.IsValid() && b.ObtainedOn <= v.day {
			runs = append(runs, run{b.Prefix.Masked().Addr(), lastOf(b.Prefix)})
		}
	}
	slices.SortFunc(runs, func(a, b run) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	var r Ranges
	for _, next := range runs {
		if n := len(r.runs); n > 0 && r.runs[n-1].from.BitLen() == next.from.BitLen() && touches(r.runs[n-1].to, next.from) {
			if r.runs[n-1].to.Less(next.to) {
				r.runs[n-1].to = next.to
			}
			continue
		}
		r.runs = append(r.runs, next)
	}
	return r
}

// touches reports whether a run that begins at from continues one that ends at
// to.
func touches(to, from netip.Addr) bool { return !to.Less(from) || to.Next() == from }

// IsEmpty reports whether there is no address in r.
func (r Ranges) IsEmpty() bool { return len(r.runs) == 0 }

// Cover reports whether every address of p is in r.
func (r Ranges) Cover(p netip.Prefix) bool {
	if !p.IsValid() {
		return false
	}
	first, last := p.Masked().Addr(), lastOf(p)
	i, found := slices.BinarySearchFunc(r.runs, first, func(u run, a netip.Addr) int { return u.from.Compare(a) })
	if !found {
		i--
	}
	return i >= 0 && r.runs[i].from.BitLen() == first.BitLen() && !r.runs[i].to.Less(last)
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}
