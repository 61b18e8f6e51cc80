package rules

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// SubleaseOrigin is the rule sublease-origin (N32-2.2.3, N32-2.1.1(4)): a part
// of our space is announced by a network of somebody else than who has it.
func SubleaseOrigin() Rule {
	return define(Spec{
		ID: "sublease-origin", Version: "1", Ledger: true, Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.3", "N32-2.1.1(4)"),
		Title:   Text{ZH: "地址段由第三方自治系统通告，疑似转租（疑似）", EN: "Address space originated by a third party's network (indication)"},
		Claim: Text{
			ZH: "本运营商已分配地址段内的路由（等于或更具体），其起源自治系统累计 24 小时以上既不属于持有单位、上级地址段持有单位及其集团，也不属于本运营商或已登记的通告、申请单位。",
			EN: "A route inside an allocation of ours, equal or more specific, had for 24 hours or more an origin that is no network of its holder, of the holder of a covering allocation, of their groups, of the carrier, nor of the filed announcer or applicant.",
		},
		Params: routeParams(24),
	}, measureSubleaseOrigin, judgeSubleaseOrigin)
}

// OriginFact is a prefix inside ours with the origins that are not filed for it
// on all days.
type OriginFact struct {
	Subject      Subject           `json:"subject"`
	Days         registry.Validity `json:"days"`
	Holder       Holder            `json:"holder"` // on the last day the prefix was ours
	Origins      []ForeignOrigin   `json:"origins"`
	Completeness float64           `json:"completeness"`
}

// About implements Fact.
func (f OriginFact) About() (s Subject, enterpriseID, province string) {
	return f.Subject, f.Holder.EnterpriseID, f.Holder.Province
}

func measureSubleaseOrigin(ctx context.Context, in Inputs, _ Params) iter.Seq2[OriginFact, error] {
	return func(yield func(OriginFact, error) bool) {
		if in.Routes == nil {
			return
		}
		completeness, err := routeCompleteness(ctx, in)
		if err != nil {
			yield(OriginFact{}, err)
			return
		}
		for found, err := range foreignOrigins(ctx, in) {
			f := OriginFact{Days: in.Span.Days, Origins: found.origins, Completeness: completeness}
			if err == nil {
				spells := found.origins[0].Spells
				f.Holder = spells[len(spells)-1].State.Holder
				f.Subject = Subject{SubjectPrefix, found.prefix.String(), f.Holder.Name}
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// judgeSubleaseOrigin judges each origin and reports the one that was there
// longest.
func judgeSubleaseOrigin(f OriginFact, p Params) Judgement {
	most, state, at, all := longest(f.Origins,
		func(o *ForeignOrigin) (routed, *OriginState) { return o.unfiled(p) },
		func(o *ForeignOrigin, _ *OriginState) string { return "AS" + asnText(o.Network.ASN) }, p)
	j := judgeRouted(most, f.Completeness, p)
	if j.Outcome != Fires {
		return j
	}
	j.Holder = heldBy(f, state.Holder)
	j.Severity = Medium
	switch {
	case at.Network.Private:
		j.uncertain()
	case state.Owner != "":
		j.Severity = High
	}
	zh, en := at.Network.names()
	j.Facts = FactSet{
		"origin_asn": at.Network.ASN, "origin_holder": state.Owner, "origin_asns": all, "allocation": state.Allocation,
		"holder": state.Holder.EnterpriseID, "filed_parties": state.Parties, "hours": most.hours(), "days": most.days,
		"as_path": at.Path, "routers": at.Routers,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s 位于登记给“%s”的 %s 之内，在统计期内由 %s 起源共 %.1f 小时（最近一天 %s，AS 路径示例“%s”），该自治系统不属于持有单位、上级持有单位、本运营商或已登记的通告、申请单位（%s）。补登自治系统归属、通告备案，或停止该通告后即可消除。请人工核实。",
			f.Subject.ID, state.Holder.Name, state.Allocation, zh, most.hours(), most.last, at.Path, strings.Join(state.Parties, "、")),
		EN: fmt.Sprintf("Prefix %s inside %s, filed for %s, was originated by %s for %.1f hours of the span (last on %s, AS path %q); that network is none of the holder's, of a covering holder's, the carrier's, or a filed announcer's or applicant's (%s). Filing the network or the announcement, or ending it, clears this. For a person to review.",
			f.Subject.ID, state.Allocation, state.Holder.Name, en, most.hours(), most.last, at.Path, strings.Join(state.Parties, ", ")),
	}
	j.Evidence = append([]Evidence{ledgerRow("allocations", state.Allocation, "allocation "+state.Allocation)}, routeEvidence(f.Subject.ID, at.Routers)...)
	if state.Owner != "" {
		j.Evidence = append(j.Evidence, ledgerRow("asns", asnText(at.Network.ASN), "AS"+asnText(at.Network.ASN)+" of "+state.Owner))
	}
	j.Benign = append(originBenign(&at.Network), benignShort(most, p))
	return j
}

// originBenign are the innocent explanations of an origin that failed.
func originBenign(n *RouteNetwork) []BenignTest {
	return []BenignTest{
		{Name: "same_group", Result: Text{ZH: "起源自治系统不属于持有单位及其集团，也不属于上级地址段持有单位", EN: "the origin is of no group of the holder or of a covering holder"}},
		{Name: "filed_announcement", Result: Text{ZH: "没有为其登记的通告或申请（任播、多源通告须登记）", EN: "no announcement is filed for it; anycast and several origins are filed"}},
		{Name: "as_set", Result: Text{ZH: "不是聚合路由中无法区分的成员", EN: "not a member of a set that cannot be told apart"}},
		benignPrivate(n),
	}
}
