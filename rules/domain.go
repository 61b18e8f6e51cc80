package rules

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// The days on which the measures for Internet information services (互联网信息
// 服务管理办法) and those for their filing (信息产业部令第33号) came into force.
var (
	icpMeasures = registry.NewDate(2000, 9, 25)
	icpFiling   = registry.NewDate(2005, 3, 20)
)

// Sighting is a run of days on which a name was observed on an address.
type Sighting struct {
	Name    string            `json:"name"`
	Address netip.Addr        `json:"address"`
	Days    registry.Validity `json:"days"`
	// Ours is set when the address was in an allocation on the last of the days.
	Ours bool `json:"ours"`
}

// seenBy returns the last day up to day on which the name was seen; zero is
// never.
func seenBy(list []Sighting, day registry.Date, oursOnly bool) (last registry.Date) {
	for i := range list {
		s := &list[i]
		if s.Days.From > day || oursOnly && !s.Ours {
			continue
		}
		last = max(last, lastDayIn(s.Days, registry.Validity{To: day}))
	}
	return last
}

// sightingsOf collects what domains.csv says of each wanted name and the names
// below it, up to a day. observed is set when any name was seen in days.
func sightingsOf(s *registry.Snapshot, days registry.Validity, wanted func(name string) bool) (found map[string][]Sighting, observed bool) {
	found = make(map[string][]Sighting)
	rows := s.Ledgers().Domains
	for i := range rows {
		row := &rows[i]
		valid := registry.Validity{From: row.FirstSeen, To: row.LastSeen}
		if row.FirstSeen > days.To {
			continue
		}
		observed = observed || valid.Overlaps(days)
		for name := row.Domain; name != ""; _, name, _ = strings.Cut(name, ".") {
			if wanted(name) {
				found[name] = append(found[name], Sighting{row.Domain, row.Address, valid, oursOn(s, row.Address, valid, days)})
			}
		}
	}
	return found, observed
}

// oursOn reports whether an address was in an allocation on the last day it was
// seen, up to the end of days.
func oursOn(s *registry.Snapshot, addr netip.Addr, seen, days registry.Validity) bool {
	return s.At(lastDayIn(seen, days)).Allocation(addr) != nil
}

// activeFiling returns the filing that covers a name on the day, that of the
// name itself before those of names above it, or nil.
func activeFiling(v *registry.View, domain string) *registry.ICPFiling {
	for _, f := range v.Filings(domain) {
		if f.Status != "cancelled" && f.Valid.Contains(v.Day()) {
			return f
		}
	}
	return nil
}

// carriersOf returns who is right as the provider of a site on an address: the
// holders of the allocations around it and of the lines that end there.
func carriersOf(v *registry.View, addr netip.Addr) []string {
	var out []string
	add := func(id string) {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, a := range v.Covering(netip.PrefixFrom(addr, addr.BitLen())) {
		add(a.EnterpriseID)
	}
	for _, l := range v.EndpointLines(addr) {
		add(l.EnterpriseID)
	}
	return out
}

// isProvider reports whether an access row names the carrier, or one of those
// enterprises, or one of their groups.
func isProvider(v *registry.View, provider string, carriers []string) bool {
	return v.CarrierGroup(provider) || slices.ContainsFunc(carriers, func(c string) bool { return v.Siblings(c, provider) })
}

// domainDay is what is known of a name seen on one of our addresses on a day.
type domainDay struct {
	Address netip.Addr `json:"address"`
	Holder  Holder     `json:"holder"` // of the address
	Filing  string     `json:"filing"` // number of the active filing, empty if none
	Owner   string     `json:"owner"`  // who filed it
	// Providers are those of the access rows; Named is set when one of them is
	// right for the address.
	Providers []string `json:"providers"`
	Named     bool     `json:"named"`
}

// DomainFact is a name with the days of a span, and of the days before it that
// count, on which it was seen on our addresses.
type DomainFact struct {
	Subject Subject            `json:"subject"`
	Days    registry.Validity  `json:"days"`
	Spells  []Spell[domainDay] `json:"spells"`
}

// About implements Fact.
func (f DomainFact) About() (s Subject, enterpriseID, province string) {
	d := &f.Spells[len(f.Spells)-1].State
	return f.Subject, d.Holder.EnterpriseID, d.Holder.Province
}

// domainsOnUs returns the names seen on our addresses in the days, counting as
// many days before the last one at least. Subscriber pools are not looked at.
func domainsOnUs(s *registry.Snapshot, days registry.Validity, back int) []DomainFact {
	from := max(1, min(days.From, days.To-registry.Date(back)+1))
	window := registry.Validity{From: from, To: days.To}
	byName := make(map[string][]*registry.Domain)
	rows := s.Ledgers().Domains
	for i := range rows {
		if (registry.Validity{From: rows[i].FirstSeen, To: rows[i].LastSeen}).Overlaps(window) && rows[i].Domain != "" {
			byName[rows[i].Domain] = append(byName[rows[i].Domain], &rows[i])
		}
	}
	var out []DomainFact
	for name, seen := range byName {
		list := spells(window, func(day registry.Date) (domainDay, bool) { return domainOn(s.At(day), name, seen) })
		if len(list) > 0 {
			out = append(out, DomainFact{Subject{SubjectDomain, name, list[len(list)-1].State.Holder.Name}, days, list})
		}
	}
	return out
}

// domainOn returns the state of a name on the view's day: about the first of
// our addresses whose access is not right, else about the first one.
func domainOn(v *registry.View, name string, seen []*registry.Domain) (best domainDay, found bool) {
	for _, row := range seen {
		if !(registry.Validity{From: row.FirstSeen, To: row.LastSeen}).Contains(v.Day()) {
			continue
		}
		a := v.Allocation(row.Address)
		if a == nil || a.Use == "subscriber_pool" {
			continue
		}
		d := domainDay{Address: row.Address, Holder: holderOf(v, a.EnterpriseID, a.Place)}
		if filing := activeFiling(v, name); filing != nil {
			d.Filing, d.Owner = filing.No, filing.EnterpriseID
			if d.Filing == "" {
				d.Filing = filing.Domain
			}
		}
		carriers := carriersOf(v, row.Address)
		for _, access := range v.Accesses(name) {
			d.Providers = append(d.Providers, access.Provider)
			d.Named = d.Named || isProvider(v, access.Provider, carriers)
		}
		if !found || best.Named && !d.Named {
			best, found = d, true
		}
	}
	return best, found
}
