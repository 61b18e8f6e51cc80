package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/linewarden/linewarden/rules"
)

// writeTable writes findings for a terminal, most urgent first.
func writeTable(w io.Writer, findings []rules.Finding, loc *time.Location, h *Handling) error {
	sorted := append([]rules.Finding(nil), findings...)
	ByUrgency(sorted)
	t := NewTable("ID", "规则 RULE", "对象 SUBJECT", "单位 HOLDER", "省 PROV", "级别 SEVERITY", "置信 CONF", "完整 COMPL", "状态 STATE", "最近 LAST SEEN")
	for i := range sorted {
		f := &sorted[i]
		t.AppendRow(table.Row{
			f.ID, f.Rule, string(f.Subject.Kind) + " " + f.Subject.ID, f.Subject.Name, f.Province, f.Severity,
			fmt.Sprintf("%.2f", f.Confidence), fmt.Sprintf("%.2f", f.Completeness), f.State,
			f.LastSeen.In(loc).Add(-time.Second).Format(time.DateOnly),
		})
	}
	foot := fmt.Sprintf("合计 total %d\n", len(sorted))
	if h != nil {
		foot += h.Line() + "\n"
	}
	if _, err := fmt.Fprintf(w, "%s\n%s", t.Render(), foot); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// NewTable returns a table of the project's style with these headings.
func NewTable(headings ...string) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = 0
	style.Options.SeparateRows = false
	t.SetStyle(style)
	head := make(table.Row, len(headings))
	for i, h := range headings {
		head[i] = h
	}
	t.AppendHeader(head)
	return t
}

// WriteFinding writes all of one finding for a reader, Chinese first.
func WriteFinding(w io.Writer, f *rules.Finding, events []rules.Event, loc *time.Location) error {
	var b strings.Builder
	at := func(t time.Time) string { return t.In(loc).Format(time.RFC3339) }
	fmt.Fprintf(&b, "%s\n%s\n\n%s\n%s\n\n", f.Title.ZH, f.Title.EN, f.Explanation.ZH, f.Explanation.EN)
	t := NewTable("项目 FIELD", "内容 VALUE")
	for _, r := range [][2]string{
		{"id", f.ID},
		{"rule", f.Rule + " v" + f.RuleVersion},
		{"clauses", strings.Join(f.Clauses, " ")},
		{"subject", string(f.Subject.Kind) + " " + f.Subject.ID + " " + f.Subject.Name},
		{"enterprise_id", f.EnterpriseID},
		{"province", f.Province},
		{"severity", string(f.Severity)},
		{"state", string(f.State)},
		{"confidence", fmt.Sprintf("%.4f", f.Confidence)},
		{"completeness", fmt.Sprintf("%.4f", f.Completeness)},
		{"first_seen", at(f.FirstSeen)},
		{"last_seen", at(f.LastSeen)},
		{"window", at(f.Window.From) + " – " + at(f.Window.To)},
	} {
		t.AppendRow(table.Row{r[0], r[1]})
	}
	fmt.Fprintf(&b, "%s\n\n", t.Render())
	writeFacts(&b, f.Facts)
	writeBenign(&b, f.Benign)
	fmt.Fprintln(&b, "证据 Evidence")
	for _, e := range f.Evidence {
		fmt.Fprintf(&b, "  %-13s %s  [%s]\n", e.Kind, e.Title, e.Ref)
	}
	fmt.Fprintln(&b, "\n经过 History")
	for _, e := range events {
		fmt.Fprintf(&b, "  %s  %-9s %s → %s  %s  %s\n", at(e.At), e.Kind, e.From, e.To, e.Actor, e.Note)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write finding: %w", err)
	}
	return nil
}
