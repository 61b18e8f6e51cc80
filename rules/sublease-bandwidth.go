package rules

import (
	"fmt"
	"slices"
)

// SubleaseBandwidth is the rule sublease-bandwidth (N32-2.2.3, N32-2.1.1(4)): a
// share of what the customer of a domestic line sends has source addresses that
// are not the holder's.
func SubleaseBandwidth() Rule {
	return define(Spec{
		ID: "sublease-bandwidth", Version: "2", Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.3", "N32-2.1.1(4)"),
		Title:   Text{ZH: "带宽转租（疑似）", EN: "Bandwidth sublet (indication)"},
		Claim: Text{
			ZH: "国内专线上由客户侧发出的流量，有相当比例的源地址既不是持有单位自有或登记的地址，也不是已报备下游的地址；私有地址、保留地址和零星伪造包已剔除。",
			EN: "A share of what the customer of a domestic line sends has source addresses that are neither the holder's own or declared ones nor those of filed downstreams, after private and reserved addresses and stray forged packets are set aside.",
		},
		Params: []Param{
			{Name: "min_share", Unit: "share of bytes", Default: 0.05, Min: 0.001, Max: 1, Meaning: Text{ZH: "他人源地址流量占比下限", EN: "least share of bytes from others' addresses, over the span and on a day that counts"}},
			{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "专线采样包数下限", EN: "least sampled packets of the line"}},
			{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "他人源地址采样包数下限", EN: "least sampled packets of others' addresses"}},
			{Name: "min_days", Unit: "days", Default: 2, Min: 1, Max: 366, Meaning: Text{ZH: "达到占比的天数下限", EN: "least days on which the share is reached"}},
			{Name: "min_hours", Unit: "hours", Default: 24, Min: 0, Max: 48, Meaning: Text{ZH: "仅相邻两天达到占比时，首末小时跨度须超过该小时数（排除一天以内的保护倒换）", EN: "where the share is reached on two adjoining days alone, what its first and last hour must be further apart than (protection switching of up to a day is none)"}},
			{Name: "min_network_samples", Unit: "packets", Default: 3, Min: 1, Max: 1e6, Meaning: Text{ZH: "单个网段每日采样包数下限，不足且无回程的视为伪造", EN: "least sampled packets of a network on a day; with fewer, and nothing coming back, it counts as forged"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		},
	}, measureBandwidth, judgeBandwidth)
}

// BandwidthFact is what the customer of a domestic line sent, by whose the
// source addresses are. Days hold what came from the customer; what offends is
// from addresses of others.
type BandwidthFact struct {
	LineFact
	Days     []LineDay       `json:"days"`
	Networks []LineNetwork   `json:"networks"` // of others, greatest first
	Sources  []SourceAccount `json:"sources"`  // by holder
	// Spreads are of the holders with the share on two adjoining days alone.
	Spreads []SourceSpread `json:"spreads,omitempty"`
}

// SourceAccount says what the source addresses of a line were while one holder
// had it, in scaled bytes. Private, bogon and forged ones are in no day.
type SourceAccount struct {
	Holder string `json:"holder"` // enterprise_id
	// Filed is set when the ledgers file any address space for the holder or its
	// group.
	Filed           bool   `json:"filed"`
	OwnBytes        uint64 `json:"own_bytes"`
	PrivateBytes    uint64 `json:"private_bytes"`
	BogonBytes      uint64 `json:"bogon_bytes"`
	SpoofedBytes    uint64 `json:"spoofed_bytes"`
	SpoofedSamples  uint64 `json:"spoofed_samples"`
	DownstreamBytes uint64 `json:"downstream_bytes"` // of filed downstreams
	CutBytes        uint64 `json:"cut_bytes"`        // of blocks cut from the holder's
	// KnownBytes are those of others whom the ledgers know.
	KnownBytes uint64 `json:"known_bytes"`
}

func (f *BandwidthFact) account(holder string) SourceAccount {
	for _, a := range f.Sources {
		if a.Holder == holder {
			return a
		}
	}
	return SourceAccount{Holder: holder}
}

func judgeBandwidth(f BandwidthFact, p Params) Judgement {
	return judgeHolders(f.Holders, func(h Holder) Judgement {
		return judgeBandwidthOf(&f, totalsOf(f.Days, h, p["min_share"]), p)
	})
}

func judgeBandwidthOf(f *BandwidthFact, t lineTotals, p Params) Judgement {
	j, fires := f.judgeShare(&t, p)
	if !fires {
		return j
	}
	mine := func(s SourceSpread) bool { return s.Holder == t.holder.EnterpriseID }
	if i := slices.IndexFunc(f.Spreads, mine); i >= 0 && f.Spreads[i].brief(p) {
		return Judgement{Outcome: Clear, Completeness: round(f.Completeness, 4)}
	}
	account := f.account(t.holder.EnterpriseID)
	if f.nothingFiled(&account) && float64(account.KnownBytes) < p["min_share"]*float64(t.bytes) {
		// Addresses that nobody filed are the holder's as likely as another's.
		return f.withheldFor("addresses_unknown", t.samples, t.offendingSamples)
	}
	j.Facts = f.figures(&t, &account)
	j.Explanation = f.explain(&t, &account)
	j.Evidence = append(f.evidence("source networks"), ledgerRow("allocations", t.holder.EnterpriseID, "allocations of "+t.holder.EnterpriseID))
	j.Benign = f.benign(&t, &account, p)
	return j
}

// nothingFiled reports whether no ledger says which addresses the holder has.
func (f *BandwidthFact) nothingFiled(a *SourceAccount) bool {
	return !a.Filed && a.OwnBytes == 0 && len(f.EndA) == 0 && len(f.EndZ) == 0
}

func (f *BandwidthFact) figures(t *lineTotals, a *SourceAccount) FactSet {
	facts := f.shareFacts(t, "foreign_source")
	facts["third_party_networks"] = networkNames(f.Networks, t.holder.EnterpriseID)
	facts["private_bytes"] = a.PrivateBytes
	facts["bogon_bytes"] = a.BogonBytes
	facts["spoofed_bytes"] = a.SpoofedBytes
	facts["filed_downstream_bytes"] = a.DownstreamBytes
	facts["cut_block_bytes"] = a.CutBytes
	return facts
}

func (f *BandwidthFact) explain(t *lineTotals, a *SourceAccount) Text {
	half := 100 * HalfWidth(t.share, t.samples)
	return Text{
		ZH: fmt.Sprintf("国内专线 %s（%s）在 %d 天内由客户侧发出的流量中，%.1f%%（±%.1f 个百分点，按 %d 个采样包估计，日均 %s）的源地址不属于持有单位的地址分配、登记端点、自有（PI）地址或已报备下游；其中 %d 天达到判定比例。判定前已剔除私有地址 %s、保留地址 %s、零星伪造包 %s。补报自有地址或下游关系、或停止为他人承载流量后即可消除。请人工核实。",
			f.Subject.ID, t.holder.Name, t.days, 100*t.share, half, t.samples, amount(t.perDay(t.offending)), t.offendingDays, amount(a.PrivateBytes), amount(a.BogonBytes), amount(a.SpoofedBytes)),
		EN: fmt.Sprintf("Over %d days %.1f %% (±%.1f percentage points, from %d sampled packets; %s a day) of what the customer of domestic line %s (%s) sends has source addresses outside the holder's allocations, declared ends and provider-independent space and outside those of its filed downstreams; the share was reached on %d days. Set aside before: private addresses %s, reserved ones %s, stray forged packets %s. Filing addresses or downstreams that are missing, or ending the carriage for others, clears this. For a person to review.",
			t.days, 100*t.share, half, t.samples, amount(t.perDay(t.offending)), f.Subject.ID, t.holder.Name, t.offendingDays, amount(a.PrivateBytes), amount(a.BogonBytes), amount(a.SpoofedBytes)),
	}
}

func (f *BandwidthFact) benign(t *lineTotals, a *SourceAccount, p Params) []BenignTest {
	return []BenignTest{
		{Name: "bogons_and_private", Result: Text{
			ZH: fmt.Sprintf("私有地址 %s、保留地址 %s 已剔除，余下仍达到比例", amount(a.PrivateBytes), amount(a.BogonBytes)),
			EN: fmt.Sprintf("private addresses (%s) and reserved ones (%s) are set aside, and the share is reached without them", amount(a.PrivateBytes), amount(a.BogonBytes)),
		}},
		{Name: "spoofed_packets", Result: Text{
			ZH: fmt.Sprintf("每日不足 %.0f 个采样包且无回程的网段已剔除（%d 个采样包），余下 %d 个采样包", p["min_network_samples"], a.SpoofedSamples, t.offendingSamples),
			EN: fmt.Sprintf("networks with fewer than %.0f sampled packets a day and nothing coming back are set aside (%d packets); %d packets remain", p["min_network_samples"], a.SpoofedSamples, t.offendingSamples),
		}},
		{Name: "provider_independent_space", Result: Text{
			ZH: fmt.Sprintf("持有单位及同集团的分配、登记端点和以其为申请单位的广播已计为自有（%s）", amount(a.OwnBytes)),
			EN: fmt.Sprintf("allocations, declared ends and broadcasts applied for by the holder or its group count as its own (%s)", amount(a.OwnBytes)),
		}},
		{Name: "filed_downstreams", Result: Text{
			ZH: fmt.Sprintf("已报备下游的地址不计（%s）", amount(a.DownstreamBytes)),
			EN: fmt.Sprintf("addresses of filed downstreams do not count (%s)", amount(a.DownstreamBytes)),
		}},
		{Name: "blocks_cut_from_the_holders", Result: Text{
			ZH: fmt.Sprintf("由持有单位地址段划出的地址不计（%s）", amount(a.CutBytes)),
			EN: fmt.Sprintf("blocks cut from the holder's do not count (%s)", amount(a.CutBytes)),
		}},
		{Name: "protection_switching", Result: Text{
			ZH: fmt.Sprintf("%d 天达到比例，下限 %.0f 天；仅相邻两天时首末小时跨度须超过 %.0f 小时", t.offendingDays, p["min_days"], p["min_hours"]),
			EN: fmt.Sprintf("the share was reached on %d days, %.0f are needed, and two adjoining ones alone must spread over more than %.0f hours", t.offendingDays, p["min_days"], p["min_hours"]),
		}},
	}
}
