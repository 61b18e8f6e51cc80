package rules

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// order43 is the day on which the Measures for the Administration of Internet
// Domain Names (互联网域名管理办法, Order 43) came into force.
var order43 = registry.NewDate(2017, 11, 1)

// DNSInfrastructure is the rule dns-infrastructure (O43-9): a customer announces
// the addresses of a root server or of a TLD's servers without the permit.
func DNSInfrastructure() Rule {
	return define(Spec{
		ID: "dns-infrastructure", Version: "1", Ledger: true, Routes: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(order43, "O43-9"),
		Title:   Text{ZH: "客户通告域名根服务器或顶级域服务地址，未见许可（疑似）", EN: "Customer announces root-server or TLD service addresses without a permit (indication)"},
		Claim: Text{
			ZH: "客户会话通告了公布的根服务器地址段（含镜像）或台账中的顶级域服务地址段（networks.csv 中 kind 为 dns_registry），而该客户、起源自治系统的单位及其集团当时都没有相应许可。",
			EN: "A customer's session announced a published root-server prefix, mirrors included, or a TLD service prefix of the ledger (kind dns_registry), and neither the customer, the holder of the origin network nor their groups had the permit at that time.",
		},
		Params: routeParams(0.25)[:2],
	}, measureDNS, judgeDNS)
}

// RootServer is the name of a root server with a prefix it serves from.
type RootServer struct {
	Name   string
	Prefix netip.Prefix
}

// RootServers returns the service prefixes of the 13 root servers: the networks
// that their operators announce for the addresses of the root hints file
// (named.root of IANA, www.iana.org/domains/root/files, as of 2024), with the
// addresses that b.root-servers.net had before 2023-11-27 and still answers.
func RootServers() []RootServer {
	var out []RootServer
	for _, r := range [...]struct{ letter, prefixes string }{
		{"a", "198.41.0.0/24"},
		{"a", "2001:503:ba3e::/48"},
		{"b", "170.247.170.0/24"},
		{"b", "2801:1b8:10::/48"},
		{"b", "199.9.14.0/24"},
		{"b", "2001:500:200::/48"},
		{"c", "192.33.4.0/24"},
		{"c", "2001:500:2::/48"},
		{"d", "199.7.91.0/24"},
		{"d", "2001:500:2d::/48"},
		{"e", "192.203.230.0/24"},
		{"e", "2001:500:a8::/48"},
		{"f", "192.5.5.0/24"},
		{"f", "2001:500:2f::/48"},
		{"g", "192.112.36.0/24"},
		{"g", "2001:500:12::/48"},
		{"h", "198.97.190.0/24"},
		{"h", "2001:500:1::/48"},
		{"i", "192.36.148.0/24"},
		{"i", "2001:7fe::/32"},
		{"j", "192.58.128.0/24"},
		{"j", "2001:503:c27::/48"},
		{"k", "193.0.14.0/24"},
		{"k", "2001:7fd::/32"},
		{"l", "199.7.83.0/24"},
		{"l", "2001:500:9f::/48"},
		{"m", "202.12.27.0/24"},
		{"m", "2001:dc3::/32"},
	} {
		out = append(out, RootServer{r.letter + ".root-servers.net", netip.MustParsePrefix(r.prefixes)})
	}
	return out
}

// DNSFact is a prefix of root or TLD servers that customers announced.
type DNSFact struct {
	Subject Subject           `json:"subject"`
	Days    registry.Validity `json:"days"`
	// Service is the root server or the operator of the TLD, Permit the kind of
	// approval it takes.
	Service      string         `json:"service"`
	Permit       string         `json:"permit"`
	Announcers   []DNSAnnouncer `json:"announcers"`
	Completeness float64        `json:"completeness"`
}

// DNSAnnouncer is a customer that announced the prefix.
type DNSAnnouncer struct {
	Source  RouteSource       `json:"source"`
	Origin  RouteNetwork      `json:"origin"`
	Path    string            `json:"path"`
	Routers []string          `json:"routers"`
	Spans   Spans             `json:"spans"`
	Held    []RouteDay        `json:"held"`
	Spells  []Spell[DNSState] `json:"spells"`
}

// DNSState is what the ledgers say on a day; days on which the route did not
// come from a customer are left out.
type DNSState struct {
	Customer Holder `json:"customer"`
	// Approval is the number of the permit, Permitted whether there is one.
	Approval  string `json:"approval,omitempty"`
	Permitted bool   `json:"permitted"`
}

// About implements Fact.
func (f DNSFact) About() (s Subject, enterpriseID, province string) {
	spells := f.Announcers[0].Spells
	h := spells[len(spells)-1].State.Customer
	return f.Subject, h.EnterpriseID, h.Province
}

// dnsService is who serves from a prefix, and the permit it takes.
type dnsService struct{ name, permit string }

// dnsPrefixes returns the prefixes of root servers and of TLDs in the ledgers.
func dnsPrefixes(s *registry.Snapshot) map[netip.Prefix]dnsService {
	out := make(map[netip.Prefix]dnsService)
	for i := range s.Ledgers().Networks {
		if n := &s.Ledgers().Networks[i]; n.Kind == "dns_registry" && n.Prefix.IsValid() {
			out[n.Prefix.Masked()] = dnsService{n.Operator, "dns_registry"}
		}
	}
	for _, r := range RootServers() {
		out[r.Prefix] = dnsService{r.Name, "dns_root"}
	}
	return out
}

// dnsServiceOf returns what the most specific of the prefixes around p serves.
func dnsServiceOf(prefixes map[netip.Prefix]dnsService, p netip.Prefix) (dnsService, bool) {
	for n := p.Bits(); n >= 0; n-- {
		if s, found := prefixes[netip.PrefixFrom(p.Addr(), n).Masked()]; found {
			return s, true
		}
	}
	return dnsService{}, false
}

func measureDNS(ctx context.Context, in Inputs, _ Params) iter.Seq2[DNSFact, error] {
	return func(yield func(DNSFact, error) bool) {
		book := newNetworkBook(in.Ledgers, in.Span.Days)
		customers := book.customers()
		if in.Routes == nil || len(customers) == 0 {
			return
		}
		completeness, err := routeCompleteness(ctx, in)
		if err != nil {
			yield(DNSFact{}, err)
			return
		}
		prefixes, within := dnsPrefixes(in.Ledgers), make(map[netip.Prefix]bool)
		for p := range prefixes {
			within[p] = true
		}
		q := AnnouncementQuestion{Window: in.Span.Window(), Own: book.own(), Within: sortedPrefixes(within), From: customers}
		var f *DNSFact
		for a, err := range in.Routes.Announcements(ctx, q) {
			if err != nil {
				yield(DNSFact{}, fmt.Errorf("read announcements: %w", err))
				return
			}
			if f != nil && f.Subject.ID != a.Prefix.String() {
				if !yield(*f, nil) {
					return
				}
				f = nil
			}
			service, known := dnsServiceOf(prefixes, a.Prefix)
			announcer, customer := book.announcerOf(&a, service.permit, in.Span)
			if !known || !customer {
				continue
			}
			if f == nil {
				f = &DNSFact{Days: in.Span.Days, Service: service.name, Permit: service.permit, Completeness: completeness}
				f.Subject = Subject{SubjectPrefix, a.Prefix.String(), service.name}
			}
			f.Announcers = append(f.Announcers, announcer)
		}
		if f != nil {
			yield(*f, nil)
		}
	}
}

// announcerOf sets an announcement against the ledgers; false if it came from
// no customer on any day.
func (b *networkBook) announcerOf(a *Announcement, permit string, span Span) (DNSAnnouncer, bool) {
	spans := Spans(a.Spans)
	d := DNSAnnouncer{
		Source: a.Source, Origin: b.network(a.Origin), Path: a.Path, Routers: routerNames(a.Routers), Spans: spans, Held: spans.byDay(span),
	}
	d.Spells = spells(span.Days, func(day registry.Date) (DNSState, bool) {
		v := b.snapshot.At(day)
		customer := b.customerOf(v, a.Source)
		if customer == "" {
			return DNSState{}, false
		}
		s := DNSState{Customer: holderOf(v, customer, "")}
		s.Approval, s.Permitted = permitOf(b.snapshot, v, permit, customer, b.owner(a.Origin, day))
		return s, true
	})
	return d, len(d.Spells) > 0
}

// permitOf returns the approval of a kind that one of the enterprises or their
// groups has on the view's day.
func permitOf(s *registry.Snapshot, v *registry.View, kind string, enterprises ...string) (no string, found bool) {
	rows := s.Ledgers().Approvals
	for i := range rows {
		a := &rows[i]
		if a.Kind == kind && a.Valid.Contains(v.Day()) && slices.ContainsFunc(enterprises, func(e string) bool { return v.Siblings(e, a.EnterpriseID) }) {
			return a.No, true
		}
	}
	return "", false
}

// judgeDNS judges each customer and reports the one that announced it longest.
func judgeDNS(f DNSFact, p Params) Judgement {
	most, state, at, _ := longest(f.Announcers,
		func(a *DNSAnnouncer) (routed, *DNSState) {
			return routedOn(a.Held, a.Spells, func(s *DNSState) bool { return !s.Permitted })
		},
		func(_ *DNSAnnouncer, s *DNSState) string { return s.Customer.EnterpriseID }, p)
	j := judgeRouted(most, f.Completeness, p)
	if j.Outcome != Fires {
		return j
	}
	j.Holder = heldBy(f, Holder{state.Customer.EnterpriseID, f.Subject.Name, state.Customer.Province})
	j.Severity = High
	kind := Text{ZH: "顶级域服务", EN: "TLD service"}
	if f.Permit == "dns_root" {
		j.Severity, kind = Critical, Text{ZH: "根服务器", EN: "root server"}
	}
	zh, en := at.Origin.names()
	j.Facts = FactSet{
		"service": f.Service, "permit_needed": f.Permit, "customer": state.Customer.EnterpriseID, "origin_asn": at.Origin.ASN,
		"hours": most.hours(), "days": most.days, "as_path": at.Path, "routers": at.Routers,
	}
	j.Explanation = Text{
		ZH: fmt.Sprintf("客户“%s”的会话通告了%s“%s”的地址段 %s，起源 %s，在统计期内共 %.1f 小时（最近一天 %s，AS 路径示例“%s”），台账中没有该客户或起源单位的 %s 许可。登记许可或停止该通告后即可消除；若为误泄漏路由，应过滤该会话。请人工核实。",
			state.Customer.Name, kind.ZH, f.Service, f.Subject.ID, zh, most.hours(), most.last, at.Path, f.Permit),
		EN: fmt.Sprintf("The session of customer %s announced %s, which is a prefix of %s %s, originated by %s, for %.1f hours of the span (last on %s, AS path %q); no %s approval of the customer or of the origin's holder is filed. Filing the permit or ending the announcement clears this; a route leaked by mistake is to be filtered. For a person to review.",
			state.Customer.Name, f.Subject.ID, kind.EN, f.Service, en, most.hours(), most.last, at.Path, f.Permit),
	}
	j.Evidence = append([]Evidence{
		ledgerRow("approvals", state.Customer.EnterpriseID, f.Permit+" approvals of "+state.Customer.EnterpriseID),
	}, routeEvidence(f.Subject.ID, at.Routers)...)
	j.Benign = []BenignTest{
		{Name: "permit", Result: Text{ZH: "客户、起源单位及其集团都没有登记相应许可", EN: "no permit is filed for the customer, the origin's holder or their groups"}},
		{Name: "from_peers_or_transit", Result: Text{ZH: "路由来自客户会话，不是对等或转接方", EN: "the route came from a customer, not from a peer or transit"}},
		benignShort(most, p),
	}
	return j
}
