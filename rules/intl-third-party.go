package rules

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

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

// maxNamedNetworks is how many third-party networks a fact lists for each
// holder of the line.
const maxNamedNetworks = 10

// ThirdPartyFact is what an international line carried, set against the ends
// declared for it.
type ThirdPartyFact struct {
	Subject Subject        `json:"subject"`
	Holders []Holder       `json:"holders"` // one after the other; the last one is whom the fact is about
	EndA    []netip.Prefix `json:"end_a"`   // declared, near
	EndZ    []netip.Prefix `json:"end_z"`   // declared, far
	// LastDay is the last day of the span on which the line was in service.
	LastDay  registry.Date       `json:"last_day"`
	Days     []ThirdPartyDay     `json:"days"`
	Networks []ThirdPartyNetwork `json:"networks"` // greatest first
	// UnscaledBytes were exported without a known sampling rate.
	UnscaledBytes uint64   `json:"unscaled_bytes"`
	Completeness  float64  `json:"completeness"`
	Exporters     []string `json:"exporters"`
}

// ThirdPartyDay is one local day of a line, bytes scaled, both directions.
type ThirdPartyDay struct {
	Day          registry.Date `json:"day"`
	Holder       string        `json:"holder"` // enterprise_id
	Bytes        uint64        `json:"bytes"`
	Samples      uint64        `json:"samples"`
	ThirdBytes   uint64        `json:"third_bytes"`
	ThirdSamples uint64        `json:"third_samples"`
}

// ThirdPartyNetwork is a network that is neither declared nor the holder's.
type ThirdPartyNetwork struct {
	Network netip.Prefix `json:"network"`
	Near    bool         `json:"near"`   // on the customer's side
	Holder  string       `json:"holder"` // of the line, when it was seen
	Bytes   uint64       `json:"bytes"`
	Samples uint64       `json:"samples"`
}

// About implements Fact.
func (f ThirdPartyFact) About() (s Subject, enterpriseID, province string) {
	last := f.Holders[len(f.Holders)-1]
	return f.Subject, last.EnterpriseID, last.Province
}

func measureThirdParty(ctx context.Context, in Inputs, _ Params) iter.Seq2[ThirdPartyFact, error] {
	return func(yield func(ThirdPartyFact, error) bool) {
		books, err := in.Traffic.ExporterBooks(ctx, in.Span.Window())
		if err != nil {
			yield(ThirdPartyFact{}, fmt.Errorf("read exporter books: %w", err))
			return
		}
		lines := newThirdPartyLines(in, books)
		for usage, err := range in.Traffic.LineNetworks(ctx, in.Span.Window(), in.Span.Location) {
			if err != nil {
				yield(ThirdPartyFact{}, fmt.Errorf("read line networks: %w", err))
				return
			}
			lines.add(usage)
		}
		for _, f := range lines.facts() {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// thirdPartyTotals adds up the days of one holder.
type thirdPartyTotals struct {
	holder                                   Holder
	bytes, samples, thirdBytes, thirdSamples uint64
	share                                    float64
	days, offendingDays                      int
	first, last                              registry.Date
}

func (f ThirdPartyFact) totals(h Holder, minShare float64) thirdPartyTotals {
	t := thirdPartyTotals{holder: h}
	for _, d := range f.Days {
		if d.Holder != h.EnterpriseID {
			continue
		}
		t.days++
		t.bytes += d.Bytes
		t.samples += d.Samples
		t.thirdBytes += d.ThirdBytes
		t.thirdSamples += d.ThirdSamples
		if d.ThirdBytes == 0 || float64(d.ThirdBytes) < minShare*float64(d.Bytes) {
			continue
		}
		t.offendingDays++
		if t.first == 0 || d.Day < t.first {
			t.first = d.Day
		}
		t.last = max(t.last, d.Day)
	}
	if t.bytes > 0 {
		t.share = float64(t.thirdBytes) / float64(t.bytes)
	}
	return t
}

// judgeThirdParty judges each holder of the line by the holder's own days, the
// last one first.
func judgeThirdParty(f ThirdPartyFact, p Params) Judgement {
	var last Judgement
	for i, holder := range slices.Backward(f.Holders) {
		j := judgeThirdPartyOf(f, f.totals(holder, p["min_share"]), p)
		if j.Outcome == Fires {
			return j
		}
		if i == len(f.Holders)-1 {
			last = j
		}
	}
	return last
}

func judgeThirdPartyOf(f ThirdPartyFact, t thirdPartyTotals, p Params) Judgement {
	j := Judgement{Outcome: Clear, Completeness: round(f.Completeness, 4), FirstDay: t.first, LastDay: t.last}
	if len(f.EndA) == 0 && len(f.EndZ) == 0 {
		return j // nothing is declared to compare with: intl-user-file says that
	}
	if why := withholdThirdParty(f, t, p); why != "" {
		j.Outcome, j.Reason = Withheld, why
		j.Facts = FactSet{"samples": t.samples, "unscaled_bytes": f.UnscaledBytes}
		return j
	}
	if t.share < p["min_share"] || float64(t.offendingDays) < p["min_days"] || float64(t.thirdSamples) < p["min_offending_samples"] {
		return j
	}
	j.Outcome = Fires
	j.Holder = heldBy(f, t.holder)
	j.Severity = thirdPartySeverity(t.share)
	j.Confidence = round(ConfidenceAbove(t.share, p["min_share"], t.samples, f.Completeness), 4)
	j.Facts = thirdPartyFacts(f, t)
	j.Explanation = explainThirdParty(f, t)
	j.Evidence = thirdPartyEvidence(f)
	j.Benign = thirdPartyBenign(f, t, p)
	return j
}

// withholdThirdParty says why the data does not suffice, or nothing.
func withholdThirdParty(f ThirdPartyFact, t thirdPartyTotals, p Params) string {
	switch {
	case f.Completeness < p["min_completeness"]:
		return "low_completeness"
	case f.UnscaledBytes > t.bytes: // what is left out may outweigh what is judged
		return "sampling_unknown"
	case t.samples > 0 && float64(t.samples) < p["min_samples"]:
		return "low_samples"
	}
	return ""
}

func thirdPartySeverity(share float64) Severity {
	if share >= 0.3 {
		return Critical
	}
	return High
}

func thirdPartyFacts(f ThirdPartyFact, t thirdPartyTotals) FactSet {
	return FactSet{
		"third_party_share":            round(t.share, 4),
		"third_party_share_half_width": round(HalfWidth(t.share, t.samples), 4),
		"bytes_per_day":                t.bytes / uint64(t.days),
		"third_party_bytes_per_day":    t.thirdBytes / uint64(t.days),
		"samples":                      t.samples,
		"third_party_samples":          t.thirdSamples,
		"days":                         t.days,
		"days_with_third_party":        t.offendingDays,
		"third_party_networks":         networkNames(f.Networks, t.holder.EnterpriseID),
		"declared_a_prefixes":          prefixNames(f.EndA),
		"declared_z_prefixes":          prefixNames(f.EndZ),
		"unscaled_bytes":               f.UnscaledBytes,
	}
}

func networkNames(networks []ThirdPartyNetwork, holder string) []string {
	out := make([]string, 0, len(networks))
	for _, n := range networks {
		if n.Holder == holder {
			out = append(out, n.Network.String()+" "+sideOf(n))
		}
	}
	return out
}

func sideOf(n ThirdPartyNetwork) string {
	if n.Near {
		return "near"
	}
	return "far"
}

func prefixNames(prefixes []netip.Prefix) []string {
	out := make([]string, len(prefixes))
	for i, p := range prefixes {
		out[i] = p.String()
	}
	return out
}

func explainThirdParty(f ThirdPartyFact, t thirdPartyTotals) Text {
	half := 100 * HalfWidth(t.share, t.samples)
	return Text{
		ZH: fmt.Sprintf("国际专线 %s（%s）在 %d 天内有 %.1f%%（±%.1f 个百分点，按 %d 个采样包估计）的流量，其近端或远端地址不在登记的两端（A端 %d 段、Z端 %d 段）之内，也不属于持有单位；其中 %d 天达到判定比例。登记遗漏的自有地址、或停止承载他人流量后即可消除。请人工核实。",
			f.Subject.ID, t.holder.Name, t.days, 100*t.share, half, t.samples, len(f.EndA), len(f.EndZ), t.offendingDays),
		EN: fmt.Sprintf("Over %d days %.1f %% (±%.1f percentage points, from %d sampled packets) of the bytes of international line %s (%s) have a near-end or far-end address outside its declared ends (%d prefixes at A, %d at Z) and outside the holder's own addresses; the share was reached on %d days. Declaring addresses of the holder that are missing, or ending the carriage for others, clears this. For a person to review.",
			t.days, 100*t.share, half, t.samples, f.Subject.ID, t.holder.Name, len(f.EndA), len(f.EndZ), t.offendingDays),
	}
}

func thirdPartyEvidence(f ThirdPartyFact) []Evidence {
	ev := []Evidence{
		{Kind: "ledger_row", Title: "line " + f.Subject.ID, Ref: "lines/" + f.Subject.ID},
		{Kind: "ledger_row", Title: "declared ends of " + f.Subject.ID, Ref: "line_endpoints/" + f.Subject.ID},
		{Kind: "traffic", Title: "networks seen on " + f.Subject.ID, Ref: "line_networks/" + f.Subject.ID},
	}
	for _, e := range f.Exporters {
		ev = append(ev, Evidence{Kind: "completeness", Title: "books of exporter " + e, Ref: "flow_books/" + e})
	}
	return ev
}

func thirdPartyBenign(f ThirdPartyFact, t thirdPartyTotals, p Params) []BenignTest {
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
