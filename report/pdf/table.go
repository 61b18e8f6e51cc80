package pdf

// Column is a column of a table.
type Column struct {
	Head string
	// Weight is its share of the width, in any unit.
	Weight float64
	// Right sets figures flush right.
	Right bool
}

// Table is a table. Rows are never parted over two pages unless one is higher
// than a page; the headings stand on every page.
type Table struct {
	Columns []Column
	Rows    [][]string
	// Total sets the last row apart.
	Total bool
}

// Table writes a table. One without rows is left out.
func (d *Document) Table(t Table) { d.table(&t, false) }

// padding is what is left free beside and above the text of a cell,
// millimetres.
const padding = 1.0

// maxLines is how many lines of a row fit on a page.
const maxLines = 52

func (d *Document) table(t *Table, named bool) {
	if len(t.Rows) == 0 {
		return
	}
	widths := t.widths()
	if !named {
		d.head(t, widths, true)
	}
	for i, cells := range t.Rows {
		last := t.Total && i == len(t.Rows)-1
		style := rowStyle{bold: last, shaded: last, named: named}
		lines, height := d.cells(cells, widths)
		for height > 0 {
			part, rest, h := cut(lines, height)
			if d.pdf.GetY()+float64(h)*cellHeight+2*padding > pageHeight-bottom {
				d.newPage()
				if !named {
					d.head(t, widths, false)
				}
			}
			d.row(t, part, h, widths, style)
			lines, height = rest, height-h
		}
	}
	d.pdf.SetY(d.pdf.GetY() + 4)
}

func (t *Table) widths() []float64 {
	sum := 0.0
	for _, c := range t.Columns {
		sum += c.Weight
	}
	widths := make([]float64, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = textWidth * c.Weight / sum
	}
	return widths
}

// head writes the headings. The first time it leaves room for a row or two.
func (d *Document) head(t *Table, widths []float64, first bool) {
	heads := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i] = c.Head
	}
	lines, height := d.cells(heads, widths)
	if first {
		d.room(float64(height+3)*cellHeight + 6*padding)
	}
	d.row(t, lines, height, widths, rowStyle{bold: true, shaded: true})
}

// cells breaks the text of a row into lines, and returns how many lines high
// it is.
func (d *Document) cells(texts []string, widths []float64) (lines [][]string, height int) {
	d.font(smallSize, black, false)
	lines = make([][]string, len(widths))
	for i := range widths {
		if i < len(texts) {
			lines[i] = d.wrap(texts[i], widths[i]-2*padding)
		}
		height = max(height, len(lines[i]))
	}
	return lines, height
}

// cut parts a row that is higher than a page.
func cut(lines [][]string, height int) (part, rest [][]string, h int) {
	if height <= maxLines {
		return lines, nil, height
	}
	part, rest = make([][]string, len(lines)), make([][]string, len(lines))
	for i, l := range lines {
		n := min(maxLines, len(l))
		part[i], rest[i] = l[:n], l[n:]
	}
	return part, rest, maxLines
}

// rowStyle says how a row looks.
type rowStyle struct{ bold, shaded, named bool }

func (d *Document) row(t *Table, lines [][]string, height int, widths []float64, style rowStyle) {
	y := d.pdf.GetY()
	h := float64(height)*cellHeight + 2*padding
	if style.shaded {
		d.fill(left, y, textWidth, h, shade)
	}
	x := left
	for i, cell := range lines {
		c := black
		if style.named && i == 0 {
			c = grey
		}
		d.font(smallSize, c, style.bold)
		for n, line := range cell {
			at := y + padding + float64(n)*cellHeight + 0.5
			if t.Columns[i].Right {
				d.textRight(x+widths[i]-padding, at, line)
			} else {
				d.text(x+padding, at, line)
			}
		}
		x += widths[i]
	}
	d.line(left, y+h, pageWidth-right, y+h, rule)
	d.pdf.SetY(y + h)
}
