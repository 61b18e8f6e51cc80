package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// SubleaseChain is the rule sublease-chain (N32-2.2.3, N32-2.1.1(4)): address
// space is let on by somebody who has it from the carrier, for a telecom
// service.
func SubleaseChain() Rule {
	return define(Spec{
		ID: "sublease-chain", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(n32Published, "N32-2.2.3", "N32-2.1.1(4)"),
		Title:   Text{ZH: "地址资源层层转租（疑似）", EN: "Address space sublet level by level (indication)"},
		Claim: Text{
			ZH: "用途为 idc、isp 或 cdn 的地址段是从非本运营商的另一家单位的地址段中划出的（自本运营商起第二级及以下）；同一单位或同一集团内部划分不计。",
			EN: "A block of use idc, isp or cdn is cut from one held by somebody else who is not the carrier (second level below the carrier or deeper); splits inside an enterprise or its group do not count.",
		},
	}, fromLedgers(chainFacts), judgeChain)
}

// ChainLink is one holder of a chain of allocations.
type ChainLink struct {
	Prefix     string `json:"prefix"`
	Holder     string `json:"holder"`
	HolderName string `json:"holder_name"`
}

// Chain is who let an allocation to whom, the carrier's customer first and the
// holder of the allocation last. Holders of one group are one link.
type Chain struct {
	Links    []ChainLink `json:"links"`
	Use      string      `json:"use"`
	Services []string    `json:"services"`
	Province string      `json:"province"`
	// Licensed is set when the last holder has every licence the use needs.
	Licensed bool `json:"licensed"`
}

// ChainFact is an allocation with its chain over a span; days on which it comes
// from the carrier or its own group are left out.
type ChainFact struct {
	Subject Subject           `json:"subject"`
	Days    registry.Validity `json:"days"`
	Spells  []Spell[Chain]    `json:"spells"`
}

// About implements Fact.
func (f ChainFact) About() (s Subject, enterpriseID, province string) {
	last := &f.Spells[len(f.Spells)-1].State
	return f.Subject, last.Links[len(last.Links)-1].Holder, last.Province
}

func isSublet(use string) bool { return use == "idc" || use == "isp" || use == "cdn" }

func chainFacts(s *registry.Snapshot, days registry.Validity) []ChainFact {
	var out []ChainFact
	seen := make(map[string]bool)
	for i := range s.Ledgers().Allocations {
		a := &s.Ledgers().Allocations[i]
		if !a.Parent.IsValid() || !isSublet(a.Use) || !a.Valid.Overlaps(days) || seen[a.Prefix.String()] {
			continue
		}
		id := a.Prefix.String()
		seen[id] = true
		list := spells(days, func(day registry.Date) (Chain, bool) { return chainOn(s.At(day), a) })
		if len(list) == 0 {
			continue
		}
		links := list[len(list)-1].State.Links
		out = append(out, ChainFact{Subject: Subject{SubjectAllocation, id, links[len(links)-1].HolderName}, Days: days, Spells: list})
	}
	return out
}

// chainOn returns the longest chain of the rows about one prefix.
func chainOn(v *registry.View, a *registry.Allocation) (best Chain, found bool) {
	for _, row := range v.AllocationsOf(a.Prefix) {
		if c, ok := chainOf(v, row); ok && len(c.Links) > len(best.Links) {
			best, found = c, true
		}
	}
	return best, found
}

// deepest is how far a chain is followed; ledgers that name each other in a
// circle end here.
const deepest = 32

// chainOf follows the parents of an allocation up to the carrier.
func chainOf(v *registry.View, a *registry.Allocation) (Chain, bool) {
	if !isSublet(a.Use) || a.EnterpriseID == "" || v.CarrierGroup(a.EnterpriseID) {
		return Chain{}, false
	}
	links := linksOf(v, a)
	if len(links) < 2 {
		return Chain{}, false
	}
	c := Chain{Links: links, Use: a.Use, Services: servicesFor(a.Use, a.Cloud), Licensed: true}
	c.Province = holderOf(v, a.EnterpriseID, a.Place).Province
	var rows []registry.Licence
	for _, l := range v.Licences(a.EnterpriseID) {
		rows = append(rows, *l)
	}
	for _, s := range c.Services {
		c.Licensed = c.Licensed && holdsActive(rows, s, v.Day())
	}
	return c, true
}

// linksOf returns the holders from the carrier's customer down to that of a;
// nothing for a split inside the holder's own group.
func linksOf(v *registry.View, a *registry.Allocation) []ChainLink {
	links := []ChainLink{linkOf(v, a)}
	for at, steps := a, 0; steps < deepest; steps++ {
		up := lessorOf(v, at)
		if up == nil || up.EnterpriseID == "" || v.CarrierGroup(up.EnterpriseID) {
			break
		}
		sameGroup := v.Siblings(up.EnterpriseID, links[len(links)-1].Holder)
		if steps == 0 && sameGroup {
			return nil
		}
		if !sameGroup {
			links = append(links, linkOf(v, up))
		}
		at = up
	}
	slices.Reverse(links)
	return links
}

func linkOf(v *registry.View, a *registry.Allocation) ChainLink {
	return ChainLink{a.Prefix.String(), a.EnterpriseID, displayName(v.Enterprise(a.EnterpriseID), a.EnterpriseID)}
}

// lessorOf returns the allocation an allocation was cut from. Where several
// hold that block, one of its own group or the carrier is taken before a
// stranger.
func lessorOf(v *registry.View, a *registry.Allocation) *registry.Allocation {
	if !a.Parent.IsValid() {
		return nil
	}
	var stranger *registry.Allocation
	for _, up := range v.AllocationsOf(a.Parent) {
		if up.Prefix == a.Prefix && (up == a || up.Parent == a.Prefix) {
			continue // a block let on whole names itself as its parent
		}
		if v.Siblings(up.EnterpriseID, a.EnterpriseID) || v.CarrierGroup(up.EnterpriseID) {
			return up
		}
		if stranger == nil {
			stranger = up
		}
	}
	return stranger
}

func judgeChain(f ChainFact, _ Params) Judgement {
	h, c := holding(f.Spells, func(c *Chain) bool { return len(c.Links) >= 2 })
	if c == nil {
		return clearJudgement()
	}
	j := h.fires(f.Days, chainSeverity(len(c.Links), c.Licensed))
	last := c.Links[len(c.Links)-1]
	j.Holder = heldBy(f, Holder{last.Holder, last.HolderName, c.Province})
	holders, names := make([]string, len(c.Links)), make([]string, len(c.Links))
	for i, l := range c.Links {
		holders[i], names[i] = l.Holder, l.HolderName+" "+l.Prefix
	}
	j.Facts = FactSet{
		"depth_below_carrier": len(c.Links), "chain": holders, "use": c.Use, "required_services": c.Services,
		"last_holder_licensed": c.Licensed, "days": h.days,
	}
	path, svc := strings.Join(names, " → "), strings.Join(c.Services, ", ")
	licensedZH, licensedEN := "有效", "valid"
	if !c.Licensed {
		licensedZH, licensedEN = "缺失", "missing"
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("地址段 %s（用途“%s”）自本运营商起第 %d 级：%s；截至 %s 末级单位“%s”的 %s 许可%s。由本运营商直接分配、收回转租或更正上级地址段后即可消除。请人工核实。", f.Subject.ID, c.Use, len(c.Links), path, h.last, last.HolderName, svc, licensedZH),
		EN: fmt.Sprintf("Allocation %s (use %q) is level %d below the carrier: %s; on %s the licence of the last holder %s for %s is %s. Allocation by the carrier itself, the end of the sublease or a corrected parent clears this. For a person to review.", f.Subject.ID, c.Use, len(c.Links), path, h.last, last.HolderName, svc, licensedEN),
	}
	for _, l := range c.Links {
		j.Evidence = append(j.Evidence, ledgerRow("allocations", l.Prefix, "allocation "+l.Prefix+" of "+l.Holder))
	}
	j.Benign = []BenignTest{
		{Name: "own_split", Result: Text{ZH: "上下级单位不属同一集团", EN: "the two holders are not of one group"}},
		{Name: "from_the_carrier", Result: Text{ZH: "上级地址段不由本运营商持有", EN: "the parent block is not held by the carrier"}},
	}
	return j
}

func chainSeverity(depth int, licensed bool) Severity {
	switch {
	case depth > 2 && !licensed:
		return Critical
	case depth > 2, !licensed:
		return High
	}
	return Medium
}
