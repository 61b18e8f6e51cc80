package casefile_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/casefile"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// material has every part a case file shows.
func material(t *testing.T) *evidence.Material {
	t.Helper()
	rule := rules.IntlThirdParty()
	params, err := rule.Spec.ParamsWith(nil)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, shanghai)
	hours := evidence.Table{Name: "traffic/line_hours", Columns: []string{"hour_utc", "from_customer_bytes", "to_customer_bytes", "samples", "relative_error_95"}}
	for h := range 7 * 24 {
		at := from.Add(time.Duration(h) * time.Hour)
		hours.Rows = append(hours.Rows, []string{at.UTC().Format(time.RFC3339), fmt.Sprint(1_000_000_000 + h*7_000_000), fmt.Sprint(400_000_000 + h), "1200", "0.0566"})
	}
	subject := rules.Subject{Kind: rules.SubjectLine, ID: "L-0042", Name: "上海某某网络科技有限公司"}
	return &evidence.Material{
		Finding: rules.Finding{
			ID: rules.FindingID(rule.Spec.ID, subject), Rule: rule.Spec.ID, RuleVersion: rule.Spec.Version, Clauses: []string{"N32-2.2.4c", "N32-2.2.4d"},
			Subject: subject, EnterpriseID: "E7", Province: "31", Severity: rules.High, Confidence: 0.987, State: rules.Confirmed, Completeness: 0.9731,
			FirstSeen: from, LastSeen: from.AddDate(0, 0, 7), Window: rules.Window{From: from, To: from.AddDate(0, 0, 7)},
			Facts:       rules.FactSet{"third_party_share": 0.31, "third_party_networks": []any{"203.0.113.0/24 far", "2001:db8:1::/48 near"}, "samples": 18231.0},
			Title:       rule.Spec.Title,
			Explanation: rules.Text{ZH: "该国际专线 7 天内约 31% 的字节来自不属于承租单位及其已登记对端的网络。", EN: "About 31 % of the bytes of seven days are of networks that are neither the lessee's nor of its declared far end."},
			Benign:      []rules.BenignTest{{Name: "single_day", Result: rules.Text{ZH: "7 天中有 7 天出现", EN: "seen on 7 of 7 days"}}},
			Basis:       &rules.Basis{Params: params, Ledgers: registry.Version{ID: "0d6c0000-0000-4000-8000-000000000001", Known: from}},
		},
		Rule: rule.Spec, Location: shanghai,
		Events: []rules.Event{
			{Kind: "new", To: rules.Open, Actor: "linewarden", Note: "intl-third-party 1", At: from.AddDate(0, 0, 8), Link: rules.Link{Number: 1, Hash: "0123456789abcdef0123"}},
			{Kind: "moved", From: rules.Reviewing, To: rules.Confirmed, Actor: "li", Note: "与承租单位核实用途", At: from.AddDate(0, 0, 9), Link: rules.Link{Number: 5, Hash: "fedcba98765432100123"}},
		},
		Tables: []evidence.Table{
			{Name: "ledgers/lines", Columns: []string{"import", "line_id", "enterprise_id", "a_place", "z_country"}, Rows: [][]string{{"import-1", "L-0042", "E7", "310000", "JP"}}},
			hours,
			{
				Name: "routes/intervals", Columns: []string{"prefix", "router", "peer", "peer_as", "view", "as_path", "origins", "next_hop", "validity", "from", "to", "end"},
				Rows: [][]string{{"198.51.100.0/24", "192.0.2.1", "192.0.2.2", "64500", "post", "64500 64999", "64999", "192.0.2.2", "unknown", "2026-03-01T00:00:00Z", "", "open"}},
			},
			{
				Name: "completeness", Columns: []string{"exporter", "records_received", "records_stored", "records_missed_by_sequence", "minutes_heard", "completeness"},
				Rows: [][]string{{"192.0.2.1", "1000000", "999999", "27000", "10080", "0.9737"}},
			},
		},
	}
}

// TestSameBytes writes both languages twice.
func TestSameBytes(t *testing.T) {
	seen := make(map[string][]byte)
	for range 2 {
		for _, language := range casefile.Languages() {
			content, err := casefile.Make(material(t), language)
			if err != nil {
				t.Fatal(err)
			}
			name := casefile.Name(language)
			if old := seen[name]; old != nil && !bytes.Equal(old, content) {
				t.Errorf("%s differs", name)
			}
			seen[name] = content
			if dir := os.Getenv("SAMPLE_REPORT"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, "case-"+name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if bytes.Equal(seen["report.zh.pdf"], seen["report.en.pdf"]) {
		t.Error("both languages are the same file")
	}
}

// TestBare writes a finding of which almost nothing is known.
func TestBare(t *testing.T) {
	bare := &evidence.Material{Location: time.UTC, Tables: []evidence.Table{{Name: "completeness"}, {Name: "traffic/line_hours", Columns: []string{"hour_utc"}, Rows: [][]string{{""}}}}}
	for _, language := range casefile.Languages() {
		if content, err := casefile.Make(bare, language); err != nil || !bytes.HasPrefix(content, []byte("%PDF-")) {
			t.Errorf("%s: %d bytes, %v", language, len(content), err)
		}
	}
}

// TestProblem reports a confirmed finding with what must not be shown masked,
// and refuses one that nobody confirmed.
func TestProblem(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	m := material(t)
	m.Finding.Facts["third_party_networks"] = []any{"203.0.113.128/25 far"}
	m.Finding.Case = &rules.Case{ConfirmedBy: []string{"李四"}}
	p := casefile.Problem{
		Carrier: "示例电信", Language: "zh", Material: *m,
		Ledgers: registry.NewSnapshot(&registry.Ledgers{Enterprises: []registry.Enterprise{{ID: "E7", Name: "上海某某网络科技有限公司", Nature: "military"}}}, nil),
		Privacy: report.Privacy{Mask: report.Mask{V4: 24, V6: 48}, Recipient: "某省通信管理局", Purpose: "重大问题报告"},
	}
	files, err := p.Files(key)
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("SAMPLE_REPORT"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "problem.pdf"), files["report.pdf"], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := fstest.MapFS{}
	for name, content := range files {
		dir[name] = &fstest.MapFile{Data: content}
		for _, secret := range []string{"203.0.113.128", "上海某某", "李四"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s shows %s", name, secret)
			}
		}
	}
	if o, err := signed.Open(dir, public); err != nil || len(o.Problems) > 0 || o.Common.Kind != casefile.ProblemKind {
		t.Errorf("it opens as %+v, %v", o, err)
	}
	again, err := p.Files(key)
	if err != nil || !bytes.Equal(files["report.pdf"], again["report.pdf"]) || !bytes.Equal(files["manifest.json"], again["manifest.json"]) {
		t.Errorf("the same report differs (%v)", err)
	}
	p.Material.Finding.State = rules.Reviewing
	if _, err := p.Files(key); !errors.Is(err, casefile.ErrNotConfirmed) {
		t.Errorf("an unconfirmed finding gives %v", err)
	}
}
