package custom

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// The limits of a measurement.
const (
	// MaxRows is how many rows of one subject are judged, those of the greatest
	// volume.
	MaxRows = 4096
	// MaxAllRows is how many rows of all subjects one run may gather.
	MaxAllRows = 500_000
)

// table is one kind of fact.
type table interface {
	name() string
	subject() rules.SubjectKind
	rowType() reflect.Type
	rule(spec rules.Spec, c *conditions) rules.Rule
}

// tables are those there are.
func tables() []table {
	return []table{
		kind[allocationDay]{"allocation_day", rules.SubjectAllocation, measureAllocationDays},
		kind[allocationHost]{"allocation_host", rules.SubjectAllocation, measureAllocationHosts},
		kind[lineDay]{"line_day", rules.SubjectLine, measureLineDays},
		kind[lineNetworks]{"line_networks", rules.SubjectLine, measureLineNetworks},
	}
}

func findTable(name string) (table, bool) {
	for _, t := range tables() {
		if t.name() == name {
			return t, true
		}
	}
	return nil, false
}

// Tables returns the names of the facts a rule may use.
func Tables() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t.name())
	}
	return names
}

// Fields returns the columns of the rows of a fact, by their names in
// expressions; nil if there is no such fact.
func Fields(fact string) []string {
	t, ok := findTable(fact)
	if !ok {
		return nil
	}
	var names []string
	for f := range t.rowType().Fields() {
		if name := f.Tag.Get("cel"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Fact is what was measured of one subject for a custom rule.
type Fact[R any] struct {
	Subject rules.Subject `json:"subject"`
	Ledger  subject       `json:"about"`
	// LastDay is the last day of the span.
	LastDay registry.Date `json:"last_day"`
	Rows    []R           `json:"rows"` // in the order of days
	// Omitted is how many rows of less volume are left out.
	Omitted      int      `json:"omitted"`
	Samples      float64  `json:"samples"` // of all rows
	Completeness float64  `json:"completeness"`
	Exporters    []string `json:"exporters"`
}

// About implements rules.Fact.
func (f Fact[R]) About() (s rules.Subject, enterpriseID, province string) {
	return f.Subject, f.Ledger.EnterpriseID, registry.Place(f.Ledger.Place).Province()
}

// measurer fills a gathering with rows.
type measurer[R row] func(ctx context.Context, g *gathering[R]) error

// kind is a table whose rows are R.
type kind[R row] struct {
	title   string
	about   rules.SubjectKind
	measure measurer[R]
}

func (k kind[R]) name() string               { return k.title }
func (k kind[R]) subject() rules.SubjectKind { return k.about }
func (k kind[R]) rowType() reflect.Type      { return reflect.TypeFor[R]() }

// rule binds the measurement and the conditions of a file.
func (k kind[R]) rule(spec rules.Spec, c *conditions) rules.Rule {
	return rules.Rule{
		Spec: spec,
		Measure: func(ctx context.Context, in rules.Inputs, p rules.Params) iter.Seq2[rules.Fact, error] {
			return func(yield func(rules.Fact, error) bool) {
				g := newGathering[R](in, p, c.only, k.about)
				if err := g.run(ctx, k.measure); err != nil {
					yield(nil, err)
					return
				}
				for _, id := range slices.Sorted(maps.Keys(g.subjects)) {
					if !yield(g.fact(id), nil) {
						return
					}
				}
			}
		},
		Judge: func(f rules.Fact, p rules.Params) rules.Judgement {
			typed, ok := f.(Fact[R])
			if !ok {
				return rules.Judgement{Outcome: rules.Withheld, Reason: "wrong_fact"}
			}
			return judge(typed, p, c, spec)
		},
		Decode: func(data []byte) (rules.Fact, error) {
			var f Fact[R]
			if err := json.Unmarshal(data, &f); err != nil {
				return nil, fmt.Errorf("decode fact of rule %s: %w", spec.ID, err)
			}
			return f, nil
		},
	}
}

// gathered is a subject and its rows.
type gathered[R row] struct {
	about     subject
	named     rules.Subject
	rows      []R
	omitted   int
	samples   float64
	exporters map[netip.Addr]bool // nil: all that were heard
}

// gathering holds the rows of one run.
type gathering[R row] struct {
	in       rules.Inputs
	params   rules.Params
	only     *expression
	kind     rules.SubjectKind
	view     *registry.View
	books    []rules.ExporterBooks
	subjects map[string]*gathered[R]
	all      int
}

func newGathering[R row](in rules.Inputs, p rules.Params, only *expression, about rules.SubjectKind) *gathering[R] {
	return &gathering[R]{
		in: in, params: p, only: only, kind: about,
		view: in.Ledgers.At(in.Span.Days.To), subjects: make(map[string]*gathered[R]),
	}
}

// run chooses the subjects and measures their rows.
func (g *gathering[R]) run(ctx context.Context, measure measurer[R]) error {
	var err error
	if g.books, err = g.in.Traffic.ExporterBooks(ctx, g.in.Span.Window()); err != nil {
		return fmt.Errorf("read exporter books: %w", err)
	}
	if err := g.choose(); err != nil {
		return err
	}
	if len(g.subjects) == 0 {
		return nil
	}
	return measure(ctx, g)
}

// add takes a row of a subject; rows of subjects that were not chosen are of no
// concern. At the limit the rows of least volume go.
func (g *gathering[R]) add(id string, r R) error {
	s := g.subjects[id]
	if s == nil {
		return nil
	}
	s.samples += r.packets()
	s.rows = append(s.rows, r)
	if g.all++; len(s.rows) >= 2*MaxRows {
		g.all -= s.trim()
	}
	if g.all > MaxAllRows {
		return fmt.Errorf("the subjects have more than %d rows; narrow the rule with only", MaxAllRows)
	}
	return nil
}

// trim keeps MaxRows rows, and returns how many went.
func (s *gathered[R]) trim() int {
	gone := len(s.rows) - MaxRows
	if gone <= 0 {
		return 0
	}
	slices.SortStableFunc(s.rows, func(a, b R) int { return cmp.Compare(b.volume(), a.volume()) })
	s.rows = slices.Clone(s.rows[:MaxRows])
	s.omitted += gone
	return gone
}

// fact makes the fact of a subject.
func (g *gathering[R]) fact(id string) Fact[R] {
	s := g.subjects[id]
	s.trim()
	slices.SortStableFunc(s.rows, func(a, b R) int {
		return cmp.Or(cmp.Compare(a.days().From, b.days().From), cmp.Compare(a.text(), b.text()))
	})
	f := Fact[R]{Subject: s.named, Ledger: s.about, LastDay: g.in.Span.Days.To, Rows: s.rows, Omitted: s.omitted, Samples: s.samples}
	f.Exporters, f.Completeness = g.completeness(s.exporters)
	return f
}

// completeness is that of the exporters, all that were heard if none is named.
func (g *gathering[R]) completeness(of map[netip.Addr]bool) (names []string, share float64) {
	var all rules.ExporterBooks
	for _, b := range g.books {
		if of != nil && !of[b.Exporter] {
			continue
		}
		names = append(names, b.Exporter.String())
		b.Stored = min(b.Stored, b.Received+b.Missed)
		all.Add(b)
	}
	return names, math.Round(1e4*all.Completeness()) / 1e4
}
