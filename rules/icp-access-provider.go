package rules

import (
	"context"
	"fmt"
	"iter"
	"strings"
)

// ICPAccessProvider is the rule icp-access-provider (少报, ICP-3): a filed name
// is served by a provider that its filing does not name.
func ICPAccessProvider() Rule {
	return define(Spec{
		ID: "icp-access-provider", Version: "1", Ledger: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(icpFiling, "ICP-3"),
		Title:   Text{ZH: "备案未登记本网接入（少报，疑似）", EN: "Filing does not name the access provider (indication)"},
		Claim: Text{
			ZH: "已备案的域名被观测到解析至本网地址，但其接入登记既没有本运营商，也没有以其专线或地址段承载该地址的单位。",
			EN: "A filed name is observed on our address, and no access row names the carrier or an enterprise whose line or allocation carries the address.",
		},
	}, measureAccessProvider, judgeAccessProvider)
}

func measureAccessProvider(_ context.Context, in Inputs, _ Params) iter.Seq2[DomainFact, error] {
	return inOrder(domainsOnUs(in.Ledgers, in.Span.Days, 1))
}

func judgeAccessProvider(f DomainFact, _ Params) Judgement {
	h, last := holding(f.spanOnly(), func(d *domainDay) bool { return d.Filing != "" && !d.Named })
	if last == nil {
		return clearJudgement()
	}
	j := h.fires(f.Days, Medium)
	j.Holder = heldBy(f, last.Holder)
	named := strings.Join(firstOf(last.Providers, 8), ", ")
	j.Facts = FactSet{"filing": last.Filing, "filed_by": last.Owner, "providers_named": last.Providers, "address": last.Address.String(), "holder_of_address": last.Holder.EnterpriseID, "days": h.days}
	j.Explanation = Text{
		ZH: fmt.Sprintf("域名 %s（备案 %s）截至 %s 解析至本网地址 %s（登记给“%s”），其接入登记为 %s，没有本运营商或承载该地址的单位。补报新增接入或停止接入后即可消除。请人工核实。", f.Subject.ID, last.Filing, h.last, last.Address, last.Holder.Name, orDash(named)),
		EN: fmt.Sprintf("%s (filing %s) was observed on our address %s (filed for %s) on %s; its access rows name %s, neither the carrier nor who carries the address. Adding the provider to the filing or ending the access clears this. For a person to review.", f.Subject.ID, last.Filing, last.Address, last.Holder.Name, h.last, orDash(named)),
	}
	j.Evidence = domainEvidence(f.Subject.ID, last)
	j.Benign = []BenignTest{
		{Name: "access_of_name_above", Result: Text{ZH: "上级域名的接入登记也不含", EN: "the access rows of names above it do not name one either"}},
		{Name: "holder_or_carrier", Result: Text{ZH: "登记本运营商、地址持有单位或其集团均视为正确", EN: "the carrier, the holder of the address and their groups would all be right"}},
	}
	return j
}
