package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

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

// kinds are the ledgers of the last version that was asked for, by the provinces
// of who may see them: to count rows is to read them all.
type kinds struct {
	mu      *sync.Mutex // guards all below
	version string
	lists   map[string][]ledgerKind
}

func newKinds() kinds { return kinds{mu: new(sync.Mutex)} }

func (k *kinds) find(version, provinces string) ([]ledgerKind, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, ok := k.lists[provinces]
	return list, ok && k.version == version
}

func (k *kinds) keep(version, provinces string, list []ledgerKind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.version != version || len(k.lists) >= mostGlances {
		k.version, k.lists = version, make(map[string][]ledgerKind)
	}
	k.lists[provinces] = list
}

func (s *Console) ledgerKinds(w http.ResponseWriter, r *http.Request, c *caller) {
	version, provinces := s.Ledgers().Version(), fmt.Sprintf("%q", c.Provinces)
	if list, ok := s.kinds.find(version.ID, provinces); ok {
		s.json(w, r, http.StatusOK, list)
		return
	}
	tables, err := s.Registry.LedgerTables(r.Context(), version.Known)
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
	s.kinds.keep(version.ID, provinces, list)
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
	name := r.PathValue("ledger")
	tables, err := s.Registry.LedgerTables(r.Context(), known, name)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
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
