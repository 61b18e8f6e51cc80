package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
)

// TestRulesTest runs the fixtures that ship, and then plants faults in copies
// of one that must make it fail with the difference.
func TestRulesTest(t *testing.T) {
	shipped := filepath.Join("..", "..", "rules", "testdata", "cases")
	dir := t.TempDir()
	for name, change := range map[string][2]string{
		"as-shipped":  {"", ""},
		"too-little":  {"expect:\n", "expect:\n  - {subject: 203.0.113.0/24}\n"},
		"too-much":    {"  - {subject: 198.51.100.0/24, kind: allocation, enterprise: E1}\n", "  []\n"},
		"severity":    {"enterprise: E1}", "enterprise: E1, severity: low}"},
		"facts":       {"enterprise: E1}", "enterprise: E1, facts: {required_service: B14}}"},
		"unknown-key": {"expect:", "expects:"},
	} {
		to := filepath.Join(dir, name)
		if err := os.CopyFS(to, os.DirFS(filepath.Join(shipped, "licence-missing"))); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(to, "case.yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), change[0], change[1])), 0o600); change[0] != "" && err != nil {
			t.Fatal(err)
		}
	}
	good := exec.Command(program, "rules", "test", shipped)
	good.Dir = "."
	if out, err := good.CombinedOutput(); err != nil || strings.Contains(string(out), "FAIL") || !strings.Contains(string(out), "PASS") {
		t.Errorf("the fixtures that ship: %v\n%s", err, out)
	}
	out, err := exec.Command(program, "rules", "test", dir).CombinedOutput()
	if exit := new(exec.ExitError); err == nil || !asExit(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("planted faults: %v\n%s", err, out)
	}
	for _, want := range []string{
		"PASS  " + filepath.Join(dir, "as-shipped"),
		"FAIL  " + filepath.Join(dir, "too-little"),
		"- licence-missing: finding  203.0.113.0/24",
		"FAIL  " + filepath.Join(dir, "too-much"),
		"+ licence-missing: finding allocation 198.51.100.0/24",
		"- licence-missing: 198.51.100.0/24: severity low",
		"- licence-missing: 198.51.100.0/24: facts.required_service \"B14\"",
		`unknown field "expects"`,
		"1 of 6 cases passed",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func asExit(err error, to **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError) //nolint:errorlint // exec returns it bare
	*to = e
	return ok
}

func TestDifference(t *testing.T) {
	got := []outcome{
		{rule: "a", kind: "line", subject: "L1", outcome: "finding", severity: "high", facts: rules.FactSet{"share": 0.5, "names": []string{"x"}}},
		{rule: "a", kind: "line", subject: "L2", outcome: "withheld", reason: "low_samples"},
	}
	for name, c := range map[string]struct {
		want []expectation
		diff []string
	}{
		"same":        {[]expectation{{Rule: "a", Subject: "L2", Outcome: "withheld", Reason: "low_samples"}, {Rule: "a", Subject: "L1", Outcome: "finding", Facts: map[string]any{"share": 0.50000001, "names": []any{"x"}}}}, nil},
		"withheld":    {[]expectation{{Rule: "a", Subject: "L1", Outcome: "finding"}, {Rule: "a", Subject: "L2", Outcome: "finding"}}, []string{"- a: L2: outcome finding", "+ a: L2: outcome withheld"}},
		"missing":     {[]expectation{{Rule: "a", Subject: "L1", Outcome: "finding"}, {Rule: "a", Subject: "L2", Outcome: "withheld"}, {Rule: "a", Subject: "L3", Outcome: "finding"}}, []string{"- a: finding  L3"}},
		"facts":       {[]expectation{{Rule: "a", Subject: "L1", Outcome: "finding", Facts: map[string]any{"share": 0.6, "none": 1}}, {Rule: "a", Subject: "L2", Outcome: "withheld"}}, []string{"- a: L1: facts.none 1", "+ a: L1: facts.none null", "- a: L1: facts.share 0.6", "+ a: L1: facts.share 0.5"}},
		"unexpected":  {[]expectation{{Rule: "a", Subject: "L2", Outcome: "withheld"}}, []string{"+ a: finding line L1 (high, )"}},
		"other kinds": {[]expectation{{Rule: "a", Subject: "L1", Kind: "asn", Outcome: "finding"}, {Rule: "a", Subject: "L2", Outcome: "withheld"}}, []string{"- a: finding asn L1", "+ a: finding line L1 (high, )"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.diff, difference(c.want, got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadCaseFlows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flows.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := readCaseFlows(file, time.UTC); err != nil || len(list) != 0 {
		t.Fatalf("a file that is not there: %d flows, %v", len(list), err)
	}
	write("start,exporter,src,dst,bytes,sampling,repeat,every,missed\n# words\n2026-03-02 10:00,192.0.2.1,10.0.0.1,::ffff:10.0.0.2,5,0,3,1d,7\n2026-03-02T00:00:00Z,192.0.2.1,10.0.0.3,10.0.0.4,6,,,,\n")
	list, err := readCaseFlows(file, time.UTC)
	if err != nil || len(list) != 4 {
		t.Fatalf("%d flows, %v", len(list), err)
	}
	if f := list[0]; f.Bytes != 6 || f.SamplingRate != 1 || f.missed != 0 || f.End.Sub(f.Start) != time.Second {
		t.Errorf("the first in time: %+v", f)
	}
	if f := list[3]; f.Start.Day() != 4 || f.SamplingRate != 0 || f.missed != 7 || f.Dst.String() != "10.0.0.2" || !f.Exported.Equal(f.End) {
		t.Errorf("the last in time: %+v", f)
	}
	for text, want := range map[string]string{
		"begin\n":                              `:1: there is no column "begin"`,
		"start,exporter,src,dst\n2026,a,b,c\n": `:2: exporter: "a" is not an IP address`,
		"start,exporter,src,dst,proto\n2026-03-02,192.0.2.1,10.0.0.1,10.0.0.2,300\n":        `:2: proto: "300" is not a whole number of 8 bits`,
		"start,exporter,src,dst,repeat\n2026-03-02,192.0.2.1,10.0.0.1,10.0.0.2,1000001\n":   "more than 1000000 flows",
		"start,exporter,src,dst,repeat\n2026-03-02,192.0.2.1,10.0.0.1,10.0.0.2,100000000\n": "is not a whole number of 20 bits",
	} {
		write(text)
		if _, err := readCaseFlows(file, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestReadCaseRoutes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.csv")
	if err := os.WriteFile(file, []byte("at,peer,peer_as,kind,prefix,path\n2026-03-03,192.0.2.9,65001,,203.0.113.7/24,65001 65002\n,192.0.2.9,65001,withdraw,203.0.113.0/24,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	list, err := readCaseRoutes(file, begin, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []bgp.EventKind
	for _, e := range list {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]bgp.EventKind{bgp.PeerUp, bgp.Withdraw, bgp.Announce}, kinds); diff != "" || list[2].Route.Prefix.String() != "203.0.113.0/24" || list[2].Route.Path.String() != "65001 65002" {
		t.Errorf("%+v %s", list, diff)
	}
}
