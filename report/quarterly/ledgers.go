package quarterly

import (
	"maps"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// serviceOf is the licence that a use needs (section "service codes" of the
// manual); other uses need none.
var serviceOf = map[string]string{"idc": "B11", "cdn": "B12", "ipvpn": "B13", "isp": "B14", "dns": "B26-1"}

// linesIn returns the last row of each line that was in force on some day of
// the span, in the order of their ids.
func (m *maker) linesIn(span registry.Validity) []*registry.Line {
	last := make(map[string]*registry.Line)
	rows := m.in.Ledgers.Ledgers().Lines
	for i := range rows {
		l := &rows[i]
		if !l.Valid.Overlaps(span) {
			continue
		}
		if old := last[l.ID]; old == nil || l.Valid.From >= old.Valid.From {
			last[l.ID] = l
		}
	}
	lines := make([]*registry.Line, 0, len(last))
	for _, l := range last {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b *registry.Line) int { return strings.Compare(a.ID, b.ID) })
	return lines
}

// lineFigures are the figures of lines.
type lineFigures struct {
	lines, international, lessees  int
	mbps                           float64
	opened, ended                  int
	licensable, licensed, reviewed int
}

func (m *maker) lineFigures(lines []*registry.Line, span registry.Validity) lineFigures {
	var f lineFigures
	lessees := make(map[string]bool)
	for _, l := range lines {
		f.lines++
		f.mbps += l.BandwidthMbps
		lessees[l.EnterpriseID] = l.EnterpriseID != ""
		if l.Valid.From != 0 && span.Contains(l.Valid.From) {
			f.opened++
		}
		if l.Valid.To != 0 && l.Valid.To < span.To {
			f.ended++
		}
		if l.Scope == "international" {
			f.international++
			if m.reviewedOn(l) != 0 {
				f.reviewed++
			}
		}
		if service := serviceOf[l.Use]; service != "" {
			f.licensable++
			if m.licensed(l.EnterpriseID, service) {
				f.licensed++
			}
		}
	}
	for _, known := range lessees {
		if known {
			f.lessees++
		}
	}
	return f
}

// licensed reports whether the enterprise held an active licence for the
// service on the last day of the quarter.
func (m *maker) licensed(enterprise, service string) bool {
	return slices.ContainsFunc(m.licencesOf[enterprise], func(l registry.Licence) bool {
		return l.Service == service && l.Status == "active" && l.Valid.Contains(m.days.To)
	})
}

// reviewedOn is the last day up to the end of the quarter on which the purpose
// of the line was reviewed; zero if never.
func (m *maker) reviewedOn(l *registry.Line) registry.Date {
	var last registry.Date
	for _, f := range m.in.Ledgers.At(m.days.To).UserFiles(l.ID) {
		if f.ReviewedOn <= m.days.To {
			last = max(last, f.ReviewedOn)
		}
	}
	return last
}

// lineResources is section 1.
func (m *maker) lineResources() Section {
	everSpan := registry.Validity{To: m.days.To}
	now, ever := m.linesIn(m.days), m.linesIn(everSpan)
	q, c := m.lineFigures(now, m.days), m.lineFigures(ever, everSpan)
	item := func(zh, en, unitZH, unitEN string, quarter, cumulative Cell) []Cell {
		return []Cell{text(rules.Text{ZH: zh, EN: en}), text(rules.Text{ZH: unitZH, EN: unitEN}), quarter, cumulative}
	}
	g := Grid{
		Title:   rules.Text{ZH: "线路与承租单位", EN: "Lines and lessees"},
		Columns: itemColumns(),
		Rows: [][]Cell{
			item("在册线路", "Lines", "条", "lines", count(q.lines), count(c.lines)),
			item("其中：国际专线", "of these international", "条", "lines", count(q.international), count(c.international)),
			item("新开线路", "Opened", "条", "lines", count(q.opened), same("–")),
			item("停用线路", "Ended", "条", "lines", count(q.ended), count(c.ended)),
			item("承租单位", "Lessees", "家", "parties", count(q.lessees), count(c.lessees)),
			item("签约带宽合计", "Contracted bandwidth", "Mbit/s", "Mbit/s", decimal(q.mbps), decimal(c.mbps)),
			item("用途需要许可的线路", "Lines whose use needs a licence", "条", "lines", count(q.licensable), count(c.licensable)),
			item("其中：许可已核实", "of these licence verified", "条", "lines", count(q.licensed), count(c.licensed)),
			item("许可核实率", "Licence verified", "%", "%", share(q.licensed, q.licensable), share(c.licensed, c.licensable)),
			item("国际专线用途已审查", "International lines with a reviewed purpose", "条", "lines", count(q.reviewed), count(c.reviewed)),
			item("用途审查率", "Purpose reviewed", "%", "%", share(q.reviewed, q.international), share(c.reviewed, c.international)),
		},
	}
	return Section{
		Number: 1, Title: rules.Text{ZH: "线路资源", EN: "Line resources"},
		Notes: []rules.Text{{
			ZH: "数据来自台账；本季列为季内任一日在册的线路，许可按季末当日核实。",
			EN: "From the ledgers. The quarter counts lines in force on any of its days; licences are those of its last day.",
		}},
		Grids: []Grid{g, m.linesByProvince(now)},
	}
}

// itemColumns are those of a list of figures.
func itemColumns() []GridColumn {
	return []GridColumn{
		{Head: rules.Text{ZH: "项目", EN: "Item"}, Weight: 46},
		{Head: rules.Text{ZH: "单位", EN: "Unit"}, Weight: 14},
		{Head: rules.Text{ZH: "本季", EN: "Quarter"}, Weight: 20, Number: true},
		{Head: rules.Text{ZH: "累计", EN: "To date"}, Weight: 20, Number: true},
	}
}

func (m *maker) linesByProvince(lines []*registry.Line) Grid {
	byCode := make(map[string][]*registry.Line)
	for _, l := range lines {
		code := l.APlace.Province()
		byCode[code] = append(byCode[code], l)
	}
	g := Grid{
		Title: rules.Text{ZH: "分省线路", EN: "Lines by province"}, Total: true,
		Columns: []GridColumn{
			{Head: rules.Text{ZH: "省（区、市）", EN: "Province"}, Weight: 28},
			{Head: rules.Text{ZH: "在册线路", EN: "Lines"}, Weight: 18, Number: true},
			{Head: rules.Text{ZH: "国际专线", EN: "International"}, Weight: 18, Number: true},
			{Head: rules.Text{ZH: "承租单位", EN: "Lessees"}, Weight: 18, Number: true},
			{Head: rules.Text{ZH: "带宽 Mbit/s", EN: "Mbit/s"}, Weight: 18, Number: true},
		},
	}
	row := func(first Cell, lines []*registry.Line) []Cell {
		f := m.lineFigures(lines, m.days)
		return []Cell{first, count(f.lines), count(f.international), count(f.lessees), decimal(f.mbps)}
	}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		g.Rows = append(g.Rows, row(text(report.ProvinceName(code)), byCode[code]))
	}
	g.Rows = append(g.Rows, row(total(), lines))
	return g
}

// licences counts the ledger of licences, below section 2.
func (m *maker) licences() Grid {
	var active, ended, revoked, everActive, everEnded, everRevoked int
	for _, l := range m.in.Ledgers.Ledgers().Licences {
		off := l.Status == "suspended" || l.Status == "revoked" || l.Status == "cancelled"
		switch {
		case l.Valid.From > m.days.To:
			continue
		case off:
			everRevoked++
			if l.Valid.Overlaps(m.days) {
				revoked++
			}
		case l.Valid.Contains(m.days.To):
			active++
		case l.Valid.To != 0 && l.Valid.To < m.days.To:
			everEnded++
			if m.days.Contains(l.Valid.To) {
				ended++
			}
		}
		everActive++
	}
	row := func(zh, en string, quarter, ever int) []Cell {
		return []Cell{text(rules.Text{ZH: zh, EN: en}), text(rules.Text{ZH: "项", EN: "rows"}), count(quarter), count(ever)}
	}
	return Grid{Title: rules.Text{ZH: "许可台账（按业务计）", EN: "Ledger of licences, by service"}, Columns: itemColumns(), Rows: [][]Cell{
		row("在册许可（本季列为季末有效）", "Licences (quarter: active on its last day)", active, everActive),
		row("本期到期", "Expired", ended, everEnded),
		row("暂停、吊销或注销", "Suspended, revoked or cancelled", revoked, everRevoked),
	}}
}

// badCredit counts parties of bad credit and what they got since, below section
// 8.
func (m *maker) badCredit() Grid {
	var parties, fresh, lines, linesEver int
	for _, e := range m.enterprises {
		if e.Credit != "bad" || e.CreditSince > m.days.To {
			continue
		}
		parties++
		if m.days.Contains(e.CreditSince) {
			fresh++
		}
		for _, l := range m.in.Ledgers.Ledgers().Lines {
			if l.EnterpriseID != e.ID || l.Valid.From == 0 || l.Valid.From <= e.CreditSince || l.Valid.From > m.days.To {
				continue
			}
			linesEver++
			if m.days.Contains(l.Valid.From) {
				lines++
			}
		}
	}
	return Grid{Title: rules.Text{ZH: "不良信用主体台账", EN: "Ledger of parties of bad credit"}, Columns: itemColumns(), Rows: [][]Cell{
		{text(rules.Text{ZH: "列入的主体", EN: "Parties listed"}), text(rules.Text{ZH: "家", EN: "parties"}), count(fresh), count(parties)},
		{text(rules.Text{ZH: "列入后新开的线路", EN: "Lines opened after the listing"}), text(rules.Text{ZH: "条", EN: "lines"}), count(lines), count(linesEver)},
	}}
}
