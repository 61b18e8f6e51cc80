package quarterly

import (
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// Make returns the files of the report by name, the manifest and its signature
// among them.
func Make(in *Input, key ed25519.PrivateKey) (map[string][]byte, error) {
	m := newMaker(in)
	sections := m.sections()
	files := make(map[string][]byte)
	for _, f := range []struct {
		name string
		make func() ([]byte, error)
	}{
		{"report.pdf", func() ([]byte, error) { return m.typeset(sections) }},
		{"findings.json", func() ([]byte, error) { return m.findingsAs("json") }},
		{"findings.csv", func() ([]byte, error) { return m.findingsAs("csv") }},
		{"findings.xlsx", func() ([]byte, error) { return m.workbook(sections) }},
		{"coverage.csv", func() ([]byte, error) { return encodeCSV(coverageColumns, m.coverageRows()) }},
		{"user_files.csv", func() ([]byte, error) { return encodeCSV(userFileColumns, m.userFileRows()) }},
	} {
		content, err := f.make()
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", f.name, err)
		}
		files[f.name] = content
	}
	return files, signed.Seal(files, m.manifest(files, key), key)
}

// findingsAs writes every finding first seen before the end of the quarter, so
// that all figures can be counted from the file.
func (m *maker) findingsAs(format string) ([]byte, error) {
	var b bytes.Buffer
	err := report.WriteExport(&b, format, m.findings, m.in.Location, new(m.in.Privacy.Handling()))
	return b.Bytes(), err
}

func (m *maker) coverageRows() [][]string {
	var rows [][]string
	for _, c := range m.coverages() {
		rows = append(rows, c.cells())
	}
	return rows
}

// topicGrid is the tally of each section about findings, and of all.
func (m *maker) topicGrid() Grid {
	g := Grid{Title: rules.Text{ZH: "各部分线索", EN: "Indications by section"}, Columns: countColumns(rules.Text{ZH: "部分", EN: "Section"}), Total: true}
	for i := range topics {
		t := &topics[i]
		tally := m.tally(func(f *rules.Finding) bool { return slices.Contains(t.rules, f.Rule) })
		g.Rows = append(g.Rows, m.cells(tally, text(rules.Text{ZH: numerals[t.number] + "、" + t.title.ZH, EN: fmt.Sprintf("%d %s", t.number, t.title.EN)})))
	}
	if own := m.tally(others); own.Cumulative.Indications > 0 {
		g.Rows = append(g.Rows, m.cells(own, text(rules.Text{ZH: "十、本企业自定规则", EN: "10 Rules of the carrier's own"})))
	}
	all := m.tally(func(*rules.Finding) bool { return true })
	g.Rows = append(g.Rows, m.cells(all, total()))
	return g
}

// workbook has all findings, every figure of the report, coverage and user
// files.
func (m *maker) workbook(sections []Section) ([]byte, error) {
	list, err := report.FindingsSheet(m.findings, m.in.Location)
	if err != nil {
		return nil, err
	}
	figures := report.Sheet{Name: "figures", Columns: []string{"section", "table", "item", "column", "value"}, Widths: []float64{8, 34, 46, 20, 20}}
	add := func(number int, g *Grid) {
		for _, cells := range g.Rows {
			for i := 1; i < len(cells); i++ {
				figures.Rows = append(figures.Rows, []any{
					number, pick(g.Title, m.in.Language), strings.ReplaceAll(cells[0].in(m.in.Language), "\n", " "),
					m.heading(g.Columns[i].Head), cells[i].typed(m.in.Language),
				})
			}
		}
	}
	overview := m.topicGrid()
	add(0, &overview)
	for i := range sections {
		for g := range sections[i].Grids {
			add(sections[i].Number, &sections[i].Grids[g])
		}
	}
	var b bytes.Buffer
	err = report.WriteWorkbook(&b, []report.Sheet{
		m.about(), figures, list, textSheet("coverage", coverageColumns, m.coverageRows()), textSheet("user_files", userFileColumns, m.userFileRows()),
	})
	return b.Bytes(), err
}

// heading writes a heading on one line: in the PDF file it may stand on two, and
// be hyphenated.
func (m *maker) heading(t rules.Text) string {
	blank := ""
	if m.in.Language == "en" {
		blank = " "
	}
	return strings.NewReplacer("-\n", "", "\n", blank).Replace(pick(t, m.in.Language))
}

// about says on the first sheet what the workbook is, and for whom.
func (m *maker) about() report.Sheet {
	t := &typesetter{m: m, language: m.in.Language}
	p := &m.in.Privacy
	return report.Sheet{Name: "about", Columns: []string{t.pick("项目", "item"), t.pick("内容", "value")}, Widths: []float64{24, 80}, Rows: [][]any{
		{t.pick("报告", "report"), t.title()},
		{t.pick("密级与脱敏", "class"), t.class()},
		{t.pick("未脱敏原因", "reason for not masking"), p.Reason},
		{t.pick("批准人", "unmasked by"), p.By},
		{t.pick("接收单位", "recipient"), p.Recipient},
		{t.pick("用途", "purpose"), p.Purpose},
		{t.pick("有效期至", "valid until"), p.Expires.String()},
		{t.pick("说明", "note"), pick(note(), m.in.Language)},
	}}
}

func textSheet(name string, columns []string, rows [][]string) report.Sheet {
	s := report.Sheet{Name: name, Columns: columns}
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, c := range row {
			cells[i] = typed(columns[i], c)
		}
		s.Rows = append(s.Rows, cells)
	}
	return s
}

func encodeCSV(columns []string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff") // spreadsheets take a file without it for the local code page
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	safe := make([][]string, 0, len(rows)+1)
	safe = append(safe, columns)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = report.Inert(c)
		}
		safe = append(safe, cells)
	}
	if err := w.WriteAll(safe); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return b.Bytes(), nil
}

// numeric are the columns of CSV files that hold numbers.
var numeric = []string{
	"bandwidth_mbps", "expected_minutes", "observed_minutes", "records_received", "records_stored", "records_missed",
	"silent_minutes", "completeness", "ledger_sampling",
}

// typed returns a cell as a workbook holds it: numbers as such.
func typed(column, cell string) any {
	if slices.Contains(numeric, column) {
		if v, err := strconv.ParseFloat(cell, 64); err == nil {
			return v
		}
	}
	return cell
}
