package rules

import (
	"fmt"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// SelfBuiltPath is the rule self-built-path (N32-2.2.2a): a share of what is
// sourced from an allocation enters over an interface that is none of its
// holder's lines, and no licensed second provider explains it.
func SelfBuiltPath() Rule {
	return define(Spec{
		ID: "self-built-path", Version: "1", Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.2a"),
		Title:   Text{ZH: "地址段流量经非本单位专线进入（疑似自建传输）", EN: "Block's traffic enters beside its holder's lines (indication of a self-built path)"},
		Claim: Text{
			ZH: "源自地址段的流量有相当比例从不属于持有单位任何专线的接口进入，连续多日如此，而台账和路由中都没有有资质的第二接入方。",
			EN: "On several days a share of the bytes sourced from a block enters on an interface that is none of its holder's lines, and neither ledgers nor routes show a licensed second provider.",
		},
		Params: allocationParams(3,
			Param{Name: "min_share", Unit: "share of bytes", Default: 0.1, Min: 0.001, Max: 1, Meaning: Text{ZH: "旁路进入流量占比下限", EN: "least share of the sourced bytes that enters elsewhere on a day that counts"}},
		),
	}, measurePaths, judgePaths)
}

// PathFact is where what is sourced from an allocation entered the carrier.
type PathFact struct {
	AllocationRecord
	Days []PathDay `json:"days"`
	// RoutesKnown is set when routes were collected, so that Providers can be
	// empty because there are none.
	RoutesKnown bool `json:"routes_known"`
	// Providers are the networks that routes show beside the holder or as origin
	// of the block.
	Providers []SecondProvider `json:"providers"`
}

// PathDay is one local day of an allocation; bytes are scaled, and those that
// enter the carrier with source addresses of the allocation.
type PathDay struct {
	Day     registry.Date `json:"day"`
	Bytes   uint64        `json:"bytes"`
	Samples uint64        `json:"samples"`
	Own     uint64        `json:"own"` // over lines of the holder and who it was cut from
	// Other entered at customers' interfaces that are none of these, Outside
	// from peers, transit and abroad, Unmapped at interfaces in no ledger; the
	// last are in no other figure.
	Other          uint64      `json:"other"`
	OtherSamples   uint64      `json:"other_samples"`
	Outside        uint64      `json:"outside"`
	OutsideSamples uint64      `json:"outside_samples"`
	Unmapped       uint64      `json:"unmapped"`
	Entries        []PathEntry `json:"entries"` // greatest first
	// HasLine is set when there is a line it ought to enter on, FiledSecond names
	// a second provider in the ledgers; both are told of days with a share that
	// matters.
	HasLine     bool   `json:"has_line"`
	FiledSecond string `json:"filed_second"`
}

// PathEntry is an interface at which bytes entered that is none of the holder's
// lines.
type PathEntry struct {
	Interface  string `json:"interface"`
	Role       string `json:"role"`
	Line       string `json:"line"`
	LineHolder string `json:"line_holder"`
	Bytes      uint64 `json:"bytes"`
	Samples    uint64 `json:"samples"`
}

// SecondProvider is a network that routes show beside an allocation's holder.
type SecondProvider struct {
	ASN      uint32   `json:"asn"`
	Owner    string   `json:"owner"`
	Licences []string `json:"licences"` // A-class and B14 that are active
	Foreign  bool     `json:"foreign"`
}

// explains reports whether a provider may carry the holder's traffic: it is
// licensed, or registered abroad, where others give licences.
func (s *SecondProvider) explains() bool { return len(s.Licences) > 0 || s.Foreign }

func (s *SecondProvider) name() string {
	return strings.TrimSpace("AS" + asnText(s.ASN) + " " + s.Owner)
}

// pathSums adds up the days of one holder.
type pathSums struct {
	allocationSums
	bytes, own, other, outside, unmapped uint64
	otherDays, outsideDays               int // days met by Other alone, and only together with Outside
	noLine                               int // days met without any line to enter on
	entries                              []PathEntry
}

// besides returns what entered beside the holder's lines on a day, without what
// a second provider explains.
func (f *PathFact) besides(d *PathDay) (other, outside, samples uint64) {
	other, outside, samples = d.Other, d.Outside, d.OtherSamples+d.OutsideSamples
	explained := d.FiledSecond != ""
	for i := range f.Providers {
		if !f.Providers[i].explains() {
			continue
		}
		explained = true
		for _, e := range d.Entries { // the provider may be a customer itself
			if e.Role == "customer" && e.LineHolder != "" && e.LineHolder == f.Providers[i].Owner {
				other, samples = other-e.Bytes, samples-e.Samples
			}
		}
	}
	if explained {
		outside, samples = 0, samples-d.OutsideSamples
	}
	return other, outside, samples
}

func (f *PathFact) sums(mine func(registry.Date) bool, p Params) (s pathSums) {
	for i := range f.Days {
		d := &f.Days[i]
		if !mine(d.Day) {
			continue
		}
		s.add(d.Bytes, 0, d.Samples)
		other, outside, samples := f.besides(d)
		s.bytes, s.own, s.unmapped = s.bytes+d.Bytes, s.own+d.Own, s.unmapped+d.Unmapped
		s.other, s.outside = s.other+other, s.outside+outside
		s.offending += samples
		if !atLeast(other+outside, d.Bytes, p["min_share"]) {
			continue
		}
		switch {
		case !d.HasLine:
			s.noLine++
			continue
		case atLeast(other, d.Bytes, p["min_share"]):
			s.otherDays++
		default:
			s.outsideDays++
		}
		s.hit(d.Day)
		s.entries = d.Entries
	}
	return s
}

func judgePaths(f PathFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		sums := f.sums(mine, p)
		aside := atLeast(sums.other+sums.outside, sums.bytes, p["min_share"])
		j, fires := f.settle(&sums.allocationSums, aside, p)
		switch {
		case !fires && j.Outcome == Clear && float64(sums.noLine) >= p["min_days"]:
			return f.withheld("no_line_of_holder", &sums.allocationSums)
		case !fires:
			return j
		case float64(sums.otherDays) < p["min_days"] && !f.RoutesKnown:
			return f.withheld("routes_unknown", &sums.allocationSums)
		}
		j.Severity = High
		if float64(sums.otherDays) < p["min_days"] {
			j.Severity = Medium // it may be a second provider that announces nothing
		}
		share := float64(sums.other+sums.outside) / float64(max(1, sums.bytes))
		j.Confidence = round(ConfidenceAbove(share, p["min_share"], sums.samples, f.Completeness), 4)
		f.explain(&j, s, &sums, share, p)
		f.about(&j, s, &sums.allocationSums)
		delete(j.Facts, "bytes_in_per_day") // only what enters was measured
		return j
	})
}

func (f *PathFact) explain(j *Judgement, s *Standing, sums *pathSums, share float64, p Params) {
	interfaces, lines := make([]string, 0, len(sums.entries)), make([]string, 0, len(sums.entries))
	for _, e := range sums.entries {
		interfaces = append(interfaces, e.Interface)
		text := e.Interface + " " + e.Role
		if e.Line != "" {
			text += " " + e.Line
		}
		lines = append(lines, text)
		j.Evidence = append(j.Evidence, ledgerRow("interfaces", e.Interface, "interface "+e.Interface))
	}
	providers := make([]string, len(f.Providers))
	for i := range f.Providers {
		providers[i] = f.Providers[i].name()
	}
	j.Facts = FactSet{
		"share_beside_lines": round(share, 4), "share_half_width": round(HalfWidth(share, sums.samples), 4),
		"other_customers_bytes_per_day": sums.perDay(sums.other), "outside_bytes_per_day": sums.perDay(sums.outside),
		"own_lines_bytes_per_day": sums.perDay(sums.own), "unmapped_bytes_per_day": sums.perDay(sums.unmapped),
		"interfaces": interfaces, "providers_in_routes": providers,
	}
	at := strings.Join(firstOf(lines, 5), "; ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("源自地址段 %s（登记用途“%s”，持有单位“%s”）的流量有 %.1f%%（±%.1f 个百分点，按 %d 个采样包估计）从不属于该单位专线的接口进入（%s），共 %d 天达到判定比例；台账和路由中没有有资质的第二接入方。登记该接口所属专线、登记多归属（下游关系或广播）或拆除自建通道后即可消除。请人工核实。",
			f.Subject.ID, s.Use, s.HolderName, 100*share, 100*HalfWidth(share, sums.samples), sums.samples, at, sums.h.days),
		EN: fmt.Sprintf("%.1f %% (±%.1f percentage points, from %d sampled packets) of the bytes sourced from allocation %s (filed use %q, holder %s) enter on interfaces that are none of the holder's lines (%s); the share was reached on %d days, and neither ledgers nor routes show a licensed second provider. Filing the line of that interface, filing the second provider (downstreams or broadcasts) or removing the path clears this. For a person to review.",
			100*share, 100*HalfWidth(share, sums.samples), sums.samples, f.Subject.ID, s.Use, s.HolderName, at, sums.h.days),
	}
	j.Benign = []BenignTest{
		{"filed_multihoming", Text{ZH: "达到比例的流量没有登记的第二接入方可以解释", EN: "no second provider is filed that explains the share"}},
		{"second_provider_in_routes", Text{
			ZH: fmt.Sprintf("路由中可见的邻接或起源网络 %d 个，均无 A 类或 B14 许可", len(providers)),
			EN: fmt.Sprintf("routes show %d networks beside the holder or as origin, none with an A-class or B14 licence", len(providers)),
		}},
		{"cut_from_another_block", Text{ZH: "经上级地址段持有单位专线进入的流量视为正常", EN: "entries over lines of who the block was cut from count as its own"}},
		{"asymmetric_return", Text{ZH: "只看源自该地址段、进入本网的流量；返回方向不计", EN: "only what enters with a source in the block counts, not what returns to it"}},
		{"failover", Text{
			ZH: fmt.Sprintf("%d 天达到比例，下限 %.0f 天", sums.h.days, p["min_days"]),
			EN: fmt.Sprintf("the share was reached on %d days, %.0f are needed", sums.h.days, p["min_days"]),
		}},
	}
}
