package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// CommitmentOverdue is the rule commitment-overdue (N32-2.1.2a, N32-2.1.2c): a
// commitment to obtain a licence ran out, or a service is run on a commitment
// alone.
func CommitmentOverdue() Rule {
	return define(Spec{
		ID: "commitment-overdue", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: []Clause{
			{ID: "N32-2.1.2a", Valid: registry.Validity{From: n32Published}},
			{ID: "N32-2.1.2c", Valid: registry.Validity{From: licenseBy + 1}},
		},
		Title: Text{ZH: "取得许可的书面承诺逾期未履行（疑似）", EN: "Commitment to obtain a licence is overdue (indication)"},
		Claim: Text{
			ZH: "单位的书面承诺到期未履行，或 2018-01-01 起仍仅凭承诺经营该业务；此后已履行或取得过该业务许可的不计。",
			EN: "A commitment was not fulfilled by its due day, or a service is run from 2018-01-01 on a commitment alone; one that was fulfilled or licensed meanwhile does not count.",
		},
	}, fromLedgers(commitmentFacts), judgeCommitment)
}

// CommitmentFact is an enterprise with its commitments.
type CommitmentFact struct {
	Subject     Subject           `json:"subject"`
	Province    string            `json:"province"`
	Days        registry.Validity `json:"days"`
	Commitments []CommitmentRun   `json:"commitments"`
}

// CommitmentRun is a commitment with what became of it.
type CommitmentRun struct {
	registry.Commitment
	Licences []registry.Licence `json:"licences"` // of the holder, for the service
	// Uses are the resources in use for the service in the span.
	Uses []ResourceUse `json:"uses"`
}

// ResourceUse is a line or allocation with the days of one of its rows.
type ResourceUse struct {
	Kind  SubjectKind       `json:"kind"`
	ID    string            `json:"id"`
	Place registry.Place    `json:"place"`
	Valid registry.Validity `json:"valid"`
}

// About implements Fact.
func (f CommitmentFact) About() (s Subject, enterpriseID, province string) {
	return f.Subject, f.Subject.ID, f.Province
}

func commitmentFacts(s *registry.Snapshot, days registry.Validity) []CommitmentFact {
	v := s.At(days.To)
	var out []CommitmentFact
	l := s.Ledgers()
	promised := make(map[string]bool)
	for i := range l.Commitments {
		if id := l.Commitments[i].EnterpriseID; !v.IsCarrier(id) {
			promised[id] = true
		}
	}
	if len(promised) == 0 {
		return nil
	}
	uses := usesOf(l, func(enterprise string) bool { return promised[enterprise] })
	for id := range promised {
		holder := holderOf(v, id, "")
		f := CommitmentFact{Subject: Subject{SubjectEnterprise, id, holder.Name}, Province: holder.Province, Days: days}
		for _, c := range v.Commitments(id) {
			run := CommitmentRun{Commitment: *c}
			for _, row := range v.Licences(id) {
				if row.Service == c.Service {
					run.Licences = append(run.Licences, *row)
				}
			}
			for _, u := range uses[serviceOf{id, c.Service}] {
				if u.Valid.Overlaps(days) {
					run.Uses = append(run.Uses, u)
				}
			}
			f.Commitments = append(f.Commitments, run)
		}
		out = append(out, f)
	}
	return out
}

// serviceOf is a service of an enterprise.
type serviceOf struct{ enterprise, service string }

// usesOf lists the rows of lines and allocations by holder and service, of the
// enterprises asked for.
func usesOf(l *registry.Ledgers, wanted func(enterprise string) bool) map[serviceOf][]ResourceUse {
	out := make(map[serviceOf][]ResourceUse)
	for i := range l.Lines {
		row := &l.Lines[i]
		for _, service := range servicesFor(row.Use, registry.Unknown) {
			if wanted(row.EnterpriseID) {
				key := serviceOf{row.EnterpriseID, service}
				out[key] = append(out[key], ResourceUse{SubjectLine, row.ID, row.APlace, row.Valid})
			}
		}
	}
	for i := range l.Allocations {
		row := &l.Allocations[i]
		for _, service := range servicesFor(row.Use, row.Cloud) {
			if wanted(row.EnterpriseID) {
				key := serviceOf{row.EnterpriseID, service}
				out[key] = append(out[key], ResourceUse{SubjectAllocation, row.Prefix.String(), row.Place, row.Valid})
			}
		}
	}
	return out
}

// settled reports whether the commitment was fulfilled or the service licensed
// since it was made, by that day.
func (c *CommitmentRun) settled(day registry.Date) bool {
	if c.FulfilledOn != 0 && c.FulfilledOn <= day {
		return true
	}
	return slices.ContainsFunc(c.Licences, func(l registry.Licence) bool {
		return l.Valid.Overlaps(registry.Validity{From: c.MadeOn, To: day})
	})
}

// runsOn returns the first resource in use for the service on that day.
func (c *CommitmentRun) runsOn(day registry.Date) *ResourceUse {
	for i := range c.Uses {
		if c.Uses[i].Valid.Contains(day) {
			return &c.Uses[i]
		}
	}
	return nil
}

// faultOn says what is wrong with a commitment on that day.
func (c *CommitmentRun) faultOn(day registry.Date) string {
	switch {
	case c.MadeOn > day, c.settled(day):
		return ""
	case day > licenseBy && c.runsOn(day) != nil:
		return "run_on_commitment"
	case c.DueOn != 0 && day > c.DueOn:
		return "overdue"
	}
	return ""
}

func judgeCommitment(f CommitmentFact, _ Params) Judgement {
	var h held
	var last []*CommitmentRun
	for d := f.Days.From; d <= f.Days.To; d++ {
		var today []*CommitmentRun
		for i := range f.Commitments {
			if f.Commitments[i].faultOn(d) != "" {
				today = append(today, &f.Commitments[i])
			}
		}
		if len(today) > 0 {
			h.add(d, d)
			last = today
		}
	}
	if h.days == 0 {
		return clearJudgement()
	}
	j := h.fires(f.Days, Medium)
	var services, zh, en []string
	for _, c := range last {
		services = append(services, c.Service)
		due := openEnd(c.DueOn, "—")
		zhText := fmt.Sprintf("%s：%s 承诺，应于 %s 前取得许可，尚未履行", c.Service, openEnd(c.MadeOn, "—"), due)
		enText := fmt.Sprintf("%s: committed on %s, due on %s, not fulfilled", c.Service, openEnd(c.MadeOn, "—"), due)
		if u := c.runsOn(h.last); c.faultOn(h.last) == "run_on_commitment" {
			j.Severity = High
			zhText += fmt.Sprintf("，且仍在以 %s %s 经营该业务", subjectZH(u.Kind), u.ID)
			enText += fmt.Sprintf(", and the service is run on %s %s", u.Kind, u.ID)
			j.Evidence = append(j.Evidence, ledgerRow(ledgerOf(u.Kind), u.ID, string(u.Kind)+" "+u.ID))
		}
		zh, en = append(zh, zhText), append(en, enText)
		j.Evidence = append(j.Evidence, ledgerRow("commitments", f.Subject.ID+"/"+c.Service+"/"+c.MadeOn.String(), "commitment for "+c.Service))
	}
	j.Facts = FactSet{"services": services, "days": h.days, "commitments": len(last)}
	j.Explanation = Text{
		ZH: fmt.Sprintf("单位“%s”截至 %s 的承诺逾期：%s。取得许可、登记履行日期或停止该业务后即可消除。请人工核实。", f.Subject.Name, h.last, strings.Join(zh, "；")),
		EN: fmt.Sprintf("Commitments of %s on %s: %s. A licence, a filed day of fulfilment or the end of the service clears this. For a person to review.", f.Subject.Name, h.last, strings.Join(en, "; ")),
	}
	j.Benign = []BenignTest{
		{Name: "fulfilled", Result: Text{ZH: "当日前没有登记履行日期", EN: "no day of fulfilment is filed by that day"}},
		{Name: "licensed_meanwhile", Result: Text{ZH: "作出承诺后没有取得过该业务许可", EN: "no licence for the service was valid since the commitment"}},
	}
	return j
}
