package quarterly

import (
	"fmt"

	"github.com/linewarden/linewarden/rules"
)

// precision says how often people confirmed what each rule found, for the rules
// that have found anything: a reader learns from it how far to trust an
// indication nobody has reviewed. It is of all quarters, for a quarter decides
// about few.
func (m *maker) precision() Grid {
	found := make(map[string]bool)
	for i := range m.findings {
		found[m.findings[i].Rule] = true
	}
	for _, a := range m.in.Adjudications {
		found[a.Rule] = true
	}
	g := Grid{Title: rules.Text{ZH: "规则查准率（历次人工裁定）", EN: "Precision of the rules, as adjudicated by people"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "规则", EN: "Rule"}, Weight: 46},
		{Head: rules.Text{ZH: "确认", EN: "Confirmed"}, Weight: 14, Number: true},
		{Head: rules.Text{ZH: "排除", EN: "Dismissed"}, Weight: 14, Number: true},
		{Head: rules.Text{ZH: "查准率", EN: "Precision"}, Weight: 16, Number: true},
		{Head: rules.Text{ZH: "95% 区间", EN: "95% interval"}, Weight: 24, Number: true},
	}}
	for i := range m.in.Catalogue {
		id := m.in.Catalogue[i].ID
		if !found[id] {
			continue
		}
		p := rules.PrecisionOf(m.in.Adjudications, id)
		row := []Cell{text(m.ruleTitle(id)), count(p.Confirmed), count(p.Dismissed)}
		if p.Share == nil {
			row = append(row, text(rules.Text{ZH: "尚无裁定", EN: "none yet"}), same("–"))
		} else {
			row = append(row, Cell{value: *p.Share, form: asShare}, same(fmt.Sprintf("%.1f%% – %.1f%%", *p.Low*100, *p.High*100)))
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}
