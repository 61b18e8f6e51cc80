package rules

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// SubleaseDownstream is the rule sublease-downstream (N32-2.2.3): a customer
// carries the routes of a network that is neither its own nor filed behind it.
func SubleaseDownstream() Rule {
	return define(Spec{
		ID: "sublease-downstream", Version: "1", LookbackDays: 7, QuietDays: 7,
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
type Downstream struct {
	ASN      uint32                   `json:"asn"` // of the customer
	Sources  []RouteSource            `json:"sources"`
	Path     string                   `json:"path"`
	Examples []string                 `json:"examples"` // of the prefixes
	Routers  []string                 `json:"routers"`
	Spans    Spans                    `json:"spans"`
	Held     []RouteDay               `json:"held"`
	Spells   []Spell[DownstreamState] `json:"spells"`
}

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

// nextTo is what is known of two networks next to one another, over several
// sources.
type nextTo struct {
	of, neighbour uint32
	sources       []RouteSource
	spans         Spans
	path          string
	examples      []string
	routers       []string
}

func (n *nextTo) add(a *Adjacency) {
	n.sources = append(n.sources, a.Source)
	n.spans.unite(a.Spans)
	n.routers = addNew(n.routers, routerNames(a.Routers))
	if n.path == "" {
		n.path = a.Path
	}
	for _, e := range a.Examples {
		if len(n.examples) < MaxExamples {
			n.examples = addNew(n.examples, []string{e.String()})
		}
	}
}

// nextToCustomers returns the networks behind or before those of customers, by
// network and neighbour, over the sources that are meant.
func (b *networkBook) nextToCustomers(ctx context.Context, in Inputs, of []uint32, behind bool, meant func(*Adjacency) bool) ([]nextTo, error) {
	found := make(map[[2]uint32]*nextTo)
	q := AdjacencyQuestion{Window: in.Span.Window(), Own: b.own(), Of: of}
	for a, err := range in.Routes.Adjacencies(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read adjacent networks: %w", err)
		}
		if a.Behind != behind || !meant(&a) {
			continue
		}
		key := [2]uint32{a.Of, a.Neighbour}
		n := found[key]
		if n == nil {
			n = &nextTo{of: a.Of, neighbour: a.Neighbour}
			found[key] = n
		}
		n.add(&a)
	}
	out := make([]nextTo, 0, len(found))
	for _, n := range found {
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b nextTo) int { return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.neighbour, b.neighbour)) })
	return out, nil
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
		found := make(map[uint32]*DownstreamFact)
		for i := range list {
			d, unfiled := book.downstreamOf(&list[i], in.Span)
			if !unfiled {
				continue
			}
			asn := list[i].neighbour
			f := found[asn]
			if f == nil {
				f = &DownstreamFact{Days: in.Span.Days, Network: book.network(asn), Completeness: completeness}
				f.Subject = Subject{SubjectASN, asnText(asn), nameOfNetwork(&f.Network)}
				found[asn] = f
			}
			f.Behind = append(f.Behind, d)
		}
		facts := make([]DownstreamFact, 0, len(found))
		for _, f := range found {
			facts = append(facts, *f)
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

// downstreamOf sets a network behind a customer against the ledgers; false if
// it may be there on every day it was.
func (b *networkBook) downstreamOf(n *nextTo, span Span) (Downstream, bool) {
	d := Downstream{
		ASN: n.of, Sources: n.sources, Path: n.path, Examples: n.examples, Routers: n.routers, Spans: n.spans, Held: n.spans.byDay(span),
	}
	d.Spells = spells(span.Days, func(day registry.Date) (DownstreamState, bool) {
		v, customer := b.snapshot.At(day), b.owner(n.of, day)
		if !b.isCustomer(v, customer) {
			return DownstreamState{}, false
		}
		s := DownstreamState{Customer: holderOf(v, customer, "")}
		switch {
		case v.Siblings(customer, b.owner(n.neighbour, day)):
			s.Filed = "group"
		case b.isFiledBehind(v, customer, n.of, n.neighbour):
			s.Filed = "downstream"
		}
		return s, true
	})
	r, _ := d.unfiled()
	return d, r.seconds > 0
}

func (d *Downstream) unfiled() (routed, *DownstreamState) {
	return routedOn(d.Held, d.Spells, func(s *DownstreamState) bool { return s.Filed == "" })
}

// judgeDownstream judges the network behind each customer and reports the
// customer it was behind longest.
func judgeDownstream(f DownstreamFact, p Params) Judgement {
	if f.Network.setAside(p) {
		return clearJudgement()
	}
	most, state, at, customers := longestBeside(f.Behind, (*Downstream).unfiled, func(s *DownstreamState) string { return s.Customer.EnterpriseID }, p)
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
