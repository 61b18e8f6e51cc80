package rules_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// cdnSite returns ledgers with a cdn allocation of E1 that was there before the
// notice, evaluated for 1,000 Mbit/s.
func cdnSite(t *testing.T) *registry.Ledgers {
	l := tenant(t)
	l.Allocations[0].Use = "cdn"
	l.Allocations[0].Valid.From = day(t, "2016-01-01")
	l.Evaluations = []registry.Evaluation{{EnterpriseID: "E1", Service: "B12", Place: "330100", CapacityMbps: 1000, PassedOn: day(t, "2020-01-01")}}
	return l
}

// peak is a week in which the hour from 20:00 has that many Mbit/s out of a
// block, and every other hour half as many.
func peak(t *testing.T, f *trafficOf, in netip.Prefix, mbps float64, samples uint64) {
	weekOf(t, 7, func(d registry.Date) {
		row := rules.AllocationDay{Allocation: in, Day: d, Samples: samples, Exporters: []netip.Addr{exporterOfLine}}
		for h := range row.OutByHour {
			row.OutByHour[h] = uint64(mbps * 1e6 / 8 * 3600 / 2)
			if h == 20 {
				row.OutByHour[h] *= 2
			}
			row.Out += row.OutByHour[h]
		}
		f.days = append(f.days, row)
	})
}

func TestEvaluationMissingPeak(t *testing.T) {
	more := func(change func(e *registry.Evaluation)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) {
			e := l.Evaluations[0]
			change(&e)
			l.Evaluations = append(l.Evaluations, e)
		}
	}
	first := func(change func(e *registry.Evaluation)) func(l *registry.Ledgers) {
		return func(l *registry.Ledgers) { change(&l.Evaluations[0]) }
	}
	const second = "203.0.113.0/24"
	for _, tt := range []struct {
		name    string
		mbps    float64
		samples uint64 // per day; one hour of 12.5 is the peak
		change  func(l *registry.Ledgers)
		traffic func(f *trafficOf)
		books   []rules.ExporterBooks
		want    rules.Outcome
		reason  string
	}{
		{name: "as evaluated", mbps: 999, samples: 1_250_000},
		{name: "just above", mbps: 1010, samples: 1_250_000, want: rules.Fires},
		{name: "far above", mbps: 1500, samples: 12_500, want: rules.Fires},
		{name: "above within the error", mbps: 1010, samples: 12_500, want: rules.Withheld, reason: "low_samples"},
		{name: "few samples", mbps: 1500, samples: 499, want: rules.Withheld, reason: "low_samples"},
		{name: "few samples in the hour", mbps: 1500, samples: 1000, want: rules.Withheld, reason: "low_samples"},
		{name: "larger evaluation of the place", mbps: 1500, samples: 12_500, change: more(func(e *registry.Evaluation) { e.CapacityMbps = 2000 })},
		{name: "smaller evaluation of the place", mbps: 1500, samples: 12_500, change: more(func(e *registry.Evaluation) { e.CapacityMbps = 800 }), want: rules.Fires},
		{name: "evaluated larger after the span", mbps: 1500, samples: 12_500, change: more(func(e *registry.Evaluation) { e.CapacityMbps, e.PassedOn = 2000, day(t, "2026-04-01") }), want: rules.Fires},
		{name: "the province evaluated besides", mbps: 1500, samples: 12_500, change: more(func(e *registry.Evaluation) { e.Place = "33" })},
		{name: "another place evaluated besides", mbps: 1500, samples: 12_500, change: more(func(e *registry.Evaluation) { e.Place = "440300" }), want: rules.Fires},
		{name: "another service", mbps: 1500, samples: 12_500, change: first(func(e *registry.Evaluation) { e.Service = "B11" })},
		{name: "capacity unknown", mbps: 1500, samples: 12_500, change: first(func(e *registry.Evaluation) { e.CapacityMbps = 0 }), want: rules.Withheld, reason: "capacity_unknown"},
		{name: "all allocations together", mbps: 700, samples: 12_500, change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, second, "E1", "", "cdn", "2016-01-01", ""))
		}, traffic: func(f *trafficOf) { peak(t, f, prefix(second), 700, 12_500) }, want: rules.Fires},
		{name: "one of them in its first days", mbps: 700, samples: 12_500, change: func(l *registry.Ledgers) {
			l.Allocations = append(l.Allocations, alloc(t, second, "E1", "", "cdn", "2026-02-20", ""))
		}, traffic: func(f *trafficOf) { peak(t, f, prefix(second), 700, 12_500) }},
		{name: "another use", mbps: 1500, samples: 12_500, change: func(l *registry.Ledgers) { l.Allocations[0].Use = "enterprise" }},
		{name: "the carrier", mbps: 1500, samples: 12_500, change: func(l *registry.Ledgers) { l.Allocations[0].EnterpriseID, l.Evaluations[0].EnterpriseID = "CT", "CT" }},
		{name: "incomplete", mbps: 1500, samples: 12_500, books: heard(0.89), want: rules.Withheld, reason: "low_completeness"},
		{name: "rate mostly unknown", mbps: 1500, samples: 12_500, traffic: func(f *trafficOf) { f.days[0].Unscaled = 1 << 60 }, want: rules.Withheld, reason: "sampling_unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, f := cdnSite(t), trafficOf{books: heard(1)}
			if tt.books != nil {
				f.books = tt.books
			}
			peak(t, &f, prefix(block), tt.mbps, tt.samples)
			if tt.change != nil {
				tt.change(l)
			}
			if tt.traffic != nil {
				tt.traffic(&f)
			}
			holder := l.Allocations[0].EnterpriseID
			got := judge(t, rules.EvaluationMissing(), l, f, weekFrom, weekTo)[holder]
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

func TestEvaluationMissingPeakFigures(t *testing.T) {
	l, f := cdnSite(t), trafficOf{books: heard(0.95)}
	peak(t, &f, prefix(block), 1500, 12_500)
	got := judge(t, rules.EvaluationMissing(), l, f, weekFrom, weekTo)["E1"]
	// 1,000 of 12,500 samples are in the hour: 1.96/√1000 is 6.2 %.
	if got.Facts["peak_mbps"] != 1500.0 || got.Facts["evaluated_mbps"] != 1000.0 || got.Facts["peak_hour"] != 20 || got.Facts["peak_samples"] != uint64(1000) || got.Facts["peak_half_width_mbps"] != 92.97 {
		t.Errorf("figures %v", got.Facts)
	}
	if got.Completeness != 0.95 || got.Confidence != 0.95 || got.Severity != rules.Medium || len(got.Benign) < 2 {
		t.Errorf("completeness %v confidence %v", got.Completeness, got.Confidence)
	}
	// A new place without an evaluation is told beside it.
	l.Allocations = append(l.Allocations, alloc(t, "203.0.113.0/24", "E1", "", "cdn", "2025-01-01", ""))
	l.Allocations[1].Place = "440300"
	got = judge(t, rules.EvaluationMissing(), l, f, weekFrom, weekTo)["E1"]
	if got.Facts["peak_mbps"] != 1500.0 || got.Facts["resources"] != 1 || strings.Count(got.Explanation.EN, "For a person to review") != 2 {
		t.Errorf("one of two is missing: %v %s", got.Facts, got.Explanation.EN)
	}
}
