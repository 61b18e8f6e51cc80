package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/internal/testkit"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// findings are two findings: one with third-party networks, one of a hostile
// ledger, already ceased.
func findings() []rules.Finding {
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, shanghai) }
	return []rules.Finding{
		{
			ID: "bbbb", Rule: "licence-missing", RuleVersion: "1", Clauses: []string{"N32-2.1.1(1)"},
			Subject:      rules.Subject{Kind: rules.SubjectAllocation, ID: "198.51.100.0/24", Name: `=HYPERLINK("http://x")`},
			EnterpriseID: "E2", Province: "11", Severity: rules.High, Confidence: 1, State: rules.Ceased,
			FirstSeen: day(1), LastSeen: day(5), Window: rules.Window{From: day(1), To: day(9)},
			Facts: rules.FactSet{"service": "B11"}, Completeness: 1,
			Title:       rules.Text{ZH: "无证经营（疑似）", EN: "Service without a licence (indication)"},
			Explanation: rules.Text{ZH: "没有有效许可证。", EN: "There is no valid licence."},
		},
		{
			ID: "aaaa", Rule: "intl-third-party", RuleVersion: "1", Clauses: []string{"N32-2.2.4c", "N32-2.2.4d"},
			Subject:      rules.Subject{Kind: rules.SubjectLine, ID: "L1", Name: "某某公司"},
			EnterpriseID: "E1", Province: "31", Severity: rules.Critical, Confidence: 0.9876, State: rules.Open,
			FirstSeen: day(2), LastSeen: day(9), Window: rules.Window{From: day(2), To: day(9)},
			Facts: rules.FactSet{
				"third_party_share":    0.31,
				"third_party_networks": []string{"203.0.113.128/25 far", "2001:db8:1:2::/64 near", "10.0.0.0/8 far"},
			},
			Completeness: 0.9731,
			Title:        rules.Text{ZH: "国际专线承载第三方流量（疑似）", EN: "International line carries third-party traffic (indication)"},
			Explanation:  rules.Text{ZH: "占比 31%。", EN: "A share of 31 %."},
			Evidence:     []rules.Evidence{{Kind: "ledger_row", Title: "line L1", Ref: "lines/L1"}},
			Benign:       []rules.BenignTest{{Name: "single_day", Result: rules.Text{ZH: "7 天", EN: "7 days"}}},
		},
	}
}

func write(t *testing.T, format string, list []rules.Finding) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteFindings(&b, format, list, shanghai); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden pins what people and programs read, byte by byte.
func TestGolden(t *testing.T) {
	for _, format := range []string{"table", "json", "csv"} {
		testkit.Golden(t, "testdata/findings."+format, write(t, format, findings()))
	}
	events := []rules.Event{{
		Finding: "aaaa", Kind: "new", To: rules.Open, Actor: "linewarden", Note: "intl-third-party 1",
		At: time.Date(2026, 3, 9, 3, 0, 0, 0, time.UTC),
	}}
	var b bytes.Buffer
	if err := report.WriteFinding(&b, &findings()[1], events, shanghai); err != nil {
		t.Fatal(err)
	}
	testkit.Golden(t, "testdata/finding.txt", b.Bytes())
}

// TestFormatsAgree reads every machine format back and holds them together.
func TestFormatsAgree(t *testing.T) {
	list := findings()
	var fromJSON []rules.Finding
	if err := json.Unmarshal(write(t, "json", list), &fromJSON); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimPrefix(string(write(t, "csv", list)), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(bytes.NewReader(write(t, "xlsx", list)))
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := book.GetRows("findings")
	if err != nil {
		t.Fatal(err)
	}
	if len(fromJSON) != 2 || len(rows) != 3 || len(sheet) != 3 {
		t.Fatalf("%d findings in JSON, %d lines in CSV, %d in the workbook", len(fromJSON), len(rows), len(sheet))
	}
	for i, f := range fromJSON {
		for _, table := range [][][]string{rows, sheet} {
			got := table[i+1]
			if got[0] != f.ID || got[1] != f.Rule || got[5] != f.Subject.ID || got[16] == "" {
				t.Errorf("row %d is %q, want finding %s", i, got, f.ID)
			}
		}
	}
}

// TestFormulasAreInert plants a formula in a name: a spreadsheet that opens
// the CSV must not run it.
func TestFormulasAreInert(t *testing.T) {
	text := string(write(t, "csv", findings()))
	if !strings.Contains(text, `'=HYPERLINK`) || strings.Contains(text, `,"=HYPERLINK`) {
		t.Errorf("the formula is live: %s", text)
	}
	book, err := excelize.OpenReader(bytes.NewReader(write(t, "xlsx", findings())))
	if err != nil {
		t.Fatal(err)
	}
	formula, err := book.GetCellFormula("findings", "G2")
	if err != nil || formula != "" {
		t.Errorf("the workbook has the formula %q (%v)", formula, err)
	}
}

// TestMask shows third parties no finer than asked, also after a round trip
// through JSON, and leaves the findings it was given alone.
func TestMask(t *testing.T) {
	list := findings()
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var decoded []rules.Finding
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	for name, given := range map[string][]rules.Finding{"measured": list, "read back": decoded} {
		masked := string(write(t, "json", report.Mask{V4: 24, V6: 48}.Apply(given)))
		for _, want := range []string{"203.0.113.0/24 far", "2001:db8:1::/48 near", "10.0.0.0/8 far"} {
			if !strings.Contains(masked, want) {
				t.Errorf("%s: %q is not in %s", name, want, masked)
			}
		}
		if strings.Contains(masked, "203.0.113.128") || strings.Contains(masked, "2001:db8:1:2::") {
			t.Errorf("%s: a third party is named too finely: %s", name, masked)
		}
		if again := string(write(t, "json", given)); !strings.Contains(again, "203.0.113.128/25") {
			t.Errorf("%s: masking changed what it was given", name)
		}
	}
}

// TestByUrgency puts what is open first.
func TestByUrgency(t *testing.T) {
	list := findings()
	report.ByUrgency(list)
	if list[0].ID != "aaaa" {
		t.Errorf("the first is %s", list[0].ID)
	}
}

func TestNothing(t *testing.T) {
	if got := string(write(t, "json", nil)); got != "[]\n" {
		t.Errorf("no findings are %q", got)
	}
	if err := report.WriteFindings(&bytes.Buffer{}, "pdf", nil, shanghai); err == nil || !strings.Contains(err.Error(), "table, json, csv, xlsx") {
		t.Errorf("an unknown format gives %v", err)
	}
}
