package registry

import "fmt"

// Table is the text of one ledger.
type Table struct {
	// Name is the name of the ledger, such as lines.
	Name string
	// Columns is the header row.
	Columns []string
	// Rows hold the cells as they are written, in file order. Rows without any
	// text are left out.
	Rows []Row
	// File is what problems name; if it is empty, that is Name.csv.
	File string
	// Partial is set when rows are missing because they could not be read:
	// whether a reference to the ledger leads anywhere cannot be said then.
	Partial bool
}

// Row is one row of a ledger.
type Row struct {
	// Number is where the row begins in its file; the first line or row is 1.
	Number int
	Fields []string
}

// Problem is something wrong in a file.
type Problem struct {
	File string
	// Row and Column count from 1. They are 1 where the file as a whole is
	// meant.
	Row, Column int
	Message     string
	// Warning is set when the ledgers can be used all the same.
	Warning bool
}

// String returns the problem as file:row:column: message.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Row, p.Column, p.Message)
}

// WorkbookReader reads spreadsheets, whose format the ledgers do not know.
type WorkbookReader interface {
	// ReadWorkbook returns the sheets of the workbook of that path, in their
	// order. Cells are the text a CSV file would hold: dates YYYY-MM-DD,
	// numbers plain decimals, booleans yes and no.
	ReadWorkbook(path string) ([]Sheet, error)
}

// Sheet is one sheet of a workbook.
type Sheet struct {
	Name string
	// Rows are those with some text, each without its empty cells at the end.
	Rows []Row
	// Problems are cells that hold no text, such as the error of a formula;
	// File is not set.
	Problems []Problem
}

// The limits of what is read. A file beyond them is refused as a whole.
const (
	// MaxFileBytes is the size of a file.
	MaxFileBytes = 1 << 30
	// MaxWorkbookBytes is the size of a workbook; larger ledgers are read as
	// CSV.
	MaxWorkbookBytes = 64 << 20
	// MaxRows is the number of rows of one ledger.
	MaxRows = 8_000_000
	// MaxColumns is the number of columns of one ledger.
	MaxColumns = 256
	// MaxCellBytes is the size of one cell.
	MaxCellBytes = 64 << 10
	// MaxProblems is how many problems of one ledger are listed; a last one
	// says how many more there are.
	MaxProblems = 100_000
)

// fileOf returns the file problems of t name.
func (t *Table) fileOf() string {
	if t.File != "" {
		return t.File
	}
	return t.Name + ".csv"
}

// problems gathers the problems of one file, bounded.
type problems struct {
	file   string
	list   []Problem
	unsaid int
	// grave is set when one of the unsaid is an error.
	grave bool
}

// fail adds an error.
func (p *problems) fail(row, column int, format string, args ...any) {
	p.add(Problem{Row: row, Column: column}, format, args...)
}

// warn adds a warning.
func (p *problems) warn(row, column int, format string, args ...any) {
	p.add(Problem{Row: row, Column: column, Warning: true}, format, args...)
}

func (p *problems) add(problem Problem, format string, args ...any) {
	if len(p.list) >= MaxProblems {
		p.unsaid++
		p.grave = p.grave || !problem.Warning
		return
	}
	problem.File, problem.Message = p.file, fmt.Sprintf(format, args...)
	p.list = append(p.list, problem)
}

// all returns what was gathered.
func (p *problems) all() []Problem {
	if p.unsaid > 0 {
		return append(p.list, Problem{File: p.file, Row: 1, Column: 1, Warning: !p.grave, Message: fmt.Sprintf("%d more problems are not listed", p.unsaid)})
	}
	return p.list
}
