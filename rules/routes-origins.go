package rules

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// originRoute is the routes to one prefix from one origin, whoever told them.
type originRoute struct {
	prefix  netip.Prefix
	origin  uint32
	setOnly bool
	sources []RouteSource
	spans   Spans
	path    string
	routers []netip.Addr
}

func (o *originRoute) add(a *Announcement) {
	o.setOnly = o.setOnly && a.SetOnly
	o.sources = addNew(o.sources, []RouteSource{a.Source})
	o.spans.unite(a.Spans)
	o.routers = addNew(o.routers, a.Routers)
	if o.path == "" {
		o.path = a.Path
	}
}

// originsOf yields the origins of each prefix that an announcement question is
// about, one prefix at a time.
func originsOf(ctx context.Context, in Inputs, q AnnouncementQuestion) iter.Seq2[[]originRoute, error] {
	return func(yield func([]originRoute, error) bool) {
		var list []originRoute
		for a, err := range in.Routes.Announcements(ctx, q) {
			if err != nil {
				yield(nil, fmt.Errorf("read announcements: %w", err))
				return
			}
			if len(list) > 0 && list[0].prefix != a.Prefix {
				if !yield(list, nil) {
					return
				}
				list = nil
			}
			i := slices.IndexFunc(list, func(o originRoute) bool { return o.origin == a.Origin })
			if i < 0 {
				i = len(list)
				list = append(list, originRoute{prefix: a.Prefix, origin: a.Origin, setOnly: true})
			}
			list[i].add(&a)
		}
		if len(list) > 0 {
			yield(list, nil)
		}
	}
}

// ForeignOrigin is a network that originated a prefix of ours and may have had
// no part in its filing.
type ForeignOrigin struct {
	Network RouteNetwork `json:"network"`
	// SetOnly is set when it stood in AS sets of several only, whose members
	// are not told apart.
	SetOnly bool                 `json:"set_only,omitempty"`
	Sources []RouteSource        `json:"sources"`
	Path    string               `json:"path"`
	Routers []string             `json:"routers"`
	Spans   Spans                `json:"spans"`
	Days    []RouteDay           `json:"days"`
	Spells  []Spell[OriginState] `json:"spells"`
}

// OriginState is what the ledgers say on a day of an origin of a prefix inside
// an allocation.
type OriginState struct {
	Allocation string `json:"allocation"` // the most specific one around the prefix
	Holder     Holder `json:"holder"`     // who has it
	// Parties are the holders of all allocations around it, and the announcers
	// and applicants filed for it.
	Parties []string `json:"parties"`
	Owner   string   `json:"owner"` // who the origin is filed for, empty if nobody
	// Filed says why it may originate the prefix: holder, carrier or broadcast;
	// empty if nothing does.
	Filed string `json:"filed,omitempty"`
}

// foreignOriginOf sets an origin against the ledgers; false if it may originate
// the prefix on every day.
func (b *networkBook) foreignOriginOf(o *originRoute, span Span) (ForeignOrigin, bool) {
	days := o.spans.byDay(span)
	if o.origin == 0 || !slices.ContainsFunc(days, func(d RouteDay) bool { return b.unfiledOn(o, d.Day) }) {
		return ForeignOrigin{}, false
	}
	f := ForeignOrigin{
		Network: b.network(o.origin), SetOnly: o.setOnly, Sources: o.sources, Path: o.path,
		Routers: routerNames(o.routers), Spans: o.spans, Days: days,
	}
	f.Spells = spells(span.Days, func(day registry.Date) (OriginState, bool) {
		v := b.snapshot.At(day)
		around := v.Covering(o.prefix)
		if len(around) == 0 {
			return OriginState{}, false // not ours on this day
		}
		s := OriginState{Allocation: around[0].Prefix.String(), Owner: b.owner(o.origin, day)}
		s.Holder = holderOf(v, around[0].EnterpriseID, around[0].Place)
		s.Parties, s.Filed = b.filing(v, o.prefix, s.Owner, around)
		return s, true
	})
	return f, true
}

// unfiledOn reports whether a prefix is ours on the day and its origin has no
// part in it.
func (b *networkBook) unfiledOn(o *originRoute, day registry.Date) bool {
	v := b.snapshot.At(day)
	around := v.Covering(o.prefix)
	if len(around) == 0 {
		return false
	}
	_, filed := b.filing(v, o.prefix, b.owner(o.origin, day), around)
	return filed == ""
}

// filing returns who is filed for a prefix, and why its origin's owner is one
// of them.
func (b *networkBook) filing(v *registry.View, prefix netip.Prefix, owner string, around []*registry.Allocation) (parties []string, filed string) {
	note := func(enterprise, why string) {
		if enterprise == "" {
			return
		}
		parties = addNew(parties, []string{enterprise})
		if filed == "" && v.Siblings(owner, enterprise) {
			filed = why
		}
	}
	for _, a := range around {
		note(a.EnterpriseID, "holder")
	}
	for _, c := range v.CoveringBroadcasts(prefix) {
		note(c.Announcer, "broadcast")
		note(c.Applicant, "broadcast")
	}
	if filed == "" && v.CarrierGroup(owner) {
		filed = "carrier"
	}
	return parties, filed
}

// ourBlocks returns the allocations of the span that may be announced.
func ourBlocks(s *registry.Snapshot, days registry.Validity) []netip.Prefix {
	seen := make(map[netip.Prefix]bool)
	l := s.Ledgers()
	for i := range l.Allocations {
		if a := &l.Allocations[i]; a.Prefix.IsValid() && a.Valid.Overlaps(days) && !isReserved(a.Prefix) {
			seen[a.Prefix] = true
		}
	}
	return sortedPrefixes(seen)
}

// sortedPrefixes returns the members of a set in order.
func sortedPrefixes(set map[netip.Prefix]bool) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(set))
	for p := range set {
		out = append(out, p)
	}
	slices.SortFunc(out, comparePrefixes)
	return out
}

// foreignOrigins yields the prefixes inside ours with the origins that are not
// filed for them on every day they were routed.
func foreignOrigins(ctx context.Context, in Inputs) iter.Seq2[prefixOrigins, error] {
	return func(yield func(prefixOrigins, error) bool) {
		book, blocks := newNetworkBook(in.Ledgers, in.Span.Days), ourBlocks(in.Ledgers, in.Span.Days)
		if len(blocks) == 0 {
			return
		}
		q := AnnouncementQuestion{Window: in.Span.Window(), Own: book.own(), Within: blocks}
		for list, err := range originsOf(ctx, in, q) {
			if err != nil {
				yield(prefixOrigins{}, err)
				return
			}
			found := prefixOrigins{prefix: list[0].prefix}
			for i := range list {
				if f, foreign := book.foreignOriginOf(&list[i], in.Span); foreign {
					found.origins = append(found.origins, f)
				}
			}
			if len(found.origins) > 0 && !yield(found, nil) {
				return
			}
		}
	}
}

type prefixOrigins struct {
	prefix  netip.Prefix
	origins []ForeignOrigin
}

// unfiled returns how long an origin was there without a part in the filing,
// and the ledgers of the last day of it. Members of sets are not judged.
func (f *ForeignOrigin) unfiled(p Params) (routed, *OriginState) {
	if f.SetOnly || f.Network.setAside(p) {
		return routed{}, nil
	}
	return routedOn(f.Days, f.Spells, func(s *OriginState) bool { return s.Filed == "" })
}
