package xml

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// Converter gathers the records of files and makes ledgers of them. It is used
// by one goroutine.
type Converter struct {
	known    map[string]string // name of an enterprise to its id in the ledgers that are there
	ledgers  map[string]*ledger
	records  int
	file     string
	problems []registry.Problem
	unmapped map[string]int

	operator string               // enterprise_id of the data centre of the file
	licence  string               // its licence number
	units    map[string]string    // numbers of filing units to enterprises, of all files
	houses   map[string]placement // by houseId
}

// placement is where a house is, and the blocks it has.
type placement struct {
	place  string
	blocks []netip.Prefix
}

// ledger is a table whose rows replace earlier ones of the same key.
type ledger struct {
	columns  []string
	keys     int // how many of the first columns make the key
	optional int // how many of the last ones are left out where no row has them
	rows     [][]string
	at       map[string]int
}

// put adds a row, or replaces the one of its key; cells that are empty keep
// what was there.
func (l *ledger) put(cells ...string) {
	cells = append(cells, make([]string, len(l.columns)-len(cells))...)
	key := strings.Join(cells[:l.keys], "\x00")
	i, there := l.at[key]
	if !there {
		l.at[key] = len(l.rows)
		l.rows = append(l.rows, cells)
		return
	}
	for c, text := range cells {
		if text != "" {
			l.rows[i][c] = text
		}
	}
}

// order is the order of the tables.
func order() []string {
	return []string{"enterprises", "licences", "sources", "allocations", "broadcasts", "translations", "icp_filings", "icp_access"}
}

// NewConverter returns a converter that has read nothing. Enterprises of known
// ledgers keep their ids, by name.
func NewConverter(known []registry.Table) *Converter {
	table := func(keys int, columns ...string) *ledger {
		return &ledger{columns: columns, keys: keys, at: make(map[string]int)}
	}
	with := func(l *ledger, columns ...string) *ledger {
		l.columns, l.optional = append(l.columns, columns...), len(columns)
		return l
	}
	return &Converter{
		known: namesOf(known), unmapped: make(map[string]int), units: make(map[string]string),
		ledgers: map[string]*ledger{
			"enterprises":  table(1, "enterprise_id", "name", "uscc", "nature", "place"),
			"licences":     table(3, "licence_no", "enterprise_id", "service"),
			"sources":      with(table(1, "prefix", "rir"), "obtained_on"),
			"allocations":  with(table(2, "prefix", "enterprise_id", "parent", "use", "place", "valid_from"), "cloud", "filing_no", "valid_to"),
			"broadcasts":   with(table(2, "prefix", "announcer", "applicant"), "valid_from", "valid_to"),
			"translations": table(1, "public_prefix", "shared_by"),
			"icp_filings":  table(2, "filing_no", "domain", "enterprise_id", "status"),
			"icp_access":   table(3, "filing_no", "domain", "provider", "prefixes"),
		},
	}
}

// namesOf finds the ids of enterprises by their names.
func namesOf(tables []registry.Table) map[string]string {
	names := make(map[string]string)
	for _, t := range tables {
		id, name := slices.Index(t.Columns, "enterprise_id"), slices.Index(t.Columns, "name")
		if t.Name != "enterprises" || id < 0 || name < 0 {
			continue
		}
		for _, r := range t.Rows {
			if len(r.Fields) > max(id, name) && r.Fields[name] != "" {
				names[strings.TrimSpace(r.Fields[name])] = strings.TrimSpace(r.Fields[id])
			}
		}
	}
	return names
}

// Read takes a file, and returns what is wrong with it: errors for what keeps
// it from being read, or for records that cannot be understood and are left
// out, and warnings for what has no place in a ledger.
func (c *Converter) Read(file string, r io.Reader) []registry.Problem {
	c.file, c.problems = file, nil
	c.operator, c.licence, c.houses = "", "", make(map[string]placement)
	clear(c.unmapped)
	in := newReader(r)
	err := in.each(func(n *node) error {
		if c.records++; c.records > MaxRecords {
			return errTooMany
		}
		c.take(n)
		return nil
	})
	if err != nil {
		c.problems = append(c.problems, in.problem(file, err))
	}
	for _, what := range sortedKeys(c.unmapped) {
		c.say(1, true, "%d × %s: this is in no ledger, and left out", c.unmapped[what], what)
	}
	return c.problems
}

// Tables returns the ledgers that have rows, in the order of Package registry.
func (c *Converter) Tables() []registry.Table {
	var tables []registry.Table
	for _, name := range order() {
		l := c.ledgers[name]
		if len(l.rows) == 0 {
			continue
		}
		t := registry.Table{Name: name}
		keep := l.used()
		for i, c := range l.columns {
			if keep[i] {
				t.Columns = append(t.Columns, c)
			}
		}
		for _, cells := range l.rows {
			if cells == nil { // it was given up for another
				continue
			}
			row := registry.Row{Number: len(t.Rows) + 2}
			for i, text := range cells {
				if keep[i] {
					row.Fields = append(row.Fields, text)
				}
			}
			t.Rows = append(t.Rows, row)
		}
		tables = append(tables, t)
	}
	return tables
}

// used tells which columns a table has.
func (l *ledger) used() []bool {
	keep := make([]bool, len(l.columns))
	for i := range keep {
		keep[i] = i < len(l.columns)-l.optional || slices.ContainsFunc(l.rows, func(cells []string) bool { return cells != nil && cells[i] != "" })
	}
	return keep
}

// maxProblems is how many problems of a file are listed.
const maxProblems = 10_000

func (c *Converter) say(line int, warning bool, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, registry.Problem{File: c.file, Row: max(1, line), Column: 1, Message: fmt.Sprintf(format, args...), Warning: warning})
	}
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// take sorts one record.
func (c *Converter) take(n *node) {
	switch n.name {
	case "Ly":
		c.eachPrefix(n, "Qsip", "Zzip", func(p netip.Prefix) {
			c.ledgers["sources"].put(p.String(), n.first("Lydw"), n.remarks()["obtained_on"])
		})
	case "Fpsy", "Zdip":
		c.allocation(n)
	case "Gbxx":
		more := n.remarks()
		c.eachPrefix(n, "Qsip", "Zzip", func(p netip.Prefix) {
			c.ledgers["broadcasts"].put(p.String(), c.unit(n.first("Gbdw")), c.unit(n.first("Sqdw")), more["valid_from"], more["valid_to"])
		})
	case "Bbdw":
		c.filingUnit(n)
	case "idcId":
		c.licence = strings.TrimSpace(n.text)
		c.licensed()
	case "idcName":
		c.operatorIs(strings.TrimSpace(n.text))
	case "houseInfo":
		c.house(n)
	case "userInfo":
		c.user(n)
	}
}

// eachPrefix visits the prefixes of a range.
func (c *Converter) eachPrefix(n *node, first, last string, visit func(netip.Prefix)) {
	list, err := prefixes(n.first(first), n.first(last))
	if err != nil {
		c.say(n.line, false, "%s: %v; the record is left out", n.name, err)
		return
	}
	for _, p := range list {
		visit(p)
	}
}

// idOf returns the id of an enterprise by its name: that of the known ledgers,
// else one that follows from the name.
func (c *Converter) idOf(name string) string {
	if name == "" {
		return ""
	}
	if id := c.known[name]; id != "" {
		return id
	}
	sum := sha256.Sum256([]byte(name))
	return "n-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10]))
}

// filingUnit takes a Bbdw: a unit, which the known ledgers may have under its
// name.
func (c *Converter) filingUnit(n *node) {
	number, name, more := n.first("Id"), n.first("Dwmc"), n.remarks()
	if number == "" {
		return
	}
	id := cmp.Or(c.known[name], more["id"], "bbdw-"+number)
	c.units[number] = id
	c.ledgers["enterprises"].put(id, name, more["uscc"], more["nature"], placeOf(n.first("Shengid"), n.first("Shiid")))
}

// unit returns the id of a filing unit by its number. One that no file has
// named yet gets a row.
func (c *Converter) unit(number string) string {
	if number == "" {
		return ""
	}
	if id := c.units[number]; id != "" {
		return id
	}
	id := "bbdw-" + number
	c.ledgers["enterprises"].put(id)
	return id
}

// person is the enterprise of users who are persons: no ledger names them.
const person = "n-individuals"

// allocation takes an Fpsy or Zdip.
func (c *Converter) allocation(n *node) {
	holder, use := "", ""
	more := n.remarks()
	place := placeOf(n.first("Shengid"), n.first("Shiid"))
	switch way := n.first("Fpfs"); way {
	case "2":
		holder = c.unit(n.first("Fpdx"))
	case "3":
		use, holder = "infrastructure", more["id"]
	case "4":
		c.unmapped["reserved block (Fpfs 4)"]++
		return
	case "1", "":
		holder = c.holderOf(n, more, place)
	default:
		c.say(n.line, false, "Fpfs: %q is not 1, 2, 3 or 4; the record is left out", way)
		return
	}
	if n.first("Syfs") == "2" {
		use = "subscriber_pool"
	}
	if said, ours := more["use"]; ours {
		use = said
	}
	c.eachPrefix(n, "Qsip", "Zzip", func(p netip.Prefix) {
		c.ledgers["allocations"].put(p.String(), holder, more["parent"], use, place, c.date(n, "Fprq"), more["cloud"], more["filing_no"], more["valid_to"])
	})
}

// holderOf is the enterprise of a record that names its user. One that this
// package wrote has its row from its unit.
func (c *Converter) holderOf(n *node, more map[string]string, place string) string {
	name, nature := n.first("Dwmc"), n.first("Dwxz")
	if id := more["id"]; id != "" && nature != "5" && c.known[name] == "" {
		return id
	}
	return c.enterprise(name, nature, "", "", place)
}

// enterprise gives a user a row, and returns its id.
func (c *Converter) enterprise(name, nature, papers, number, place string) string {
	if nature == "5" {
		c.ledgers["enterprises"].put(person, "（个人用户）", "", "individual", "")
		return person
	}
	id := c.idOf(name)
	if id == "" {
		return ""
	}
	uscc := ""
	if papers == "1" && len(number) == 18 && usable(name, number) {
		uscc = number
	}
	c.ledgers["enterprises"].put(id, name, uscc, natureOf(nature), place)
	return id
}

// usable reports whether a credit code passes the check of the ledgers: one
// that does not would keep all of them from being imported.
func usable(name, code string) bool {
	_, problems := registry.Parse([]registry.Table{{
		Name: "enterprises", Columns: []string{"enterprise_id", "name", "uscc"}, Rows: []registry.Row{{Number: 2, Fields: []string{"x", name, code}}},
	}})
	return !slices.ContainsFunc(problems, func(p registry.Problem) bool { return !p.Warning })
}

// natureOf maps the code of a kind of unit.
func natureOf(code string) string {
	switch code {
	case "1":
		return "military"
	case "2":
		return "government"
	case "3":
		return "institution"
	case "4":
		return "enterprise"
	case "6":
		return "social"
	}
	return ""
}

// placeOf returns the more precise of two GB/T 2260 codes that can be used.
func placeOf(province, city string) string {
	for _, code := range []string{city, province} {
		if (len(code) == 6 || len(code) == 2) && strings.Trim(code, "0123456789") == "" && !strings.HasPrefix(code, "00") {
			return code
		}
	}
	return ""
}

// date returns a day of a record, or nothing; what follows the day is dropped.
func (c *Converter) date(n *node, name string) string {
	text := n.first(name)
	if len(text) > 10 {
		text = text[:10]
	}
	if _, err := registry.ParseDate(text); err != nil {
		c.say(n.line, true, "%s: %v, and is taken for unknown", name, err)
		return ""
	}
	return text
}
