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

// FilingConflict is the rule filing-conflict (冲突, N32-2.2.1a): two unrelated
// holders are filed for the same addresses, or somebody else than who is filed
// announces them.
func FilingConflict() Rule {
	return define(Spec{
		ID: "filing-conflict", Version: "2", Ledger: true, Routes: true, LookbackDays: 7, QuietDays: 0,
		Clauses: since(n32Published, "N32-2.2.1a"),
		Title:   Text{ZH: "地址备案冲突（疑似）", EN: "Filings of address space contradict one another or its announcement (indication)"},
		Claim: Text{
			ZH: "两家无关联单位同日登记的地址段重叠，且其中一个不是从另一个划出的；或路由起源自治系统的单位累计 24 小时以上既不是登记的持有单位，也不是登记的通告、申请单位。",
			EN: "Allocations of two unrelated holders overlap on one day, and neither was cut from the other; or the holder of the network that originates a route is for 24 hours or more neither a filed holder nor a filed announcer or applicant.",
		},
		Params: routeParams(24)[:2],
	}, measureConflict, judgeConflict)
}

// Overlap is another allocation that overlaps a subject on days of a span.
type Overlap struct {
	Prefix string            `json:"prefix"`
	Days   registry.Validity `json:"days"` // inside the span
	Mine   Holder            `json:"mine"`
	Other  Holder            `json:"other"`
	// Since and OtherSince are when the two were filed; zero is unknown.
	Since      registry.Date `json:"since"`
	OtherSince registry.Date `json:"other_since"`
}

// ConflictFact is an allocation with those filed before it that it overlaps,
// and the routes to it from networks of others.
type ConflictFact struct {
	Subject   Subject           `json:"subject"`
	Days      registry.Validity `json:"days"`
	Overlaps  []Overlap         `json:"overlaps"` // by their last day
	Announced []ConflictRoute   `json:"announced,omitempty"`
	// Completeness is that of the routes.
	Completeness float64 `json:"completeness,omitempty"`
}

// About implements Fact.
func (f ConflictFact) About() (s Subject, enterpriseID, province string) {
	h := f.Announced
	if n := len(f.Overlaps); n > 0 {
		mine := f.Overlaps[n-1].Mine
		return f.Subject, mine.EnterpriseID, mine.Province
	}
	return f.Subject, h[0].Holder.EnterpriseID, h[0].Holder.Province
}

// measureConflict sets the ledgers against one another and, where there are
// routes, against who announces what is filed.
func measureConflict(ctx context.Context, in Inputs, _ Params) iter.Seq2[ConflictFact, error] {
	facts := conflictFacts(in.Ledgers, in.Span.Days)
	if in.Routes != nil {
		var err error
		if facts, err = withAnnouncements(ctx, in, facts); err != nil {
			return func(yield func(ConflictFact, error) bool) { yield(ConflictFact{}, err) }
		}
	}
	return inOrder(facts)
}

func conflictFacts(s *registry.Snapshot, days registry.Validity) []ConflictFact {
	found := make(map[netip.Prefix][]Overlap)
	l := s.Ledgers()
	for i := range l.Allocations {
		a := &l.Allocations[i]
		if !a.Prefix.IsValid() || !a.Valid.Overlaps(days) || a.Use == "infrastructure" || isReserved(a.Prefix) {
			continue
		}
		s.EachCovering(a.Prefix, func(up *registry.Allocation) {
			if up != a {
				addOverlap(s, found, a, up, days)
			}
		})
	}
	out := make([]ConflictFact, 0, len(found))
	for p, list := range found {
		slices.SortFunc(list, func(a, b Overlap) int {
			return cmp.Or(cmp.Compare(a.Days.To, b.Days.To), cmp.Compare(a.Prefix, b.Prefix), cmp.Compare(a.Other.EnterpriseID, b.Other.EnterpriseID),
				cmp.Compare(a.Mine.EnterpriseID, b.Mine.EnterpriseID), cmp.Compare(a.Days.From, b.Days.From))
		})
		out = append(out, ConflictFact{Subject: Subject{SubjectAllocation, p.String(), list[len(list)-1].Mine.Name}, Days: days, Overlaps: list})
	}
	return out
}

// addOverlap notes that a lies in up, under the one of them that was filed
// later.
func addOverlap(s *registry.Snapshot, found map[netip.Prefix][]Overlap, a, up *registry.Allocation, days registry.Validity) {
	common := registry.Validity{From: max(a.Valid.From, up.Valid.From, days.From), To: lastDayIn(a.Valid, registry.Validity{To: lastDayIn(up.Valid, days)})}
	if common.From > common.To || up.Use == "infrastructure" || a.EnterpriseID == "" || up.EnterpriseID == "" {
		return
	}
	v := s.At(common.To)
	if explained(v, a, up) {
		return
	}
	later, earlier := a, up
	if up.Valid.From > a.Valid.From {
		later, earlier = up, a
	}
	if a.Prefix == up.Prefix && (later != a || a.Valid.From == up.Valid.From && a.EnterpriseID < up.EnterpriseID) {
		return // with one prefix the pair is met from either side, and noted once
	}
	found[later.Prefix] = append(found[later.Prefix], Overlap{
		Prefix: earlier.Prefix.String(), Days: common,
		Mine: holderOf(v, later.EnterpriseID, later.Place), Other: holderOf(v, earlier.EnterpriseID, earlier.Place),
		Since: later.Valid.From, OtherSince: earlier.Valid.From,
	})
}

// explained reports whether a may lie in up: they are of one group, up is the
// carrier's, or one was cut from the other.
func explained(v *registry.View, a, up *registry.Allocation) bool {
	if v.Siblings(a.EnterpriseID, up.EnterpriseID) || v.CarrierGroup(up.EnterpriseID) || cutFrom(v, a, up) {
		return true
	}
	return a.Prefix == up.Prefix && (v.CarrierGroup(a.EnterpriseID) || cutFrom(v, up, a))
}

// cutFrom reports whether the parents of a lead to up or to its holder.
func cutFrom(v *registry.View, a, up *registry.Allocation) bool {
	at := a
	for range deepest {
		if !at.Parent.IsValid() {
			return false
		}
		if at.Parent.Masked() == up.Prefix.Masked() {
			return true
		}
		if at.Parent.Masked() == at.Prefix.Masked() {
			return false
		}
		var next *registry.Allocation
		for _, p := range v.AllocationsOf(at.Parent) {
			if v.Siblings(p.EnterpriseID, up.EnterpriseID) {
				return true
			}
			next = p
		}
		if next == nil {
			return false
		}
		at = next
	}
	return false
}

func judgeConflict(f ConflictFact, p Params) Judgement {
	if len(f.Overlaps) == 0 {
		return judgeAnnounced(f, p)
	}
	j := judgeOverlaps(f)
	if more := judgeAnnounced(f, p); more.Outcome == Fires {
		for name, figure := range more.Facts {
			if _, taken := j.Facts[name]; !taken {
				j.Facts[name] = figure
			}
		}
		j.Explanation.ZH += more.Explanation.ZH
		j.Explanation.EN += " " + more.Explanation.EN
		j.Evidence = append(j.Evidence, more.Evidence...)
	}
	return j
}

func judgeOverlaps(f ConflictFact) Judgement {
	var others []string
	covered := make(map[registry.Date]bool)
	for _, o := range f.Overlaps {
		for d := o.Days.From; d <= o.Days.To; d++ {
			covered[d] = true
		}
		if text := o.Prefix + " " + o.Other.EnterpriseID; !slices.Contains(others, text) {
			others = append(others, text)
		}
	}
	var h held
	for d := f.Days.From; d <= f.Days.To; d++ {
		if covered[d] {
			h.add(d, d)
		}
	}
	o := f.Overlaps[len(f.Overlaps)-1]
	j := h.fires(f.Days, Medium)
	if o.Prefix == f.Subject.ID {
		j.Severity = High // the whole block is filed twice
	}
	j.Holder = heldBy(f, o.Mine)
	j.Facts = FactSet{
		"overlapping_allocations": others, "holder": o.Mine.EnterpriseID, "other_holder": o.Other.EnterpriseID,
		"filed_on": o.Since.String(), "other_filed_on": o.OtherSince.String(), "days": h.days,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("登记给“%s”的地址段 %s 与登记给“%s”的 %s 重叠（共 %d 项：%s），截至 %s 两者无关联，也没有划分关系。注销其中一条或登记上级地址段后即可消除。请人工核实。", o.Mine.Name, f.Subject.ID, o.Other.Name, o.Prefix, len(others), strings.Join(firstOf(others, 8), "、"), h.last),
		EN: fmt.Sprintf("Allocation %s filed for %s overlaps %s filed for %s (%d in all: %s); on %s the two are unrelated, and neither is cut from the other. Ending one of the filings or naming the parent clears this. For a person to review.", f.Subject.ID, o.Mine.Name, o.Prefix, o.Other.Name, len(others), strings.Join(firstOf(others, 8), ", "), h.last),
	}
	j.Evidence = []Evidence{ledgerRow("allocations", f.Subject.ID, "allocation "+f.Subject.ID+" of "+o.Mine.EnterpriseID)}
	for _, other := range firstOf(others, 20) {
		p, _, _ := strings.Cut(other, " ")
		j.Evidence = append(j.Evidence, ledgerRow("allocations", p, "allocation "+other))
	}
	j.Benign = []BenignTest{
		{Name: "same_group", Result: Text{ZH: "两家单位不属同一集团", EN: "the two holders are not of one group"}},
		{Name: "cut_from_the_other", Result: Text{ZH: "登记的上级地址段不指向对方", EN: "the filed parents do not lead from one to the other"}},
		{Name: "reserved_or_infrastructure", Result: Text{ZH: "不是保留地址，用途不是基础设施", EN: "neither reserved space nor infrastructure"}},
	}
	return j
}
