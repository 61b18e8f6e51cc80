package quarterly

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/pdf"
	"github.com/linewarden/linewarden/rules"
)

// numerals number the sections in Chinese.
var numerals = [...]string{"", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一"}

// typesetter writes the PDF file.
type typesetter struct {
	m        *maker
	doc      *pdf.Document
	language string
}

func (t *typesetter) pick(zh, en string) string {
	return pick(rules.Text{ZH: zh, EN: en}, t.language)
}

// typeset returns report.pdf.
func (m *maker) typeset(sections []Section) ([]byte, error) {
	in := m.in
	t := &typesetter{m: m, language: in.Language}
	title := t.title()
	language := "zh-CN"
	if in.Language == "en" {
		language = "en"
	}
	doc, err := pdf.New(pdf.Options{
		Title: title, Author: in.Carrier, Language: language, Created: m.window.To,
		Header: title, Class: t.class(), Watermark: in.Privacy.Handling().Watermark(in.Language),
		Footer: t.pick("本报告所列均为疑似线索，供人工核查，不构成认定。", "Everything listed is an indication for a person to review, never a verdict."),
		Page:   t.pick("第 %d 页 / 共 %s 页", "page %d of %s"),
	})
	if err != nil {
		return nil, fmt.Errorf("typeset the report: %w", err)
	}
	t.doc = doc
	t.front(title)
	t.summary()
	for i := range sections {
		t.section(&sections[i])
	}
	doc.Heading(1, pick(m.listing().Title, t.language))
	annex := m.listing()
	annex.Title = rules.Text{}
	if len(annex.Rows) == 0 {
		doc.Paragraph(t.pick("本季没有线索。", "There is no indication in the quarter."))
	}
	t.grid(annex)
	return doc.Bytes()
}

func (t *typesetter) title() string {
	name := t.m.in.Quarter.title()
	title := t.m.in.Carrier + " " + name.ZH + "自查报告"
	if t.language == "en" {
		title = t.m.in.Carrier + ": self-inspection report, " + name.EN
	}
	if t.m.in.Unfinished {
		title += t.pick("（季度未结束）", " (quarter not over)")
	}
	return title
}

func (t *typesetter) class() string {
	if t.m.in.Privacy.Unmasked {
		return t.pick("内部资料 · 未脱敏", "internal · not masked")
	}
	return t.pick("内部资料 · 已脱敏", "internal · masked")
}

// front writes what the report is about and for whom.
func (t *typesetter) front(title string) {
	in, p := t.m.in, &t.m.in.Privacy
	until := t.m.lastDay(t.m.window.To)
	below := t.pick("统计截至 "+until, "figures up to "+until)
	if in.Unfinished {
		last := t.m.lastSignal()
		below = t.pick("季度未结束；线索的最近信号："+last, "the quarter is not over; the last signal of an indication: "+last)
	}
	t.doc.Title(title, below)
	masking := t.pick(
		fmt.Sprintf("第三方网络截至 /%d（IPv4）与 /%d（IPv6），动态与个人地址、个人与限制类单位名称已脱敏", p.Mask.V4, p.Mask.V6),
		fmt.Sprintf("networks of third parties no finer than /%d and /%d; addresses and names of persons, and restricted bodies are masked", p.Mask.V4, p.Mask.V6))
	if p.Unmasked {
		masking = t.pick("未脱敏，原因："+p.Reason+"；批准人："+p.By, "not masked, because: "+p.Reason+"; by "+p.By)
	}
	known := "–"
	if in.Version.ID != "" {
		known = in.Version.Known.In(in.Location).Format(time.DateTime)
	}
	t.doc.Pairs([]pdf.Pair{
		{Name: t.pick("填报企业", "Carrier"), Value: in.Carrier},
		{Name: t.pick("报告期", "Period"), Value: fmt.Sprintf("%s  (%s – %s, %s)", in.Quarter, t.m.day(t.m.window.From), until, in.Location)},
		{Name: t.pick("接收单位", "Recipient"), Value: orNone(p.Recipient)},
		{Name: t.pick("用途", "Purpose"), Value: orNone(p.Purpose)},
		{Name: t.pick("有效期至", "Valid until"), Value: orNone(p.Expires.String())},
		{Name: t.pick("脱敏", "Masking"), Value: masking},
		{Name: t.pick("处理依据", "Legal basis"), Value: t.pick("工信部信管函〔2017〕32号第四部分（季度报送）；个人信息保护法第十三条（履行法定职责或者法定义务）", "MIIT notice 2017 No. 32, part 4 (quarterly report); PIPL article 13 (statutory duty)")},
		{Name: t.pick("台账版本", "Ledgers"), Value: known},
		{Name: t.pick("填报人／审核人", "Prepared / reviewed by"), Value: t.pick("________________ ／ ________________", "________________ / ________________")},
	})
	t.doc.Paragraph(t.pick(
		"本报告由流量采集、路由与台账核对自动生成。“本季线索”指信号在季内出现过的线索，“累计”指季末以前首次出现的全部线索；状态以报告生成时的案件记录为准。各规则经人工裁定的查准率、采集完整率与观测范围见第十一部分。各项数字与随附的 XLSX、CSV、JSON 文件同源，文件散列与签名见 manifest.json 与 manifest.sig。",
		"This report is made from flow collection, routes and ledgers. \"Quarter\" counts indications whose signal was there in the quarter, \"to date\" all that were first seen before its end; states are those of the cases when the report was made. How right each rule has been, and what was observed, stands in section 11. The figures are those of the XLSX, CSV and JSON files beside it, whose hashes and signature are in manifest.json and manifest.sig."))
}

// lastSignal is the day of the newest signal.
func (m *maker) lastSignal() string {
	var last time.Time
	for i := range m.findings {
		if at := m.findings[i].LastSeen; at.After(last) {
			last = at
		}
	}
	if last.IsZero() {
		return "–"
	}
	return m.lastDay(last)
}

func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// summary writes the totals and the charts.
func (t *typesetter) summary() {
	t.doc.Heading(1, t.pick("总体情况", "Summary"))
	all := func(*rules.Finding) bool { return true }
	tally := t.m.tally(all)
	before, beforeEN := fmt.Sprintf("上季 %d 条", tally.Before), fmt.Sprintf("The quarter before had %d", tally.Before)
	if t.m.in.BeforeUnobserved && tally.Before == 0 {
		before, beforeEN = "上季没有观测数据，不作环比", "Of the quarter before nothing was observed"
	}
	t.doc.Paragraph(t.pick(
		fmt.Sprintf("本季共有疑似线索 %d 条，其中新增 %d 条；待核查 %d 条，已确认待整改 %d 条，已整改 %d 条，已排除 %d 条，信号已消失 %d 条。%s，累计 %d 条。",
			tally.Quarter.Indications, tally.Quarter.New, tally.Quarter.Pending, tally.Quarter.Confirmed, tally.Quarter.Rectified, tally.Quarter.Dismissed, tally.Quarter.Ceased, before, tally.Cumulative.Indications),
		fmt.Sprintf("There are %d indications in the quarter, %d of them new: %d pending, %d confirmed and to be rectified, %d rectified, %d dismissed, %d ceased. %s; there are %d to date.",
			tally.Quarter.Indications, tally.Quarter.New, tally.Quarter.Pending, tally.Quarter.Confirmed, tally.Quarter.Rectified, tally.Quarter.Dismissed, tally.Quarter.Ceased, beforeEN, tally.Cumulative.Indications)))
	t.grid(t.m.topicGrid())
	series := []string{
		t.pick("待核查", "pending"), t.pick("已确认", "confirmed"), t.pick("已整改", "rectified"), t.pick("已排除", "dismissed"), t.pick("已消失", "ceased"),
	}
	t.doc.Bars(pdf.Bars{Title: t.pick("本季线索：按省与状态", "Indications of the quarter, by province and state"), Series: series, Bars: t.provinceBars()})
}

func (t *typesetter) provinceBars() []pdf.Bar {
	byCode := make(map[string]*Counts)
	for i := range t.m.findings {
		f := &t.m.findings[i]
		if !seenIn(f, t.m.window) {
			continue
		}
		if byCode[f.Province] == nil {
			byCode[f.Province] = &Counts{}
		}
		byCode[f.Province].add(f, t.m.window)
	}
	var bars []pdf.Bar
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		c := byCode[code]
		bars = append(bars, pdf.Bar{Name: pick(report.ProvinceName(code), t.language), Parts: []int{c.Pending, c.Confirmed, c.Rectified, c.Dismissed, c.Ceased}})
	}
	return bars
}

func (t *typesetter) section(s *Section) {
	heading := fmt.Sprintf("%d  %s", s.Number, s.Title.EN)
	if t.language != "en" {
		heading = numerals[s.Number] + "、" + s.Title.ZH
	}
	t.doc.Heading(1, heading)
	for _, n := range s.Notes {
		t.doc.Paragraph(pick(n, t.language))
	}
	for _, g := range s.Grids {
		t.grid(g)
	}
}

func (t *typesetter) grid(g Grid) {
	shown, more := clip(g)
	if g.Title.ZH != "" && len(g.Rows) > 0 {
		t.doc.Heading(2, pick(g.Title, t.language))
	}
	table := pdf.Table{Total: g.Total}
	for _, c := range g.Columns {
		table.Columns = append(table.Columns, pdf.Column{Head: pick(c.Head, t.language), Weight: c.Weight, Right: c.Number})
	}
	for _, cells := range shown.Rows {
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = c.in(t.language)
		}
		table.Rows = append(table.Rows, row)
	}
	t.doc.Table(table)
	if more.ZH != "" {
		t.doc.Note(pick(more, t.language))
	}
}
