package pdf

import (
	"strings"
	"unicode"
)

// Title writes the title of the document and a line below it.
func (d *Document) Title(title, below string) {
	d.font(20, accent, true)
	y := d.pdf.GetY() + 4
	for _, line := range d.wrap(title, textWidth) {
		d.text(left, y, line)
		y += 10
	}
	d.font(bodySize, grey, false)
	for _, line := range d.wrap(below, textWidth) {
		d.text(left, y, line)
		y += bodyHeight
	}
	d.line(left, y+2, pageWidth-right, y+2, accent)
	d.pdf.SetY(y + 7)
}

// keep is how much of what follows a heading stands on its page, millimetres.
const keep = 30

// keepSection is that of a heading of level 1, which one of level 2 may follow.
const keepSection = 46

// Heading writes a heading of level 1 or 2, which also becomes a bookmark.
func (d *Document) Heading(level int, text string) {
	size, before, height, below := 14.0, 4.0, 8.5, float64(keepSection)
	if level > 1 {
		size, before, height, below = 11.0, 2.5, 6.5, keep
	}
	y := d.room(before+height+below) + before
	d.pdf.Bookmark(shown(d.has, text), level-1, y)
	d.font(size, accent, true)
	for _, line := range d.wrap(text, textWidth) {
		d.text(left, y, line)
		y += height
	}
	d.pdf.SetY(y)
}

// Paragraph writes running text; line ends in it are kept.
func (d *Document) Paragraph(text string) { d.paragraph(text, bodySize, bodyHeight, black) }

// Note writes a remark in small print.
func (d *Document) Note(text string) { d.paragraph(text, smallSize, cellHeight, grey) }

func (d *Document) paragraph(text string, size, height float64, c color) {
	d.font(size, c, false)
	for _, line := range d.wrap(text, textWidth) {
		y := d.room(height)
		d.font(size, c, false) // a new page sets its own
		d.text(left, y, line)
		d.pdf.SetY(y + height)
	}
	d.pdf.SetY(d.pdf.GetY() + 2)
}

// Pair is a name and what is so named.
type Pair struct{ Name, Value string }

// Pairs writes names and values in two columns.
func (d *Document) Pairs(pairs []Pair) {
	rows := make([][]string, len(pairs))
	for i, p := range pairs {
		rows[i] = []string{p.Name, p.Value}
	}
	d.table(&Table{Columns: []Column{{Weight: 26}, {Weight: 74}}, Rows: rows}, true)
}

// noStart may not begin a line, noEnd may not end one (GB/T 15834).
const (
	noStart = "，。、；：？！）》〉】〕］」』”’％‰…—·,.;:?!)]}%"
	noEnd   = "（《〈【〔［「『“‘([{"
)

// wrap breaks text into lines no wider than that. Words of Latin letters stay
// whole where they fit; Chinese text breaks between any two characters that the
// rules of punctuation let part.
func (d *Document) wrap(text string, width float64) []string {
	var lines []string
	for part := range strings.SplitSeq(shown(d.has, text), "\n") {
		lines = append(lines, d.wrapLine([]rune(part), width)...)
	}
	return lines
}

func (d *Document) wrapLine(text []rune, width float64) []string {
	var lines []string
	for len(text) > 0 {
		n := d.fitting(text, width)
		if n < len(text) {
			n = breakBefore(text, n)
		}
		lines = append(lines, strings.TrimRight(string(text[:n]), " "))
		for text = text[n:]; len(text) > 0 && text[0] == ' '; {
			text = text[1:]
		}
	}
	if lines == nil {
		lines = []string{""}
	}
	return lines
}

// fitting returns how many characters fit, at least one.
func (d *Document) fitting(text []rune, width float64) int {
	used := 0.0
	for i, r := range text {
		if used += d.pdf.GetStringWidth(string(r)); used > width && i > 0 {
			return i
		}
	}
	return len(text)
}

// breakBefore returns the last place up to n where a line may break; n itself
// where there is none.
func breakBefore(text []rune, n int) int {
	for i := n; i > 0; i-- {
		if mayBreak(text[i-1], text[i]) {
			return i
		}
	}
	return n
}

func mayBreak(before, after rune) bool {
	switch {
	case strings.ContainsRune(noStart, after) || strings.ContainsRune(noEnd, before):
		return false
	case before == ' ' || after == ' ':
		return true
	case wide(before) || wide(after):
		return true
	}
	return strings.ContainsRune("/;_,", before)
}

// wide reports whether text breaks beside the character.
func wide(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r <= 0x30ff || r >= 0xff00 && r <= 0xffef
}

// fit cuts a single line to the width, with an ellipsis.
func (d *Document) fit(text string, width float64) string {
	runes := []rune(shown(d.has, text))
	if d.pdf.GetStringWidth(string(runes)) <= width {
		return string(runes)
	}
	n := d.fitting(runes, width-d.pdf.GetStringWidth("…"))
	return string(runes[:n]) + "…"
}
