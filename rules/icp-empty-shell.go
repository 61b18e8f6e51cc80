package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// ICPEmptyShell is the rule icp-empty-shell (空壳, ICP-4): an active filing has
// no access row, or its name is observed nowhere.
func ICPEmptyShell() Rule {
	return define(Spec{
		ID: "icp-empty-shell", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(icpFiling, "ICP-4", "ICP-10"),
		Title:   Text{ZH: "空壳备案（疑似）", EN: "Filing without a site behind it (indication)"},
		Claim: Text{
			ZH: "有效备案的域名当日没有任何接入登记，或该域名及其下各级连续 90 天及以上在任何地址都未被观测到；从未观测到的自备案起算。",
			EN: "A name with an active filing has no access row on that day, or neither it nor a name below it was observed on any address for 90 days or more; one never observed counts from the start of the filing.",
		},
		Params: []Param{{
			Name: "idle_days", Unit: "days", Default: 90, Min: 1, Max: 3650,
			Meaning: Text{ZH: "没有观测到的天数", EN: "days without being observed"},
		}},
	}, fromLedgers(shellFacts), judgeShell)
}

func shellFacts(s *registry.Snapshot, days registry.Validity) []ListedDomain {
	names := make(map[string]bool)
	for i := range s.Ledgers().ICPFilings {
		if f := &s.Ledgers().ICPFilings[i]; f.Domain != "" && f.Status != "cancelled" && f.Valid.Overlaps(days) {
			names[f.Domain] = true
		}
	}
	out := listedDomains(s, days, names)
	if len(out) == 0 {
		return nil
	}
	// Access rows of names above cover a name, those of names below are of its
	// filing too.
	all := make(map[string][]AccessRow)
	for i := range s.Ledgers().ICPAccesses {
		a := &s.Ledgers().ICPAccesses[i]
		_, above, _ := strings.Cut(a.Domain, ".")
		for name := above; name != "" && a.Valid.Overlaps(days); _, name, _ = strings.Cut(name, ".") {
			if names[name] {
				all[name] = append(all[name], AccessRow{Provider: a.Provider, Valid: a.Valid})
			}
		}
	}
	for i := range out {
		f := &out[i]
		f.Access = append(f.Access, all[f.Subject.ID]...)
		_, above, _ := strings.Cut(f.Subject.ID, ".")
		for name := above; name != ""; _, name, _ = strings.Cut(name, ".") {
			for _, a := range s.At(days.To).AccessHistory(name) {
				if a.Valid.Overlaps(days) {
					f.Access = append(f.Access, AccessRow{Provider: a.Provider, Valid: a.Valid})
				}
			}
		}
	}
	return out
}

// shellOn says why a filing is empty on that day, and for how many days the
// name had not been seen. Before any name was observed none is missed.
func (f *ListedDomain) shellOn(day registry.Date, least int) (why []string, idle int) {
	filed, active := f.filedSince(day)
	if !active {
		return nil, 0
	}
	if !slices.ContainsFunc(f.Access, func(a AccessRow) bool { return a.Valid.Contains(day) }) {
		why = append(why, "no_access_row")
	}
	idle = f.idleOn(day, false, filed)
	if idle >= least && day >= f.ObservedSince {
		why = append(why, "not_observed")
	}
	return why, idle
}

func judgeShell(f ListedDomain, p Params) Judgement {
	if !f.Observed {
		return withheld("names_not_observed")
	}
	var (
		h    held
		why  []string
		idle int
	)
	for d := f.Days.From; d <= f.Days.To; d++ {
		if reasons, n := f.shellOn(d, int(p["idle_days"])); len(reasons) > 0 {
			h.add(d, d)
			why, idle = reasons, n
		}
	}
	if h.days == 0 {
		return clearJudgement()
	}
	j := h.fires(f.Days, Low)
	last := seenBy(f.Sightings, h.last, false)
	j.Facts = FactSet{"reasons": why, "days_not_observed": idle, "last_seen": last.String(), "filings": f.FilingNos, "access_rows": len(f.Access), "days": h.days}
	var zh, en []string
	if slices.Contains(why, "no_access_row") {
		zh, en = append(zh, "没有任何接入登记"), append(en, "has no access row")
	}
	if slices.Contains(why, "not_observed") {
		zh = append(zh, fmt.Sprintf("已有 %d 天在任何地址都未观测到（最近一次 %s）", idle, openEnd(last, "无")))
		en = append(en, fmt.Sprintf("was observed on no address for %d days (last on %s)", idle, openEnd(last, "no day")))
	}
	nos := strings.Join(f.FilingNos, ", ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("“%s”的域名 %s（备案 %s）截至 %s %s。新增接入、注销备案或恢复服务后即可消除。请人工核实。", f.Holder.Name, f.Subject.ID, orDash(nos), h.last, strings.Join(zh, "，")),
		EN: fmt.Sprintf("%s of %s (filing %s) %s on %s. Adding a provider, cancelling the filing or restoring the service clears this. For a person to review.", f.Subject.ID, f.Holder.Name, orDash(nos), strings.Join(en, " and "), h.last),
	}
	j.Evidence = f.evidence()
	j.Benign = []BenignTest{
		{Name: "access_above_or_below", Result: Text{ZH: "上下级域名的接入登记已计入", EN: "access rows of names above and below were counted"}},
		{Name: "name_below", Result: Text{ZH: "其下各级域名的观测已计入", EN: "observations of names below were counted"}},
		{Name: "names_not_observed", Result: Text{ZH: "期间内有域名观测数据", EN: "names were observed in the span"}},
	}
	return j
}
