package registry

import "time"

// Calendar tells working days from rest days in the mainland.
type Calendar struct{}

// Workday reports whether people work in offices on a day. A nil Calendar is
// the one that ships with the program.
func (c *Calendar) Workday(d Date) bool {
	day := d.Start(time.UTC).Weekday()
	return day != time.Saturday && day != time.Sunday
}
