package quarterly

import (
	"fmt"
	"strconv"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// Section is one of the eleven sections.
type Section struct {
	Number int
	Title  rules.Text
	Notes  []rules.Text
	Grids  []Grid
}

// Grid is a table of figures. PDF and workbook are both written from it.
type Grid struct {
	Title   rules.Text
	Columns []GridColumn
	Rows    [][]Cell
	// Total sets the last row apart.
	Total bool
}

// GridColumn is a column of a grid.
type GridColumn struct {
	Head   rules.Text
	Weight float64 // share of the width
	Number bool    // flush right
}

// Cell is a text or a figure.
type Cell struct {
	text  rules.Text
	value float64
	form  form
}

// form is how a cell is written.
type form uint8

const (
	asText form = iota
	asCount
	asShare   // of 1, in per cent
	asDecimal // at most one place
)

func text(t rules.Text) Cell { return Cell{text: t} }

func same(s string) Cell { return Cell{text: rules.Text{ZH: s, EN: s}} }

func count[N ~int | ~uint64](n N) Cell { return Cell{value: float64(n), form: asCount} }

func decimal(v float64) Cell { return Cell{value: v, form: asDecimal} }

// share is a part of a whole; of nothing there is none.
func share[N ~int | ~uint64](part, whole N) Cell {
	if whole == 0 {
		return same("–")
	}
	return Cell{value: float64(part) / float64(whole), form: asShare}
}

// in returns the cell as a reader sees it.
func (c Cell) in(language string) string {
	switch c.form {
	case asCount:
		return report.Grouped(strconv.FormatFloat(c.value, 'f', 0, 64))
	case asShare:
		return fmt.Sprintf("%.1f%%", c.value*100)
	case asDecimal:
		return report.Grouped(strconv.FormatFloat(c.value, 'f', 1, 64))
	case asText:
	}
	return pick(c.text, language)
}

// typed returns the cell as a workbook holds it.
func (c Cell) typed(language string) any {
	switch c.form {
	case asCount, asDecimal:
		return c.value
	case asShare:
		return report.Share(c.value)
	case asText:
	}
	return pick(c.text, language)
}

func pick(t rules.Text, language string) string {
	if language == "en" {
		return t.EN
	}
	return t.ZH
}
