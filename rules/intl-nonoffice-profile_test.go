package rules_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// fortnight is when line I1 is used in two ordinary weeks, by local hour at
// home: bytes, and how many address pairs carry them.
type fortnight struct {
	bytes func(at time.Time) uint64
	pairs func(at time.Time) uint64
	from  string // the first day, by default Monday 2026-03-09
	days  int    // by default 14
}

func (f fortnight) start(t *testing.T) time.Time {
	t.Helper()
	if f.from == "" {
		f.from = "2026-03-09"
	}
	return day(t, f.from).Start(shanghai(t))
}

func (f fortnight) hours(t *testing.T) []time.Time {
	t.Helper()
	if f.days == 0 {
		f.days = 14
	}
	out := make([]time.Time, 24*f.days)
	for i := range out {
		out[i] = f.start(t).Add(time.Duration(i) * time.Hour)
	}
	return out
}

// traffic has one sample per 1,000 bytes; a day's pairs are the most of an hour
// that is asked for.
func (f fortnight) traffic(t *testing.T) trafficOf {
	t.Helper()
	var out trafficOf
	for _, at := range f.hours(t) {
		if bytes := f.bytes(at); bytes > 0 {
			out.hours = append(out.hours, rules.LineHour{Line: "I1", Hour: at.UTC(), FromCustomer: bytes / 2, ToCustomer: bytes - bytes/2, Samples: bytes / 1000})
		}
	}
	out.networks = []rules.LineNetworks{{Line: "I1", Day: registry.DateOf(f.start(t)), Near: prefix("10.1.0.0/16"), Far: prefix("10.2.0.0/16"), FromCustomer: 1 << 30, Samples: 1 << 20}}
	out.pairs = func(q rules.PairsQuestion) []rules.LinePairs {
		byDay := make(map[registry.Date]uint64)
		for _, hour := range q.Hours {
			at := hour.In(q.Location)
			d := registry.DateOf(at)
			byDay[d] = max(byDay[d], f.pairs(at))
		}
		var rows []rules.LinePairs
		for _, line := range q.Lines {
			for d, pairs := range byDay {
				rows = append(rows, rules.LinePairs{Line: line, Day: d, Pairs: pairs})
			}
		}
		return rows
	}
	out.books = heard(1)
	return out
}

func (f fortnight) judge(t *testing.T, l *registry.Ledgers, change func(*trafficOf)) judged {
	t.Helper()
	traffic := f.traffic(t)
	if change != nil {
		change(&traffic)
	}
	hours := f.hours(t)
	last := registry.DateOf(hours[len(hours)-1])
	return judge(t, rules.IntlNonOfficeProfile(), l, traffic, registry.DateOf(hours[0]).String(), last.String())["I1"]
}

func always(n uint64) func(time.Time) uint64 { return func(time.Time) uint64 { return n } }

func weekend(at time.Time) bool { return at.Weekday() == time.Saturday || at.Weekday() == time.Sunday }

// nineToSix is a line used from nine to six on working days, and hardly else.
func nineToSix(at time.Time) uint64 {
	if !weekend(at) && at.Hour() >= 9 && at.Hour() < 18 {
		return 9_000_000
	}
	return 50_000
}

func TestIntlNonOfficeProfile(t *testing.T) {
	flat := fortnight{bytes: always(1_000_000), pairs: always(60)}
	tests := []struct {
		name    string
		use     fortnight
		country string // Hong Kong by default, whose day is that of the near end
		ledgers func(l *registry.Ledgers)
		traffic func(f *trafficOf)
		want    rules.Outcome
		reason  string
	}{
		{name: "around the clock by many", use: flat, want: rules.Fires},
		{name: "an office", use: fortnight{bytes: nineToSix, pairs: always(60)}},
		{name: "follow-the-sun offices", use: flat, country: "DE"},
		{
			// From 21:00 to 11:00 in Shanghai it is office time in New York.
			name: "a night shift for an office abroad", country: "US",
			use: fortnight{pairs: always(60), bytes: func(at time.Time) uint64 {
				if at.Hour() >= 20 || at.Hour() < 10 {
					return 1_000_000
				}
				return 100_000
			}},
		},
		{
			name: "nightly backup between few pairs",
			use: fortnight{pairs: always(3), bytes: func(at time.Time) uint64 {
				if at.Hour() >= 1 && at.Hour() < 5 {
					return 50_000_000
				}
				return 100_000
			}},
		},
		{name: "pairs enough", use: fortnight{bytes: always(1_000_000), pairs: always(20)}, want: rules.Fires},
		{name: "a pair fewer", use: fortnight{bytes: always(1_000_000), pairs: always(19)}},
		{name: "many pairs in office hours only", use: fortnight{bytes: always(1_000_000), pairs: func(at time.Time) uint64 {
			if !weekend(at) && at.Hour() >= 7 && at.Hour() < 22 {
				return 500
			}
			return 4
		}}},
		{name: "pairs on five days", use: fortnight{bytes: always(1_000_000), pairs: func(at time.Time) uint64 {
			if at.Day() < 14 {
				return 60
			}
			return 2
		}}, want: rules.Fires},
		{name: "pairs on four days", use: fortnight{bytes: always(1_000_000), pairs: func(at time.Time) uint64 {
			if at.Day() < 13 {
				return 60
			}
			return 2
		}}},
		{name: "more on working days, as offices", use: fortnight{pairs: always(60), bytes: weekday(1_300_000, 1_000_000)}},
		{name: "hardly more on working days", use: fortnight{pairs: always(60), bytes: weekday(1_299_000, 1_000_000)}, want: rules.Fires},
		{name: "silent at weekends", use: fortnight{pairs: always(60), bytes: weekday(1_000_000, 0)}},
		{name: "a span without a weekend", use: fortnight{pairs: always(60), bytes: always(1_000_000), days: 5}},
		{name: "a span of one weekend", use: fortnight{pairs: always(60), bytes: always(1_000_000), days: 2, from: "2026-03-14"}},
		{name: "under the share", use: fortnight{pairs: always(60), bytes: split(424_500, 705_300)}},
		{name: "over the share", use: fortnight{pairs: always(60), bytes: split(429_000, 702_600)}, want: rules.Fires},
		{name: "the far end is in no country", use: flat, country: "-", want: rules.Withheld, reason: "far_country_unknown"},
		{name: "few samples", use: fortnight{pairs: always(60), bytes: always(1_450)}, want: rules.Withheld, reason: "low_samples"},
		{name: "incomplete", use: flat, traffic: func(f *trafficOf) { f.books = heard(0.89) }, want: rules.Withheld, reason: "low_completeness"},
		{name: "complete enough", use: flat, traffic: func(f *trafficOf) { f.books = heard(0.9) }, want: rules.Fires},
		{name: "sampling unknown", use: flat, traffic: func(f *trafficOf) { f.networks[0].Unscaled = 1 << 31 }, want: rules.Withheld, reason: "sampling_unknown"},
		{name: "domestic", use: flat, ledgers: func(l *registry.Ledgers) { l.Lines[0].Scope = "domestic" }},
		{name: "the carrier's own", use: flat, ledgers: func(l *registry.Ledgers) { l.Lines[0].EnterpriseID = "CT" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := officeLine(t)
			l.Lines[0].ZCountry = "HK"
			switch tt.country {
			case "":
			case "-":
				l.Lines[0].ZCountry = ""
			default:
				l.Lines[0].ZCountry = tt.country
			}
			if tt.ledgers != nil {
				tt.ledgers(l)
			}
			got := tt.use.judge(t, l, tt.traffic)
			if got.Outcome != tt.want || got.Reason != tt.reason {
				t.Fatalf("outcome %v %q, want %v %q: %+v", got.Outcome, got.Reason, tt.want, tt.reason, got.Facts)
			}
		})
	}
}

// weekday is the bytes of an hour on working days and at weekends.
func weekday(working, rest uint64) func(time.Time) uint64 {
	return func(at time.Time) uint64 {
		if weekend(at) {
			return rest
		}
		return working
	}
}

// split is a line that carries 12 MB on a day of rest and 14.4 MB on a working
// day, 9 hours of which are outside office hours: 43.2 of 96 MB are 45 %.
func split(night, day uint64) func(time.Time) uint64 {
	return func(at time.Time) uint64 {
		switch {
		case weekend(at):
			return 500_000
		case at.Hour() >= 7 && at.Hour() < 22:
			return day
		}
		return night
	}
}

func TestIntlNonOfficeProfileFigures(t *testing.T) {
	l := officeLine(t)
	l.Lines[0].ZCountry = "HK"
	got := fortnight{bytes: always(1_000_000), pairs: always(120)}.judge(t, l, nil)
	// Of a week 5 times 9 hours and twice 24 are outside.
	if share, _ := got.Facts["nonoffice_share"].(float64); math.Abs(share-93./168) > 0.0001 {
		t.Errorf("share %v", share)
	}
	for name, want := range map[string]any{
		"workday_restday_ratio": 1.0, "working_days": 10, "rest_days": 4, "days_with_active_pairs": 14, "nonoffice_pairs_median": uint64(120),
		"a_country": "CN", "z_country": "HK", "bytes_per_day": uint64(24_000_000),
	} {
		if got.Facts[name] != want {
			t.Errorf("%s = %v, want %v", name, got.Facts[name], want)
		}
	}
	if got.Severity != rules.High || got.Confidence < 0.99 || got.FirstDay != day(t, "2026-03-09") || got.LastDay != day(t, "2026-03-22") {
		t.Errorf("%s, confidence %v, seen %s..%s", got.Severity, got.Confidence, got.FirstDay, got.LastDay)
	}
	if !strings.Contains(got.Explanation.ZH, "55.4%") || !strings.Contains(got.Explanation.EN, "55.4 %") || len(got.Benign) != 4 {
		t.Errorf("explanation %v, benign %v", got.Explanation, got.Benign)
	}
}

// TestIntlNonOfficeProfileKnowsHolidays measures the weeks around National Day
// with the offices abroad open on weekdays: only days on which nobody works at
// either end are days of rest.
func TestIntlNonOfficeProfileKnowsHolidays(t *testing.T) {
	l := officeLine(t)
	l.Lines[0].ZCountry = "HK"
	in := rules.Inputs{
		Span:    rules.Span{Days: validity(t, "2026-10-01", "2026-10-14"), Location: shanghai(t)},
		Ledgers: registry.NewSnapshot(l, []uint32{64500}),
		Traffic: fortnight{from: "2026-10-01", pairs: always(60), bytes: always(1_000_000)}.traffic(t),
	}
	r := rules.IntlNonOfficeProfile()
	params, err := r.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	var cal *registry.Calendar
	for fact, err := range r.Measure(t.Context(), in, params) {
		f, ok := fact.(rules.NonOfficeFact)
		if err != nil || !ok || len(f.Days) != 14 {
			t.Fatalf("%T with %d days, %v", fact, len(f.Days), err)
		}
		for _, d := range f.Days {
			if want := !cal.Workday(d.Day) && weekend(d.Day.Start(time.UTC)); d.Rest != want {
				t.Errorf("%s: rest %v, want %v", d.Day, d.Rest, want)
			}
		}
		if saturday := f.Days[9]; saturday.Rest || saturday.Day != day(t, "2026-10-10") {
			t.Errorf("%s, which is made up for a holiday, is a day of rest", saturday.Day)
		}
	}
}
