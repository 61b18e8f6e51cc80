package casefile

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/pdf"
	"github.com/linewarden/linewarden/rules"
)

// Languages are those a case file is written in.
func Languages() []string { return []string{"zh", "en"} }

// Name is the name of the file inside an evidence package.
func Name(language string) string { return "report." + language + ".pdf" }

// writer writes one case file.
type writer struct {
	m        *evidence.Material
	doc      *pdf.Document
	language string
	section  int
}

// sheet is what stands around the matter of a case file.
type sheet struct {
	title, class      rules.Text
	author, watermark string
	// front are the first lines, before the sections.
	front []pdf.Pair
	// alone is set where the file is no part of an evidence package.
	alone bool
}

// Pack writes an evidence package with its case file in each language.
func Pack(w io.Writer, m *evidence.Material, key ed25519.PrivateKey) error {
	packed := *m
	packed.Documents = make(map[string][]byte)
	maps.Copy(packed.Documents, m.Documents)
	for _, language := range Languages() {
		var err error
		if packed.Documents[Name(language)], err = Make(m, language); err != nil {
			return err
		}
	}
	return evidence.Write(w, &packed, key)
}

// Make returns the case file of an evidence package.
func Make(m *evidence.Material, language string) ([]byte, error) {
	h := &m.Handling
	class := rules.Text{ZH: "线索材料 · 供人工核查 · 未脱敏", EN: "lead material, for a person to review, not masked"}
	if h.Masked {
		class = rules.Text{ZH: "线索材料 · 供人工核查 · 已脱敏", EN: "lead material, for a person to review, masked"}
	}
	return typeset(m, language, &sheet{
		title: rules.Text{ZH: "疑似线索说明", EN: "Report of an indication"}, class: class, author: m.Carrier, watermark: h.Watermark(language),
		front: handled(m.Carrier, h, language, rules.Text{ZH: h.Basis, EN: h.Basis}),
	})
}

// handled are the lines that say whose a file is, who it is for and how it is to
// be handled.
func handled(carrier string, h *report.Handling, language string, basis rules.Text) []pdf.Pair {
	masking, maskingEN := "第三方网络、动态与个人地址、个人与限制类单位名称已脱敏", "networks of third parties, addresses and names of persons, and restricted bodies are masked"
	if !h.Masked {
		masking, maskingEN = "未脱敏，原因："+h.Reason+"；批准人："+none(h.By), "not masked, because: "+h.Reason+"; by "+none(h.By)
	}
	legal := basis.ZH
	if language == "en" {
		masking, legal = maskingEN, basis.EN
	}
	return []pdf.Pair{
		pair(language, "填报企业", "Carrier", carrier),
		pair(language, "接收单位", "Recipient", h.Recipient),
		pair(language, "用途", "Purpose", h.Purpose),
		pair(language, "有效期至", "Valid until", h.Expires),
		pair(language, "脱敏", "Masking", masking),
		pair(language, "处理依据", "Legal basis", legal),
	}
}

func pair(language, zh, en, value string) pdf.Pair {
	if language == "en" {
		zh = en
	}
	return pdf.Pair{Name: zh, Value: none(value)}
}

// none is what stands where nothing is.
func none(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func typeset(m *evidence.Material, language string, s *sheet) ([]byte, error) {
	w := &writer{m: m, language: language}
	f := &m.Finding
	title := w.pick(s.title)
	tag := "zh-CN"
	if language == "en" {
		tag = "en"
	}
	doc, err := pdf.New(pdf.Options{
		Title: title + " " + f.ID, Author: s.author, Language: tag, Created: f.Window.To,
		Header: title + "  " + f.ID, Class: w.pick(s.class), Watermark: s.watermark,
		Footer: w.text("本文件所述为疑似线索，不构成认定。", "What is said here is an indication, never a verdict."),
		Page:   w.text("第 %d 页 / 共 %s 页", "page %d of %s"),
	})
	if err != nil {
		return nil, fmt.Errorf("typeset the case file: %w", err)
	}
	w.doc = doc
	doc.Title(w.pick(f.Title), title+" · "+w.text("线索编号 ", "indication ")+f.ID)
	doc.Pairs(s.front)
	w.overview()
	w.explanation()
	w.measured()
	w.parameters()
	w.benign()
	w.tables()
	w.history()
	w.checking(s.alone)
	return doc.Bytes()
}

func (w *writer) text(zh, en string) string { return w.pick(rules.Text{ZH: zh, EN: en}) }

func (w *writer) pick(t rules.Text) string {
	if w.language == "en" {
		return t.EN
	}
	return t.ZH
}

// name is what something of a kind is called.
func (w *writer) name(kind, code string) string { return w.pick(report.NameOf(kind, code)) }

// heading numbers the sections.
func (w *writer) heading(zh, en string) {
	w.section++
	w.doc.Heading(1, strconv.Itoa(w.section)+"  "+w.text(zh, en))
}

func (w *writer) at(t time.Time) string {
	return t.In(w.m.Location).Format("2006-01-02 15:04:05 -07:00")
}

// share writes a number from 0 to 1.
func share(v float64) string { return strconv.FormatFloat(v*100, 'f', 1, 64) + "%" }

func (w *writer) overview() {
	f := &w.m.Finding
	w.heading("概况", "Overview")
	ledgers := "–"
	if f.Basis != nil && f.Basis.Ledgers.ID != "" {
		ledgers = f.Basis.Ledgers.ID + "\n" + w.at(f.Basis.Ledgers.Known)
	}
	w.doc.Pairs([]pdf.Pair{
		{Name: w.text("规则与版本", "Rule and version"), Value: f.Rule + "  v" + f.RuleVersion},
		{Name: w.text("涉及条款", "Clauses"), Value: strings.Join(f.Clauses, "  ")},
		{Name: w.text("对象", "Subject"), Value: strings.TrimSpace(w.name(report.SubjectNames, string(f.Subject.Kind)) + "  " + f.Subject.ID)},
		{Name: w.text("单位", "Holder"), Value: strings.TrimSpace(f.Subject.Name + "  " + f.EnterpriseID)},
		{Name: w.text("省级代码（GB/T 2260）", "Province (GB/T 2260)"), Value: strings.TrimSpace(f.Province + "  " + w.pick(report.ProvinceName(f.Province)))},
		{Name: w.text("级别", "Severity"), Value: w.pick(report.SeverityName(f.Severity))},
		{Name: w.text("置信度", "Confidence"), Value: share(f.Confidence)},
		{Name: w.text("数据完整率", "Completeness of the data"), Value: share(f.Completeness)},
		{Name: w.text("判定时段", "Window judged"), Value: w.at(f.Window.From) + " – " + w.at(f.Window.To)},
		{Name: w.text("信号首次／最近", "Signal first / last"), Value: w.at(f.FirstSeen) + " – " + w.at(f.LastSeen)},
		{Name: w.text("案件状态", "State of the case"), Value: w.pick(report.StateName(f.State))},
		{Name: w.text("台账版本", "Version of the ledgers"), Value: ledgers},
	})
}

func (w *writer) explanation() {
	w.heading("情况说明", "What was seen")
	w.doc.Paragraph(w.pick(w.m.Finding.Explanation))
	w.heading("规则的主张", "What the rule claims")
	w.doc.Paragraph(w.pick(w.m.Rule.Claim))
}

func (w *writer) measured() {
	w.heading("测得数据", "Figures measured")
	t := pdf.Table{Columns: []pdf.Column{{Head: w.text("名称", "Name"), Weight: 32}, {Head: w.text("字段", "Field"), Weight: 32}, {Head: w.text("数值", "Value"), Weight: 46}}}
	facts := w.m.Finding.Facts
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		t.Rows = append(t.Rows, []string{w.name(report.FigureNames, name), name, report.Grouped(report.FactText(facts[name]))})
	}
	w.doc.Table(t)
}

func (w *writer) parameters() {
	b := w.m.Finding.Basis
	if b == nil || len(b.Params) == 0 {
		return
	}
	w.heading("判定参数", "Parameters")
	t := pdf.Table{Columns: []pdf.Column{
		{Head: w.text("参数", "Parameter"), Weight: 30},
		{Head: w.text("取值", "Value"), Weight: 12, Right: true},
		{Head: w.text("默认", "Default"), Weight: 12, Right: true},
		{Head: w.text("单位", "Unit"), Weight: 14},
		{Head: w.text("含义", "Meaning"), Weight: 40},
	}}
	for _, p := range w.m.Rule.Params {
		if v, ok := b.Params[p.Name]; ok {
			scale := 1.0
			if strings.HasPrefix(p.Unit, "share") {
				scale = 100 // told in per cent
			}
			t.Rows = append(t.Rows, []string{p.Name, number(v * scale), number(p.Default * scale), w.name(report.UnitNames, p.Unit), w.pick(p.Meaning)})
		}
	}
	w.doc.Table(t)
}

// number writes a parameter; a product of two decimals may end in a crumb.
func number(v float64) string { return strconv.FormatFloat(math.Round(v*1e9)/1e9, 'g', -1, 64) }

func (w *writer) benign() {
	w.heading("检验过的正常解释", "Innocent explanations tested")
	tests := w.m.Finding.Benign
	if len(tests) == 0 {
		w.doc.Paragraph(w.text("该规则没有需要检验的正常解释；核查时仍应听取当事人的陈述和申辩。", "This rule has no innocent explanation to test; a reviewer hears the party all the same."))
		return
	}
	t := pdf.Table{Columns: []pdf.Column{{Head: w.text("解释", "Explanation"), Weight: 30}, {Head: w.text("检验结果", "What became of it"), Weight: 70}}}
	for _, b := range tests {
		t.Rows = append(t.Rows, []string{w.name(report.BenignNames, b.Name), w.pick(b.Result)})
	}
	w.doc.Table(t)
}

func (w *writer) history() {
	w.heading("案件经过", "History of the case")
	t := pdf.Table{Columns: []pdf.Column{
		{Head: w.text("序号", "No."), Weight: 9, Right: true},
		{Head: w.text("时间", "Time"), Weight: 31},
		{Head: w.text("事件", "Event"), Weight: 24},
		{Head: w.text("经办", "Actor"), Weight: 14},
		{Head: w.text("说明", "Note"), Weight: 34},
		{Head: w.text("散列", "Hash"), Weight: 17},
	}}
	for _, e := range w.m.Events {
		what := w.name(report.EventNames, e.Kind)
		if e.From != e.To {
			from := ""
			if e.From != "" {
				from = w.pick(report.StateName(e.From)) + " → "
			}
			what += "\n" + from + w.pick(report.StateName(e.To))
		}
		hash := e.Hash
		if len(hash) > 12 {
			hash = hash[:12]
		}
		t.Rows = append(t.Rows, []string{strconv.FormatUint(e.Number, 10), w.at(e.At), what, e.Actor, e.Note, hash})
	}
	w.doc.Table(t)
}

// checking says how a reader checks the figures, and what they may be used for.
func (w *writer) checking(alone bool) {
	w.heading("核验方法与使用说明", "How to check this, and how to use it")
	if alone {
		w.doc.Paragraph(w.text(
			"本目录的清单 manifest.json 载有每个文件的 SHA-256，签名为 manifest.sig（ed25519），持有公钥即可离线核验。原始数据可按编号另行导出为证据包。",
			"The manifest.json beside this file has the SHA-256 of each file and is signed in manifest.sig (ed25519); whoever has the public key checks it offline. The data itself is exported as an evidence package of this id."))
		w.doc.Paragraph("linewarden verify DIR --key carrier.pub\nlinewarden evidence " + w.m.Finding.ID + " --out FILE.zip")
	} else {
		w.doc.Paragraph(w.text(
			"本文件是证据包的一部分。证据包含线索、事实、参数、规则、台账行、路由、流量、完整率和案件经过的原始数据；清单 manifest.json 载有每个文件的 SHA-256，签名为 manifest.sig（ed25519）。持有公钥即可离线核验：",
			"This file is part of an evidence package, which holds the finding, the fact, the parameters, the rule, ledger rows, routes, traffic, completeness and history as data. Its manifest.json has the SHA-256 of each file and is signed in manifest.sig (ed25519). Whoever has the public key checks it offline:"))
		w.doc.Paragraph("linewarden verify FILE.zip --key carrier.pub")
		w.dataFiles()
	}
	w.doc.Paragraph(w.text(
		"所述内容由计量数据与台账推得，为疑似线索；未观测通信内容，采样数据为估计值。作为证据使用前须经法制和技术审核，并应告知当事人陈述、申辩的权利（行政处罚法第四十条、第四十一条、第四十四条、第四十五条）。",
		"What is said here follows from measurements and ledgers and is an indication. No content was observed; sampled figures are estimates. Before it is used as evidence it needs legal and technical review, and the party has the right to respond (Administrative Penalty Law, articles 40, 41, 44, 45)."))
}

func (w *writer) dataFiles() {
	t := pdf.Table{Columns: []pdf.Column{{Head: w.text("数据文件", "Data file"), Weight: 60}, {Head: w.text("行数", "Rows"), Weight: 20, Right: true}}}
	for _, table := range w.m.Tables {
		t.Rows = append(t.Rows, []string{table.Name + ".csv", strconv.Itoa(len(table.Rows))})
	}
	w.doc.Table(t)
}
