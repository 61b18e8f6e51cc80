package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// LicenceRegion is the rule licence-region (N32-2.1.1(2)): the licence for the
// service is valid elsewhere, not where the resource is.
func LicenceRegion() Rule {
	return define(Spec{
		ID: "licence-region", Version: "1", Ledger: true, LookbackDays: 1, QuietDays: 0,
		Clauses: since(n32Published, "N32-2.1.1(2)", "N32-2.2.1c"),
		Title:   Text{ZH: "超出许可证覆盖地域使用资源（疑似）", EN: "Resource used outside the area of the licence (indication)"},
		Claim: Text{
			ZH: "持有单位当日有登记用途所需业务的有效许可，但其覆盖范围不含该专线或地址段所在地（省含所辖市，CN 含全国）。",
			EN: "The holder has a valid licence for the service that the filed use needs, but its coverage does not contain the place of the line or block (a province covers its cities, CN all).",
		},
	}, measureLicenceMissing, judgeLicenceRegion)
}

// within reports whether place lies in area. Codes of six digits that end in
// zeros stand for the province or city they begin with.
func within(place, area registry.Place) bool {
	return area != "" && strings.HasPrefix(string(coarse(place)), string(coarse(area)))
}

// coarse cuts the zeros off a code.
func coarse(p registry.Place) registry.Place {
	for len(p) > 2 && strings.HasSuffix(string(p), "00") {
		p = p[:len(p)-2]
	}
	return p
}

// regionAnswer is what a licence says of a place.
type regionAnswer uint8

const (
	regionCovered regionAnswer = iota
	regionUnknown
	regionOutside
)

// regionOn returns what the active licences for a service say of the place of
// the tenure; a service without one is not this rule's matter.
func regionOn(t *Tenure, service string, day registry.Date) regionAnswer {
	answer := regionCovered
	for i := range t.Licences {
		l := &t.Licences[i]
		if l.Service != service || !activeOn(l, day) {
			continue
		}
		switch said := covers(l, t); said {
		case regionCovered:
			return regionCovered
		case regionUnknown:
			answer = regionUnknown
		case regionOutside:
			if answer == regionCovered {
				answer = regionOutside
			}
		}
	}
	return answer
}

func covers(l *registry.Licence, t *Tenure) regionAnswer {
	switch {
	case l.National:
		return regionCovered
	case len(l.Coverage) == 0, t.Place == "", t.PlaceOfHolder:
		return regionUnknown
	}
	answer := regionOutside
	for _, area := range l.Coverage {
		if within(t.Place, area) {
			return regionCovered
		}
		if within(area, t.Place) {
			answer = regionUnknown // the place is less exact than the licence
		}
	}
	return answer
}

// servicesOf returns the services with that answer on that day.
func servicesOf(want regionAnswer) func(*Tenure, registry.Date) []string {
	return func(t *Tenure, day registry.Date) []string {
		var out []string
		for _, s := range t.Services {
			if regionOn(t, s, day) == want {
				out = append(out, s)
			}
		}
		return out
	}
}

func judgeLicenceRegion(f ResourceFact, _ Params) Judgement {
	h, tenure, services := f.daysWithout(servicesOf(regionOutside))
	if h.days == 0 {
		if unknown, _, _ := f.daysWithout(servicesOf(regionUnknown)); unknown.days > 0 {
			return withheld("place_unknown")
		}
		return clearJudgement()
	}
	j := h.fires(f.Days, High)
	j.Holder = heldBy(f, tenure.holder())
	var coverage []string
	for _, l := range tenure.Licences {
		for _, area := range l.Coverage {
			if activeOn(&l, j.LastDay) && slices.Contains(services, l.Service) && !slices.Contains(coverage, string(area)) {
				coverage = append(coverage, string(area))
			}
		}
	}
	j.Facts = FactSet{
		"use": tenure.Use, "services_outside_area": services, "place": string(tenure.Place), "coverage": coverage,
		"holder": tenure.Holder, "days_outside_area": h.days, "days_in_span": int(f.Days.To-f.Days.From) + 1,
		"licences_of_holder": describeLicences(tenure.Licences),
	}
	svc, area := strings.Join(services, ", "), strings.Join(firstOf(coverage, 12), ", ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("%s %s 位于 %s，登记用途为“%s”；持有单位“%s”截至 %s 的 %s 许可只覆盖 %s。扩大覆盖范围、更正登记地点或停止该资源后即可消除。请人工核实。", subjectZH(f.Subject.Kind), f.Subject.ID, tenure.Place, tenure.Use, tenure.HolderName, j.LastDay, svc, area),
		EN: fmt.Sprintf("%s %s is in %s and filed for use %q; on %s the licence of its holder %s for %s covers %s only. A wider coverage, a corrected place or the end of the resource clears this. For a person to review.", f.Subject.Kind, f.Subject.ID, tenure.Place, tenure.Use, j.LastDay, tenure.HolderName, svc, area),
	}
	j.Evidence = licenceEvidence(f.Subject, tenure)
	j.Benign = []BenignTest{
		{Name: "national_or_province_licence", Result: Text{ZH: "没有覆盖全国或所在省市的同类有效许可", EN: "no valid licence for the service covers the country, the province or the city"}},
		{Name: "exempt_use", Result: Text{ZH: "用途“" + tenure.Use + "”须经许可", EN: "use " + tenure.Use + " needs a licence"}},
		{Name: "carrier_itself", Result: Text{ZH: "持有单位不是本运营商", EN: "the holder is not the carrier"}},
	}
	return j
}
