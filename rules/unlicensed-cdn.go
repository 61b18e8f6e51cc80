package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// UnlicensedCDN is the rule unlicensed-cdn (N32-2.1.1(1), N32-2.2.1c): a few
// addresses of an allocation give most of its bytes to many client networks,
// filled from few origins, and its holder has no active licence for B12 there.
func UnlicensedCDN() Rule {
	return define(Spec{
		ID: "unlicensed-cdn", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: unlicensedClauses(),
		Title:   Text{ZH: "地址段呈内容分发节点特征而无当地 B12 许可（疑似）", EN: "Address block behaves like a content delivery node without a B12 licence there (indication)"},
		Claim: Text{
			ZH: "地址段内少数地址以 80/443 端口（含 QUIC）向大量用户网络提供绝大部分流量，出远多于入，并从少数源站回源，而持有单位在当地没有有效的 B12 许可；持有单位自己备案的网站除外。",
			EN: "A few addresses of a block give most of its bytes to many client networks from ports 80 and 443 (QUIC included), send far more than they take and are filled from few origin networks, and the holder has no active B12 licence there; sites filed by the holder itself are left out.",
		},
		Params: allocationParams(1,
			Param{Name: "max_nodes", Unit: "addresses", Default: 16, Min: 1, Max: 65536, Meaning: Text{ZH: "节点地址数上限", EN: "most addresses that may give the share"}},
			Param{Name: "min_share", Unit: "share of bytes", Default: 0.7, Min: 0.01, Max: 1, Meaning: Text{ZH: "节点流量占比下限", EN: "least share of the block's bytes that they give on 80 and 443"}},
			Param{Name: "min_out_in", Unit: "ratio", Default: 8, Min: 0.01, Max: 10000, Meaning: Text{ZH: "出入字节比下限", EN: "least bytes out per byte in, of the whole block"}},
			Param{Name: "min_networks", Unit: "networks", Default: 200, Min: 1, Max: 1e6, Meaning: Text{ZH: "用户网络数下限", EN: "least distinct client networks (/24 or /48)"}},
			Param{Name: "max_origins", Unit: "networks", Default: 5, Min: 1, Max: 1000, Meaning: Text{ZH: "回源网络数上限", EN: "most origin networks that may give the fill"}},
			Param{Name: "min_fill_share", Unit: "share of bytes out", Default: 0.01, Min: 0, Max: 1, Meaning: Text{ZH: "回源流量与流出之比下限", EN: "least fill from them per byte out"}},
			Param{Name: "min_fill_concentration", Unit: "share of bytes", Default: 0.5, Min: 0, Max: 1, Meaning: Text{ZH: "少数源站占取入流量的比例下限", EN: "least share of all that is taken as a client that they give"}},
		),
	}, measureDelivery, judgeDelivery)
}

// DeliveryFact is what an allocation delivered on the days without a licence
// for content delivery.
type DeliveryFact struct {
	AllocationRecord
	Days []DeliveryDay `json:"days"`
}

// DeliveryDay is one local day of an allocation; bytes are scaled.
type DeliveryDay struct {
	Day      registry.Date `json:"day"`
	Out      uint64        `json:"out"`
	In       uint64        `json:"in"`
	WebOut   uint64        `json:"web_out"`
	Samples  uint64        `json:"samples"`
	Networks uint64        `json:"networks"` // served
	// Nodes are the addresses that gave most on 80 and 443, without those that
	// carry only sites of the holder, which are Own.
	Nodes       []netip.Addr `json:"nodes"`
	NodeBytes   uint64       `json:"node_bytes"`
	NodeSamples uint64       `json:"node_samples"`
	Own         int          `json:"own"`
	OwnBytes    uint64       `json:"own_bytes"`
	// Fill is what the largest origin networks gave, of Taken, all that the
	// block took as a client.
	Origins []netip.Prefix `json:"origins"`
	Fill    uint64         `json:"fill"`
	Taken   uint64         `json:"taken"`
	// Institution is set when the holder is an institution with a site filed by
	// itself, such as a university with a mirror.
	Institution bool `json:"institution"`
}

func measureDelivery(ctx context.Context, in Inputs, p Params) iter.Seq2[DeliveryFact, error] {
	fold := func(row *AllocationDay) DeliveryDay {
		return DeliveryDay{Day: row.Day, Out: row.Out, In: row.In, WebOut: row.WebOut, Samples: row.Samples, Networks: row.ServedNetworks}
	}
	rule := dayRule[DeliveryDay]{"B12", fold, (*DeliveryDay).givesWeb, (*DeliveryDay).delivers}
	return measureDays(ctx, in, p, rule, func(ctx context.Context, a *allocationDays[DeliveryDay], p Params) error {
		if err := readNodes(ctx, a, p); err != nil {
			return err
		}
		return readOrigins(ctx, a, p)
	}, func(r AllocationRecord, days []DeliveryDay) DeliveryFact { return DeliveryFact{r, days} })
}

// givesWeb reports whether nearly all that a block exchanged went out from 80 and
// 443.
func (d *DeliveryDay) givesWeb(p Params) bool {
	return atLeast(d.Out, d.In, p["min_out_in"]) && atLeast(d.WebOut, d.Out+d.In, p["min_share"]*0.9)
}

// delivers is what the totals of a day tell.
func (d *DeliveryDay) delivers(p Params) bool {
	return d.givesWeb(p) && float64(d.Networks) >= p["min_networks"]
}

// meets is the condition of a day.
func (d *DeliveryDay) meets(p Params) bool {
	return d.delivers(p) && !d.Institution && atLeast(d.NodeBytes, d.Out+d.In, p["min_share"]) &&
		atLeast(d.Fill, d.Out, p["min_fill_share"]) && atLeast(d.Fill, d.Taken, p["min_fill_concentration"])
}

// webAddress is what one address gave on 80 and 443 in a day.
type webAddress struct {
	address        netip.Addr
	bytes, samples uint64
	own            bool
}

// readNodes finds the addresses that gave most on 80 and 443.
func readNodes(ctx context.Context, a *allocationDays[DeliveryDay], p Params) error {
	names := namesOn(a.in, a.promising())
	institutions := institutionsWithFiling(a.in)
	found := make(map[*DeliveryDay][]webAddress)
	err := a.eachAddress(ctx, func(d *DeliveryDay, rows []AllocationHost) {
		holder := a.by[rows[0].Allocation].record.on(d.Day).Holder
		d.Institution = institutions[holder]
		w := webAddress{address: rows[0].Address}
		for _, h := range rows {
			if h.Port == 80 || h.Port == 443 {
				w.bytes += h.Out + h.In
				w.samples += h.Samples
			}
		}
		if w.bytes == 0 {
			return
		}
		own, others, _ := names.filedOn(w.address, d.Day, holder)
		w.own = own > 0 && others == 0
		found[d] = append(found[d], w)
	})
	for d, list := range found {
		slices.SortFunc(list, func(x, y webAddress) int {
			return cmp.Or(cmp.Compare(y.bytes, x.bytes), x.address.Compare(y.address))
		})
		for _, w := range list[:min(len(list), int(p["max_nodes"]))] {
			if w.own {
				d.Own++
				d.OwnBytes += w.bytes
				continue
			}
			d.Nodes = append(d.Nodes, w.address)
			d.NodeBytes += w.bytes
			d.NodeSamples += w.samples
		}
	}
	return err
}

// readOrigins finds the networks that fill the blocks.
func readOrigins(ctx context.Context, a *allocationDays[DeliveryDay], p Params) error {
	most := int(p["max_origins"])
	top := make(map[*DeliveryDay][]AllocationSource)
	err := a.eachSource(ctx, func(d *DeliveryDay, s *AllocationSource) {
		d.Taken += s.In
		list := append(top[d], *s)
		slices.SortStableFunc(list, func(x, y AllocationSource) int { return cmp.Compare(y.In, x.In) })
		top[d] = list[:min(len(list), most)]
	})
	for d, list := range top {
		for _, s := range list {
			d.Origins = append(d.Origins, s.Network)
			d.Fill += s.In
		}
	}
	return err
}

func judgeDelivery(f DeliveryFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		var sums allocationSums
		var met DeliveryDay
		var web uint64
		for i := range f.Days {
			d := &f.Days[i]
			if !mine(d.Day) {
				continue
			}
			sums.add(d.Out, d.In, d.Samples)
			sums.offending += d.NodeSamples
			web += d.WebOut
			if d.meets(p) {
				sums.hit(d.Day)
				met.merge(d)
			}
		}
		alike := atLeast(sums.out, sums.in, p["min_out_in"]) && atLeast(web, sums.out+sums.in, p["min_share"])
		j, fires := f.settle(&sums, alike, p)
		if !fires {
			return j
		}
		j.Severity = High
		share := float64(met.NodeBytes) / float64(max(1, met.Out+met.In))
		j.Confidence = round(min(ConfidenceAbove(share, p["min_share"], sums.samples, f.Completeness),
			f.ratioAbove(sums.out, sums.in, p["min_out_in"], sums.samples)), 4)
		f.explain(&j, s, &sums, &met, share)
		f.about(&j, s, &sums)
		return j
	})
}

// merge keeps the greatest counts and adds up bytes.
func (d *DeliveryDay) merge(o *DeliveryDay) {
	d.Out, d.In, d.NodeBytes = d.Out+o.Out, d.In+o.In, d.NodeBytes+o.NodeBytes
	d.Fill, d.Taken = d.Fill+o.Fill, d.Taken+o.Taken
	d.Own, d.OwnBytes = max(d.Own, o.Own), d.OwnBytes+o.OwnBytes
	if o.Networks >= d.Networks {
		d.Networks, d.Nodes, d.Origins = o.Networks, o.Nodes, o.Origins
	}
}

func (f *DeliveryFact) explain(j *Judgement, s *Standing, sums *allocationSums, met *DeliveryDay, share float64) {
	fill, outIn := float64(met.Fill)/float64(max(1, met.Out)), ratio(met.Out, met.In)
	nodes := make([]string, len(met.Nodes))
	for i, n := range met.Nodes {
		nodes[i] = n.String()
	}
	j.Facts = FactSet{
		"nodes": nodes, "node_share": round(share, 4), "client_networks": met.Networks, "out_in_ratio": outIn,
		"fill_share_of_output": round(fill, 4), "third_party_networks": prefixNames(met.Origins), "own_site_addresses": met.Own,
	}
	said := unlicensed(s, "B12")
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（登记用途“%s”）在 %d 天内呈内容分发节点特征：%d 个地址以 80/443 端口承担 %.0f%% 的流量，服务 %d 个用户网络，出入比 %.1f，从 %d 个网络回源的流量为流出的 %.1f%%（%d 个采样包）；%s。取得覆盖当地的 B12 许可、补登本单位网站备案或停止分发即可消除。请人工核实。",
			f.Subject.ID, s.Use, sums.h.days, len(met.Nodes), 100*share, met.Networks, outIn, len(met.Origins), 100*fill, sums.samples, said.ZH),
		EN: fmt.Sprintf("On %d days allocation %s (filed use %q) behaves like a content delivery node: %d addresses give %.0f %% of its bytes on ports 80 and 443 to %d client networks, %.1f bytes out per byte in, filled from %d networks with %.1f %% of the output (%d sampled packets); %s. A B12 licence that covers the place, the filing of the holder's own sites or the end of delivery clears this. For a person to review.",
			sums.h.days, f.Subject.ID, s.Use, len(met.Nodes), 100*share, met.Networks, outIn, len(met.Origins), 100*fill, sums.samples, said.EN),
	}
	j.Benign = append(exemptBenign(s, "B12"),
		BenignTest{"popular_own_site", Text{
			ZH: fmt.Sprintf("只承载本单位备案网站的地址（%d 个）已排除，其余仍占 %.0f%%", met.Own, 100*share),
			EN: fmt.Sprintf("addresses with nothing but sites filed by the holder (%d) are set aside, the others still give %.0f %%", met.Own, 100*share),
		}},
		BenignTest{"mirror_of_institution", Text{
			ZH: "持有单位不是有自备案网站的事业单位",
			EN: "the holder is not an institution with a site filed by itself",
		}},
		BenignTest{"no_fill", Text{
			ZH: fmt.Sprintf("有回源流量，为流出的 %.1f%%，来自 %d 个网络", 100*fill, len(met.Origins)),
			EN: fmt.Sprintf("it is filled: %.1f %% of the output, from %d networks", 100*fill, len(met.Origins)),
		}},
	)
}
