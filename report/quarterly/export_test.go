package quarterly

// SectionsOf returns the sections that all formats are written from.
func SectionsOf(in *Input) []Section { return newMaker(in).sections() }

// SumOf adds the rows of a column above the total; it reports false where the
// column has texts or shares.
func SumOf(g Grid, column int) (sum float64, figures bool) {
	for _, row := range g.Rows[:len(g.Rows)-1] {
		if f := row[column].form; f != asCount && f != asDecimal {
			return 0, false
		}
		sum += row[column].value
	}
	return sum, true
}

// ValueOf returns the figure of a cell.
func ValueOf(c Cell) float64 { return c.value }
