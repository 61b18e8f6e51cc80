package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/simulator"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/rules/engine"
)

// demoOutcome is what a demo found, beside what is so.
type demoOutcome struct {
	Findings  []rules.Finding      `json:"findings"`
	Truth     simulator.Truth      `json:"truth"`
	Innocents []simulator.TruthRow `json:"innocents"`
	Withheld  []engine.Withheld    `json:"withheld"`
	// NotJudged are rules the simulator speaks of that the catalogue does not
	// have; Truth and Innocents say nothing about them.
	NotJudged []string    `json:"not_judged,omitempty"`
	Books     demoAccount `json:"books"`
}

// demoAccount is what became of the records that were sent.
type demoAccount struct {
	Sent          simulator.Sent    `json:"sent"`
	Datagrams     uint64            `json:"datagrams"`
	DatagramsLost map[string]uint64 `json:"datagrams_lost"`
	Records       uint64            `json:"records"`
	Stored        uint64            `json:"stored"`
	Lost          map[string]uint64 `json:"lost"`
	RecordsMissed uint64            `json:"records_missed"` // by the sequence numbers
	Balanced      bool              `json:"balanced"`
}

func newDemoOutcome(c *simulator.Carrier, sent simulator.Sent, books *flows.Books, r *engine.Report) *demoOutcome {
	o := &demoOutcome{Truth: c.Truth(), Innocents: c.Innocents(), Withheld: r.Withheld}
	o.keep(rules.Catalogue())
	for _, part := range [][]rules.Finding{r.New, r.Repeated, r.Reopened, r.Ceased} {
		o.Findings = append(o.Findings, part...)
	}
	slices.SortFunc(o.Findings, func(a, b rules.Finding) int {
		return cmp.Or(strings.Compare(a.Rule, b.Rule), strings.Compare(a.Subject.ID, b.Subject.ID))
	})
	sum := demoBooks(books)
	o.Books = demoAccount{
		Sent: sent, Datagrams: sum.Datagrams, DatagramsLost: byReason(&sum.DatagramsLost),
		Records: sum.Records, Stored: sum.Stored, Lost: byReason(&sum.Lost), RecordsMissed: sum.RecordsMissed,
		Balanced: sum.Records == sum.Stored+sum.TotalLost() && sum.Records == sent.Records(),
	}
	return o
}

// keep leaves what is said about rules of the catalogue.
func (o *demoOutcome) keep(catalogue []rules.Rule) {
	known := make(map[string]bool, len(catalogue))
	for _, r := range catalogue {
		known[r.Spec.ID] = true
	}
	for _, rows := range []*[]simulator.TruthRow{&o.Truth.Must, &o.Truth.May, &o.Innocents} {
		*rows = slices.DeleteFunc(*rows, func(r simulator.TruthRow) bool {
			if !known[r.Rule] && !slices.Contains(o.NotJudged, r.Rule) {
				o.NotJudged = append(o.NotJudged, r.Rule)
			}
			return !known[r.Rule]
		})
	}
	slices.Sort(o.NotJudged)
}

// demoKey names a rule and a subject.
type demoKey struct{ rule, kind, id string }

func keyOfFinding(f *rules.Finding) demoKey {
	return demoKey{f.Rule, string(f.Subject.Kind), f.Subject.ID}
}

func keysOfTruth(rows []simulator.TruthRow) map[demoKey]simulator.TruthRow {
	keys := make(map[demoKey]simulator.TruthRow, len(rows))
	for _, r := range rows {
		keys[demoKey{r.Rule, r.SubjectKind, r.SubjectID}] = r
	}
	return keys
}

// compare returns what must be there and is not, and what is there and must
// not be.
func (o *demoOutcome) compare() (missed, wrong []demoKey) {
	must, may := keysOfTruth(o.Truth.Must), keysOfTruth(o.Truth.May)
	found := make(map[demoKey]bool)
	for i := range o.Findings {
		k := keyOfFinding(&o.Findings[i])
		found[k] = true
		_, called := must[k]
		_, allowed := may[k]
		if !called && !allowed {
			wrong = append(wrong, k)
		}
	}
	for _, r := range o.Truth.Must {
		if k := (demoKey{r.Rule, r.SubjectKind, r.SubjectID}); !found[k] {
			missed = append(missed, k)
		}
	}
	return missed, wrong
}

// verdict is the error of a demo that did not find what is so.
func (o *demoOutcome) verdict() error {
	missed, wrong := o.compare()
	var problems []error
	if len(missed) > 0 {
		problems = append(problems, fmt.Errorf("%d findings are missing, the first is %s about %s %s", len(missed), missed[0].rule, missed[0].kind, missed[0].id))
	}
	if len(wrong) > 0 {
		problems = append(problems, fmt.Errorf("%d findings are wrong, the first is %s about %s %s", len(wrong), wrong[0].rule, wrong[0].kind, wrong[0].id))
	}
	if !o.Books.Balanced {
		problems = append(problems, fmt.Errorf("the books do not balance: %d records sent, %d received, %d stored, lost %v",
			o.Books.Sent.Records(), o.Books.Records, o.Books.Stored, o.Books.Lost))
	}
	return errors.Join(problems...)
}

func (o *demoOutcome) write(g *globals, format string) error {
	if format == "json" {
		return report.WriteValue(g.out, o)
	}
	if err := o.writeFindings(g); err != nil {
		return err
	}
	return o.writeBooks(g)
}

func (o *demoOutcome) writeFindings(g *globals) error {
	must, may, innocent := keysOfTruth(o.Truth.Must), keysOfTruth(o.Truth.May), keysOfTruth(o.Innocents)
	t := report.NewTable("规则 RULE", "对象 SUBJECT", "单位 HOLDER", "级别 SEVERITY", "置信 CONF", "完整 COMPL", "状态 STATE", "真实情况 TRUTH", "")
	for i := range o.Findings {
		f := &o.Findings[i]
		k := keyOfFinding(f)
		why, mark := "", "✗ 误报 false"
		if row, ok := must[k]; ok {
			why, mark = row.Why, "✓ 命中 found"
			delete(must, k)
		} else if row, ok := may[k]; ok {
			why, mark = row.Why, "○ 可报 may"
		} else if row, ok := innocent[k]; ok {
			why = row.Why
		}
		t.AppendRow(table.Row{
			f.Rule, k.kind + " " + k.id, f.Subject.Name, f.Severity, fmt.Sprintf("%.2f", f.Confidence),
			fmt.Sprintf("%.3f", f.Completeness), f.State, why, mark,
		})
		delete(innocent, k)
	}
	for _, r := range o.Truth.Must {
		if _, missing := must[demoKey{r.Rule, r.SubjectKind, r.SubjectID}]; missing {
			t.AppendRow(table.Row{r.Rule, r.SubjectKind + " " + r.SubjectID, "", "", "", "", "", r.Why, "✗ 漏报 missed"})
		}
	}
	if _, err := fmt.Fprintln(g.out, t.Render()); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	missed, wrong := o.compare()
	_, err := fmt.Fprintf(g.out, "应报 must %d · 漏报 missed %d · 误报 false %d · 正确未报的近似情形 near misses left alone %d of %d · 数据不足 withheld %d\n",
		len(o.Truth.Must), len(missed), len(wrong), len(innocent), len(o.Innocents), len(o.Withheld))
	for _, rule := range o.NotJudged {
		_, werr := fmt.Fprintf(g.out, "  未判定 not judged, as the catalogue does not have it: %s\n", rule)
		err = errors.Join(err, werr)
	}
	for _, w := range o.Withheld {
		_, werr := fmt.Fprintf(g.out, "  数据不足 withheld: %s %s %s (%s, completeness %.3f)\n", w.Rule, w.Subject.Kind, w.Subject.ID, w.Reason, w.Completeness)
		err = errors.Join(err, werr)
	}
	return err
}

func (o *demoOutcome) writeBooks(g *globals) error {
	t := report.NewTable("导出设备 EXPORTER", "NAME", "PROTOCOL", "DATAGRAMS", "RECORDS", "线路丢弃 DROPPED ON THE WAY")
	for _, e := range o.Books.Sent.Exporters {
		t.AppendRow(table.Row{e.Exporter, e.Name, e.Protocol, e.Datagrams, e.Records, e.DroppedRecords})
	}
	balance := "✓ 平衡 balanced"
	if !o.Books.Balanced {
		balance = "✗ 不平衡 NOT BALANCED"
	}
	lost := strings.ReplaceAll(reasonsText(o.Books.Lost), "\n", ", ")
	_, err := fmt.Fprintf(g.out, "%s\n账目 books: 收到 received %d = 入库 stored %d + 损失 lost %s  %s；序号缺口 missed by sequence %d\n",
		t.Render(), o.Books.Records, o.Books.Stored, lost, balance, o.Books.RecordsMissed)
	return err
}

// allTime is a span that holds every minute a store can.
func allTime() rules.Window {
	return rules.Window{From: time.Unix(0, 0), To: time.Unix(1<<32-1, 0)}
}
