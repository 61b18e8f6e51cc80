package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/rules"
)

// Sheet is a sheet of a workbook: headings that stay in sight, and rows whose
// cells are texts, numbers, Shares or times.
type Sheet struct {
	Name    string
	Columns []string
	// Widths are those of the columns in characters; a column without one has
	// 14.
	Widths []float64
	Rows   [][]any
}

// Share is a number from 0 to 1 that a sheet shows in per cent.
type Share float64

// FindingsSheet is the sheet with one row a finding: the columns of the CSV
// file, with numbers and times as such.
func FindingsSheet(findings []rules.Finding, loc *time.Location) (Sheet, error) {
	sheet := Sheet{Name: "findings", Columns: columns, Widths: []float64{18, 22, 8, 22, 12, 22, 26, 14, 8, 10, 10, 11, 17, 17, 17, 17, 10, 34, 34, 60, 60, 40, 40}}
	for i := range findings {
		f := &findings[i]
		texts, err := row(f, loc)
		if err != nil {
			return sheet, err
		}
		cells := make([]any, len(texts))
		for c, text := range texts {
			cells[c] = text
		}
		typed := map[string]any{
			"confidence": f.Confidence, "completeness": Share(f.Completeness), "first_seen": f.FirstSeen.In(loc), "last_seen": f.LastSeen.In(loc),
			"window_from": f.Window.From.In(loc), "window_to": f.Window.To.In(loc),
		}
		for c, name := range columns {
			if v, ok := typed[name]; ok {
				cells[c] = v
			}
		}
		sheet.Rows = append(sheet.Rows, cells)
	}
	return sheet, nil
}

func writeWorkbook(w io.Writer, findings []rules.Finding, loc *time.Location, h *Handling) error {
	sheet, err := FindingsSheet(findings, loc)
	if err != nil {
		return err
	}
	sheets := []Sheet{sheet}
	if h != nil {
		sheets = append(sheets, Sheet{Name: "handling", Columns: []string{"项目 item", "内容 value"}, Widths: []float64{30, 80}, Rows: h.Sheet()})
	}
	return WriteWorkbook(w, sheets)
}

// WriteWorkbook writes sheets as an XLSX file. The same sheets give the same
// bytes.
func WriteWorkbook(w io.Writer, sheets []Sheet) error {
	book := excelize.NewFile()
	book.SetZipWriter(newOrderedZip)
	err := fillWorkbook(book, sheets)
	if err == nil {
		err = book.Write(w)
	}
	if err = errors.Join(err, book.Close()); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

// cellStyles are the styles of a workbook, by what a cell holds.
type cellStyles struct{ head, text, share, instant int }

func fillWorkbook(book *excelize.File, sheets []Sheet) error {
	var styles cellStyles
	instant := "yyyy-mm-dd hh:mm"
	for _, s := range []struct {
		id    *int
		style excelize.Style
	}{
		{&styles.head, excelize.Style{
			Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"ECF0F5"}},
			Alignment: &excelize.Alignment{Vertical: "top", WrapText: true},
		}},
		{&styles.text, excelize.Style{Alignment: &excelize.Alignment{Vertical: "top"}}},
		{&styles.share, excelize.Style{NumFmt: 10, Alignment: &excelize.Alignment{Vertical: "top"}}},
		{&styles.instant, excelize.Style{CustomNumFmt: &instant, Alignment: &excelize.Alignment{Vertical: "top"}}},
	} {
		var err error
		if *s.id, err = book.NewStyle(&s.style); err != nil {
			return fmt.Errorf("make a style: %w", err)
		}
	}
	for i := range sheets {
		var err error
		if i == 0 {
			err = book.SetSheetName(book.GetSheetName(0), sheets[i].Name)
		} else {
			_, err = book.NewSheet(sheets[i].Name)
		}
		if err == nil {
			err = fillSheet(book, &sheets[i], styles)
		}
		if err != nil {
			return fmt.Errorf("sheet %s: %w", sheets[i].Name, err)
		}
	}
	return nil
}

// The sizes of paper of a sheet (ECMA-376, part 1, section 18.3.1.63), and how
// wide one is that A3 is taken for, in characters.
const (
	paperA3, paperA4 = 8, 9
	wideSheet        = 150
)

// layOut has a sheet printed across the paper, with all its columns on one page
// and its headings on each. Long texts of the last column end with it on paper:
// they would be given room of their own otherwise.
func layOut(book *excelize.File, s *Sheet) error {
	width := 0.0
	for i := range s.Columns {
		width += s.width(i)
	}
	paper := paperA4
	if width > wideSheet {
		paper = paperA3
	}
	last, err := excelize.CoordinatesToCellName(max(1, len(s.Columns)), len(s.Rows)+1, true)
	if err != nil {
		return fmt.Errorf("name its last cell: %w", err)
	}
	return errors.Join(
		book.SetSheetProps(s.Name, &excelize.SheetPropsOptions{FitToPage: new(true)}),
		book.SetPageLayout(s.Name, &excelize.PageLayoutOptions{Size: &paper, Orientation: new("landscape"), FitToWidth: new(1), FitToHeight: new(0)}),
		book.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Area", RefersTo: "'" + s.Name + "'!$A$1:" + last, Scope: s.Name}),
		book.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: "'" + s.Name + "'!$1:$1", Scope: s.Name}),
	)
}

// width is that of a column, in characters.
func (s *Sheet) width(column int) float64 {
	if column < len(s.Widths) {
		return s.Widths[column]
	}
	return 14
}

func fillSheet(book *excelize.File, s *Sheet, styles cellStyles) error {
	if err := layOut(book, s); err != nil {
		return fmt.Errorf("lay it out: %w", err)
	}
	out, err := book.NewStreamWriter(s.Name)
	if err != nil {
		return fmt.Errorf("open it: %w", err)
	}
	for i := range s.Columns {
		if err := out.SetColWidth(i+1, i+1, s.width(i)); err != nil {
			return fmt.Errorf("set its widths: %w", err)
		}
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return fmt.Errorf("freeze its headings: %w", err)
	}
	head := make([]any, len(s.Columns))
	for i, c := range s.Columns {
		head[i] = excelize.Cell{StyleID: styles.head, Value: c}
	}
	if err := out.SetRow("A1", head); err != nil {
		return fmt.Errorf("write its headings: %w", err)
	}
	for i, cells := range s.Rows {
		if err := out.SetRow("A"+strconv.Itoa(i+2), styled(cells, styles)); err != nil {
			return fmt.Errorf("write row %d: %w", i+2, err)
		}
	}
	return out.Flush()
}

// maxCell is the longest text a cell of a workbook holds, in characters.
const maxCell = 32767

func styled(cells []any, styles cellStyles) []any {
	out := make([]any, len(cells))
	for i, v := range cells {
		cell := excelize.Cell{StyleID: styles.text, Value: v}
		switch v := v.(type) {
		case string:
			if r := []rune(v); len(r) > maxCell {
				cell.Value = string(r[:maxCell])
			}
		case Share:
			cell = excelize.Cell{StyleID: styles.share, Value: float64(v)}
		case time.Time:
			cell = excelize.Cell{StyleID: styles.instant, Value: v}
			if v.IsZero() {
				cell = excelize.Cell{StyleID: styles.text, Value: ""}
			}
		}
		out[i] = cell
	}
	return out
}
