package pdf

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

//go:embed font/linewarden-cjk.ttf
var fontFile []byte

// family is the name of the font inside a document.
const family = "cjk"

// errFont is the error of a font file that cannot be read.
var errFont = errors.New("the font of reports is damaged")

// coverage tells which characters a TrueType font has, by its character map
// (format 4, OpenType 1.9 "cmap"). A document is asked for every character it
// shows, so that none is missing silently.
func coverage(font []byte) (*[1 << 16]bool, error) {
	table, err := tableOf(font, "cmap")
	if err != nil {
		return nil, err
	}
	for i := range int(be16(table, 2)) {
		offset := int(be32(table, 4+8*i+4))
		if offset+2 <= len(table) && be16(table, offset) == 4 {
			return segments(table[offset:])
		}
	}
	return nil, fmt.Errorf("%w: it has no character map of format 4", errFont)
}

// tableOf finds a table of the font.
func tableOf(font []byte, tag string) ([]byte, error) {
	for i := range int(be16(font, 4)) {
		record := 12 + 16*i
		if record+16 > len(font) || string(font[record:record+4]) != tag {
			continue
		}
		from, size := int(be32(font, record+8)), int(be32(font, record+12))
		if from+size <= len(font) {
			return font[from : from+size], nil
		}
	}
	return nil, fmt.Errorf("%w: it has no table %s", errFont, tag)
}

// segments marks the characters of a format 4 map that lead to a glyph.
func segments(m []byte) (*[1 << 16]bool, error) {
	double := int(be16(m, 6)) // twice the number of segments
	ends, starts := 14, 16+double
	deltas, ranges := starts+double, starts+2*double
	if ranges+double > len(m) {
		return nil, fmt.Errorf("%w: its character map is cut short", errFont)
	}
	var has [1 << 16]bool
	for s := 0; s < double; s += 2 {
		low, high := int(be16(m, starts+s)), int(be16(m, ends+s))
		delta, shift := be16(m, deltas+s), int(be16(m, ranges+s))
		for c := low; c <= high; c++ {
			glyph := uint16(c) + delta
			if shift != 0 {
				if glyph = be16(m, ranges+s+shift+2*(c-low)); glyph != 0 {
					glyph += delta
				}
			}
			has[c] = glyph != 0 && c != 0xffff
		}
	}
	return &has, nil
}

// be16 and be32 read a number, or zero past the end.
func be16(b []byte, at int) uint16 {
	if at < 0 || at+2 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint16(b[at:])
}

func be32(b []byte, at int) uint32 {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint32(b[at:])
}

// shown replaces what the font cannot show by its code point, so that a reader
// sees that something stands there. Line ends stay, other controls are blanks.
func shown(has *[1 << 16]bool, text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		case r < 1<<16 && has[r]:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}
