package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// IntlBusinessPlatform is the rule intl-business-platform (N32-2.2.4d): across
// an international line, an address serves many networks that are not the
// holder's.
func IntlBusinessPlatform() Rule {
	return define(Spec{
		ID: "intl-business-platform", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.4c", "N32-2.2.4d"),
		Title:   Text{ZH: "国际专线连接业务平台（疑似）", EN: "International line joins a business platform (indication)"},
		Claim: Text{
			ZH: "经国际专线，一个地址以服务端角色为许多不属于持有单位、分布于多个自治域的客户网络提供服务；持有单位自己的员工网段和少数合作伙伴不计。",
			EN: "Across an international line an address in server role serves many client networks, in many autonomous systems, that are not the holder's; the holder's own staff and a handful of partners do not count.",
		},
		Params: []Param{
			{Name: "min_networks", Unit: "networks", Default: 50, Min: 1, Max: 4096, Meaning: Text{ZH: "非持有单位的客户网络数下限", EN: "least client networks that are not the holder's"}},
			{Name: "min_asns", Unit: "autonomous systems", Default: 10, Min: 1, Max: 4096, Meaning: Text{ZH: "客户网络所在自治域数下限，未知的合计为一", EN: "least autonomous systems of those networks; unknown ones count together as one"}},
			{Name: "min_days", Unit: "days", Default: 1, Min: 1, Max: 366, Meaning: Text{ZH: "提供服务的天数下限", EN: "least days on which it served them"}},
			{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "专线采样包数下限", EN: "least sampled packets of the line"}},
			{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "对外服务采样包数下限", EN: "least sampled packets between the address and those networks"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		},
	}, measurePlatform, judgePlatform)
}

// PlatformFact is whom addresses on an international line served across it.
type PlatformFact struct {
	LineFact
	Days     []LineDay         `json:"days"`
	Services []PlatformService `json:"services"` // the most networks first
}

// PlatformService is an address in server role, with all its ports, and the
// client networks it served that are not the holder's.
type PlatformService struct {
	Holder string       `json:"holder"` // of the line, enterprise_id
	Server netip.Prefix `json:"server"`
	Near   bool         `json:"near"` // on the customer's side
	// Own is set when the server is the holder's or in a declared end.
	Own   bool     `json:"own"`
	Ports []uint16 `json:"ports"`
	// Networks and ASNs count the distinct client networks and their origins
	// over the span; Peers is the largest number of client addresses on a day.
	Networks uint64 `json:"networks"`
	ASNs     uint64 `json:"asns"`
	Peers    uint64 `json:"peers"`
	// OwnNetworks and OwnBytes are those of the holder's own clients.
	OwnNetworks uint64        `json:"own_networks"`
	OwnBytes    uint64        `json:"own_bytes"`
	Days        int           `json:"days"`
	First       registry.Date `json:"first"`
	Last        registry.Date `json:"last"`
	Bytes       uint64        `json:"bytes"`   // with those networks, scaled
	Samples     uint64        `json:"samples"` // likewise
}

func judgePlatform(f PlatformFact, p Params) Judgement {
	return judgeHolders(f.Holders, func(h Holder) Judgement { return judgePlatformOf(&f, totalsOf(f.Days, h, 1), p) })
}

func judgePlatformOf(f *PlatformFact, t lineTotals, p Params) Judgement {
	if why := f.withhold(t.samples, p); why != "" {
		return f.withheldFor(why, t.samples, 0)
	}
	j := Judgement{Outcome: Clear, Completeness: round(f.Completeness, 4)}
	best, found, thin := f.platformOf(t.holder.EnterpriseID, p)
	switch {
	case !found && thin > 0:
		return f.withheldFor("low_samples", t.samples, thin)
	case !found:
		return j
	case t.holder.EnterpriseID == "":
		return f.withheldFor("holder_unknown", t.samples, best.Samples)
	}
	j.Outcome = Fires
	j.FirstDay, j.LastDay = best.First, best.Last
	j.Holder = heldBy(f.LineFact, t.holder)
	j.Severity = High
	if float64(best.Networks) >= 10*p["min_networks"] {
		j.Severity = Critical
	}
	j.Confidence = round(confidenceOfCount(best.Samples, f.Completeness), 4)
	j.Facts = f.figures(&t, best)
	j.Explanation = f.explain(&t, best)
	j.Evidence = append(f.evidence("networks"), Evidence{Kind: "traffic", Title: "services seen on " + f.Subject.ID, Ref: "line_services/" + f.Subject.ID})
	j.Benign = platformBenign(best, p)
	return j
}

// platformOf returns the service with the most networks that meets the
// conditions while a holder had the line. thin are the samples of one that
// would, had more of it been seen.
func (f *PlatformFact) platformOf(holder string, p Params) (best *PlatformService, found bool, thin uint64) {
	for i := range f.Services {
		s := &f.Services[i]
		switch {
		case s.Holder != holder, float64(s.Networks) < p["min_networks"], float64(s.ASNs) < p["min_asns"], float64(s.Days) < p["min_days"]:
		case float64(s.Samples) < p["min_offending_samples"]:
			thin = max(thin, s.Samples)
		default:
			return s, true, 0
		}
	}
	return nil, false, thin
}

func (f *PlatformFact) figures(t *lineTotals, s *PlatformService) FactSet {
	facts := FactSet{
		"client_networks":         s.Networks,
		"client_asns":             s.ASNs,
		"client_addresses_peak":   s.Peers,
		"own_client_networks":     s.OwnNetworks,
		"ports":                   portList(s.Ports),
		"platform_bytes_per_day":  s.Bytes / uint64(max(1, s.Days)),
		"platform_samples":        s.Samples,
		"days_with_platform":      s.Days,
		"bytes_per_day":           t.perDay(t.bytes),
		"samples":                 t.samples,
		"days":                    t.days,
		"declared_a_prefixes":     prefixNames(f.EndA),
		"declared_z_prefixes":     prefixNames(f.EndZ),
		"server_side":             sideName(s.Near),
		"server_is_the_holders":   s.Own,
		"platform_relative_error": round(relativeError(s.Samples), 4),
	}
	// The address of somebody else is masked where exports mask.
	if s.Own {
		facts["server"] = serverName(s.Server)
	} else {
		facts["third_party_networks"] = []string{s.Server.String() + " " + sideName(s.Near)}
	}
	return facts
}

// serverName writes one address without its length.
func serverName(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// portList names ports; 0 stands for protocols without any.
func portList(ports []uint16) []string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = fmt.Sprint(p)
	}
	return out
}

func (f *PlatformFact) explain(t *lineTotals, s *PlatformService) Text {
	whereZH, whereEN := "境外侧", "far"
	if s.Near {
		whereZH, whereEN = "境内侧", "near"
	}
	nameZH, nameEN := "一个非持有单位的地址", "an address that is not the holder's"
	if s.Own {
		nameZH, nameEN = "地址 "+serverName(s.Server), "address "+serverName(s.Server)
	}
	ports := strings.Join(portList(s.Ports), ", ")
	return Text{
		ZH: fmt.Sprintf("经国际专线 %s（%s），%s的%s以服务端角色（端口 %s）在 %d 天内向 %d 个不属于持有单位的客户网络（分布于 %d 个自治域）提供服务，日均 %s（按 %d 个采样包估计，相对误差约 %.0f%%）。该线路应仅供持有单位内部办公专用，登记两端为 A端 %d 段、Z端 %d 段。若这些网络属于持有单位，请登记为线路端点或地址分配；否则停止经该线路对外提供服务后即可消除。请人工核实。",
			f.Subject.ID, t.holder.Name, whereZH, nameZH, ports, s.Days, s.Networks, s.ASNs, amount(s.Bytes/uint64(max(1, s.Days))), s.Samples, 100*relativeError(s.Samples), len(f.EndA), len(f.EndZ)),
		EN: fmt.Sprintf("Across international line %s (%s), %s at its %s end served, on ports %s and on %d days, %d client networks in %d autonomous systems that are not the holder's, %s a day (from %d sampled packets, about ±%.0f %%). The line is for the holder's own offices, with %d prefixes declared at A and %d at Z. If these networks are the holder's, declaring them clears this; otherwise ending the service across the line does. For a person to review.",
			f.Subject.ID, t.holder.Name, nameEN, whereEN, ports, s.Days, s.Networks, s.ASNs, amount(s.Bytes/uint64(max(1, s.Days))), s.Samples, 100*relativeError(s.Samples), len(f.EndA), len(f.EndZ)),
	}
}

func platformBenign(s *PlatformService, p Params) []BenignTest {
	return []BenignTest{
		{Name: "holders_own_staff", Result: Text{
			ZH: fmt.Sprintf("持有单位及同集团的网段、登记端点和自治域已排除（%d 个网络，%s）", s.OwnNetworks, amount(s.OwnBytes)),
			EN: fmt.Sprintf("networks, declared ends and ASNs of the holder and its group are set aside (%d networks, %s)", s.OwnNetworks, amount(s.OwnBytes)),
		}},
		{Name: "handful_of_partners", Result: Text{
			ZH: fmt.Sprintf("%d 个网络、%d 个自治域，下限 %.0f 和 %.0f", s.Networks, s.ASNs, p["min_networks"], p["min_asns"]),
			EN: fmt.Sprintf("%d networks in %d autonomous systems, %.0f and %.0f are needed", s.Networks, s.ASNs, p["min_networks"], p["min_asns"]),
		}},
		{Name: "client_role", Result: Text{
			ZH: fmt.Sprintf("该地址为服务端：一天内最多 %d 个对端地址使用同一端口，下限 %d 个", s.Peers, serverPeers),
			EN: fmt.Sprintf("the address is the serving end: up to %d addresses used one port of it on a day, %d are needed", s.Peers, serverPeers),
		}},
		{Name: "private_clients", Result: Text{ZH: "私有地址和保留地址的客户不计", EN: "clients with private or reserved addresses do not count"}},
	}
}
