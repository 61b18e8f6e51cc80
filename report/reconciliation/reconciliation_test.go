package reconciliation_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/reconciliation"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
	key      = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
)

func finding(rule string, kind rules.SubjectKind, subject, name string, facts rules.FactSet) rules.Finding {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, shanghai)
	return rules.Finding{
		ID: rules.FindingID(rule, rules.Subject{Kind: kind, ID: subject}), Rule: rule, Subject: rules.Subject{Kind: kind, ID: subject, Name: name},
		EnterpriseID: "E1", Province: "31", Severity: rules.Medium, State: rules.Open, FirstSeen: day, LastSeen: day.AddDate(0, 0, 3), Completeness: 0.97,
		Facts: facts, Explanation: rules.Text{ZH: name + "的登记与实际不一致。"},
	}
}

// findings have one of each result, two of some, and what has no official name.
func findings() []rules.Finding {
	prefix, allocation, domain := rules.SubjectPrefix, rules.SubjectAllocation, rules.SubjectDomain
	settled := finding("filing-unreported", prefix, "203.0.113.0/25", "甲公司", rules.FactSet{"source_block": "203.0.113.0/24"})
	settled.State = rules.Rectified
	return []rules.Finding{
		finding("icp-empty-shell", domain, "shell.example", "甲公司", rules.FactSet{"filings": []any{"京ICP备1号", "京ICP备2号"}}),
		finding("filing-unreported", prefix, "2001:db8:1::/48", "甲公司", rules.FactSet{"source_block": "2001:db8::/32"}),
		finding("filing-unreported", prefix, "198.51.100.0/25", "甲公司", rules.FactSet{"source_block": "198.51.100.0/24", "origin_asns": []string{"64501"}}),
		settled,
		finding("filing-conflict", allocation, "198.51.100.128/26", "某部队", rules.FactSet{"overlapping_allocations": []string{"198.51.100.128/25 E7", "198.51.100.160/27 E8"}}),
		finding("filing-conflict", allocation, "198.51.100.64/26", "甲公司", rules.FactSet{"announced": []any{"198.51.100.64/27 AS64502 E9"}}),
		finding("filing-outside", allocation, "192.0.2.0/24", "=1+1", rules.FactSet{"outside_of": []string{"parent", "sources"}, "parent": "192.0.3.0/24"}),
		finding("icp-stale-access", domain, "stale.example", "甲公司", rules.FactSet{"provider": "E1", "filings": []string{"京ICP备3号"}}),
		finding("icp-access-provider", domain, "other.example", "甲公司", rules.FactSet{"providers_named": []string{"E5"}, "filing": "京ICP备4号", "address": "198.51.100.9"}),
		finding("icp-unfiled", domain, "unfiled.example", "甲公司", rules.FactSet{"address": "198.51.100.10"}),
		finding("licence-missing", allocation, "198.51.100.0/24", "甲公司", nil),
	}
}

func input() *reconciliation.Input {
	return &reconciliation.Input{
		Carrier: "示例电信", Location: shanghai, Findings: findings(), Version: registry.Version{ID: "v1"},
		Ledgers: registry.NewSnapshot(&registry.Ledgers{Enterprises: []registry.Enterprise{{ID: "E1", Name: "某部队", Nature: "military"}}}, nil),
		Privacy: report.Privacy{Mask: report.Mask{V4: 24, V6: 48}, Recipient: "某省通信管理局", Purpose: "备案核对", Expires: registry.NewDate(2027, 3, 31)},
	}
}

func makeFiles(t *testing.T, in *reconciliation.Input) map[string][]byte {
	t.Helper()
	files, err := reconciliation.Make(in, key)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func rowsOf(t *testing.T, files map[string][]byte) []reconciliation.Row {
	t.Helper()
	var rows []reconciliation.Row
	if err := json.Unmarshal(files["reconciliation.json"], &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestOfficialNames tells each finding by its official name, with what it
// contradicts.
func TestOfficialNames(t *testing.T) {
	var got []string
	for _, r := range rowsOf(t, makeFiles(t, input())) {
		got = append(got, strings.Join([]string{
			r.Name, r.Code, r.Kind, r.First, r.Last, r.FirstNumber, r.LastNumber, r.OtherFirst, r.OtherLast, r.OtherUnit, r.Domain, r.Address, r.Filings, r.Providers,
		}, ","))
	}
	want := []string{
		"未报,Wb,2,198.51.100.0,198.51.100.127,3325256704,3325256831,198.51.100.0,198.51.100.255,64501,,,,",
		"未报,Wb,2,2001:db8:1::,2001:db8:1:ffff:ffff:ffff:ffff:ffff,,,2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,,,,,",
		"冲突,Ct,2,198.51.100.64,198.51.100.127,3325256768,3325256831,198.51.100.64,198.51.100.95,AS64502 E9,,,,",
		"冲突,Ct,2,198.51.100.128,198.51.100.191,3325256832,3325256895,198.51.100.128,198.51.100.255,E7,,,,",
		"冲突,Ct,2,198.51.100.128,198.51.100.191,3325256832,3325256895,198.51.100.160,198.51.100.191,E8,,,,",
		"越界,Yj,2,192.0.2.0,192.0.2.255,3221225984,3221226239,192.0.3.0,192.0.3.255,,,,,",
		"越界,Yj,1,192.0.2.0,192.0.2.255,3221225984,3221226239,,,,,,,",
		"多报,Jrhc-1,,,,,,,,,stale.example,,京ICP备3号,E1",
		"少报,Jrhc-2,,,,,,,,,other.example,198.51.100.9,京ICP备4号,E5",
		"空壳,Kkwzhc,,,,,,,,,shell.example,,京ICP备1号;京ICP备2号,",
		"未备案,WBAWZ,,,,,,,,,unfiled.example,198.51.100.10,,",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	in := input()
	in.Settled = true
	if n := len(rowsOf(t, makeFiles(t, in))); n != len(want)+1 {
		t.Errorf("with settled cases there are %d rows, want %d", n, len(want)+1)
	}
}

// TestFormatsAgree holds CSV, workbook, JSON and manifest together.
func TestFormatsAgree(t *testing.T) {
	files := makeFiles(t, input())
	rows := rowsOf(t, files)
	table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(files["reconciliation.csv"]), "\ufeff"))).ReadAll()
	if err != nil || len(table) != len(rows)+1 {
		t.Fatalf("%d lines of CSV for %d rows, %v", len(table), len(rows), err)
	}
	book, err := excelize.OpenReader(bytes.NewReader(files["reconciliation.xlsx"]))
	if err != nil {
		t.Fatal(err)
	}
	var sheets [][]string
	counts := make(map[string]int)
	for _, n := range reconciliation.Names() {
		lines, err := book.GetRows(n.ZH)
		if err != nil {
			t.Fatal(err)
		}
		counts[n.ZH] = len(lines) - 1
		sheets = append(sheets, lines[1:]...)
	}
	for i, r := range rows {
		for _, cells := range [][]string{table[i+1], sheets[i]} {
			if got := fmt.Sprint(cells[0], cells[3], cells[5], cells[10], cells[17]); got != fmt.Sprint(r.Name, r.First, r.FirstNumber, r.Domain, r.Finding) {
				t.Errorf("row %d is %q, want %+v", i, cells, r)
			}
		}
	}
	var m reconciliation.Manifest
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(m.Counts, counts) || !m.Masked || m.Recipient != "某省通信管理局" || m.Expires != "2027-03-31" {
		t.Errorf("manifest %+v, counted %v", m, counts)
	}
	if kind, err := book.GetCellType("未报", "F2"); err != nil || kind == excelize.CellTypeSharedString || kind == excelize.CellTypeInlineString {
		t.Errorf("addresses as numbers are of type %v, %v", kind, err)
	}
	again := makeFiles(t, input())
	for name := range files {
		if !bytes.Equal(files[name], again[name]) {
			t.Errorf("%s differs the second time", name)
		}
	}
}

// TestPrivacy hides a military body, makes formulas inert, and prints who
// ordered that nothing is masked, and why.
func TestPrivacy(t *testing.T) {
	files := makeFiles(t, input())
	for _, name := range []string{"reconciliation.csv", "reconciliation.json"} {
		if text := string(files[name]); strings.Contains(text, "某部队") || !strings.Contains(text, "限制类单位 E1") {
			t.Errorf("%s names a military body", name)
		}
	}
	if text := string(files["reconciliation.csv"]); !strings.Contains(text, ",'=1+1,") {
		t.Errorf("a formula is live: %s", text)
	}
	in := input()
	in.Privacy.Unmasked, in.Privacy.Reason, in.Privacy.By = true, "案件移送", "wang"
	files = makeFiles(t, in)
	if !strings.Contains(string(files["reconciliation.json"]), "某部队") || !strings.Contains(string(files["manifest.json"]), `"unmasked_by": "wang"`) {
		t.Error("the unmasked one is masked, or does not say by whom")
	}
	book, err := excelize.OpenReader(bytes.NewReader(files["reconciliation.xlsx"]))
	if err != nil {
		t.Fatal(err)
	}
	about, err := book.GetRows("about")
	if err != nil || !slices.ContainsFunc(about, func(r []string) bool { return len(r) == 2 && r[1] == "案件移送" }) {
		t.Errorf("the workbook does not say why: %q, %v", about, err)
	}
}

// TestVerify counts again what is sealed, and names a manifest that lies.
func TestVerify(t *testing.T) {
	dir := fstest.MapFS{}
	for name, content := range makeFiles(t, input()) {
		dir[name] = &fstest.MapFile{Data: content}
	}
	check := func() []string {
		o, err := signed.Open(dir, signed.PublicOf(key))
		if err != nil {
			t.Fatal(err)
		}
		v, err := reconciliation.Verify(o)
		if err != nil {
			t.Fatal(err)
		}
		return v.Problems
	}
	if p := check(); len(p) > 0 {
		t.Errorf("problems %q", p)
	}
	dir["reconciliation.json"] = &fstest.MapFile{Data: []byte("[]")}
	p := strings.Join(check(), "; ")
	for _, want := range []string{"reconciliation.json was altered", "0 rows of 未报, and the manifest says 2"} {
		if !strings.Contains(p, want) {
			t.Errorf("the problems are %q, want %q", p, want)
		}
	}
}
