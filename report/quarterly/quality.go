package quarterly

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// coverage is one row of coverage.csv: what was observed, and how much of it.
type coverage struct {
	kind, id, name, province string
	expected, observed       uint64 // minutes
	books                    *rules.ExporterBooks
	sampling                 uint64 // of the ledger
	seen                     bool
	note                     rules.Text
}

var coverageColumns = []string{
	"kind", "id", "name", "province", "observed", "expected_minutes", "observed_minutes", "records_received", "records_stored",
	"records_missed", "silent_minutes", "completeness", "ledger_sampling", "note_zh", "note_en",
}

// minutes is how many minutes the quarter has.
func (m *maker) minutes() uint64 { return uint64(m.window.To.Sub(m.window.From) / time.Minute) }

// coverages lists exporters, routers, and lines that no exporter sees.
func (m *maker) coverages() []coverage {
	return append(append(m.exporterCoverage(), m.routerCoverage()...), m.unseenLines()...)
}

func (m *maker) exporterCoverage() []coverage {
	var out []coverage
	known := make(map[string]bool)
	add := func(c coverage) {
		for i := range m.in.Exporters {
			if b := &m.in.Exporters[i]; b.Exporter.Unmap().String() == c.id {
				c.books, c.observed, c.seen = b, min(b.Minutes, c.expected), b.Minutes > 0
			}
		}
		if !c.seen {
			c.note = rules.Text{ZH: "本季从未收到数据：其上线路的流量未被观测", EN: "never heard in the quarter: the traffic of its lines was not observed"}
		}
		known[c.id] = true
		out = append(out, c)
	}
	for _, e := range m.in.Ledgers.Ledgers().Exporters {
		if id := e.Address.Unmap().String(); !known[id] {
			add(coverage{kind: "exporter", id: id, name: e.Name, province: e.Place.Province(), expected: m.minutes(), sampling: e.Sampling})
		}
	}
	for _, b := range m.in.Exporters {
		if id := b.Exporter.Unmap().String(); !known[id] {
			add(coverage{kind: "exporter", id: id, expected: m.minutes(), note: rules.Text{ZH: "不在台账中", EN: "not in the ledgers"}})
		}
	}
	slices.SortStableFunc(out, func(a, b coverage) int { return strings.Compare(a.id, b.id) })
	return out
}

func (m *maker) routerCoverage() []coverage {
	var out []coverage
	for _, r := range m.in.Routers {
		c := coverage{kind: "router", id: r.Router.Unmap().String(), expected: m.minutes()}
		var up time.Duration
		for _, w := range r.Up {
			up += w.To.Sub(w.From)
		}
		c.observed, c.seen = uint64(up/time.Minute), len(r.Up) > 0
		if !c.seen {
			c.note = rules.Text{ZH: "本季没有会话：路由未被观测", EN: "no session in the quarter: its routes were not observed"}
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b coverage) int { return strings.Compare(a.id, b.id) })
	return out
}

// unseenLines are lines in force that end at no interface of the ledgers.
func (m *maker) unseenLines() []coverage {
	seen := make(map[string]bool)
	for _, i := range m.in.Ledgers.Ledgers().Interfaces {
		seen[i.LineID] = true
	}
	var out []coverage
	for _, l := range m.linesIn(m.days) {
		if seen[l.ID] {
			continue
		}
		out = append(out, coverage{
			kind: "line", id: l.ID, name: m.nameOf[l.EnterpriseID], province: l.APlace.Province(), expected: m.minutes(),
			note: rules.Text{ZH: "台账未登记接口：流量未被观测，仅作台账核查", EN: "no interface in the ledgers: its traffic was not observed, only the ledgers were checked"},
		})
	}
	return out
}

func (c *coverage) cells() []string {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	row := []string{c.kind, c.id, c.name, c.province, yesNo(triOf(c.seen)), number(c.expected), number(c.observed), "", "", "", "", "", "", c.note.ZH, c.note.EN}
	if c.books != nil {
		row[7], row[8], row[9] = number(c.books.Received), number(c.books.Stored), number(c.books.Missed)
		row[10] = number(c.books.Silent)
		row[11] = strconv.FormatFloat(c.books.Completeness(), 'f', 4, 64)
	}
	if c.sampling != 0 {
		row[12] = number(c.sampling)
	}
	return row
}

// limits say what no data here can show.
var limits = []rules.Text{
	{
		ZH: "不观测通信内容：只有流记录的包头字段与计量、BGP 路由和台账；采样数据为估计值，逐条误差见各线索的证据包。",
		EN: "Content is never observed: there are flow records (header fields and counters), BGP routes and ledgers. Sampled figures are estimates; their error stands in the evidence package of each indication.",
	},
	{
		ZH: "用户地址池不逐址分析；光纤、机房等线下情况以及合同、收费情况不在观测范围内。",
		EN: "Subscriber pools are not analysed address by address. Fibre, premises, contracts and charges are outside what is observed.",
	},
	{
		ZH: "数据不足（样本少、完整率低、采样率未知）时规则不作判断，因此没有线索不等于没有问题。",
		EN: "Where data did not suffice (few samples, low completeness, unknown sampling) a rule does not judge: no indication does not mean no problem.",
	},
}

// quality is section 11.
func (m *maker) quality() Section {
	s := Section{Number: 11, Title: rules.Text{ZH: "数据质量与观测范围", EN: "Data quality, and what was observed"}, Notes: limits}
	if m.in.Unfinished {
		s.Notes = append(slices.Clone(limits), rules.Text{
			ZH: "季度未结束：时间覆盖仍按全季分钟数计算。",
			EN: "The quarter is not over: the time covered is still a share of all its minutes.",
		})
	}
	flow := Grid{Title: rules.Text{ZH: "流量采集", EN: "Flow collection"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "采集点", EN: "Exporter"}, Weight: 28},
		{Head: rules.Text{ZH: "省", EN: "Province"}, Weight: 12},
		{Head: rules.Text{ZH: "有数据\n分钟", EN: "Minutes\nheard"}, Weight: 14, Number: true},
		{Head: rules.Text{ZH: "时间\n覆盖", EN: "Time\ncovered"}, Weight: 13, Number: true},
		{Head: rules.Text{ZH: "静默\n分钟", EN: "Minutes\nsilent"}, Weight: 13, Number: true},
		{Head: rules.Text{ZH: "收到记录", EN: "Received"}, Weight: 17, Number: true},
		{Head: rules.Text{ZH: "入库", EN: "Stored"}, Weight: 17, Number: true},
		{Head: rules.Text{ZH: "序号缺失", EN: "Missed"}, Weight: 13, Number: true},
		{Head: rules.Text{ZH: "完整率", EN: "Comp-\nlete"}, Weight: 12, Number: true},
		{Head: rules.Text{ZH: "台账\n采样", EN: "Samp-\nling"}, Weight: 12, Number: true},
	}}
	routes := Grid{Title: rules.Text{ZH: "路由采集", EN: "Route collection"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "路由器", EN: "Router"}, Weight: 40},
		{Head: rules.Text{ZH: "会话在线的分钟", EN: "Minutes up"}, Weight: 30, Number: true},
		{Head: rules.Text{ZH: "时间覆盖", EN: "Time covered"}, Weight: 30, Number: true},
	}}
	var lines, silent int
	for _, c := range m.coverages() {
		switch c.kind {
		case "exporter":
			silent += one(!c.seen)
			flow.Rows = append(flow.Rows, c.flowCells())
		case "router":
			routes.Rows = append(routes.Rows, []Cell{same(c.id), count(c.observed), share(c.observed, c.expected)})
		case "line":
			lines++
		}
	}
	s.Grids = append(s.Grids, m.unobserved(len(flow.Rows), silent, len(routes.Rows), lines))
	for _, g := range []Grid{flow, routes} {
		if len(g.Rows) > 0 {
			s.Grids = append(s.Grids, g)
		}
	}
	if g := m.precision(); len(g.Rows) > 0 {
		s.Notes = append(slices.Clone(s.Notes), rules.Text{
			ZH: "查准率是历次人工裁定中确认的占比（95% 区间按 Wilson 法），说明规则以往有多准；置信度是单条线索的判定把握，二者不同。",
			EN: "Precision is the share that people confirmed of all they decided about (95 % interval by Wilson): how right a rule has been. The confidence of an indication is another figure.",
		})
		s.Grids = append(s.Grids, g)
	}
	s.Grids = append(s.Grids, m.sources())
	return s
}

func (c *coverage) flowCells() []Cell {
	name := c.id
	if c.name != "" {
		name = c.name + "\n" + c.id
	}
	cells := []Cell{same(name), text(report.ProvinceName(c.province)), count(c.observed), share(c.observed, c.expected), same("–"), same("–"), same("–"), same("–"), same("–"), same("–")}
	if c.books != nil {
		b := c.books
		cells[4], cells[5], cells[6], cells[7] = count(b.Silent), count(b.Received), count(b.Stored), count(b.Missed)
		cells[8] = Cell{value: b.Completeness(), form: asShare}
	}
	if c.sampling != 0 {
		cells[9] = same("1:" + strconv.FormatUint(c.sampling, 10))
	}
	return cells
}

// unobserved says how much was not observed.
func (m *maker) unobserved(exporters, silent, routers, lines int) Grid {
	row := func(zh, en string, n int) []Cell { return []Cell{text(rules.Text{ZH: zh, EN: en}), count(n)} }
	return Grid{Title: rules.Text{ZH: "观测范围", EN: "What was and was not observed"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "项目", EN: "Item"}, Weight: 70}, {Head: rules.Text{ZH: "数量", EN: "Number"}, Weight: 30, Number: true},
	}, Rows: [][]Cell{
		row("采集点", "Exporters", exporters),
		row("其中：本季从未收到数据", "of these never heard in the quarter", silent),
		row("曾上报路由的路由器", "Routers that ever told routes", routers),
		row("在册线路", "Lines in force", len(m.linesIn(m.days))),
		row("其中：未登记接口、流量未观测", "of these without an interface, traffic not observed", lines),
	}}
}

// sources are the versions of what the report was made from.
func (m *maker) sources() Grid {
	row := func(zh, en, v string) []Cell { return []Cell{text(rules.Text{ZH: zh, EN: en}), same(v)} }
	known := "–"
	if m.in.Version.ID != "" {
		known = m.in.Version.Known.In(m.in.Location).Format(time.RFC3339)
	}
	return Grid{Title: rules.Text{ZH: "数据来源版本", EN: "Versions of the sources"}, Columns: []GridColumn{
		{Head: rules.Text{ZH: "来源", EN: "Source"}, Weight: 32}, {Head: rules.Text{ZH: "版本", EN: "Version"}, Weight: 68},
	}, Rows: [][]Cell{
		row("台账（导入编号）", "Ledgers (import)", m.in.Version.ID),
		row("台账知悉时间", "Ledgers known since", known),
		row("线索日志（末条序号与散列）", "Log of findings (last event)", fmt.Sprintf("%d %s", m.in.Log.Number, m.in.Log.Hash)),
		row("规则数", "Rules", strconv.Itoa(len(m.in.Catalogue))),
	}}
}
