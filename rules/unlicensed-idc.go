package rules

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/linewarden/linewarden/registry"
)

// UnlicensedIDC is the rule unlicensed-idc (N32-2.1.1(1), N32-2.2.1c): an
// allocation serves like a data centre and its holder has no active licence
// for B11 there.
func UnlicensedIDC() Rule {
	return define(Spec{
		ID: "unlicensed-idc", Version: "2", LookbackDays: 7, QuietDays: 7,
		Clauses: unlicensedClauses(),
		Title:   Text{ZH: "地址段呈数据中心特征而无当地 B11 许可（疑似）", EN: "Address block behaves like a data centre without a B11 licence there (indication)"},
		Claim: Text{
			ZH: "地址段内多个地址以多个端口向大量网络提供服务，出多入少，办公时间以外也活跃，而持有单位在当地没有有效的 B11 许可。",
			EN: "Many addresses of a block serve many networks on several ports, send more than they take and are active outside office hours, and the holder has no active B11 licence there.",
		},
		Params: allocationParams(3,
			Param{Name: "min_servers", Unit: "addresses", Default: 8, Min: 1, Max: 65536, Meaning: Text{ZH: "服务端地址数下限", EN: "least addresses in server role"}},
			Param{Name: "min_ports", Unit: "ports", Default: 3, Min: 1, Max: 65536, Meaning: Text{ZH: "服务端口数下限", EN: "least distinct service ports over the block"}},
			Param{Name: "min_networks", Unit: "networks", Default: 50, Min: 1, Max: 1e6, Meaning: Text{ZH: "被服务网络数下限", EN: "least distinct remote networks (/24 or /48) that are served"}},
			Param{Name: "min_asns", Unit: "ASNs", Default: 5, Min: 1, Max: 1e5, Meaning: Text{ZH: "被服务自治域数下限", EN: "least origin ASNs of the networks that are served"}},
			Param{Name: "min_out_in", Unit: "ratio", Default: 2, Min: 0.01, Max: 1000, Meaning: Text{ZH: "出入字节比下限", EN: "least bytes out per byte in, of the whole block"}},
			Param{Name: "min_off_hours_share", Unit: "share of bytes out", Default: 0.1, Min: 0, Max: 1, Meaning: Text{ZH: "办公时间以外流出占比下限", EN: "least share of the bytes out that leave outside office hours"}},
			Param{Name: "min_server_peers", Unit: "addresses", Default: 5, Min: 1, Max: 1e6, Meaning: Text{ZH: "一个服务端地址端口的对端地址数下限", EN: "least remote addresses of an address and port in server role"}},
			Param{Name: "min_server_out_in", Unit: "ratio", Default: 1.2, Min: 0, Max: 1000, Meaning: Text{ZH: "服务端地址的出入字节比下限（排除对扫描的应答）", EN: "least bytes out per byte in of an address in server role: replies to scanners stay below"}},
		),
	}, measureHosting, judgeHosting)
}

// HostingFact is what an allocation did as a server on the days without a
// licence for data centres.
type HostingFact struct {
	AllocationRecord
	Days []HostingDay `json:"days"`
}

// HostingDay is one local day of an allocation; bytes are scaled.
type HostingDay struct {
	Day         registry.Date `json:"day"`
	Out         uint64        `json:"out"`
	In          uint64        `json:"in"`
	OffHoursOut uint64        `json:"off_hours_out"`
	Samples     uint64        `json:"samples"`
	Networks    uint64        `json:"networks"` // served
	ASNs        uint64        `json:"asns"`     // of those
	Servers     int           `json:"servers"`  // addresses in server role
	Scanned     int           `json:"scanned"`  // addresses with peers enough that hardly answered
	// Translated counts the addresses with peers enough that are filed as shared
	// by translation: what answers there is a client's forwarded port.
	Translated   int      `json:"translated"`
	Ports        int      `json:"ports"` // of the servers
	PortList     []uint16 `json:"port_list"`
	ServerBytes  uint64   `json:"server_bytes"`
	ServeSamples uint64   `json:"serve_samples"`
}

func measureHosting(ctx context.Context, in Inputs, p Params) iter.Seq2[HostingFact, error] {
	fold := func(row *AllocationDay) HostingDay {
		return HostingDay{
			Day: row.Day, Out: row.Out, In: row.In, OffHoursOut: offHours(in.Calendar, row.Day, &row.OutByHour),
			Samples: row.Samples, Networks: row.ServedNetworks, ASNs: row.ServedASNs,
		}
	}
	rule := dayRule[HostingDay]{"B11", fold, (*HostingDay).sends, (*HostingDay).servesMany}
	return measureDays(ctx, in, p, rule, readServers, func(r AllocationRecord, days []HostingDay) HostingFact { return HostingFact{r, days} })
}

// sends reports whether much more went out than came in.
func (d *HostingDay) sends(p Params) bool { return atLeast(d.Out, d.In, p["min_out_in"]) }

// servesMany is what the totals of a day tell.
func (d *HostingDay) servesMany(p Params) bool {
	return d.sends(p) && float64(d.Networks) >= p["min_networks"] && float64(d.ASNs) >= p["min_asns"]
}

// maxNamedPorts is how many ports of a day a fact lists.
const maxNamedPorts = 12

// readServers counts the addresses in server role of the allocations that serve
// many.
func readServers(ctx context.Context, a *allocationDays[HostingDay], p Params) error {
	ports := make(map[*HostingDay]map[uint16]bool)
	err := a.eachAddress(ctx, func(d *HostingDay, rows []AllocationHost) {
		var out, in, samples uint64
		var served []uint16
		for _, h := range rows {
			if h.Port != 0 && float64(h.Peers) >= p["min_server_peers"] {
				out, in, samples = out+h.Out, in+h.In, samples+h.Samples
				served = append(served, h.Port)
			}
		}
		if len(served) == 0 {
			return
		}
		switch {
		case isTranslated(a.in.Ledgers.At(rows[0].Day), rows[0].Address):
			d.Translated++
			return
		case !atLeast(out, in, p["min_server_out_in"]):
			d.Scanned++
			return
		}
		d.Servers++
		d.ServerBytes += out + in
		d.ServeSamples += samples
		if ports[d] == nil {
			ports[d] = make(map[uint16]bool)
		}
		for _, port := range served {
			ports[d][port] = true
		}
	})
	for d, set := range ports {
		d.Ports = len(set)
		for port := range set {
			d.PortList = append(d.PortList, port)
		}
		slices.Sort(d.PortList)
		d.PortList = d.PortList[:min(len(d.PortList), maxNamedPorts)]
	}
	return err
}

func judgeHosting(f HostingFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		var sums allocationSums
		var met HostingDay // sums over the days that meet the conditions, the largest of counts
		for i := range f.Days {
			d := &f.Days[i]
			if !mine(d.Day) {
				continue
			}
			sums.add(d.Out, d.In, d.Samples)
			sums.offending += d.ServeSamples
			if d.servesMany(p) && float64(d.Servers) >= p["min_servers"] && float64(d.Ports) >= p["min_ports"] {
				sums.hit(d.Day)
				met.merge(d)
			}
		}
		if !atLeast(met.OffHoursOut, met.Out, p["min_off_hours_share"]) && p["min_off_hours_share"] > 0 {
			sums.h = held{} // asleep out of office hours
		}
		j, fires := f.settle(&sums, atLeast(sums.out, sums.in, p["min_out_in"]), p)
		if !fires {
			return j
		}
		j.Severity = High
		if float64(met.Servers) >= 4*p["min_servers"] {
			j.Severity = Critical
		}
		j.Confidence = round(f.ratioAbove(sums.out, sums.in, p["min_out_in"], sums.samples), 4)
		f.explain(&j, s, &sums, &met, p)
		f.about(&j, s, &sums)
		return j
	})
}

// merge keeps the greatest counts and adds up bytes.
func (d *HostingDay) merge(o *HostingDay) {
	d.Out, d.In, d.OffHoursOut = d.Out+o.Out, d.In+o.In, d.OffHoursOut+o.OffHoursOut
	d.Networks, d.ASNs = max(d.Networks, o.Networks), max(d.ASNs, o.ASNs)
	d.Servers, d.Ports, d.Scanned = max(d.Servers, o.Servers), max(d.Ports, o.Ports), max(d.Scanned, o.Scanned)
	d.Translated = max(d.Translated, o.Translated)
	if len(o.PortList) >= len(d.PortList) {
		d.PortList = o.PortList
	}
}

func portNames(ports []uint16) []string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = strconv.Itoa(int(p))
	}
	return out
}

func (f *HostingFact) explain(j *Judgement, s *Standing, sums *allocationSums, met *HostingDay, p Params) {
	off := round(float64(met.OffHoursOut)/float64(max(1, met.Out)), 4)
	outIn := ratio(met.Out, met.In)
	j.Facts = FactSet{
		"servers": met.Servers, "service_ports": met.Ports, "ports": portNames(met.PortList),
		"served_networks": met.Networks, "served_asns": met.ASNs, "out_in_ratio": outIn, "off_hours_share": off,
	}
	said := unlicensed(s, "B11")
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（登记用途“%s”）在 %d 天内呈数据中心特征：单日最多 %d 个地址以 %d 个端口为 %d 个网络、%d 个自治域提供服务，出入比 %.1f，办公时间以外流出占 %.0f%%（%d 个采样包）；%s。取得覆盖当地的 B11 许可、更正持有单位或停止对外托管后即可消除。请人工核实。",
			f.Subject.ID, s.Use, sums.h.days, met.Servers, met.Ports, met.Networks, met.ASNs, outIn, 100*off, sums.samples, said.ZH),
		EN: fmt.Sprintf("On %d days allocation %s (filed use %q) behaves like a data centre: up to %d addresses serve %d networks in %d ASNs on %d ports, %.1f bytes out per byte in, %.0f %% of the bytes out outside office hours (%d sampled packets); %s. A B11 licence that covers the place, a corrected holder or the end of hosting clears this. For a person to review.",
			sums.h.days, f.Subject.ID, s.Use, met.Servers, met.Networks, met.ASNs, met.Ports, outIn, 100*off, sums.samples, said.EN),
	}
	j.Benign = append(exemptBenign(s, "B11"),
		BenignTest{"few_own_servers", Text{
			ZH: fmt.Sprintf("%d 个服务端地址，下限 %.0f 个", met.Servers, p["min_servers"]),
			EN: fmt.Sprintf("%d addresses serve, %.0f are needed", met.Servers, p["min_servers"]),
		}},
		BenignTest{"cloud_on_ramp", Text{
			ZH: fmt.Sprintf("对端是 %d 个网络、%d 个自治域，不是少数云", met.Networks, met.ASNs),
			EN: fmt.Sprintf("the other ends are %d networks in %d ASNs, not a few clouds", met.Networks, met.ASNs),
		}},
		BenignTest{"translation_pool", Text{
			ZH: fmt.Sprintf("出入比 %.1f，地址为服务端而非客户端；登记为地址转换的地址（最多 %d 个）不计为服务端", outIn, met.Translated),
			EN: fmt.Sprintf("%.1f bytes out per byte in, by addresses in server role, not client role; addresses filed as translated (up to %d) are not counted as servers", outIn, met.Translated),
		}},
		BenignTest{"replies_to_scanners", Text{
			ZH: fmt.Sprintf("只应答扫描的地址（最多 %d 个）不计为服务端", met.Scanned),
			EN: fmt.Sprintf("addresses that hardly answer (up to %d) are not counted as servers", met.Scanned),
		}},
		BenignTest{"office_hours_only", Text{
			ZH: fmt.Sprintf("办公时间以外流出占 %.0f%%", 100*off),
			EN: fmt.Sprintf("%.0f %% of the bytes out leave outside office hours", 100*off),
		}},
	)
}
