package casefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/evidence"
	"github.com/linewarden/linewarden/report/pdf"
	"github.com/linewarden/linewarden/rules"
)

// maxRows is how many rows of a table a reader is shown; the package has all.
const maxRows = 60

// column is a column of a data table that a reader is shown.
type column struct {
	name   string
	head   rules.Text
	weight float64
	number bool
}

// view says how a reader is shown a data table.
type view struct {
	title   rules.Text
	columns []column
	// bytes are the columns whose daily sums are drawn; day is the one that
	// begins with the date.
	day   string
	bytes []string
}

// views are those of the tables of a package, by name. Ledgers are shown row by
// row.
var views = map[string]view{
	"traffic/line_hours": {
		title: rules.Text{ZH: "线路流量（逐小时）", EN: "Traffic of the line, by the hour"},
		day:   "hour_utc", bytes: []string{"from_customer_bytes", "to_customer_bytes"},
		columns: []column{
			{"hour_utc", rules.Text{ZH: "小时", EN: "Hour"}, 26, false},
			{"from_customer_bytes", rules.Text{ZH: "用户发出 字节", EN: "From customer, bytes"}, 20, true},
			{"to_customer_bytes", rules.Text{ZH: "发往用户 字节", EN: "To customer, bytes"}, 20, true},
			{"samples", rules.Text{ZH: "样本", EN: "Samples"}, 12, true},
			{"relative_error_95", rules.Text{ZH: "误差 ±（95%）", EN: "Error ± (95%)"}, 14, true},
		},
	},
	"traffic/allocation_days": {
		title: rules.Text{ZH: "地址段流量（逐日）", EN: "Traffic of the block, by the day"},
		day:   "day", bytes: []string{"out_bytes", "in_bytes"},
		columns: []column{
			{"day", rules.Text{ZH: "日", EN: "Day"}, 16, false},
			{"out_bytes", rules.Text{ZH: "发出 字节", EN: "Out, bytes"}, 20, true},
			{"in_bytes", rules.Text{ZH: "收到 字节", EN: "In, bytes"}, 20, true},
			{"samples", rules.Text{ZH: "样本", EN: "Samples"}, 14, true},
			{"relative_error_95", rules.Text{ZH: "误差 ±（95%）", EN: "Error ± (95%)"}, 16, true},
			{"served_networks", rules.Text{ZH: "服务网络数", EN: "Networks served"}, 16, true},
		},
	},
	"traffic/sampling": {
		title: rules.Text{ZH: "采样率（流记录所载）", EN: "Sampling, as the flow records have it"},
		columns: []column{
			{"exporter", rules.Text{ZH: "采集点", EN: "Exporter"}, 24, false},
			{"sampling_rate", rules.Text{ZH: "采样率 1:N", EN: "Rate 1:N"}, 14, true},
			{"source", rules.Text{ZH: "来源", EN: "Told by"}, 14, false},
			{"records", rules.Text{ZH: "流记录", EN: "Records"}, 16, true},
			{"first", rules.Text{ZH: "起", EN: "From"}, 24, false},
			{"last", rules.Text{ZH: "止", EN: "To"}, 24, false},
		},
	},
	"routes/intervals": {
		title: rules.Text{ZH: "路由（来源与时段）", EN: "Routes, with their peers and times"},
		columns: []column{
			{"prefix", rules.Text{ZH: "前缀", EN: "Prefix"}, 26, false},
			{"peer", rules.Text{ZH: "邻居", EN: "Peer"}, 20, false},
			{"as_path", rules.Text{ZH: "AS 路径", EN: "AS path"}, 28, false},
			{"validity", rules.Text{ZH: "源验证", EN: "Validity"}, 14, false},
			{"from", rules.Text{ZH: "起", EN: "From"}, 26, false},
			{"to", rules.Text{ZH: "止", EN: "To"}, 26, false},
		},
	},
	"completeness": {
		title: rules.Text{ZH: "采集完整率", EN: "Completeness of collection"},
		columns: []column{
			{"exporter", rules.Text{ZH: "采集点", EN: "Exporter"}, 22, false},
			{"records_received", rules.Text{ZH: "收到", EN: "Received"}, 16, true},
			{"records_stored", rules.Text{ZH: "入库", EN: "Stored"}, 16, true},
			{"records_missed_by_sequence", rules.Text{ZH: "序号缺失", EN: "Missed"}, 13, true},
			{"minutes_heard", rules.Text{ZH: "有数据\n分钟", EN: "Minutes\nheard"}, 13, true},
			{"minutes_expected", rules.Text{ZH: "应有数据\n分钟", EN: "Minutes\nexpected"}, 13, true},
			{"minutes_silent", rules.Text{ZH: "静默\n分钟", EN: "Minutes\nsilent"}, 13, true},
			{"completeness", rules.Text{ZH: "完整率", EN: "Complete"}, 13, true},
		},
	},
}

// tables shows the data of the package: ledgers first.
func (w *writer) tables() {
	begun := false
	for i := range w.m.Tables {
		if t := &w.m.Tables[i]; strings.HasPrefix(t.Name, "ledgers/") {
			if !begun {
				w.heading("台账记录", "Rows of the ledgers")
				begun = true
			}
			w.ledger(t)
		}
	}
	for i := range w.m.Tables {
		t := &w.m.Tables[i]
		if v, known := views[t.Name]; known {
			w.heading(v.title.ZH, v.title.EN)
			w.chart(t, &v)
			w.data(t, &v)
		}
	}
}

// maxColumns is how many columns of a ledger fit beside one another.
const maxColumns = 7

// ledger shows the rows of a ledger: as a table where they fit, else each as its
// columns that hold something.
func (w *writer) ledger(t *evidence.Table) {
	code := strings.TrimPrefix(t.Name, "ledgers/")
	w.doc.Heading(2, w.name(report.LedgerNames, code)+"  "+code)
	var filled []int // columns that hold something, beside what the import says
	for c := range t.Columns {
		if !slices.Contains(importColumns, t.Columns[c]) && slices.ContainsFunc(t.Rows, func(r []string) bool { return r[c] != "" }) {
			filled = append(filled, c)
		}
	}
	shown := t.Rows[:min(maxRows, len(t.Rows))]
	if len(filled) > maxColumns || len(shown) == 1 {
		for _, row := range shown {
			var pairs []pdf.Pair
			for _, c := range filled {
				if row[c] != "" {
					pairs = append(pairs, pdf.Pair{Name: w.column(t.Columns[c]), Value: row[c]})
				}
			}
			w.doc.Pairs(append(pairs, pdf.Pair{Name: w.text("来源", "Source"), Value: w.source(t, row)}))
		}
	} else {
		w.rows(t, shown, filled)
	}
	if len(t.Rows) > len(shown) {
		w.more(t)
	}
}

// importColumns say where a row came from and how long it was known.
var importColumns = []string{"import", "known_from", "closed_at"}

// column names a column of a ledger with its code.
func (w *writer) column(code string) string {
	name := w.name(report.ColumnNames, code)
	if name == code {
		return code
	}
	return name + "  " + code
}

// source says which import a row is of, and how long it was known.
func (w *writer) source(t *evidence.Table, row []string) string {
	at := func(name string) string {
		if c := slices.Index(t.Columns, name); c >= 0 {
			return w.local(row[c])
		}
		return ""
	}
	said := w.text("导入 ", "import ") + at("import") + w.text("，知悉于 ", ", known since ") + at("known_from")
	if closed := at("closed_at"); closed != "" {
		said += w.text("，关闭于 ", ", closed ") + closed
	}
	return said
}

// rows shows rows of a ledger beside one another. Where they came from follows
// once for each import.
func (w *writer) rows(t *evidence.Table, shown [][]string, filled []int) {
	var out pdf.Table
	for _, c := range filled {
		out.Columns = append(out.Columns, pdf.Column{Head: w.name(report.ColumnNames, t.Columns[c]), Weight: 1})
	}
	var sources []string
	for _, row := range shown {
		cells := make([]string, len(filled))
		for i, c := range filled {
			cells[i] = row[c]
		}
		out.Rows = append(out.Rows, cells)
		if s := w.source(t, row); !slices.Contains(sources, s) {
			sources = append(sources, s)
		}
	}
	w.doc.Table(out)
	for _, s := range sources {
		w.doc.Note(s)
	}
}

// local writes an instant in the zone of the carrier; other texts stay.
func (w *writer) local(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return at.In(w.m.Location).Format("2006-01-02 15:04:05")
}

// shares are the columns of data that are told in per cent.
var shares = []string{"relative_error_95", "completeness"}

func (w *writer) data(t *evidence.Table, v *view) {
	out := pdf.Table{}
	var places []int
	for _, c := range v.columns {
		if place := slices.Index(t.Columns, c.name); place >= 0 {
			places = append(places, place)
			out.Columns = append(out.Columns, pdf.Column{Head: w.pick(c.head), Weight: c.weight, Right: c.number})
		}
	}
	for _, row := range t.Rows[:min(maxRows, len(t.Rows))] {
		cells := make([]string, len(places))
		for i, place := range places {
			switch cells[i] = w.local(row[place]); {
			case slices.Contains(shares, t.Columns[place]):
				if v, err := strconv.ParseFloat(cells[i], 64); err == nil {
					cells[i] = share(v)
				}
			case out.Columns[i].Right:
				cells[i] = report.Grouped(cells[i])
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	w.doc.Table(out)
	if len(t.Rows) > maxRows {
		w.more(t)
	}
}

// more says where the rows are that are not shown.
func (w *writer) more(t *evidence.Table) {
	n := len(t.Rows) - maxRows
	w.doc.Note(w.text(
		fmt.Sprintf("另有 %d 行，见 %s.csv。", n, t.Name),
		fmt.Sprintf("%d more rows are in %s.csv.", n, t.Name)))
}

// chart draws the daily sums of a series.
func (w *writer) chart(t *evidence.Table, v *view) {
	day := slices.Index(t.Columns, v.day)
	if day < 0 || len(v.bytes) == 0 {
		return
	}
	var bars []pdf.Bar
	for _, row := range t.Rows {
		name := w.local(row[day])
		name = name[:min(len(time.DateOnly), len(name))]
		if len(bars) == 0 || bars[len(bars)-1].Name != name {
			bars = append(bars, pdf.Bar{Name: name, Parts: make([]int, len(v.bytes))})
		}
		for i, column := range v.bytes {
			place := slices.Index(t.Columns, column)
			if place < 0 {
				continue
			}
			if n, err := strconv.Atoi(row[place]); err == nil {
				bars[len(bars)-1].Parts[i] += n
			}
		}
	}
	scale := unit(bars)
	series := make([]string, len(v.bytes))
	for i, name := range v.bytes {
		for _, c := range v.columns {
			if c.name == name {
				series[i] = w.pick(c.head)
			}
		}
	}
	w.doc.Bars(pdf.Bars{Title: w.text("逐日合计（", "Daily sums (") + scale + w.text("，由采样估计）", ", estimated from samples)"), Series: series, Bars: bars})
}

// unit scales the bars to a unit in which the largest still has three digits.
func unit(bars []pdf.Bar) string {
	most := 0
	for _, b := range bars {
		for _, n := range b.Parts {
			most = max(most, n)
		}
	}
	name, size := "B", 1
	for _, next := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if most/size < 100_000 {
			break
		}
		name, size = next, size*1000
	}
	for b := range bars {
		for i := range bars[b].Parts {
			bars[b].Parts[i] /= size
		}
	}
	return name
}
