package quarterly_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/quarterly"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
	key      = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	q3       = quarterly.Quarter{Year: 2026, Number: 3}
)

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, shanghai) }

// ledgers are a small carrier: three lines, one of them of a military body, one
// without an interface.
func ledgers() *registry.Ledgers {
	from := registry.NewDate(2025, 1, 1)
	exporter := netip.MustParseAddr("192.0.2.1")
	return &registry.Ledgers{
		Enterprises: []registry.Enterprise{
			{ID: "E1", Name: "北京某某科技有限公司", NameEN: "Some Tech", Nature: "enterprise", Place: "110000"},
			{ID: "E2", Name: "某部队", Nature: "military", Place: "310000"},
			{ID: "E3", Name: "=1+1", Nature: "enterprise", Place: "440000", Credit: "bad", CreditSince: registry.NewDate(2026, 7, 2)},
		},
		Licences: []registry.Licence{{No: "A1", EnterpriseID: "E1", Service: "B11", National: true, Status: "active", Valid: registry.Validity{From: from}}},
		Lines: []registry.Line{
			{ID: "L1", EnterpriseID: "E1", Scope: "international", Technology: "iplc", Use: "enterprise", BandwidthMbps: 100, APlace: "110000", ZCountry: "JP", UserFile: "F1", Valid: registry.Validity{From: from}},
			{ID: "L2", EnterpriseID: "E2", Scope: "domestic", Technology: "sdh", Use: "enterprise", BandwidthMbps: 2, APlace: "310000", Valid: registry.Validity{From: from}},
			{ID: "L3", EnterpriseID: "E3", Scope: "international", Technology: "dia", Use: "idc", BandwidthMbps: 1000, APlace: "440000", ZCountry: "SG", Valid: registry.Validity{From: registry.NewDate(2026, 8, 1)}},
		},
		UserFiles: []registry.UserFile{{
			ID: "F1", LineID: "L1", EnterpriseID: "E1", Purpose: "内部办公", OfficeUseCommitted: registry.Yes, CommittedOn: from,
			Clauses: []string{"internal_use", "no_resale", "no_dc_platform", "termination"}, ClausesKnown: true, ContactVerifiedOn: from, ReviewedOn: from,
		}},
		Exporters:  []registry.Exporter{{Address: exporter, Name: "bj-edge-1", Place: "110000", Sampling: 1000}, {Address: netip.MustParseAddr("192.0.2.9"), Name: "sh-edge-1", Place: "310000"}},
		Interfaces: []registry.Interface{{Exporter: exporter, IfIndex: 1, Role: "customer", LineID: "L1"}, {Exporter: exporter, IfIndex: 2, Role: "customer", LineID: "L2"}},
	}
}

// findings are one for each state and section, and some of other quarters.
func findings() []rules.Finding {
	states := []rules.State{rules.Open, rules.Reviewing, rules.Confirmed, rules.Rectifying, rules.Rectified, rules.Dismissed, rules.Ceased}
	catalogue := rules.Catalogue()
	var list []rules.Finding
	for i := range 60 {
		spec := &catalogue[i%len(catalogue)].Spec
		subject := rules.Subject{Kind: rules.SubjectLine, ID: fmt.Sprintf("L%d", i%3+1), Name: []string{"北京某某科技有限公司", "某部队", "=1+1"}[i%3]}
		if i >= 3 {
			subject.ID = fmt.Sprintf("X%02d", i)
		}
		f := rules.Finding{
			ID: rules.FindingID(spec.ID, subject), Rule: spec.ID, RuleVersion: spec.Version, Clauses: []string{spec.Clauses[0].ID}, Subject: subject,
			EnterpriseID: fmt.Sprintf("E%d", i%3+1), Province: []string{"11", "31", "44"}[i%3], Severity: []rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical}[i%4],
			Confidence: 0.9, State: states[i%len(states)], FirstSeen: day(7, 1+i%28), LastSeen: day(8, 1+i%28),
			Window: rules.Window{From: day(8, 1), To: day(8, 8)}, Completeness: 0.98, Title: spec.Title,
			Explanation: rules.Text{ZH: "该单位（" + subject.Name + "）的线路出现第三方流量。", EN: "Traffic of third parties on the line."},
			Facts:       rules.FactSet{"third_party_share": 0.31, "third_party_networks": []string{"203.0.113.128/25 far"}},
			Evidence:    []rules.Evidence{{Kind: "ledger_row", Title: subject.Name, Ref: "lines/" + subject.ID}},
		}
		switch i % 10 {
		case 8: // of the quarter before, still there
			f.FirstSeen = day(5, 1)
		case 9: // of the quarter before, over
			f.FirstSeen, f.LastSeen = day(5, 1), day(5, 20)
		}
		if f.State == rules.Confirmed || f.State == rules.Rectifying || f.State == rules.Rectified {
			due := day(10, 1)
			f.Case = &rules.Case{Assignee: "张三", Due: &due, ConfirmedBy: []string{"李四"}}
			if f.State == rules.Rectified {
				f.Case.Remedy = rules.LineStopped
			}
		}
		list = append(list, f)
	}
	return list
}

func input() *quarterly.Input {
	catalogue := rules.Catalogue()
	specs := make([]rules.Spec, len(catalogue))
	for i := range catalogue {
		specs[i] = catalogue[i].Spec
	}
	list := findings()
	events := make(map[string][]rules.Event)
	for i := range list {
		if list[i].Case != nil {
			events[list[i].ID] = []rules.Event{
				{Kind: "moved", From: rules.Reviewing, To: rules.Confirmed, At: day(9, 1)},
				{Kind: "moved", From: rules.Rectifying, To: rules.Rectified, At: day(9, 20)},
			}
		}
	}
	known := day(9, 30)
	return &quarterly.Input{
		Carrier: "示例电信", Quarter: q3, Location: shanghai, Language: "zh",
		Ledgers: registry.NewSnapshot(ledgers(), []uint32{64500}), Version: registry.Version{ID: "0d6c0000-0000-4000-8000-000000000001", Known: known},
		Catalogue: specs, Findings: list, Events: events, Log: rules.Link{Number: 180, Hash: strings.Repeat("ab", 32)},
		Exporters: []rules.ExporterBooks{{Exporter: netip.MustParseAddr("192.0.2.1"), Received: 1_000_000, Stored: 999_000, Missed: 5000, Minutes: 130_000}},
		Routers:   []rules.RouteCoverage{{Router: netip.MustParseAddr("192.0.2.254"), First: day(6, 1), Up: []rules.Window{{From: day(7, 1), To: day(9, 30)}}}},
		Privacy: report.Privacy{
			Mask: report.Mask{V4: 24, V6: 48}, Recipient: "某省通信管理局", Purpose: "季度自查报告", Expires: registry.NewDate(2027, 9, 30),
		},
	}
}

func makeReport(t *testing.T, in *quarterly.Input) map[string][]byte {
	t.Helper()
	files, err := quarterly.Make(in, key)
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("SAMPLE_REPORT"); dir != "" {
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, in.Language+"-"+name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files
}

// TestSameBytes makes the report twice from inputs that differ in order, and in
// what came later.
func TestSameBytes(t *testing.T) {
	for _, language := range quarterly.Languages() {
		in := input()
		in.Language = language
		first := makeReport(t, in)
		slices.Reverse(in.Findings)
		later := in.Findings[0] // of the next quarter: nothing here
		later.ID, later.FirstSeen, later.LastSeen = "later", day(10, 1), day(10, 2)
		in.Findings = append(in.Findings, later)
		again := makeReport(t, in)
		for name, content := range first {
			if !bytes.Equal(content, again[name]) {
				t.Errorf("%s: %s differs", language, name)
			}
		}
		want := []string{
			"coverage.csv", "findings.csv", "findings.json", "findings.xlsx", "manifest.json", "manifest.sig", "report.pdf", "user_files.csv",
		}
		if got := slices.Sorted(maps.Keys(first)); !slices.Equal(got, want) {
			t.Errorf("the files are %v", got)
		}
	}
}

// countsOf counts the states of a list of (state, first, last) the long way.
func countsOf(list []rules.Finding) (quarter, cumulative map[string]int) {
	w := q3.Window(shanghai)
	quarter, cumulative = make(map[string]int), make(map[string]int)
	for _, f := range list {
		cumulative["all"]++
		cumulative[f.Rule]++
		if f.FirstSeen.Before(w.To) && f.LastSeen.After(w.From) {
			quarter["all"]++
			quarter[string(f.State)]++
			quarter[f.Rule]++
		}
	}
	return quarter, cumulative
}

// TestFiguresAgree counts findings.json and holds CSV, workbook, manifest and
// the grids that the PDF file is set from to it.
func TestFiguresAgree(t *testing.T) {
	in := input()
	files := makeReport(t, in)
	var list []rules.Finding
	if err := json.Unmarshal(files["findings.json"], &list); err != nil {
		t.Fatal(err)
	}
	quarter, cumulative := countsOf(list)
	if quarter["all"] == 0 || quarter["all"] == cumulative["all"] {
		t.Fatalf("%d of %d: the sample does not tell the two apart", quarter["all"], cumulative["all"])
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(files["findings.csv"], []byte("\ufeff")))).ReadAll()
	if err != nil || len(rows)-1 != cumulative["all"] {
		t.Errorf("findings.csv has %d findings, findings.json %d (%v)", len(rows)-1, cumulative["all"], err)
	}
	var m quarterly.Manifest
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	c := m.Counts.Quarter
	if c.Indications != quarter["all"] || m.Counts.Cumulative.Indications != cumulative["all"] ||
		c.Pending != quarter["open"]+quarter["reviewing"] || c.Confirmed != quarter["confirmed"]+quarter["rectifying"] ||
		c.Rectified != quarter["rectified"] || c.Dismissed != quarter["dismissed"] || c.Ceased != quarter["ceased"] {
		t.Errorf("the manifest counts %+v, findings.json has %v", m.Counts, quarter)
	}
	book, err := excelize.OpenReader(bytes.NewReader(files["findings.xlsx"]))
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := book.GetRows("findings")
	if err != nil || len(sheet)-1 != cumulative["all"] {
		t.Errorf("the workbook has %d findings, findings.json %d (%v)", len(sheet)-1, cumulative["all"], err)
	}
	figures, err := book.GetRows("figures")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, r := range figures[1:] {
		if r[1] != "分规则情况" {
			continue
		}
		words := strings.Fields(r[2])
		rule := words[len(words)-1]
		if rule == "合计" {
			continue
		}
		seen++
		switch r[3] {
		case "本季线索":
			if r[4] != fmt.Sprint(quarter[rule]) {
				t.Errorf("the workbook says %s has %s in the quarter, findings.json has %d", rule, r[4], quarter[rule])
			}
		case "累计线索":
			if r[4] != fmt.Sprint(cumulative[rule]) {
				t.Errorf("the workbook says %s has %s to date, findings.json has %d", rule, r[4], cumulative[rule])
			}
		}
	}
	if seen == 0 {
		t.Error("the workbook has no figures by rule")
	}
}

// TestSectionsAddUp holds each total to the sum of its rows, and the eleven
// sections to their numbers.
func TestSectionsAddUp(t *testing.T) {
	sections := quarterly.SectionsOf(input())
	if len(sections) != 11 {
		t.Fatalf("%d sections", len(sections))
	}
	for i, s := range sections {
		if s.Number != i+1 {
			t.Errorf("section %d stands at place %d", s.Number, i+1)
		}
		for _, g := range s.Grids {
			if !g.Total {
				continue
			}
			last := g.Rows[len(g.Rows)-1]
			for c := 1; c < len(last); c++ {
				sum, figures := quarterly.SumOf(g, c)
				if lessees := strings.Contains(g.Columns[c].Head.EN, "Lessees"); figures && !lessees && sum != quarterly.ValueOf(last[c]) {
					t.Errorf("section %d, %s, %s: the rows make %v, the total says %v", s.Number, g.Title.EN, g.Columns[c].Head.EN, sum, quarterly.ValueOf(last[c]))
				}
			}
		}
	}
}

// TestMasked looks for what must not be shown in every file that is text, and
// finds it where the caller asked for it.
func TestMasked(t *testing.T) {
	in := input()
	secrets := []string{"203.0.113.128", "某部队", "张三", "李四"}
	look := func(files map[string][]byte) (found []string) {
		for name, content := range files {
			for _, s := range secrets {
				if bytes.Contains(content, []byte(s)) {
					found = append(found, name+": "+s)
				}
			}
		}
		return found
	}
	if found := look(makeReport(t, in)); len(found) > 0 {
		t.Errorf("a masked report shows %v", found)
	}
	in.Privacy.Unmasked, in.Privacy.Reason = true, "案件移送"
	files := makeReport(t, in)
	if found := look(files); len(found) < len(secrets) {
		t.Errorf("a report without masking shows only %v", found)
	}
	if !bytes.Contains(files["manifest.json"], []byte("案件移送")) {
		t.Error("the manifest does not say why nothing is masked")
	}
}

// TestVerify alters, removes and adds files, and takes another key.
func TestVerify(t *testing.T) {
	dir := fstest.MapFS{}
	for name, content := range makeReport(t, input()) {
		dir[name] = &fstest.MapFile{Data: content}
	}
	public, _ := key.Public().(ed25519.PublicKey)
	verdict := func(change func(fstest.MapFS), key ed25519.PublicKey) string {
		t.Helper()
		changed := maps.Clone(dir)
		change(changed)
		o, err := signed.Open(changed, key)
		if err != nil {
			return err.Error()
		}
		v, err := quarterly.Verify(o)
		if err != nil {
			return err.Error()
		}
		return strings.Join(v.Problems, "; ")
	}
	replace := func(name, old, with string) func(fstest.MapFS) {
		return func(d fstest.MapFS) {
			d[name] = &fstest.MapFile{Data: bytes.Replace(dir[name].Data, []byte(old), []byte(with), 1)}
		}
	}
	other := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	otherPublic, _ := other.Public().(ed25519.PublicKey)
	for _, c := range []struct {
		name   string
		change func(fstest.MapFS)
		key    ed25519.PublicKey
		want   string
	}{
		{"intact", func(fstest.MapFS) {}, public, ""},
		{"altered", replace("coverage.csv", "bj-edge-1", "bj-edge-2"), public, "coverage.csv was altered"},
		{"recounted", replace("findings.json", `"state": "open"`, `"state": "ceased"`), public, "findings.json was altered; findings.json has"},
		{"removed", func(d fstest.MapFS) { delete(d, "report.pdf") }, public, "report.pdf is missing"},
		{"added", func(d fstest.MapFS) { d["x.txt"] = &fstest.MapFile{} }, public, "x.txt was added"},
		{"manifest", replace("manifest.json", "示例电信", "别的电信"), public, "manifest.json was altered, or signed with another key"},
		{"unsigned", func(d fstest.MapFS) { delete(d, "manifest.sig") }, public, "manifest.sig is missing"},
		{"key", func(fstest.MapFS) {}, otherPublic, "was given to check it"},
		{"nothing", func(d fstest.MapFS) { delete(d, "manifest.json") }, public, "this is not a report"},
	} {
		got := verdict(c.change, c.key)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestParseQuarter(t *testing.T) {
	for _, bad := range []string{"", "2026", "2026Q0", "2026Q5", "2026q3", "26Q3", "2026Q3x", " 2026Q3", "2026-Q3", "1969Q4", "99999Q1", "-026Q1"} {
		if q, err := quarterly.ParseQuarter(bad); err == nil {
			t.Errorf("%q is read as %s", bad, q)
		}
	}
	q, err := quarterly.ParseQuarter("2026Q1")
	if err != nil || q.Before().String() != "2025Q4" {
		t.Fatalf("%v, before it %v", err, q.Before())
	}
	w := q.Window(shanghai)
	if !w.From.Equal(day(1, 1)) || !w.To.Equal(day(4, 1)) || q.Days().To.String() != "2026-03-31" {
		t.Errorf("2026Q1 is %v, its days %v", w, q.Days())
	}
}

// TestObserved tells a quarter about which nothing is known from one in which
// nothing was found.
func TestObserved(t *testing.T) {
	in := input()
	if !in.Observed() {
		t.Error("the sample is not observed")
	}
	in.Findings, in.Routers = nil, nil
	if !in.Observed() {
		t.Error("books alone do not count")
	}
	in.Exporters[0].Minutes = 0
	if in.Observed() {
		t.Error("nothing counts as observed")
	}
}

// TestDiffer makes a report again after its sources changed.
func TestDiffer(t *testing.T) {
	public, _ := key.Public().(ed25519.PublicKey)
	open := func(in *quarterly.Input) *signed.Opened {
		dir := fstest.MapFS{}
		for name, content := range makeReport(t, in) {
			dir[name] = &fstest.MapFile{Data: content}
		}
		o, err := signed.Open(dir, public)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	before := open(input())
	if lines, err := quarterly.Differ(before, open(input())); err != nil || len(lines) > 0 {
		t.Errorf("the same report differs in %q, %v", lines, err)
	}
	in := input()
	in.Version.ID, in.Log.Number, in.Catalogue[0].Version = "another", 181, "9"
	in.Findings[0].State = rules.Dismissed
	in.Findings[1].Confidence = 0.1
	in.Findings = in.Findings[:len(in.Findings)-1]
	lines, err := quarterly.Differ(before, open(in))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(lines, "\n")
	for _, want := range []string{
		"ledgers: 0d6c", "last event of the log: 180, then 181", "version of rule " + in.Catalogue[0].ID + ": 1, then 9", "indications to date: 60, then 59",
		"report.pdf is another file", in.Findings[0].Subject.ID + ") was open, then dismissed", in.Findings[1].Subject.ID + ") has other figures", "is gone",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
