package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// direction lists, for each folder, the module's own packages its product code
// may import. An entry ending in /... covers the folder and all below it. A
// folder's own subfolders are listed too: nothing is allowed silently. The most
// specific entry that covers a package is the one that counts.
var direction = map[string][]string{
	// L0: the vocabulary. Standard library only, not each other.
	"bgp": nil, "flows": nil, "registry": nil,
	// Reading workbooks needs a library that the ledgers themselves must not see.
	"registry/xlsx": {"registry"},
	// Nor the formats of databases of others and of filing systems.
	"registry/mmdb": {"registry"},
	"registry/xml":  {"registry"},
	// L1: codecs and tables over one vocabulary.
	"bgp/...":      {"bgp", "bgp/listen", "bgp/wire"},
	"bgp/wire":     {"bgp"},
	"flows/...":    {"flows", "flows/header"},
	"flows/header": {"flows"},
	// L2: pure judgement over typed facts.
	"rules":         {"bgp", "flows", "registry"},
	"rules/catalog": {"rules"},
	// L3: pieces that meet only in cmd.
	"rules/engine":     {"rules", "registry"},
	"rules/custom":     {"rules", "registry"},
	"report":           {"rules", "registry", "report/pdf"},
	"report/...":       {"rules", "registry", "report/..."},
	"report/pdf":       nil,
	"storage":          {"bgp", "flows", "registry", "rules", "storage/..."},
	"storage/...":      {"bgp", "flows", "registry", "rules", "storage/..."},
	"storage/engine":   {"storage/engine/..."},
	"collector":        {"bgp/...", "flows/...", "registry", "collector/enrich"},
	"collector/enrich": {"bgp", "flows", "registry"},
	"collector/replay": {"flows"},
	"collector/snmp":   {"flows"},
	// L4: what people see; it declares the store it wants.
	"console":     {"report", "rules", "registry", "console/..."},
	"console/...": {"report", "rules", "registry", "console/..."},
	// L5: the one place that sees both ends.
	"cmd/...": {"..."},
	// Beside the levels. The simulator shares wire and ledger formats alone.
	"internal/archtest":  nil,
	"internal/testkit":   {"flows"},
	"internal/simulator": {"flows", "registry"},
}

// confinement lists the folders whose product code may import a library, and
// with tests the folders whose tests may do so besides.
type confinement struct {
	library string // import path prefix
	product []string
	tests   []string
}

var confined = []confinement{
	{"github.com/osrg/gobgp", []string{"bgp/...", "internal/simulator"}, nil},
	{"github.com/netsampler/goflow2", []string{"flows/..."}, []string{"internal/simulator"}},
	{"github.com/ClickHouse/clickhouse-go", []string{"storage/..."}, nil},
	{"github.com/ClickHouse/ch-go", []string{"storage/..."}, nil},
	{"github.com/ebitengine/purego", []string{"storage/..."}, nil},
	{"github.com/google/gopacket", []string{"flows/...", "collector/replay"}, []string{"collector/...", "internal/simulator"}},
	{"github.com/xuri/excelize", []string{"registry/xlsx", "report/...", "cmd/..."}, nil},
	{"codeberg.org/go-pdf/fpdf", []string{"report/pdf"}, nil},
	{"github.com/google/cel-go", []string{"rules/custom"}, nil},
	{"github.com/oschwald/maxminddb-golang", []string{"registry/mmdb"}, nil},
	{"github.com/maxmind/mmdbwriter", nil, []string{"registry/mmdb", "cmd/..."}},
	{"github.com/gosnmp/gosnmp", []string{"collector/snmp"}, nil},
	{"go.opentelemetry.io/otel", []string{"cmd/..."}, nil},
	{"github.com/prometheus/client_golang", []string{"collector", "collector/snmp", "console", "cmd/..."}, []string{"..."}},
	{"net/http", []string{"console/...", "cmd/..."}, []string{"..."}},
}

// covers tells whether a pattern (a folder, or a folder with /...) covers dir.
func covers(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	base, deep := strings.CutSuffix(pattern, "/...")
	return dir == base || deep && strings.HasPrefix(dir, base+"/")
}

func anyCovers(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, dir) })
}

// placeOf returns what dir may import, by the most specific entry.
func placeOf(dir string) (allowed []string, known bool) {
	if allowed, known = direction[dir]; known {
		return allowed, true
	}
	best := ""
	for pattern := range direction {
		if covers(pattern, dir) && len(pattern) > len(best) {
			best = pattern
		}
	}
	return direction[best], best != ""
}

// checkDirection refuses imports that do not point down. Tests may use the
// test kit and the simulator as well, and a package's own test its package.
func checkDirection(m *module) (found []string) {
	for dir, files := range m.packages() {
		allowed, known := placeOf(dir)
		if !known {
			found = append(found, dir+": has no place in the import table")
			continue
		}
		for _, f := range files {
			if f.isTest() {
				continue
			}
			for _, p := range f.imports() {
				target, own := strings.CutPrefix(p, modulePath+"/")
				if own && !anyCovers(allowed, target) {
					found = append(found, fmt.Sprintf("%s: must not import %s", f.name, target))
				}
			}
		}
	}
	return found
}

// checkConfinement refuses libraries outside their folders.
func checkConfinement(m *module) (found []string) {
	for dir, files := range m.packages() {
		for _, f := range files {
			for _, p := range f.imports() {
				for _, c := range confined {
					if p != c.library && !strings.HasPrefix(p, c.library+"/") {
						continue
					}
					allowed := anyCovers(c.product, dir) || f.isTest() && anyCovers(c.tests, dir)
					if !allowed {
						found = append(found, fmt.Sprintf("%s: %s is confined elsewhere", f.name, p))
					}
				}
			}
		}
	}
	return found
}
