package reconciliation

import (
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// Kind tells the manifest of a reconciliation from others.
const Kind = "reconciliation"

// format is the version of the layout.
const format = 1

// Input is what a reconciliation is made from.
type Input struct {
	Carrier  string
	Location *time.Location
	// Findings are all that may have results; those of other rules are passed
	// over.
	Findings []rules.Finding
	// Settled includes cases that were rectified, dismissed or have ceased.
	Settled bool
	// Ledgers tell whose names may not be shown.
	Ledgers *registry.Snapshot
	Version registry.Version
	// Log is the last event of the log of findings.
	Log     rules.Link
	Privacy report.Privacy
}

// Manifest is what is signed.
type Manifest struct {
	signed.Common
	Carrier  string `json:"carrier"`
	TimeZone string `json:"time_zone"`
	Settled  bool   `json:"settled_included"`
	// Counts are the rows by official name; a name without a row is there with 0.
	Counts  map[string]int `json:"counts"`
	Ledgers string         `json:"ledgers_version"`
	Log     rules.Link     `json:"log"`
	report.Handling
	Note rules.Text `json:"note"`
}

// note says what a reconciliation is not.
func note() rules.Text {
	return rules.Text{
		ZH: "本表按备案系统的结果名称列出疑似线索，供人工核查，不是主管部门的核查结果。",
		EN: "These are indications for a person to review, under the names of the filing systems; they are no results of the authority.",
	}
}

// Make returns the files by name, the manifest and its signature among them.
func Make(in *Input, key ed25519.PrivateKey) (map[string][]byte, error) {
	rows := in.rows()
	files := make(map[string][]byte)
	var b bytes.Buffer
	if err := report.WriteJSON(&b, rows); err != nil {
		return nil, fmt.Errorf("make the reconciliation: %w", err)
	}
	files["reconciliation.json"] = b.Bytes()
	var err error
	if files["reconciliation.csv"], err = in.csv(rows); err != nil {
		return nil, fmt.Errorf("make the reconciliation: %w", err)
	}
	if files["reconciliation.xlsx"], err = in.workbook(rows); err != nil {
		return nil, fmt.Errorf("make the reconciliation: %w", err)
	}
	return files, signed.Seal(files, in.manifest(files, rows, key), key)
}

func (in *Input) rows() []Row {
	list := slices.DeleteFunc(slices.Clone(in.Findings), func(f rules.Finding) bool {
		switch f.State {
		case rules.Rectified, rules.Dismissed, rules.Ceased:
			return !in.Settled
		case rules.Open, rules.Reviewing, rules.Confirmed, rules.Rectifying:
		}
		return false
	})
	return rowsOf(in.Privacy.Findings(list, in.Privacy.Veil(in.Ledgers)))
}

func (in *Input) manifest(files map[string][]byte, rows []Row, key ed25519.PrivateKey) Manifest {
	m := Manifest{
		Common: signed.List(Kind, format, files, key), Carrier: in.Carrier, TimeZone: in.Location.String(), Settled: in.Settled,
		Counts: countsOf(rows), Ledgers: in.Version.ID, Log: in.Log, Handling: in.Privacy.Handling(), Note: note(),
	}
	return m
}

func countsOf(rows []Row) map[string]int {
	counts := make(map[string]int)
	for _, n := range names {
		counts[n.ZH] = 0
	}
	for i := range rows {
		counts[rows[i].Name]++
	}
	return counts
}

// columns are the names of the JSON fields, and widths those of the workbook.
var (
	columns = []string{
		"name", "code", "kind", "first_address", "last_address", "first_number", "last_number", "other_first_address", "other_last_address", "other_unit",
		"domain", "address", "filing_no", "providers", "unit", "unit_name", "province", "finding", "rule", "state", "severity", "first_seen", "last_seen", "completeness", "note",
	}
	widths = []float64{8, 9, 6, 18, 18, 12, 12, 18, 18, 22, 26, 18, 24, 20, 14, 26, 9, 18, 20, 11, 10, 17, 17, 12, 80}
)

// cells are those of a row, in the order of columns, as a workbook holds them.
func (r *Row) cells(loc *time.Location) []any {
	whole := func(s string) any {
		if n, err := strconv.ParseUint(s, 10, 32); err == nil {
			return n
		}
		return s
	}
	return []any{
		r.Name, r.Code, r.Kind, r.First, r.Last, whole(r.FirstNumber), whole(r.LastNumber), r.OtherFirst, r.OtherLast, r.OtherUnit,
		r.Domain, r.Address, r.Filings, r.Providers, r.Unit, r.UnitName, r.Province, r.Finding, r.Rule, string(r.State), r.Severity,
		r.FirstSeen.In(loc), r.LastSeen.In(loc), report.Share(r.Completeness), r.Note,
	}
}

func (in *Input) csv(rows []Row) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff") // spreadsheets take a file without it for the local code page
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(columns); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	for i := range rows {
		if err := w.Write(texts(rows[i].cells(in.Location))); err != nil {
			return nil, fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return b.Bytes(), nil
}

// texts writes cells as a CSV file has them.
func texts(cells []any) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		switch v := c.(type) {
		case string:
			out[i] = report.Inert(v)
		case uint64:
			out[i] = strconv.FormatUint(v, 10)
		case report.Share:
			out[i] = strconv.FormatFloat(float64(v), 'f', -1, 64)
		case time.Time:
			out[i] = v.Format(time.RFC3339)
		}
	}
	return out
}

// workbook has a sheet that says what it is, the counts by name and province,
// and one sheet for each name that has rows.
func (in *Input) workbook(rows []Row) ([]byte, error) {
	sheets := []report.Sheet{in.about(), in.summary(rows)}
	for _, n := range names {
		s := report.Sheet{Name: n.ZH, Columns: columns, Widths: widths}
		for i := range rows {
			if rows[i].Name == n.ZH {
				s.Rows = append(s.Rows, rows[i].cells(in.Location))
			}
		}
		if s.Rows != nil {
			sheets = append(sheets, s)
		}
	}
	var b bytes.Buffer
	err := report.WriteWorkbook(&b, sheets)
	return b.Bytes(), err
}

func (in *Input) about() report.Sheet {
	s := report.Sheet{Name: "about", Columns: []string{"项目 item", "内容 value"}, Widths: []float64{28, 90}, Rows: [][]any{
		{"报表 report", in.Carrier + " 备案核对结果 reconciliation with filings"},
	}}
	s.Rows = append(s.Rows, in.Privacy.Handling().Sheet()...)
	s.Rows = append(s.Rows, []any{"说明 note", note().ZH + " " + note().EN})
	return s
}

// summary counts the rows by official name and province.
func (in *Input) summary(rows []Row) report.Sheet {
	var provinces []string
	count := make(map[[2]string]int)
	for i := range rows {
		p := rows[i].Province
		count[[2]string{rows[i].Name, p}]++
		if !slices.Contains(provinces, p) {
			provinces = append(provinces, p)
		}
	}
	slices.Sort(provinces)
	s := report.Sheet{Name: "counts", Columns: []string{"name", "code", "meaning", "total"}, Widths: []float64{10, 10, 24, 8}}
	for _, p := range provinces {
		s.Columns = append(s.Columns, strings.TrimSpace(p+" "+report.ProvinceName(p).ZH))
	}
	totals := countsOf(rows)
	for _, n := range names {
		row := []any{n.ZH, n.Code, n.EN, totals[n.ZH]}
		for _, p := range provinces {
			row = append(row, count[[2]string{n.ZH, p}])
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}
