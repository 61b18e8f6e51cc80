package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// FilingOutside is the rule filing-outside (越界, N32-2.2.1a): an allocation
// reaches outside the block it was cut from, or outside the carrier's blocks.
func FilingOutside() Rule {
	return define(Spec{
		ID: "filing-outside", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(n32Published, "N32-2.2.1a"),
		Title:   Text{ZH: "地址备案越界（疑似）", EN: "Filed allocation reaches outside its block (indication)"},
		Claim: Text{
			ZH: "登记的地址段超出其上级地址段，或超出本运营商的来源地址块；保留地址、基础设施以及同一单位已登记地址段内的更小地址段不计。",
			EN: "A filed allocation reaches outside its parent, or outside the carrier's source blocks; reserved and infrastructure space, and a more specific inside a block of the same holder, do not count.",
		},
	}, fromLedgers(outsideFacts), judgeOutside)
}

// Outside says what an allocation reaches outside of.
type Outside struct {
	Holder  Holder `json:"holder"`
	Parent  string `json:"parent,omitempty"`  // the parent it reaches outside of
	Sources bool   `json:"sources,omitempty"` // it reaches outside the carrier's blocks
}

// OutsideFact is an allocation that reaches outside on some days of a span.
type OutsideFact struct {
	Subject Subject           `json:"subject"`
	Days    registry.Validity `json:"days"`
	Spells  []Spell[Outside]  `json:"spells"`
}

// About implements Fact.
func (f OutsideFact) About() (s Subject, enterpriseID, province string) {
	h := f.Spells[len(f.Spells)-1].State.Holder
	return f.Subject, h.EnterpriseID, h.Province
}

// reserved are the special blocks of RFC 6890 that never are a carrier's own;
// those for documentation are not among them.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/127"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

func isReserved(p netip.Prefix) bool {
	for _, r := range reserved {
		if inside(p, r) {
			return true
		}
	}
	return false
}

// inside reports whether all of p lies in block.
func inside(p, block netip.Prefix) bool {
	return block.IsValid() && block.Bits() <= p.Bits() && block.Contains(p.Addr())
}

func outsideFacts(s *registry.Snapshot, days registry.Validity) []OutsideFact {
	var (
		out  []OutsideFact
		l    = s.Ledgers()
		seen = make(map[netip.Prefix]bool)
		// The carrier's blocks differ between two days only when one was obtained.
		sources = make(map[registry.Date]registry.Ranges)
	)
	for d := days.From; d <= days.To; d++ {
		sources[d] = s.At(d).Sources()
	}
	now := sources[days.To]
	for i := range l.Allocations {
		a := &l.Allocations[i]
		orderly := inside(a.Prefix, a.Parent) || !a.Parent.IsValid()
		if !a.Prefix.IsValid() || !a.Valid.Overlaps(days) || orderly && days.From == days.To && now.Cover(a.Prefix) || seen[a.Prefix] {
			continue
		}
		list := spells(days, func(day registry.Date) (Outside, bool) { return outsideOn(s.At(day), a.Prefix, sources[day]) })
		if seen[a.Prefix] = true; len(list) > 0 {
			holder := list[len(list)-1].State.Holder
			out = append(out, OutsideFact{Subject{SubjectAllocation, a.Prefix.String(), holder.Name}, days, list})
		}
	}
	return out
}

// outsideOn returns the first row of the day about a prefix that reaches
// outside.
func outsideOn(v *registry.View, prefix netip.Prefix, sources registry.Ranges) (Outside, bool) {
	for _, a := range v.AllocationsOf(prefix) {
		if a.Use == "infrastructure" || isReserved(prefix) || moreSpecificOfHolder(v, a) {
			continue
		}
		o := Outside{Sources: !sources.IsEmpty() && !sources.Cover(prefix)}
		if a.Parent.IsValid() && !inside(prefix, a.Parent) {
			o.Parent = a.Parent.String()
		}
		if o.Sources || o.Parent != "" {
			o.Holder = holderOf(v, a.EnterpriseID, a.Place)
			return o, true
		}
	}
	return Outside{}, false
}

// moreSpecificOfHolder reports whether an allocation lies in a wider one of the
// same group: that one is judged.
func moreSpecificOfHolder(v *registry.View, a *registry.Allocation) bool {
	for _, up := range v.Covering(a.Prefix) {
		if up.Prefix.Bits() < a.Prefix.Bits() && v.Siblings(up.EnterpriseID, a.EnterpriseID) {
			return true
		}
	}
	return false
}

func judgeOutside(f OutsideFact, _ Params) Judgement {
	h, o := holding(f.Spells, func(o *Outside) bool { return o.Sources || o.Parent != "" })
	if o == nil {
		return clearJudgement()
	}
	j := h.fires(f.Days, Medium)
	j.Holder = heldBy(f, o.Holder)
	j.Evidence = []Evidence{ledgerRow("allocations", f.Subject.ID, "allocation "+f.Subject.ID)}
	var what, zh, en []string
	if o.Parent != "" {
		what, zh, en = append(what, "parent"), append(zh, "上级地址段 "+o.Parent), append(en, "its parent "+o.Parent)
		j.Evidence = append(j.Evidence, ledgerRow("allocations", o.Parent, "parent "+o.Parent))
	}
	if o.Sources {
		what, zh, en = append(what, "sources"), append(zh, "本运营商的来源地址块"), append(en, "the source blocks of the carrier")
		j.Evidence = append(j.Evidence, ledgerRow("sources", f.Subject.ID, "no source block covers "+f.Subject.ID))
	}
	j.Facts = FactSet{"outside_of": what, "parent": o.Parent, "holder": o.Holder.EnterpriseID, "days": h.days}
	j.Explanation = Text{
		ZH: fmt.Sprintf("登记给“%s”的地址段 %s 截至 %s 超出%s。更正前缀或上级地址段，或补登来源地址块后即可消除。请人工核实。", o.Holder.Name, f.Subject.ID, h.last, strings.Join(zh, "和")),
		EN: fmt.Sprintf("Allocation %s filed for %s reaches outside %s on %s. A corrected prefix or parent, or a filed source block, clears this. For a person to review.", f.Subject.ID, o.Holder.Name, strings.Join(en, " and "), h.last),
	}
	j.Benign = []BenignTest{
		{Name: "reserved_or_infrastructure", Result: Text{ZH: "不是保留地址，用途不是基础设施", EN: "neither reserved space nor infrastructure"}},
		{Name: "more_specific_of_holder", Result: Text{ZH: "不在同一单位的更大登记地址段内", EN: "in no wider allocation of the same holder"}},
	}
	return j
}
