package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// LicenceScope is the rule licence-scope (N32-2.1.1(3), N32-2.1.2b): the holder
// is licensed, but never was for the service that the use of the resource
// needs.
func LicenceScope() Rule {
	return define(Spec{
		ID: "licence-scope", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: append(since(n32Published, "N32-2.1.1(3)", "N32-2.2.1c"),
			Clause{ID: "N32-2.1.2b", Valid: registry.Validity{From: registry.NewDate(2017, 4, 1)}}),
		Title: Text{ZH: "超出许可证业务范围使用资源（疑似）", EN: "Resource used for a service outside the scope of the licence (indication)"},
		Claim: Text{
			ZH: "持有单位当日有有效的电信业务许可，但许可从未包含该专线或地址段登记用途所需的业务（B11 不含 B11-2），且不在按期作出的书面承诺的过渡期内。",
			EN: "The holder has a valid telecom licence on that day, but never had one for the service that the filed use of the line or block needs (B11 does not give B11-2), and no commitment made in time is in its period of grace.",
		},
	}, measureLicenceMissing, judgeLicenceScope)
}

// The last days of N32-2.1.2a: for making a commitment and for being licensed.
var (
	commitBy  = registry.NewDate(2017, 3, 31)
	licenseBy = registry.NewDate(2017, 12, 31)
)

// outOfScopeOn returns the services that the holder never had while it is
// licensed for others on that day.
func outOfScopeOn(t *Tenure, day registry.Date) []string {
	if !holdsActive(t.Licences, "", day) {
		return nil
	}
	var out []string
	for _, s := range t.Services {
		if !holdsActive(t.Licences, s, day) && !everHeld(t.Licences, s, day) && !inGrace(t.Commitments, s, day) {
			out = append(out, s)
		}
	}
	return out
}

// inGrace reports whether a commitment of N32-2.1.2a for the service still runs
// on that day.
func inGrace(rows []registry.Commitment, service string, day registry.Date) bool {
	return slices.ContainsFunc(rows, func(c registry.Commitment) bool {
		return c.Service == service && c.MadeOn != 0 && c.MadeOn <= min(commitBy, day) &&
			c.DueOn != 0 && c.DueOn <= licenseBy && day <= c.DueOn
	})
}

func judgeLicenceScope(f ResourceFact, _ Params) Judgement {
	h, tenure, services := f.daysWithout(outOfScopeOn)
	if missing, _, _ := f.daysWithout(missingOn); h.days == 0 || missing.last >= h.last {
		return clearJudgement() // licence-missing speaks of it: never both
	}
	j := h.fires(f.Days, High)
	j.Holder = heldBy(f, tenure.holder())
	var has []string
	for i := range tenure.Licences {
		if l := &tenure.Licences[i]; activeOn(l, j.LastDay) && !slices.Contains(has, l.Service) {
			has = append(has, l.Service)
		}
	}
	j.Facts = FactSet{
		"use": tenure.Use, "required_services": tenure.Services, "services_out_of_scope": services, "licensed_services": has,
		"holder": tenure.Holder, "days_out_of_scope": h.days, "days_in_span": int(f.Days.To-f.Days.From) + 1,
		"licences_of_holder": describeLicences(tenure.Licences),
	}
	svc, hasText := strings.Join(services, ", "), strings.Join(has, ", ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("%s %s 登记用途为“%s”，需要 %s 业务许可；持有单位“%s”截至 %s 只有 %s 的有效许可，从未取得前者。扩大许可范围、更正登记用途或停止该业务后即可消除。请人工核实。", subjectZH(f.Subject.Kind), f.Subject.ID, tenure.Use, svc, tenure.HolderName, j.LastDay, hasText),
		EN: fmt.Sprintf("%s %s is filed for use %q, which needs %s; on %s its holder %s is licensed for %s only and never was for the former. A wider licence, a corrected use or the end of the service clears this. For a person to review.", f.Subject.Kind, f.Subject.ID, tenure.Use, svc, j.LastDay, tenure.HolderName, hasText),
	}
	j.Evidence = licenceEvidence(f.Subject, tenure)
	j.Benign = []BenignTest{
		{Name: "exempt_use", Result: Text{ZH: "用途“" + tenure.Use + "”须经许可", EN: "use " + tenure.Use + " needs a licence"}},
		{Name: "carrier_itself", Result: Text{ZH: "持有单位不是本运营商", EN: "the holder is not the carrier"}},
		{Name: "commitment_in_grace", Result: Text{ZH: fmt.Sprintf("该业务的承诺 %d 份，均不在过渡期内", len(tenure.Commitments)), EN: fmt.Sprintf("%d commitments for the service, none in its period of grace", len(tenure.Commitments))}},
	}
	return j
}
