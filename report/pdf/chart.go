package pdf

import "strconv"

// Bar is one bar of a chart: a name and its parts, in the order of the series.
type Bar struct {
	Name  string
	Parts []int
}

// Bars is a chart of horizontal bars whose parts are added up.
type Bars struct {
	Title  string
	Series []string
	Bars   []Bar
}

// palette are the colours of the series; they also differ in lightness, so that
// they can be told apart in print.
var palette = []color{{24, 71, 120}, {217, 119, 6}, {91, 155, 213}, {112, 173, 71}, {165, 165, 165}, {192, 80, 77}, {128, 100, 162}}

// The measures of a chart, millimetres.
const (
	barHeight = 4.2
	barStep   = 6.4
	nameWidth = 34.0
	sumWidth  = 14.0
)

// Bars writes a chart. Without bars there is none.
func (d *Document) Bars(c Bars) {
	if len(c.Bars) == 0 {
		return
	}
	y := d.room(12 + barStep*float64(min(len(c.Bars), 3)))
	d.font(bodySize-1, black, true)
	d.text(left, y, c.Title)
	y = d.legend(c.Series, y+6)
	most := 1
	for _, b := range c.Bars {
		most = max(most, sum(b.Parts))
	}
	d.pdf.SetY(y)
	for _, b := range c.Bars {
		d.bar(b, (textWidth-nameWidth-sumWidth)/float64(most))
	}
	d.pdf.SetY(d.pdf.GetY() + 4)
}

func (d *Document) bar(b Bar, scale float64) {
	y := d.room(barStep)
	d.font(smallSize, black, false)
	d.textRight(left+nameWidth-2, y+0.5, d.fit(b.Name, nameWidth-3))
	x := left + nameWidth
	for i, n := range b.Parts {
		if n == 0 {
			continue // a bar without width still leaves a hair
		}
		w := float64(n) * scale
		d.fill(x, y, w, barHeight, palette[i%len(palette)])
		x += w
	}
	d.text(x+1.5, y+0.5, strconv.Itoa(sum(b.Parts)))
	d.pdf.SetY(y + barStep)
}

// legend names the colours, and returns where to go on.
func (d *Document) legend(series []string, y float64) float64 {
	if len(series) < 2 {
		return y
	}
	d.font(smallSize, grey, false)
	x := left
	for i, name := range series {
		w := d.pdf.GetStringWidth(shown(d.has, name)) + 9
		if x+w > pageWidth-right {
			x, y = left, y+5
		}
		d.fill(x, y+0.3, 3, 3, palette[i%len(palette)])
		d.text(x+4, y, name)
		x += w
	}
	return y + 6
}

func sum(parts []int) int {
	n := 0
	for _, p := range parts {
		n += p
	}
	return n
}
