package registry

import (
	"cmp"
	"net/netip"
	"slices"
)

// filedBlocks holds the allocations of a reading in the order of prefixes,
// enclosing ones first, to set them against one another.
type filedBlocks struct {
	in    *reading
	rows  []Allocation
	order []int32 // indices of rows with a prefix
	group map[string]string
}

const (
	// deepestCut is how far parents are followed; ledgers that name each other in
	// a circle end here.
	deepestCut = 32
	// mostRivals is how many rows a row is set against: those of one block, those
	// around it, and those of a line. Honest ledgers have a few; others must not
	// take the time of all pairs.
	mostRivals = 256
)

func newFiledBlocks(in *reading) *filedBlocks {
	b := &filedBlocks{in: in, rows: in.ledgers.Allocations, group: make(map[string]string)}
	for i := range b.rows {
		if b.rows[i].Prefix.IsValid() {
			b.order = append(b.order, int32(i))
		}
	}
	slices.SortFunc(b.order, func(x, y int32) int {
		return cmp.Or(comparePrefix(b.rows[x].Prefix, b.rows[y].Prefix), cmp.Compare(x, y))
	})
	for i := range in.ledgers.Enterprises {
		if e := &in.ledgers.Enterprises[i]; e.ParentID != "" {
			b.group[e.ID] = e.ParentID
		}
	}
	return b
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// of returns the allocations of one prefix.
func (b *filedBlocks) of(p netip.Prefix) []int32 {
	at := func(row int32, p netip.Prefix) int { return comparePrefix(b.rows[row].Prefix, p) }
	from, found := slices.BinarySearchFunc(b.order, p, at)
	if !found {
		return nil
	}
	to := from
	for to < min(len(b.order), from+mostRivals) && b.rows[b.order[to]].Prefix == p {
		to++
	}
	return b.order[from:to]
}

// covering returns the allocations of the most specific prefix around p.
func (b *filedBlocks) covering(p netip.Prefix) []int32 {
	for bits := p.Bits(); bits >= 0; bits-- {
		if rows := b.of(netip.PrefixFrom(p.Addr(), bits).Masked()); len(rows) > 0 {
			return rows
		}
	}
	return nil
}

// related reports whether two enterprises are one or of one group.
func (b *filedBlocks) related(x, y string) bool { return x == y || b.owner(x) == b.owner(y) }

// owner returns who stands above all of a group.
func (b *filedBlocks) owner(enterprise string) string {
	for range deepestCut {
		up, owned := b.group[enterprise]
		if !owned || up == enterprise {
			break
		}
		enterprise = up
	}
	return enterprise
}

// cutFrom reports whether the parents of an allocation lead to a prefix.
func (b *filedBlocks) cutFrom(a *Allocation, p netip.Prefix) bool {
	for range deepestCut {
		if !a.Parent.IsValid() {
			return false
		}
		if a.Parent == p {
			return true
		}
		up := b.of(a.Parent)
		if len(up) == 0 || a.Parent == a.Prefix {
			return false
		}
		a = &b.rows[up[0]]
	}
	return false
}

// warnOfOverlaps warns of allocations that two unrelated enterprises have on the
// same days, and of those that reach outside what they were cut from. Both are
// let in: rules speak of them.
func (b *filedBlocks) warnOfOverlaps() {
	said, column := b.in.said["allocations"], b.in.columnOf("allocations", "prefix")
	var open []int32 // rows that enclose the one at hand
	for _, i := range b.order {
		a := &b.rows[i]
		for len(open) > 0 && !b.rows[open[len(open)-1]].Prefix.Overlaps(a.Prefix) {
			open = open[:len(open)-1]
		}
		row := b.in.rowOf("allocations", i)
		if up := a.Parent; up.IsValid() && (up.Bits() > a.Prefix.Bits() || !up.Contains(a.Prefix.Addr())) {
			said.warn(row, column, "prefix %s is not inside its parent %s", a.Prefix, up)
		}
		for _, j := range slices.Backward(open[max(0, len(open)-mostRivals):]) {
			if up := &b.rows[j]; b.contradict(a, up) {
				said.warn(row, column, "prefix %s of %s overlaps %s of %s in row %d on the same days, and is not cut from it",
					a.Prefix, quoted(a.EnterpriseID), up.Prefix, quoted(up.EnterpriseID), b.in.rowOf("allocations", j))
				break // one is enough
			}
		}
		open = append(open, i)
	}
}

// contradict reports whether only one of two overlapping allocations can be
// right. Infrastructure and pools of subscribers are the plant's, out of which
// blocks are given to customers.
func (b *filedBlocks) contradict(a, up *Allocation) bool {
	plant := func(use string) bool { return use == "infrastructure" || use == "subscriber_pool" }
	switch {
	case plant(a.Use), plant(up.Use), a.EnterpriseID == "", up.EnterpriseID == "", !a.Valid.Overlaps(up.Valid):
		return false
	case b.related(a.EnterpriseID, up.EnterpriseID), b.cutFrom(a, up.Prefix):
		return false
	}
	return a.Prefix != up.Prefix || !b.cutFrom(up, a.Prefix)
}

// warnOfEnds warns of declared ends of lines that lie in an allocation of
// somebody who has nothing to do with the line. Ends outside all allocations are
// in order: that is how space of the holder's own is declared.
func (b *filedBlocks) warnOfEnds() {
	said, column := b.in.said["line_endpoints"], b.in.columnOf("line_endpoints", "prefix")
	lines := make(map[string][]*Line)
	for i := range b.in.ledgers.Lines {
		if l := &b.in.ledgers.Lines[i]; len(lines[l.ID]) < mostRivals {
			lines[l.ID] = append(lines[l.ID], l)
		}
	}
	for i := range b.in.ledgers.LineEndpoints {
		e := &b.in.ledgers.LineEndpoints[i]
		if !e.Prefix.IsValid() {
			continue
		}
		if a, l := b.stranger(e.Prefix, lines[e.LineID]); a != nil {
			said.warn(b.in.rowOf("line_endpoints", int32(i)), column, "prefix %s lies in allocation %s of %s, and line %s is of %s",
				e.Prefix, a.Prefix, quoted(a.EnterpriseID), quoted(l.ID), quoted(l.EnterpriseID))
		}
	}
}

// stranger returns an allocation around an end and a line of somebody else with
// that end on the same days; nothing where any of the allocations there is of the
// line's holder, or of the plant.
func (b *filedBlocks) stranger(end netip.Prefix, lines []*Line) (*Allocation, *Line) {
	var found *Allocation
	var of *Line
	for _, i := range b.covering(end) {
		a := &b.rows[i]
		for _, l := range lines {
			switch {
			case a.EnterpriseID == "" || l.EnterpriseID == "" || !a.Valid.Overlaps(l.Valid):
			case a.Use == "infrastructure" || b.related(a.EnterpriseID, l.EnterpriseID):
				return nil, nil
			default:
				found, of = a, l
			}
		}
	}
	return found, of
}
