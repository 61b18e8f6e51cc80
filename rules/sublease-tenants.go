package rules

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// SubleaseTenants is the rule sublease-tenants (N32-2.1.1(4), N32-2.2.3): an
// allocation whose holder may not host others carries filed sites or filed
// users of several unrelated enterprises.
func SubleaseTenants() Rule {
	return define(Spec{
		ID: "sublease-tenants", Version: "1", Ledger: true, LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.1.1(4)", "N32-2.2.3"),
		Title:   Text{ZH: "无托管许可的单位将地址段供多家单位使用（疑似）", EN: "Block of a holder that may not host is used by several others (indication)"},
		Claim: Text{
			ZH: "持有单位在当地没有有效的 B11 或 B14 许可，而地址段内有多家互不关联单位备案的域名，或有多家单位登记使用互不重叠的子段；同集团单位不计，B12 持证单位承载的客户备案网站不计。",
			EN: "The holder has no active B11 or B14 licence there, and the block carries domains filed by several unrelated enterprises, or several are filed as users of disjoint parts of it; its own group does not count, nor do customers' filed sites at a holder with B12.",
		},
		Params: []Param{{
			Name: "min_tenants", Unit: "enterprises", Default: 3, Min: 1, Max: 1e5,
			Meaning: Text{ZH: "互不关联的使用单位数下限", EN: "least unrelated enterprises, by either kind of evidence"},
		}},
	}, fromLedgers(tenancyFacts), judgeTenancy)
}

// TenancyFact is an allocation with who used it over a span.
type TenancyFact struct {
	Subject Subject           `json:"subject"`
	Days    registry.Validity `json:"days"`
	Spells  []Spell[Tenancy]  `json:"spells"`
}

// Tenancy is who used an allocation beside its holder.
type Tenancy struct {
	Standing
	// Tenants are of different groups, none of them the holder's.
	Tenants []Tenant `json:"tenants"`
	// Related counts names and parts of the holder's own group.
	Related int `json:"related"`
	// Delivery is set when the holder has a licence for content delivery, so
	// that sites of others are in order.
	Delivery bool `json:"delivery"`
}

// Tenant is an enterprise that uses a block of another one.
type Tenant struct {
	EnterpriseID string `json:"enterprise_id"`
	Name         string `json:"name"`
	Kind         string `json:"kind"` // domain, access or part
	What         string `json:"what"`
	Ref          string `json:"ref"` // of the ledger row
}

// About implements Fact.
func (f TenancyFact) About() (s Subject, enterpriseID, province string) {
	last := &f.Spells[len(f.Spells)-1].State
	return f.Subject, last.Holder, last.Province
}

// tenancyRows are the ledger rows that may show others on one block.
type tenancyRows struct {
	seen   []*registry.Domain
	access []*registry.ICPAccess
	parts  []*registry.Allocation
}

func tenancyFacts(s *registry.Snapshot, days registry.Validity) []TenancyFact {
	var out []TenancyFact
	for id, rows := range tenancyCandidates(s, days) {
		list := spells(days, func(day registry.Date) (Tenancy, bool) { return tenancyOn(s.At(day), id, rows) })
		if len(list) > 0 {
			out = append(out, TenancyFact{Subject{SubjectAllocation, id.String(), list[len(list)-1].State.HolderName}, days, list})
		}
	}
	return out
}

// tenancyCandidates collects the rows about the blocks they may concern on some
// day of the span.
func tenancyCandidates(s *registry.Snapshot, days registry.Validity) map[AllocationID]*tenancyRows {
	out := make(map[AllocationID]*tenancyRows)
	at := func(id AllocationID) *tenancyRows {
		if out[id] == nil {
			out[id] = new(tenancyRows)
		}
		return out[id]
	}
	l := s.Ledgers()
	for i := range l.Domains {
		row := &l.Domains[i]
		if row.Domain != "" && row.Address.IsValid() && seenDays(row).Overlaps(days) {
			s.EachCovering(netip.PrefixFrom(row.Address, row.Address.BitLen()), func(a *registry.Allocation) {
				at(a.Prefix).seen = appendOnce(at(a.Prefix).seen, row)
			})
		}
	}
	for i := range l.ICPAccesses {
		if row := &l.ICPAccesses[i]; row.Valid.Overlaps(days) {
			for _, p := range row.Prefixes {
				s.EachCovering(p, func(a *registry.Allocation) {
					at(a.Prefix).access = appendOnce(at(a.Prefix).access, row)
				})
			}
		}
	}
	addParts(l.Allocations, days, at)
	return out
}

// addParts notes the allocations cut from others, in the order of prefixes.
func addParts(rows []registry.Allocation, days registry.Validity, at func(AllocationID) *tenancyRows) {
	var parts []*registry.Allocation
	for i := range rows {
		row := &rows[i]
		if row.Parent.IsValid() && row.Parent != row.Prefix && row.Use != "infrastructure" && row.Valid.Overlaps(days) {
			parts = append(parts, row)
		}
	}
	slices.SortStableFunc(parts, func(a, b *registry.Allocation) int { return comparePrefixes(a.Prefix, b.Prefix) })
	for _, row := range parts {
		at(row.Parent).parts = append(at(row.Parent).parts, row)
	}
}

// appendOnce appends a row unless it is the last one already: a block has a row
// for each of its holders.
func appendOnce[T any](list []*T, row *T) []*T {
	if n := len(list); n > 0 && list[n-1] == row {
		return list
	}
	return append(list, row)
}

func seenDays(row *registry.Domain) registry.Validity {
	return registry.Validity{From: row.FirstSeen, To: row.LastSeen}
}

// tenancyOn tells who is on a block on the view's day.
func tenancyOn(v *registry.View, id AllocationID, rows *tenancyRows) (Tenancy, bool) {
	standing, judged := standingFor(v, id, []string{"B11", "B14"})
	if !judged {
		return Tenancy{}, false
	}
	t := Tenancy{Standing: standing, Delivery: holdsActive(standing.Licences, "B12", v.Day())}
	if !t.Delivery {
		for _, row := range rows.seen {
			if a := v.Allocation(row.Address); a == nil || a.Prefix != id || !seenDays(row).Contains(v.Day()) {
				continue
			}
			t.addSite(v, row.Domain, Tenant{Kind: "domain", What: row.Domain + " " + row.Address.String(), Ref: "domains/" + row.Domain + "/" + row.Address.String()})
		}
		for _, row := range rows.access {
			if row.Valid.Contains(v.Day()) && accessedIn(v, row, id) {
				t.addSite(v, row.Domain, Tenant{Kind: "access", What: row.Domain, Ref: "icp_access/" + row.Domain + "/" + row.Provider})
			}
		}
	}
	var used []*registry.Allocation
	for _, row := range rows.parts {
		overlaps := func(o *registry.Allocation) bool { return o.Prefix.Overlaps(row.Prefix) }
		if !row.Valid.Contains(v.Day()) || slices.ContainsFunc(used, overlaps) {
			continue // two on one part are a conflict of filings, not two users
		}
		if t.add(v, Tenant{EnterpriseID: row.EnterpriseID, Kind: "part", What: row.Prefix.String(), Ref: "allocations/" + row.Prefix.String()}) {
			used = append(used, row)
		}
	}
	slices.SortFunc(t.Tenants, func(a, b Tenant) int { return cmp.Compare(a.EnterpriseID, b.EnterpriseID) })
	return t, len(t.Tenants) > 0 || t.Related > 0
}

// accessedIn reports whether a filed access lies in a block, and in none cut
// from it.
func accessedIn(v *registry.View, row *registry.ICPAccess, id AllocationID) bool {
	return slices.ContainsFunc(row.Prefixes, func(p netip.Prefix) bool {
		if !p.IsValid() {
			return false
		}
		covering := v.Covering(p)
		return len(covering) > 0 && covering[0].Prefix == id
	})
}

// addSite counts who has filed a name.
func (t *Tenancy) addSite(v *registry.View, domain string, tenant Tenant) {
	if f := activeFiling(v, domain); f != nil {
		tenant.EnterpriseID = f.EnterpriseID
		t.add(v, tenant)
	}
}

// add counts a user once for each group, by the first thing that shows it, and
// reports whether it is a stranger to the holder.
func (t *Tenancy) add(v *registry.View, tenant Tenant) bool {
	id := tenant.EnterpriseID
	e := v.Enterprise(id)
	switch {
	case id == "", v.CarrierGroup(id), e != nil && e.Nature == "individual":
		return false
	case inGroup(v, id, t.Holder):
		t.Related++
		return false
	}
	if !slices.ContainsFunc(t.Tenants, func(x Tenant) bool { return inGroup(v, x.EnterpriseID, id) }) {
		tenant.Name = displayName(e, id)
		t.Tenants = append(t.Tenants, tenant)
	}
	return true
}

func judgeTenancy(f TenancyFact, p Params) Judgement {
	many := func(t *Tenancy) bool { return float64(len(t.Tenants)) >= p["min_tenants"] }
	h, t := holding(f.Spells, func(t *Tenancy) bool { return many(t) && !t.Unsure })
	if t == nil {
		if _, unsure := holding(f.Spells, many); unsure != nil {
			return withheld("place_unknown")
		}
		return clearJudgement()
	}
	severity := Medium
	if float64(len(t.Tenants)) >= 3*p["min_tenants"] {
		severity = High
	}
	j := h.fires(f.Days, severity)
	j.Holder = heldBy(f, t.holder())
	names, texts := make([]string, len(t.Tenants)), make([]string, len(t.Tenants))
	j.Evidence = []Evidence{ledgerRow("allocations", f.Subject.ID, "allocation "+f.Subject.ID)}
	for i, x := range t.Tenants {
		names[i], texts[i] = x.EnterpriseID, x.Name+" ("+x.What+")"
		if i < 20 {
			j.Evidence = append(j.Evidence, Evidence{Kind: "ledger_row", Title: x.Kind + " of " + x.EnterpriseID, Ref: x.Ref})
		}
	}
	for _, l := range t.Licences {
		j.Evidence = append(j.Evidence, ledgerRow("licences", l.No+"/"+l.Service, "licence "+l.No+" "+l.Service))
	}
	j.Facts = FactSet{
		"tenants": len(t.Tenants), "tenant_enterprises": firstOf(names, 20), "holder": t.Holder, "use": t.Use, "place": string(t.Place),
		"own_group_entries": t.Related, "days": h.days, "licences_of_holder": describeLicences(t.Licences),
	}
	said, list := unlicensed(&t.Standing, "B11/B14"), strings.Join(firstOf(texts, 8), "; ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("截至 %s，地址段 %s（登记用途“%s”）由 %d 家互不关联的单位使用：%s；%s。取得托管或接入许可、将子段直接登记给使用单位、登记同集团关系或清退后即可消除。请人工核实。", h.last, f.Subject.ID, t.Use, len(t.Tenants), list, said.ZH),
		EN: fmt.Sprintf("On %s allocation %s (filed use %q) is used by %d unrelated enterprises: %s; %s. A licence for hosting or access, allocation of the parts to their users by the carrier, a filed group or their leaving clears this. For a person to review.", h.last, f.Subject.ID, t.Use, len(t.Tenants), list, said.EN),
	}
	j.Benign = append(exemptBenign(&t.Standing, "B11/B14"),
		BenignTest{"own_group", Text{
			ZH: fmt.Sprintf("同集团的 %d 项未计入", t.Related),
			EN: fmt.Sprintf("%d entries of the holder's group are not counted", t.Related),
		}},
		BenignTest{"content_delivery", Text{ZH: "持有单位没有 B12 许可，或另有登记的子段用户", EN: "the holder has no B12 licence, or the users are filed for parts of the block"}},
	)
	return j
}
