package rules

import (
	"fmt"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// allocationParams returns the parameters that rules about the use of
// allocations share, after those of the rule itself.
func allocationParams(minDays float64, own ...Param) []Param {
	return append(own,
		Param{Name: "min_days", Unit: "days", Default: minDays, Min: 1, Max: 366, Meaning: Text{ZH: "满足条件的天数下限", EN: "least days on which the conditions hold"}},
		Param{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "地址段采样包数下限", EN: "least sampled packets of the allocation"}},
		Param{Name: "min_offending_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "可疑部分采样包数下限", EN: "least sampled packets of the offending part"}},
		Param{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
	)
}

// allocationSums are the figures of the days of one holder.
type allocationSums struct {
	out, in, samples, offending uint64
	days                        int  // with data
	h                           held // days on which the conditions hold
}

func (s *allocationSums) add(out, in, samples uint64) {
	s.out += out
	s.in += in
	s.samples += samples
	s.days++
}

// hit counts a day on which the conditions hold.
func (s *allocationSums) hit(day registry.Date) { s.h.add(day, day) }

// perDay is the mean over the days with data.
func (s *allocationSums) perDay(bytes uint64) uint64 { return bytes / uint64(max(1, s.days)) }

// judgeHolders judges each holder by the days that were the holder's own, the
// last one first. Days on which a licence may or may not reach the place are
// left out; where they alone would make the difference it is withheld.
func (r *AllocationRecord) judgeHolders(judge func(s *Standing, mine func(registry.Date) bool) Judgement) Judgement {
	var first *Judgement
	seen := make(map[string]bool)
	for i := len(r.Standings) - 1; i >= 0; i-- {
		s := &r.Standings[i].State
		if seen[s.Holder] {
			continue
		}
		seen[s.Holder] = true
		j := r.judgeHolder(s.Holder, judge)
		if j.Outcome == Fires {
			return j
		}
		if first == nil {
			first = &j
		}
	}
	return *first
}

func (r *AllocationRecord) judgeHolder(holder string, judge func(s *Standing, mine func(registry.Date) bool) Judgement) Judgement {
	var sure, latest *Standing
	var last registry.Date
	unsure := false
	for i := range r.Standings {
		s := &r.Standings[i]
		switch {
		case s.State.Holder != holder:
			continue
		case s.State.Unsure:
			unsure = true
		default:
			sure, last = &s.State, s.To
		}
		latest = &s.State
	}
	j := Judgement{Outcome: Clear, Completeness: round(r.Completeness, 4)}
	if sure != nil {
		j = judge(sure, func(d registry.Date) bool { s := r.on(d); return s != nil && s.Holder == holder && !s.Unsure })
		j.Ceased = j.Outcome == Fires && last != r.Span.To
	}
	if j.Outcome == Fires || !unsure {
		return j
	}
	k := judge(latest, func(d registry.Date) bool { s := r.on(d); return s != nil && s.Holder == holder })
	if k.Outcome != Clear {
		reason := k.Reason
		if k.Outcome == Fires {
			reason = "place_unknown"
		}
		return Judgement{Outcome: Withheld, Reason: reason, Completeness: k.Completeness, Facts: k.Facts}
	}
	return j
}

// withhold says why the data does not suffice, or nothing. alike is set when
// the shares, which do not grow with the number of samples, are those of an
// offender: few samples of anything else need no second look.
func (r *AllocationRecord) withhold(sums *allocationSums, alike bool, p Params) string {
	switch {
	case r.Completeness < p["min_completeness"]:
		return "low_completeness"
	case r.UnscaledBytes > sums.out+sums.in: // what is left out may outweigh what is judged
		return "sampling_unknown"
	case alike && sums.samples > 0 && float64(sums.samples) < p["min_samples"]:
		return "low_samples"
	}
	return ""
}

// withheld is the answer of withhold as a judgement.
func (r *AllocationRecord) withheld(why string, sums *allocationSums) Judgement {
	return Judgement{
		Outcome: Withheld, Reason: why, Completeness: round(r.Completeness, 4),
		Facts: FactSet{"samples": sums.samples, "offending_samples": sums.offending, "unscaled_bytes": r.UnscaledBytes},
	}
}

// nothing is the answer that there is nothing to say.
func (r *AllocationRecord) nothing() Judgement {
	return Judgement{Outcome: Clear, Completeness: round(r.Completeness, 4)}
}

// settle answers for sums whose conditions hold on enough days or not.
func (r *AllocationRecord) settle(sums *allocationSums, alike bool, p Params) (j Judgement, fires bool) {
	if why := r.withhold(sums, alike, p); why != "" {
		return r.withheld(why, sums), false
	}
	if sums.h.days == 0 || float64(sums.h.days) < p["min_days"] {
		return r.nothing(), false
	}
	if float64(sums.offending) < p["min_offending_samples"] {
		return r.withheld("low_samples", sums), false
	}
	return Judgement{Outcome: Fires, Completeness: round(r.Completeness, 4), FirstDay: sums.h.first, LastDay: sums.h.last}, true
}

// about fills in whom a finding is about and what every one of these says.
func (r *AllocationRecord) about(j *Judgement, s *Standing, sums *allocationSums) {
	j.Holder = heldBy(*r, s.holder())
	j.Facts["holder"], j.Facts["use"], j.Facts["place"] = s.Holder, s.Use, string(s.Place)
	j.Facts["days"], j.Facts["days_met"] = sums.days, sums.h.days
	j.Facts["samples"], j.Facts["offending_samples"] = sums.samples, sums.offending
	j.Facts["bytes_out_per_day"], j.Facts["bytes_in_per_day"] = sums.perDay(sums.out), sums.perDay(sums.in)
	j.Facts["unscaled_bytes"] = r.UnscaledBytes
	j.Facts["licences_of_holder"] = describeLicences(s.Licences)
	j.Evidence = append(j.Evidence, ledgerRow("allocations", r.Subject.ID, "allocation "+r.Subject.ID))
	for _, l := range s.Licences {
		j.Evidence = append(j.Evidence, ledgerRow("licences", l.No+"/"+l.Service, "licence "+l.No+" "+l.Service))
	}
	j.Evidence = append(j.Evidence, Evidence{Kind: "traffic", Title: "traffic of " + r.Subject.ID, Ref: "allocations/" + r.Subject.ID})
	for _, e := range r.Exporters {
		j.Evidence = append(j.Evidence, Evidence{Kind: "completeness", Title: "books of exporter " + e, Ref: "flow_books/" + e})
	}
}

// ratioAbove is the confidence that a ratio a/b is at least limit, from that
// many samples.
func (r *AllocationRecord) ratioAbove(a, b uint64, limit float64, samples uint64) float64 {
	if a+b == 0 {
		return 0
	}
	return ConfidenceAbove(float64(a)/float64(a+b), limit/(1+limit), samples, r.Completeness)
}

// atLeast reports a >= limit·b without dividing; nothing is at least nothing.
func atLeast(a, b uint64, limit float64) bool {
	return a > 0 && float64(a) >= limit*float64(b)
}

// ratio is a/b for reading; without b it is a.
func ratio(a, b uint64) float64 { return round(float64(a)/float64(max(1, b)), 2) }

// unlicensed says in both languages how the licence for a service stands.
func unlicensed(s *Standing, service string) Text {
	if s.Elsewhere {
		return Text{
			ZH: fmt.Sprintf("持有单位“%s”的 %s 许可不覆盖当地（%s）", s.HolderName, service, s.Place),
			EN: fmt.Sprintf("the licence of its holder %s for %s does not cover the place (%s)", s.HolderName, service, s.Place),
		}
	}
	return Text{
		ZH: fmt.Sprintf("持有单位“%s”在这些天没有 %s 业务的有效许可", s.HolderName, service),
		EN: fmt.Sprintf("on those days its holder %s has no active licence for %s", s.HolderName, service),
	}
}

// unlicensedClauses are those of running a service without a licence or beyond
// it, and of giving resources to who does.
func unlicensedClauses() []Clause {
	return since(n32Published, "N32-2.1.1(1)", "N32-2.1.1(2)", "N32-2.1.1(3)", "N32-2.2.1c")
}

// exemptBenign lists what every rule about a missing licence has ruled out.
func exemptBenign(s *Standing, service string) []BenignTest {
	said := unlicensed(s, service)
	return []BenignTest{
		{Name: "licensed_there", Result: said},
		{Name: "exempt_holder_or_use", Result: Text{
			ZH: fmt.Sprintf("登记用途为“%s”，不是用户地址池或基础设施，持有单位不属于本运营商集团", s.Use),
			EN: fmt.Sprintf("it is filed for use %q, which is neither a subscriber pool nor infrastructure, and the holder is not of the carrier's group", s.Use),
		}},
	}
}

// offHours adds up the bytes of hours outside office hours on a day: 07:00 to
// 22:00 on working days.
func offHours(cal *registry.Calendar, day registry.Date, byHour *[24]uint64) (sum uint64) {
	work := cal.Workday(day)
	for hour, bytes := range byHour {
		if !work || hour < officeOpens || hour >= officeCloses {
			sum += bytes
		}
	}
	return sum
}

// sumHours adds up the hours from the first to before the last.
func sumHours(byHour *[24]uint64, from, to int) (sum uint64) {
	for _, bytes := range byHour[from:to] {
		sum += bytes
	}
	return sum
}

// inGroup reports whether an enterprise is the other or of its group.
func inGroup(v *registry.View, a, b string) bool {
	return a != "" && b != "" && (a == b || v.Siblings(a, b))
}

// addGroup adds an enterprise to a list unless one of its group is in it.
func addGroup(v *registry.View, list []string, enterprise string) []string {
	if slices.ContainsFunc(list, func(x string) bool { return inGroup(v, x, enterprise) }) {
		return list
	}
	return append(list, enterprise)
}
