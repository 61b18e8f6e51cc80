package registry

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Calendar tells working days from rest days in the mainland: the holidays of
// the State Council and the days at weekends on which people work for them
// (调休). The zero Calendar and a nil one are the calendar that ships with the
// program; days it knows nothing of are working days from Monday to Friday.
type Calendar struct {
	// days are those of a file, which go before those that ship.
	days map[Date]bool
}

// Workday reports whether people work in offices on a day. A nil Calendar is
// the one that ships with the program.
func (c *Calendar) Workday(d Date) bool {
	if c != nil {
		if works, known := c.days[d]; known {
			return works
		}
	}
	i, _ := slices.BinarySearchFunc(shippedCalendar, d, func(s calendarSpan, d Date) int {
		return int(s.last) - int(d)
	})
	if i < len(shippedCalendar) && shippedCalendar[i].first <= d {
		return shippedCalendar[i].works
	}
	day := d.Start(time.UTC).Weekday()
	return day != time.Saturday && day != time.Sunday
}

// Years returns the years for which the arrangement that was published is
// known, in order. Of the other years only weekends and the days fixed by law
// are.
func (c *Calendar) Years() []int { return slices.Clone(arrangedYears) }

// The limits of a calendar file.
const (
	// MaxCalendarBytes is its size.
	MaxCalendarBytes = 1 << 20
	// MaxCalendarRows is the number of its days: those of 27 years, if each one
	// were listed.
	MaxCalendarRows = 10_000
)

// ReadCalendar reads days that extend or override the calendar that ships: CSV
// with the columns date (YYYY-MM-DD), kind (workday or holiday) and name, which
// is for people. Without a header row, an unknown column, a day listed twice or
// an unknown kind it returns no calendar and every problem; problems name the
// file calendar.csv.
func ReadCalendar(r io.Reader) (*Calendar, []Problem) {
	p := &problems{file: "calendar.csv"}
	text, err := io.ReadAll(io.LimitReader(r, MaxCalendarBytes+1))
	switch {
	case err != nil:
		p.fail(1, 1, "the file cannot be read: %v", reason(err))
		return nil, p.all()
	case len(text) > MaxCalendarBytes:
		p.fail(1, 1, "the file has more than %d bytes", MaxCalendarBytes)
		return nil, p.all()
	}
	t := readCSV(text, p)
	if t == nil {
		return nil, p.all()
	}
	if len(t.Rows) > MaxCalendarRows {
		p.fail(t.Rows[MaxCalendarRows].Number, 1, "the file has more than %d days", MaxCalendarRows)
		return nil, p.all()
	}
	date, kind := calendarColumns(t, p)
	c := &Calendar{days: make(map[Date]bool, len(t.Rows))}
	if date >= 0 && kind >= 0 {
		for _, row := range t.Rows {
			c.take(row, date, kind, p)
		}
	}
	if said := p.all(); len(said) > 0 {
		return nil, said
	}
	return c, nil
}

// calendarColumns finds the columns of a calendar by their names, -1 where one
// is missing.
func calendarColumns(t *Table, p *problems) (date, kind int) {
	names := []string{"date", "kind", "name"}
	at := map[string]int{"date": -1, "kind": -1, "name": -1}
	for i, column := range t.Columns {
		name := strings.TrimSpace(column)
		switch before, known := at[name]; {
		case !known:
			p.fail(1, i+1, "there is no column %s; the columns are date, kind and name%s", quoted(name), didYouMean(name, names))
		case before >= 0:
			p.fail(1, i+1, "column %s is there twice", name)
		default:
			at[name] = i
		}
	}
	for _, name := range names[:2] {
		if at[name] < 0 {
			p.fail(1, 1, "column %s is missing; the columns are date, kind and name", name)
		}
	}
	return at["date"], at["kind"]
}

// take adds one row.
func (c *Calendar) take(row Row, date, kind int, p *problems) {
	if len(row.Fields) <= max(date, kind) {
		p.fail(row.Number, len(row.Fields)+1, "the row has %d cells; it needs a date and a kind", len(row.Fields))
		return
	}
	day, err := ParseDate(strings.TrimSpace(row.Fields[date]))
	if err == nil && day.IsZero() {
		err = errors.New("the date is missing")
	}
	if err != nil {
		p.fail(row.Number, date+1, "%v", err)
		return
	}
	works, err := calendarKind(strings.TrimSpace(row.Fields[kind]))
	if err != nil {
		p.fail(row.Number, kind+1, "%v", err)
		return
	}
	if _, twice := c.days[day]; twice {
		p.fail(row.Number, date+1, "%s is listed twice; keep one of the rows", day)
		return
	}
	c.days[day] = works
}

func calendarKind(text string) (works bool, err error) {
	switch text {
	case "workday":
		return true, nil
	case "holiday":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither workday nor holiday", quoted(text))
}
