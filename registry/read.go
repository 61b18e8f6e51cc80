package registry

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Read returns the text of the ledgers in dir, in the order of the ledgers, and
// what is wrong with their files. Each ledger is a CSV file of its name or a
// sheet of its name in a workbook, read through w; without w workbooks are not
// read. Files that are no ledger are warned of, and hidden ones passed over.
// Problems name files by their name in dir, sheets as workbook/sheet. Every
// watch is told of how far the reading is.
func Read(dir string, w WorkbookReader, watch ...Watch) ([]Table, []Problem) {
	d := &directory{path: dir, workbooks: w, watch: watch}
	entries, err := os.ReadDir(dir)
	if err != nil {
		d.fail(filepath.Base(dir), "the directory cannot be read: %v", reason(err))
		return nil, d.problems
	}
	for _, e := range entries {
		d.read(e.Name())
	}
	order := ledgerNames()
	slices.SortStableFunc(d.tables, func(a, b Table) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	return d.tables, d.problems
}

// directory is a ledger directory while it is read.
type directory struct {
	path      string
	workbooks WorkbookReader
	watch     []Watch
	tables    []Table
	problems  []Problem
}

func (d *directory) fail(file, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: file, Row: 1, Column: 1, Message: fmt.Sprintf(format, args...)})
}

func (d *directory) warn(file, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: file, Row: 1, Column: 1, Message: fmt.Sprintf(format, args...), Warning: true})
}

// read takes one entry of the directory.
func (d *directory) read(name string) {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") {
		return // half-written, or the lock of an open spreadsheet
	}
	base, suffix := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
	isLedger := suffix == ".csv" && slices.Contains(ledgerNames(), base)
	if !isLedger && suffix != ".xlsx" {
		d.warn(name, "not a ledger, and not read%s", d.fileHint(name))
		return
	}
	// Stat follows links: a mounted directory may consist of them.
	info, err := os.Stat(filepath.Join(d.path, name))
	switch {
	case err != nil:
		d.fail(name, "the file cannot be read: %v", reason(err))
	case !info.Mode().IsRegular():
		d.fail(name, "this is not a regular file")
	case isLedger:
		d.readCSV(name, base, info.Size())
	default:
		d.readWorkbook(name, info.Size())
	}
}

// fileHint says what a file that is no ledger was perhaps meant to be.
func (d *directory) fileHint(name string) string {
	lower := strings.ToLower(name)
	switch suffix := filepath.Ext(lower); suffix {
	case ".xls", ".xlsm", ".xlsb", ".ods", ".et":
		return "; save it as .xlsx or as CSV UTF-8"
	case ".xml":
		return "; make ledgers of it with linewarden registry convert"
	case ".csv", ".txt", ".tsv", "":
		if like := nearest(strings.TrimSuffix(lower, suffix), ledgerNames()); like != "" {
			return "; did you mean " + like + ".csv?"
		}
	}
	return ""
}

// reason returns an error without the path, which the problem names already.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

func (d *directory) readCSV(name, ledger string, size int64) {
	if size > MaxFileBytes {
		d.fail(name, "the file has %d bytes; at most %d are read", size, MaxFileBytes)
		return
	}
	text, err := readAtMost(filepath.Join(d.path, name), MaxFileBytes)
	if err != nil {
		d.fail(name, "the file cannot be read: %v", reason(err))
		return
	}
	p := &problems{file: name}
	t := readCSVWatched(text, p, func(rows int, at int64) {
		if rows%progressRows == 0 {
			tell(d.watch, Progress{"read", ledger, int(at), len(text)})
		}
	})
	d.problems = append(d.problems, p.all()...)
	if t != nil {
		t.Name = ledger
		d.take(*t)
	}
}

// readAtMost reads a file that may grow while it is read.
func readAtMost(path string, most int64) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil {
		b.Grow(int(min(info.Size(), most)) + bytes.MinRead)
	}
	n, err := io.Copy(&b, io.LimitReader(f, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return b.Bytes(), err
}

// take adds a table, unless its ledger is there already.
func (d *directory) take(t Table) {
	for _, other := range d.tables {
		if other.Name == t.Name {
			d.fail(t.fileOf(), "ledger %s is in %s already; keep one of the two", t.Name, other.fileOf())
			return
		}
	}
	d.tables = append(d.tables, t)
}

func (d *directory) readWorkbook(name string, size int64) {
	switch {
	case d.workbooks == nil:
		d.warn(name, "workbooks are not read here; save each sheet as CSV UTF-8")
		return
	case size > MaxWorkbookBytes:
		d.fail(name, "the workbook has %d bytes; at most %d are read, save its sheets as CSV UTF-8", size, MaxWorkbookBytes)
		return
	}
	sheets, err := d.workbooks.ReadWorkbook(filepath.Join(d.path, name))
	if err != nil {
		d.fail(name, "the workbook cannot be read: %v", reason(err))
		return
	}
	for i := range sheets {
		d.takeSheet(name, &sheets[i])
	}
}

// takeSheet makes a table of a sheet.
func (d *directory) takeSheet(workbook string, s *Sheet) {
	file, ledger := workbook+"/"+s.Name, strings.TrimSpace(s.Name)
	if !slices.Contains(ledgerNames(), ledger) {
		if len(s.Rows) > 0 {
			d.warn(file, "sheet %s is not a ledger, and not read%s", quoted(s.Name), didYouMean(strings.ToLower(ledger), ledgerNames()))
		}
		return
	}
	said := problems{file: file}
	for _, p := range s.Problems {
		said.add(p, "%s", p.Message)
	}
	d.problems = append(d.problems, said.all()...)
	switch {
	case len(s.Rows) == 0:
		d.fail(file, "the sheet is empty; it needs at least the row of column names")
		return
	case len(s.Rows[0].Fields) > MaxColumns:
		d.fail(file, "the header has %d columns; at most %d are read", len(s.Rows[0].Fields), MaxColumns)
		return
	case len(s.Rows)-1 > MaxRows:
		d.fail(file, "the sheet has %d rows; at most %d are read", len(s.Rows)-1, MaxRows)
		return
	}
	t := Table{Name: ledger, File: file, Columns: s.Rows[0].Fields, Rows: s.Rows[1:]}
	for i := range t.Rows {
		for len(t.Rows[i].Fields) < len(t.Columns) { // cells at the end of a row may be left out
			t.Rows[i].Fields = append(t.Rows[i].Fields, "")
		}
	}
	d.take(t)
}
