package rules

import (
	"fmt"
	"slices"
)

// IntlTransit is the rule intl-transit (N32-2.2.4a, N32-2.2.4d): an
// international line carries traffic of others to others, or networks beyond
// the holder's are reached over it.
func IntlTransit() Rule {
	return define(Spec{
		ID: "intl-transit", Version: "1", Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.4a", "N32-2.2.4c", "N32-2.2.4d"),
		Title:   Text{ZH: "国际专线转接他人流量（疑似）", EN: "International line carries transit traffic (indication)"},
		Claim: Text{
			ZH: "国际专线上有一部分流量两端都不属于持有单位，或从持有单位会话学到的路由带有持有单位之外、未登记的自治系统（持有单位另有国内专线时不看路由）。",
			EN: "Part of an international line's traffic has neither end at the holder, or routes learned from the holder carry autonomous systems beyond the holder's that are not filed (routes are left out where the holder also has a domestic line).",
		},
		Params: []Param{
			{Name: "min_share", Unit: "share of bytes", Default: 0.02, Min: 0.001, Max: 1, Meaning: Text{ZH: "两端都不属于持有单位的流量占比下限", EN: "least share of bytes with neither end at the holder, over the span and on a day that counts"}},
			{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "专线采样包数下限", EN: "least sampled packets of the line"}},
			{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "转接流量采样包数下限", EN: "least sampled packets with neither end at the holder"}},
			{Name: "min_days", Unit: "days", Default: 1, Min: 1, Max: 366, Meaning: Text{ZH: "达到占比的天数下限", EN: "least days on which the share is reached"}},
			{Name: "min_hours", Unit: "hours", Default: 24, Min: 0.01, Max: 8784, Meaning: Text{ZH: "路由存续时长下限", EN: "least time such routes were held in the span"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "流量数据、路由数据完整性下限", EN: "least completeness of the flow data, and of the routes"}},
		},
	}, measureTransit, judgeTransit)
}

// TransitFact is what an international line carried from others to others, and
// which networks beyond the holder's were learned from the holder. What offends
// has neither end at the holder.
type TransitFact struct {
	LineFact
	Days     []LineDay      `json:"days"`
	Networks []LineNetwork  `json:"networks"` // of others, greatest first
	Aside    []TransitAside `json:"aside"`    // by holder
	Routes   []LearnedRoute `json:"routes"`
	// RoutesSeen is set when routes were asked, and RouteCompleteness is the
	// share of the span in which they could be seen.
	RoutesSeen        bool    `json:"routes_seen"`
	RouteCompleteness float64 `json:"route_completeness"`
}

// TransitAside is what does not offend while one holder had the line, in scaled
// bytes.
type TransitAside struct {
	Holder string `json:"holder"` // enterprise_id
	// OneEndBytes have one end at the holder: intl-third-party judges them.
	OneEndBytes   uint64 `json:"one_end_bytes"`
	BogonBytes    uint64 `json:"bogon_bytes"`
	ApprovedBytes uint64 `json:"approved_bytes"` // on days with an approval
}

// LearnedRoute is a network behind one of the holder's, in routes learned from
// the holder, on the days it was neither the holder's nor filed.
type LearnedRoute struct {
	Holder   string       `json:"holder"` // enterprise_id
	ASN      uint32       `json:"asn"`    // of the holder
	Behind   RouteNetwork `json:"behind"`
	Days     []RouteDay   `json:"days"`
	Path     string       `json:"path"`
	Examples []string     `json:"examples"` // of prefixes
	Routers  []string     `json:"routers"`
}

// held is how long it was there, in seconds.
func (r *LearnedRoute) held() (seconds int64) {
	for _, d := range r.Days {
		seconds += d.Seconds
	}
	return seconds
}

func judgeTransit(f TransitFact, p Params) Judgement {
	return judgeHolders(f.Holders, func(h Holder) Judgement {
		return judgeTransitOf(&f, totalsOf(f.Days, h, p["min_share"]), p)
	})
}

// judgeTransitOf fires on traffic or on routes; what one of them cannot say
// does not keep the other from saying it.
func judgeTransitOf(f *TransitFact, t lineTotals, p Params) Judgement {
	routes := f.routesBeyond(t.holder.EnterpriseID, p)
	j, traffic := f.judgeShare(&t, p)
	if !traffic {
		if len(routes) == 0 {
			return j
		}
		if f.RouteCompleteness < p["min_completeness"] {
			if j.Outcome == Clear {
				return f.withheldFor("low_completeness", t.samples, t.offendingSamples)
			}
			return j
		}
		j = f.judgeRoutes(&t, routes, p)
	} else {
		routes = slices.DeleteFunc(routes, func(*LearnedRoute) bool { return f.RouteCompleteness < p["min_completeness"] })
		for _, r := range routes {
			j.FirstDay, j.LastDay = min(j.FirstDay, r.Days[0].Day), max(j.LastDay, r.Days[len(r.Days)-1].Day)
		}
	}
	aside := f.side(t.holder.EnterpriseID)
	j.Facts = f.figures(&t, &aside, routes)
	j.Explanation = f.explain(&t, routes, traffic)
	j.Evidence = f.evidence("networks")
	for _, r := range routes {
		j.Evidence = append(j.Evidence, routeEvidence(asnText(r.Behind.ASN), r.Routers)...)
	}
	j.Benign = f.benign(&t, &aside, routes, p)
	return j
}

// routesBeyond returns the networks beyond a holder's that were held long
// enough, the lasting ones first as measured.
func (f *TransitFact) routesBeyond(holder string, p Params) []*LearnedRoute {
	var out []*LearnedRoute
	for i := range f.Routes {
		if r := &f.Routes[i]; r.Holder == holder && float64(r.held()) >= p["min_hours"]*3600 {
			out = append(out, r)
		}
	}
	return out
}

// judgeRoutes is the judgement about routes alone.
func (f *TransitFact) judgeRoutes(t *lineTotals, routes []*LearnedRoute, p Params) Judgement {
	var r routed
	for _, l := range routes {
		r.seconds = max(r.seconds, l.held())
		if first := l.Days[0].Day; r.first == 0 || first < r.first {
			r.first = first
		}
		r.last = max(r.last, l.Days[len(l.Days)-1].Day)
	}
	j := judgeRouted(r, f.RouteCompleteness, p)
	j.Holder = heldBy(f.LineFact, t.holder)
	j.Severity = High
	return j
}

func (f *TransitFact) side(holder string) TransitAside {
	for _, a := range f.Aside {
		if a.Holder == holder {
			return a
		}
	}
	return TransitAside{Holder: holder}
}

func (f *TransitFact) figures(t *lineTotals, a *TransitAside, routes []*LearnedRoute) FactSet {
	facts := f.shareFacts(t, "transit")
	facts["third_party_networks"] = networkNames(f.Networks, t.holder.EnterpriseID)
	facts["one_end_bytes"] = a.OneEndBytes
	facts["bogon_bytes"] = a.BogonBytes
	facts["routes_observed"] = f.RoutesSeen
	facts["route_completeness"] = round(f.RouteCompleteness, 4)
	asns := make([]string, 0, len(routes))
	var longest float64
	for _, r := range routes {
		asns = append(asns, asnText(r.Behind.ASN))
		longest = max(longest, round(float64(r.held())/3600, 1))
	}
	facts["asns_beyond_the_holder"] = asns
	facts["route_hours_max"] = longest
	return facts
}

func (f *TransitFact) explain(t *lineTotals, routes []*LearnedRoute, traffic bool) Text {
	out := Text{
		ZH: fmt.Sprintf("国际专线 %s（%s，登记 A端 %d 段、Z端 %d 段）：", f.Subject.ID, t.holder.Name, len(f.EndA), len(f.EndZ)),
		EN: fmt.Sprintf("International line %s (%s; %d prefixes declared at A, %d at Z): ", f.Subject.ID, t.holder.Name, len(f.EndA), len(f.EndZ)),
	}
	if traffic {
		half := 100 * HalfWidth(t.share, t.samples)
		out.ZH += fmt.Sprintf("%d 天内有 %.1f%%（±%.1f 个百分点，按 %d 个采样包估计，日均 %s）的流量两端都不属于持有单位，其中 %d 天达到判定比例。", t.days, 100*t.share, half, t.samples, amount(t.perDay(t.offending)), t.offendingDays)
		out.EN += fmt.Sprintf("over %d days %.1f %% of the bytes (±%.1f percentage points, from %d sampled packets; %s a day) have neither end at the holder; the share was reached on %d days. ", t.days, 100*t.share, half, t.samples, amount(t.perDay(t.offending)), t.offendingDays)
	}
	for _, r := range routes {
		zh, en := r.Behind.names()
		out.ZH += fmt.Sprintf("从持有单位 AS%d 的会话学到其后的 %s，累计 %.1f 小时，台账中没有该下游关系。", r.ASN, zh, float64(r.held())/3600)
		out.EN += fmt.Sprintf("Routes learned from the holder's AS%d carry %s behind it for %.1f hours, filed as no downstream of the holder. ", r.ASN, en, float64(r.held())/3600)
	}
	out.ZH += "登记遗漏的自有地址、自治系统或下游，取得跨境业务批准，或停止为他人转接后即可消除。请人工核实。"
	out.EN += "Declaring addresses, autonomous systems or downstreams of the holder that are missing, an approval of cross-border business, or ending the transit clears this. For a person to review."
	return out
}

func (f *TransitFact) benign(t *lineTotals, a *TransitAside, routes []*LearnedRoute, p Params) []BenignTest {
	list := []BenignTest{
		{Name: "one_end_at_the_holder", Result: Text{
			ZH: fmt.Sprintf("一端属于持有单位的流量不计（%s），两端都不属于的占 %.1f%%，下限 %.1f%%", amount(a.OneEndBytes), 100*t.share, 100*p["min_share"]),
			EN: fmt.Sprintf("traffic with one end at the holder does not count (%s); %.1f %% has neither, %.1f %% is needed", amount(a.OneEndBytes), 100*t.share, 100*p["min_share"]),
		}},
		{Name: "end_not_declared", Result: Text{ZH: "未登记的一端只计台账中已知属于他人的网络", EN: "at an end with nothing declared only networks count that the ledgers know to be somebody else's"}},
		{Name: "holders_own_addresses", Result: Text{ZH: "持有单位及同集团的地址、设备互联地址已排除", EN: "addresses of the holder, its group and the plant are set aside"}},
		{Name: "approval", Result: Text{
			ZH: fmt.Sprintf("有跨境业务批准的日期已排除（%s）", amount(a.ApprovedBytes)),
			EN: fmt.Sprintf("days with an approval of cross-border business are set aside (%s)", amount(a.ApprovedBytes)),
		}},
	}
	if len(routes) > 0 {
		list = append(list, BenignTest{Name: "domestic_line_or_filed_downstream", Result: Text{
			ZH: fmt.Sprintf("持有单位没有国内专线，%d 个自治系统均未登记为其下游，也不是私有号码，存续不少于 %.0f 小时", len(routes), p["min_hours"]),
			EN: fmt.Sprintf("the holder has no domestic line, and none of the %d networks is filed as its downstream or a private number; they were there for at least %.0f hours", len(routes), p["min_hours"]),
		}})
	}
	return list
}
