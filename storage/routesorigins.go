package storage

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// OriginSpan says when a network was the origin of a prefix.
type OriginSpan struct {
	Prefix        netip.Prefix
	Distinguisher uint64
	Origin        uint32 // 0 = a path that nobody can tell the origin of
	// SetOnly says that it was never the only origin of a path: it stood in sets
	// of several (RFC 4271 section 4.3), whose members are not told apart.
	SetOnly bool
	// Spans are the union over sessions and views.
	Spans rules.Spans
}

// Held is how long the spans are together.
func (o *OriginSpan) Held() time.Duration { return o.Spans.Held() }

// originKey is what spans are united under.
type originKey struct {
	prefix        netip.Prefix
	distinguisher uint64
	origin        uint32
}

// Origins returns the origins of the prefix, of those that cover it and of those
// inside it, and when they were, from an instant (included) up to another (not
// included), by all that is stored. They are ordered by prefix length, address,
// distinguisher and origin.
func (s *Store) Origins(ctx context.Context, prefix netip.Prefix, from, to time.Time) ([]OriginSpan, error) {
	q, err := questionOf(prefix)
	if err != nil {
		return nil, err
	}
	q.covering, q.moreSpecific, q.origins, q.from, q.to = true, true, true, from, to.Add(-time.Microsecond)
	if q.to.Before(q.from) {
		return nil, nil
	}
	found := make(map[originKey]*OriginSpan)
	err = s.intervals(ctx, &q, func(i *RouteInterval) error {
		noteOrigins(found, i, from, to)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return originsOf(found), nil
}

// noteOrigins adds the span of a path to those of its origins.
func noteOrigins(found map[originKey]*OriginSpan, i *RouteInterval, from, to time.Time) {
	w := i.clip(rules.Window{From: from, To: to})
	origins := i.Origins
	if len(origins) == 0 {
		origins = []uint32{0}
	}
	for _, origin := range origins {
		key := originKey{i.Route.Prefix, i.Route.Distinguisher, origin}
		o := found[key]
		if o == nil {
			o = &OriginSpan{Prefix: key.prefix, Distinguisher: key.distinguisher, Origin: origin, SetOnly: true}
			found[key] = o
		}
		o.SetOnly = o.SetOnly && len(origins) > 1
		o.Spans.Add(w)
	}
}

// originsOf puts the origins in order.
func originsOf(found map[originKey]*OriginSpan) []OriginSpan {
	list := make([]OriginSpan, 0, len(found))
	for _, o := range found {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b OriginSpan) int {
		return cmp.Or(
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()), a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Distinguisher, b.Distinguisher), cmp.Compare(a.Origin, b.Origin),
		)
	})
	return list
}
