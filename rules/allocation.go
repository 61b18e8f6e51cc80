package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// Standing is who held an allocation on some days, and how a licence for the
// service in question stood there. Days on which the rule has nothing to ask
// are in no Standing: the carrier's own, infrastructure, subscriber pools,
// individuals, and days covered by a licence.
type Standing struct {
	Holder     string         `json:"holder"` // enterprise_id
	HolderName string         `json:"holder_name"`
	Province   string         `json:"province"`
	Place      registry.Place `json:"place"`
	Use        string         `json:"use"` // as filed
	// Unsure is set when a licence may or may not reach the place.
	Unsure bool `json:"unsure"`
	// Elsewhere is set when there is a licence for the service, at other places.
	Elsewhere bool `json:"elsewhere"`
	// Licences are all rows of the holder.
	Licences []registry.Licence `json:"licences"`
}

func (s *Standing) holder() Holder {
	return Holder{EnterpriseID: s.Holder, Name: s.HolderName, Province: s.Province}
}

// AllocationRecord is what the facts about the use of an allocation share.
type AllocationRecord struct {
	Subject Subject           `json:"subject"`
	Span    registry.Validity `json:"span"`
	// Standings are the days the rule may judge.
	Standings []Spell[Standing] `json:"standings"`
	// UnscaledBytes were exported without a known sampling rate on those days.
	UnscaledBytes uint64   `json:"unscaled_bytes"`
	Completeness  float64  `json:"completeness"`
	Exporters     []string `json:"exporters"`
}

// About implements Fact.
func (r AllocationRecord) About() (s Subject, enterpriseID, province string) {
	last := &r.Standings[len(r.Standings)-1].State
	return r.Subject, last.Holder, last.Province
}

// on returns the standing of a day, or nil if it is not to be judged.
func (r *AllocationRecord) on(day registry.Date) *Standing {
	for i := range r.Standings {
		if s := &r.Standings[i]; s.From <= day && day <= s.To {
			return &s.State
		}
	}
	return nil
}

// standingFor returns how the licences for any of the services stood for an
// allocation on the view's day. Without services it tells who held it.
func standingFor(v *registry.View, id AllocationID, services []string) (Standing, bool) {
	var out Standing
	var newest *registry.Allocation
	for _, row := range v.AllocationsOf(id) {
		s, judged := standingOf(v, row, services)
		if !judged {
			return Standing{}, false // of two holders at once, one may well be in the right
		}
		unsure := out.Unsure || s.Unsure
		if newest == nil || row.Valid.From >= newest.Valid.From {
			newest, out = row, s
		}
		out.Unsure = unsure
	}
	return out, newest != nil
}

func standingOf(v *registry.View, row *registry.Allocation, services []string) (Standing, bool) {
	if row.EnterpriseID == "" || row.Use == "infrastructure" || row.Use == "subscriber_pool" || v.CarrierGroup(row.EnterpriseID) {
		return Standing{}, false
	}
	e := v.Enterprise(row.EnterpriseID)
	if e != nil && e.Nature == "individual" {
		return Standing{}, false // a finding is never about an individual
	}
	h := holderOf(v, row.EnterpriseID, row.Place)
	out := Standing{Holder: h.EnterpriseID, HolderName: h.Name, Province: h.Province, Place: row.Place, Use: row.Use}
	t := Tenure{Place: row.Place, PlaceOfHolder: row.Place == ""}
	for _, l := range v.Licences(row.EnterpriseID) {
		out.Licences = append(out.Licences, *l)
		if !slices.Contains(services, l.Service) || !activeOn(l, v.Day()) {
			continue
		}
		switch covers(l, &t) {
		case regionCovered:
			return Standing{}, false
		case regionUnknown:
			out.Unsure = true
		case regionOutside:
			if slices.Contains(servicesFor(row.Use, row.Cloud), l.Service) {
				return Standing{}, false // licence-region says it
			}
			out.Elsewhere = true
		}
	}
	return out, !committed(v, row.EnterpriseID, services)
}

// committed reports whether a commitment of N32-2.1.2a for one of the services
// is in its period of grace on the view's day.
func committed(v *registry.View, enterprise string, services []string) bool {
	for _, c := range v.Commitments(enterprise) {
		if slices.Contains(services, c.Service) && inGrace([]registry.Commitment{*c}, c.Service, v.Day()) {
			return true
		}
	}
	return false
}

// allocationDays holds the allocations a rule may judge, each with what it did
// on the days in question, in the words D of the rule. It holds those that were
// heard of, not all that are filed.
type allocationDays[D any] struct {
	in       Inputs
	services []string
	books    allocationBooks
	by       map[AllocationID]*allocationFile[D] // nil for those not to be judged
}

// allocationFile is a fact in the making.
type allocationFile[D any] struct {
	record    AllocationRecord
	days      map[registry.Date]*D
	exporters []netip.Addr
	// promising is set when the totals of some day make it worth asking for more.
	promising bool
}

// readAllocations reads the totals of allocations on the days that are to be
// judged: without an active licence for any of the services there, or without
// services all days on which the rule may have something to say. fold puts one
// row, in which no networks are counted, into the words of the rule and says
// whether it is worth asking for more.
func readAllocations[D any](ctx context.Context, in Inputs, services []string, fold func(*AllocationDay) (D, bool)) (*allocationDays[D], error) {
	books, err := in.Traffic.ExporterBooks(ctx, in.Span.Window())
	if err != nil {
		return nil, fmt.Errorf("read exporter books: %w", err)
	}
	a := &allocationDays[D]{in: in, services: services, books: newAllocationBooks(books), by: make(map[AllocationID]*allocationFile[D])}
	for row, err := range in.Traffic.AllocationTotals(ctx, in.Span.Window(), in.Span.Location) {
		if err != nil {
			return nil, fmt.Errorf("read allocations: %w", err)
		}
		file := a.file(row.Allocation)
		if file == nil || file.record.on(row.Day) == nil {
			continue
		}
		file.record.UnscaledBytes += row.Unscaled
		file.exporters = addNew(file.exporters, row.Exporters)
		d, promising := fold(&row)
		file.days[row.Day] = &d
		file.promising = file.promising || promising
	}
	return a, nil
}

// count asks for the networks of the promising allocations. fold puts one row
// into the words of the rule again, and says whether it still is.
func (a *allocationDays[D]) count(ctx context.Context, fold func(*AllocationDay) (D, bool)) error {
	within := a.promising()
	if len(within) == 0 {
		return nil
	}
	for _, id := range within {
		a.by[id].promising = false
	}
	for row, err := range a.in.Traffic.AllocationsWithin(ctx, a.in.Span.Window(), a.in.Span.Location, within) {
		if err != nil {
			return fmt.Errorf("read networks of allocations: %w", err)
		}
		if d := a.day(row.Allocation, row.Day); d != nil {
			day, promising := fold(&row)
			file := a.by[row.Allocation]
			*d, file.promising = day, file.promising || promising
		}
	}
	return nil
}

// file returns the file of an allocation, or nil if it is not to be judged on
// any day.
func (a *allocationDays[D]) file(id AllocationID) *allocationFile[D] {
	if file, known := a.by[id]; known {
		return file
	}
	a.by[id] = nil
	standings := spells(a.in.Span.Days, func(day registry.Date) (Standing, bool) {
		return standingFor(a.in.Ledgers.At(day), id, a.services)
	})
	if len(standings) > 0 {
		name := standings[len(standings)-1].State.HolderName
		a.by[id] = &allocationFile[D]{
			record: AllocationRecord{Subject: Subject{SubjectAllocation, id.String(), name}, Span: a.in.Span.Days, Standings: standings},
			days:   make(map[registry.Date]*D),
		}
	}
	return a.by[id]
}

// day returns what is kept of an allocation on a day, or nil.
func (a *allocationDays[D]) day(id AllocationID, day registry.Date) *D {
	if file := a.by[id]; file != nil {
		return file.days[day]
	}
	return nil
}

// promising returns the allocations worth asking for more, in order.
func (a *allocationDays[D]) promising() []AllocationID {
	var out []AllocationID
	for id, file := range a.by {
		if file != nil && file.promising {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, comparePrefixes)
	return out
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// each closes the files and hands over the ones with something to judge: with
// traffic on the days in question, or silent while the exporters of the
// holder's lines were not heard well. An allocation that was silent while they
// were is none.
func (a *allocationDays[D]) each(minCompleteness float64, hand func(r AllocationRecord, days []D)) {
	own := exportersOfHolders(a.in)
	for _, file := range a.by {
		if file == nil || len(file.days) == 0 {
			continue
		}
		var days []D
		for _, d := range sortedDays(file.days) {
			days = append(days, *file.days[d])
		}
		file.record.Exporters, file.record.Completeness = a.books.completeness(file.record.nearest(file.exporters, own))
		hand(file.record, days)
	}
	a.silent(minCompleteness, hand)
}

// nearest returns, of the exporters that saw an allocation, those with the
// customer-side interfaces of its holders: an exporter that hears well what
// enters elsewhere must not stand in for one that hears the holder badly. It
// returns all of them where none of them has a line of the holders.
func (r *AllocationRecord) nearest(saw []netip.Addr, own map[string][]netip.Addr) []netip.Addr {
	var near []netip.Addr
	for i := range r.Standings {
		for _, e := range own[r.Standings[i].State.Holder] {
			if slices.Contains(saw, e) {
				near = addNew(near, []netip.Addr{e})
			}
		}
	}
	if len(near) == 0 {
		return saw
	}
	return near
}

// silent hands over the allocations of which nothing was heard, where the
// exporters of the holder's lines were not heard well.
func (a *allocationDays[D]) silent(minCompleteness float64, hand func(r AllocationRecord, days []D)) {
	deaf := exportersOfHolders(a.in)
	for holder, exporters := range deaf {
		if _, share := a.books.completeness(exporters); share >= minCompleteness {
			delete(deaf, holder)
		}
	}
	rows := a.in.Ledgers.Ledgers().Allocations
	for i := range rows {
		exporters := deaf[rows[i].EnterpriseID]
		if len(exporters) == 0 || !rows[i].Valid.Overlaps(a.in.Span.Days) {
			continue
		}
		if file := a.file(rows[i].Prefix); file != nil && len(file.days) == 0 {
			file.record.Exporters, file.record.Completeness = a.books.completeness(exporters)
			hand(file.record, nil)
			a.by[rows[i].Prefix] = nil // a block has a row for each of its holders
		}
	}
}

func sortedDays[D any](days map[registry.Date]*D) []registry.Date {
	out := make([]registry.Date, 0, len(days))
	for d := range days {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}

// allocationBooks are the accounts of exporters by their address.
type allocationBooks map[netip.Addr]ExporterBooks

func newAllocationBooks(list []ExporterBooks) allocationBooks {
	out := make(allocationBooks, len(list))
	for _, b := range list {
		out[b.Exporter] = b
	}
	return out
}

// completeness returns the names of exporters in order, and the share of what
// they ought to have told that was stored.
func (b allocationBooks) completeness(exporters []netip.Addr) (names []string, share float64) {
	var all ExporterBooks
	for _, e := range exporters {
		all.Add(b[e])
		names = append(names, e.String())
	}
	slices.Sort(names)
	return names, all.Completeness()
}

// exportersOfHolders returns the exporters with the customer-side interfaces of
// each enterprise's lines that are in service in the span.
func exportersOfHolders(in Inputs) map[string][]netip.Addr {
	out := make(map[string][]netip.Addr)
	v := in.Ledgers.At(in.Span.Days.To)
	lines := in.Ledgers.Ledgers().Lines
	for i := range lines {
		if !lines[i].Valid.Overlaps(in.Span.Days) {
			continue
		}
		for _, p := range v.LinePorts(lines[i].ID) {
			if p.Counts {
				out[lines[i].EnterpriseID] = addNew(out[lines[i].EnterpriseID], []netip.Addr{p.Interface.Exporter})
			}
		}
	}
	return out
}

// allocationFacts yields the facts of a measurement in the order of subjects.
func allocationFacts[F Fact](measure func() ([]F, error)) iter.Seq2[F, error] {
	return func(yield func(F, error) bool) {
		facts, err := measure()
		if err != nil {
			var none F
			yield(none, err)
			return
		}
		for f, err := range inOrder(facts) {
			if !yield(f, err) {
				return
			}
		}
	}
}
