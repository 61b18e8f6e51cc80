package casefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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
		title: rules.Text{ZH: "线路流量（逐小时，UTC）", EN: "Traffic of the line, by the hour (UTC)"},
		day:   "hour_utc", bytes: []string{"from_customer_bytes", "to_customer_bytes"},
		columns: []column{
			{"hour_utc", rules.Text{ZH: "小时", EN: "Hour"}, 26, false},
			{"from_customer_bytes", rules.Text{ZH: "用户发出 字节", EN: "From customer, bytes"}, 20, true},
			{"to_customer_bytes", rules.Text{ZH: "发往用户 字节", EN: "To customer, bytes"}, 20, true},
			{"samples", rules.Text{ZH: "样本", EN: "Samples"}, 12, true},
			{"relative_error_95", rules.Text{ZH: "相对误差 95%", EN: "Relative error 95%"}, 14, true},
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
			{"relative_error_95", rules.Text{ZH: "相对误差 95%", EN: "Relative error 95%"}, 16, true},
			{"served_networks", rules.Text{ZH: "服务网络数", EN: "Networks served"}, 16, true},
		},
	},
	"routes/intervals": {
		title: rules.Text{ZH: "路由（来源与时段，UTC）", EN: "Routes, with their peers and times (UTC)"},
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
			{"exporter", rules.Text{ZH: "采集点", EN: "Exporter"}, 26, false},
			{"records_received", rules.Text{ZH: "收到", EN: "Received"}, 18, true},
			{"records_stored", rules.Text{ZH: "入库", EN: "Stored"}, 18, true},
			{"records_missed_by_sequence", rules.Text{ZH: "序号缺失", EN: "Missed"}, 16, true},
			{"minutes_heard", rules.Text{ZH: "有数据的分钟", EN: "Minutes heard"}, 16, true},
			{"completeness", rules.Text{ZH: "完整率", EN: "Completeness"}, 16, true},
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

// ledger shows each row as its columns that hold something.
func (w *writer) ledger(t *evidence.Table) {
	w.doc.Heading(2, strings.TrimPrefix(t.Name, "ledgers/"))
	for i, row := range t.Rows {
		if i == maxRows {
			w.more(t)
			return
		}
		var pairs []pdf.Pair
		for c, cell := range row {
			if cell != "" && c < len(t.Columns) {
				pairs = append(pairs, pdf.Pair{Name: t.Columns[c], Value: cell})
			}
		}
		w.doc.Pairs(pairs)
	}
}

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
			if cells[i] = row[place]; out.Columns[i].Right {
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
		name := row[day][:min(len("2006-01-02"), len(row[day]))]
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
