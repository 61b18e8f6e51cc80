package custom

import (
	"fmt"
	"math"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// conditions are the expressions of a file.
type conditions struct {
	when, confidence *expression
	only             *expression // nil: every subject
	severity         rules.Severity
	title            rules.Text
}

// maxNamed is how many rows a finding names.
const maxNamed = 10

// parameters are the values of params.NAME.
func parameters(p rules.Params) map[string]any {
	values := make(map[string]any, len(p)+2)
	for name, v := range p {
		values["params."+name] = v
	}
	return values
}

// met is what meets the condition.
type met struct {
	rows        int
	days        map[registry.Date]bool
	first, last registry.Date
	confidence  float64
	named       []string
}

// judge says what the rows of a subject amount to.
func judge[R row](f Fact[R], p rules.Params, c *conditions, spec rules.Spec) rules.Judgement {
	j := rules.Judgement{Outcome: rules.Clear, Completeness: f.Completeness}
	if why := withhold(f, p); why != "" {
		j.Outcome, j.Reason = rules.Withheld, why
		j.Facts = rules.FactSet{"samples": f.Samples}
		return j
	}
	m, err := meeting(f, p, c)
	if err != nil {
		j.Outcome, j.Reason = rules.Withheld, "expression_failed"
		j.Facts = rules.FactSet{"error": err.Error()}
		return j
	}
	if float64(len(m.days)) < p["min_days"] || m.rows == 0 {
		if f.Omitted > 0 { // what was left out may meet it
			j.Outcome, j.Reason, j.Facts = rules.Withheld, "too_many_rows", rules.FactSet{"rows_omitted": f.Omitted}
		}
		return j
	}
	j.Outcome, j.Severity = rules.Fires, c.severity
	j.FirstDay, j.LastDay = m.first, m.last
	j.Confidence = math.Round(1e4*min(1, max(0, m.confidence))*min(1, f.Completeness)) / 1e4
	j.Facts = rules.FactSet{
		"days_met": len(m.days), "rows_met": m.rows, "rows": len(f.Rows), "rows_omitted": f.Omitted, "samples": f.Samples, namesOf[R](): m.named,
	}
	j.Explanation = explain(f, m, p, c, spec)
	j.Evidence = evidence(f)
	return j
}

// namesOf is the fact that names rows. Networks at the far end are those of
// third parties, and named so that exports mask them.
func namesOf[R row]() string {
	var r R
	if _, ok := any(r).(lineNetworks); ok {
		return rules.ThirdPartyFacts()[0]
	}
	return "rows_named"
}

func withhold[R row](f Fact[R], p rules.Params) string {
	switch {
	case len(f.Rows) == 0:
		return "" // nothing was there, and nothing is said of it
	case f.Completeness < p["min_completeness"]:
		return "low_completeness"
	case f.Samples < p["min_samples"]:
		return "low_samples"
	}
	return ""
}

// meeting evaluates the condition for each row.
func meeting[R row](f Fact[R], p rules.Params, c *conditions) (*met, error) {
	values := parameters(p)
	values["subject"] = f.Ledger
	m := &met{days: make(map[registry.Date]bool)}
	for _, r := range f.Rows {
		values["row"] = r
		ok, err := c.when.holds(values)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		sure, err := c.confidence.number(values)
		if err != nil {
			return nil, err
		}
		m.add(r, sure)
	}
	return m, nil
}

func (m *met) add(r row, sure float64) {
	d := r.days()
	for day := d.From; day <= d.To; day++ {
		m.days[day] = true
	}
	if m.rows == 0 || d.From < m.first {
		m.first = d.From
	}
	m.last = max(m.last, d.To)
	m.confidence = max(m.confidence, sure)
	if m.rows++; len(m.named) < maxNamed {
		m.named = append(m.named, r.text())
	}
}

// explain says in both languages what was measured against what.
func explain[R row](f Fact[R], m *met, p rules.Params, c *conditions, spec rules.Spec) rules.Text {
	condition := strings.Join(strings.Fields(c.when.source), " ")
	var given []string
	for _, q := range spec.Params {
		given = append(given, fmt.Sprintf("%s=%v", q.Name, p[q.Name]))
	}
	return rules.Text{
		ZH: fmt.Sprintf("%s：%s（%s）在 %s 至 %s 间有 %d 天、%d 行数据满足自定义条件“%s”（参数 %s），共查看 %d 行、采样 %.0f 包，数据完整性 %.2f。条件不再满足 %d 天后自动消失；请核对台账与该单位的说明。",
			spec.Title.ZH, f.Subject.ID, f.Subject.Name, m.first, m.last, len(m.days), m.rows, condition, strings.Join(given, "，"), len(f.Rows), f.Samples, f.Completeness, spec.QuietDays),
		EN: fmt.Sprintf("%s: %s (%s) met the condition %q on %d days and in %d rows from %s to %s (parameters %s), of %d rows and %.0f sampled packets, at a completeness of %.2f. It ceases after %d days without; compare the ledgers and ask the holder.",
			spec.Title.EN, f.Subject.ID, f.Subject.Name, condition, len(m.days), m.rows, m.first, m.last, strings.Join(given, ", "), len(f.Rows), f.Samples, f.Completeness, spec.QuietDays),
	}
}

func evidence[R row](f Fact[R]) []rules.Evidence {
	ledger := string(f.Subject.Kind) + "s"
	ev := []rules.Evidence{
		{Kind: "ledger_row", Title: string(f.Subject.Kind) + " " + f.Subject.ID, Ref: ledger + "/" + f.Subject.ID},
		{Kind: "traffic", Title: "traffic of " + f.Subject.ID, Ref: ledger + "/" + f.Subject.ID},
	}
	for _, e := range f.Exporters {
		ev = append(ev, rules.Evidence{Kind: "completeness", Title: "books of exporter " + e, Ref: "flow_books/" + e})
	}
	return ev
}
