package pdf

import (
	"bytes"
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// The page, in millimetres, and the text on it, in points.
const (
	pageWidth, pageHeight  = 210.0, 297.0
	left, right            = 18.0, 18.0
	top, bottom            = 24.0, 20.0
	textWidth              = pageWidth - left - right
	bodySize, smallSize    = 10.0, 8.0
	bodyHeight, cellHeight = 5.6, 4.4 // of a line
)

// color is red, green and blue, 0 to 255.
type color [3]int

var (
	black  color = [3]int{33, 37, 41}
	grey   color = [3]int{108, 117, 125}
	accent color = [3]int{24, 71, 120}
	rule   color = [3]int{173, 181, 189}
	shade  color = [3]int{236, 240, 245}
	faint  color = [3]int{231, 235, 239}
)

// Options say what stands on every page and in the description of the file.
type Options struct {
	Title, Author string
	Language      string // such as zh-CN
	// Created is the date inside the file; the clock is never asked.
	Created time.Time
	// Header stands at the left of the head of every page, Class at its right.
	Header, Class string
	// Watermark stands across every page, below the text.
	Watermark string
	// Footer stands at the left of the foot of every page.
	Footer string
	// Page is the form of page numbers, with %d for the page and %s for how
	// many there are.
	Page string
}

// Document is a document in the making. Its methods add to it from top to
// bottom; a mistake is kept and returned by Bytes.
type Document struct {
	pdf     *fpdf.Fpdf
	options Options
	has     *[1 << 16]bool
	size    float64 // of the font in use, points
}

// totalAlias is replaced by the number of pages when the document is done.
const totalAlias = "{n}"

// New begins a document.
func New(o Options) (*Document, error) {
	has, err := coverage(fontFile)
	if err != nil {
		return nil, err
	}
	p := fpdf.New("P", "mm", "A4", "")
	p.SetCatalogSort(true)
	p.SetCreationDate(o.Created.UTC())
	p.SetModificationDate(o.Created.UTC())
	p.SetProducer("linewarden", true)
	p.SetTitle(o.Title, true)
	p.SetAuthor(o.Author, true)
	p.SetLang(o.Language)
	p.SetMargins(left, top, right)
	p.SetAutoPageBreak(false, bottom)
	p.SetCellMargin(0)
	p.AddUTF8FontFromBytes(family, "", fontFile)
	p.AliasNbPages(totalAlias)
	d := &Document{pdf: p, options: o, has: has}
	d.newPage()
	return d, p.Error()
}

// Bytes ends the document.
func (d *Document) Bytes() ([]byte, error) {
	var b bytes.Buffer
	if err := d.pdf.Output(&b); err != nil {
		return nil, fmt.Errorf("typeset %s: %w", d.options.Title, err)
	}
	return b.Bytes(), nil
}

// Pages is how many pages there are so far.
func (d *Document) Pages() int { return d.pdf.PageCount() }

// newPage begins a page with its watermark, head and foot.
func (d *Document) newPage() {
	d.pdf.AddPage()
	d.watermark()
	d.font(smallSize, grey, false)
	d.text(left, 13, d.options.Header)
	d.textRight(pageWidth-right, 13, d.options.Class)
	d.line(left, 18, pageWidth-right, 18, rule)
	d.line(left, pageHeight-15, pageWidth-right, pageHeight-15, rule)
	d.text(left, pageHeight-14, d.fit(d.options.Footer, textWidth-30))
	// The alias is wider than the number it becomes: measure with two digits.
	width := d.pdf.GetStringWidth(fmt.Sprintf(d.options.Page, d.pdf.PageNo(), "00"))
	d.text(pageWidth-right-width, pageHeight-14, fmt.Sprintf(d.options.Page, d.pdf.PageNo(), totalAlias))
	d.pdf.SetXY(left, top)
	d.font(bodySize, black, false)
}

// watermark writes across the page, twice.
func (d *Document) watermark() {
	if d.options.Watermark == "" {
		return
	}
	d.font(15, faint, false)
	text := d.fit(shown(d.has, d.options.Watermark), 200)
	width := d.pdf.GetStringWidth(text)
	for _, y := range []float64{115, 215} {
		d.pdf.TransformBegin()
		d.pdf.TransformRotate(32, pageWidth/2, y)
		d.text((pageWidth-width)/2, y-3, text)
		d.pdf.TransformEnd()
	}
}

// font sets size, colour and weight. The font has one weight: bold is drawn
// with a thin outline of the same colour.
func (d *Document) font(size float64, c color, bold bool) {
	d.size = size
	d.pdf.SetFont(family, "", size)
	d.pdf.SetTextColor(c[0], c[1], c[2])
	mode := 0
	if bold {
		d.pdf.SetDrawColor(c[0], c[1], c[2])
		d.pdf.SetLineWidth(size * 0.011)
		mode = 2 // fill and stroke
	}
	d.pdf.SetTextRenderingMode(mode)
}

// text writes one line with its upper left corner there.
func (d *Document) text(x, y float64, s string) {
	d.pdf.Text(x, y+d.size*0.3528*0.88, shown(d.has, s))
}

func (d *Document) textRight(x, y float64, s string) {
	d.text(x-d.pdf.GetStringWidth(shown(d.has, s)), y, s)
}

func (d *Document) line(x1, y1, x2, y2 float64, c color) {
	d.pdf.SetDrawColor(c[0], c[1], c[2])
	d.pdf.SetLineWidth(0.2)
	d.pdf.Line(x1, y1, x2, y2)
}

func (d *Document) fill(x, y, w, h float64, c color) {
	d.pdf.SetFillColor(c[0], c[1], c[2])
	d.pdf.Rect(x, y, w, h, "F")
}

// room begins a new page when less than h millimetres are left, and returns
// where to go on.
func (d *Document) room(h float64) float64 {
	if d.pdf.GetY()+h > pageHeight-bottom {
		d.newPage()
	}
	return d.pdf.GetY()
}
