package rules

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// CreditNewResource is the rule credit-new-resource (N32-3.3c, N32-3.4a): a
// line, allocation or domain of an enterprise with bad credit is new.
func CreditNewResource() Rule {
	return define(Spec{
		ID: "credit-new-resource", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(n32Published, "N32-3.3c", "N32-3.4a"),
		Title:   Text{ZH: "不良信用单位新增资源（疑似）", EN: "New resource of an enterprise with bad credit (indication)"},
		Claim: Text{
			ZH: "列入不良信用记录的单位，其专线、地址段或域名在列入之日后开始使用；同一资源的续期不计。域名以备案与接入登记中较早者为开始。",
			EN: "A line, allocation or domain of an enterprise with bad credit begins after the day it was listed; renewals of the same resource do not count. A domain begins with the earlier of its filing and its access row.",
		},
		Params: []Param{{
			Name: "renewal_gap_days", Unit: "days", Default: 30, Min: 0, Max: 366,
			Meaning: Text{ZH: "两次登记相隔不超过该天数视为续期", EN: "rows of one resource this far apart or less are a renewal"},
		}},
	}, measureCredit, judgeCredit)
}

// CreditFact is a resource of an enterprise with bad credit.
type CreditFact struct {
	Subject  Subject           `json:"subject"`
	Days     registry.Validity `json:"days"`
	Holder   Holder            `json:"holder"`
	Use      string            `json:"use"`
	BadSince registry.Date     `json:"bad_since"` // zero is unknown
	// Rows are the days of every row of the holder about the resource.
	Rows []registry.Validity `json:"rows"`
	// Before are the days of access rows of a domain: they tell when it began,
	// not how long it is filed.
	Before []registry.Validity `json:"before,omitempty"`
}

// About implements Fact.
func (f CreditFact) About() (s Subject, enterpriseID, province string) {
	return f.Subject, f.Holder.EnterpriseID, f.Holder.Province
}

// creditKey is one resource of one holder.
type creditKey struct {
	kind       SubjectKind
	id, holder string
}

func measureCredit(_ context.Context, in Inputs, _ Params) iter.Seq2[CreditFact, error] {
	v := in.Ledgers.At(in.Span.Days.To)
	found := make(map[creditKey]*CreditFact)
	add := func(kind SubjectKind, id, holder, use string, place registry.Place, valid registry.Validity) {
		e := v.Enterprise(holder)
		if e == nil || e.Credit != "bad" || v.IsCarrier(holder) {
			return
		}
		key := creditKey{kind, id, holder}
		f := found[key]
		if f == nil {
			h := holderOf(v, holder, place)
			f = &CreditFact{Subject: Subject{kind, id, h.Name}, Days: in.Span.Days, Holder: h, Use: use, BadSince: e.CreditSince}
			found[key] = f
		}
		f.Rows = append(f.Rows, valid)
	}
	l := in.Ledgers.Ledgers()
	for i := range l.Lines {
		add(SubjectLine, l.Lines[i].ID, l.Lines[i].EnterpriseID, l.Lines[i].Use, l.Lines[i].APlace, l.Lines[i].Valid)
	}
	for i := range l.Allocations {
		a := &l.Allocations[i]
		if e := v.Enterprise(a.EnterpriseID); e != nil && e.Credit == "bad" {
			add(SubjectAllocation, a.Prefix.String(), a.EnterpriseID, a.Use, a.Place, a.Valid)
		}
	}
	for i := range l.ICPFilings {
		if r := &l.ICPFilings[i]; r.Status != "cancelled" {
			add(SubjectDomain, r.Domain, r.EnterpriseID, "", "", r.Valid)
		}
	}
	return inOrder(oneEach(found, v))
}

// oneEach keeps one fact of each resource, that of the holder of the last row,
// and adds the access rows of domains.
func oneEach(found map[creditKey]*CreditFact, v *registry.View) []CreditFact {
	best := make(map[creditKey]*CreditFact)
	for key, f := range found {
		if key.kind == SubjectDomain {
			for _, a := range v.AccessHistory(key.id) {
				if ofAnother := slices.ContainsFunc(v.Filings(key.id), func(r *registry.ICPFiling) bool {
					return r.No == a.FilingNo && r.EnterpriseID != key.holder
				}); !ofAnother {
					f.Before = append(f.Before, a.Valid)
				}
			}
		}
		holder := key.holder
		key.holder = ""
		if old := best[key]; old == nil || lastStart(f) > lastStart(old) || lastStart(f) == lastStart(old) && holder < old.Holder.EnterpriseID {
			best[key] = f
		}
	}
	out := make([]CreditFact, 0, len(best))
	for _, f := range best {
		out = append(out, *f)
	}
	return out
}

func lastStart(f *CreditFact) (last registry.Date) {
	for _, r := range f.Rows {
		if r.Overlaps(f.Days) {
			last = max(last, r.From)
		}
	}
	return last
}

// beganOn returns the start of what is in use on that day, zero when it is
// unknown or nothing is.
func (f *CreditFact) beganOn(day registry.Date, gap registry.Date) registry.Date {
	var began registry.Date
	for _, r := range f.Rows {
		if !r.Contains(day) {
			continue
		}
		began = joined(r.From, f.Rows, gap)
		for _, a := range f.Before {
			if a.From < began {
				began = a.From
			}
		}
		return began
	}
	return 0
}

func (f *CreditFact) usedInSpan() bool {
	return slices.ContainsFunc(f.Rows, func(r registry.Validity) bool { return r.Overlaps(f.Days) })
}

func judgeCredit(f CreditFact, p Params) Judgement {
	if f.BadSince == 0 {
		if f.usedInSpan() {
			return withheld("credit_since_unknown")
		}
		return clearJudgement()
	}
	var h held
	var began registry.Date
	for d := f.Days.From; d <= f.Days.To; d++ {
		if from := f.beganOn(d, registry.Date(p["renewal_gap_days"])+1); from > f.BadSince {
			h.add(d, d)
			began = from
		}
	}
	if h.days == 0 {
		return clearJudgement()
	}
	j := h.fires(f.Days, Medium)
	if len(servicesFor(f.Use, registry.Unknown)) > 0 {
		j.Severity = High
	}
	j.Facts = FactSet{"began_on": began.String(), "credit_since": f.BadSince.String(), "days_after_listing": int(began - f.BadSince), "use": f.Use, "holder": f.Holder.EnterpriseID, "days": h.days}
	kind := map[SubjectKind]string{SubjectLine: "专线", SubjectAllocation: "地址段", SubjectDomain: "域名"}[f.Subject.Kind]
	j.Explanation = Text{
		ZH: fmt.Sprintf("%s %s 自 %s 起由“%s”使用，该单位自 %s 起列入不良信用记录，新增资源在列入 %d 天之后。终止该资源、移出信用记录或更正为续期后即可消除。请人工核实。", kind, f.Subject.ID, began, f.Holder.Name, f.BadSince, int(began-f.BadSince)),
		EN: fmt.Sprintf("%s %s is used by %s since %s; the enterprise has bad credit since %s, %d days before. The end of the resource, the end of the listing or its correction to a renewal clears this. For a person to review.", f.Subject.Kind, f.Subject.ID, f.Holder.Name, began, f.BadSince, int(began-f.BadSince)),
	}
	ledger := ledgerOf(f.Subject.Kind)
	if f.Subject.Kind == SubjectDomain {
		ledger = "icp_filings"
	}
	j.Evidence = []Evidence{ledgerRow(ledger, f.Subject.ID, string(f.Subject.Kind)+" "+f.Subject.ID), ledgerRow("enterprises", f.Holder.EnterpriseID, "credit of "+f.Holder.EnterpriseID)}
	j.Benign = []BenignTest{
		{Name: "renewal", Result: Text{ZH: fmt.Sprintf("该单位对同一资源的登记 %d 条，列入前没有可衔接的登记", len(f.Rows)), EN: fmt.Sprintf("%d rows of the holder about the resource, none from before the listing that it continues", len(f.Rows))}},
		{Name: "carrier_itself", Result: Text{ZH: "持有单位不是本运营商", EN: "the holder is not the carrier"}},
	}
	return j
}
