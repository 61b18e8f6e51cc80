package rules

import (
	"fmt"

	"github.com/linewarden/linewarden/registry"
)

// IntlThirdParty is the rule intl-third-party (N32-2.2.4c, N32-2.2.4d): a
// share of what an international line carries has a near-end or far-end
// address that is neither in the ends declared for it nor the holder's own.
func IntlThirdParty() Rule {
	return define(Spec{
		ID: "intl-third-party", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: []Clause{
			{ID: "N32-2.2.4c", Valid: registry.Validity{From: n32Published}},
			{ID: "N32-2.2.4d", Valid: registry.Validity{From: n32Published}},
		},
		Title: Text{ZH: "国际专线承载第三方流量（疑似）", EN: "International line carries third-party traffic (indication)"},
		Claim: Text{
			ZH: "国际专线上有相当比例的流量，其近端或远端地址既不在登记的两端之内，也不属于持有单位自有地址。",
			EN: "A share of an international line's traffic has a near-end or far-end address outside the ends declared for it and outside the holder's own addresses.",
		},
		Params: []Param{
			{Name: "min_share", Unit: "share of bytes", Default: 0.05, Min: 0.001, Max: 1, Meaning: Text{ZH: "第三方流量占比下限", EN: "least share of third-party bytes, over the span and on a day that counts"}},
			{Name: "min_samples", Unit: "packets", Default: 1000, Min: 1, Max: 1e9, Meaning: Text{ZH: "专线采样包数下限", EN: "least sampled packets of the line"}},
			{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "第三方采样包数下限", EN: "least sampled packets of third parties"}},
			{Name: "min_days", Unit: "days", Default: 2, Min: 1, Max: 366, Meaning: Text{ZH: "达到占比的天数下限", EN: "least days on which the share is reached"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		},
	}, measureThirdParty, judgeThirdParty)
}

// ThirdPartyFact is what an international line carried, set against the ends
// declared for it. What offends has a third party at one end or both.
type ThirdPartyFact struct {
	LineFact
	Days     []LineDay     `json:"days"`
	Networks []LineNetwork `json:"networks"` // of third parties, greatest first
}

// judgeThirdParty judges each holder of the line by the holder's own days, the
// last one first.
func judgeThirdParty(f ThirdPartyFact, p Params) Judgement {
	return judgeHolders(f.Holders, func(h Holder) Judgement {
		return judgeThirdPartyOf(f, totalsOf(f.Days, h, p["min_share"]), p)
	})
}

func judgeThirdPartyOf(f ThirdPartyFact, t lineTotals, p Params) Judgement {
	j := Judgement{Outcome: Clear, Completeness: round(f.Completeness, 4), FirstDay: t.first, LastDay: t.last}
	if len(f.EndA) == 0 && len(f.EndZ) == 0 {
		return j // nothing is declared to compare with: intl-user-file says that
	}
	if why := f.withhold(t.samples, p); why != "" {
		return f.withheldFor(why, t.samples, t.offendingSamples)
	}
	if !t.reached(p) || float64(t.offendingSamples) < p["min_offending_samples"] {
		return j
	}
	j.Outcome = Fires
	j.Holder = heldBy(f.LineFact, t.holder)
	j.Severity = thirdPartySeverity(t.share)
	j.Confidence = round(ConfidenceAbove(t.share, p["min_share"], t.samples, f.Completeness), 4)
	j.Facts = thirdPartyFacts(f, t)
	j.Explanation = explainThirdParty(f, t)
	j.Evidence = f.evidence("networks")
	j.Benign = thirdPartyBenign(f, t, p)
	return j
}

func thirdPartySeverity(share float64) Severity {
	if share >= 0.3 {
		return Critical
	}
	return High
}

func thirdPartyFacts(f ThirdPartyFact, t lineTotals) FactSet {
	facts := f.shareFacts(&t, "third_party")
	facts["third_party_networks"] = networkNames(f.Networks, t.holder.EnterpriseID)
	return facts
}

func explainThirdParty(f ThirdPartyFact, t lineTotals) Text {
	half := 100 * HalfWidth(t.share, t.samples)
	return Text{
		ZH: fmt.Sprintf("国际专线 %s（%s）在 %d 天内有 %.1f%%（±%.1f 个百分点，按 %d 个采样包估计）的流量，其近端或远端地址不在登记的两端（A端 %d 段、Z端 %d 段）之内，也不属于持有单位；其中 %d 天达到判定比例。登记遗漏的自有地址、或停止承载他人流量后即可消除。请人工核实。",
			f.Subject.ID, t.holder.Name, t.days, 100*t.share, half, t.samples, len(f.EndA), len(f.EndZ), t.offendingDays),
		EN: fmt.Sprintf("Over %d days %.1f %% (±%.1f percentage points, from %d sampled packets) of the bytes of international line %s (%s) have a near-end or far-end address outside its declared ends (%d prefixes at A, %d at Z) and outside the holder's own addresses; the share was reached on %d days. Declaring addresses of the holder that are missing, or ending the carriage for others, clears this. For a person to review.",
			t.days, 100*t.share, half, t.samples, f.Subject.ID, t.holder.Name, len(f.EndA), len(f.EndZ), t.offendingDays),
	}
}

func thirdPartyBenign(f ThirdPartyFact, t lineTotals, p Params) []BenignTest {
	return []BenignTest{
		{Name: "end_not_declared", Result: Text{
			ZH: fmt.Sprintf("只比对已登记的一端：A端 %d 段，Z端 %d 段", len(f.EndA), len(f.EndZ)),
			EN: fmt.Sprintf("only declared ends are compared: %d prefixes at A, %d at Z", len(f.EndA), len(f.EndZ)),
		}},
		{Name: "holders_own_addresses", Result: Text{ZH: "持有单位及同集团单位的地址段已排除", EN: "addresses of the holder and of its group are set aside"}},
		{Name: "router_link_addresses", Result: Text{ZH: "设备互联地址和采集设备地址已排除", EN: "infrastructure and exporter addresses are set aside"}},
		{Name: "single_day", Result: Text{
			ZH: fmt.Sprintf("%d 天达到比例，下限 %.0f 天", t.offendingDays, p["min_days"]),
			EN: fmt.Sprintf("the share was reached on %d days, %.0f are needed", t.offendingDays, p["min_days"]),
		}},
	}
}
