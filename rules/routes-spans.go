package rules

import (
	"slices"
	"time"

	"github.com/linewarden/linewarden/registry"
)

// SpanGap is the longest gap in routes that is not counted as one: shorter ones
// come of flaps and resets.
const SpanGap = 15 * time.Minute

// Spans is a union of spans, in order, with gaps under SpanGap bridged.
type Spans []Window

// Add unites a span with those that are there.
func (s *Spans) Add(w Window) {
	if !w.From.Before(w.To) {
		return
	}
	list := *s
	first, _ := slices.BinarySearchFunc(list, w, func(a, w Window) int {
		if w.From.Sub(a.To) >= SpanGap {
			return -1
		}
		return 1
	})
	last := first // those from first up to last, not included, are near w
	for last < len(list) && list[last].From.Sub(w.To) < SpanGap {
		if list[last].From.Before(w.From) {
			w.From = list[last].From
		}
		if list[last].To.After(w.To) {
			w.To = list[last].To
		}
		last++
	}
	*s = slices.Replace(list, first, last, w)
}

// unite adds all spans of another union.
func (s *Spans) unite(other []Window) {
	for _, w := range other {
		s.Add(w)
	}
}

// Held is how long the spans are together.
func (s Spans) Held() time.Duration {
	var sum time.Duration
	for _, w := range s {
		sum += w.To.Sub(w.From)
	}
	return sum
}

// RouteDay is how long something was routed on one local day.
type RouteDay struct {
	Day     registry.Date `json:"day"`
	Seconds int64         `json:"seconds"`
}

// byDay tells how much of the spans lies on each day of a span.
func (s Spans) byDay(span Span) []RouteDay {
	var out []RouteDay
	span.Each(func(day registry.Date) {
		from, to := day.Start(span.Location), (day + 1).Start(span.Location)
		var sum time.Duration
		for _, w := range s {
			if w.From.Before(to) && from.Before(w.To) {
				sum += earliest(w.To, to).Sub(latest(w.From, from))
			}
		}
		if sum > 0 {
			out = append(out, RouteDay{day, int64(sum / time.Second)})
		}
	})
	return out
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// routed is how long something was routed on days that meet a condition.
type routed struct {
	held
	seconds int64
}

// routedOn adds up the days whose state meets a condition, and returns the last
// state that does.
func routedOn[T any](days []RouteDay, list []Spell[T], meets func(*T) bool) (r routed, last *T) {
	for _, d := range days {
		for i := range list {
			s := &list[i]
			if s.From <= d.Day && d.Day <= s.To && meets(&s.State) {
				r.add(d.Day, d.Day)
				r.seconds += d.Seconds
				last = &s.State
			}
		}
	}
	return r, last
}

// hours rounds the time for people.
func (r routed) hours() float64 { return round(float64(r.seconds)/3600, 1) }

// coverage returns the share of a window in which at least one session was up,
// of any router: each of them could have shown a route. What came before the
// first sign of any session was not expected, and does not count as missing.
func coverage(routers []RouteCoverage, w Window) float64 {
	var (
		up   Spans
		from = w.To
	)
	for _, r := range routers {
		up.unite(r.Up)
		from = earliest(from, r.First)
	}
	from = latest(from, w.From)
	if !from.Before(w.To) {
		return 0
	}
	return min(1, float64(up.Held())/float64(w.To.Sub(from)))
}
