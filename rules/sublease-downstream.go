package rules

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// SubleaseDownstream is the rule sublease-downstream (N32-2.2.3): a customer
// carries the routes of a network that is neither its own nor filed behind it.
func SubleaseDownstream() Rule {
	return define(Spec{
		ID: "sublease-downstream", Version: "1", Ledger: true, Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.3"),
		Title:   Text{ZH: "客户之后出现未登记的下游自治系统（疑似）", EN: "Unfiled network behind a customer (indication)"},
		Claim: Text{
			ZH: "从客户会话学到的 AS 路径中，紧接在客户之后的自治系统（前置重复已合并）累计 24 小时以上既不属于该客户及其集团，当时也没有登记为其下游。",
			EN: "In AS paths learned from a customer the network after the customer, prepends folded, was for 24 hours or more neither of the customer's group nor filed as its downstream at that time.",
		},
		Params: routeParams(24),
	}, measureDownstream, judgeDownstream)
}

// DownstreamFact is a network that stood behind customers in AS paths.
type DownstreamFact struct {
	Subject      Subject           `json:"subject"`
	Days         registry.Validity `json:"days"`
	Network      RouteNetwork      `json:"network"`
	Behind       []Downstream      `json:"behind"` // by the customer's ASN
	Completeness float64           `json:"completeness"`
}

// Downstream is a customer with the network behind it.
type Downstream = Beside[DownstreamState]

// DownstreamState is what the ledgers say on a day of a network behind a
// customer; days on which it was no customer are left out.
type DownstreamState struct {
	Customer Holder `json:"customer"`
	// Filed says why the network may be there: group or downstream; empty if
	// nothing does.
	Filed string `json:"filed,omitempty"`
}

// About implements Fact.
func (f DownstreamFact) About() (s Subject, enterpriseID, province string) {
	spells := f.Behind[0].Spells
	h := spells[len(spells)-1].State.Customer
	return f.Subject, h.EnterpriseID, h.Province
}

// learnedFrom reports whether on some day of the span a source is a session of
// the customer that has a network, or of its group.
func (b *networkBook) learnedFrom(source RouteSource, asn uint32) bool {
	for day := b.days.From; day <= b.days.To; day++ {
		v := b.snapshot.At(day)
		if c := b.customerOf(v, source); c != "" && v.Siblings(c, b.owner(asn, day)) {
			return true
		}
	}
	return false
}

func measureDownstream(ctx context.Context, in Inputs, _ Params) iter.Seq2[DownstreamFact, error] {
	return func(yield func(DownstreamFact, error) bool) {
		book := newNetworkBook(in.Ledgers, in.Span.Days)
		customers := book.customers()
		if in.Routes == nil || len(customers) == 0 {
			return
		}
		completeness, err := routeCompleteness(ctx, in)
		if err != nil {
			yield(DownstreamFact{}, err)
			return
		}
		list, err := book.nextToCustomers(ctx, in, customers, true, func(a *Adjacency) bool { return book.learnedFrom(a.Source, a.Of) })
		if err != nil {
			yield(DownstreamFact{}, err)
			return
		}
		var facts []DownstreamFact
		for asn, behind := range besides(list, in.Span, book.downstreamOn, (*DownstreamState).unfiled) {
			n := book.network(asn)
			facts = append(facts, DownstreamFact{
				Subject: Subject{SubjectASN, asnText(asn), nameOfNetwork(&n)}, Days: in.Span.Days, Network: n, Behind: behind, Completeness: completeness,
			})
		}
		inOrder(facts)(yield)
	}
}

// nameOfNetwork is the name of a network as a subject.
func nameOfNetwork(n *RouteNetwork) string {
	if n.Owner.Name != "" {
		return n.Owner.Name
	}
	return "AS" + asnText(n.ASN)
}

// downstreamOn tells what the ledgers of a day say of a network behind another;
// false if that is no customer's then.
func (b *networkBook) downstreamOn(n *nextTo, day registry.Date) (s DownstreamState, known bool) {
	v, customer := b.snapshot.At(day), b.owner(n.of, day)
	if !b.isCustomer(v, customer) {
		return s, false
	}
	s.Customer = holderOf(v, customer, "")
	switch {
	case v.Siblings(customer, b.owner(n.neighbour, day)):
		s.Filed = "group"
	case b.isFiledBehind(v, customer, n.of, n.neighbour):
		s.Filed = "downstream"
	}
	return s, true
}

func (s *DownstreamState) unfiled() bool { return s.Filed == "" }

// judgeDownstream judges the network behind each customer and reports the
// customer it was behind longest.
func judgeDownstream(f DownstreamFact, p Params) Judgement {
	if f.Network.setAside(p) {
		return clearJudgement()
	}
	most, state, at, customers := longest(f.Behind,
		func(d *Downstream) (routed, *DownstreamState) { return d.on((*DownstreamState).unfiled) },
		func(_ *Downstream, s *DownstreamState) string { return s.Customer.EnterpriseID }, p)
	j := judgeRouted(most, f.Completeness, p)
	if j.Outcome != Fires {
		return j
	}
	j.Holder = heldBy(f, Holder{state.Customer.EnterpriseID, f.Subject.Name, state.Customer.Province})
	j.Severity = High
	if f.Network.Private {
		j.uncertain()
	}
	zh, en := f.Network.names()
	j.Facts = FactSet{
		"downstream_asn": f.Network.ASN, "downstream_holder": f.Network.Owner.EnterpriseID, "customer_asn": at.ASN,
		"customer": state.Customer.EnterpriseID, "customers": customers, "hours": most.hours(), "days": most.days,
		"as_path": at.Path, "prefixes": at.Examples, "routers": at.Routers,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("从客户“%s”（AS%d）学到的路由中，其后紧接 %s，在统计期内共 %.1f 小时（最近一天 %s，AS 路径示例“%s”，前缀如 %s）；该自治系统不属于该客户及其集团，当时也未登记为其下游。补登下游关系或自治系统归属，或停止转接后即可消除。请人工核实。",
			state.Customer.Name, at.ASN, zh, most.hours(), most.last, at.Path, strings.Join(firstOf(at.Examples, 4), "、")),
		EN: fmt.Sprintf("In routes learned from customer %s (AS%d) the next network was %s, for %.1f hours of the span (last on %s, AS path %q, prefixes such as %s); it is not of the customer's group, and was not filed as its downstream then. Filing the relation or the network's holder, or ending the transit, clears this. For a person to review.",
			state.Customer.Name, at.ASN, en, most.hours(), most.last, at.Path, strings.Join(firstOf(at.Examples, 4), ", ")),
	}
	j.Evidence = append([]Evidence{
		ledgerRow("asns", asnText(at.ASN), "AS"+asnText(at.ASN)+" of "+state.Customer.EnterpriseID),
		ledgerRow("downstreams", asnText(at.ASN), "filed downstreams of AS"+asnText(at.ASN)),
	}, routeEvidence("AS"+asnText(f.Network.ASN), at.Routers)...)
	j.Benign = []BenignTest{
		{Name: "same_group", Result: Text{ZH: "该自治系统不属于客户及其集团", EN: "the network is not of the customer's group"}},
		{Name: "filed_downstream", Result: Text{ZH: "当时没有登记为其下游", EN: "no such downstream was filed at that time"}},
		{Name: "from_peers_or_transit", Result: Text{ZH: "只看客户会话上学到的路由", EN: "only routes learned from the customer count"}},
		benignPrivate(&f.Network), benignShort(most, p),
	}
	return j
}
