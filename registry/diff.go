package registry

import (
	"cmp"
	"slices"
	"strings"
)

// ChangeKind is what became of a row.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Changed ChangeKind = "changed"
	Removed ChangeKind = "removed"
)

// Change is one row that differs between two versions of the ledgers.
type Change struct {
	Kind   ChangeKind `json:"kind"`
	Ledger string     `json:"ledger"`
	// Key holds the cells that name the row, in the order of its columns.
	Key []Cell `json:"key"`
	// Row is where the row is in the newer file, or was in the older one if it
	// is gone.
	Row int `json:"row"`
	// Cells are those that differ, for an added row those with text, and for a
	// removed one those that had.
	Cells []CellChange `json:"cells"`
}

// Cell is a column with its text.
type Cell struct {
	Column string `json:"column"`
	Text   string `json:"text"`
}

// CellChange is a cell before and after; empty is unknown.
type CellChange struct {
	Column string `json:"column"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// String returns the change on one line, such as
//
//	changed lines line_id=L1: bandwidth_mbps "100" -> "200"
func (c Change) String() string {
	var b strings.Builder
	b.WriteString(string(c.Kind) + " " + c.Ledger)
	for _, k := range c.Key {
		b.WriteString(" " + k.Column + "=" + k.Text)
	}
	if c.Kind == Removed {
		return b.String()
	}
	for i, cell := range c.Cells {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		b.WriteString(separator + cell.Column + " ")
		if c.Kind == Changed {
			b.WriteString(quoted(cell.Old) + " -> ")
		}
		b.WriteString(quoted(cell.New))
	}
	return b.String()
}

// Diff returns what differs between two versions of the ledgers, ordered by
// ledger and by place in the file, removed rows after the others. Rows are the
// same when their key columns are; of rows with one key those of one valid_from
// are the same, and then those that come in the same order. The order of rows
// and columns makes no difference, nor does a column that is missing in one of
// them and empty in the other.
func Diff(old, rows []Table) []Change {
	before, after := byName(old), byName(rows)
	names := ledgerNames()
	for _, t := range slices.Concat(old, rows) {
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	changes := []Change{}
	for _, name := range names {
		changes = append(changes, diffLedger(name, before[name], after[name])...)
	}
	return changes
}

func byName(tables []Table) map[string]*Table {
	m := make(map[string]*Table, len(tables))
	for i := range tables {
		if m[tables[i].Name] == nil {
			m[tables[i].Name] = &tables[i]
		}
	}
	return m
}

// comparison matches the rows of two versions of one ledger.
type comparison struct {
	ledger   string
	key      []string
	columns  []string // of both versions
	old, new side
	changes  []Change
}

// side is one version of a ledger.
type side struct {
	rows []Row
	at   []int // place in a row of each column of the comparison, or -1
}

func (s *side) text(row, column int) string {
	fields, at := s.rows[row].Fields, s.at[column]
	if at < 0 || at >= len(fields) {
		return ""
	}
	return fields[at]
}

func diffLedger(name string, old, rows *Table) []Change {
	c := &comparison{ledger: name, key: keyColumnsOf(name)}
	for _, t := range []*Table{old, rows} {
		if t == nil {
			continue
		}
		for _, column := range t.Columns {
			if !slices.Contains(c.columns, column) {
				c.columns = append(c.columns, column)
			}
		}
	}
	c.old, c.new = c.side(old), c.side(rows)
	if len(c.key) == 0 {
		c.key = c.columns
	}
	c.match()
	return c.changes
}

func keyColumnsOf(ledger string) []string {
	for _, s := range schemas() {
		if s.title() == ledger {
			return s.keyColumns()
		}
	}
	return nil
}

func (c *comparison) side(t *Table) side {
	s := side{at: make([]int, len(c.columns))}
	for i, column := range c.columns {
		s.at[i] = -1
		if t != nil {
			s.at[i] = slices.Index(t.Columns, column)
		}
	}
	if t != nil {
		s.rows = t.Rows
	}
	return s
}

// match pairs the rows: equal ones first, which are most, then those of one
// key and one valid_from, then those of one key.
func (c *comparison) match() {
	all := c.places(c.columns)
	key := c.places(c.key)
	begin := slices.Concat(key, c.places([]string{"valid_from"}))
	pair := make([]int, len(c.new.rows)) // old row of each new one
	for i := range pair {
		pair[i] = -1
	}
	paired := make([]bool, len(c.old.rows))
	for i := range min(len(pair), len(paired)) { // spares the look-ups where nothing has moved
		if c.same(i, i) {
			pair[i], paired[i] = i, true
		}
	}
	for _, columns := range [][]int{all, begin, key} {
		free := make(map[string][]int)
		for i := range c.old.rows {
			if !paired[i] {
				id := c.old.identity(i, columns)
				free[id] = append(free[id], i)
			}
		}
		for i := range c.new.rows {
			if pair[i] >= 0 || len(free) == 0 {
				continue
			}
			id := c.new.identity(i, columns)
			if list := free[id]; len(list) > 0 {
				pair[i], free[id] = list[0], list[1:]
				paired[list[0]] = true
			}
		}
	}
	c.list(key, pair, paired)
}

// same reports whether two rows have the same text.
func (c *comparison) same(old, row int) bool {
	for column := range c.columns {
		if c.old.text(old, column) != c.new.text(row, column) {
			return false
		}
	}
	return true
}

// list makes changes of what was paired.
func (c *comparison) list(key, pair []int, paired []bool) {
	for i, p := range pair {
		if p < 0 {
			c.add(Added, key, -1, i)
		} else {
			c.add(Changed, key, p, i)
		}
	}
	for i, done := range paired {
		if !done {
			c.add(Removed, key, i, -1)
		}
	}
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(boolToInt(a.Kind == Removed), boolToInt(b.Kind == Removed)), cmp.Compare(a.Row, b.Row))
	})
}

// add notes a change; a pair of equal rows is none.
func (c *comparison) add(kind ChangeKind, key []int, old, row int) {
	ch := Change{Kind: kind, Ledger: c.ledger, Cells: []CellChange{}}
	for i, column := range c.columns {
		cell := CellChange{Column: column}
		if old >= 0 {
			cell.Old = c.old.text(old, i)
		}
		if row >= 0 {
			cell.New = c.new.text(row, i)
		}
		if cell.Old != cell.New {
			ch.Cells = append(ch.Cells, cell)
		}
	}
	if kind == Changed && len(ch.Cells) == 0 {
		return
	}
	from, at := &c.new, row
	if kind == Removed {
		from, at = &c.old, old
	}
	ch.Row = from.rows[at].Number
	for _, k := range key {
		ch.Key = append(ch.Key, Cell{c.columns[k], from.text(at, k)})
	}
	c.changes = append(c.changes, ch)
}

// places returns where columns are in the comparison, those that are.
func (c *comparison) places(columns []string) []int {
	var out []int
	for _, name := range columns {
		if i := slices.Index(c.columns, name); i >= 0 {
			out = append(out, i)
		}
	}
	return out
}

// identity returns the text of some columns of a row, unmistakably.
func (s *side) identity(row int, columns []int) string {
	var b strings.Builder
	size := 0
	for _, column := range columns {
		size += len(s.text(row, column)) + 2
	}
	b.Grow(size)
	for _, column := range columns {
		text := s.text(row, column)
		b.WriteString(strings.ReplaceAll(text, "\x00", "\x00\x00"))
		b.WriteString("\x00\x01")
	}
	return b.String()
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
