package rules

import (
	"cmp"
	"context"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// sourceKind is what a source address on a line is to the holder of the line.
type sourceKind uint8

const (
	sourceOwn sourceKind = iota
	sourcePrivate
	sourceBogon
	sourceDownstream // of a filed downstream
	sourceCut        // cut from a block of the holder
	sourceKnown      // somebody else's, and the ledgers know whose
	sourceUnknown    // somebody else's
)

// sourceOf tells what a network is as a source on the holder's line.
func sourceOf(own ownAddresses, downstreams *filedDownstreams, n netip.Prefix) sourceKind {
	switch kindOf(own.view, n) {
	case privateAddress:
		if contains(own.a, n) || contains(own.z, n) {
			return sourceOwn
		}
		return sourcePrivate
	case bogonAddress:
		return sourceBogon
	case publicAddress:
	}
	if !own.thirdParty(n) || own.declared(n) {
		return sourceOwn
	}
	filed := own.view.Covering(n)
	if slices.ContainsFunc(filed, func(a *registry.Allocation) bool { return own.sameGroup(a.EnterpriseID) }) {
		return sourceCut
	}
	if downstreams.of(own).carries(own, n) {
		return sourceDownstream
	}
	if len(filed) > 0 || len(own.view.CoveringBroadcasts(n)) > 0 || remoteOf(own.view, n) != (registry.Remote{}) {
		return sourceKnown
	}
	return sourceUnknown
}

// what says what the ledgers know of a stranger's network.
func what(v *registry.View, n netip.Prefix) string {
	if filed := v.Covering(n); len(filed) > 0 {
		return "allocated to " + filed[0].EnterpriseID
	}
	if filed := v.CoveringBroadcasts(n); len(filed) > 0 {
		return "announced for " + filed[0].Applicant
	}
	r := remoteOf(v, n)
	switch {
	case r.Operator != "":
		return "of " + r.Operator
	case r.Country != "":
		return "in " + r.Country
	}
	return "in no ledger"
}

// bandwidthLine is the fact about one line in the making.
type bandwidthLine struct {
	ledger *lineLedger
	aside  map[string]*SourceAccount // by holder
}

func (b *bandwidthLine) account(holder string) *SourceAccount {
	a := b.aside[holder]
	if a == nil {
		a = &SourceAccount{Holder: holder}
		b.aside[holder] = a
	}
	return a
}

// bandwidthDay collects the strangers of one line on one day until all of the
// day's rows have been read: a single packet is known by its network alone.
type bandwidthDay struct {
	line      string
	day       registry.Date
	holder    string
	own       ownAddresses
	strangers map[netip.Prefix]*stranger
}

// stranger is one network of others as a source on one day.
type stranger struct {
	bytes, samples uint64
	answered       bool // something came back to it over the line
	known          bool
}

// bandwidthLines folds what domestic lines carried into one fact each.
type bandwidthLines struct {
	lines       *lineTable
	downstreams *filedDownstreams
	noise       uint64 // samples under which a one-way network is noise
	by          map[string]*bandwidthLine
	seen        verdicts[sourceKind]
	current     *bandwidthDay
	spaces      map[string]bool // enterprises that are filed with space
}

func measureBandwidth(ctx context.Context, in Inputs, p Params) iter.Seq2[BandwidthFact, error] {
	return func(yield func(BandwidthFact, error) bool) {
		lines, err := newLineTable(ctx, in, "domestic")
		if err != nil {
			yield(BandwidthFact{}, err)
			return
		}
		downstreams, err := newFiledDownstreams(ctx, in)
		if err != nil {
			yield(BandwidthFact{}, err)
			return
		}
		b := &bandwidthLines{
			lines: lines, downstreams: downstreams, noise: uint64(p["min_network_samples"]),
			by: make(map[string]*bandwidthLine), spaces: enterprisesWithSpace(in),
		}
		for _, id := range lines.order {
			b.by[id] = &bandwidthLine{ledger: newLineLedger(), aside: make(map[string]*SourceAccount)}
		}
		if err := lines.eachSource(ctx, b.add); err != nil {
			yield(BandwidthFact{}, err)
			return
		}
		b.closeDay()
		spreads, err := b.measureSpreads(ctx, p)
		if err != nil {
			yield(BandwidthFact{}, err)
			return
		}
		for _, id := range lines.order {
			f := b.fact(id)
			f.Spreads = spreads[id]
			if !yield(f, nil) {
				return
			}
		}
	}
}

// enterprisesWithSpace returns who holds or is announced with address space on
// some day of the span.
func enterprisesWithSpace(in Inputs) map[string]bool {
	out := make(map[string]bool)
	l := in.Ledgers.Ledgers()
	for i := range l.Allocations {
		if a := &l.Allocations[i]; a.Valid.Overlaps(in.Span.Days) {
			out[a.EnterpriseID] = true
		}
	}
	for i := range l.Broadcasts {
		if b := &l.Broadcasts[i]; b.Valid.Overlaps(in.Span.Days) {
			out[b.Applicant] = true
		}
	}
	return out
}

// add puts one row where it belongs. Only what comes from the customer counts.
func (b *bandwidthLines) add(f *LineFact, row *registry.Line, u *LineSource) {
	own := b.lines.own(f, row, u.Day)
	if own.view.IsCarrier(row.EnterpriseID) {
		return
	}
	kind := b.seen.of(u.Line, u.Day, u.Network, func(n netip.Prefix) sourceKind { return sourceOf(own, b.downstreams, n) })
	if kind == sourceKnown || kind == sourceUnknown {
		b.addStranger(row.EnterpriseID, own, u, kind == sourceKnown)
		return
	}
	line := b.by[u.Line]
	account := line.account(row.EnterpriseID)
	switch kind {
	case sourcePrivate:
		account.PrivateBytes += u.FromCustomer
		return
	case sourceBogon:
		account.BogonBytes += u.FromCustomer
		return
	case sourceDownstream:
		account.DownstreamBytes += u.FromCustomer
	case sourceCut:
		account.CutBytes += u.FromCustomer
	case sourceOwn, sourceKnown, sourceUnknown:
		account.OwnBytes += u.FromCustomer
	}
	if u.FromCustomer > 0 {
		line.ledger.count(u.Day, row.EnterpriseID, u.FromCustomer, u.Samples, false)
	}
}

func (b *bandwidthLines) addStranger(holder string, own ownAddresses, u *LineSource, known bool) {
	if b.current == nil || b.current.line != u.Line || b.current.day != u.Day {
		b.closeDay()
		b.current = &bandwidthDay{line: u.Line, day: u.Day, holder: holder, own: own, strangers: make(map[netip.Prefix]*stranger)}
	}
	s := b.current.strangers[u.Network]
	if s == nil {
		s = &stranger{known: known}
		b.current.strangers[u.Network] = s
	}
	s.answered = s.answered || u.ToCustomer > 0
	if u.FromCustomer > 0 {
		s.bytes += u.FromCustomer
		s.samples += u.Samples
	}
}

// closeDay counts the strangers of a day. A network of which a packet or two
// were seen, and to which nothing came back, is a forged source as likely as a
// customer: it is set aside and counted.
func (b *bandwidthLines) closeDay() {
	d := b.current
	b.current = nil
	if d == nil {
		return
	}
	line := b.by[d.line]
	account := line.account(d.holder)
	for n, s := range d.strangers {
		switch {
		case s.bytes == 0:
			continue
		case s.samples < b.noise && !s.answered:
			account.SpoofedBytes += s.bytes
			account.SpoofedSamples += s.samples
			continue
		case s.known:
			account.KnownBytes += s.bytes
		}
		line.ledger.count(d.day, d.holder, s.bytes, s.samples, true)
		line.ledger.blame(LineNetwork{Network: n, Near: true, Holder: d.holder, What: what(d.own.view, n)}, s.bytes, s.samples)
	}
}

func (b *bandwidthLines) fact(id string) BandwidthFact {
	line := b.by[id]
	f := BandwidthFact{LineFact: *b.lines.facts[id], Days: line.ledger.sortedDays(), Networks: line.ledger.topNetworks()}
	view := b.lines.in.Ledgers.At(f.LastDay)
	for _, a := range line.aside {
		own := ownAddresses{view: view, holder: a.Holder}
		a.Filed = b.spaces[a.Holder]
		for e := range b.spaces {
			if a.Filed {
				break
			}
			a.Filed = own.sameGroup(e)
		}
		f.Sources = append(f.Sources, *a)
	}
	slices.SortFunc(f.Sources, func(a, b SourceAccount) int { return cmp.Compare(a.Holder, b.Holder) })
	return f
}
