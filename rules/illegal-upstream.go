package rules

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// IllegalUpstream is the rule illegal-upstream (N32-2.2.2b): a customer's data
// centre, access or CDN resources are reached through somebody who may not
// provide transit.
func IllegalUpstream() Rule {
	return define(Spec{
		ID: "illegal-upstream", Version: "1", Ledger: true, Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.2.2b"),
		Title:   Text{ZH: "经由无资质上游接入（疑似）", EN: "Customer reached through an upstream without a licence (indication)"},
		Claim: Text{
			ZH: "从对等或转接方学到的路由中，经营或使用 IDC、ISP、CDN 资源的客户之前的自治系统累计 24 小时以上属于没有有效 A 类或 B14 许可的已知单位，或未在台账登记且不是境外注册。",
			EN: "In routes from peers or transit the network before a customer licensed for or using idc, isp or cdn resources was for 24 hours or more that of a known enterprise without an active A-class or B14 licence, or one in no ledger that is not registered abroad.",
		},
		Params: routeParams(24),
	}, measureUpstream, judgeUpstream)
}

// UpstreamFact is a network that customers were reached through.
type UpstreamFact struct {
	Subject      Subject           `json:"subject"`
	Days         registry.Validity `json:"days"`
	Network      RouteNetwork      `json:"network"`
	Before       []Upstream        `json:"before"` // by the customer's ASN
	Completeness float64           `json:"completeness"`
}

// Upstream is a customer with the network before it.
type Upstream = Beside[UpstreamState]

// UpstreamState is what the ledgers say on a day of a network before a customer;
// days on which it was no customer with such resources are left out.
type UpstreamState struct {
	Customer  Holder   `json:"customer"`
	Resources []string `json:"resources"` // services licensed, and uses of lines and allocations
	Owner     string   `json:"owner"`     // of the upstream, empty if unknown
	Licences  []string `json:"licences"`  // active ones of the upstream, by service
	// Excused says why it may be there: group, licensed, foreign_registered or
	// overseas_line; empty if nothing does.
	Excused string `json:"excused,omitempty"`
}

// About implements Fact.
func (f UpstreamFact) About() (s Subject, enterpriseID, province string) {
	spells := f.Before[0].Spells
	h := spells[len(spells)-1].State.Customer
	return f.Subject, h.EnterpriseID, h.Province
}

func measureUpstream(ctx context.Context, in Inputs, _ Params) iter.Seq2[UpstreamFact, error] {
	return func(yield func(UpstreamFact, error) bool) {
		book := newNetworkBook(in.Ledgers, in.Span.Days)
		resources := newProviderBook(in.Ledgers)
		customers := slices.DeleteFunc(book.customers(), func(asn uint32) bool {
			return !resources.everProvides(book, asn)
		})
		if in.Routes == nil || len(customers) == 0 {
			return
		}
		completeness, err := routeCompleteness(ctx, in)
		if err != nil {
			yield(UpstreamFact{}, err)
			return
		}
		list, err := book.nextToCustomers(ctx, in, customers, false, func(a *Adjacency) bool { return book.fromOthers(a.Source) })
		if err != nil {
			yield(UpstreamFact{}, err)
			return
		}
		state := func(n *nextTo, day registry.Date) (UpstreamState, bool) { return book.upstreamOn(resources, n, day) }
		var facts []UpstreamFact
		for asn, before := range besides(list, in.Span, state, (*UpstreamState).bare) {
			n := book.network(asn)
			facts = append(facts, UpstreamFact{
				Subject: Subject{SubjectASN, asnText(asn), nameOfNetwork(&n)}, Days: in.Span.Days, Network: n, Before: before, Completeness: completeness,
			})
		}
		inOrder(facts)(yield)
	}
}

// fromOthers reports whether a source is no session of a customer on any day of
// the span: it is a peer's or transit.
func (b *networkBook) fromOthers(source RouteSource) bool {
	for day := b.days.From; day <= b.days.To; day++ {
		if b.customerOf(b.snapshot.At(day), source) != "" {
			return false
		}
	}
	return true
}

// providerBook tells which enterprises use resources of providers.
type providerBook struct {
	uses map[string][]providerUse // by enterprise
	all  []string                 // enterprises with any
}

type providerUse struct {
	what  string
	valid registry.Validity
}

func newProviderBook(s *registry.Snapshot) *providerBook {
	b := &providerBook{uses: make(map[string][]providerUse)}
	note := func(enterprise, what string, valid registry.Validity) {
		if enterprise != "" {
			b.uses[enterprise] = append(b.uses[enterprise], providerUse{what, valid})
		}
	}
	l := s.Ledgers()
	for i := range l.Licences {
		row := &l.Licences[i]
		if (row.Service == "B11" || row.Service == "B12" || row.Service == "B14") && (row.Status == "active" || row.Status == "") {
			note(row.EnterpriseID, row.Service, row.Valid)
		}
	}
	for i := range l.Allocations {
		if a := &l.Allocations[i]; isSublet(a.Use) {
			note(a.EnterpriseID, a.Use, a.Valid)
		}
	}
	for i := range l.Lines {
		if line := &l.Lines[i]; isSublet(line.Use) {
			note(line.EnterpriseID, line.Use, line.Valid)
		}
	}
	for e := range b.uses {
		b.all = append(b.all, e)
	}
	slices.Sort(b.all)
	return b
}

// of returns the resources of an enterprise on the day. A licence is only its
// holder's own, and so is what it may be blamed for.
func (b *providerBook) of(enterprise string, day registry.Date) []string {
	var out []string
	for _, u := range b.uses[enterprise] {
		if u.valid.Contains(day) {
			out = addNew(out, []string{u.what})
		}
	}
	slices.Sort(out)
	return out
}

func (b *providerBook) everProvides(book *networkBook, asn uint32) bool {
	return slices.ContainsFunc(book.rows[asn], func(a *registry.ASN) bool { return len(b.uses[a.EnterpriseID]) > 0 })
}

// upstreamOn tells what the ledgers of a day say of a network before another;
// false if that is no customer's with such resources then.
func (b *networkBook) upstreamOn(resources *providerBook, n *nextTo, day registry.Date) (s UpstreamState, known bool) {
	v, customer := b.snapshot.At(day), b.owner(n.of, day)
	list := resources.of(customer, day)
	if len(list) == 0 || !b.isCustomer(v, customer) {
		return s, false
	}
	s = UpstreamState{Customer: holderOf(v, customer, ""), Resources: list, Owner: b.owner(n.neighbour, day)}
	s.Licences = activeServices(v, s.Owner)
	s.Excused = b.excuseUpstream(v, &s, n.neighbour)
	return s, true
}

func (s *UpstreamState) bare() bool { return s.Excused == "" }

// excuseUpstream says why a network may be before a customer, or nothing.
func (b *networkBook) excuseUpstream(v *registry.View, s *UpstreamState, asn uint32) string {
	switch {
	case v.Siblings(s.Owner, s.Customer.EnterpriseID) || v.CarrierGroup(s.Owner):
		return "group"
	case slices.ContainsFunc(s.Licences, func(l string) bool { return l == "B14" || strings.HasPrefix(l, "A") }):
		return "licensed"
	case !b.foreign(v, asn):
		return ""
	case s.Owner == "":
		return "foreign_registered"
	case slices.ContainsFunc(b.linesOf(v, s.Customer.EnterpriseID), func(l *registry.Line) bool {
		return l.Scope == "international" && l.Valid.Contains(v.Day())
	}):
		return "overseas_line"
	}
	return ""
}

// activeServices returns the services an enterprise has a licence for on the
// view's day.
func activeServices(v *registry.View, enterprise string) []string {
	var out []string
	if enterprise == "" {
		return nil
	}
	for _, l := range v.Licences(enterprise) {
		if activeOn(l, v.Day()) {
			out = addNew(out, []string{l.Service})
		}
	}
	slices.Sort(out)
	return out
}

// judgeUpstream judges the network before each customer and reports the one it
// was before longest.
func judgeUpstream(f UpstreamFact, p Params) Judgement {
	if f.Network.setAside(p) {
		return clearJudgement()
	}
	most, state, at, customers := longest(f.Before,
		func(u *Upstream) (routed, *UpstreamState) { return u.on((*UpstreamState).bare) },
		func(_ *Upstream, s *UpstreamState) string { return s.Customer.EnterpriseID }, p)
	j := judgeRouted(most, f.Completeness, p)
	if j.Outcome != Fires {
		return j
	}
	j.Holder = heldBy(f, Holder{state.Customer.EnterpriseID, f.Subject.Name, state.Customer.Province})
	j.Severity = High
	if state.Owner == "" {
		j.Severity = Medium // who it is must be found out first
	}
	if f.Network.Private {
		j.uncertain()
	}
	zh, en := f.Network.names()
	why := Text{ZH: "台账中没有该自治系统，也不是境外注册", EN: "it is in no ledger and not registered abroad"}
	if state.Owner != "" {
		why = Text{ZH: "其单位没有有效的 A 类或 B14 许可", EN: "its holder has no active A-class or B14 licence"}
	}
	j.Facts = FactSet{
		"upstream_asn": f.Network.ASN, "upstream_holder": state.Owner, "upstream_services": state.Licences, "customer_asn": at.ASN,
		"customer": state.Customer.EnterpriseID, "customers": customers, "resources": state.Resources,
		"hours": most.hours(), "days": most.days, "as_path": at.Path, "prefixes": at.Examples, "routers": at.Routers,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("在从对等或转接方学到的路由中，客户“%s”（AS%d，资源：%s）之前是 %s，在统计期内共 %.1f 小时（最近一天 %s，AS 路径示例“%s”，前缀如 %s）；%s。补登其许可或归属，或停用该上游后即可消除。请人工核实。",
			state.Customer.Name, at.ASN, strings.Join(state.Resources, "、"), zh, most.hours(), most.last, at.Path, strings.Join(firstOf(at.Examples, 4), "、"), why.ZH),
		EN: fmt.Sprintf("In routes from peers or transit customer %s (AS%d, resources %s) was reached through %s for %.1f hours of the span (last on %s, AS path %q, prefixes such as %s); %s. Filing its licence or holder, or ending the use of that upstream, clears this. For a person to review.",
			state.Customer.Name, at.ASN, strings.Join(state.Resources, ", "), en, most.hours(), most.last, at.Path, strings.Join(firstOf(at.Examples, 4), ", "), why.EN),
	}
	j.Evidence = append([]Evidence{
		ledgerRow("asns", asnText(at.ASN), "AS"+asnText(at.ASN)+" of "+state.Customer.EnterpriseID),
	}, routeEvidence("AS"+asnText(f.Network.ASN), at.Routers)...)
	if state.Owner != "" {
		j.Evidence = append(j.Evidence, ledgerRow("licences", state.Owner, "licences of "+state.Owner))
	}
	j.Benign = []BenignTest{
		{Name: "same_group", Result: Text{ZH: "该自治系统不属于客户的集团，也不属于本运营商", EN: "the network is of no group of the customer or the carrier"}},
		{Name: "licensed_carrier", Result: why},
		{Name: "overseas_leg", Result: Text{ZH: "不是境外注册，或客户没有登记国际专线", EN: "not registered abroad, or the customer has no filed international line"}},
		{Name: "from_customers", Result: Text{ZH: "只看对等和转接方的路由", EN: "only routes from peers and transit count"}},
		benignPrivate(&f.Network), benignShort(most, p),
	}
	return j
}
