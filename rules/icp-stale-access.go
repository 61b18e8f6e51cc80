package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// ICPStaleAccess is the rule icp-stale-access (多报, ICP-3): an access row names
// us, and the name has not resolved to us for long.
func ICPStaleAccess() Rule {
	return define(Spec{
		ID: "icp-stale-access", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(icpFiling, "ICP-3", "ICP-10"),
		Title:   Text{ZH: "接入登记已无实际接入（多报，疑似）", EN: "Access row of a name that is not served here (indication)"},
		Claim: Text{
			ZH: "备案的接入登记指向本网，但该域名及其下各级连续 30 天及以上没有解析至本网地址；从未观测到的自备案与接入登记中较晚者起算。",
			EN: "An access row names us, and neither the name nor one below it has resolved to our addresses for 30 days or more; one never observed counts from the start of the filing, or of the access row where that is later.",
		},
		Params: []Param{{
			Name: "stale_days", Unit: "days", Default: 30, Min: 1, Max: 3650,
			Meaning: Text{ZH: "没有解析至本网的天数", EN: "days without resolving to us"},
		}},
	}, fromLedgers(staleFacts), judgeStale)
}

// ListedDomain is a name of the filing ledgers with when it was seen.
type ListedDomain struct {
	Subject Subject           `json:"subject"`
	Days    registry.Validity `json:"days"`
	Holder  Holder            `json:"holder"` // who filed it
	// Observed is set when domains.csv was observed in the span at all.
	Observed bool `json:"observed"`
	// ObservedSince is the first day in domains.csv; zero is unknown.
	ObservedSince registry.Date       `json:"observed_since"`
	Filings       []registry.Validity `json:"filings"` // active ones
	FilingNos     []string            `json:"filing_nos"`
	Access        []AccessRow         `json:"access"`
	Sightings     []Sighting          `json:"sightings"`
}

// AccessRow is an access row of a listed domain.
type AccessRow struct {
	Provider string            `json:"provider"`
	Ours     bool              `json:"ours"` // it names us
	Valid    registry.Validity `json:"valid"`
}

// About implements Fact.
func (f ListedDomain) About() (s Subject, enterpriseID, province string) {
	return f.Subject, f.Holder.EnterpriseID, f.Holder.Province
}

// listedDomains returns the wanted names of the filing ledgers.
func listedDomains(s *registry.Snapshot, days registry.Validity, names map[string]bool) []ListedDomain {
	if len(s.Ledgers().Domains) == 0 {
		return nil // names are not observed at all
	}
	v := s.At(days.To)
	sightings, observed := sightingsOf(s, days, func(name string) bool { return names[name] })
	var since registry.Date
	for i := range s.Ledgers().Domains {
		if first := s.Ledgers().Domains[i].FirstSeen; first != 0 && (since == 0 || first < since) {
			since = first
		}
	}
	customers := customersOf(s, days)
	out := make([]ListedDomain, 0, len(names))
	for name := range names {
		f := ListedDomain{Subject: Subject{Kind: SubjectDomain, ID: name}, Days: days, Observed: observed, ObservedSince: since, Sightings: sightings[name]}
		owner := ""
		for _, row := range v.Filings(name) {
			if row.Status == "cancelled" || !row.Valid.Overlaps(days) {
				continue
			}
			if owner == "" {
				owner = row.EnterpriseID
			}
			f.Filings = append(f.Filings, row.Valid)
			f.FilingNos = append(f.FilingNos, row.No)
		}
		for _, row := range v.AccessHistory(name) {
			if row.Valid.Overlaps(days) {
				f.Access = append(f.Access, AccessRow{row.Provider, namesUs(v, row, customers), row.Valid})
			}
		}
		f.Holder = holderOf(v, owner, "")
		f.Subject.Name = f.Holder.Name
		out = append(out, f)
	}
	return out
}

// customersOf returns who holds a line or allocation in the days.
func customersOf(s *registry.Snapshot, days registry.Validity) map[string]bool {
	out := make(map[string]bool)
	for i := range s.Ledgers().Lines {
		if l := &s.Ledgers().Lines[i]; l.Valid.Overlaps(days) {
			out[l.EnterpriseID] = true
		}
	}
	for i := range s.Ledgers().Allocations {
		if a := &s.Ledgers().Allocations[i]; a.Valid.Overlaps(days) {
			out[a.EnterpriseID] = true
		}
	}
	return out
}

// namesUs reports whether an access row names the carrier, or a customer for
// addresses that are ours as far as it tells.
func namesUs(v *registry.View, row *registry.ICPAccess, customers map[string]bool) bool {
	if v.CarrierGroup(row.Provider) {
		return true
	}
	return customers[row.Provider] && (len(row.Prefixes) == 0 || slices.ContainsFunc(row.Prefixes, func(p netip.Prefix) bool {
		return len(v.Covering(p)) > 0
	}))
}

func staleFacts(s *registry.Snapshot, days registry.Validity) []ListedDomain {
	names := make(map[string]bool)
	for i := range s.Ledgers().ICPAccesses {
		if a := &s.Ledgers().ICPAccesses[i]; a.Domain != "" && a.Valid.Overlaps(days) {
			names[a.Domain] = true
		}
	}
	return slices.DeleteFunc(listedDomains(s, days, names), func(f ListedDomain) bool {
		return !slices.ContainsFunc(f.Access, func(a AccessRow) bool { return a.Ours })
	})
}

// filedSince returns the start of the filing that is active on that day; zero
// is unknown.
func (f *ListedDomain) filedSince(day registry.Date) (from registry.Date, active bool) {
	for _, v := range f.Filings {
		if v.Contains(day) {
			return joined(v.From, f.Filings, 1), true
		}
	}
	return 0, false
}

// idleOn returns for how many days the name had not been seen on that day,
// counted from the later of the given starts when it never was.
func (f *ListedDomain) idleOn(day registry.Date, oursOnly bool, starts ...registry.Date) int {
	last := seenBy(f.Sightings, day, oursOnly)
	if last == 0 {
		last = slices.Max(starts)
	}
	if last == 0 {
		last = f.ObservedSince
	}
	return int(day - last)
}

// unused returns the access row of that day that names us for a name that has
// been idle so long. Before any name was observed none is idle.
func (f *ListedDomain) unused(day registry.Date, least int) (*AccessRow, int) {
	if day < f.ObservedSince {
		return nil, 0
	}
	filed, _ := f.filedSince(day)
	for i := range f.Access {
		if a := &f.Access[i]; a.Ours && a.Valid.Contains(day) {
			if idle := f.idleOn(day, true, filed, a.Valid.From); idle >= least {
				return a, idle
			}
		}
	}
	return nil, 0
}

func judgeStale(f ListedDomain, p Params) Judgement {
	if !f.Observed {
		return withheld("names_not_observed")
	}
	var (
		h    held
		row  *AccessRow
		idle int
	)
	for d := f.Days.From; d <= f.Days.To; d++ {
		if a, n := f.unused(d, int(p["stale_days"])); a != nil {
			h.add(d, d)
			row, idle = a, n
		}
	}
	if row == nil {
		return clearJudgement()
	}
	j := h.fires(f.Days, Low)
	last := seenBy(f.Sightings, h.last, true)
	j.Facts = FactSet{"provider": row.Provider, "days_not_on_us": idle, "last_seen_on_us": last.String(), "filings": f.FilingNos, "days": h.days}
	j.Explanation = Text{
		ZH: fmt.Sprintf("域名 %s（备案 %s）的接入登记指向 %s，但截至 %s 已有 %d 天没有解析至本网地址（最近一次 %s）。注销该接入登记或恢复接入后即可消除。请人工核实。", f.Subject.ID, orDash(strings.Join(f.FilingNos, "、")), row.Provider, h.last, idle, openEnd(last, "无")),
		EN: fmt.Sprintf("An access row of %s (filing %s) names %s, and on %s the name had not resolved to our addresses for %d days (last on %s). Removing the access row or restoring the access clears this. For a person to review.", f.Subject.ID, orDash(strings.Join(f.FilingNos, ", ")), row.Provider, h.last, idle, openEnd(last, "no day")),
	}
	j.Evidence = f.evidence()
	j.Benign = []BenignTest{
		{Name: "name_below", Result: Text{ZH: "其下各级域名也没有解析至本网", EN: "no name below it resolved to us either"}},
		{Name: "names_not_observed", Result: Text{ZH: "期间内有域名观测数据", EN: "names were observed in the span"}},
	}
	return j
}

func (f *ListedDomain) evidence() []Evidence {
	var ev []Evidence
	for _, no := range f.FilingNos {
		ev = append(ev, ledgerRow("icp_filings", no, "filing "+no))
	}
	for _, a := range f.Access {
		ev = append(ev, ledgerRow("icp_access", f.Subject.ID+"/"+a.Provider, "access by "+a.Provider))
	}
	for i := range f.Sightings {
		if s := &f.Sightings[i]; i < 20 {
			ev = append(ev, ledgerRow("domains", s.Name+"/"+s.Address.String(), s.Name+" on "+s.Address.String()))
		}
	}
	return ev
}
