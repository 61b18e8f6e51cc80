package rules

import (
	"slices"
	"time"
)

// HearingDays is how many days up to the end of a window tell the habits of an
// exporter, at least: four weeks, so that nights and weekends recur.
const HearingDays = 28

const (
	// dayMinutes and weekMinutes are a day and a week of UTC.
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
	// leastHeardDays is on how many days an exporter must have been heard for it
	// to have habits within a day.
	leastHeardDays = 3
	// longestUsual is the longest pause, in minutes, of an exporter that is heard
	// around the clock. One that pauses longer on a usual day has nothing to
	// report then, as far as anybody can tell.
	longestUsual = 60
	// shortestSilence is the pause, in minutes, up to which nothing is missed:
	// exporters wait for flows to end, mostly up to five minutes.
	shortestSilence = 10
	// longestNight is how many minutes of its first day an exporter without habits
	// may have had nothing to report.
	longestNight = 12 * 60
)

// Hearing is when one exporter was heard: in which minutes it sent anything,
// data, options or templates. Minutes are counted from 1970, UTC.
type Hearing struct {
	// First and Last are the first and the last minute in which it was heard.
	First, Last int64
	// Pauses lie between them, in order.
	Pauses []Pause
}

// Pause is a run of minutes in which an exporter was not heard.
type Pause struct {
	// After and Before are the minutes next to it, in which it was heard.
	After, Before int64
}

func (p Pause) minutes() int64 { return p.Before - p.After }

// Silence returns for how many minutes of a window an exporter should have been
// heard, and for how many of them it fell silent. It should have been heard from
// the day on which it ever was first, so that the days before one joins are not
// missed, and up to the last minute in which any exporter was heard, anybody:
// beyond it nobody knows. Of that first day, what lies before its first minute is
// silence by the same measures as a pause: a day is not whole from the minute on
// in which somebody began to look.
//
// Exporters are compared with their own habit. The usual pause is the median,
// over the days on which the exporter was heard, of the longest pause that
// touches the day. A pause of more than 10 minutes and more than twice the usual
// one is silence in what it is longer than usual, but for the minutes that lay
// in another pause of that kind a week before. An exporter that usually pauses
// for more than an hour has no habit to go by, and nothing is held against it.
//
// One that was heard on fewer than three days has none yet: what it did not say
// within a day may be its nights, or a capture that was short. But of whole days
// without a word nobody knows what they held, so they are silence and not taken
// for complete, and so is what of its first day is more than a night.
func (h Hearing) Silence(w Window, anybody int64) (expected, silent uint64) {
	from, to := minuteOf(w.From), minuteOf(w.To.Add(time.Minute-1))
	begin, end := max(from, h.First), min(to, anybody+1)
	if begin >= end {
		return 0, 0
	}
	expected = uint64(end - begin)
	lead := max(0, h.First-max(from, dayOf(h.First, to)))
	pauses := h.Pauses
	if anybody > h.Last {
		pauses = append(slices.Clone(pauses), Pause{h.Last, anybody + 1})
	}
	usual, days := h.usual(pauses, to)
	switch {
	case days < leastHeardDays:
		before := uint64(max(0, lead-longestNight))
		return expected + before, silentDays(pauses, begin, end, to) + before
	case usual > longestUsual:
		return expected, 0
	case lead > max(shortestSilence, 2*usual):
		silent = uint64(lead - usual)
		expected += silent
	}
	pauses = slices.DeleteFunc(slices.Clone(pauses), func(p Pause) bool { return p.minutes() <= max(shortestSilence, 2*usual) })
	for i, p := range pauses {
		out := Pause{max(p.After+usual, begin), min(p.Before, end)}
		if out.minutes() > 0 {
			silent += uint64(out.minutes() - habitual(out, pauses, i))
		}
	}
	return expected, min(silent, expected)
}

// dayOf returns the minute in which the day of a minute begins. Days are counted
// back from to.
func dayOf(minute, to int64) int64 { return to - (to-minute+dayMinutes-1)/dayMinutes*dayMinutes }

// silentDays returns how many minutes between begin and end are of days that lie
// in a pause as a whole. Days are counted back from to; the last one is whole
// where somebody was heard in its last hour.
func silentDays(pauses []Pause, begin, end, to int64) (silent uint64) {
	for _, p := range pauses {
		if p.Before == end && to-end <= longestUsual {
			p.Before = to
		}
		first := to - (to-p.After-1)/dayMinutes*dayMinutes // the first day that begins after it
		last := to - (to-p.Before+dayMinutes-1)/dayMinutes*dayMinutes
		silent += uint64(max(0, min(last, end)-max(first, begin)))
	}
	return silent
}

// usual returns the usual pause in minutes, and from how many days it is known.
// Days are counted back from to.
func (h Hearing) usual(pauses []Pause, to int64) (minutes int64, days int) {
	var longest []int64
	next := len(pauses) - 1
	for day := to - dayMinutes; day+dayMinutes > h.First; day -= dayMinutes {
		if day > h.Last {
			continue
		}
		for next >= 0 && pauses[next].After >= day+dayMinutes {
			next--
		}
		most, heard := int64(1), true
		for i := next; i >= 0 && pauses[i].Before > day; i-- {
			most = max(most, pauses[i].minutes())
			heard = heard && (pauses[i].After >= day || pauses[i].Before < day+dayMinutes)
		}
		if heard {
			longest = append(longest, most)
		}
	}
	if len(longest) == 0 {
		return 0, 0
	}
	slices.Sort(longest)
	return longest[(len(longest)-1)/2], len(longest)
}

// habitual returns how many minutes of a silence, which is in the pause of that
// number, lay in another one a week before.
func habitual(silence Pause, pauses []Pause, number int) (minutes int64) {
	for i, p := range pauses {
		if i == number {
			continue
		}
		if before := min(p.Before, silence.Before-weekMinutes) - max(p.After, silence.After-weekMinutes); before > 0 {
			minutes += before
		}
	}
	return min(minutes, silence.minutes())
}

func minuteOf(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		return 0
	}
	return s / 60
}
