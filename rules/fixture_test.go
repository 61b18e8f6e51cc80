package rules_test

import (
	"cmp"
	"context"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// day reads a date of a test.
func day(t testing.TB, text string) registry.Date {
	t.Helper()
	d, err := registry.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func validity(t testing.TB, from, to string) registry.Validity {
	t.Helper()
	return registry.Validity{From: day(t, from), To: day(t, to)}
}

// shanghai is the default time zone of a carrier.
func shanghai(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// trafficOf answers with what a test laid down.
type trafficOf struct {
	networks []rules.LineNetworks
	hours    []rules.LineHour
	pairs    func(q rules.PairsQuestion) []rules.LinePairs
	services []rules.LineService
	days     []rules.AllocationDay
	hosts    []rules.AllocationHost
	sources  []rules.AllocationSource
	contacts []rules.AllocationContact
	entries  []rules.AllocationEntry
	books    []rules.ExporterBooks
}

// each yields the rows of a test, without an error.
func each[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (f trafficOf) LineNetworks(context.Context, rules.Window, *time.Location, ...string) iter.Seq2[rules.LineNetworks, error] {
	return each(f.networks)
}

// LineSources adds up the networks of the test by their near side.
func (f trafficOf) LineSources(context.Context, rules.Window, *time.Location, ...string) iter.Seq2[rules.LineSource, error] {
	type key struct {
		line string
		day  registry.Date
		near netip.Prefix
	}
	pair := make(map[rules.LineNetworks]*rules.LineNetworks) // by all but its figures
	for i := range f.networks {
		n := &f.networks[i]
		k := rules.LineNetworks{Line: n.Line, Day: n.Day, Near: n.Near, Far: n.Far}
		if pair[k] == nil {
			pair[k] = &rules.LineNetworks{}
		}
		pair[k].FromCustomer += n.FromCustomer
		pair[k].ToCustomer += n.ToCustomer
		pair[k].Samples += n.Samples
		pair[k].Unscaled += n.Unscaled
	}
	by := make(map[key]*rules.LineSource)
	for k, n := range pair {
		s := by[key{k.Line, k.Day, k.Near}]
		if s == nil {
			s = &rules.LineSource{Line: k.Line, Day: k.Day, Network: k.Near}
			by[key{k.Line, k.Day, k.Near}] = s
		}
		s.Unscaled += n.Unscaled
		if n.Samples == 0 {
			continue
		}
		s.FromCustomer += n.FromCustomer
		s.ToCustomer += n.ToCustomer
		if n.FromCustomer > 0 {
			s.Samples += n.Samples
		}
	}
	rows := make([]rules.LineSource, 0, len(by))
	for _, s := range by {
		rows = append(rows, *s)
	}
	slices.SortFunc(rows, func(a, b rules.LineSource) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Day, b.Day), a.Network.Addr().Compare(b.Network.Addr()), cmp.Compare(a.Network.Bits(), b.Network.Bits()))
	})
	return each(rows)
}

func (f trafficOf) LineHours(context.Context, rules.Window) iter.Seq2[rules.LineHour, error] {
	return each(f.hours)
}

func (f trafficOf) LinePairs(_ context.Context, q rules.PairsQuestion) iter.Seq2[rules.LinePairs, error] {
	if f.pairs == nil {
		return each[rules.LinePairs](nil)
	}
	return each(f.pairs(q))
}

// LineServices leaves out the ports of few addresses; of how many networks there
// are it leaves the judgement to the rule.
func (f trafficOf) LineServices(_ context.Context, q rules.ServicesQuestion) iter.Seq2[rules.LineService, error] {
	return each(slices.DeleteFunc(slices.Clone(f.services), func(s rules.LineService) bool {
		return s.Peers < q.LeastPeers || !slices.Contains(q.Lines, s.Line)
	}))
}

func (f trafficOf) Allocations(context.Context, rules.Window, *time.Location) iter.Seq2[rules.AllocationDay, error] {
	return each(f.days)
}

// AllocationTotals has no counts, as those of the store have none.
func (f trafficOf) AllocationTotals(context.Context, rules.Window, *time.Location) iter.Seq2[rules.AllocationDay, error] {
	rows := slices.Clone(f.days)
	for i := range rows {
		rows[i].ServedNetworks, rows[i].ServedASNs, rows[i].FilledNetworks, rows[i].FilledASNs = 0, 0, 0, 0
	}
	return each(rows)
}

func (f trafficOf) AllocationsWithin(_ context.Context, _ rules.Window, _ *time.Location, within []rules.AllocationID) iter.Seq2[rules.AllocationDay, error] {
	return each(slices.DeleteFunc(slices.Clone(f.days), func(d rules.AllocationDay) bool { return !slices.Contains(within, d.Allocation) }))
}

func (f trafficOf) AllocationHosts(_ context.Context, q rules.AddressQuestion) iter.Seq2[rules.AllocationHost, error] {
	return each(slices.DeleteFunc(slices.Clone(f.hosts), func(h rules.AllocationHost) bool { return !asked(q, h.Allocation, h.Address) }))
}

func asked(q rules.AddressQuestion, id rules.AllocationID, address netip.Addr) bool {
	return slices.Contains(q.Within, id) && (len(q.Addresses) == 0 || slices.Contains(q.Addresses, address))
}

func (f trafficOf) AllocationSources(_ context.Context, _ rules.Window, _ *time.Location, within []rules.AllocationID) iter.Seq2[rules.AllocationSource, error] {
	return each(slices.DeleteFunc(slices.Clone(f.sources), func(s rules.AllocationSource) bool { return !slices.Contains(within, s.Allocation) }))
}

func (f trafficOf) AllocationContacts(_ context.Context, q rules.ContactQuestion) iter.Seq2[rules.AllocationContact, error] {
	of := slices.DeleteFunc(slices.Clone(f.contacts), func(c rules.AllocationContact) bool {
		return !asked(q.AddressQuestion, c.Allocation, c.Address) || len(q.Kinds) > 0 && !slices.Contains(q.Kinds, c.Kind)
	})
	type key struct {
		allocation rules.AllocationID
		address    netip.Addr
		day        registry.Date
	}
	bytes, networks := make(map[key]uint64), make(map[key]uint64)
	enough := make(map[key]bool)
	for _, c := range of { // a contact of a test is told once a day
		k := key{c.Allocation, c.Address, c.Day}
		bytes[k] += c.Out + c.In
		if c.Out > 0 && (c.In > 0 || c.Kind == rules.ContactAnswer) {
			networks[k]++
		}
		if bytes[k] >= q.LeastBytes && networks[k] >= q.LeastNetworks {
			enough[key{c.Allocation, c.Address, 0}] = true
		}
	}
	return each(slices.DeleteFunc(of, func(c rules.AllocationContact) bool { return !enough[key{c.Allocation, c.Address, 0}] }))
}

func (f trafficOf) AllocationEntries(context.Context, rules.Window, *time.Location) iter.Seq2[rules.AllocationEntry, error] {
	return each(f.entries)
}

func (f trafficOf) ExporterBooks(context.Context, rules.Window) ([]rules.ExporterBooks, error) {
	return f.books, nil
}

// judged is a subject with what its rule said.
type judged struct {
	subject rules.Subject
	rules.Judgement
}

// judge measures and judges one rule over whole days, and checks that the
// verdict can be re-derived from the fact's JSON.
func judge(t testing.TB, r rules.Rule, l *registry.Ledgers, traffic rules.Traffic, from, to string) map[string]judged {
	t.Helper()
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := rules.Inputs{
		Span:    rules.Span{Days: validity(t, from, to), Location: shanghai(t)},
		Ledgers: registry.NewSnapshot(l, []uint32{64500}),
		Traffic: traffic,
	}
	out := make(map[string]judged)
	for fact, err := range r.Measure(t.Context(), in, params) {
		if err != nil {
			t.Fatal(err)
		}
		j := r.Judge(fact, params)
		rederive(t, r, fact, params, j)
		subject, _, _ := fact.About()
		out[subject.ID] = judged{subject, j}
	}
	return out
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// carrier returns ledgers with the carrier, a few enterprises and no resource.
func carrier(t testing.TB) *registry.Ledgers {
	t.Helper()
	return &registry.Ledgers{
		Enterprises: []registry.Enterprise{
			{ID: "CT", Name: "示例电信", Place: "11"},
			{ID: "E1", Name: "甲公司", Place: "3301"},
			{ID: "E1S", Name: "甲公司的子公司", Place: "3301", ParentID: "E1"},
			{ID: "E2", Name: "乙公司", Place: "4403"},
			{ID: "P1", Name: "张三", Nature: "individual", Place: "11"},
		},
		ASNs: []registry.ASN{{ASN: 64500, EnterpriseID: "CT"}},
	}
}
