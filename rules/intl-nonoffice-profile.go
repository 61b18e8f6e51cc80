package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// IntlNonOfficeProfile is the rule intl-nonoffice-profile (N32-2.2.4c): an
// international line is used as no office uses one, by many address pairs
// outside the office hours of both ends and alike on working days and days of
// rest.
func IntlNonOfficeProfile() Rule {
	return define(Spec{
		ID: "intl-nonoffice-profile", Version: "1", LookbackDays: 14, QuietDays: 14,
		Clauses: since(n32Published, "N32-2.2.4c"),
		Title:   Text{ZH: "国际专线流量特征不符合办公用途（疑似）", EN: "International line is not used as offices use one (indication)"},
		Claim: Text{
			ZH: "国际专线在两端办公时间（当地工作日 07:00–22:00，境内按法定节假日和调休安排）之外承载了很大比例的流量，这些时段有许多地址对在通信，且工作日与休息日之间没有差别。",
			EN: "An international line carries a large share of its bytes outside the office hours of both ends (07:00-22:00 local on working days, in the mainland by the calendar of holidays and make-up days), between many address pairs, and without contrast between working days and days of rest.",
		},
		Params: []Param{
			{Name: "min_share", Unit: "share of bytes", Default: 0.45, Min: 0.01, Max: 1, Meaning: Text{ZH: "两端办公时间之外的流量占比下限", EN: "least share of bytes outside the office hours of both ends"}},
			{Name: "min_pairs", Unit: "address pairs", Default: 20, Min: 1, Max: 1e9, Meaning: Text{ZH: "该时段每日活跃地址对数下限", EN: "least address pairs active in those hours on a day that counts"}},
			{Name: "min_days", Unit: "days", Default: 5, Min: 1, Max: 366, Meaning: Text{ZH: "达到地址对数的天数下限", EN: "least days with so many pairs"}},
			{Name: "max_contrast", Unit: "ratio", Default: 1.3, Min: 0.1, Max: 100, Meaning: Text{ZH: "工作日日均流量与休息日日均流量之比的上限（不含）", EN: "the bytes of a working day over those of a day of rest must be below this"}},
			{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "专线采样包数下限", EN: "least sampled packets of the line"}},
			{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "办公时间之外采样包数下限", EN: "least sampled packets outside office hours"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		},
	}, measureNonOffice, judgeNonOffice)
}

// NonOfficeFact is when an international line was used.
type NonOfficeFact struct {
	LineFact
	Days []OfficeDay `json:"days"`
}

// OfficeDay is one local day of the near end of a line, bytes scaled, both
// directions. Outside is outside the office hours of both ends.
type OfficeDay struct {
	Day    registry.Date `json:"day"`
	Holder string        `json:"holder"` // enterprise_id
	Near   string        `json:"near"`   // country of the near end
	Far    string        `json:"far"`    // country of the far end
	// FarKnown is set when the office hours of the far end can be told; else only
	// those of the near end were.
	FarKnown bool `json:"far_known"`
	// Rest is set on days of rest at both ends.
	Rest           bool   `json:"rest"`
	Bytes          uint64 `json:"bytes"`
	Samples        uint64 `json:"samples"`
	OutsideBytes   uint64 `json:"outside_bytes"`
	OutsideSamples uint64 `json:"outside_samples"`
	// Pairs are the address pairs that were active outside.
	Pairs uint64 `json:"pairs"`
}

// officeTotals adds up the days of one holder.
type officeTotals struct {
	lineTotals            // offending is outside; the days that count have pairs enough
	near, far             string
	farUnknown            bool
	workBytes, restBytes  uint64
	workDays, restDays    int
	medianPairs, maxPairs uint64
}

func (f *NonOfficeFact) totals(h Holder, p Params) officeTotals {
	t := officeTotals{lineTotals: lineTotals{holder: h}}
	var pairs []uint64
	for i := range f.Days {
		d := &f.Days[i]
		if d.Holder != h.EnterpriseID {
			continue
		}
		t.near, t.far = d.Near, d.Far
		t.farUnknown = t.farUnknown || !d.FarKnown
		t.bytes += d.Bytes
		t.samples += d.Samples
		t.offending += d.OutsideBytes
		t.offendingSamples += d.OutsideSamples
		if d.Rest {
			t.restDays++
			t.restBytes += d.Bytes
		} else {
			t.workDays++
			t.workBytes += d.Bytes
		}
		if d.Samples > 0 {
			t.days++
			pairs = append(pairs, d.Pairs)
		}
		if float64(d.Pairs) < p["min_pairs"] {
			continue
		}
		t.offendingDays++
		t.first = cmp.Or(t.first, d.Day)
		t.last = d.Day
	}
	if t.bytes > 0 {
		t.share = float64(t.offending) / float64(t.bytes)
	}
	if len(pairs) > 0 {
		slices.Sort(pairs)
		t.medianPairs, t.maxPairs = pairs[len(pairs)/2], pairs[len(pairs)-1]
	}
	return t
}

// contrast is the bytes of a working day over those of a day of rest. There is
// none without days of both kinds, or when nothing was carried on days of rest.
func (t *officeTotals) contrast() (ratio float64, known bool) {
	if t.workDays == 0 || t.restDays == 0 || t.restBytes == 0 {
		return 0, false
	}
	return float64(t.workBytes) / float64(t.workDays) * float64(t.restDays) / float64(t.restBytes), true
}

func judgeNonOffice(f NonOfficeFact, p Params) Judgement {
	return judgeHolders(f.Holders, func(h Holder) Judgement { return judgeNonOfficeOf(&f, f.totals(h, p), p) })
}

func judgeNonOfficeOf(f *NonOfficeFact, t officeTotals, p Params) Judgement {
	if why := f.withhold(t.samples, p); why != "" {
		return f.withheldFor(why, t.samples, t.offendingSamples)
	}
	contrast, known := t.contrast()
	if !known || contrast >= p["max_contrast"] {
		return Judgement{Outcome: Clear, Completeness: round(f.Completeness, 4)}
	}
	j, fires := f.judgeShare(&t.lineTotals, p)
	if !fires {
		return j
	}
	if t.farUnknown {
		// It may be office hours there.
		return f.withheldFor("far_country_unknown", t.samples, t.offendingSamples)
	}
	j.Severity = Medium
	if float64(t.medianPairs) >= 5*p["min_pairs"] {
		j.Severity = High
	}
	j.Facts = f.figures(&t, contrast)
	j.Explanation = f.explain(&t, contrast, p)
	j.Evidence = append(f.evidence("hours"), ledgerRow("user_files", f.Subject.ID, "user file of "+f.Subject.ID))
	j.Benign = nonOfficeBenign(&t, contrast, p)
	return j
}

func (f *NonOfficeFact) figures(t *officeTotals, contrast float64) FactSet {
	facts := f.shareFacts(&t.lineTotals, "nonoffice")
	delete(facts, "days_with_nonoffice")
	facts["days_with_active_pairs"] = t.offendingDays
	facts["nonoffice_pairs_median"] = t.medianPairs
	facts["nonoffice_pairs_max"] = t.maxPairs
	facts["workday_restday_ratio"] = round(contrast, 3)
	facts["working_days"] = t.workDays
	facts["rest_days"] = t.restDays
	facts["a_country"] = t.near
	facts["z_country"] = t.far
	return facts
}

func (f *NonOfficeFact) explain(t *officeTotals, contrast float64, p Params) Text {
	half := 100 * HalfWidth(t.share, t.samples)
	return Text{
		ZH: fmt.Sprintf("国际专线 %s（%s，%s–%s）在 %d 天内有 %.1f%%（±%.1f 个百分点，按 %d 个采样包估计）的流量发生在两端办公时间之外；其中 %d 天在该时段有不少于 %.0f 个地址对活跃（中位数 %d），工作日与休息日日均流量之比为 %.2f（工作日 %d 天、休息日 %d 天，办公用途应不低于 %.1f）。用户档案声明该线路仅供内部办公专用。若确有全天候的内部业务，请在用户档案的用途中说明并登记两端，由人工核实后消除；否则停止非办公用途。请人工核实。",
			f.Subject.ID, t.holder.Name, t.near, t.far, t.days, 100*t.share, half, t.samples, t.offendingDays, p["min_pairs"], t.medianPairs, contrast, t.workDays, t.restDays, p["max_contrast"]),
		EN: fmt.Sprintf("Over %d days %.1f %% (±%.1f percentage points, from %d sampled packets) of the bytes of international line %s (%s, %s to %s) ran outside the office hours of both ends; on %d days at least %.0f address pairs were active then (median %d), and a working day carried %.2f times the bytes of a day of rest (%d working days, %d days of rest; offices reach %.1f). The line is for the holder's own offices. An internal use around the clock that the user file states, with both ends declared, lets a person clear this; otherwise ending the other use does. For a person to review.",
			t.days, 100*t.share, half, t.samples, f.Subject.ID, t.holder.Name, t.near, t.far, t.offendingDays, p["min_pairs"], t.medianPairs, contrast, t.workDays, t.restDays, p["max_contrast"]),
	}
}

func nonOfficeBenign(t *officeTotals, contrast float64, p Params) []BenignTest {
	return []BenignTest{
		{Name: "nightly_backup", Result: Text{
			ZH: fmt.Sprintf("%d 天有不少于 %.0f 个地址对活跃（下限 %.0f 天），不是少数主机之间的备份", t.offendingDays, p["min_pairs"], p["min_days"]),
			EN: fmt.Sprintf("at least %.0f address pairs were active on %d days (%.0f are needed): no backup between a few hosts", p["min_pairs"], t.offendingDays, p["min_days"]),
		}},
		{Name: "follow_the_sun", Result: Text{
			ZH: fmt.Sprintf("两端（%s、%s）任一端的办公时间都已排除", t.near, t.far),
			EN: fmt.Sprintf("the office hours of either end (%s, %s) are set aside", t.near, t.far),
		}},
		{Name: "overtime_on_working_days", Result: Text{
			ZH: fmt.Sprintf("工作日与休息日日均流量之比 %.2f，低于 %.1f", contrast, p["max_contrast"]),
			EN: fmt.Sprintf("a working day carried %.2f times the bytes of a day of rest, below %.1f", contrast, p["max_contrast"]),
		}},
		{Name: "holidays", Result: Text{
			ZH: fmt.Sprintf("境内法定节假日和调休工作日按日历计（休息日 %d 天）", t.restDays),
			EN: fmt.Sprintf("holidays and make-up days in the mainland are by the calendar (%d days of rest)", t.restDays),
		}},
	}
}
