package quarterly

import (
	"fmt"
	"slices"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// Counts are how many findings there are, and where they stand. The last five
// add up to Indications.
type Counts struct {
	Indications int `json:"indications"`
	// New were first seen in the quarter.
	New int `json:"new"`
	// Pending are open or being reviewed.
	Pending int `json:"pending"`
	// Confirmed are confirmed by a person and not yet rectified.
	Confirmed int `json:"confirmed"`
	Rectified int `json:"rectified"`
	Dismissed int `json:"dismissed"`
	// Ceased are those whose signal is gone without anybody's decision.
	Ceased int `json:"ceased"`
}

func (c *Counts) add(f *rules.Finding, quarter rules.Window) {
	c.Indications++
	if !f.FirstSeen.Before(quarter.From) {
		c.New++
	}
	switch f.State {
	case rules.Open, rules.Reviewing:
		c.Pending++
	case rules.Confirmed, rules.Rectifying:
		c.Confirmed++
	case rules.Rectified:
		c.Rectified++
	case rules.Dismissed:
		c.Dismissed++
	case rules.Ceased:
		c.Ceased++
	}
}

// Tally counts one set of findings three times.
type Tally struct {
	// Quarter are those seen in the quarter.
	Quarter Counts `json:"quarter"`
	// Before is how many were seen in the quarter before.
	Before int `json:"quarter_before"`
	// Cumulative are those first seen before the end of the quarter.
	Cumulative Counts `json:"cumulative"`
}

// tally counts the findings that are selected.
func (m *maker) tally(selected func(f *rules.Finding) bool) Tally {
	var t Tally
	for i := range m.findings {
		f := &m.findings[i]
		if !selected(f) {
			continue
		}
		t.Cumulative.add(f, m.window)
		if seenIn(f, m.window) {
			t.Quarter.add(f, m.window)
		}
		if seenIn(f, m.before) {
			t.Before++
		}
	}
	return t
}

// countColumns are the columns of cells.
func countColumns(first rules.Text) []GridColumn {
	heads := []rules.Text{
		{ZH: "本季\n线索", EN: "Quarter"},
		{ZH: "其中\n新增", EN: "New"},
		{ZH: "待核查", EN: "Pending"},
		{ZH: "已确认", EN: "Con-\nfirmed"},
		{ZH: "已整改", EN: "Recti-\nfied"},
		{ZH: "已排除", EN: "Dis-\nmissed"},
		{ZH: "已消失", EN: "Ceased"},
		{ZH: "环比", EN: "Change"},
		{ZH: "累计\n线索", EN: "To\ndate"},
		{ZH: "累计\n整改", EN: "Recti-\nfied, to\ndate"},
	}
	columns := []GridColumn{{Head: first, Weight: 30}}
	for _, h := range heads {
		columns = append(columns, GridColumn{Head: h, Weight: 9, Number: true})
	}
	return columns
}

// cells are the figures of a tally, for countColumns.
func (m *maker) cells(t Tally, first Cell) []Cell {
	change := same("0")
	switch d := t.Quarter.Indications - t.Before; {
	case m.in.BeforeUnobserved && t.Before == 0:
		change = same("–") // nobody knows what there was
	case d != 0:
		change = same(fmt.Sprintf("%+d", d))
	}
	q := &t.Quarter
	return []Cell{
		first, count(q.Indications), count(q.New), count(q.Pending), count(q.Confirmed), count(q.Rectified), count(q.Dismissed), count(q.Ceased),
		change, count(t.Cumulative.Indications), count(t.Cumulative.Rectified),
	}
}

// provinceGrid splits the selected findings by province.
func (m *maker) provinceGrid(selected func(f *rules.Finding) bool) (Grid, bool) {
	var codes []string
	for i := range m.findings {
		if f := &m.findings[i]; selected(f) && !slices.Contains(codes, f.Province) {
			codes = append(codes, f.Province)
		}
	}
	slices.Sort(codes)
	g := Grid{Title: rules.Text{ZH: "分省情况", EN: "By province"}, Columns: countColumns(rules.Text{ZH: "省（区、市）", EN: "Province"}), Total: true}
	for _, code := range codes {
		t := m.tally(func(f *rules.Finding) bool { return f.Province == code && selected(f) })
		g.Rows = append(g.Rows, m.cells(t, text(report.ProvinceName(code))))
	}
	all := m.tally(selected)
	g.Rows = append(g.Rows, m.cells(all, total()))
	return g, len(codes) > 0
}

// total is the heading of the last row.
func total() Cell { return text(rules.Text{ZH: "合计", EN: "Total"}) }
