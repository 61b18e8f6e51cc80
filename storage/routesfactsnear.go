package storage

import (
	"cmp"
	"context"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/rules"
)

// Adjacencies implements rules.Routes.
func (s *Store) Adjacencies(ctx context.Context, q rules.AdjacencyQuestion) iter.Seq2[rules.Adjacency, error] {
	return func(yield func(rules.Adjacency, error) bool) {
		if len(q.Of) == 0 {
			return
		}
		f := adjacencyFold{
			window: q.Window, own: setOf(q.Own), of: setOf(q.Of),
			answers: make(map[adjacencyKey]*adjacencyAnswer), counts: make(map[uint32]int),
		}
		condition, values := pathsNaming(q.Of)
		err := s.heldIntervals(ctx, q.Window, condition, values, f.take)
		s.noteDropped("adjacencies", f.dropped)
		if err != nil {
			yield(rules.Adjacency{}, err)
			return
		}
		for _, a := range f.list() {
			if !yield(a, nil) {
				return
			}
		}
	}
}

type adjacencyKey struct {
	of, neighbour uint32
	behind        bool
	source        rules.RouteSource
}

type adjacencyAnswer struct {
	routeAnswer
	last     netip.Prefix
	examples []netip.Prefix
	prefixes uint64
}

// adjacencyFold unites the intervals of each pair of networks.
type adjacencyFold struct {
	window  rules.Window
	own, of map[uint32]bool
	answers map[adjacencyKey]*adjacencyAnswer
	counts  map[uint32]int // of the answers about each network
	dropped uint64
}

func (f *adjacencyFold) take(i *RouteInterval) error {
	far := farPathOf(i, f.own)
	for at, asn := range far.hops {
		if !f.of[asn] || slices.Contains(far.hops[:at], asn) {
			continue
		}
		far.neighbours(asn, func(neighbour uint32, behind bool) {
			f.note(adjacencyKey{asn, neighbour, behind, far.source}, i)
		})
	}
	return nil
}

func (f *adjacencyFold) note(key adjacencyKey, i *RouteInterval) {
	a := f.answers[key]
	if a == nil {
		if f.counts[key.of] >= maxRouteAnswers {
			f.dropped++
			return
		}
		f.counts[key.of]++
		a = new(adjacencyAnswer)
		f.answers[key] = a
	}
	if a.last != i.Route.Prefix { // they come by prefix
		a.last = i.Route.Prefix
		if a.prefixes++; len(a.examples) < rules.MaxExamples {
			a.examples = append(a.examples, i.Route.Prefix)
		}
	}
	a.note(i, f.window)
}

func (f *adjacencyFold) list() []rules.Adjacency {
	list := make([]rules.Adjacency, 0, len(f.answers))
	for key, a := range f.answers {
		list = append(list, rules.Adjacency{
			Of: key.of, Neighbour: key.neighbour, Behind: key.behind, Source: key.source,
			Spans: a.spans, Examples: a.examples, Prefixes: a.prefixes, Path: a.path, Routers: a.routers,
		})
	}
	side := func(a *rules.Adjacency) int {
		if a.Behind {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b rules.Adjacency) int {
		return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(side(&a), side(&b)), cmp.Compare(a.Neighbour, b.Neighbour), compareSources(a.Source, b.Source))
	})
	return list
}
