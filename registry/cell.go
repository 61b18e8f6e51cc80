package registry

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cell is one cell while it is read. A reader returns the zero value for what
// it cannot read, after saying so once.
type cell struct {
	in     *reading
	text   string
	row    int // in the file
	column int
	bad    bool // something was said about this cell
}

// fail says what is wrong with the cell, and what to do. Only the first thing
// wrong is said.
func (c *cell) fail(format string, args ...any) {
	if !c.bad {
		c.in.fail(c.row, c.column, format, args...)
	}
	c.bad = true
}

// free reads free text, in which full-width punctuation is at home.
func (c *cell) free() string {
	for _, r := range c.text {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			c.fail("%s has a control character (%U) in it; type it again", quoted(c.text), r)
			return ""
		}
	}
	return strings.TrimSpace(c.text)
}

// code returns the cell without spaces around it, if it is fit to be read by a
// machine; everything but free text goes through here.
func (c *cell) code() (string, bool) {
	text := strings.TrimSpace(c.text)
	if isASCII(text) {
		return text, true
	}
	for _, r := range text {
		switch {
		case unicode.IsControl(r):
			c.fail("%s has a control character (%U) in it; type it again", quoted(text), r)
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), unicode.Is(unicode.Zs, r) && r != ' ' && r != fullSpace:
			c.fail("%s has an invisible character (%U) in it; type it again", quoted(text), r)
		case isFullWidth(r):
			c.fail("%s has full-width characters; write %s", quoted(text), quoted(narrow(text)))
		default:
			continue
		}
		return "", false
	}
	return text, true
}

// isASCII reports whether text is printable ASCII, as nearly every code is.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// The full-width forms of printable ASCII, in its order (Unicode block
// Halfwidth and Fullwidth Forms).
const (
	fullFirst = '！'
	fullLast  = '～'
	fullSpace = '\u3000'
)

func isFullWidth(r rune) bool {
	return r >= fullFirst && r <= fullLast || r == fullSpace || r == '。' || r == '、'
}

// narrow returns text with its full-width characters made ordinary.
func narrow(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= fullFirst && r <= fullLast:
			return r - fullFirst + '!'
		case r == fullSpace:
			return ' '
		case r == '。':
			return '.'
		case r == '、':
			return ';'
		}
		return r
	}, text))
}

// quoted shows text in a message, shortened.
func quoted(text string) string {
	const longest = 80
	if len(text) <= longest {
		return fmt.Sprintf("%q", text)
	}
	end := longest
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%q...", text[:end])
}

// maxIDBytes is how long an id may be.
const maxIDBytes = 255

// id reads the name of a row.
func (c *cell) id() string {
	text, ok := c.code()
	switch {
	case !ok || text == "":
		return ""
	case strings.ContainsRune("=+-@", rune(text[0])):
		c.fail("%s begins with %c, which a spreadsheet runs as a formula; an id begins with a letter or a digit", quoted(text), text[0])
	case strings.Contains(text, ";"):
		c.fail("%s has a ; in it, which separates the entries of a list; one id is wanted here", quoted(text))
	case len(text) > maxIDBytes:
		c.fail("%s is %d bytes long; an id has at most %d", quoted(text), len(text), maxIDBytes)
	default:
		return text
	}
	return ""
}

// to reads the id of a row of another ledger, which ought to be there.
func (c *cell) to(ledger string) string {
	id := c.id()
	if id != "" {
		c.in.refer(c, ledger, id)
	}
	return id
}

// oneOf reads one of the words a column may hold.
func (c *cell) oneOf(words []string) string {
	text, ok := c.code()
	if !ok || text == "" {
		return ""
	}
	for _, w := range words {
		if text == w {
			return w
		}
	}
	c.notOneOf(text, words)
	return ""
}

func (c *cell) notOneOf(text string, words []string) {
	hint := didYouMean(text, words)
	for _, w := range words {
		if strings.EqualFold(text, w) {
			hint = "; write " + w
		}
	}
	c.fail("%s is none of %s%s", quoted(text), strings.Join(words, ", "), hint)
}

// yesNo reads yes or no.
func (c *cell) yesNo() Tri {
	text, ok := c.code()
	switch {
	case !ok || text == "":
	case text == "yes":
		return Yes
	case text == "no":
		return No
	default:
		hint := ""
		switch strings.ToLower(text) {
		case "yes", "y", "true", "1", "是":
			hint = "; write yes"
		case "no", "n", "false", "0", "否":
			hint = "; write no"
		}
		c.fail("%s is neither yes nor no%s", quoted(text), hint)
	}
	return Unknown
}

// each reads a list separated by semicolons, with read called on the cell of
// every entry. An empty last entry is no entry.
func (c *cell) each(read func(entry *cell)) {
	text, ok := c.code()
	if !ok {
		return
	}
	text = strings.TrimSuffix(text, ";")
	if text == "" {
		return
	}
	for part := range strings.SplitSeq(text, ";") {
		entry := cell{in: c.in, text: part, row: c.row, column: c.column, bad: c.bad}
		switch {
		case strings.TrimSpace(part) == "":
			entry.fail("%s has an empty entry between two semicolons; remove one of them", quoted(text))
		case strings.Contains(part, ","):
			entry.fail("%s has a comma in it; the entries of a list are separated by semicolons", quoted(text))
		default:
			read(&entry)
		}
		c.bad = entry.bad
	}
}

// date reads a civil day.
func (c *cell) date() Date {
	text, ok := c.code()
	if !ok {
		return 0
	}
	d, err := ParseDate(text)
	if err != nil {
		c.fail("%v%s", err, dateHint(text))
	}
	return d
}

// epochOfSpreadsheets is the day that spreadsheets number 0, 1899-12-30.
const epochOfSpreadsheets Date = 1 - 25569

// dateHint says how a date in another notation is written here.
func dateHint(text string) string {
	day, _, _ := strings.Cut(text, " ")
	parts := strings.FieldsFunc(day, func(r rune) bool { return strings.ContainsRune("-/.年月日", r) })
	switch {
	case isDigits(text) && len(text) == 8:
		parts = []string{text[:4], text[4:6], text[6:]}
	case isDigits(text) && len(text) == 5:
		serial, _ := strconv.Atoi(text) // five digits are a number
		return "; if it is the day number of a spreadsheet, write " + (epochOfSpreadsheets + Date(serial)).String()
	}
	if len(parts) != 3 || len(parts[0]) != 4 || len(parts[1]) > 2 || len(parts[2]) > 2 {
		return ""
	}
	iso := fmt.Sprintf("%s-%02s-%02s", parts[0], parts[1], parts[2])
	if _, err := ParseDate(iso); err != nil || iso == text {
		return ""
	}
	return "; write " + iso
}
