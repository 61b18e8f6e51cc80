package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// bound is a column of a schema and its place in a table.
type bound[T any] struct {
	*column[T]
	field int
	// names is set when the column tells rows of one key apart.
	names bool
}

// parse reads the rows of t into the ledgers.
func (s *schema[T, K]) parse(in *reading, t *Table) {
	var (
		garbled encodingFault
		blank   T
		r       T // one for all rows: readers keep its address
	)
	columns, keyed := s.bind(in, t, &garbled)
	rows := s.rows(in.ledgers)
	*rows = make([]T, 0, len(t.Rows))
	numbers := make([]int32, 0, len(t.Rows))
	u := uniqueness[K]{first: make(map[K]int32, len(t.Rows))}
	for i := range t.Rows {
		if i%progressRows == 0 {
			tell(in.watch, Progress{"check", t.Name, i, len(t.Rows)})
		}
		row := &t.Rows[i]
		if n := len(row.Fields); n != len(t.Columns) {
			in.fail(row.Number, min(n, len(t.Columns))+1, "number of cells: %d in this row, %d in the header", n, len(t.Columns))
			continue
		}
		r = blank
		good, named := s.read(in, row, columns, &r, &garbled)
		if !named || !s.checkSpan(in, t, row, &r) || !keyed {
			continue
		}
		if good {
			*rows = append(*rows, r)
			numbers = append(numbers, int32(row.Number))
		}
		d := dated{row: i}
		if s.history {
			d.span = s.span(&r)
		}
		u.add(s.id(&r), d)
	}
	in.numbers[t.Name] = numbers
	garbled.report(in)
	s.reportTwins(in, t, &u)
}

// bind finds the columns of the schema in the header of t. keyed is false when
// a column that names rows is missing; nothing can be said of twins then.
func (s *schema[T, K]) bind(in *reading, t *Table, garbled *encodingFault) (list []bound[T], keyed bool) {
	known, strange := s.columnNames(), false
	at := make(map[string]int, len(t.Columns))
	for i, text := range t.Columns {
		name := strings.TrimSpace(text)
		first, twice := at[name]
		column := slices.Index(known, name)
		switch {
		case !utf8.ValidString(text):
			garbled.at(1, i+1)
			strange = true
		case name == "":
			in.fail(1, i+1, "column %d has no name; name it, or remove it", i+1)
			strange = true
		case column < 0:
			in.fail(1, i+1, "unknown column %s%s", quoted(name), columnHint(name, known))
			strange = true
		case twice:
			in.fail(1, i+1, "column %s is there twice, it is column %d already", name, first+1)
		default:
			at[name] = i
			names := slices.Contains(s.key, name) || name == s.from || name == s.to
			list = append(list, bound[T]{&s.columns[column], i, names})
		}
	}
	keyed = true
	for i := range s.columns {
		c := &s.columns[i]
		if _, there := at[c.name]; there || !c.required {
			continue
		}
		keyed = false
		if !strange { // a strange column may be the one, misspelt
			in.fail(1, 1, "column %s is missing; every row needs it", c.name)
		}
	}
	return list, keyed
}

func columnHint(name string, known []string) string {
	if hint := didYouMean(strings.ToLower(narrow(name)), known); hint != "" {
		return hint
	}
	return "; the columns are " + strings.Join(known, ", ")
}

// read reads one row, and reports whether it is in order, and whether what
// names it and its days is.
func (s *schema[T, K]) read(in *reading, row *Row, columns []bound[T], r *T, garbled *encodingFault) (good, named bool) {
	good, named = true, true
	c := &in.cell
	for _, b := range columns {
		*c = cell{in: in, text: row.Fields[b.field], row: row.Number, column: b.field + 1}
		switch {
		case len(c.text) > MaxCellBytes:
			c.fail("the cell has %d bytes; at most %d are read", len(c.text), MaxCellBytes)
		case !utf8.ValidString(c.text):
			garbled.at(c.row, c.column)
			c.bad = true
		case strings.TrimSpace(c.text) == "":
			if b.required {
				c.fail("%s is empty; every row needs it", b.name)
			}
		default:
			b.read(r, c)
		}
		good = good && !c.bad
		named = named && (!c.bad || !b.names)
	}
	return good, named
}

// checkSpan reports whether a row does not end before it begins.
func (s *schema[T, K]) checkSpan(in *reading, t *Table, row *Row, r *T) bool {
	if s.span == nil {
		return true
	}
	v := s.span(r)
	if v.From == 0 || v.To == 0 || v.From <= v.To {
		return true
	}
	in.fail(row.Number, columnOf(t, s.to)+1, "%s %s is before %s %s", s.to, v.To, s.from, v.From)
	return false
}

// dated is a row with the days on which it is valid.
type dated struct {
	row  int // index in its table
	span Validity
}

// uniqueness finds rows of one key. Most keys are there once, so only the
// others get a list.
type uniqueness[K comparable] struct {
	rows  []dated
	next  []int32 // the row of the same key before this one, or none
	first map[K]int32
	twins []int32 // keys that are there more than once, by their newest row
}

func (u *uniqueness[K]) add(key K, d dated) {
	n := int32(len(u.rows))
	u.rows = append(u.rows, d)
	before, there := u.first[key]
	if !there {
		before = none
	}
	u.next = append(u.next, before)
	u.first[key] = n
	if there {
		u.twins = append(u.twins, n)
	}
}

// groups calls visit with the rows of each key that is there more than once.
func (u *uniqueness[K]) groups(visit func(rows []dated)) {
	last := make(map[int32]bool, len(u.twins))
	for _, n := range u.twins {
		delete(last, u.next[n])
		last[n] = true
	}
	for _, n := range u.twins {
		if !last[n] {
			continue
		}
		var rows []dated
		for i := n; i != none; i = u.next[i] {
			rows = append(rows, u.rows[i])
		}
		visit(rows)
	}
}

// reportTwins complains of rows that have a key of which there is to be one on
// any day.
func (s *schema[T, K]) reportTwins(in *reading, t *Table, u *uniqueness[K]) {
	column := columnOf(t, s.key[0]) + 1
	u.groups(func(rows []dated) {
		slices.SortFunc(rows, func(a, b dated) int {
			return cmp.Or(cmp.Compare(a.span.From, b.span.From), cmp.Compare(a.row, b.row))
		})
		longest := rows[0]
		for _, r := range rows[1:] {
			if longest.span.Overlaps(r.span) {
				older, newer := min(longest.row, r.row), max(longest.row, r.row)
				in.fail(t.Rows[newer].Number, column, "%s", s.twinMessage(t, older, newer))
			}
			if longest.span.To != 0 && (r.span.To == 0 || r.span.To > longest.span.To) {
				longest = r
			}
		}
	})
}

func (s *schema[T, K]) twinMessage(t *Table, older, newer int) string {
	var names []string
	for _, k := range s.key {
		if i := columnOf(t, k); i >= 0 {
			names = append(names, k+" "+quoted(t.Rows[newer].Fields[i]))
		}
	}
	key := strings.Join(names, ", ")
	if !s.history {
		return fmt.Sprintf("%s is in row %d already", key, t.Rows[older].Number)
	}
	return fmt.Sprintf("%s is valid on the same days in row %d; rows of one key must not overlap from %s to %s",
		key, t.Rows[older].Number, s.from, s.to)
}

// columnOf returns the place of a column in the header of t, or -1.
func columnOf(t *Table, name string) int {
	return slices.IndexFunc(t.Columns, func(c string) bool { return strings.TrimSpace(c) == name })
}

// encodingFault counts the cells of a table that are not UTF-8: they have one
// cause, and are told as one.
type encodingFault struct {
	row, column, cells int
}

func (e *encodingFault) at(row, column int) {
	if e.cells == 0 {
		e.row, e.column = row, column
	}
	e.cells++
}

func (e *encodingFault) report(in *reading) {
	switch e.cells {
	case 0:
	case 1:
		in.fail(e.row, e.column, "the cell is not UTF-8; save the file as CSV UTF-8")
	default:
		in.fail(e.row, e.column, "%d cells are not UTF-8, the first is this one; save the file as CSV UTF-8", e.cells)
	}
}
