package rules

import (
	"fmt"

	"github.com/linewarden/linewarden/registry"
)

// IntlUnapprovedChannel is the rule intl-unapproved-channel (N32-2.2.4a): an
// address of an allocation carries much tunnel traffic across the border and
// serves many others at home with it, without an approval of cross-border
// business.
func IntlUnapprovedChannel() Rule {
	return define(Spec{
		ID: "intl-unapproved-channel", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.4a"),
		Title:   Text{ZH: "未经批准的跨境通道（疑似）", EN: "Cross-border channel without approval (indication)"},
		Claim: Text{
			ZH: "用途为 idc、isp、ipvpn 或 enterprise 的地址段内，一个地址与境外（含港澳台）之间有大量隧道流量，同时作为隧道中心或中继为境内多个其他网络服务，而持有单位没有跨境业务批准；持有单位自己登记的境外办公点不计，用户地址池不看。",
			EN: "An address of an allocation of use idc, isp, ipvpn or enterprise exchanges much tunnel traffic with ends abroad (Hong Kong, Macao and Taiwan included) and serves many other networks at home, as tunnel hub or relay, and its holder has no approval of cross-border business; filed overseas offices of the holder do not count, and subscriber pools are never looked at.",
		},
		Params: allocationParams(3,
			Param{Name: "min_bytes_per_day", Unit: "bytes", Default: 1 << 30, Min: 1, Max: 1 << 60, Meaning: Text{ZH: "每日跨境隧道字节数下限（双向）", EN: "least bytes of tunnels across the border on a day, both directions"}},
			Param{Name: "min_home_networks", Unit: "networks", Default: 8, Min: 1, Max: 1e6, Meaning: Text{ZH: "所服务的境内其他网络数下限（按持有单位计，未知的按 /24 或 /48 计）", EN: "least other networks at home it serves, by their holder, or by /24 or /48 where that is unknown"}},
			Param{Name: "min_relay_ratio", Unit: "ratio", Default: 0.25, Min: 0, Max: 10, Meaning: Text{ZH: "作为中继计数时，境内流量与跨境隧道流量之比下限", EN: "least bytes with networks at home over those of the tunnels abroad, for networks without a tunnel to count as relayed"}},
		),
	}, measureChannel, judgeChannel)
}

// ChannelFact is what the addresses of an allocation exchanged by tunnels across
// the border. Days with an approval are in no address.
type ChannelFact struct {
	AllocationRecord
	Totals   []AllocationTotals `json:"totals"`
	Channels []ChannelAddress   `json:"channels"` // the most bytes first
}

// AllocationTotals is one local day of an allocation; bytes are scaled.
type AllocationTotals struct {
	Day     registry.Date `json:"day"`
	Out     uint64        `json:"out"`
	In      uint64        `json:"in"`
	Samples uint64        `json:"samples"`
}

// ChannelAddress is one address with tunnels abroad, while one holder had it.
type ChannelAddress struct {
	Holder  string       `json:"holder"` // enterprise_id
	Address string       `json:"address"`
	Days    []ChannelDay `json:"days"`
	// HubNetworks are others at home with tunnels to it, RelayNetworks those
	// with anything else, in both directions; each counts by its holder. Bytes
	// are over the span.
	HubNetworks   uint64 `json:"hub_networks"`
	RelayNetworks uint64 `json:"relay_networks"`
	HubBytes      uint64 `json:"hub_bytes"`
	RelayBytes    uint64 `json:"relay_bytes"`
	// Served is the largest number of networks that used one port of it as a
	// server on a day.
	Served uint64 `json:"served"`
	// ForeignNetworks counts the ends abroad, Ends names the largest.
	ForeignNetworks uint64   `json:"foreign_networks"`
	Ends            []string `json:"ends"`
	// OwnBytes went through tunnels to networks filed for the holder's group.
	OwnBytes     uint64 `json:"own_bytes"`
	ApprovedDays int    `json:"approved_days"`
}

// ChannelDay is what an address exchanged by tunnels with ends abroad that are
// not the holder's.
type ChannelDay struct {
	Day     registry.Date `json:"day"`
	Out     uint64        `json:"out"`
	In      uint64        `json:"in"`
	Samples uint64        `json:"samples"`
}

func (a *ChannelAddress) bytes() (sum uint64) {
	for _, d := range a.Days {
		sum += d.Out + d.In
	}
	return sum
}

// homeNetworks is how many others at home the address serves. Networks without
// a tunnel count when the address is in server role for so many, and moves
// enough with them to fill the tunnels.
func (a *ChannelAddress) homeNetworks(p Params) uint64 {
	relayed := min(a.RelayNetworks, a.Served)
	if float64(a.RelayBytes) < p["min_relay_ratio"]*float64(a.bytes()) {
		relayed = 0
	}
	return a.HubNetworks + relayed
}

// channelSums is what an address did on the days that count.
type channelSums struct {
	held
	address *ChannelAddress
	home    uint64
	bytes   uint64
	samples uint64
}

// met adds up the days on which the tunnels of an address carried enough.
func (a *ChannelAddress) met(mine func(registry.Date) bool, p Params) channelSums {
	m := channelSums{address: a, home: a.homeNetworks(p)}
	for _, d := range a.Days {
		if mine(d.Day) && d.Out > 0 && d.In > 0 && float64(d.Out)+float64(d.In) >= p["min_bytes_per_day"] {
			m.add(d.Day, d.Day)
			m.bytes += d.Out + d.In
			m.samples += d.Samples
		}
	}
	return m
}

func judgeChannel(f ChannelFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		var sums allocationSums
		for _, d := range f.Totals {
			if mine(d.Day) {
				sums.add(d.Out, d.In, d.Samples)
			}
		}
		best, found := f.best(s.Holder, mine, p)
		if found {
			sums.h, sums.offending = best.held, best.samples
		}
		j, fires := f.settle(&sums, found, p)
		if !fires {
			return j
		}
		f.say(&j, s, &sums, &best, p)
		return j
	})
}

// best returns the address that serves others at home and carried enough abroad
// on most days.
func (f *ChannelFact) best(holder string, mine func(registry.Date) bool, p Params) (best channelSums, found bool) {
	for i := range f.Channels {
		a := &f.Channels[i]
		if a.Holder != holder || float64(a.homeNetworks(p)) < p["min_home_networks"] {
			continue
		}
		if m := a.met(mine, p); !found || m.days > best.days || m.days == best.days && m.bytes > best.bytes {
			best, found = m, true
		}
	}
	return best, found
}

// say puts the judgement into words.
func (f *ChannelFact) say(j *Judgement, s *Standing, sums *allocationSums, m *channelSums, p Params) {
	a, perDay := m.address, m.bytes/uint64(m.days)
	j.Severity = High
	if float64(m.home) >= 4*p["min_home_networks"] || float64(perDay) >= 10*p["min_bytes_per_day"] {
		j.Severity = Critical
	}
	j.Confidence = round(confidenceOfCount(m.samples, f.Completeness), 4)
	j.Facts = FactSet{
		"address": a.Address, "tunnel_bytes_per_day": perDay, "tunnel_samples": m.samples, "home_networks": m.home,
		"hub_networks": a.HubNetworks, "relay_networks": m.home - a.HubNetworks, "home_bytes": a.HubBytes + a.RelayBytes,
		"foreign_networks": a.ForeignNetworks, "third_party_networks": a.Ends, "own_tunnel_bytes": a.OwnBytes, "approved_days": a.ApprovedDays,
		"tunnel_bytes_relative_error": round(relativeError(m.samples), 4),
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（%s，登记用途 %s）内的地址 %s 在 %d 天内与境外 %d 个网络之间每天有不少于 %s 的隧道流量（日均 %s，按 %d 个采样包估计，相对误差约 %.0f%%），同时为境内 %d 个其他网络服务（隧道接入 %d 个、中继 %d 个）；这些天持有单位没有跨境业务批准。取得并登记跨境业务批准、将境外一端登记为持有单位自己的办公点、或停止为他人提供跨境通道后即可消除。请人工核实。",
			f.Subject.ID, s.HolderName, s.Use, a.Address, m.days, a.ForeignNetworks, amount(uint64(p["min_bytes_per_day"])), amount(perDay), m.samples, 100*relativeError(m.samples), m.home, a.HubNetworks, m.home-a.HubNetworks),
		EN: fmt.Sprintf("Address %s of block %s (%s, filed for use %s) exchanged on %d days at least %s of tunnel traffic a day with %d networks abroad (%s a day, from %d sampled packets, about ±%.0f %%), and serves %d other networks at home (%d by tunnels, %d relayed); on those days its holder has no approval of cross-border business. An approval that is filed, declaring the ends abroad as offices of the holder, or ending the channel for others clears this. For a person to review.",
			a.Address, f.Subject.ID, s.HolderName, s.Use, m.days, amount(uint64(p["min_bytes_per_day"])), a.ForeignNetworks, amount(perDay), m.samples, 100*relativeError(m.samples), m.home, a.HubNetworks, m.home-a.HubNetworks),
	}
	j.Evidence = append(j.Evidence, ledgerRow("approvals", s.Holder, "approvals of "+s.Holder))
	f.about(j, s, sums)
	j.Benign = channelBenign(s, m, p)
}

func channelBenign(s *Standing, m *channelSums, p Params) []BenignTest {
	a := m.address
	return []BenignTest{
		{Name: "approved", Result: Text{
			ZH: fmt.Sprintf("持有单位“%s”及同集团在这些天没有跨境业务批准（有批准的 %d 天未计）", s.HolderName, a.ApprovedDays),
			EN: fmt.Sprintf("neither %s nor its group has an approval of cross-border business on those days (%d days with one are set aside)", s.HolderName, a.ApprovedDays),
		}},
		{Name: "own_overseas_office", Result: Text{
			ZH: fmt.Sprintf("到持有单位及同集团登记网络的隧道不计（%s）", amount(a.OwnBytes)),
			EN: fmt.Sprintf("tunnels to networks filed for the holder or its group do not count (%s)", amount(a.OwnBytes)),
		}},
		{Name: "single_site_to_site_vpn", Result: Text{
			ZH: fmt.Sprintf("为境内 %d 个其他网络服务，下限 %.0f 个", m.home, p["min_home_networks"]),
			EN: fmt.Sprintf("it serves %d other networks at home, %.0f are needed", m.home, p["min_home_networks"]),
		}},
		{Name: "gateway_that_only_fetches", Result: Text{
			ZH: fmt.Sprintf("没有隧道的网络只在该地址为其服务端（至多 %d 个网络）且流量足以填充隧道时计入（%s）", a.Served, amount(a.RelayBytes)),
			EN: fmt.Sprintf("networks without a tunnel count only where the address is their server (up to %d networks) and moves enough with them (%s)", a.Served, amount(a.RelayBytes)),
		}},
		{Name: "subscriber_pool", Result: Text{
			ZH: fmt.Sprintf("登记用途为“%s”，不是用户地址池", s.Use),
			EN: fmt.Sprintf("it is filed for use %q, which is no subscriber pool", s.Use),
		}},
	}
}
