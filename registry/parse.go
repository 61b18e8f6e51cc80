package registry

import (
	"cmp"
	"slices"
)

// Parse reads the cells of tables and checks every one. It returns all that is
// wrong, ordered by ledger, row and column, one problem for each mistake. The
// ledgers hold the rows without an error; they are fit for use only when every
// problem is a warning. Ledgers that are not in tables are empty. Every watch
// is told of how far the checking is.
func Parse(tables []Table, watch ...Watch) (*Ledgers, []Problem) {
	in := newReading(tables)
	in.watch = watch
	for _, s := range schemas() {
		if t := in.tables[s.title()]; t != nil {
			in.problems, in.ledger = in.said[t.Name], t.Name
			s.parse(in, t)
		}
	}
	in.warnOfDeadEnds()
	in.warnOfLinesWithoutInterface()
	blocks := newFiledBlocks(in)
	blocks.warnOfOverlaps()
	blocks.warnOfEnds()
	all := in.general.all()
	for _, s := range schemas() {
		said := in.said[s.title()]
		if said == nil {
			continue
		}
		slices.SortStableFunc(said.list, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
		})
		all = append(all, said.all()...)
	}
	return in.ledgers, all
}

// reading is the state of one Parse.
type reading struct {
	*problems                      // of the ledger at hand
	said      map[string]*problems // by ledger
	general   problems             // of tables that are no ledger

	ledgers *Ledgers
	tables  map[string]*Table
	targets map[string]*target
	ledger  string // at hand
	lines   []lineRow
	// numbers are those of the rows in ledgers, as their tables count.
	numbers map[string][]int32
	cell    cell // at hand
	watch   []Watch
}

// lineRow is where a line is filed.
type lineRow struct {
	id          string
	row, column int
}

func newReading(tables []Table) *reading {
	in := &reading{
		said: make(map[string]*problems), ledgers: new(Ledgers),
		tables: make(map[string]*Table, len(tables)), targets: make(map[string]*target), numbers: make(map[string][]int32),
	}
	names := ledgerNames()
	for i := range tables {
		t := &tables[i]
		in.general.file = t.fileOf()
		switch {
		case !slices.Contains(names, t.Name):
			in.general.fail(1, 1, "%s is no ledger%s", quoted(t.Name), didYouMean(t.Name, names))
		case in.tables[t.Name] != nil:
			in.general.fail(1, 1, "ledger %s is in %s already", t.Name, in.tables[t.Name].fileOf())
		default:
			in.tables[t.Name] = t
			in.said[t.Name] = &problems{file: t.fileOf()}
		}
	}
	return in
}

// rowOf returns where a row of a ledger stands in its table, and columnOf where
// a column does, from 1.
func (in *reading) rowOf(ledger string, i int32) int { return int(in.numbers[ledger][i]) }

func (in *reading) columnOf(ledger, name string) int {
	if t := in.tables[ledger]; t != nil {
		return columnOf(t, name) + 1
	}
	return 1
}

// warnOfLinesWithoutInterface warns of lines whose traffic nobody could see.
func (in *reading) warnOfLinesWithoutInterface() {
	interfaces := in.tables["interfaces"]
	if len(in.lines) == 0 {
		return
	}
	if interfaces == nil || len(interfaces.Rows) == 0 && !interfaces.Partial {
		first := in.lines[0]
		in.said["lines"].warn(first.row, first.column, "interfaces.csv is missing or empty: no traffic can be told to belong to a line")
		return
	}
	column := columnOf(interfaces, "line_id")
	if column < 0 || interfaces.Partial {
		return
	}
	seen := make(map[string]bool)
	for _, r := range interfaces.Rows {
		if column < len(r.Fields) {
			seen[plainID(r.Fields[column])] = true
		}
	}
	for _, l := range in.lines {
		if !seen[l.id] {
			seen[l.id] = true // once is enough for all rows of a line
			in.said["lines"].warn(l.row, l.column, "line %s has no interface in interfaces.csv: its traffic cannot be seen", quoted(l.id))
		}
	}
}
