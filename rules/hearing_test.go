package rules_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// hearing makes the hearing of an exporter that is heard in the minutes from 0
// to end for which heard says so.
func hearing(end int64, heard func(minute int64) bool) rules.Hearing {
	var h rules.Hearing
	last := int64(-1)
	for m := range end {
		switch {
		case !heard(m):
			continue
		case last < 0:
			h.First = m
		case m > last+1:
			h.Pauses = append(h.Pauses, rules.Pause{After: last, Before: m})
		}
		last = m
	}
	h.Last = last
	return h
}

const dayOf, hourOf = int64(24 * 60), int64(60)

// in reports whether a minute lies in hours of the days counted from 0.
func in(m, from, to int64) bool { return m >= from*hourOf && m < to*hourOf }

func TestHearingSilence(t *testing.T) {
	always := func(int64) bool { return true }
	random := rand.New(rand.NewPCG(1, 2))
	weekday := func(m int64) bool { return m/dayOf%7 < 5 }
	for _, tt := range []struct {
		name     string
		days     int64 // of the store
		last     int64 // days of the window, up to the end
		heard    func(minute int64) bool
		expected int64 // minutes
		from, to int64 // bounds of the silent minutes
	}{
		{name: "always heard", days: 28, last: 1, heard: always, expected: dayOf},
		{name: "an outage of six hours", days: 28, last: 1, heard: func(m int64) bool { return !in(m, 27*24+3, 27*24+9) }, expected: dayOf, from: 360, to: 360},
		{name: "an outage that began before", days: 28, last: 1, heard: func(m int64) bool { return !in(m, 26*24+12, 27*24+9) }, expected: dayOf, from: 540, to: 540},
		{name: "an outage that lasts", days: 28, last: 7, heard: func(m int64) bool { return !in(m, 25*24, 28*24) }, expected: 7 * dayOf, from: 3*dayOf - 1, to: 3 * dayOf},
		{name: "dead for the whole window", days: 28, last: 1, heard: func(m int64) bool { return !in(m, 20*24, 28*24) }, expected: dayOf, from: dayOf, to: dayOf},
		{name: "two outages", days: 28, last: 7, heard: func(m int64) bool { return !in(m, 22*24, 22*24+5) && !in(m, 26*24, 26*24+5) }, expected: 7 * dayOf, from: 600, to: 600},
		{name: "an outage over two of seven days, and nothing known before", days: 7, last: 7, heard: func(m int64) bool { return !in(m, 60, 108) }, expected: 7 * dayOf, from: 48 * 60, to: 48 * 60},
		{name: "ten minutes", days: 28, last: 1, heard: func(m int64) bool { return m < 27*dayOf+100 || m >= 27*dayOf+109 }, expected: dayOf},
		{name: "eleven minutes", days: 28, last: 1, heard: func(m int64) bool { return m < 27*dayOf+100 || m >= 27*dayOf+110 }, expected: dayOf, from: 10, to: 10},

		{name: "joins in mid-window", days: 28, last: 7, heard: func(m int64) bool { return in(m, 25*24+7, 28*24) }, expected: 3*dayOf - 1, from: 419, to: 419},
		{name: "joins at midnight in mid-window", days: 28, last: 7, heard: func(m int64) bool { return in(m, 25*24, 28*24) }, expected: 3 * dayOf},
		{name: "joins minutes after midnight", days: 28, last: 7, heard: func(m int64) bool { return m >= 25*dayOf+10 }, expected: 3*dayOf - 10},
		{name: "joins in mid-window, quiet at night", days: 28, last: 7, heard: func(m int64) bool { return m >= 23*dayOf && in(m%dayOf, 8, 20) }, expected: 5*dayOf - 8*60},
		{name: "a minute on its first day", days: 1, last: 1, heard: func(m int64) bool { return m == dayOf-1 }, expected: 12 * 60, from: 719, to: 719},
		{name: "an evening on its first day", days: 1, last: 1, heard: func(m int64) bool { return m >= 19*60 }, expected: 12 * 60, from: 7 * 60, to: 7 * 60},
		{name: "heard since an evening", days: 28, last: 7, heard: func(m int64) bool { return m >= 24*dayOf+19*60 }, expected: 4*dayOf - 1, from: 19*60 - 1, to: 19*60 - 1},
		{name: "joins in mid-window, and falls silent", days: 28, last: 7, heard: func(m int64) bool { return in(m, 23*24+7, 28*24) && !in(m, 27*24, 27*24+6) }, expected: 5*dayOf - 1, from: 779, to: 779},
		{name: "a flow each few minutes", days: 28, last: 1, heard: func(int64) bool { return random.IntN(7) == 0 }, expected: dayOf, to: 30},
		{name: "a flow each few minutes, and a dead half day", days: 28, last: 1, heard: func(m int64) bool { return m%7 == 0 && !in(m, 27*24+6, 27*24+18) }, expected: dayOf, from: 715, to: 725},
		{name: "a flow each quarter of an hour, never heard around the clock before", days: 3, last: 1, heard: func(m int64) bool { return m%15 == 0 }, expected: dayOf},
		{name: "quiet at night", days: 28, last: 1, heard: func(m int64) bool { return in(m%dayOf, 8, 20) }, expected: dayOf},
		{name: "quiet at night, two days old", days: 2, last: 2, heard: func(m int64) bool { return in(m%dayOf, 8, 20) }, expected: 2*dayOf - 8*60},
		{name: "quiet on weekends", days: 28, last: 7, heard: weekday, expected: 7 * dayOf},
		{name: "quiet on weekends, and on a Tuesday", days: 28, last: 7, heard: func(m int64) bool { return weekday(m) && !in(m, 22*24, 23*24) }, expected: 7 * dayOf, from: dayOf, to: dayOf},
		{name: "a burst a day", days: 28, last: 7, heard: func(m int64) bool { return in(m%dayOf, 10, 11) }, expected: 7 * dayOf},
		{name: "bursts on two days", days: 7, last: 7, heard: func(m int64) bool { return in(m, 34, 35) || in(m, 58, 59) }, expected: 7*dayOf - 34*60, from: 4 * dayOf, to: 4 * dayOf},
		{name: "bursts on two days, one after the other", days: 3, last: 2, heard: func(m int64) bool { return in(m, 26, 27) || in(m, 70, 71) }, expected: 2*dayOf - 2*60},
		{name: "bursts on two days with one between", days: 3, last: 3, heard: func(m int64) bool { return in(m, 10, 11) || in(m, 60, 61) }, expected: 3*dayOf - 10*60, from: dayOf, to: dayOf},
		{name: "heard on two days only", days: 28, last: 7, heard: func(m int64) bool { return in(m, 24*24, 26*24) }, expected: 4 * dayOf, from: 2 * dayOf, to: 2 * dayOf},
		{name: "heard for a minute a week ago", days: 8, last: 7, heard: func(m int64) bool { return m == 5 }, expected: 7 * dayOf, from: 7 * dayOf, to: 7 * dayOf},
		{name: "the first day of an installation", days: 1, last: 1, heard: func(m int64) bool { return m >= 9*60 && m%5 == 0 }, expected: 15 * 60},
		{name: "a day old, and silent since noon", days: 1, last: 1, heard: func(m int64) bool { return m < 12*60 }, expected: dayOf},
	} {
		t.Run(tt.name, func(t *testing.T) {
			end := tt.days * dayOf
			at := func(minute int64) time.Time { return time.Unix(minute*60, 0) }
			w := rules.Window{From: at(end - tt.last*dayOf), To: at(end)}
			expected, silent := hearing(end, tt.heard).Silence(w, end-1)
			if expected != uint64(tt.expected) || silent < uint64(tt.from) || silent > uint64(tt.to) {
				t.Errorf("silent for %d of %d minutes, want %d–%d of %d", silent, expected, tt.from, tt.to, tt.expected)
			}
		})
	}
}

// TestSilenceEndsWithWhatAnybodyHeard has the store end for everybody in
// mid-window, as a capture does.
func TestSilenceEndsWithWhatAnybodyHeard(t *testing.T) {
	h := hearing(10*dayOf+60, func(int64) bool { return true })
	w := rules.Window{From: time.Unix(10*dayOf*60, 0), To: time.Unix(11*dayOf*60, 0)}
	if expected, silent := h.Silence(w, 10*dayOf+59); expected != 60 || silent != 0 {
		t.Errorf("silent for %d of %d minutes", silent, expected)
	}
	if expected, silent := h.Silence(w, 10*dayOf+179); expected != 180 || silent != 120 {
		t.Errorf("silent for %d of %d minutes, where another one was heard longer", silent, expected)
	}
	young := rules.Hearing{First: 8 * dayOf, Last: 9*dayOf - 1}
	w = rules.Window{From: time.Unix(8*dayOf*60, 0), To: w.To}
	for anybody, want := range map[int64]uint64{10*dayOf - 1: uint64(dayOf), 11*dayOf - 55: uint64(3*dayOf-54) - uint64(dayOf), 11*dayOf - 70: uint64(dayOf)} {
		if _, silent := young.Silence(w, anybody); silent != want {
			t.Errorf("an exporter of one day is silent for %d minutes, want %d, where another was heard up to minute %d", silent, want, anybody)
		}
	}
	if expected, silent := h.Silence(rules.Window{From: w.To, To: w.To.AddDate(0, 0, 1)}, 10*dayOf+59); expected != 0 || silent != 0 {
		t.Errorf("after all was heard: silent for %d of %d minutes", silent, expected)
	}
}

func TestCompletenessOfSilence(t *testing.T) {
	whole := rules.ExporterBooks{Received: 1000, Stored: 1000, Expected: 1440}
	lossy := rules.ExporterBooks{Received: 900, Stored: 900, Missed: 100, Expected: 1440}
	silent := rules.ExporterBooks{Received: 1000, Stored: 1000, Expected: 1440, Silent: 360}
	both := silent
	both.Missed = 500 // what came after the silence says how much was lost in it
	dead := rules.ExporterBooks{Expected: 1440, Silent: 1440}
	for _, tt := range []struct {
		name  string
		books []rules.ExporterBooks
		want  float64
	}{
		{"whole", []rules.ExporterBooks{whole}, 1},
		{"lossy", []rules.ExporterBooks{lossy}, 0.9},
		{"silent for a quarter", []rules.ExporterBooks{silent}, 0.75},
		{"silent, and sequence numbers say more", []rules.ExporterBooks{both}, 2. / 3},
		{"dead", []rules.ExporterBooks{dead}, 0},
		{"one of two dead", []rules.ExporterBooks{whole, dead}, 0.5},
		{"one of two dead, the other in the order of a list", []rules.ExporterBooks{dead, whole}, 0.5},
	} {
		var all rules.ExporterBooks
		for _, b := range tt.books {
			all.Add(b)
		}
		if got := all.Completeness(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestSilenceEntersLinesAndAllocations has the exporter of a line fall silent:
// what would fire is withheld, for the line and for the addresses behind it.
func TestSilenceEntersLinesAndAllocations(t *testing.T) {
	silent := func(minutes uint64) []rules.ExporterBooks {
		books := slices.Clone(heard(1))
		books[0].Expected, books[0].Silent = 1000, minutes
		return books
	}
	s := sent{near: "36.12.0.0/24", bytes: daily(1_000_000), own: 9_000_000}
	for minutes, want := range map[uint64]rules.Outcome{0: rules.Fires, 100: rules.Fires, 101: rules.Withheld} {
		got := bandwidth(t, domesticLine(t), trafficOf{networks: s.networks(t), books: silent(minutes)})
		if got.Outcome != want || got.Completeness != 1-float64(minutes)/1000 || want == rules.Withheld && got.Reason != "low_completeness" {
			t.Errorf("silent for %d of 1000 minutes: %v %q with completeness %v", minutes, got.Outcome, got.Reason, got.Completeness)
		}
	}
	runUse(t, rules.UnlicensedIDC(), tenant, hosting(t), []useCase{
		{name: "silent for a tenth", books: silent(100), want: rules.Fires},
		{name: "silent for more", books: silent(101), want: rules.Withheld, reason: "low_completeness"},
	})
}
