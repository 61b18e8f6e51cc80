package rules

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// LicenceMissing is the rule licence-missing (N32-2.1.1(1), N32-2.2.1c): an
// active line or allocation is used for a service that needs a licence, and
// its holder has none, or it has expired or was suspended, revoked or
// cancelled.
func LicenceMissing() Rule {
	return define(Spec{
		ID: "licence-missing", Version: "2", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: []Clause{
			{ID: "N32-2.1.1(1)", Valid: registry.Validity{From: n32Published}},
			{ID: "N32-2.2.1c", Valid: registry.Validity{From: n32Published}},
		},
		Title: Text{ZH: "资源用途所需的经营许可缺失或失效（疑似）", EN: "Licence required for the use is missing or no longer valid (indication)"},
		Claim: Text{
			ZH: "在用专线或地址段的登记用途属于须经许可的电信业务，而持有单位当日没有该业务的有效许可证。",
			EN: "A line or address block in service is filed for a use that needs a telecom licence, and its holder has no valid licence for it on that day.",
		},
	}, measureLicenceMissing, judgeLicenceMissing)
}

// n32Published is the day 工信部信管函〔2017〕32号 was issued.
var n32Published = registry.NewDate(2017, 1, 17)

func measureLicenceMissing(_ context.Context, in Inputs, _ Params) iter.Seq2[ResourceFact, error] {
	return func(yield func(ResourceFact, error) bool) {
		for _, f := range resources(in.Ledgers, in.Span.Days) {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// missingOn returns the services without a licence that this rule speaks of on
// that day. A service that was never held while others are active is
// licence-scope instead.
func missingOn(t *Tenure, day registry.Date) []string {
	var missing []string
	for _, s := range t.Services {
		if holdsActive(t.Licences, s, day) {
			continue
		}
		if !holdsActive(t.Licences, "", day) || everHeld(t.Licences, s, day) {
			missing = append(missing, s)
		}
	}
	return missing
}

func judgeLicenceMissing(f ResourceFact, _ Params) Judgement {
	h, tenure, services := f.daysWithout(missingOn)
	if scope, _, _ := f.daysWithout(outOfScopeOn); h.days == 0 || scope.last > h.last {
		return clearJudgement() // what lacks since is licence-scope: never both
	}
	days := h.days
	j := h.fires(f.Days, High)
	j.Holder = heldBy(f, tenure.holder())
	lapsed := lapsedLicences(tenure.Licences, services, j.LastDay)
	if onlyExpiredWithin(lapsed, services, j.LastDay, 90) {
		j.Severity = Medium
	}
	j.Facts = FactSet{
		"use":                  tenure.Use,
		"required_services":    tenure.Services,
		"missing_services":     services,
		"holder":               tenure.Holder,
		"days_without_licence": days,
		"days_in_span":         int(f.Days.To-f.Days.From) + 1,
		"licences_of_holder":   describeLicences(tenure.Licences),
	}
	j.Explanation = explainLicenceMissing(f, tenure, services, lapsed, j.LastDay)
	j.Evidence = licenceEvidence(f.Subject, tenure)
	j.Benign = []BenignTest{
		{Name: "exempt_use", Result: Text{ZH: "用途“" + tenure.Use + "”须经许可", EN: "use " + tenure.Use + " needs a licence"}},
		{Name: "carrier_itself", Result: Text{ZH: "持有单位不是本运营商", EN: "the holder is not the carrier"}},
		{Name: "renewed_without_gap", Result: Text{ZH: "当日没有接续的有效许可", EN: "no renewal covers the day"}},
	}
	return j
}

// lapsedLicences returns the rows for the services that had begun by that day
// and give nothing on it.
func lapsedLicences(rows []registry.Licence, services []string, day registry.Date) []registry.Licence {
	var out []registry.Licence
	for _, l := range rows {
		begun := l.Valid.From == 0 || l.Valid.From <= day
		if begun && slices.Contains(services, l.Service) && !activeOn(&l, day) {
			out = append(out, l)
		}
	}
	return out
}

// onlyExpiredWithin reports whether the newest lapsed row of each service
// merely ran out, at most that many days ago.
func onlyExpiredWithin(lapsed []registry.Licence, services []string, day registry.Date, days int) bool {
	for _, s := range services {
		var newest *registry.Licence
		for i := range lapsed {
			if l := &lapsed[i]; l.Service == s && (newest == nil || l.Valid.From >= newest.Valid.From) {
				newest = l
			}
		}
		if newest == nil || newest.Status != "active" && newest.Status != "" {
			return false
		}
		if newest.Valid.To == 0 || int(day-newest.Valid.To) > days {
			return false
		}
	}
	return true
}

func describeLicences(rows []registry.Licence) []string {
	out := make([]string, 0, len(rows))
	for _, l := range rows {
		out = append(out, fmt.Sprintf("%s %s %s %s..%s", l.No, l.Service, l.Status, l.Valid.From, l.Valid.To))
	}
	return out
}

func explainLicenceMissing(f ResourceFact, t *Tenure, services []string, lapsed []registry.Licence, day registry.Date) Text {
	svc := strings.Join(services, ", ")
	zh := fmt.Sprintf("%s %s 登记用途为“%s”，需要 %s 业务许可；持有单位“%s”截至 %s 没有该业务的有效许可证", subjectZH(f.Subject.Kind), f.Subject.ID, t.Use, svc, t.HolderName, day)
	en := fmt.Sprintf("%s %s is filed for use %q, which needs %s; on %s its holder %s has no valid licence for it", f.Subject.Kind, f.Subject.ID, t.Use, svc, day, t.HolderName)
	historyZH, historyEN := make([]string, len(lapsed)), make([]string, len(lapsed))
	for i, l := range lapsed {
		historyZH[i] = fmt.Sprintf("；许可证 %s（%s）状态 %s，有效期至 %s", l.No, l.Service, statusZH(l.Status), openEnd(l.Valid.To, "长期"))
		historyEN[i] = fmt.Sprintf("; licence %s (%s) is filed as %s, valid to %s", l.No, l.Service, statusEN(l.Status), openEnd(l.Valid.To, "open end"))
	}
	zh += strings.Join(historyZH, "")
	en += strings.Join(historyEN, "")
	if len(lapsed) == 0 {
		zh += "，台账中也没有该业务的许可记录"
		en += ", and the ledger has no record of one"
	}
	return Text{
		ZH: zh + "。补充有效许可证、更正登记用途或停止该资源后即可消除。请人工核实。",
		EN: en + ". A valid licence, a corrected use or the end of the resource clears this. For a person to review.",
	}
}

func licenceEvidence(s Subject, t *Tenure) []Evidence {
	ev := []Evidence{{Kind: "ledger_row", Title: string(s.Kind) + " " + s.ID, Ref: ledgerOf(s.Kind) + "/" + s.ID}}
	for _, l := range t.Licences {
		ev = append(ev, Evidence{Kind: "ledger_row", Title: "licence " + l.No + " " + l.Service, Ref: "licences/" + l.No + "/" + l.Service})
	}
	return ev
}

func ledgerOf(k SubjectKind) string {
	if k == SubjectAllocation {
		return "allocations"
	}
	return "lines"
}

func subjectZH(k SubjectKind) string {
	if k == SubjectAllocation {
		return "地址段"
	}
	return "专线"
}

func statusZH(status string) string {
	switch status {
	case "suspended":
		return "暂停"
	case "revoked":
		return "吊销"
	case "cancelled":
		return "注销"
	case "":
		return "未登记"
	}
	return "登记有效"
}

func statusEN(status string) string {
	if status == "" {
		return "of unknown status"
	}
	return status
}

func openEnd(d registry.Date, open string) string {
	if d == 0 {
		return open
	}
	return d.String()
}
