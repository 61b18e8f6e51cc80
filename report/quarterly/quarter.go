package quarterly

import (
	"fmt"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// Quarter is a quarter of a year.
type Quarter struct {
	Year   int
	Number int // 1 to 4
}

// ParseQuarter reads a quarter such as 2026Q3.
func ParseQuarter(s string) (Quarter, error) {
	var q Quarter
	if n, err := fmt.Sscanf(s, "%4dQ%1d", &q.Year, &q.Number); n != 2 || err != nil || q.String() != s {
		return Quarter{}, fmt.Errorf("%q is not a quarter; write it like 2026Q3", s)
	}
	if q.Number < 1 || q.Number > 4 {
		return Quarter{}, fmt.Errorf("%q is not a quarter: a year has Q1 to Q4", s)
	}
	if q.Year < 1970 {
		return Quarter{}, fmt.Errorf("%q is before 1970, where days begin here", s)
	}
	return q, nil
}

// String returns the quarter as ParseQuarter reads it.
func (q Quarter) String() string { return fmt.Sprintf("%04dQ%d", q.Year, q.Number) }

// Window returns the quarter in event time.
func (q Quarter) Window(loc *time.Location) rules.Window {
	month := time.Month(3*q.Number - 2)
	return rules.Window{From: time.Date(q.Year, month, 1, 0, 0, 0, 0, loc), To: time.Date(q.Year, month+3, 1, 0, 0, 0, 0, loc)}
}

// Days returns the days of the quarter.
func (q Quarter) Days() registry.Validity {
	month := time.Month(3*q.Number - 2)
	return registry.Validity{From: registry.NewDate(q.Year, month, 1), To: registry.NewDate(q.Year, month+3, 1) - 1}
}

// Before returns the quarter before.
func (q Quarter) Before() Quarter {
	if q.Number == 1 {
		return Quarter{Year: q.Year - 1, Number: 4}
	}
	return Quarter{Year: q.Year, Number: q.Number - 1}
}

// title names the quarter in a sentence.
func (q Quarter) title() rules.Text {
	return rules.Text{
		ZH: fmt.Sprintf("%d 年第 %d 季度", q.Year, q.Number),
		EN: fmt.Sprintf("quarter %d of %d", q.Number, q.Year),
	}
}
