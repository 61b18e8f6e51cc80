package rules

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// thirdPartyLines folds what lines carried into one fact per international
// line.
type thirdPartyLines struct {
	in    Inputs
	books map[netip.Addr]ExporterBooks
	rows  map[string][]registry.Line
	lines map[string]*thirdPartyLine
	order []string
}

// thirdPartyLine is a fact in the making.
type thirdPartyLine struct {
	fact     ThirdPartyFact
	days     map[registry.Date]*ThirdPartyDay
	networks map[ThirdPartyNetwork]*ThirdPartyNetwork // by all but its figures
}

func newThirdPartyLines(in Inputs, books []ExporterBooks) *thirdPartyLines {
	t := &thirdPartyLines{
		in: in, books: make(map[netip.Addr]ExporterBooks, len(books)),
		rows: make(map[string][]registry.Line), lines: make(map[string]*thirdPartyLine),
	}
	for _, b := range books {
		t.books[b.Exporter] = b
	}
	for _, rows := range internationalLines(in.Ledgers, in.Span.Days) {
		id := rows[0].ID
		t.rows[id] = rows
		t.order = append(t.order, id)
		t.lines[id] = t.open(rows)
	}
	return t
}

// open starts the fact of a line from its ledger rows.
func (t *thirdPartyLines) open(rows []registry.Line) *thirdPartyLine {
	last := rows[len(rows)-1]
	day := t.in.Span.Days.To
	if last.Valid.To != 0 && last.Valid.To < day {
		day = last.Valid.To
	}
	view := t.in.Ledgers.At(day)
	f := ThirdPartyFact{Subject: Subject{Kind: SubjectLine, ID: last.ID}, LastDay: day}
	for i := range rows {
		h := Holder{rows[i].EnterpriseID, displayName(view.Enterprise(rows[i].EnterpriseID), rows[i].EnterpriseID), rows[i].APlace.Province()}
		if n := len(f.Holders); n == 0 || f.Holders[n-1] != h {
			f.Holders = append(f.Holders, h)
		}
	}
	f.Subject.Name = f.Holders[len(f.Holders)-1].Name
	for _, e := range view.Endpoints(last.ID) {
		switch {
		case !e.Prefix.IsValid():
		case e.End == "a":
			f.EndA = append(f.EndA, e.Prefix)
		case e.End == "z":
			f.EndZ = append(f.EndZ, e.Prefix)
		}
	}
	var all ExporterBooks
	for _, p := range view.LinePorts(last.ID) {
		name := p.Interface.Exporter.String()
		if !p.Counts || slices.Contains(f.Exporters, name) {
			continue
		}
		f.Exporters = append(f.Exporters, name)
		b := t.books[p.Interface.Exporter]
		all.Received += b.Received
		all.Stored += b.Stored
		all.Missed += b.Missed
	}
	slices.Sort(f.Exporters)
	f.Completeness = all.Completeness()
	return &thirdPartyLine{
		fact: f, days: make(map[registry.Date]*ThirdPartyDay),
		networks: make(map[ThirdPartyNetwork]*ThirdPartyNetwork),
	}
}

// add puts one answer of the store where it belongs.
func (t *thirdPartyLines) add(u LineNetworks) {
	line := t.lines[u.Line]
	if line == nil {
		return
	}
	row := rowOn(t.rows[u.Line], u.Day)
	if row == nil {
		return
	}
	line.fact.UnscaledBytes += u.Unscaled
	if u.Samples == 0 {
		return
	}
	day := line.days[u.Day]
	if day == nil {
		day = &ThirdPartyDay{Day: u.Day, Holder: row.EnterpriseID}
		line.days[u.Day] = day
	}
	bytes := u.FromCustomer + u.ToCustomer
	day.Bytes += bytes
	day.Samples += u.Samples
	own := ownAddresses{view: t.in.Ledgers.At(u.Day), holder: row.EnterpriseID, a: line.fact.EndA, z: line.fact.EndZ}
	near := len(own.a) > 0 && own.thirdParty(u.Near)
	far := len(own.z) > 0 && own.thirdParty(u.Far)
	if near {
		line.blame(ThirdPartyNetwork{Network: u.Near, Near: true, Holder: row.EnterpriseID}, bytes, u.Samples)
	}
	if far {
		line.blame(ThirdPartyNetwork{Network: u.Far, Holder: row.EnterpriseID}, bytes, u.Samples)
	}
	if near || far {
		day.ThirdBytes += bytes
		day.ThirdSamples += u.Samples
	}
}

func rowOn(rows []registry.Line, day registry.Date) *registry.Line {
	for i := range rows {
		if rows[i].Valid.Contains(day) {
			return &rows[i]
		}
	}
	return nil
}

func (l *thirdPartyLine) blame(key ThirdPartyNetwork, bytes, samples uint64) {
	n := l.networks[key]
	if n == nil {
		n = &key
		l.networks[key] = n
	}
	n.Bytes += bytes
	n.Samples += samples
}

// facts returns the facts in the order of lines.
func (t *thirdPartyLines) facts() []ThirdPartyFact {
	out := make([]ThirdPartyFact, 0, len(t.order))
	for _, id := range t.order {
		out = append(out, t.lines[id].finish())
	}
	return out
}

func (l *thirdPartyLine) finish() ThirdPartyFact {
	for _, d := range l.days {
		l.fact.Days = append(l.fact.Days, *d)
	}
	slices.SortFunc(l.fact.Days, func(a, b ThirdPartyDay) int { return cmp.Compare(a.Day, b.Day) })
	for _, n := range l.networks {
		l.fact.Networks = append(l.fact.Networks, *n)
	}
	slices.SortFunc(l.fact.Networks, func(a, b ThirdPartyNetwork) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), a.Network.Addr().Compare(b.Network.Addr()), cmp.Compare(a.Network.Bits(), b.Network.Bits()), cmp.Compare(sideOf(a), sideOf(b)), cmp.Compare(a.Holder, b.Holder))
	})
	named := make(map[string]int)
	l.fact.Networks = slices.DeleteFunc(l.fact.Networks, func(n ThirdPartyNetwork) bool {
		named[n.Holder]++
		return named[n.Holder] > maxNamedNetworks
	})
	return l.fact
}

// ownAddresses tells the holder's addresses on one day from those of others.
type ownAddresses struct {
	view   *registry.View
	holder string
	a, z   []netip.Prefix
}

// thirdParty reports whether a network is neither declared for the line, nor
// the holder's or its group's, nor an address of the plant.
func (o ownAddresses) thirdParty(n netip.Prefix) bool {
	addr := n.Addr()
	switch {
	case !n.IsValid(), contains(o.a, n), contains(o.z, n):
		return false
	case addr.IsLinkLocalUnicast(), addr.IsLoopback(), addr.IsMulticast(), addr.IsUnspecified():
		return false
	case o.view.Exporter(addr) != nil && n.IsSingleIP():
		return false
	}
	filed := o.view.Covering(n)
	for _, a := range filed {
		// What was cut from a block is its own holder's, not the block's.
		if a.Prefix.Bits() == filed[0].Prefix.Bits() && (o.sameGroup(a.EnterpriseID) || a.Use == "infrastructure") {
			return false
		}
	}
	for _, b := range o.view.CoveringBroadcasts(n) {
		cut := len(filed) > 0 && filed[0].Prefix.Bits() > b.Prefix.Bits()
		if !cut && o.sameGroup(b.Applicant) {
			return false
		}
	}
	return !o.sharedByHolder(n)
}

func (o ownAddresses) sameGroup(enterprise string) bool {
	return enterprise != "" && (enterprise == o.holder || o.view.Siblings(enterprise, o.holder))
}

// sharedByHolder reports whether the network is a translated address behind
// which the holder is filed.
func (o ownAddresses) sharedByHolder(n netip.Prefix) bool {
	for _, t := range o.view.CoveringTranslations(n) {
		if slices.ContainsFunc(t.SharedBy, o.sameGroup) {
			return true
		}
	}
	return false
}

// contains reports whether one of the prefixes covers n.
func contains(prefixes []netip.Prefix, n netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool {
		return p.Bits() <= n.Bits() && p.Contains(n.Addr())
	})
}
