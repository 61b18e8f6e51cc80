package rules

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// transitLines folds what international lines carried into one fact each.
type transitLines struct {
	lines     *lineTable
	approvals *approvalBook
	by        map[string]*transitLine
	seen      verdicts[transitEnd]
	routed    bool // whether routes were ever collected
	coverage  float64
}

// transitLine is a fact in the making.
type transitLine struct {
	ledger *lineLedger
	aside  map[string]*TransitAside // by holder
	routes []LearnedRoute
}

func measureTransit(ctx context.Context, in Inputs, _ Params) iter.Seq2[TransitFact, error] {
	return func(yield func(TransitFact, error) bool) {
		lines, err := newLineTable(ctx, in, "international")
		if err != nil {
			yield(TransitFact{}, err)
			return
		}
		t := &transitLines{lines: lines, approvals: newApprovalBook(in.Ledgers), by: make(map[string]*transitLine)}
		for _, id := range lines.order {
			t.by[id] = &transitLine{ledger: newLineLedger(), aside: make(map[string]*TransitAside)}
		}
		err = lines.eachUsage(ctx, t.add)
		if err == nil && in.Routes != nil && len(lines.order) > 0 {
			err = t.addRoutes(ctx)
		}
		if err != nil {
			yield(TransitFact{}, err)
			return
		}
		for _, id := range lines.order {
			if !yield(t.fact(id), nil) {
				return
			}
		}
	}
}

// transitEnd is what a network is as one end of what the line carried.
type transitEnd struct {
	kind addressKind
	// stranger is set when it is not the holder's, by what the ledgers say, and
	// known when some ledger tells whose it is.
	stranger, known bool
	what            string
}

// endOf tells what a network is to the holder of the line. Private addresses
// are the line's own unless the ends declare others.
func endOf(own ownAddresses, n netip.Prefix) transitEnd {
	e := transitEnd{kind: kindOf(own.view, n)}
	if e.kind == bogonAddress || !own.thirdParty(n) || own.declared(n) {
		return e
	}
	e.stranger, e.what = true, what(own.view, n)
	e.known = len(own.view.Covering(n)) > 0 || len(own.view.CoveringBroadcasts(n)) > 0 || remoteOf(own.view, n) != (registry.Remote{})
	return e
}

// isStranger reports whether the end is somebody else's. Where nothing is
// declared for that end of the line, a network nobody knows may be the holder's.
func (e *transitEnd) isStranger(declared []netip.Prefix) bool {
	return e.stranger && (len(declared) > 0 || e.known && e.kind == publicAddress)
}

// add puts one row where it belongs. Days with an approval are not judged.
func (t *transitLines) add(f *LineFact, row *registry.Line, u *LineNetworks) {
	own := t.lines.own(f, row, u.Day)
	if own.view.IsCarrier(row.EnterpriseID) {
		return
	}
	line := t.by[u.Line]
	aside := line.side(row.EnterpriseID)
	bytes := u.FromCustomer + u.ToCustomer
	if t.approvals.crossBorder(own.view, row.EnterpriseID, row.ID) {
		aside.ApprovedBytes += bytes
		return
	}
	say := func(n netip.Prefix) transitEnd { return endOf(own, n) }
	near, far := t.seen.of(u.Line, u.Day, u.Near, say), t.seen.of(u.Line, u.Day, u.Far, say)
	if near.kind == bogonAddress || far.kind == bogonAddress {
		aside.BogonBytes += bytes
		return
	}
	nearOther, farOther := near.isStranger(f.EndA), far.isStranger(f.EndZ)
	offends := nearOther && farOther
	line.ledger.count(u.Day, row.EnterpriseID, bytes, u.Samples, offends)
	switch {
	case offends:
		line.ledger.blame(LineNetwork{Network: u.Near, Near: true, Holder: row.EnterpriseID, What: near.what}, bytes, u.Samples)
		line.ledger.blame(LineNetwork{Network: u.Far, Holder: row.EnterpriseID, What: far.what}, bytes, u.Samples)
	case nearOther || farOther:
		aside.OneEndBytes += bytes
	}
}

func (l *transitLine) side(holder string) *TransitAside {
	a := l.aside[holder]
	if a == nil {
		a = &TransitAside{Holder: holder}
		l.aside[holder] = a
	}
	return a
}

func (t *transitLines) fact(id string) TransitFact {
	line := t.by[id]
	f := TransitFact{
		LineFact: *t.lines.facts[id], Days: line.ledger.sortedDays(), Networks: line.ledger.topNetworks(),
		Routes: line.routes, RoutesSeen: t.routed, RouteCompleteness: t.coverage,
	}
	for _, holder := range slices.Sorted(maps.Keys(line.aside)) {
		f.Aside = append(f.Aside, *line.aside[holder])
	}
	return f
}

// addRoutes asks which networks stand behind those of the holders, in routes
// learned from sessions of the holders.
func (t *transitLines) addRoutes(ctx context.Context) error {
	in := t.lines.in
	book := newNetworkBook(in.Ledgers, in.Span.Days)
	holders := make(map[string]bool)
	for _, id := range t.lines.order {
		for i := range t.lines.rows[id] {
			holders[t.lines.rows[id][i].EnterpriseID] = true
		}
	}
	of := book.networksOf(func(v *registry.View, enterprise string) bool {
		if v.CarrierGroup(enterprise) {
			return false
		}
		for h := range holders {
			if v.Siblings(h, enterprise) {
				return true
			}
		}
		return false
	})
	if len(of) == 0 {
		return nil
	}
	var err error
	if t.coverage, err = routeCompleteness(ctx, in); err != nil {
		return err
	}
	t.routed = true
	list, err := book.nextToCustomers(ctx, in, of, true, func(a *Adjacency) bool { return book.learnedFrom(a.Source, a.Of) })
	if err != nil {
		return err
	}
	for _, id := range t.lines.order {
		for i := range list {
			t.by[id].routes = append(t.by[id].routes, t.learned(book, id, &list[i])...)
		}
	}
	return nil
}

// learned returns on which days a network behind one of the holder's was
// learned on the line without being the holder's or filed: one route for each
// holder of the line. A holder with a domestic line learns routes there.
func (t *transitLines) learned(book *networkBook, line string, n *nextTo) []LearnedRoute {
	span := t.lines.in.Span
	by := make(map[string]*LearnedRoute)
	for _, d := range n.spans.byDay(span) {
		row := t.lines.rowOn(line, d.Day)
		if row == nil || !t.transits(book, row, n, d.Day) {
			continue
		}
		r := by[row.EnterpriseID]
		if r == nil {
			r = &LearnedRoute{
				Holder: row.EnterpriseID, ASN: n.of, Behind: book.network(n.neighbour), Path: n.path, Examples: n.examples, Routers: n.routers,
			}
			by[row.EnterpriseID] = r
		}
		r.Days = append(r.Days, d)
	}
	out := make([]LearnedRoute, 0, len(by))
	for _, r := range by {
		if !r.Behind.Private {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(a, b LearnedRoute) int { return cmp.Compare(a.Holder, b.Holder) })
	return out
}

// transits reports whether on a day the network is behind the holder of the
// line, and neither its own nor filed, and can have been learned on no other
// line than an international one.
func (t *transitLines) transits(book *networkBook, row *registry.Line, n *nextTo, day registry.Date) bool {
	v, holder := t.lines.in.Ledgers.At(day), row.EnterpriseID
	switch {
	case holder == "" || v.CarrierGroup(holder):
		return false
	case !v.Siblings(holder, book.owner(n.of, day)):
		return false
	case v.Siblings(holder, book.owner(n.neighbour, day)), v.CarrierGroup(book.owner(n.neighbour, day)):
		return false
	case book.isFiledBehind(v, holder, n.of, n.neighbour):
		return false
	case t.approvals.crossBorder(v, holder, row.ID):
		return false
	}
	return !slices.ContainsFunc(book.linesOf(v, holder), func(l *registry.Line) bool { return l.Scope == "domestic" && l.Valid.Contains(day) })
}
