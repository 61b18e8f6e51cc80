package rules

import (
	"context"
	"fmt"
	"strings"
)

// ConflictRoute is a route inside an allocation from the network of somebody
// who has no part in its filing.
type ConflictRoute struct {
	Prefix string        `json:"prefix"`
	Holder Holder        `json:"holder"` // filed, on the last day
	Origin ForeignOrigin `json:"origin"`
}

// conflicting says on which ledgers of a day a route conflicts with the filing
// of an allocation: its origin has a holder, and that is nobody who is filed.
func conflicting(allocation string) func(*OriginState) bool {
	return func(s *OriginState) bool { return s.Allocation == allocation && s.Filed == "" && s.Owner != "" }
}

// withAnnouncements adds to the facts of allocations who announces them.
func withAnnouncements(ctx context.Context, in Inputs, facts []ConflictFact) ([]ConflictFact, error) {
	completeness, err := routeCompleteness(ctx, in)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int, len(facts))
	for i := range facts {
		at[facts[i].Subject.ID] = i
	}
	for found, err := range foreignOrigins(ctx, in) {
		if err != nil {
			return nil, err
		}
		for i := range found.origins {
			o := &found.origins[i]
			_, last := routedOn(o.Days, o.Spells, func(s *OriginState) bool { return s.Filed == "" && s.Owner != "" })
			if last == nil || o.SetOnly {
				continue
			}
			n, known := at[last.Allocation]
			if !known {
				n = len(facts)
				at[last.Allocation] = n
				facts = append(facts, ConflictFact{Subject: Subject{SubjectAllocation, last.Allocation, last.Holder.Name}, Days: in.Span.Days})
			}
			facts[n].Completeness = completeness
			facts[n].Announced = append(facts[n].Announced, ConflictRoute{found.prefix.String(), last.Holder, *o})
		}
	}
	return facts, nil
}

// judgeAnnounced judges the route that conflicts longest with what is filed.
func judgeAnnounced(f ConflictFact, p Params) Judgement {
	most, state, at, who := longest(f.Announced,
		func(c *ConflictRoute) (routed, *OriginState) {
			return routedOn(c.Origin.Days, c.Origin.Spells, conflicting(f.Subject.ID))
		},
		func(c *ConflictRoute, s *OriginState) string {
			return c.Prefix + " AS" + asnText(c.Origin.Network.ASN) + " " + s.Owner
		}, p)
	j := judgeRouted(most, f.Completeness, p)
	if j.Outcome != Fires {
		return j
	}
	j.Holder = heldBy(f, state.Holder)
	j.Severity = Medium
	zh, en := at.Origin.Network.names()
	j.Facts = FactSet{
		"announced": who, "holder": state.Holder.EnterpriseID, "origin_asn": at.Origin.Network.ASN, "origin_holder": state.Owner,
		"filed_parties": state.Parties, "hours": most.hours(), "days": most.days, "as_path": at.Origin.Path, "routers": at.Origin.Routers,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("登记给“%s”的地址段 %s 中，%s 由 %s 起源共 %.1f 小时（最近一天 %s），而登记的持有、通告和申请单位为 %s。更正登记或通告后即可消除。请人工核实。",
			state.Holder.Name, f.Subject.ID, at.Prefix, zh, most.hours(), most.last, strings.Join(state.Parties, "、")),
		EN: fmt.Sprintf("In allocation %s, filed for %s, prefix %s was originated by %s for %.1f hours (last on %s), while the filed holders, announcers and applicants are %s. Correcting the filing or the announcement clears this. For a person to review.",
			f.Subject.ID, state.Holder.Name, at.Prefix, en, most.hours(), most.last, strings.Join(state.Parties, ", ")),
	}
	j.Evidence = append([]Evidence{
		ledgerRow("allocations", f.Subject.ID, "allocation "+f.Subject.ID+" of "+state.Holder.EnterpriseID),
		ledgerRow("asns", asnText(at.Origin.Network.ASN), "AS"+asnText(at.Origin.Network.ASN)+" of "+state.Owner),
	}, routeEvidence(at.Prefix, at.Origin.Routers)...)
	j.Benign = append(originBenign(&at.Origin.Network), benignShort(most, p))
	return j
}
