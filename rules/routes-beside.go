package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// nextTo is what is known of two networks next to one another, over several
// sources.
type nextTo struct {
	of, neighbour uint32
	sources       []RouteSource
	spans         Spans
	path          string
	examples      []string
	routers       []string
}

func (n *nextTo) add(a *Adjacency) {
	n.sources = append(n.sources, a.Source)
	n.spans.unite(a.Spans)
	n.routers = addNew(n.routers, routerNames(a.Routers))
	if n.path == "" {
		n.path = a.Path
	}
	for _, e := range a.Examples {
		if len(n.examples) < MaxExamples {
			n.examples = addNew(n.examples, []string{e.String()})
		}
	}
}

// nextToCustomers returns the networks behind or before those of customers, by
// network and neighbour, over the sources that are meant.
func (b *networkBook) nextToCustomers(ctx context.Context, in Inputs, of []uint32, behind bool, meant func(*Adjacency) bool) ([]nextTo, error) {
	found := make(map[[2]uint32]*nextTo)
	q := AdjacencyQuestion{Window: in.Span.Window(), Own: b.own(), Of: of}
	for a, err := range in.Routes.Adjacencies(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read adjacent networks: %w", err)
		}
		if a.Behind != behind || !meant(&a) {
			continue
		}
		key := [2]uint32{a.Of, a.Neighbour}
		n := found[key]
		if n == nil {
			n = &nextTo{of: a.Of, neighbour: a.Neighbour}
			found[key] = n
		}
		n.add(&a)
	}
	out := make([]nextTo, 0, len(found))
	for _, n := range found {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b nextTo) int { return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.neighbour, b.neighbour)) })
	return out, nil
}

// Beside is a network of a customer with the one next to it, in the words S of
// what the ledgers say of the two.
type Beside[S any] struct {
	ASN      uint32        `json:"asn"` // of the customer
	Sources  []RouteSource `json:"sources"`
	Path     string        `json:"path"`
	Examples []string      `json:"examples"` // of the prefixes
	Routers  []string      `json:"routers"`
	Spans    Spans         `json:"spans"`
	Held     []RouteDay    `json:"held"`
	Spells   []Spell[S]    `json:"spells"`
}

// on returns how long the two were next to one another on days that meet a
// condition, and the ledgers of the last of them.
func (b *Beside[S]) on(meets func(*S) bool) (routed, *S) { return routedOn(b.Held, b.Spells, meets) }

// besides sets networks next to those of customers against the ledgers, where
// state tells what these say on a day and bare that nothing excuses the two. It
// returns those that are not excused on every day, by the network next to the
// customer and then in order.
func besides[S any](list []nextTo, span Span, state func(n *nextTo, day registry.Date) (S, bool), bare func(*S) bool) map[uint32][]Beside[S] {
	out := make(map[uint32][]Beside[S])
	for i := range list {
		n := &list[i]
		b := Beside[S]{
			ASN: n.of, Sources: n.sources, Path: n.path, Examples: n.examples, Routers: n.routers, Spans: n.spans, Held: n.spans.byDay(span),
			Spells: spells(span.Days, func(day registry.Date) (S, bool) { return state(n, day) }),
		}
		if r, _ := b.on(bare); r.seconds > 0 {
			out[n.neighbour] = append(out[n.neighbour], b)
		}
	}
	return out
}
