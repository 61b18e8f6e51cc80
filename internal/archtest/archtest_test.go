package archtest

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// checks are the rules of the repository, by name.
var checks = map[string]func(*module) []string{
	"direction":     checkDirection,
	"confinement":   checkConfinement,
	"top level":     checkTopLevel,
	"docs":          checkDocs,
	"tested":        checkTested,
	"file size":     checkFileSize,
	"function size": checkFunctionSize,
	"init":          checkInit,
	"sql":           checkSQL,
	"sleep":         checkSleep,
	"background":    checkBackground,
	"skip":          checkSkip,
	"suppressions":  checkSuppressions,
	"traces":        checkTraces,
	"names":         checkNames,
}

// TestRepository holds the repository to every rule.
func TestRepository(t *testing.T) {
	m := load(t, filepath.Join("..", ".."))
	if len(m.packages()) < 5 {
		t.Fatalf("read only %d packages: the module root was not found", len(m.packages()))
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			found := check(m)
			sort.Strings(found)
			for _, v := range found {
				t.Error(v)
			}
		})
	}
}

// clean is a package that breaks no rule; each plant is added to it.
const clean = `
-- flows/doc.go --
// Package flows is clean.
package flows
-- flows/flows_test.go --
package flows
import ("testing"; "testing/synctest"; "time")
func TestNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { time.Sleep(time.Second) })
	t.Skip("the kernel lacks it")
}
-- cmd/linewarden/doc.go --
// Command linewarden is clean.
package main
import ("context"; _ "net/http"; _ "github.com/linewarden/linewarden/flows")
func main() { _ = context.Background() }
-- cmd/linewarden/main_test.go --
package main
-- storage/doc.go --
// Package storage is clean.
package storage
import _ "github.com/ClickHouse/clickhouse-go/v2"
const query = "SELECT 1"
-- storage/storage_test.go --
package storage
`

// plants are violations, each of exactly one rule, and the place it must be found at.
var plants = []struct{ name, rule, files, place string }{
	{"upward import", "direction", "-- flows/a.go --\npackage flows\nimport _ \"github.com/linewarden/linewarden/storage\"\n", "flows/a.go: must not import storage"},
	{"sibling import", "direction", "-- flows/a.go --\npackage flows\nimport _ \"github.com/linewarden/linewarden/registry\"\n", "flows/a.go: must not import registry"},
	{"unplaced package", "direction", "-- internal/extra/doc.go --\n// Package extra has no place.\npackage extra\n-- internal/extra/a_test.go --\npackage extra\n", "internal/extra: has no place"},
	{"routing library", "confinement", "-- flows/a.go --\npackage flows\nimport _ \"github.com/osrg/gobgp/v3/pkg/server\"\n", "flows/a.go: github.com/osrg"},
	{"database driver in a test", "confinement", "-- flows/a_test.go --\npackage flows\nimport _ \"github.com/ClickHouse/ch-go\"\n", "flows/a_test.go: github.com/ClickHouse"},
	{"flow library", "confinement", "-- cmd/linewarden/a.go --\npackage main\nimport _ \"github.com/netsampler/goflow2/v2/decoders\"\n", "cmd/linewarden/a.go: github.com/netsampler"},
	{"web server", "confinement", "-- flows/a.go --\npackage flows\nimport _ \"net/http\"\n", "flows/a.go: net/http"},
	{"foreign folder", "top level", "-- pkg/readme.md --\nhello\n", "pkg/readme.md"},
	{"no package comment", "docs", "-- bgp/doc.go --\npackage bgp\n-- bgp/a_test.go --\npackage bgp\n", "bgp: has no doc.go"},
	{"no test", "tested", "-- bgp/doc.go --\n// Package bgp is untested.\npackage bgp\n", "bgp: has no test"},
	{"large file", "file size", "-- flows/a.go --\npackage flows\n" + strings.Repeat("//\n", maxFileLines), "flows/a.go: 501 lines"},
	{"large function", "function size", "-- flows/a.go --\npackage flows\nfunc a() {\n" + strings.Repeat("\ta()\n", maxFunctionLines-1) + "}\n", "flows/a.go:2: a has 81 lines"},
	{"init", "init", "-- flows/a.go --\npackage flows\nfunc init() {}\n", "flows/a.go:2"},
	{"statement", "sql", "-- flows/a.go --\npackage flows\nconst q = `\n\tSELECT 1`\n", "flows/a.go:2"},
	{"sleep", "sleep", "-- flows/a_test.go --\npackage flows\nimport \"time\"\nfunc wait() { time.Sleep(1) }\n", "flows/a_test.go:3"},
	{"own context", "background", "-- flows/a.go --\npackage flows\nimport \"context\"\nvar c = context.Background()\n", "flows/a.go:3"},
	{"later context", "background", "-- flows/a.go --\npackage flows\nimport \"context\"\nvar c = context.TODO()\n", "flows/a.go:3"},
	{"silent skip", "skip", "-- flows/a_test.go --\npackage flows\nimport \"testing\"\nfunc a(t *testing.T) { t.Skip() }\n", "flows/a_test.go:3"},
	{"skip now", "skip", "-- flows/a_test.go --\npackage flows\nimport \"testing\"\nfunc a(t *testing.T) { t.SkipNow() }\n", "flows/a_test.go:3"},
	{"bare suppression", "suppressions", "-- flows/a.go --\npackage flows\nvar a = 1 //no" + "lint:unused\n", "flows/a.go:2"},
	{"machine path", "traces", "-- flows/a.go --\npackage flows\nconst p = \"/ho" + "me/someone\"\n", "flows/a.go:2"},
	{"unnamed explanation", "names", "-- rules/doc.go --\n// Package rules is unnamed.\npackage rules\n-- rules/a_test.go --\npackage rules\n-- rules/a.go --\npackage rules\nvar b = []BenignTest{{\"own_group\", Text{}}}\n", "rules/a.go:2: benign"},
	{"half a name", "names", "-- rules/doc.go --\n// Package rules is unnamed.\npackage rules\n-- rules/a_test.go --\npackage rules\n-- rules/a.go --\npackage rules\nvar f = FactSet{\"days\": 1}\n-- report/names.json --\n{\"figure\": {\"days\": [\"\", \"days\"]}}\n", "rules/a.go:2: figure"},
	{"lock file", "traces", "-- console/web/package-lock.json --\n{\"resol" + "ved\": \"x\"}\n", "console/web/package-lock.json:1"},
}

// TestPlants proves that every rule can fail, at the right place, and that
// each plant breaks its own rule alone.
func TestPlants(t *testing.T) {
	proved := make(map[string]bool)
	for _, plant := range plants {
		proved[plant.rule] = true
		t.Run(plant.name, func(t *testing.T) {
			m := load(t, unpack(t, clean+plant.files))
			for name, check := range checks {
				found := check(m)
				switch {
				case name != plant.rule && len(found) > 0:
					t.Errorf("%s fired too: %q", name, found)
				case name == plant.rule && (len(found) != 1 || !strings.HasPrefix(found[0], plant.place)):
					t.Errorf("%s found %q, want one at %q", name, found, plant.place)
				}
			}
		})
	}
	for name := range checks {
		if !proved[name] {
			t.Errorf("no plant proves the rule %q", name)
		}
	}
}

// TestClean proves that the rules are silent where nothing is wrong.
func TestClean(t *testing.T) {
	m := load(t, unpack(t, clean))
	for name, check := range checks {
		if found := check(m); len(found) > 0 {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// unpack writes a txtar archive into a temporary folder.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		full := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
