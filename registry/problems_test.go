package registry_test

import (
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/registry"
)

// TestProblems plants mistakes into ledgers without any, and compares all that
// is said with what is expected, word for word. Each archive in
// testdata/problems holds cases; a case is a folder with the ledgers that
// differ from orderly.txtar. The expected words are in the file want beside it.
func TestProblems(t *testing.T) {
	archives, err := filepath.Glob("testdata/problems/*.txtar")
	if err != nil || len(archives) < 4 {
		t.Fatalf("archives %v, %v", archives, err)
	}
	planted := make(map[string]bool) // ledgers with a mistake
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			cases := make(map[string]map[string]string)
			for name, text := range files(t, strings.TrimPrefix(path, "testdata/")) {
				folder, file, ok := strings.Cut(name, "/")
				if !ok {
					t.Fatalf("%s is in no case", name)
				}
				if cases[folder] == nil {
					cases[folder] = make(map[string]string)
				}
				cases[folder][file] = text
			}
			var got strings.Builder
			for _, name := range slices.Sorted(maps.Keys(cases)) {
				_, said := check(t, orderly(t, cases[name]))
				if len(said) == 0 {
					t.Errorf("%s: nothing was said", name)
				}
				for _, text := range said {
					got.WriteString(name + ": " + text + "\n")
					planted[strings.TrimSuffix(strings.SplitN(text, ":", 2)[0], ".csv")] = true
				}
			}
			testkit.Golden(t, strings.TrimSuffix(path, ".txtar")+".want", []byte(got.String()))
		})
	}
	for _, l := range registryLedgers(t) {
		if !planted[l] {
			t.Errorf("no mistake is planted in %s", l)
		}
	}
}

// registryLedgers are the names of all ledgers.
func registryLedgers(tb testing.TB) []string {
	tb.Helper()
	var names []string
	for name := range files(tb, "orderly.txtar") {
		names = append(names, strings.TrimSuffix(name, ".csv"))
	}
	if len(names) != 21 {
		tb.Fatalf("%d ledgers, want 21", len(names))
	}
	return names
}

func TestNothingIsSaidOfLedgersInOrder(t *testing.T) {
	_, said := check(t, orderly(t, nil))
	if len(said) > 0 {
		t.Errorf("%s", strings.Join(said, "\n"))
	}
	if _, said := check(t, nil); len(said) > 0 {
		t.Errorf("an empty directory: %s", strings.Join(said, "\n"))
	}
	// Each ledger alone, apart from what it refers to.
	for name := range orderly(t, nil) {
		_, said := check(t, map[string]string{name: orderly(t, nil)[name]})
		for _, text := range said {
			if !strings.HasSuffix(text, "(warning)") || !strings.Contains(text, "missing or empty") {
				t.Errorf("%s alone: %s", name, text)
			}
		}
	}
}

// TestDomainsInChinese proves that names written as people read them are kept as
// the domain name system writes them.
func TestDomainsInChinese(t *testing.T) {
	ledgers, said := check(t, orderly(t, nil))
	var got []string
	for _, f := range ledgers.ICPFilings {
		got = append(got, f.Domain)
	}
	if want := []string{"example.cn", "xn--fiqs8s.cn"}; !slices.Equal(got, want) {
		t.Errorf("%q, and said %q", got, said)
	}
}

// TestColumnsMayBeMissing takes one column after the other away: what is not
// there is unknown, and nothing is said, except of the columns that name rows.
func TestColumnsMayBeMissing(t *testing.T) {
	all := orderly(t, nil)
	for name, text := range all {
		header, _, _ := strings.Cut(text, "\n")
		for i, column := range strings.Split(header, ",") {
			_, said := check(t, orderly(t, map[string]string{name: without(t, text, i)}))
			said = slices.DeleteFunc(said, func(s string) bool { return strings.HasSuffix(s, "(warning)") })
			key := strings.HasSuffix(column, "_no") && name != "allocations.csv" && name != "icp_access.csv" || i == 0 && name != "icp_access.csv" ||
				slices.Contains([]string{"licences service", "commitments service", "evaluations service", "downstreams downstream_asn", "broadcasts announcer", "interfaces if_index", "line_endpoints end", "icp_filings domain", "icp_access domain", "icp_access provider", "domains address"},
					strings.TrimSuffix(name, ".csv")+" "+column)
			want := []string{}
			switch {
			case key:
				want = []string{name + ":1:1: column " + column + " is missing; every row needs it"}
			case column == "valid_from" || column == "valid_to":
				continue // rows of one key may overlap then, which is said
			case column == "passed_on" || name == "domains.csv":
				continue // rows of one key may be the same then, which is said
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("%s without %s: %s", name, column, diff)
			}
		}
	}
}

// without removes a column from CSV text.
func without(t *testing.T, text string, column int) string {
	t.Helper()
	rows := readAll(t, text)
	for i := range rows {
		rows[i] = slices.Delete(rows[i], column, column+1)
	}
	return writeAll(t, rows)
}

func TestOneProblemForEachMistake(t *testing.T) {
	enterprises := "enterprise_id,name\n" + strings.Repeat("E1,x\n", 5)
	_, said := check(t, map[string]string{"enterprises.csv": enterprises})
	if len(said) != 4 {
		t.Errorf("five equal rows: %q", said)
	}
	// A row with several mistakes has them all.
	_, said = check(t, orderly(t, map[string]string{"licences.csv": "licence_no,enterprise_id,service,coverage,valid_from,valid_to,status\n,E1,B15,99,2020-13-01,2020-1-1,on\n"}))
	if len(said) != 6 {
		t.Errorf("six mistakes: %s", strings.Join(said, "\n"))
	}
	_, said = check(t, orderly(t, map[string]string{"icp_filings.csv": ""}))
	if len(said) != 0 {
		t.Errorf("a missing ledger: %q", said)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var rows []registry.Row
	for i := range registry.MaxProblems + 10 {
		rows = append(rows, registry.Row{Number: i + 2, Fields: []string{"x"}})
	}
	_, problems := registry.Parse([]registry.Table{{Name: "asns", Columns: []string{"asn"}, Rows: rows}})
	if n := len(problems); n != registry.MaxProblems+1 {
		t.Fatalf("%d problems", n)
	}
	if got := problems[len(problems)-1].String(); got != "asns.csv:1:1: 10 more problems are not listed" {
		t.Errorf("last: %s", got)
	}
}

// TestManyWarningsAreNoError has more warnings than are listed: they must not
// keep ledgers out.
func TestManyWarningsAreNoError(t *testing.T) {
	rows := []registry.Row{{Number: 2, Fields: []string{"10.0.0.0/8", "E0"}}}
	for i := range registry.MaxProblems + 10 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		rows = append(rows, registry.Row{Number: i + 3, Fields: []string{p.String(), "E1"}})
	}
	_, problems := registry.Parse([]registry.Table{{Name: "allocations", Columns: []string{"prefix", "enterprise_id"}, Rows: rows}})
	if n := len(problems); n != registry.MaxProblems+1 {
		t.Fatalf("%d problems", n)
	}
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("an error: %v", p)
		}
	}
}
