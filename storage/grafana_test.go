package storage_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

// explained is a query of a dashboard with its macros written out.
func explained(sql string) string {
	for {
		head, rest, ok := strings.Cut(sql, "$__timeFilter(")
		if !ok {
			return "EXPLAIN " + sql
		}
		column, tail, _ := strings.Cut(rest, ")")
		sql = head + column + " >= now() - 3600 AND " + column + " <= now()" + tail
	}
}

// TestGrafanaDashboard has the engine explain and run each query of the dashboard
// over ClickHouse on the tables as they are.
func TestGrafanaDashboard(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "deploy", "grafana", "linewarden-clickhouse.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct {
				SQL string `json:"rawSql"`
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	s := open(t, configure(t))
	queries, all := 0, ""
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			queries, all = queries+1, all+q.SQL
			sql := explained(q.SQL)
			if err := s.Exec(t.Context(), sql); err != nil {
				t.Errorf("%s: %v\n%s", p.Title, err, sql)
				continue
			}
			if err := s.Exec(t.Context(), strings.TrimPrefix(sql, "EXPLAIN ")); err != nil {
				t.Errorf("%s: %v\n%s", p.Title, err, sql)
			}
		}
	}
	if queries < 10 {
		t.Errorf("only %d queries", queries)
	}
	for r := range flows.NumReasons {
		if column := "lost_" + r.String(); !strings.Contains(all, column+")") {
			t.Errorf("no panel shows %s", column)
		}
	}
	// Planted: a column that no table has.
	if err := s.Exec(t.Context(), explained("SELECT tears FROM flows WHERE $__timeFilter(start)")); err == nil {
		t.Error("a query about a column that is not there is explained")
	}
}
