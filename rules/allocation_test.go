package rules_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// The week of these tests, a Monday to a Sunday with no holiday in it.
const (
	weekFrom = "2026-03-02"
	weekTo   = "2026-03-08"
)

// weekOf calls visit with the first n days of the week.
func weekOf(t *testing.T, n int, visit func(d registry.Date)) {
	t.Helper()
	for i := range n {
		visit(day(t, weekFrom) + registry.Date(i))
	}
}

// tenant returns ledgers in which E1, without a licence, holds the block for
// its own use.
func tenant(t *testing.T) *registry.Ledgers {
	t.Helper()
	l := carrier(t)
	l.Exporters = []registry.Exporter{{Address: exporterOfLine, Name: "hz-1"}}
	l.Interfaces = []registry.Interface{{Exporter: exporterOfLine, IfIndex: 7, Role: "customer", LineID: "L1"}}
	l.Lines = []registry.Line{{ID: "L1", EnterpriseID: "E1", Scope: "domestic", Use: "enterprise", APlace: "330100"}}
	l.Allocations = []registry.Allocation{alloc(t, block, "E1", "", "enterprise", "2020-01-01", "")}
	return l
}

// evenly spreads bytes over the hours of a day.
func evenly(bytes uint64) (hours [24]uint64) {
	for h := range hours {
		hours[h] = bytes / 24
	}
	return hours
}

// officeOnly puts bytes between 08:00 and 18:00.
func officeOnly(bytes uint64) (hours [24]uint64) {
	for h := 8; h < 18; h++ {
		hours[h] = bytes / 10
	}
	return hours
}

// nth returns an address of the block.
func nth(i int) netip.Addr {
	a := prefix(block).Addr().As4()
	a[3] = byte(i)
	return netip.AddrFrom4(a)
}

// useCase is one case of a rule about the use of the block.
type useCase struct {
	name    string
	change  func(l *registry.Ledgers)
	traffic func(f *trafficOf)
	books   []rules.ExporterBooks
	want    rules.Outcome
	reason  string
	ceased  bool
}

// runUse judges each case over the week.
func runUse(t *testing.T, r rules.Rule, ledgers func(t *testing.T) *registry.Ledgers, traffic func() trafficOf, cases []useCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			l, f := ledgers(t), traffic()
			f.books = heard(1)
			if tt.books != nil {
				f.books = tt.books
			}
			if tt.change != nil {
				tt.change(l)
			}
			if tt.traffic != nil {
				tt.traffic(&f)
			}
			got := judge(t, r, l, f, weekFrom, weekTo)[block]
			if got.Outcome != tt.want || got.Reason != tt.reason || got.Ceased != tt.ceased {
				t.Fatalf("outcome %v %q ceased %v, want %v %q %v: %+v", got.Outcome, got.Reason, got.Ceased, tt.want, tt.reason, tt.ceased, got.Facts)
			}
			if tt.want == rules.Fires {
				tells(t, got)
			}
		})
	}
}

// tells expects a finding that says who, what, how sure, and what was ruled
// out.
func tells(t *testing.T, got judged) {
	t.Helper()
	for _, text := range []string{got.Explanation.ZH, got.Explanation.EN} {
		if !strings.Contains(text, got.subject.ID) || strings.Contains(text, "%!") || strings.Contains(text, "  ") {
			t.Errorf("explanation: %s", text)
		}
	}
	if !strings.Contains(got.Explanation.ZH, "请人工核实") || !strings.Contains(got.Explanation.EN, "For a person to review") {
		t.Errorf("the explanation reads like a verdict: %s", got.Explanation.EN)
	}
	if got.Confidence <= 0 || got.Confidence > 1 || got.Severity == "" || len(got.Benign) < 3 || len(got.Evidence) < 2 || got.FirstDay == 0 || got.LastDay < got.FirstDay {
		t.Errorf("confidence %v severity %q benign %d evidence %d days %s..%s", got.Confidence, got.Severity, len(got.Benign), len(got.Evidence), got.FirstDay, got.LastDay)
	}
	for _, b := range got.Benign {
		if b.Name == "" || b.Result.ZH == "" || b.Result.EN == "" || strings.Contains(b.Result.EN, "%!") {
			t.Errorf("benign %+v", b)
		}
	}
}

// standingCases are what the ledgers say of the holder of a block that behaves
// as one that needs the service.
func standingCases(t *testing.T, service, use string) []useCase {
	licensed := func(change func(*registry.Licence)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			row := licence(t, "E1", service, "active", "2015-01-01", "")
			change(&row)
			l.Licences = append(l.Licences, row)
		}
	}
	in := func(place string) func(*registry.Licence) {
		return func(r *registry.Licence) { r.National, r.Coverage = false, []registry.Place{registry.Place(place)} }
	}
	both := func(list ...func(l *registry.Ledgers)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			for _, f := range list {
				f(l)
			}
		}
	}
	filedAs := func(use string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) { l.Allocations[0].Use = use }
	}
	heldBy := func(id string) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) { l.Allocations[0].EnterpriseID = id }
	}
	return []useCase{
		{name: "no licence", want: rules.Fires},
		{name: "national licence", change: licensed(func(*registry.Licence) {})},
		{name: "licence of the province", change: licensed(in("33"))},
		{name: "licence of the city", change: licensed(in("330100"))},
		{name: "licence elsewhere, only behaviour shows it", change: licensed(in("4403")), want: rules.Fires},
		{name: "licence elsewhere, filed for that use", change: both(licensed(in("4403")), filedAs(use))},
		{name: "no licence, filed for that use", change: filedAs(use), want: rules.Fires},
		{name: "revoked", change: licensed(func(r *registry.Licence) { r.Status = "revoked" }), want: rules.Fires},
		{name: "licence without its area", change: licensed(func(r *registry.Licence) { r.National = false }), want: rules.Withheld, reason: "place_unknown"},
		{name: "place of the block unknown", change: both(licensed(in("33")), func(l *registry.Ledgers) { l.Allocations[0].Place = "" }), want: rules.Withheld, reason: "place_unknown"},
		{name: "licence of a sister company", change: func(l *registry.Ledgers) {
			l.Licences = []registry.Licence{licence(t, "E1S", service, "active", "2015-01-01", "")}
		}, want: rules.Fires},
		{name: "licensed since the second day", change: licensed(func(r *registry.Licence) { r.Valid.From = day(t, weekFrom) + 1 })},
		{name: "licensed since the fourth day", change: licensed(func(r *registry.Licence) { r.Valid.From = day(t, weekFrom) + 3 }), want: rules.Fires, ceased: true},
		{name: "expired before the last three days", change: licensed(func(r *registry.Licence) { r.Valid.To = day(t, weekTo) - 3 }), want: rules.Fires},
		{name: "the carrier", change: heldBy("CT")},
		{name: "an individual", change: heldBy("P1")},
		{name: "subscriber pool", change: filedAs("subscriber_pool")},
		{name: "infrastructure", change: filedAs("infrastructure")},
		{name: "given back before", change: func(l *registry.Ledgers) { l.Allocations[0].Valid.To = day(t, weekFrom) - 1 }},
		{name: "two holders at once, one of them licensed", change: both(licensed(func(*registry.Licence) {}), func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, block, "E2", "", "enterprise", "2021-01-01", ""))
		})},
		{name: "incomplete", books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
		{name: "complete enough", books: heard(0.9), want: rules.Fires},
		{name: "rate mostly unknown", traffic: func(f *trafficOf) { f.days[0].Unscaled = 1 << 60 }, want: rules.Withheld, reason: "sampling_unknown"},
		{name: "silent", traffic: func(f *trafficOf) { *f = trafficOf{books: heard(1)} }},
		{name: "silent because the exporter is", traffic: func(f *trafficOf) { *f = trafficOf{} }, want: rules.Withheld, reason: "low_completeness"},
	}
}

// TestUseIsAboutWhoHeldIt has a block change hands inside the span.
func TestUseIsAboutWhoHeldIt(t *testing.T) {
	l := tenant(t)
	l.Allocations[0].Valid.To = day(t, weekFrom) + 3
	l.Allocations = append(l.Allocations, alloc(t, block, "E2", "", "enterprise", "2026-03-06", ""))
	f := hosting(t)()
	f.books = heard(1)
	got := judge(t, rules.UnlicensedIDC(), l, f, weekFrom, weekTo)[block]
	blames(t, got, nil) // E2 has three days of its own
	f.days = f.days[:5]
	got = judge(t, rules.UnlicensedIDC(), l, f, weekFrom, weekTo)[block]
	blames(t, got, &rules.Holder{EnterpriseID: "E1", Name: "甲公司", Province: "33"})
	if got.LastDay != day(t, weekFrom)+3 || !got.Ceased {
		t.Errorf("last day %s, ceased %v", got.LastDay, got.Ceased)
	}
}

// TestUseIsHeardWhereTheHolderIs has a second exporter see the block, one where
// its holder has no line.
func TestUseIsHeardWhereTheHolderIs(t *testing.T) {
	elsewhere := netip.MustParseAddr("192.0.2.99")
	beside := func(f *trafficOf) {
		onDays(func(_ int, d *rules.AllocationDay) { d.Exporters = append(d.Exporters, elsewhere) })(f)
	}
	books := func(here float64, received, missed uint64) []rules.ExporterBooks {
		return append(heard(here), rules.ExporterBooks{Exporter: elsewhere, Received: received, Stored: received, Missed: missed, Minutes: 60})
	}
	runUse(t, rules.UnlicensedIDC(), tenant, hosting(t), []useCase{
		{name: "heard badly, beside one heard well", traffic: beside, books: books(0.89, 1e6, 0), want: rules.Withheld, reason: "low_completeness"},
		{name: "heard well, beside one heard badly", traffic: beside, books: books(1, 1e6, 1e6), want: rules.Fires},
		{name: "no line at either", traffic: beside, books: books(0.5, 1e6, 0), change: func(l *registry.Ledgers) { l.Lines = nil }, want: rules.Fires},
	})
}

func round4(x float64) float64 { return float64(int(x*1e4+0.5)) / 1e4 }
