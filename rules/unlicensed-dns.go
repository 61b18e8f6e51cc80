package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// UnlicensedDNS is the rule unlicensed-dns (N32-2.1.1(1), O43-36): an address
// of an allocation answers many other people's networks on ports 53 or 853,
// and its holder has no active licence for B26-1 there.
func UnlicensedDNS() Rule {
	return define(Spec{
		ID: "unlicensed-dns", Version: "1", LookbackDays: 7, QuietDays: 7,
		Clauses: append(unlicensedClauses(), since(domainMeasures, "O43-36")...),
		Title:   Text{ZH: "地址段对外提供域名解析而无当地 B26-1 许可（疑似）", EN: "Address block resolves names for others without a B26-1 licence there (indication)"},
		Claim: Text{
			ZH: "地址段内一个地址以 53 或 853 端口应答大量不属于持有单位的网络，而持有单位在当地没有有效的 B26-1 许可；只为本单位备案域名提供权威解析的除外。",
			EN: "One address of a block answers many networks that are not the holder's on ports 53 or 853, and the holder has no active B26-1 licence there; authoritative service of the holder's own filed domains alone is left out.",
		},
		Params: allocationParams(1,
			Param{Name: "min_networks", Unit: "networks", Default: 200, Min: 1, Max: 1e6, Meaning: Text{ZH: "被应答网络数下限", EN: "least distinct client networks (/24 or /48) of one address that are not the holder's"}},
		),
	}, measureResolvers, judgeResolvers)
}

// domainMeasures is the day the measures for domain names (工信部令第43号) came
// into force.
var domainMeasures = registry.NewDate(2017, 11, 1)

// ResolverFact is which addresses of an allocation answered many networks on
// the days without a licence for name resolution.
type ResolverFact struct {
	AllocationRecord
	Days    []ResolverDay `json:"days"`
	Servers []NameServer  `json:"servers"` // by address
}

// ResolverDay is one local day of an allocation; bytes are scaled.
type ResolverDay struct {
	Day     registry.Date `json:"day"`
	Out     uint64        `json:"out"`
	In      uint64        `json:"in"`
	Samples uint64        `json:"samples"`
}

// NameServer is an address that answered many networks on some day.
type NameServer struct {
	Address netip.Addr    `json:"address"`
	Days    []AnswerDay   `json:"days"`
	OwnOf   []NamesFiled  `json:"own_of"` // names on it that each holder has filed
	Asked   registry.Date `json:"asked"`  // last day on which it asked others itself, zero if never
}

// NamesFiled is how many names on an address a holder of the block has filed.
type NamesFiled struct {
	Holder string `json:"holder"`
	Names  int    `json:"names"`
}

// AnswerDay is what an address answered on one day.
type AnswerDay struct {
	Day      registry.Date `json:"day"`
	Networks int           `json:"networks"` // that are not the holder's
	Own      int           `json:"own"`      // that are
	Bytes    uint64        `json:"bytes"`
	Samples  uint64        `json:"samples"`
}

func measureResolvers(ctx context.Context, in Inputs, p Params) iter.Seq2[ResolverFact, error] {
	return allocationFacts(func() ([]ResolverFact, error) {
		a, err := readAllocations(ctx, in, []string{"B26-1"}, func(row *AllocationDay) (ResolverDay, bool) {
			return ResolverDay{Day: row.Day, Out: row.Out, In: row.In, Samples: row.Samples}, row.Out > 0
		})
		if err != nil {
			return nil, err
		}
		found, err := readNameServers(ctx, a, p)
		if err != nil {
			return nil, err
		}
		var facts []ResolverFact
		a.each(p["min_completeness"], func(r AllocationRecord, days []ResolverDay) {
			f := ResolverFact{AllocationRecord: r, Days: days}
			for _, s := range found[r.Subject.ID] {
				f.Servers = append(f.Servers, *s)
			}
			facts = append(facts, f)
		})
		return facts, nil
	})
}

// readNameServers finds the addresses that answered many networks on some day,
// by allocation, in the order of addresses, and whether they asked others.
func readNameServers(ctx context.Context, a *allocationDays[ResolverDay], p Params) (map[string][]*NameServer, error) {
	found := make(map[string]map[netip.Addr]*NameServer)
	q := ContactQuestion{
		AddressQuestion: a.in.Addresses(a.promising()), Kinds: []ContactKind{ContactAnswer}, LeastNetworks: uint64(p["min_networks"]),
	}
	names := namesOn(a.in, q.Within)
	err := eachContact(ctx, a.in, q, func(rows []AllocationContact) {
		day, address, file := rows[0].Day, rows[0].Address, a.by[rows[0].Allocation]
		if file == nil || file.record.on(day) == nil {
			return
		}
		holder := file.record.on(day).Holder
		answers := answersOf(a.in.Ledgers.At(day), rows, holder)
		if float64(answers.Networks) < p["min_networks"] {
			return
		}
		servers := found[file.record.Subject.ID]
		if servers == nil {
			servers = make(map[netip.Addr]*NameServer)
			found[file.record.Subject.ID] = servers
		}
		s := servers[address]
		if s == nil {
			s = &NameServer{Address: address}
			servers[address] = s
			q.Addresses = append(q.Addresses, address)
		}
		s.Days = append(s.Days, answers)
		if !slices.ContainsFunc(s.OwnOf, func(n NamesFiled) bool { return n.Holder == holder }) {
			own, _, _ := names.filedOn(address, day, holder)
			s.OwnOf = append(s.OwnOf, NamesFiled{holder, own})
		}
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	q.Kinds, q.LeastNetworks = []ContactKind{ContactQuery}, 0
	err = eachContact(ctx, a.in, q, func(rows []AllocationContact) {
		file := a.by[rows[0].Allocation]
		if file == nil || file.record.on(rows[0].Day) == nil {
			return
		}
		if s := found[file.record.Subject.ID][rows[0].Address]; s != nil {
			s.Asked = max(s.Asked, rows[0].Day)
		}
	})
	out := make(map[string][]*NameServer)
	for id, servers := range found {
		for _, s := range servers {
			slices.SortFunc(s.Days, func(x, y AnswerDay) int { return cmp.Compare(x.Day, y.Day) })
			out[id] = append(out[id], s)
		}
		slices.SortFunc(out[id], func(x, y *NameServer) int { return x.Address.Compare(y.Address) })
	}
	return out, err
}

// answersOf counts the networks an address answered on one day.
func answersOf(v *registry.View, rows []AllocationContact, holder string) AnswerDay {
	d := AnswerDay{Day: rows[0].Day}
	for i := range rows {
		c := &rows[i]
		switch {
		case c.Out == 0:
		case ownNetwork(v, c.Network, holder):
			d.Own++
		default:
			d.Networks++
			d.Bytes += c.Out
			d.Samples += c.Samples
		}
	}
	return d
}

// authoritative reports whether an address serves names of the holder alone:
// it asks nobody, and carries names the holder has filed.
func (s *NameServer) authoritative(holder string) bool {
	return s.Asked == 0 && slices.ContainsFunc(s.OwnOf, func(n NamesFiled) bool { return n.Holder == holder && n.Names > 0 })
}

func judgeResolvers(f ResolverFact, p Params) Judgement {
	return f.judgeHolders(func(s *Standing, mine func(registry.Date) bool) Judgement {
		var sums allocationSums
		for i := range f.Days {
			if d := &f.Days[i]; mine(d.Day) {
				sums.add(d.Out, d.In, d.Samples)
			}
		}
		seen := f.answering(s.Holder, mine, p["min_networks"])
		sums.offending = seen.samples
		for i := range f.Days { // in order
			if seen.days[f.Days[i].Day] {
				sums.hit(f.Days[i].Day)
			}
		}
		j, fires := f.settle(&sums, len(seen.addresses) > 0, p)
		if !fires {
			return j
		}
		j.Severity = Medium
		if seen.asks {
			j.Severity = High // it resolves for others, not only what it holds
		}
		j.Confidence = round(min(1, f.Completeness)*(1-HalfWidth(0.5, sums.offending)), 4)
		f.explain(&j, s, &sums, &seen)
		f.about(&j, s, &sums)
		return j
	})
}

// answeringServers is what the servers that are not authoritative only did on
// some days.
type answeringServers struct {
	addresses     []string
	best          AnswerDay // with most networks
	samples       uint64
	asks          bool
	authoritative int // servers left out
	days          map[registry.Date]bool
}

// answering adds up the servers that answered so many networks on the days of
// a holder.
func (f *ResolverFact) answering(holder string, mine func(registry.Date) bool, minNetworks float64) answeringServers {
	seen := answeringServers{days: make(map[registry.Date]bool)}
	for i := range f.Servers {
		server := &f.Servers[i]
		if server.authoritative(holder) {
			seen.authoritative++
			continue
		}
		counted := false
		for _, d := range server.Days {
			if !mine(d.Day) || float64(d.Networks) < minNetworks {
				continue
			}
			counted, seen.days[d.Day] = true, true
			seen.samples += d.Samples
			if d.Networks > seen.best.Networks {
				seen.best = d
			}
		}
		if counted {
			seen.addresses = append(seen.addresses, server.Address.String())
			seen.asks = seen.asks || server.Asked != 0
		}
	}
	return seen
}

func (f *ResolverFact) explain(j *Judgement, s *Standing, sums *allocationSums, seen *answeringServers) {
	best, addresses, asks := &seen.best, seen.addresses, seen.asks
	j.Facts = FactSet{
		"name_servers": firstOf(addresses, 20), "client_networks": best.Networks, "own_client_networks": best.Own,
		"answer_bytes_on_busiest_day": best.Bytes, "asks_others": asks, "authoritative_only": seen.authoritative,
	}
	role := Text{ZH: "没有见到它向他人查询，但也没有本单位备案的域名", EN: "it was not seen asking others, but carries no name filed by the holder"}
	if asks {
		role = Text{ZH: "它也向其他服务器查询（递归解析）", EN: "it asks other servers itself (recursive resolution)"}
	}
	said, list := unlicensed(s, "B26-1"), strings.Join(firstOf(addresses, 8), ", ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（登记用途“%s”）内的 %s 在 %d 天内以 53/853 端口对外应答，单日最多 %d 个不属于持有单位的网络（应答采样包 %d 个）；%s；%s。取得覆盖当地的 B26-1 许可、登记本单位域名备案或关闭对外解析后即可消除。请人工核实。",
			f.Subject.ID, s.Use, list, sums.h.days, best.Networks, sums.offending, role.ZH, said.ZH),
		EN: fmt.Sprintf("On %d days %s in allocation %s (filed use %q) answered up to %d networks a day that are not the holder's on ports 53 or 853 (%d sampled answers); %s; %s. A B26-1 licence that covers the place, the filing of the holder's own domains or closing the resolver to others clears this. For a person to review.",
			sums.h.days, list, f.Subject.ID, s.Use, best.Networks, sums.offending, role.EN, said.EN),
	}
	j.Benign = append(exemptBenign(s, "B26-1"),
		BenignTest{"authoritative_only", role},
		BenignTest{"own_clients", Text{
			ZH: fmt.Sprintf("持有单位自己的 %d 个网络未计入", best.Own),
			EN: fmt.Sprintf("%d networks of the holder are not counted", best.Own),
		}},
		BenignTest{"carriers_resolvers", Text{ZH: "地址段不由本运营商集团持有", EN: "the block is not held by the carrier's group"}},
	)
}
