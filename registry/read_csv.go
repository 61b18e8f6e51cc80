package registry

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// readCSV reads CSV text (RFC 4180), or returns nil when it cannot be read at
// all. Rows that break the syntax are reported and left out; the next line is
// read as a new row.
func readCSV(text []byte, p *problems) *Table {
	return readCSVWatched(text, p, func(int, int64) {})
}

// readCSVWatched is readCSV, and tells after each row how many there are and at
// which byte they end.
func readCSVWatched(text []byte, p *problems, watch func(rows int, at int64)) *Table {
	text, ok := plainText(text, p)
	if !ok {
		return nil
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	t := new(Table)
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Partial = true
			if !reportCSV(err, len(fields), p) || t.Columns == nil {
				return nil // not a matter of one row, or no header to go by
			}
			continue
		}
		line, _ := r.FieldPos(0)
		switch {
		case blank(fields):
		case t.Columns == nil && len(fields) > MaxColumns:
			p.fail(line, MaxColumns+1, "the header has %d columns; at most %d are read", len(fields), MaxColumns)
			return nil
		case t.Columns == nil:
			t.Columns = fields
		case len(t.Rows) == MaxRows:
			p.fail(line, 1, "the file has more than %d rows", MaxRows)
			return nil
		default:
			t.Rows = append(t.Rows, Row{Number: line, Fields: fields})
		}
		watch(len(t.Rows), r.InputOffset())
	}
	if t.Columns == nil {
		p.fail(1, 1, "the file is empty; it needs at least the row of column names")
		return nil
	}
	return t
}

// plainText takes the byte order mark off, and refuses what is no text of one
// byte a letter.
func plainText(text []byte, p *problems) ([]byte, bool) {
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}), bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		p.fail(1, 1, "the file is UTF-16; save it as CSV UTF-8")
		return nil, false
	case bytes.HasPrefix(text, []byte("PK\x03\x04")), bytes.HasPrefix(text, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		p.fail(1, 1, "the file is a spreadsheet and not CSV; save it as CSV UTF-8")
		return nil, false
	}
	text = bytes.TrimPrefix(text, []byte{0xef, 0xbb, 0xbf})
	if i := bytes.IndexByte(text, 0); i >= 0 {
		p.fail(1+bytes.Count(text[:i], []byte{'\n'}), 1, "the line has a NUL byte in it: this is no text; save the file as CSV UTF-8")
		return nil, false
	}
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(bytes.TrimRight(text, "\r"), '\r') >= 0 {
		p.fail(1, 1, "the lines end in a bare carriage return; save the file with LF or CRLF")
		return nil, false
	}
	return text, true
}

// reportCSV reports an error of the CSV reader, and whether reading can go on.
// fields is how many cells of the row were read before it.
func reportCSV(err error, fields int, p *problems) bool {
	var syntax *csv.ParseError
	if !errors.As(err, &syntax) {
		p.fail(1, 1, "the file cannot be read: %v", err)
		return false
	}
	column := fields + 1
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		p.fail(syntax.StartLine, column, `a quote in the middle of an unquoted cell; put the whole cell in quotes and double the ones inside: "a ""b"" c"`)
	case errors.Is(err, csv.ErrQuote) && syntax.Line > syntax.StartLine:
		p.fail(syntax.StartLine, column, "the quote that opens this cell is not closed before line %d; close it, or double it", syntax.Line)
	case errors.Is(err, csv.ErrQuote):
		p.fail(syntax.StartLine, column, `a quote inside a quoted cell is not doubled, or not followed by a comma; write "" for it`)
	default:
		p.fail(syntax.StartLine, column, "the row cannot be read: %v", syntax.Err)
	}
	return true
}

// blank reports whether a row has no text, as spreadsheets leave them behind.
func blank(fields []string) bool {
	for _, f := range fields {
		if strings.TrimSpace(f) != "" {
			return false
		}
	}
	return true
}
