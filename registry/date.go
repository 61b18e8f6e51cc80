package registry

import (
	"fmt"
	"time"
)

// Date is a civil day, counted from 1970-01-01 as day 1 so that the zero Date
// is an unknown or open one.
type Date int32

// NewDate returns the civil day.
func NewDate(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/86400) + 1
}

// DateOf returns the civil day of t in t's own location.
func DateOf(t time.Time) Date { return NewDate(t.Date()) }

// ParseDate reads YYYY-MM-DD; the empty string is the zero Date. A day that is
// not in the calendar, or is before 1970, is an error.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", s)
	}
	d := DateOf(t)
	if d < 1 {
		return 0, fmt.Errorf("%s is before 1970-01-01, where days begin here; check the year", s)
	}
	return d, nil
}

// IsZero reports whether d is unknown or open-ended.
func (d Date) IsZero() bool { return d == 0 }

// Start returns the first instant of d in loc.
func (d Date) Start(loc *time.Location) time.Time {
	y, m, day := time.Unix(int64(d-1)*86400, 0).UTC().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, loc)
}

// String returns YYYY-MM-DD, or nothing for the zero Date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return d.Start(time.UTC).Format(time.DateOnly)
}

// Validity is a span of civil days, both ends included. A zero From is
// unbounded in the past, a zero To is open-ended.
type Validity struct {
	From, To Date
}

// Contains reports whether d lies in v.
func (v Validity) Contains(d Date) bool {
	return (v.From == 0 || v.From <= d) && (v.To == 0 || d <= v.To)
}

// Overlaps reports whether some day lies in both.
func (v Validity) Overlaps(w Validity) bool {
	return (v.From == 0 || w.To == 0 || v.From <= w.To) &&
		(w.From == 0 || v.To == 0 || w.From <= v.To)
}
