package rules

import (
	"context"
	"fmt"
	"iter"

	"github.com/linewarden/linewarden/registry"
)

// ICPUnfiled is the rule icp-unfiled (未备案, ICP-1, ICP-2): a name is served
// from our addresses without a filing.
func ICPUnfiled() Rule {
	return define(Spec{
		ID: "icp-unfiled", Version: "1", Ledger: true, LookbackDays: 7, QuietDays: 7,
		Clauses: append(since(icpMeasures, "ICP-1"), since(icpFiling, "ICP-2")...),
		Title:   Text{ZH: "域名未备案接入（疑似）", EN: "Name served without an ICP filing (indication)"},
		Claim: Text{
			ZH: "域名在至少两天内被观测到解析至本网地址，而当日没有覆盖该域名的有效备案；上级域名的备案覆盖其下各级。",
			EN: "A name was observed on our addresses on two days or more without an active filing on those days; the filing of a name covers the names below it.",
		},
		Params: []Param{
			{
				Name: "min_days", Unit: "days", Default: 2, Min: 1, Max: 366,
				Meaning: Text{ZH: "未备案且被观测到的最少天数", EN: "least number of days observed without a filing"},
			},
			{
				Name: "window_days", Unit: "days", Default: 30, Min: 1, Max: 366,
				Meaning: Text{ZH: "截至末日计入观测的天数", EN: "days up to the last one whose observations count"},
			},
		},
	}, measureUnfiled, judgeUnfiled)
}

func measureUnfiled(_ context.Context, in Inputs, p Params) iter.Seq2[DomainFact, error] {
	return inOrder(domainsOnUs(in.Ledgers, in.Span.Days, int(p["window_days"])))
}

// unfiledDays returns the days of the span on which the name was unfiled and
// that many such days had been seen, and how many there were in all.
func (f *DomainFact) unfiledDays(least int) (h held, last *domainDay, all int) {
	for i := range f.Spells {
		spell := &f.Spells[i]
		if spell.State.Filing != "" {
			continue
		}
		for d := spell.From; d <= spell.To; d++ {
			if all++; all >= least && d >= f.Days.From {
				h.add(d, d)
				last = &spell.State
			}
		}
	}
	return h, last, all
}

func judgeUnfiled(f DomainFact, p Params) Judgement {
	h, last, all := f.unfiledDays(int(p["min_days"]))
	if last == nil {
		return clearJudgement()
	}
	j := h.fires(f.Days, Medium)
	j.Holder = heldBy(f, last.Holder)
	j.Facts = FactSet{"days_observed_unfiled": all, "address": last.Address.String(), "holder_of_address": last.Holder.EnterpriseID, "access_rows": len(last.Providers), "days": h.days}
	j.Explanation = Text{
		ZH: fmt.Sprintf("域名 %s 在 %d 天内被观测到解析至本网地址 %s（登记给“%s”），截至 %s 没有覆盖该域名的有效备案。完成备案或停止接入后即可消除。请人工核实。", f.Subject.ID, all, last.Address, last.Holder.Name, h.last),
		EN: fmt.Sprintf("%s was observed on our address %s (filed for %s) on %d days; on %s no active filing covers it. A filing or the end of the access clears this. For a person to review.", f.Subject.ID, last.Address, last.Holder.Name, all, h.last),
	}
	j.Evidence = domainEvidence(f.Subject.ID, last)
	j.Benign = []BenignTest{
		{Name: "filed_above", Result: Text{ZH: "其各级上级域名也没有有效备案", EN: "no name above it is filed either"}},
		{Name: "passing_record", Result: Text{ZH: fmt.Sprintf("未备案状态下观测到 %d 天", all), EN: fmt.Sprintf("observed on %d days without a filing", all)}},
		{Name: "not_our_address", Result: Text{ZH: "该地址当日在本网登记的地址段内", EN: "the address was in a filed allocation that day"}},
	}
	return j
}

func domainEvidence(name string, d *domainDay) []Evidence {
	ev := []Evidence{ledgerRow("domains", name+"/"+d.Address.String(), name+" on "+d.Address.String())}
	if d.Filing != "" {
		ev = append(ev, ledgerRow("icp_filings", d.Filing, "filing "+d.Filing))
	}
	for _, p := range d.Providers {
		ev = append(ev, ledgerRow("icp_access", name+"/"+p, "access by "+p))
	}
	return ev
}

// spanOnly returns the spells cut to the span.
func (f *DomainFact) spanOnly() []Spell[domainDay] {
	var out []Spell[domainDay]
	for _, s := range f.Spells {
		if (registry.Validity{From: s.From, To: s.To}).Overlaps(f.Days) {
			s.From, s.To = max(s.From, f.Days.From), min(s.To, f.Days.To)
			out = append(out, s)
		}
	}
	return out
}
