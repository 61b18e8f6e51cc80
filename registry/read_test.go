package registry_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/registry"
)

func TestReadSaysWhatIsWrongWithFiles(t *testing.T) {
	const header = "asn,valid_from\n"
	tests := []struct {
		name    string
		content map[string]string
		want    []string
	}{
		{"byte order mark, CRLF and no end of line", map[string]string{"asns.csv": "\ufeffasn,valid_from\r\n64500,2024-01-01\r\n64501,"}, nil},
		{"blank lines and rows of empty cells", map[string]string{"asns.csv": "\n" + header + "\n64500,\n,\n  ,　\n\n"}, nil},
		{"quoted cells over lines", map[string]string{"enterprises.csv": "enterprise_id,name\n\"E1\",\"a\nb, \"\"c\"\"\"\nE1,\n"}, []string{
			`enterprises.csv:4:1: enterprise_id "E1" is in row 2 already`,
		}},
		{"empty", map[string]string{"asns.csv": ""}, []string{"asns.csv:1:1: the file is empty; it needs at least the row of column names"}},
		{"only a byte order mark", map[string]string{"asns.csv": "\ufeff\r\n"}, []string{"asns.csv:1:1: the file is empty; it needs at least the row of column names"}},
		{"header alone", map[string]string{"asns.csv": header}, nil},
		{"one cell in GBK", map[string]string{"enterprises.csv": "enterprise_id,name\nE1,\xbc\xd7\nE2,x\n"}, []string{
			"enterprises.csv:2:2: the cell is not UTF-8; save the file as CSV UTF-8",
		}},
		{"a file in GBK", map[string]string{"enterprises.csv": "enterprise_id,name,credit\nE1,\xbc\xd7,good\nE2,\xd2\xd2,\nE\xd2\xd2,x,\n"}, []string{
			"enterprises.csv:2:2: 3 cells are not UTF-8, the first is this one; save the file as CSV UTF-8",
			`enterprises.csv:2:3: "good" is none of normal, bad`,
		}},
		{"a header in GBK", map[string]string{"enterprises.csv": "\xbc\xd7,name\nE1,x\n"}, []string{
			"enterprises.csv:1:1: the cell is not UTF-8; save the file as CSV UTF-8",
		}},
		{"UTF-16", map[string]string{"asns.csv": "\xff\xfea\x00s\x00n\x00\n\x00"}, []string{"asns.csv:1:1: the file is UTF-16; save it as CSV UTF-8"}},
		{"UTF-16 without a mark", map[string]string{"asns.csv": "a\x00s\x00n\x00"}, []string{"asns.csv:1:1: the line has a NUL byte in it: this is no text; save the file as CSV UTF-8"}},
		{"NUL", map[string]string{"asns.csv": header + "64500,\n645\x0000,\n"}, []string{"asns.csv:3:1: the line has a NUL byte in it: this is no text; save the file as CSV UTF-8"}},
		{"bare carriage returns", map[string]string{"asns.csv": "asn,valid_from\r64500,\r"}, []string{"asns.csv:1:1: the lines end in a bare carriage return; save the file with LF or CRLF"}},
		{"a workbook by another name", map[string]string{"asns.csv": "PK\x03\x04\x00"}, []string{"asns.csv:1:1: the file is a spreadsheet and not CSV; save it as CSV UTF-8"}},
		{"an escape sequence", map[string]string{"enterprises.csv": "enterprise_id,name\nE1,\x1b[2J\n\x1bE2,x\n"}, []string{
			`enterprises.csv:2:2: "\x1b[2J" has a control character (U+001B) in it; type it again`,
			`enterprises.csv:3:1: "\x1bE2" has a control character (U+001B) in it; type it again`,
		}},
		{"a broken header", map[string]string{"asns.csv": "as\"n\n64500\n"}, []string{
			`asns.csv:1:1: a quote in the middle of an unquoted cell; put the whole cell in quotes and double the ones inside: "a ""b"" c"`,
		}},
		{"references to a ledger with a broken row", map[string]string{"enterprises.csv": "enterprise_id\nE\"1\nE2\n", "asns.csv": "asn,enterprise_id\n64500,E1\n"}, []string{
			`enterprises.csv:2:1: a quote in the middle of an unquoted cell; put the whole cell in quotes and double the ones inside: "a ""b"" c"`,
		}},
		{"references to a row with the wrong number of cells", map[string]string{"enterprises.csv": "enterprise_id,name\nE1\n", "asns.csv": "asn,enterprise_id\n64500,E1\n"}, []string{
			"enterprises.csv:2:2: number of cells: 1 in this row, 2 in the header",
		}},
		{"references to a row with another mistake", map[string]string{"enterprises.csv": "enterprise_id,credit\nE1,x\nＥ２,bad\n", "asns.csv": "asn,enterprise_id\n64500,E1\n64501,E2\n"}, []string{
			`enterprises.csv:2:2: "x" is none of normal, bad`, `enterprises.csv:3:1: "Ｅ２" has full-width characters; write "E2"`,
		}},
		{"references into nothing", map[string]string{"asns.csv": "asn,enterprise_id\n64500,E1\n64501,E2\n", "sources.csv": "prefix\n"}, []string{
			"asns.csv:2:2: enterprises.csv is missing or empty, and 2 cells refer to it, this one first (warning)",
		}},
		{"files that are no ledgers", map[string]string{
			"line.csv": "x", "README.md": "x", "lines.xls": "x", "Lines.CSV": "x", "licenses.csv": "x", ".asns.csv": "x", "~$all.xlsx": "x", "all.xlsx": "x",
		}, []string{
			"Lines.CSV:1:1: not a ledger, and not read; did you mean lines.csv? (warning)",
			"README.md:1:1: not a ledger, and not read (warning)",
			"all.xlsx:1:1: workbooks are not read here; save each sheet as CSV UTF-8 (warning)",
			"licenses.csv:1:1: not a ledger, and not read; did you mean licences.csv? (warning)",
			"line.csv:1:1: not a ledger, and not read; did you mean lines.csv? (warning)",
			"lines.xls:1:1: not a ledger, and not read; save it as .xlsx or as CSV UTF-8 (warning)",
		}},
		{"a huge cell", map[string]string{"enterprises.csv": "enterprise_id,name\nE1," + strings.Repeat("x", registry.MaxCellBytes+1) + "\n"}, []string{
			"enterprises.csv:2:2: the cell has 65537 bytes; at most 65536 are read",
		}},
		{"many columns", map[string]string{"asns.csv": "asn" + strings.Repeat(",x", registry.MaxColumns) + "\n1\n"}, []string{
			"asns.csv:1:257: the header has 257 columns; at most 256 are read",
		}},
		{"a long id", map[string]string{"enterprises.csv": "enterprise_id\n" + strings.Repeat("甲", 100) + "\n"}, []string{
			`enterprises.csv:2:1: "` + strings.Repeat("甲", 26) + `"... is 300 bytes long; an id has at most 255`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, said := check(t, tt.content)
			if tt.want == nil {
				tt.want = []string{}
			}
			if diff := cmp.Diff(tt.want, said); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadTakesTheTextAsItIs(t *testing.T) {
	dir := folder(t, map[string]string{
		"lines.csv": "\ufeffline_id,use\r\n\r\nL1, idc \r\n\"L\n2\",\"a\r\nb\"\r\nL3,\r\n",
		"asns.csv":  "asn\n64500\n",
	})
	tables, problems := registry.Read(dir, nil)
	want := []registry.Table{
		{Name: "asns", Columns: []string{"asn"}, Rows: []registry.Row{{Number: 2, Fields: []string{"64500"}}}},
		{Name: "lines", Columns: []string{"line_id", "use"}, Rows: []registry.Row{
			{Number: 3, Fields: []string{"L1", " idc "}}, {Number: 4, Fields: []string{"L\n2", "a\nb"}}, {Number: 7, Fields: []string{"L3", ""}},
		}},
	}
	if diff := cmp.Diff(want, tables); diff != "" || len(problems) > 0 {
		t.Errorf("%v %s", problems, diff)
	}
}

func TestReadOfWhatIsNoFile(t *testing.T) {
	dir := folder(t, nil)
	if err := os.Mkdir(filepath.Join(dir, "asns.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "lines.csv")); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(folder(t, map[string]string{"real.csv": "prefix\n198.51.100.0/24\n"}), "real.csv")
	if err := os.Symlink(other, filepath.Join(dir, "sources.csv")); err != nil {
		t.Fatal(err)
	}
	tables, problems := registry.Read(dir, nil)
	want := []string{
		"asns.csv:1:1: this is not a regular file",
		"lines.csv:1:1: the file cannot be read: no such file or directory",
		"old:1:1: not a ledger, and not read",
	}
	got := []string{}
	for _, p := range problems {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(tables) != 1 || tables[0].Name != "sources" || len(tables[0].Rows) != 1 {
		t.Errorf("the linked ledger was not read: %v", tables)
	}
	if _, problems = registry.Read(filepath.Join(dir, "none"), nil); len(problems) != 1 || problems[0].String() != "none:1:1: the directory cannot be read: no such file or directory" {
		t.Errorf("no directory: %v", problems)
	}
}

func TestOversizedFilesAreRefused(t *testing.T) {
	dir := folder(t, nil)
	for name, size := range map[string]int64{"lines.csv": registry.MaxFileBytes + 1, "all.xlsx": registry.MaxWorkbookBytes + 1} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(size), f.Close()); err != nil { // a hole: it takes no space
			t.Fatal(err)
		}
	}
	_, problems := registry.Read(dir, workbook{})
	if len(problems) != 2 ||
		problems[0].String() != "all.xlsx:1:1: the workbook has 67108865 bytes; at most 67108864 are read, save its sheets as CSV UTF-8" ||
		problems[1].String() != "lines.csv:1:1: the file has 1073741825 bytes; at most 1073741824 are read" {
		t.Errorf("got %v", problems)
	}
}

// workbook is a reader that gives back what it holds.
type workbook struct {
	sheets []registry.Sheet
	err    error
}

func (w workbook) ReadWorkbook(string) ([]registry.Sheet, error) { return w.sheets, w.err }

func TestSheetsAreLedgers(t *testing.T) {
	row := func(n int, fields ...string) registry.Row { return registry.Row{Number: n, Fields: fields} }
	tests := []struct {
		name    string
		content map[string]string
		book    workbook
		want    []string
		tables  []string
	}{
		{"sheets", map[string]string{"all.xlsx": "x"}, workbook{sheets: []registry.Sheet{
			{Name: "lines", Rows: []registry.Row{row(1, "line_id", "use"), row(3, "L1")}}, {Name: " asns ", Rows: []registry.Row{row(1, "asn")}}, {Name: "Sheet3"},
		}}, nil, []string{"asns all.xlsx/ asns  []", "lines all.xlsx/lines [{3 [L1 ]}]"}},
		{"a sheet that is no ledger", map[string]string{"all.xlsx": "x"}, workbook{sheets: []registry.Sheet{
			{Name: "Line", Rows: []registry.Row{row(1, "x")}}, {Name: "说明", Rows: []registry.Row{row(1, "x")}},
		}}, []string{
			`all.xlsx/Line:1:1: sheet "Line" is not a ledger, and not read; did you mean lines?`,
			`all.xlsx/说明:1:1: sheet "说明" is not a ledger, and not read`,
		}, nil},
		{"both forms", map[string]string{"all.xlsx": "x", "lines.csv": "line_id\n"}, workbook{sheets: []registry.Sheet{{Name: "lines", Rows: []registry.Row{row(1, "line_id")}}}}, []string{
			"lines.csv:1:1: ledger lines is in all.xlsx/lines already; keep one of the two",
		}, []string{"lines all.xlsx/lines []"}},
		{"two workbooks", map[string]string{"a.xlsx": "x", "b.xlsx": "x"}, workbook{sheets: []registry.Sheet{{Name: "lines", Rows: []registry.Row{row(1, "line_id")}}}}, []string{
			"b.xlsx/lines:1:1: ledger lines is in a.xlsx/lines already; keep one of the two",
		}, []string{"lines a.xlsx/lines []"}},
		{"an empty ledger", map[string]string{"all.xlsx": "x"}, workbook{sheets: []registry.Sheet{{Name: "lines"}}}, []string{
			"all.xlsx/lines:1:1: the sheet is empty; it needs at least the row of column names",
		}, nil},
		{"many columns", map[string]string{"all.xlsx": "x"}, workbook{sheets: []registry.Sheet{{Name: "lines", Rows: []registry.Row{row(1, make([]string, 300)...)}}}}, []string{
			"all.xlsx/lines:1:1: the header has 300 columns; at most 256 are read",
		}, nil},
		{"a cell that failed", map[string]string{"all.xlsx": "x"}, workbook{sheets: []registry.Sheet{{Name: "asns", Rows: []registry.Row{row(1, "asn")}, Problems: []registry.Problem{{Row: 4, Column: 2, Message: "no"}}}}}, []string{
			"all.xlsx/asns:4:2: no",
		}, []string{"asns all.xlsx/asns []"}},
		{"no workbook", map[string]string{"all.xlsx": "x"}, workbook{err: &fs.PathError{Op: "open", Path: "secret", Err: errors.New("broken")}}, []string{
			"all.xlsx:1:1: the workbook cannot be read: broken",
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tables, problems := registry.Read(folder(t, tt.content), tt.book)
			var said, got []string
			for _, p := range problems {
				said = append(said, p.String())
			}
			for _, table := range tables {
				got = append(got, table.Name+" "+table.File+" "+sprint(table.Rows))
			}
			if diff := cmp.Diff(tt.want, said); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.tables, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestParseNamesTheSheet has problems found later name the sheet as well.
func TestParseNamesTheSheet(t *testing.T) {
	book := workbook{sheets: []registry.Sheet{{Name: "asns", Rows: []registry.Row{{Number: 1, Fields: []string{"asn"}}, {Number: 9, Fields: []string{"x"}}, {Number: 10, Fields: []string{"64500", "y"}}}}}}
	tables, problems := registry.Read(folder(t, map[string]string{"a.xlsx": "x"}), book)
	_, more := registry.Parse(tables)
	if len(problems) != 0 || len(more) != 2 || more[0].String() != `a.xlsx/asns:9:1: "x" is not an AS number` || more[1].String() != "a.xlsx/asns:10:2: number of cells: 2 in this row, 1 in the header" {
		t.Errorf("got %v %v", problems, more)
	}
}

func TestParseOfTablesThatAreNoLedgers(t *testing.T) {
	_, problems := registry.Parse([]registry.Table{{Name: "linse"}, {Name: "asns", Columns: []string{"asn"}}, {Name: "asns", File: "x.csv"}})
	if len(problems) != 2 || problems[0].String() != `linse.csv:1:1: "linse" is no ledger; did you mean lines?` || problems[1].String() != "x.csv:1:1: ledger asns is in asns.csv already" {
		t.Errorf("got %v", problems)
	}
}
