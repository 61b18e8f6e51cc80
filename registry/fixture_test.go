package registry_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/linewarden/linewarden/registry"
)

// files reads a txtar archive of testdata.
func files(tb testing.TB, archive string) map[string]string {
	tb.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", archive))
	if err != nil {
		tb.Fatal(err)
	}
	out := make(map[string]string)
	for _, f := range a.Files {
		if _, twice := out[f.Name]; twice {
			tb.Fatalf("%s: %s is there twice", archive, f.Name)
		}
		out[f.Name] = string(f.Data)
	}
	return out
}

// orderly returns the text of ledgers without a mistake, by file; changes
// replace some, and empty ones remove them.
func orderly(tb testing.TB, changes map[string]string) map[string]string {
	tb.Helper()
	out := files(tb, "orderly.txtar")
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_, text string) bool { return text == "" })
	return out
}

// folder writes files into a new directory.
func folder(tb testing.TB, content map[string]string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "ledgers")
	if err := os.Mkdir(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// check reads and parses files as the check command does.
func check(tb testing.TB, content map[string]string) (*registry.Ledgers, []string) {
	tb.Helper()
	tables, problems := registry.Read(folder(tb, content), nil)
	ledgers, more := registry.Parse(tables)
	said := []string{}
	for _, p := range append(problems, more...) {
		text := p.String()
		if p.Warning {
			text += " (warning)"
		}
		said = append(said, text)
	}
	return ledgers, said
}

func readAll(tb testing.TB, text string) [][]string {
	tb.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

func writeAll(tb testing.TB, rows [][]string) string {
	tb.Helper()
	var b strings.Builder
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func sprint(v any) string { return fmt.Sprint(v) }
