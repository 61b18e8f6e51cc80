package quarterly

import (
	"fmt"
	"slices"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// maxListed is how many findings one list of the PDF file has; the workbook,
// CSV and JSON always have all of them.
const maxListed = 500

// subject names what a finding is about.
func subject(f *rules.Finding, between string) Cell {
	kind := report.NameOf(report.SubjectNames, string(f.Subject.Kind))
	return text(rules.Text{ZH: kind.ZH + between + f.Subject.ID, EN: kind.EN + between + f.Subject.ID})
}

// with puts a text before and after that of a cell.
func with(c Cell, before, after string) Cell {
	return text(rules.Text{ZH: before + c.text.ZH + after, EN: before + c.text.EN + after})
}

// worked reports whether a person confirmed the finding.
func worked(f *rules.Finding) bool {
	return f.State == rules.Confirmed || f.State == rules.Rectifying || f.State == rules.Rectified
}

// entered is when the finding last entered the state by a person's move; zero
// if its history does not say.
func (m *maker) entered(f *rules.Finding, s rules.State) time.Time {
	var at time.Time
	for _, e := range m.in.Events[f.ID] {
		if e.To == s && e.From != s && e.Kind == "moved" {
			at = e.At
		}
	}
	return at
}

// day writes the day of an instant in the carrier's time zone.
func (m *maker) day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(m.in.Location).Format(time.DateOnly)
}

// lastDay writes the last day of a span that ends at t.
func (m *maker) lastDay(t time.Time) string { return m.day(t.Add(-time.Nanosecond)) }

// rectification is section 9.
func (m *maker) rectification() Section {
	s := Section{Number: 9, Title: rules.Text{ZH: "整改台账", EN: "Rectification ledger"}}
	list := Grid{Title: rules.Text{ZH: "逐项情况", EN: "Item by item"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "规则、对象与编号", EN: "Rule, subject, ID"}, Weight: 42},
		{Head: rules.Text{ZH: "省", EN: "Province"}, Weight: 12},
		{Head: rules.Text{ZH: "状态", EN: "State"}, Weight: 12},
		{Head: rules.Text{ZH: "责任人", EN: "Owner"}, Weight: 12},
		{Head: rules.Text{ZH: "确认", EN: "Confirmed"}, Weight: 15},
		{Head: rules.Text{ZH: "期限", EN: "Due"}, Weight: 15},
		{Head: rules.Text{ZH: "完成", EN: "Done"}, Weight: 15},
		{Head: rules.Text{ZH: "方式", EN: "Remedy"}, Weight: 15},
	}}
	var confirmed, overdue, done int
	for i := range m.findings {
		f := &m.findings[i]
		if !worked(f) {
			continue
		}
		confirmed++
		c := f.Case
		if c == nil {
			c = &rules.Case{}
		}
		due, finished := "", ""
		if c.Due != nil {
			due = m.lastDay(*c.Due)
		}
		if f.State == rules.Rectified {
			done++
			finished = m.day(m.entered(f, rules.Rectified))
		} else if c.Due != nil && !c.Due.After(m.window.To) {
			overdue++
		}
		list.Rows = append(list.Rows, []Cell{
			with(subject(f, " "), f.Rule+"\n", "\n"+f.ID), text(report.ProvinceName(f.Province)), text(report.StateName(f.State)),
			same(c.Assignee), same(m.day(m.entered(f, rules.Confirmed))), same(due), same(finished), text(report.RemedyName(c.Remedy)),
		})
	}
	row := func(zh, en string, n int) []Cell { return []Cell{text(rules.Text{ZH: zh, EN: en}), count(n)} }
	s.Grids = append(s.Grids, Grid{
		Title: rules.Text{ZH: "概况（累计）", EN: "Summary, to date"},
		Columns: []GridColumn{
			{Head: rules.Text{ZH: "项目", EN: "Item"}, Weight: 70}, {Head: rules.Text{ZH: "数量", EN: "Number"}, Weight: 30, Number: true},
		},
		Rows: [][]Cell{
			row("经人工确认的线索", "Indications confirmed by a person", confirmed),
			row("其中：已完成整改", "of these rectified", done),
			row("其中：整改中或待整改", "of these still to be rectified", confirmed-done),
			row("其中：期限不晚于季末而未完成", "of these due by the end of the quarter and not done", overdue),
		},
	})
	if len(list.Rows) > 0 {
		s.Grids = append(s.Grids, list)
	} else {
		s.Notes = append(s.Notes, rules.Text{ZH: "尚无经人工确认的线索。", EN: "No indication has been confirmed by a person."})
	}
	return s
}

// major is section 10: critical findings, and those of rules that no other
// section has.
func (m *maker) major() Section {
	s := Section{Number: 10, Title: rules.Text{ZH: "重大问题", EN: "Major problems"}}
	critical := func(f *rules.Finding) bool {
		return f.Severity == rules.Critical && f.State != rules.Dismissed && seenIn(f, m.window)
	}
	list := Grid{Title: rules.Text{ZH: "重大线索", EN: "Critical indications"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "对象与编号", EN: "Subject, ID"}, Weight: 34},
		{Head: rules.Text{ZH: "省", EN: "Province"}, Weight: 12},
		{Head: rules.Text{ZH: "状态", EN: "State"}, Weight: 12},
		{Head: rules.Text{ZH: "情况（疑似线索，待核查）", EN: "What was seen (an indication, to be reviewed)"}, Weight: 62},
	}}
	urgent := m.byUrgency()
	for i := range urgent {
		if f := &urgent[i]; critical(f) {
			list.Rows = append(list.Rows, []Cell{
				with(subject(f, " "), "", "\n"+f.Subject.Name+"\n"+f.ID), text(report.ProvinceName(f.Province)), text(report.StateName(f.State)),
				text(rules.Text{ZH: f.Title.ZH + "：" + f.Explanation.ZH, EN: f.Title.EN + ": " + f.Explanation.EN}),
			})
		}
	}
	if len(list.Rows) > 0 {
		s.Grids = append(s.Grids, list)
	} else {
		s.Notes = append(s.Notes, rules.Text{ZH: "本季没有重大级别的线索。", EN: "There is no critical indication in the quarter."})
	}
	var ids []string
	for i := range m.findings {
		if f := &m.findings[i]; others(f) && !slices.Contains(ids, f.Rule) {
			ids = append(ids, f.Rule)
		}
	}
	if len(ids) == 0 {
		return s
	}
	slices.Sort(ids)
	g := Grid{Title: rules.Text{ZH: "本企业自定规则", EN: "Rules of the carrier's own"}, Columns: countColumns(rules.Text{ZH: "规则", EN: "Rule"}), Total: true}
	for _, id := range ids {
		t := m.tally(func(f *rules.Finding) bool { return f.Rule == id })
		g.Rows = append(g.Rows, m.cells(t, text(m.ruleTitle(id))))
	}
	t := m.tally(others)
	g.Rows = append(g.Rows, m.cells(t, total()))
	s.Grids = append(s.Grids, g)
	return s
}

// byUrgency are the findings in the order in which a reader wants them.
func (m *maker) byUrgency() []rules.Finding {
	list := slices.Clone(m.findings)
	report.ByUrgency(list)
	return list
}

// listing is the annex: every finding seen in the quarter.
func (m *maker) listing() Grid {
	g := Grid{Title: rules.Text{ZH: "附：本季线索清单", EN: "Annex: indications of the quarter"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "规则与编号", EN: "Rule, ID"}, Weight: 37},
		{Head: rules.Text{ZH: "对象", EN: "Subject"}, Weight: 34},
		{Head: rules.Text{ZH: "单位", EN: "Holder"}, Weight: 30},
		{Head: rules.Text{ZH: "省", EN: "Province"}, Weight: 13},
		{Head: rules.Text{ZH: "级别", EN: "Severity"}, Weight: 11},
		{Head: rules.Text{ZH: "状态", EN: "State"}, Weight: 13},
		{Head: rules.Text{ZH: "首次–最近", EN: "First–last"}, Weight: 19},
	}}
	urgent := m.byUrgency()
	for i := range urgent {
		f := &urgent[i]
		if !seenIn(f, m.window) {
			continue
		}
		g.Rows = append(g.Rows, []Cell{
			same(f.Rule + " v" + f.RuleVersion + "\n" + f.ID), subject(f, "\n"), same(f.Subject.Name),
			text(report.ProvinceName(f.Province)), text(report.SeverityName(f.Severity)), text(report.StateName(f.State)),
			same(m.day(f.FirstSeen) + "\n" + m.lastDay(f.LastSeen)),
		})
	}
	return g
}

// clip bounds a list of the PDF file, and says how much it left out.
func clip(g Grid) (Grid, rules.Text) {
	if len(g.Rows) <= maxListed {
		return g, rules.Text{}
	}
	more := len(g.Rows) - maxListed
	g.Rows = g.Rows[:maxListed]
	return g, rules.Text{
		ZH: fmt.Sprintf("另有 %d 项未在此列出，见 findings.xlsx 与 findings.csv。", more),
		EN: fmt.Sprintf("%d more are not listed here; see findings.xlsx and findings.csv.", more),
	}
}
