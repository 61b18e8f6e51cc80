package registry

import "time"

// calendarSpan is a run of days that are not what their weekday says, or that
// are worth naming.
type calendarSpan struct {
	first, last Date
	works       bool
	name        string
}

// arrangedYears are the years whose arrangement was published.
var arrangedYears = []int{2024, 2025, 2026}

// shippedCalendar holds the arrangements that the General Office of the State
// Council published for 2024 (国办发明电〔2023〕7号 of 2023-10-25), 2025
// (国办发明电〔2024〕12号 of 2024-11-12) and 2026 (notice of 2025-11-04).
//
// Of 2027 it holds the days that the regulation on public holidays fixes
// (全国年节及纪念日放假办法, as amended on 2024-11-10, art. 2): the arrangement
// with its make-up days is not in here, so days moved for it are taken for what
// their weekday says. A calendar file fills the gap.
//
// Spans are in order and do not overlap.
var shippedCalendar = []calendarSpan{
	rest(2024, time.January, 1, time.January, 1, "元旦"),
	work(2024, time.February, 4, "春节调休"),
	rest(2024, time.February, 10, time.February, 17, "春节"),
	work(2024, time.February, 18, "春节调休"),
	rest(2024, time.April, 4, time.April, 6, "清明节"),
	work(2024, time.April, 7, "清明节调休"),
	work(2024, time.April, 28, "劳动节调休"),
	rest(2024, time.May, 1, time.May, 5, "劳动节"),
	work(2024, time.May, 11, "劳动节调休"),
	rest(2024, time.June, 10, time.June, 10, "端午节"),
	work(2024, time.September, 14, "中秋节调休"),
	rest(2024, time.September, 15, time.September, 17, "中秋节"),
	work(2024, time.September, 29, "国庆节调休"),
	rest(2024, time.October, 1, time.October, 7, "国庆节"),
	work(2024, time.October, 12, "国庆节调休"),

	rest(2025, time.January, 1, time.January, 1, "元旦"),
	work(2025, time.January, 26, "春节调休"),
	rest(2025, time.January, 28, time.February, 4, "春节"),
	work(2025, time.February, 8, "春节调休"),
	rest(2025, time.April, 4, time.April, 6, "清明节"),
	work(2025, time.April, 27, "劳动节调休"),
	rest(2025, time.May, 1, time.May, 5, "劳动节"),
	rest(2025, time.May, 31, time.June, 2, "端午节"),
	work(2025, time.September, 28, "国庆节、中秋节调休"),
	rest(2025, time.October, 1, time.October, 8, "国庆节、中秋节"),
	work(2025, time.October, 11, "国庆节、中秋节调休"),

	rest(2026, time.January, 1, time.January, 3, "元旦"),
	work(2026, time.January, 4, "元旦调休"),
	work(2026, time.February, 14, "春节调休"),
	rest(2026, time.February, 15, time.February, 23, "春节"),
	work(2026, time.February, 28, "春节调休"),
	rest(2026, time.April, 4, time.April, 6, "清明节"),
	rest(2026, time.May, 1, time.May, 5, "劳动节"),
	work(2026, time.May, 9, "劳动节调休"),
	rest(2026, time.June, 19, time.June, 21, "端午节"),
	work(2026, time.September, 20, "国庆节调休"),
	rest(2026, time.September, 25, time.September, 27, "中秋节"),
	rest(2026, time.October, 1, time.October, 7, "国庆节"),
	work(2026, time.October, 10, "国庆节调休"),

	rest(2027, time.January, 1, time.January, 1, "元旦"),
	rest(2027, time.February, 5, time.February, 8, "春节"),
	rest(2027, time.April, 5, time.April, 5, "清明节"),
	rest(2027, time.May, 1, time.May, 2, "劳动节"),
	rest(2027, time.June, 9, time.June, 9, "端午节"),
	rest(2027, time.September, 15, time.September, 15, "中秋节"),
	rest(2027, time.October, 1, time.October, 3, "国庆节"),
}

func rest(year int, from time.Month, first int, to time.Month, last int, name string) calendarSpan {
	return calendarSpan{first: NewDate(year, from, first), last: NewDate(year, to, last), name: name}
}

func work(year int, month time.Month, day int, name string) calendarSpan {
	d := NewDate(year, month, day)
	return calendarSpan{first: d, last: d, works: true, name: name}
}
