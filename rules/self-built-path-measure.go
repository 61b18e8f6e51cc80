package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// pathMeasure tells lawful entries of an allocation's bytes from others.
type pathMeasure struct {
	in   Inputs
	book *networkBook
	days *allocationDays[PathDay]
}

func measurePaths(ctx context.Context, in Inputs, p Params) iter.Seq2[PathFact, error] {
	return allocationFacts(func() ([]PathFact, error) {
		days, err := readAllocations(ctx, in, nil, func(row *AllocationDay) (PathDay, bool) {
			return PathDay{Day: row.Day}, false
		})
		if err != nil {
			return nil, err
		}
		m := &pathMeasure{in: in, book: newNetworkBook(in.Ledgers, in.Span.Days), days: days}
		if err := m.readEntries(ctx); err != nil {
			return nil, err
		}
		m.mark(p)
		seconds, err := m.secondProviders(ctx)
		if err != nil {
			return nil, err
		}
		var facts []PathFact
		days.each(p["min_completeness"], func(r AllocationRecord, days []PathDay) {
			facts = append(facts, PathFact{AllocationRecord: r, Days: days, RoutesKnown: in.Routes != nil, Providers: seconds[r.Subject.ID]})
		})
		return facts, nil
	})
}

// readEntries sorts the entries of each allocation by whose interface they are.
func (m *pathMeasure) readEntries(ctx context.Context) error {
	for e, err := range m.in.Traffic.AllocationEntries(ctx, m.in.Span.Window(), m.in.Span.Location) {
		if err != nil {
			return fmt.Errorf("read entries of allocations: %w", err)
		}
		if d := m.days.day(e.Allocation, e.Day); d != nil && e.Bytes > 0 {
			m.enter(d, &e, m.days.by[e.Allocation].record.on(e.Day).Holder)
		}
	}
	return nil
}

// enter counts one entry. Between routers of the carrier nothing enters.
func (m *pathMeasure) enter(d *PathDay, e *AllocationEntry, holder string) {
	v := m.in.Ledgers.At(e.Day)
	port := v.Port(e.Exporter, e.InIf)
	var lineHolder string
	if line := v.Line(e.Line); line != nil {
		lineHolder = line.EnterpriseID
	}
	switch {
	case lineHolder != "" && m.lawful(v, e.Allocation, holder, lineHolder):
		d.Bytes, d.Samples, d.Own = d.Bytes+e.Bytes, d.Samples+e.Samples, d.Own+e.Bytes
		return
	case port == nil || port.Interface.Role == "":
		d.Unmapped += e.Bytes
		return
	case port.Interface.Role == "core":
		return
	case port.Interface.Role == "customer":
		d.Other, d.OtherSamples = d.Other+e.Bytes, d.OtherSamples+e.Samples
	default: // peer, transit, international
		d.Outside, d.OutsideSamples = d.Outside+e.Bytes, d.OutsideSamples+e.Samples
	}
	d.Bytes, d.Samples = d.Bytes+e.Bytes, d.Samples+e.Samples
	d.Entries = append(d.Entries, PathEntry{
		Interface: fmt.Sprintf("%s/%d", e.Exporter, e.InIf), Role: port.Interface.Role, Line: e.Line, LineHolder: lineHolder, Bytes: e.Bytes, Samples: e.Samples,
	})
}

// lawful reports whether bytes of an allocation may enter over a line of an
// enterprise: of its own group, of who it was cut from, of who is filed as
// announcing it or as the upstream of its holder, of who shares it by
// translation, or over a line it is a declared end of.
func (m *pathMeasure) lawful(v *registry.View, id AllocationID, holder, lineHolder string) bool {
	if slices.ContainsFunc(m.lessors(v, id, holder), func(e string) bool { return inGroup(v, e, lineHolder) }) {
		return true
	}
	for _, b := range v.CoveringBroadcasts(id) {
		if inGroup(v, b.Announcer, lineHolder) || inGroup(v, b.Applicant, lineHolder) {
			return true
		}
	}
	for _, t := range v.CoveringTranslations(id) {
		if slices.ContainsFunc(t.SharedBy, func(e string) bool { return inGroup(v, e, lineHolder) }) {
			return true
		}
	}
	for _, l := range v.EndpointLines(id.Addr()) {
		if inGroup(v, l.EnterpriseID, lineHolder) {
			return true
		}
	}
	return m.filedBehind(v, holder, lineHolder)
}

// lessors returns the holder and those the allocation was cut from, up to the
// carrier.
func (m *pathMeasure) lessors(v *registry.View, id AllocationID, holder string) []string {
	out := []string{holder}
	for _, row := range v.AllocationsOf(id) {
		for at, steps := row, 0; at != nil && steps < deepest; at, steps = lessorOf(v, at), steps+1 {
			if at.EnterpriseID != "" && !v.CarrierGroup(at.EnterpriseID) && !slices.Contains(out, at.EnterpriseID) {
				out = append(out, at.EnterpriseID)
			}
		}
	}
	return out
}

// filedBehind reports whether a network of the holder is filed as downstream of
// one of an enterprise.
func (m *pathMeasure) filedBehind(v *registry.View, holder, upstream string) bool {
	for key, rows := range m.book.filed {
		if inGroup(v, m.book.owner(key[0], v.Day()), upstream) && inGroup(v, m.book.owner(key[1], v.Day()), holder) &&
			slices.ContainsFunc(rows, func(f registry.Validity) bool { return f.Contains(v.Day()) }) {
			return true
		}
	}
	return false
}

// maxNamedEntries is how many entries of a day a fact lists.
const maxNamedEntries = 8

// mark finishes the days: it sets what the ledgers say of a second provider,
// and marks the allocations that routes must be asked about.
func (m *pathMeasure) mark(p Params) {
	for id, file := range m.days.by {
		if file == nil {
			continue
		}
		for day, d := range file.days {
			slices.SortFunc(d.Entries, func(a, b PathEntry) int {
				return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Interface, b.Interface))
			})
			d.Entries = d.Entries[:min(len(d.Entries), maxNamedEntries)]
			if !atLeast(d.Other+d.Outside, d.Bytes, p["min_share"]) {
				continue
			}
			v, holder := m.in.Ledgers.At(day), file.record.on(day).Holder
			d.HasLine = slices.ContainsFunc(m.lessors(v, id, holder), func(e string) bool { return m.hasLine(v, e) })
			d.FiledSecond = m.filedSecond(v, id, holder)
			file.promising = true
		}
	}
}

func (m *pathMeasure) hasLine(v *registry.View, enterprise string) bool {
	return slices.ContainsFunc(m.book.linesOf(v, enterprise), func(l *registry.Line) bool { return l.Valid.Contains(v.Day()) })
}

// filedSecond returns who else is filed as providing for an allocation: who
// announces it, or whose downstream its holder is; empty if nobody is.
func (m *pathMeasure) filedSecond(v *registry.View, id AllocationID, holder string) string {
	for _, b := range v.CoveringBroadcasts(id) {
		if b.Announcer != "" && !v.CarrierGroup(b.Announcer) {
			return b.Announcer
		}
	}
	var out []string
	for key, rows := range m.book.filed {
		up := m.book.owner(key[0], v.Day())
		if inGroup(v, m.book.owner(key[1], v.Day()), holder) && !v.CarrierGroup(up) && !inGroup(v, up, holder) &&
			slices.ContainsFunc(rows, func(f registry.Validity) bool { return f.Contains(v.Day()) }) {
			out = append(out, "AS"+asnText(key[0]))
		}
	}
	slices.Sort(out)
	return strings.Join(firstOf(out, 1), "")
}

// secondProviders asks the routes who else is next to the holders, or announces
// the blocks, of the allocations whose share matters.
func (m *pathMeasure) secondProviders(ctx context.Context) (map[string][]SecondProvider, error) {
	ids := m.days.promising()
	if m.in.Routes == nil || len(ids) == 0 {
		return nil, nil
	}
	blocks := make(map[string][]uint32) // networks beside each allocation, by id
	v := m.in.Ledgers.At(m.in.Span.Days.To)
	if err := m.readOrigins(ctx, ids, blocks); err != nil {
		return nil, err
	}
	if err := m.readNeighbours(ctx, v, ids, blocks); err != nil {
		return nil, err
	}
	out := make(map[string][]SecondProvider)
	for _, id := range ids {
		holder := m.holderOf(id)
		list := blocks[id.String()]
		slices.Sort(list)
		for _, asn := range slices.Compact(list) {
			owner := m.book.owner(asn, v.Day())
			if inGroup(v, owner, holder) || v.CarrierGroup(owner) {
				continue
			}
			s := SecondProvider{ASN: asn, Owner: owner, Foreign: m.book.foreign(v, asn)}
			if owner != "" {
				for _, l := range v.Licences(owner) {
					if activeOn(l, v.Day()) && (l.Service == "B14" || strings.HasPrefix(l.Service, "A")) && !slices.Contains(s.Licences, l.Service) {
						s.Licences = append(s.Licences, l.Service)
					}
				}
			}
			out[id.String()] = append(out[id.String()], s)
		}
	}
	return out, nil
}

func (m *pathMeasure) holderOf(id AllocationID) string {
	list := m.days.by[id].record.Standings
	return list[len(list)-1].State.Holder
}

// readOrigins notes who originates a block, or part of it.
func (m *pathMeasure) readOrigins(ctx context.Context, ids []AllocationID, blocks map[string][]uint32) error {
	q := AnnouncementQuestion{Window: m.in.Span.Window(), Own: m.book.own(), Within: ids}
	for a, err := range m.in.Routes.Announcements(ctx, q) {
		if err != nil {
			return fmt.Errorf("read announcements of allocations: %w", err)
		}
		if a.Origin == 0 {
			continue
		}
		for _, id := range ids {
			if contains([]netip.Prefix{id}, a.Prefix) {
				blocks[id.String()] = append(blocks[id.String()], a.Origin)
			}
		}
	}
	return nil
}

// readNeighbours notes who is next before the networks of the holders.
func (m *pathMeasure) readNeighbours(ctx context.Context, v *registry.View, ids []AllocationID, blocks map[string][]uint32) error {
	behind := make(map[uint32][]AllocationID)
	for _, id := range ids {
		holder := m.holderOf(id)
		for _, asn := range m.book.networksOf(func(_ *registry.View, e string) bool { return inGroup(v, e, holder) }) {
			behind[asn] = append(behind[asn], id)
		}
	}
	if len(behind) == 0 {
		return nil
	}
	q := AdjacencyQuestion{Window: m.in.Span.Window(), Own: m.book.own()}
	for asn := range behind {
		q.Of = append(q.Of, asn)
	}
	slices.Sort(q.Of)
	for a, err := range m.in.Routes.Adjacencies(ctx, q) {
		if err != nil {
			return fmt.Errorf("read neighbours of holders: %w", err)
		}
		for _, id := range behind[a.Of] {
			if !a.Behind {
				blocks[id.String()] = append(blocks[id.String()], a.Neighbour)
			}
		}
	}
	return nil
}
