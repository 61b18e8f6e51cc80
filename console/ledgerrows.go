package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// ledgerKind is a ledger in force.
type ledgerKind struct {
	Ledger  string   `json:"ledger"`
	Columns []string `json:"columns"`
	Rows    int      `json:"rows"`
}

// placeColumns are the columns by which rows are of a province.
func placeColumns() []string { return []string{"place", "a_place"} }

// placeColumn returns where a ledger says its places, -1 if it does not.
func placeColumn(t *registry.Table) int {
	return slices.IndexFunc(t.Columns, func(c string) bool { return slices.Contains(placeColumns(), c) })
}

// mayRead returns the rows of a ledger that a caller may see; false where it
// cannot be told which these are.
func (c *caller) mayRead(t *registry.Table) ([]registry.Row, bool) {
	if len(c.Provinces) == 0 {
		return t.Rows, true
	}
	column := placeColumn(t)
	if column < 0 {
		return nil, false
	}
	var rows []registry.Row
	for _, row := range t.Rows {
		if column < len(row.Fields) && c.inProvince(registry.Place(row.Fields[column]).Province()) {
			rows = append(rows, row)
		}
	}
	return rows, true
}

func (s *Console) ledgerKinds(w http.ResponseWriter, r *http.Request, c *caller) {
	tables, err := s.Registry.LedgerTables(r.Context(), s.Ledgers().Version().Known)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	list := []ledgerKind{}
	for i := range tables {
		if rows, ok := c.mayRead(&tables[i]); ok {
			list = append(list, ledgerKind{tables[i].Name, append([]string{}, tables[i].Columns...), len(rows)})
		}
	}
	s.json(w, r, http.StatusOK, list)
}

// ledgerLine is a row as it is written.
type ledgerLine struct {
	Row    int      `json:"row"` // in the file it came from
	Fields []string `json:"fields"`
}

// ledgerRowsAnswer is a page of a ledger.
type ledgerRowsAnswer struct {
	Ledger  string       `json:"ledger"`
	Columns []string     `json:"columns"`
	Rows    []ledgerLine `json:"rows"`
	Total   int          `json:"total"` // rows that match
}

func (s *Console) ledgerRows(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	known, err := s.instant(q, "known", true)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	version := "at." + known.String()
	if known.IsZero() {
		known, version = s.Ledgers().Version().Known, s.Ledgers().Version().ID
	}
	tables, err := s.Registry.LedgerTables(r.Context(), known)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	name := r.PathValue("ledger")
	i := slices.IndexFunc(tables, func(t registry.Table) bool { return t.Name == name })
	if i < 0 {
		s.refuse(w, r, http.StatusNotFound, because("no_ledger", name))
		return
	}
	rows, ok := c.mayRead(&tables[i])
	if !ok {
		s.refuse(w, r, http.StatusForbidden, because("ledger_without_places"))
		return
	}
	text := strings.ToLower(q.Get("q"))
	var matched []registry.Row
	for _, row := range rows {
		if text == "" || slices.ContainsFunc(row.Fields, func(f string) bool { return strings.Contains(strings.ToLower(f), text) }) {
			matched = append(matched, row)
		}
	}
	page, err := slice(w, r, matched, version)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	answer := ledgerRowsAnswer{Ledger: name, Columns: append([]string{}, tables[i].Columns...), Rows: make([]ledgerLine, len(page)), Total: len(matched)}
	for i, row := range page {
		answer.Rows[i] = ledgerLine{row.Number, append([]string{}, row.Fields...)}
	}
	s.json(w, r, http.StatusOK, answer)
}
