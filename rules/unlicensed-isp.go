package rules

import (
	"context"
	"fmt"
	"iter"
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// UnlicensedISP is the rule unlicensed-isp (N32-2.1.1(1), N32-2.2.1c): an
// allocation takes like the subscribers of an access network and its holder
// has no active licence for B14 there.
func UnlicensedISP() Rule {
	return define(Spec{
		ID: "unlicensed-isp", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: unlicensedClauses(),
		Title:   Text{ZH: "地址段呈接入网用户特征而无当地 B14 许可（疑似）", EN: "Address block behaves like access subscribers without a B14 licence there (indication)"},
		Claim: Text{
			ZH: "地址段内大量地址（或一个已登记的转换地址后的大量会话）作为客户端访问大量网络，入多出少，晚间高于白天，流量以面向消费者的内容为主，而持有单位在当地没有有效的 B14 许可。",
			EN: "Many addresses of a block (or many sessions behind a filed translated address) are clients of many networks, take far more than they send, more in the evening than by day and mostly consumer content, and the holder has no active B14 licence there.",
		},
		Params: allocationParams(1,
			Param{Name: "min_clients", Unit: "addresses", Default: 32, Min: 1, Max: 1e6, Meaning: Text{ZH: "客户端地址数下限", EN: "least addresses in client role"}},
			Param{Name: "min_sessions", Unit: "sessions", Default: 64, Min: 1, Max: 1e6, Meaning: Text{ZH: "一个转换地址的并发会话数下限（当日实见会话数亦不低于此）", EN: "least concurrent sessions of a translated address in a /30 to /32, and least sessions really seen of it in the day"}},
			Param{Name: "min_networks", Unit: "networks", Default: 500, Min: 1, Max: 1e6, Meaning: Text{ZH: "所访问网络数下限", EN: "least remote networks that serve the block"}},
			Param{Name: "min_in_out", Unit: "ratio", Default: 3, Min: 0.01, Max: 1000, Meaning: Text{ZH: "入出字节比下限", EN: "least bytes in per byte out, of the whole block"}},
			Param{Name: "min_evening_ratio", Unit: "ratio", Default: 1, Min: 0.01, Max: 100, Meaning: Text{ZH: "晚间（19–23 时）与白天（9–18 时）每小时流量之比，须高于此", EN: "what the bytes per hour in the evening (19-23 h) per those by day (9-18 h) must exceed"}},
			Param{Name: "min_consumer_share", Unit: "share of bytes in", Default: 0.6, Min: 0, Max: 1, Meaning: Text{ZH: "来自内容分发、云、数据中心网络 80/443 端口的占比下限", EN: "least share that comes from ports 80 and 443 of networks of kind cdn, cloud or datacentre"}},
			Param{Name: "min_client_peers", Unit: "addresses", Default: 5, Min: 1, Max: 1e6, Meaning: Text{ZH: "一个客户端地址的对端地址数下限", EN: "least remote addresses of an address in client role"}},
			Param{Name: "min_client_in_out", Unit: "ratio", Default: 1.5, Min: 0, Max: 1000, Meaning: Text{ZH: "一个客户端地址的入出字节比下限（排除被扫描的地址）", EN: "least bytes in per byte out of an address in client role: what is merely scanned stays below"}},
		),
	}, measureAccess, judgeAccess)
}

// AccessFact is what an allocation did as a client on the days without a
// licence for Internet access.
type AccessFact struct {
	AllocationRecord
	Days []AccessDay `json:"days"`
}

// AccessDay is one local day of an allocation; bytes are scaled.
type AccessDay struct {
	Day           registry.Date `json:"day"`
	Out           uint64        `json:"out"`
	In            uint64        `json:"in"`
	EveningIn     uint64        `json:"evening_in"` // 19-23 h
	DaytimeIn     uint64        `json:"daytime_in"` // 9-18 h
	Samples       uint64        `json:"samples"`
	Networks      uint64        `json:"networks"` // that served it
	Clients       int           `json:"clients"`  // addresses in client role
	ClientSamples uint64        `json:"client_samples"`
	// Translated is the address of a filed translation of at most four addresses,
	// or in a block of so many, with most sessions, PeakSessions those at once,
	// scaled, and Sessions those really seen in the day.
	Translated   string `json:"translated"`
	PeakSessions uint64 `json:"peak_sessions"`
	Sessions     uint64 `json:"sessions"`
	// ConsumerIn came from 80 and 443 of networks of content, UnknownIn from
	// networks of unknown kind.
	ConsumerIn uint64 `json:"consumer_in"`
	UnknownIn  uint64 `json:"unknown_in"`
}

func measureAccess(ctx context.Context, in Inputs, p Params) iter.Seq2[AccessFact, error] {
	fold := func(row *AllocationDay) AccessDay {
		return AccessDay{
			Day: row.Day, Out: row.Out, In: row.In, Samples: row.Samples, Networks: row.FilledNetworks,
			EveningIn: sumHours(&row.InByHour, 19, 23), DaytimeIn: sumHours(&row.InByHour, 9, 18),
		}
	}
	rule := dayRule[AccessDay]{"B14", fold, (*AccessDay).takes, (*AccessDay).takesMuch}
	return measureDays(ctx, in, p, rule, func(ctx context.Context, a *allocationDays[AccessDay], p Params) error {
		if err := readClients(ctx, a, p); err != nil {
			return err
		}
		return readContent(ctx, a)
	}, func(r AllocationRecord, days []AccessDay) AccessFact { return AccessFact{r, days} })
}

// takes reports whether much more came in than went out.
func (d *AccessDay) takes(p Params) bool { return atLeast(d.In, d.Out, p["min_in_out"]) }

// takesMuch is what the totals of a day tell.
func (d *AccessDay) takesMuch(p Params) bool {
	return d.takes(p) && float64(d.Networks) >= p["min_networks"]
}

// behindTranslation reports whether enough sessions were behind one address.
func (d *AccessDay) behindTranslation(p Params) bool {
	return float64(d.PeakSessions) >= p["min_sessions"] && float64(d.Sessions) >= p["min_sessions"]
}

// serves reports whether a day is one of an access network, but for the kind
// of what it takes.
func (d *AccessDay) serves(p Params) bool {
	return d.takesMuch(p) && (float64(d.Clients) >= p["min_clients"] || d.behindTranslation(p))
}

// readClients counts the addresses in client role, and the sessions behind
// translated ones.
func readClients(ctx context.Context, a *allocationDays[AccessDay], p Params) error {
	return a.eachAddress(ctx, func(d *AccessDay, rows []AllocationHost) {
		for i := range rows {
			h := &rows[i]
			if h.Port != 0 || h.Out == 0 || float64(h.Peers) < p["min_client_peers"] || !atLeast(h.In, h.Out, p["min_client_in_out"]) {
				continue
			}
			d.Clients++
			d.ClientSamples += h.Samples
			if h.PeakSessions > d.PeakSessions && translated(a.in.Ledgers.At(d.Day), h) {
				d.Translated, d.PeakSessions, d.Sessions = h.Address.String(), h.PeakSessions, h.Sessions
			}
		}
	})
}

// translated reports whether an address is filed as one that several hosts
// share, where the translation or the block has at most four addresses.
func translated(v *registry.View, h *AllocationHost) bool {
	small := func(p netip.Prefix) bool { return p.Addr().BitLen()-p.Bits() <= 2 }
	for _, t := range v.CoveringTranslations(netip.PrefixFrom(h.Address, h.Address.BitLen())) {
		if small(h.Allocation) || small(t.PublicPrefix) {
			return true
		}
	}
	return false
}

// isTranslated reports whether an address is filed as shared by translation.
func isTranslated(v *registry.View, a netip.Addr) bool {
	return len(v.CoveringTranslations(netip.PrefixFrom(a, a.BitLen()))) > 0
}

// readContent sorts what was taken by the kind of the networks it came from.
func readContent(ctx context.Context, a *allocationDays[AccessDay]) error {
	return a.eachSource(ctx, func(d *AccessDay, s *AllocationSource) {
		switch contentKind(a.in.Ledgers.At(s.Day), s.Network) {
		case contentNetwork:
			d.ConsumerIn += s.WebIn
		case unknownNetwork:
			d.UnknownIn += s.In
		case otherNetwork:
		}
	})
}

// contentSort is what a network is to who takes from it.
type contentSort uint8

const (
	otherNetwork contentSort = iota
	contentNetwork
	unknownNetwork
)

// contentKind tells networks of content from others: those known as cdn, cloud
// or data centre, and our own allocations of such a use.
func contentKind(v *registry.View, n netip.Prefix) contentSort {
	if a := v.Allocation(n.Addr()); a != nil {
		if a.Use == "cdn" || a.Use == "idc" {
			return contentNetwork
		}
		return otherNetwork
	}
	switch v.Remote(n.Addr()).Kind {
	case "cdn", "cloud", "datacentre":
		return contentNetwork
	case "", "unknown":
		return unknownNetwork
	}
	return otherNetwork
}

func judgeAccess(f AccessFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		var sums allocationSums
		var all, met AccessDay // all days; those that meet the conditions
		for i := range f.Days {
			d := &f.Days[i]
			if !mine(d.Day) {
				continue
			}
			sums.add(d.Out, d.In, d.Samples)
			sums.offending += d.ClientSamples
			all.merge(d)
			if d.serves(p) {
				sums.hit(d.Day)
				met.merge(d)
			}
		}
		evening := eveningRatio(&all)
		if evening <= p["min_evening_ratio"] {
			sums.h = held{}
		}
		unsure := sums.h.days > 0 && !atLeast(met.ConsumerIn, met.In, p["min_consumer_share"])
		if unsure && !atLeast(met.ConsumerIn+met.UnknownIn, met.In, p["min_consumer_share"]) {
			sums.h, unsure = held{}, false
		}
		alike := atLeast(sums.in, sums.out, p["min_in_out"]) && evening > p["min_evening_ratio"]
		j, fires := f.settle(&sums, alike, p)
		if !fires {
			return j
		}
		if unsure { // known kinds of networks could make it either
			return f.withheld("networks_unknown", &sums)
		}
		j.Severity = High
		j.Confidence = f.accessConfidence(&sums, &met, p)
		f.explain(&j, s, &sums, &met, evening, p)
		f.about(&j, s, &sums)
		return j
	})
}

// throughTranslation is the greatest confidence of what is concluded from
// sessions behind a translated address.
const throughTranslation = 0.5

func (f *AccessFact) accessConfidence(sums *allocationSums, met *AccessDay, p Params) float64 {
	share := float64(met.ConsumerIn) / float64(max(1, met.In))
	c := min(f.ratioAbove(sums.in, sums.out, p["min_in_out"], sums.samples),
		ConfidenceAbove(share, p["min_consumer_share"], sums.samples, f.Completeness))
	if float64(met.Clients) < p["min_clients"] {
		c = min(c, throughTranslation)
	}
	return round(c, 4)
}

// eveningRatio is the bytes per hour in the evening per those by day.
func eveningRatio(d *AccessDay) float64 {
	return float64(d.EveningIn) / 4 / max(1, float64(d.DaytimeIn)/9)
}

// merge keeps the greatest counts and adds up bytes.
func (d *AccessDay) merge(o *AccessDay) {
	d.Out, d.In, d.EveningIn, d.DaytimeIn = d.Out+o.Out, d.In+o.In, d.EveningIn+o.EveningIn, d.DaytimeIn+o.DaytimeIn
	d.ConsumerIn, d.UnknownIn = d.ConsumerIn+o.ConsumerIn, d.UnknownIn+o.UnknownIn
	d.Networks, d.Clients = max(d.Networks, o.Networks), max(d.Clients, o.Clients)
	if o.PeakSessions > d.PeakSessions {
		d.Translated, d.PeakSessions, d.Sessions = o.Translated, o.PeakSessions, o.Sessions
	}
}

func (f *AccessFact) explain(j *Judgement, s *Standing, sums *allocationSums, met *AccessDay, evening float64, p Params) {
	share, inOut := float64(met.ConsumerIn)/float64(max(1, met.In)), ratio(met.In, met.Out)
	j.Facts = FactSet{
		"clients": met.Clients, "remote_networks": met.Networks, "in_out_ratio": inOut, "evening_ratio": round(evening, 2),
		"consumer_share": round(share, 4), "translated_address": met.Translated, "peak_sessions": met.PeakSessions, "sessions_seen": met.Sessions,
	}
	who := Text{ZH: fmt.Sprintf("单日最多 %d 个地址", met.Clients), EN: fmt.Sprintf("up to %d addresses", met.Clients)}
	if float64(met.Clients) < p["min_clients"] {
		who = Text{
			ZH: fmt.Sprintf("登记为地址转换的 %s 后约 %d 个并发会话（当日实见 %d 个，按采样放大，把握较低）", met.Translated, met.PeakSessions, met.Sessions),
			EN: fmt.Sprintf("about %d concurrent sessions behind %s, filed as translated (%d really seen in a day, scaled by sampling, low confidence),", met.PeakSessions, met.Translated, met.Sessions),
		}
	}
	said := unlicensed(s, "B14")
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（登记用途“%s”）在 %d 天内呈接入网用户特征：%s作为客户端访问 %d 个网络，入出比 %.1f，晚间每小时流量为白天的 %.1f 倍，%.0f%% 来自内容网络的 80/443 端口（%d 个采样包）；%s。取得覆盖当地的 B14 许可、更正持有单位或停止对外接入后即可消除。请人工核实。",
			f.Subject.ID, s.Use, sums.h.days, who.ZH, met.Networks, inOut, evening, 100*share, sums.samples, said.ZH),
		EN: fmt.Sprintf("On %d days allocation %s (filed use %q) behaves like the subscribers of an access network: %s are clients of %d networks, %.1f bytes in per byte out, %.1f times as much per hour in the evening as by day, %.0f %% of it from ports 80 and 443 of content networks (%d sampled packets); %s. A B14 licence that covers the place, a corrected holder or the end of access for others clears this. For a person to review.",
			sums.h.days, f.Subject.ID, s.Use, who.EN, met.Networks, inOut, evening, 100*share, sums.samples, said.EN),
	}
	j.Benign = append(exemptBenign(s, "B14"),
		BenignTest{"office", Text{
			ZH: fmt.Sprintf("晚间每小时流量为白天的 %.1f 倍，没有白天高峰", evening),
			EN: fmt.Sprintf("%.1f times as much per hour in the evening as by day: no daytime peak", evening),
		}},
		BenignTest{"hotel_or_school", Text{
			ZH: fmt.Sprintf("晚间倍数高于 %.1f，且%s", p["min_evening_ratio"], who.ZH),
			EN: fmt.Sprintf("the evening is above %.1f times the day, by %s", p["min_evening_ratio"], who.EN),
		}},
		BenignTest{"business_use", Text{
			ZH: fmt.Sprintf("%.0f%% 来自面向消费者的内容网络", 100*share),
			EN: fmt.Sprintf("%.0f %% comes from networks of consumer content", 100*share),
		}},
	)
}
