package xlsx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/registry"
)

// Reader reads .xlsx files. It is safe for concurrent use.
type Reader struct{}

var _ registry.WorkbookReader = Reader{}

// maxUnzipped is how large a workbook may be once unpacked, in bytes.
const maxUnzipped = 128 << 20

// ReadWorkbook implements registry.WorkbookReader. Of a formula it takes the
// value that was computed when the workbook was saved. A workbook that makes
// the library panic is an error like any other that cannot be read.
func (Reader) ReadWorkbook(path string) (sheets []registry.Sheet, err error) {
	return survive(func() ([]registry.Sheet, error) { return read(path) })
}

// survive makes an error of a panic: a workbook costs itself and nothing else.
func survive(read func() ([]registry.Sheet, error)) (sheets []registry.Sheet, err error) {
	defer func() {
		if r := recover(); r != nil {
			sheets, err = nil, fmt.Errorf("the workbook is damaged: %v", r)
		}
	}()
	return read()
}

func read(path string) (sheets []registry.Sheet, err error) {
	f, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped})
	if err != nil {
		return nil, fmt.Errorf("open workbook: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := workbook{file: f, dates: make(map[int]bool)}
	props, err := f.GetWorkbookProps()
	if err != nil {
		return nil, fmt.Errorf("read workbook properties: %w", err)
	}
	w.since1904 = props.Date1904 != nil && *props.Date1904
	for _, name := range f.GetSheetList() {
		s, err := w.sheet(name)
		if err != nil {
			return nil, fmt.Errorf("sheet %q: %w", name, err)
		}
		sheets = append(sheets, s)
	}
	return sheets, nil
}

// workbook is an open file.
type workbook struct {
	file      *excelize.File
	since1904 bool
	dates     map[int]bool // whether numbers of a style are dates
}

// sheet reads one sheet.
func (w *workbook) sheet(name string) (s registry.Sheet, err error) {
	s.Name = name
	rows, err := w.file.Rows(name)
	if err != nil {
		return s, fmt.Errorf("read rows: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var raw []registry.Row
	for number := 1; rows.Next(); number++ {
		fields, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return s, fmt.Errorf("read row %d: %w", number, err)
		}
		for len(fields) > 0 && fields[len(fields)-1] == "" {
			fields = fields[:len(fields)-1]
		}
		if len(fields) > registry.MaxColumns {
			return s, fmt.Errorf("row %d has %d columns; at most %d are read", number, len(fields), registry.MaxColumns)
		}
		if len(fields) > 0 {
			raw = append(raw, registry.Row{Number: number, Fields: fields})
		}
	}
	if err := rows.Error(); err != nil {
		return s, fmt.Errorf("read rows: %w", err)
	}
	// The types of cells are asked for by a way that fills every gap.
	if n := len(raw); n > 0 && raw[n-1].Number > maxGaps+2*n {
		return s, fmt.Errorf("row %d has text, and most of the rows before have none; delete the empty rows", raw[n-1].Number)
	}
	for _, r := range raw {
		if err := w.row(&s, r.Number, r.Fields); err != nil {
			return s, fmt.Errorf("read row %d: %w", r.Number, err)
		}
	}
	return s, nil
}

// maxGaps is how many empty rows a sheet may have besides one for every other.
const maxGaps = 10_000

// row appends a row with text to s.
func (w *workbook) row(s *registry.Sheet, number int, fields []string) error {
	end := 0
	for i, raw := range fields {
		if raw == "" {
			continue
		}
		text, err := w.text(s, number, i+1, raw)
		if err != nil {
			return err
		}
		fields[i] = text
		if strings.TrimSpace(text) != "" {
			end = i + 1
		}
	}
	if end > 0 {
		s.Rows = append(s.Rows, registry.Row{Number: number, Fields: fields[:end]})
	}
	return nil
}

// text returns what a CSV file would hold for a cell that is not empty.
func (w *workbook) text(s *registry.Sheet, row, column int, raw string) (string, error) {
	axis, err := excelize.CoordinatesToCellName(column, row)
	if err != nil {
		return "", err
	}
	kind, err := w.file.GetCellType(s.Name, axis)
	if err != nil {
		return "", fmt.Errorf("cell %s: %w", axis, err)
	}
	switch kind {
	case excelize.CellTypeBool:
		if raw == "1" || strings.EqualFold(raw, "true") {
			return "yes", nil
		}
		return "no", nil
	case excelize.CellTypeError:
		s.Problems = append(s.Problems, registry.Problem{Row: row, Column: column, Message: "the formula of the cell has failed: " + raw})
		return "", nil
	case excelize.CellTypeNumber, excelize.CellTypeUnset:
		return w.number(s.Name, axis, raw)
	case excelize.CellTypeDate:
		return dateText(raw), nil
	default:
		return raw, nil
	}
}

// number returns a number in plain decimals, or as a date if it is shown as
// one.
func (w *workbook) number(sheet, axis, raw string) (string, error) {
	x, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return raw, nil //nolint:nilerr // text in a cell of no type
	}
	style, err := w.file.GetCellStyle(sheet, axis)
	if err != nil {
		return "", fmt.Errorf("cell %s: %w", axis, err)
	}
	isDate, err := w.isDate(style)
	if err != nil {
		return "", fmt.Errorf("cell %s: %w", axis, err)
	}
	if !isDate {
		return strconv.FormatFloat(x, 'f', -1, 64), nil
	}
	t, err := excelize.ExcelDateToTime(x, w.since1904)
	if err != nil {
		return raw, nil //nolint:nilerr // no date can be made of it: the text is judged like any other
	}
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly), nil
	}
	return t.Format(time.DateTime), nil
}

// dateText shortens an ISO 8601 date and time at midnight to its date.
func dateText(raw string) string {
	day, clock, _ := strings.Cut(strings.TrimSuffix(raw, "Z"), "T")
	if strings.Trim(clock, "0:.") == "" {
		return day
	}
	return raw
}

// isDate reports whether numbers of a style are shown as days.
func (w *workbook) isDate(style int) (bool, error) {
	if known, ok := w.dates[style]; ok {
		return known, nil
	}
	s, err := w.file.GetStyle(style)
	switch {
	case err != nil && style == 0: // a workbook may come without any style (ECMA-376 part 1, 12.3.20)
		return false, nil
	case err != nil:
		return false, err
	}
	if s.CustomNumFmt != nil {
		w.dates[style] = showsDays(*s.CustomNumFmt)
	} else {
		w.dates[style] = isDayFormat(s.NumFmt)
	}
	return w.dates[style], nil
}

// isDayFormat reports whether a built-in number format shows days (ECMA-376
// part 1, 18.8.30; 27 to 36 and 50 to 58 are those of East Asian locales).
func isDayFormat(id int) bool {
	return id >= 14 && id <= 17 || id == 22 || id >= 27 && id <= 31 || id == 36 || id >= 50 && id <= 58
}

// showsDays reports whether a number format has years or days in it, outside
// of quoted text, escapes and bracketed conditions.
func showsDays(format string) bool {
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '\\', '_', '*':
			i++
		case '"':
			i += 1 + max(0, strings.IndexByte(format[i+1:], '"'))
		case '[':
			i += 1 + max(0, strings.IndexByte(format[i+1:], ']'))
		case 'y', 'Y', 'd', 'D':
			return true
		}
	}
	return false
}
