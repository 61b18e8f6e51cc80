package rules_test

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// toldRoutes answers with what a test laid down.
type toldRoutes struct {
	announced []rules.Announcement
	next      []rules.Adjacency
	coverage  []rules.RouteCoverage
}

func (r *toldRoutes) Announcements(_ context.Context, q rules.AnnouncementQuestion) iter.Seq2[rules.Announcement, error] {
	var list []rules.Announcement
	for _, a := range r.announced {
		inside := len(q.Within) == 0 || slices.ContainsFunc(q.Within, func(p netip.Prefix) bool {
			return p.Bits() <= a.Prefix.Bits() && p.Contains(a.Prefix.Addr())
		})
		from := len(q.From) == 0 || slices.Contains(q.From, a.Source.PeerAS) || slices.Contains(q.From, a.Source.First)
		if a.Spans = clipTo(a.Spans, q.Window); inside && from && len(a.Spans) > 0 {
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b rules.Announcement) int { return a.Prefix.Addr().Compare(b.Prefix.Addr()) })
	return each(list)
}

func (r *toldRoutes) Adjacencies(_ context.Context, q rules.AdjacencyQuestion) iter.Seq2[rules.Adjacency, error] {
	var list []rules.Adjacency
	for _, a := range r.next {
		if a.Spans = clipTo(a.Spans, q.Window); slices.Contains(q.Of, a.Of) && len(a.Spans) > 0 {
			list = append(list, a)
		}
	}
	return each(list)
}

func (r *toldRoutes) RouteCoverage(_ context.Context, w rules.Window) ([]rules.RouteCoverage, error) {
	if r.coverage == nil {
		return []rules.RouteCoverage{{Router: toldRouter, First: w.From, Up: []rules.Window{w}}}, nil
	}
	return r.coverage, nil
}

func clipTo(spans []rules.Window, w rules.Window) []rules.Window {
	var out rules.Spans
	for _, s := range spans {
		if s.From.Before(w.From) {
			s.From = w.From
		}
		if s.To.After(w.To) {
			s.To = w.To
		}
		out.Add(s)
	}
	return out
}

var toldRouter = netip.MustParseAddr("192.0.2.1")

// spanOf is a span that begins at a full hour, in Shanghai.
func spanOf(t testing.TB, from string, n float64) rules.Window {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", from, shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	return rules.Window{From: at, To: at.Add(time.Duration(n * float64(time.Hour)))}
}

// announced is a prefix that a network behind a session originated.
func announced(p string, origin uint32, source rules.RouteSource, spans ...rules.Window) rules.Announcement {
	return rules.Announcement{Prefix: prefix(p), Origin: origin, Source: source, Spans: spans, Path: "as told", Routers: []netip.Addr{toldRouter}}
}

// stoodBehind is a network after another one in paths, stoodBefore one before it.
func stoodBehind(of, neighbour uint32, source rules.RouteSource, spans ...rules.Window) rules.Adjacency {
	return rules.Adjacency{
		Of: of, Neighbour: neighbour, Behind: true, Source: source, Spans: spans, Path: "as told",
		Examples: []netip.Prefix{prefix("203.0.113.0/24")}, Prefixes: 1, Routers: []netip.Addr{toldRouter},
	}
}

func stoodBefore(of, neighbour uint32, source rules.RouteSource, spans ...rules.Window) rules.Adjacency {
	a := stoodBehind(of, neighbour, source, spans...)
	a.Behind = false
	return a
}

// judgeRoutes measures and judges one rule over a week in March 2026, and checks
// that each verdict can be derived again and says all it has to.
func judgeRoutes(t testing.TB, r rules.Rule, l *registry.Ledgers, routes *toldRoutes, given map[string]float64) map[string]judged {
	t.Helper()
	params, err := r.Spec.ParamsWith(given)
	if err != nil {
		t.Fatal(err)
	}
	in := rules.Inputs{
		Span:    rules.Span{Days: validity(t, "2026-03-02", "2026-03-08"), Location: shanghai(t)},
		Ledgers: registry.NewSnapshot(l, []uint32{64500}),
	}
	if routes != nil {
		in.Routes = routes
	}
	out := make(map[string]judged)
	for fact, err := range r.Measure(t.Context(), in, params) {
		if err != nil {
			t.Fatal(err)
		}
		j := r.Judge(fact, params)
		rederive(t, r, fact, params, j)
		subject, _, _ := fact.About()
		if _, twice := out[subject.ID]; twice {
			t.Errorf("%s: two facts about %s", r.Spec.ID, subject.ID)
		}
		out[subject.ID] = judged{subject, j}
	}
	return out
}

// outcomes returns the subjects with that outcome, in order.
func outcomes(got map[string]judged, want rules.Outcome) []string {
	var out []string
	for id, j := range got {
		if j.Outcome == want {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// firesAbout expects a rule to fire about those subjects and nobody else.
func firesAbout(t *testing.T, r rules.Rule, l *registry.Ledgers, routes *toldRoutes, want ...string) map[string]judged {
	t.Helper()
	got := judgeRoutes(t, r, l, routes, nil)
	if fires := outcomes(got, rules.Fires); !slices.Equal(fires, want) {
		t.Errorf("%s fires about %v, want %v", r.Spec.ID, fires, want)
	}
	for _, id := range want {
		j := got[id]
		told := j.Explanation.ZH != "" && j.Explanation.EN != "" && j.Severity != "" && len(j.Evidence) > 0 && len(j.Facts) > 0
		for _, b := range j.Benign {
			told = told && b.Name != "" && b.Result.ZH != "" && b.Result.EN != ""
		}
		if !told || len(j.Benign) == 0 || j.Confidence <= 0 || j.Confidence > 1 || j.FirstDay == 0 || j.LastDay < j.FirstDay {
			t.Errorf("%s about %s is not whole: %+v", r.Spec.ID, id, j.Judgement)
		}
	}
	return got
}

// peering returns ledgers with lines and networks of customers: E1 has 64601
// and 64602, its subsidiary 64603, E2 64620, the licensed carrier E3 64630, and
// the foreign E4 64640. E1 and E2 have lines.
func peering(t testing.TB) *registry.Ledgers {
	t.Helper()
	l := carrier(t)
	l.Enterprises = append(l.Enterprises,
		registry.Enterprise{ID: "E3", Name: "丙电信", Place: "31"}, registry.Enterprise{ID: "E4", Name: "丁（香港）公司", Place: "81"})
	for asn, e := range map[uint32]string{64601: "E1", 64602: "E1", 64603: "E1S", 64620: "E2", 64630: "E3", 64640: "E4"} {
		l.ASNs = append(l.ASNs, registry.ASN{ASN: asn, EnterpriseID: e})
	}
	slices.SortFunc(l.ASNs, func(a, b registry.ASN) int { return int(a.ASN) - int(b.ASN) })
	l.Lines = []registry.Line{{ID: "L1", EnterpriseID: "E1", Scope: "domestic", Use: "idc"}, {ID: "L2", EnterpriseID: "E2", Scope: "domestic", Use: "enterprise"}}
	l.Allocations = []registry.Allocation{
		{Prefix: prefix("198.51.100.0/24"), EnterpriseID: "E1", Use: "idc", Place: "330100"},
		{Prefix: prefix("198.51.101.0/24"), EnterpriseID: "E2", Use: "enterprise", Place: "440300"},
	}
	return l
}

// allWeek is all of the days that are judged, and more.
func allWeek(t testing.TB) rules.Window {
	t.Helper()
	return spanOf(t, "2026-02-01 00:00", 24*60)
}

// TestRouteRulesWithoutRoutes has no subjects where no routes were collected.
func TestRouteRulesWithoutRoutes(t *testing.T) {
	for _, r := range routeRules() {
		for name, routes := range map[string]*toldRoutes{"none": nil, "nothing heard": {coverage: []rules.RouteCoverage{}}} {
			if got := judgeRoutes(t, r, peering(t), routes, nil); len(got) != 0 {
				t.Errorf("%s, %s: %v", r.Spec.ID, name, got)
			}
		}
	}
}

func routeRules() []rules.Rule {
	return []rules.Rule{
		rules.SubleaseOrigin(), rules.SubleaseDownstream(), rules.IllegalUpstream(), rules.FilingUnreported(),
		rules.FilingConflict(), rules.DNSInfrastructure(),
	}
}

// TestRouteCompleteness withholds where too little was heard, and does not call
// missing what came before the first session.
func TestRouteCompleteness(t *testing.T) {
	l := peering(t)
	routes := &toldRoutes{announced: []rules.Announcement{announced("198.51.100.0/25", 64999, rules.RouteSource{PeerAS: 64601, First: 64601}, allWeek(t))}}
	first := spanOf(t, "2026-03-02 00:00", 0).From
	for _, tt := range []struct {
		name         string
		coverage     []rules.RouteCoverage
		want         rules.Outcome
		completeness float64
	}{
		{"half of the week", []rules.RouteCoverage{{Router: toldRouter, First: first, Up: []rules.Window{spanOf(t, "2026-03-02 00:00", 84)}}}, rules.Withheld, 0.5},
		{"two routers in turn", []rules.RouteCoverage{
			{Router: toldRouter, First: first, Up: []rules.Window{spanOf(t, "2026-03-02 00:00", 84)}},
			{Router: toldRouter.Next(), First: first, Up: []rules.Window{spanOf(t, "2026-03-05 12:00", 84)}},
		}, rules.Fires, 1},
		{"from the middle on", []rules.RouteCoverage{{Router: toldRouter, First: spanOf(t, "2026-03-05 12:00", 0).From, Up: []rules.Window{spanOf(t, "2026-03-05 12:00", 84)}}}, rules.Fires, 1},
	} {
		routes.coverage = tt.coverage
		got := judgeRoutes(t, rules.SubleaseOrigin(), l, routes, nil)["198.51.100.0/25"]
		if got.Outcome != tt.want || got.Completeness != tt.completeness {
			t.Errorf("%s: outcome %v with completeness %v", tt.name, got.Outcome, got.Completeness)
		}
		if tt.want == rules.Withheld && got.Reason != "low_completeness" {
			t.Errorf("%s: reason %q", tt.name, got.Reason)
		}
	}
}

func TestSpans(t *testing.T) {
	base := spanOf(t, "2026-03-02 00:00", 0).From
	at := func(from, to int) rules.Window {
		return rules.Window{From: base.Add(time.Duration(from) * time.Minute), To: base.Add(time.Duration(to) * time.Minute)}
	}
	for _, tt := range []struct {
		name      string
		add, want []rules.Window
	}{
		{"in any order", []rules.Window{at(100, 110), at(0, 10), at(50, 60)}, []rules.Window{at(0, 10), at(50, 60), at(100, 110)}},
		{"a gap of 14 minutes", []rules.Window{at(24, 30), at(0, 10)}, []rules.Window{at(0, 30)}},
		{"a gap of 15 minutes", []rules.Window{at(25, 30), at(0, 10)}, []rules.Window{at(0, 10), at(25, 30)}},
		{"a gap of 15 minutes, the later one last", []rules.Window{at(0, 10), at(25, 30)}, []rules.Window{at(0, 10), at(25, 30)}},
		{"one inside another", []rules.Window{at(0, 100), at(10, 20)}, []rules.Window{at(0, 100)}},
		{"one that joins several", []rules.Window{at(0, 10), at(30, 40), at(60, 70), at(5, 62)}, []rules.Window{at(0, 70)}},
		{"one that joins by its gaps", []rules.Window{at(0, 10), at(38, 40), at(24, 24), at(24, 25)}, []rules.Window{at(0, 40)}},
		{"an empty one", []rules.Window{at(5, 5), at(7, 6)}, nil},
	} {
		var s rules.Spans
		for _, w := range tt.add {
			s.Add(w)
		}
		if !slices.Equal(s, rules.Spans(tt.want)) {
			t.Errorf("%s: got %v", tt.name, s)
		}
	}
}
