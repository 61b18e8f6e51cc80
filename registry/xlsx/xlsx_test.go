package xlsx_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xlsx"
)

// book writes a workbook with what fill puts into it, and returns its path.
func book(tb testing.TB, dir string, fill func(f *excelize.File)) string {
	tb.Helper()
	f := excelize.NewFile()
	fill(f)
	path := filepath.Join(dir, "all.xlsx")
	if err := errors.Join(f.SaveAs(path), f.Close()); err != nil {
		tb.Fatal(err)
	}
	return path
}

func set(tb testing.TB, f *excelize.File, sheet, axis string, value any) {
	tb.Helper()
	if err := f.SetCellValue(sheet, axis, value); err != nil {
		tb.Fatal(err)
	}
}

// shown gives cells a number format, built in or of one's own.
func shown(tb testing.TB, f *excelize.File, sheet, axis string, builtin int, own string) {
	tb.Helper()
	s := &excelize.Style{NumFmt: builtin}
	if own != "" {
		s = &excelize.Style{CustomNumFmt: &own}
	}
	id, err := f.NewStyle(s)
	if err == nil {
		err = f.SetCellStyle(sheet, axis, axis, id)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// TestSameAsCSV writes ledgers in both forms, with dates, numbers and yes and
// no as cells of their type, and expects the same tables and the same ledgers.
func TestSameAsCSV(t *testing.T) {
	archive, err := txtar.ParseFile("../testdata/orderly.txtar")
	if err != nil {
		t.Fatal(err)
	}
	asText, asBook := t.TempDir(), t.TempDir()
	typed := make(map[string]int)
	book(t, asBook, func(f *excelize.File) {
		for _, file := range archive.Files {
			if err := os.WriteFile(filepath.Join(asText, file.Name), file.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			fillSheet(t, f, strings.TrimSuffix(file.Name, ".csv"), string(file.Data), typed)
		}
	})
	if typed["date"] < 20 || typed["number"] < 10 || typed["bool"] < 2 {
		t.Fatalf("the test does not test what it says: %v", typed)
	}
	want, problems := registry.Read(asText, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got, problems := registry.Read(asBook, xlsx.Reader{})
	for _, p := range problems {
		t.Error(p)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(registry.Table{}, "File")); diff != "" {
		t.Error(diff)
	}
	wantLedgers, _ := registry.Parse(want)
	gotLedgers, problems := registry.Parse(got)
	if diff := cmp.Diff(sprint(wantLedgers), sprint(gotLedgers)); diff != "" || len(problems) > 0 {
		t.Errorf("%v %s", problems, diff)
	}
	if changes := registry.Diff(want, got); len(changes) > 0 {
		t.Errorf("the two differ: %v", changes)
	}
}

// fillSheet writes CSV text into a sheet as a person would have typed it.
func fillSheet(t *testing.T, f *excelize.File, name, text string, typed map[string]int) {
	t.Helper()
	if _, err := f.NewSheet(name); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for r, fields := range rows {
		for c, value := range fields {
			axis, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err != nil {
				t.Fatal(err)
			}
			if value == "" {
				continue
			}
			if day, err := time.Parse(time.DateOnly, value); err == nil {
				set(t, f, name, axis, day)
				shown(t, f, name, axis, []int{14, 0, 0}[r%3], []string{"", "yyyy-mm-dd", `yyyy"年"m"月"d"日"`}[r%3])
				typed["date"]++
			} else if x, err := strconv.ParseFloat(value, 64); err == nil {
				set(t, f, name, axis, x)
				shown(t, f, name, axis, []int{0, 3, 11}[r%3], "") // general, 1,000 and 1.00E+03
				typed["number"]++
			} else if value == "yes" || value == "no" {
				set(t, f, name, axis, value == "yes")
				typed["bool"]++
			} else {
				set(t, f, name, axis, value)
			}
		}
	}
}

func sprint(l *registry.Ledgers) []string {
	var out []string
	for _, x := range l.Licences {
		out = append(out, x.No+x.Service+x.Valid.From.String()+x.Valid.To.String())
	}
	for _, x := range l.Allocations {
		out = append(out, x.Prefix.String()+x.Use+strconv.Itoa(int(x.Cloud)))
	}
	for _, x := range l.Lines {
		out = append(out, x.ID+strconv.FormatFloat(x.BandwidthMbps, 'g', -1, 64)+x.Valid.From.String())
	}
	return out
}

func TestCells(t *testing.T) {
	day := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name    string
		value   any
		builtin int
		own     string
		want    string
	}{
		{"text", "L1", 0, "", "L1"},
		{"text that is a number", "00123", 0, "", "00123"},
		{"text that is a day number", "46027", 14, "", "46027"},
		{"text with spaces", " a ", 0, "", " a "},
		{"whole number", 64500, 0, "", "64500"},
		{"large number", 4294967295.0, 0, "", "4294967295"},
		{"number shown with commas", 1234567, 3, "", "1234567"},
		{"number shown short", 64500, 11, "", "64500"},
		{"number shown as a share", 0.25, 9, "", "0.25"},
		{"number with a fraction", 0.1, 0, "", "0.1"},
		{"number of many digits", 1e15, 0, "", "1000000000000000"},
		{"number with a d in quotes", 5, 0, `0" days"`, "5"},
		{"number with a colour", 5, 0, `[Red]0`, "5"},
		{"number with an escape", 5, 0, `0\d`, "5"},
		{"number with an open quote", 5, 0, `0"`, "5"},
		{"date", day, 14, "", "2026-01-05"},
		{"date in Chinese", day, 31, "", "2026-01-05"},
		{"date of a locale", day, 0, `[$-804]yyyy"年"m"月"d"日"`, "2026-01-05"},
		{"date and time at midnight", day, 22, "", "2026-01-05"},
		{"date and time", day.Add(13*time.Hour + 30*time.Minute), 22, "", "2026-01-05 13:30:00"},
		{"day number without a format", 46027, 0, "", "46027"},
		{"time of day", 0.5, 20, "", "0.5"},
		{"yes", true, 0, "", "yes"},
		{"no", false, 0, "", "no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := book(t, t.TempDir(), func(f *excelize.File) {
				set(t, f, "Sheet1", "B3", tt.value)
				if tt.builtin != 0 || tt.own != "" {
					shown(t, f, "Sheet1", "B3", tt.builtin, tt.own)
				}
			})
			sheets, err := xlsx.Reader{}.ReadWorkbook(path)
			if err != nil {
				t.Fatal(err)
			}
			want := []registry.Sheet{{Name: "Sheet1", Rows: []registry.Row{{Number: 3, Fields: []string{"", tt.want}}}}}
			if diff := cmp.Diff(want, sheets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDaysOf1904(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) {
		yes := true
		if err := f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}); err != nil {
			t.Fatal(err)
		}
		set(t, f, "Sheet1", "A1", 46027-1462)
		shown(t, f, "Sheet1", "A1", 14, "")
	})
	sheets, err := xlsx.Reader{}.ReadWorkbook(path)
	if err != nil || sheets[0].Rows[0].Fields[0] != "2026-01-05" {
		t.Errorf("got %v, %v", sheets, err)
	}
}

func TestFormulasGiveWhatWasComputed(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) {
		set(t, f, "Sheet1", "A1", 64501)
		if err := f.SetCellFormula("Sheet1", "A1", "64500+1"); err != nil {
			t.Fatal(err)
		}
	})
	sheets, err := xlsx.Reader{}.ReadWorkbook(path)
	if err != nil || len(sheets[0].Rows) != 1 || sheets[0].Rows[0].Fields[0] != "64501" {
		t.Errorf("got %v, %v", sheets, err)
	}
}

// TestCellsExcelMakes has the types of cells that only other programs write:
// the error of a formula, an ISO 8601 date and text inside the cell.
func TestCellsExcelMakes(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) { set(t, f, "Sheet1", "A1", 1) })
	replaceSheet(t, path, `<row r="1"><c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B1" t="d"><v>2026-01-05T00:00:00Z</v></c>`+
		`<c r="C1" t="inlineStr"><is><t>L1</t></is></c><c r="D1" t="str"><f>"a"</f><v>a</v></c><c r="E1" t="d"><v>2026-01-05T01:00:00Z</v></c></row>`)
	sheets, err := xlsx.Reader{}.ReadWorkbook(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Sheet{{
		Name:     "Sheet1",
		Rows:     []registry.Row{{Number: 1, Fields: []string{"", "2026-01-05", "L1", "a", "2026-01-05T01:00:00Z"}}},
		Problems: []registry.Problem{{Row: 1, Column: 1, Message: "the formula of the cell has failed: #DIV/0!"}},
	}}
	if diff := cmp.Diff(want, sheets); diff != "" {
		t.Error(diff)
	}
}

// TestSheetsThatWouldGrow has a few bytes claim the last row and the last
// column there is.
func TestSheetsThatWouldGrow(t *testing.T) {
	for rows, want := range map[string]string{
		`<row r="1048576"><c r="A1048576"><v>1</v></c></row>`:                                    "row 1048576 has text, and most of the rows before have none; delete the empty rows",
		`<row r="1"><c r="XFD1"><v>1</v></c></row>`:                                              "row 1 has 16384 columns; at most 256 are read",
		`<row r="1"><c r="A1"><v>1</v></c></row><row r="10005"><c r="A10005"><v>1</v></c></row>`: "row 10005 has text",
	} {
		path := book(t, t.TempDir(), func(f *excelize.File) { set(t, f, "Sheet1", "A1", 1) })
		replaceSheet(t, path, rows)
		if _, err := (xlsx.Reader{}).ReadWorkbook(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", rows, err)
		}
	}
	path := book(t, t.TempDir(), func(f *excelize.File) { set(t, f, "Sheet1", "A1", 1) })
	replaceSheet(t, path, `<row r="1"><c r="A1"><v>1</v></c></row><row r="10004"><c r="B10004" s="0"><v>2</v></c></row>`)
	sheets, err := xlsx.Reader{}.ReadWorkbook(path)
	want := []registry.Row{{Number: 1, Fields: []string{"1"}}, {Number: 10004, Fields: []string{"", "2"}}}
	if err != nil || !cmp.Equal(want, sheets[0].Rows) {
		t.Errorf("got %v, %v", sheets, err)
	}
}

// TestStyleThatIsNotThere has a cell point to nothing.
func TestStyleThatIsNotThere(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) {
		set(t, f, "Sheet1", "A1", 46027)
		shown(t, f, "Sheet1", "A1", 14, "")
	})
	replacePart(t, path, "xl/worksheets/sheet1.xml", ` s="\d+"`, ` s="99"`)
	if _, err := (xlsx.Reader{}).ReadWorkbook(path); err == nil {
		t.Error("a style that is not there was taken")
	}
}

// TestNoStyles has a workbook that says nothing of how cells are shown: numbers
// are numbers.
func TestNoStyles(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) { set(t, f, "Sheet1", "A1", 46027) })
	replacePart(t, path, "xl/styles.xml", `(?s)<cellXfs.*</cellXfs>`, "")
	sheets, err := (xlsx.Reader{}).ReadWorkbook(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := sheets[0].Rows[0].Fields[0]; got != "46027" {
		t.Errorf("the number is %q", got)
	}
}

// replaceSheet puts other rows into the first sheet of a workbook.
func replaceSheet(t *testing.T, path, rows string) {
	t.Helper()
	replacePart(t, path, "xl/worksheets/sheet1.xml", `(?s)<sheetData>.*</sheetData>`, "<sheetData>"+rows+"</sheetData>")
}

// replacePart replaces what matches in one part of a workbook.
func replacePart(t *testing.T, path, name, pattern, text string) {
	t.Helper()
	old, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range old.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == name {
			content = regexp.MustCompile(pattern).ReplaceAllLiteral(content, []byte(text))
		}
		to, err := w.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(old.Close(), w.Close(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestEmptyRowsAndCellsAreLeftOut(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) {
		set(t, f, "Sheet1", "A2", "asn")
		set(t, f, "Sheet1", "C2", "  ")
		set(t, f, "Sheet1", "D4", " ")
		shown(t, f, "Sheet1", "F9", 14, "") // formatted, and empty
		set(t, f, "Sheet1", "A7", 64500)
	})
	sheets, err := xlsx.Reader{}.ReadWorkbook(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Row{{Number: 2, Fields: []string{"asn"}}, {Number: 7, Fields: []string{"64500"}}}
	if diff := cmp.Diff(want, sheets[0].Rows); diff != "" {
		t.Error(diff)
	}
}

// TestProblemsNameTheCell has the whole way from a workbook to a message.
func TestProblemsNameTheCell(t *testing.T) {
	dir := t.TempDir()
	book(t, dir, func(f *excelize.File) {
		if err := f.SetSheetName("Sheet1", "asns"); err != nil {
			t.Fatal(err)
		}
		for axis, v := range map[string]any{"A1": "asn", "B1": "valid_from", "A2": -1, "B2": time.Date(2026, 1, 5, 13, 0, 0, 0, time.UTC), "A4": "64500", "B4": 46027} {
			set(t, f, "asns", axis, v)
		}
		shown(t, f, "asns", "B2", 22, "")
	})
	tables, problems := registry.Read(dir, xlsx.Reader{})
	_, more := registry.Parse(tables)
	var got []string
	for _, p := range slices.Concat(problems, more) {
		got = append(got, p.String())
	}
	want := []string{
		`all.xlsx/asns:2:1: "-1" is not an AS number`,
		`all.xlsx/asns:2:2: "2026-01-05 13:00:00" is not a date of the form YYYY-MM-DD; write 2026-01-05`,
		`all.xlsx/asns:4:2: "46027" is not a date of the form YYYY-MM-DD; if it is the day number of a spreadsheet, write 2026-01-05`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoWorkbook(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "text": "asn\n64500\n", "half a zip": "PK\x03\x04\x14\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "all.xlsx"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			tables, problems := registry.Read(dir, xlsx.Reader{})
			if len(tables) != 0 || len(problems) != 1 || !strings.HasPrefix(problems[0].String(), "all.xlsx:1:1: the workbook cannot be read: open workbook: ") {
				t.Errorf("got %v %v", tables, problems)
			}
		})
	}
	if _, err := (xlsx.Reader{}).ReadWorkbook(filepath.Join(t.TempDir(), "none.xlsx")); err == nil {
		t.Error("a workbook that is not there was read")
	}
}

func TestSheetsKeepTheirOrder(t *testing.T) {
	names := []string{"lines", "asns", "enterprises"}
	path := book(t, t.TempDir(), func(f *excelize.File) {
		for _, n := range names {
			if _, err := f.NewSheet(n); err != nil {
				t.Fatal(err)
			}
		}
	})
	sheets, err := xlsx.Reader{}.ReadWorkbook(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for i, s := range sheets {
		got[s.Name] = i
	}
	if want := map[string]int{"Sheet1": 0, "lines": 1, "asns": 2, "enterprises": 3}; !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestDamagedWorkbooks changes bytes of a workbook, and of the sheet inside:
// it is refused or read, and nothing crashes.
func TestDamagedWorkbooks(t *testing.T) {
	path := book(t, t.TempDir(), func(f *excelize.File) {
		set(t, f, "Sheet1", "A1", "asn")
		set(t, f, "Sheet1", "A2", 64500)
		shown(t, f, "Sheet1", "A2", 14, "")
	})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const sheet = `<row r="1" spans="1:2"><c r="A1" t="s" s="0"><v>0</v></c></row><row r="2"><c r="B2" s="1"><v>46027</v></c></row>`
	r := rand.New(rand.NewPCG(1, 2))
	damage := func(text []byte) []byte {
		text = slices.Clone(text)
		for range 1 + r.IntN(4) {
			text[r.IntN(len(text))] = byte(r.Uint32())
		}
		return text
	}
	read, refused := 0, 0
	for i := range 400 {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			replaceSheet(t, path, string(damage([]byte(sheet))))
		} else if err := os.WriteFile(path, damage(whole), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (xlsx.Reader{}).ReadWorkbook(path); err != nil {
			refused++
		} else {
			read++
		}
	}
	if read < 10 || refused < 10 {
		t.Errorf("%d read, %d refused: the test does not test what it says", read, refused)
	}
}
