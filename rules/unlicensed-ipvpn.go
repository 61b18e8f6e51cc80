package rules

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// UnlicensedIPVPN is the rule unlicensed-ipvpn (N32-2.1.1(1), N32-2.2.1c): an
// address of an allocation is the hub of tunnels to the networks of many
// enterprises, and its holder has no active licence for B13 there.
func UnlicensedIPVPN() Rule {
	return define(Spec{
		ID: "unlicensed-ipvpn", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: unlicensedClauses(),
		Title:   Text{ZH: "地址段为多家企业充当隧道中心而无当地 B13 许可（疑似）", EN: "Address block is a tunnel hub for many enterprises without a B13 licence there (indication)"},
		Claim: Text{
			ZH: "地址段内一个地址与多家互不关联企业的网络之间有双向隧道流量，而持有单位在当地没有有效的 B13 许可；本单位及同集团的网络、登记的两端、接入网和用户地址池的拨入不计。",
			EN: "One address of a block exchanges tunnel traffic with the networks of many unrelated enterprises, and the holder has no active B13 licence there; networks of the holder and its group, declared ends, and dial-in from access networks and subscriber pools do not count.",
		},
		Params: allocationParams(3,
			Param{Name: "min_enterprises", Unit: "enterprises", Default: 8, Min: 2, Max: 1e5, Meaning: Text{ZH: "隧道对端企业数下限", EN: "least distinct enterprises at the other ends of the tunnels of one address"}},
		),
	}, measureTunnels, judgeTunnels)
}

// TunnelFact is what the addresses of an allocation exchanged by tunnels on the
// days without a licence for IP-VPN.
type TunnelFact struct {
	AllocationRecord
	Days []TunnelDay `json:"days"`
}

// TunnelDay is one local day of an allocation; bytes are scaled.
type TunnelDay struct {
	Day     registry.Date `json:"day"`
	Out     uint64        `json:"out"`
	In      uint64        `json:"in"`
	Samples uint64        `json:"samples"`
	// Hub is the address with tunnels to most enterprises, Count how many these
	// are, Enterprises some of them.
	Hub         string   `json:"hub"`
	Count       int      `json:"count"`
	Enterprises []string `json:"enterprises"`
	// TunnelBytes and TunnelSamples are those of the hub with them.
	TunnelBytes   uint64 `json:"tunnel_bytes"`
	TunnelSamples uint64 `json:"tunnel_samples"`
	// Own, DialIn and Unknown count networks at the other ends of the hub's
	// tunnels that do not count.
	Own     int `json:"own"`
	DialIn  int `json:"dial_in"`
	Unknown int `json:"unknown"`
}

// maxNamedEnterprises is how many enterprises of a day a fact lists.
const maxNamedEnterprises = 12

func measureTunnels(ctx context.Context, in Inputs, p Params) iter.Seq2[TunnelFact, error] {
	rule := dayRule[TunnelDay]{
		service: "B13",
		fold: func(row *AllocationDay) TunnelDay {
			return TunnelDay{Day: row.Day, Out: row.Out, In: row.In, Samples: row.Samples}
		},
		bytes: func(d *TunnelDay, _ Params) bool { return d.Out > 0 && d.In > 0 },
	}
	return measureDays(ctx, in, p, rule, readHubs, func(r AllocationRecord, days []TunnelDay) TunnelFact { return TunnelFact{r, days} })
}

// readHubs finds on each day the address with tunnels to most enterprises.
func readHubs(ctx context.Context, a *allocationDays[TunnelDay], p Params) error {
	return eachContact(ctx, a.in, ContactQuestion{
		AddressQuestion: a.in.Addresses(a.promising()), Kinds: []ContactKind{ContactTunnel}, LeastNetworks: uint64(p["min_enterprises"]),
	}, func(rows []AllocationContact) {
		d := a.day(rows[0].Allocation, rows[0].Day)
		if d == nil {
			return
		}
		holder := a.by[rows[0].Allocation].record.on(d.Day).Holder
		if hub := hubOf(a.in.Ledgers.At(d.Day), rows, holder); hub.Count > d.Count {
			hub.Day, hub.Out, hub.In, hub.Samples = d.Day, d.Out, d.In, d.Samples
			*d = hub
		}
	})
}

// hubOf tells what the tunnels of one address are on one day. What goes one way
// only is no tunnel, but somebody knocking.
func hubOf(v *registry.View, rows []AllocationContact, holder string) TunnelDay {
	hub := TunnelDay{Hub: rows[0].Address.String()}
	var groups []string
	for i := range rows {
		c := &rows[i]
		if c.Kind != ContactTunnel || c.Out == 0 || c.In == 0 {
			continue
		}
		owner := ownerOf(v, c.Network)
		switch {
		case ownNetwork(v, c.Network, holder):
			hub.Own++
		case owner.Access:
			hub.DialIn++
		case owner.Enterprise == "" || v.CarrierGroup(owner.Enterprise):
			hub.Unknown++
		default:
			groups = addGroup(v, groups, owner.Enterprise)
			hub.TunnelBytes += c.Out + c.In
			hub.TunnelSamples += c.Samples
		}
	}
	hub.Count = len(groups)
	for _, id := range groups[:min(len(groups), maxNamedEnterprises)] {
		hub.Enterprises = append(hub.Enterprises, displayName(v.Enterprise(id), id))
	}
	return hub
}

func judgeTunnels(f TunnelFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		var sums allocationSums
		var best TunnelDay
		var bytes uint64
		tunnels := false
		for i := range f.Days {
			d := &f.Days[i]
			if !mine(d.Day) {
				continue
			}
			sums.add(d.Out, d.In, d.Samples)
			sums.offending += d.TunnelSamples
			tunnels = tunnels || float64(d.Count) >= p["min_enterprises"]
			if float64(d.Count) < p["min_enterprises"] {
				continue
			}
			sums.hit(d.Day)
			bytes += d.TunnelBytes
			if d.Count > best.Count {
				best = *d
			}
		}
		j, fires := f.settle(&sums, tunnels, p)
		if !fires {
			return j
		}
		j.Severity = High
		// Each enterprise was seen or not; what is unsure is the share of noise.
		j.Confidence = round(min(1, f.Completeness)*(1-HalfWidth(0.5, sums.offending)), 4)
		f.explain(&j, s, &sums, &best, bytes)
		f.about(&j, s, &sums)
		return j
	})
}

func (f *TunnelFact) explain(j *Judgement, s *Standing, sums *allocationSums, best *TunnelDay, bytes uint64) {
	j.Facts = FactSet{
		"hub": best.Hub, "enterprises": best.Count, "enterprise_names": best.Enterprises, "tunnel_bytes_per_day": bytes / uint64(sums.h.days),
		"own_networks": best.Own, "dial_in_networks": best.DialIn, "unknown_networks": best.Unknown,
	}
	said, names := unlicensed(s, "B13"), strings.Join(firstOf(best.Enterprises, 8), "、")
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（登记用途“%s”）内的 %s 在 %d 天内与多家企业的网络有双向隧道流量，单日最多 %d 家（%s），隧道采样包 %d 个；%s。取得覆盖当地的 B13 许可、登记同集团关系或两端、停止为他人组网后即可消除。请人工核实。",
			f.Subject.ID, s.Use, best.Hub, sums.h.days, best.Count, names, sums.offending, said.ZH),
		EN: fmt.Sprintf("On %d days %s in allocation %s (filed use %q) exchanged tunnel traffic with the networks of up to %d unrelated enterprises in a day (%s), seen by %d sampled tunnel packets; %s. A B13 licence that covers the place, a filed group or declared ends, or the end of connecting others clears this. For a person to review.",
			sums.h.days, best.Hub, f.Subject.ID, s.Use, best.Count, names, sums.offending, said.EN),
	}
	j.Benign = append(exemptBenign(s, "B13"),
		BenignTest{"own_sites", Text{
			ZH: fmt.Sprintf("同集团或登记两端的 %d 个网络未计入", best.Own),
			EN: fmt.Sprintf("%d networks of the group or of declared ends are not counted", best.Own),
		}},
		BenignTest{"dial_in", Text{
			ZH: fmt.Sprintf("来自接入网和用户地址池的 %d 个网络未计入", best.DialIn),
			EN: fmt.Sprintf("%d access networks and subscriber pools are not counted", best.DialIn),
		}},
		BenignTest{"scans_of_tunnel_ports", Text{ZH: "只计双向流量", EN: "only traffic in both directions is counted"}},
	)
}
