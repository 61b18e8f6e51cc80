package pdf_test

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/report/pdf"
)

// sample sets everything the package can set.
func sample(t testing.TB) (content []byte, pages int) {
	t.Helper()
	d, err := pdf.New(pdf.Options{
		Title: "样张", Author: "linewarden", Language: "zh-CN", Created: time.Date(2026, 9, 30, 16, 0, 0, 0, time.UTC),
		Header: "样张 Sample", Class: "第三方已脱敏", Watermark: "某省通信管理局 · 季度报告 · 2027-09-30 前有效",
		Footer: "本报告所列均为疑似线索，不构成认定。", Page: "第 %d 页 / 共 %s 页",
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Title("某某电信公司 2026 年第 3 季度自查报告", "统计截至 2026-09-30")
	d.Heading(1, "一、线路资源")
	d.Paragraph(strings.Repeat("国际专线仅供其内部办公专用（N32-2.2.4c），不得用于连接境内外数据中心或业务平台。", 5))
	d.Heading(2, "Office use only")
	d.Note("The line carries traffic of third parties: 203.0.113.0/24 and 2001:db8::/32. 龘 喆 堃 镕 😀")
	d.Pairs([]pdf.Pair{{Name: "规则", Value: "intl-third-party v1"}, {Name: "说明", Value: strings.Repeat("很长的说明文字，", 20)}})
	rows := make([][]string, 70)
	for i := range rows {
		rows[i] = []string{strconv.Itoa(i), "北京某某网络科技有限公司，及其他", strings.Repeat("word ", i%9), strconv.Itoa(i * 1000)}
	}
	rows[30][2] = strings.Repeat("一行比一页还要高的单元格。", 120)
	d.Table(pdf.Table{Columns: []pdf.Column{
		{Head: "序号", Weight: 8}, {Head: "单位", Weight: 30}, {Head: "说明", Weight: 40}, {Head: "字节", Weight: 12, Right: true},
	}, Rows: rows, Total: true})
	d.Bars(pdf.Bars{Title: "各省线索", Series: []string{"待核查", "已确认", "已整改"}, Bars: []pdf.Bar{
		{Name: "北京", Parts: []int{3, 2, 1}}, {Name: "广东", Parts: []int{8, 0, 4}}, {Name: "内蒙古自治区", Parts: []int{0, 0, 0}},
	}})
	content, err = d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if file := os.Getenv("SAMPLE_PDF"); file != "" {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return content, d.Pages()
}

// TestSameBytes sets the same document twice.
func TestSameBytes(t *testing.T) {
	first, pages := sample(t)
	for range 3 {
		if again, _ := sample(t); !bytes.Equal(first, again) {
			t.Fatal("the same document gives other bytes")
		}
	}
	if pages < 3 || !bytes.HasPrefix(first, []byte("%PDF-")) {
		t.Errorf("%d pages, and it begins %q", pages, first[:8])
	}
	if len(first) > 400<<10 {
		t.Errorf("%d bytes: the font was not cut to what is used", len(first))
	}
}
