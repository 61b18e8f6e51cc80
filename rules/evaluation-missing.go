package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// EvaluationMissing is the rule evaluation-missing (N32-2.3.4 to 2.3.6): a data
// centre, access or content network is run at a new place that was never
// evaluated, or a content network gives more than the bandwidth that was.
func EvaluationMissing() Rule {
	return define(Spec{
		ID: "evaluation-missing", Version: "2", LookbackDays: 7, QuietDays: 7,
		Clauses: since(n32Published, "N32-2.3.4", "N32-2.3.5", "N32-2.3.6"),
		Title:   Text{ZH: "新增地点或带宽没有通过技术评测的记录（疑似）", EN: "New place or bandwidth of a service without an evaluation (indication)"},
		Claim: Text{
			ZH: "单位在 2017-01-17 之后新增地点经营 idc、isp 或 cdn，开通 30 天之后仍没有该业务在当地（省含所辖市）的评测记录。业务节点只按地点识别。CDN 另比对其全部 cdn 地址段流出的最大小时平均带宽与已评测的带宽。",
			EN: "An enterprise runs idc, isp or cdn at a place it came to after 2017-01-17, and more than 30 days after the start there is no evaluation of the service for that place (a province covers its cities). Nodes are told apart by their place only. For CDN, the largest hourly mean that all of the holder's cdn allocations give together is compared with the evaluated bandwidth.",
		},
		Params: []Param{
			{Name: "grace_days", Unit: "days", Default: 30, Min: 0, Max: 3650, Meaning: Text{ZH: "资源开通后可暂无评测的天数", EN: "how long a resource may do without after its start"}},
			{Name: "min_samples", Unit: "packets", Default: 500, Min: 1, Max: 1e9, Meaning: Text{ZH: "比对带宽的一天采样包数下限", EN: "least sampled packets of a day whose bandwidth is compared"}},
			{Name: "min_peak_samples", Unit: "packets", Default: 100, Min: 1, Max: 1e9, Meaning: Text{ZH: "峰值小时采样包数下限", EN: "least sampled packets of the hour that is compared"}},
			{Name: "min_completeness", Unit: "share", Default: 0.9, Min: 0, Max: 1, Meaning: Text{ZH: "数据完整性下限", EN: "least completeness of the flow data"}},
		},
	}, measureEvaluation, judgeEvaluation)
}

// EvaluationFact is an enterprise with what it runs and what was evaluated.
type EvaluationFact struct {
	Subject     Subject               `json:"subject"`
	Province    string                `json:"province"`
	Days        registry.Validity     `json:"days"`
	Sites       []ServiceSite         `json:"sites"`
	Evaluations []registry.Evaluation `json:"evaluations"`
	// Delivery is nil where no content was delivered, or none was evaluated.
	Delivery *DeliveryPeak `json:"delivery,omitempty"`
}

// ServiceSite is a resource of a holder at a place.
type ServiceSite struct {
	ResourceUse
	Service string `json:"service"` // B11, B12 or B14
	// Started is the start of the first of the rows of this resource that follow
	// each other, New when the holder came to the place; zero is unknown.
	Started registry.Date `json:"started"`
	New     registry.Date `json:"new"`
}

// About implements Fact.
func (f EvaluationFact) About() (s Subject, enterpriseID, province string) {
	return f.Subject, f.Subject.ID, f.Province
}

// evaluated are the services whose places are evaluated.
var evaluated = []string{"B11", "B12", "B14"}

func evaluationFacts(s *registry.Snapshot, days registry.Validity) []EvaluationFact {
	v := s.At(days.To)
	uses := usesOf(s.Ledgers(), func(enterprise string) bool { return enterprise != "" && !v.IsCarrier(enterprise) })
	found := make(map[string]*EvaluationFact)
	for key, rows := range uses {
		if !slices.Contains(evaluated, key.service) {
			continue
		}
		sites := sitesOf(key.service, rows, days)
		if len(sites) == 0 {
			continue
		}
		f := found[key.enterprise]
		if f == nil {
			f = newEvaluationFact(v, key.enterprise, days)
			found[key.enterprise] = f
		}
		f.Sites = append(f.Sites, sites...)
	}
	out := make([]EvaluationFact, 0, len(found))
	for _, f := range found {
		slices.SortFunc(f.Sites, func(a, b ServiceSite) int {
			return strings.Compare(a.Service+"\x00"+string(a.Kind)+a.ID+a.Valid.From.String(), b.Service+"\x00"+string(b.Kind)+b.ID+b.Valid.From.String())
		})
		out = append(out, *f)
	}
	return out
}

func newEvaluationFact(v *registry.View, enterprise string, days registry.Validity) *EvaluationFact {
	holder := holderOf(v, enterprise, "")
	f := &EvaluationFact{Subject: Subject{SubjectEnterprise, enterprise, holder.Name}, Province: holder.Province, Days: days}
	for _, e := range v.Evaluations(enterprise) {
		f.Evaluations = append(f.Evaluations, *e)
	}
	return f
}

// sitesOf returns the rows that touch the span at a place the holder came to
// after the notice. A place that is not known cannot be said to be new.
func sitesOf(service string, rows []ResourceUse, days registry.Validity) []ServiceSite {
	came := make(map[registry.Place]registry.Date)
	started := make(map[string][]registry.Validity)
	for _, u := range rows {
		if from, known := came[coarse(u.Place)]; !known || u.Valid.From < from {
			came[coarse(u.Place)] = u.Valid.From
		}
		key := string(u.Kind) + u.ID
		started[key] = append(started[key], u.Valid)
	}
	var out []ServiceSite
	for _, u := range rows {
		from := came[coarse(u.Place)]
		if u.Place == "" || from <= n32Published || !u.Valid.Overlaps(days) {
			continue
		}
		out = append(out, ServiceSite{ResourceUse: u, Service: service, Started: joined(u.Valid.From, started[string(u.Kind)+u.ID], 1), New: from})
	}
	return out
}

// joined follows rows back from a start for as long as each begins at most that
// many days after the one before it ended.
func joined(from registry.Date, rows []registry.Validity, gap registry.Date) registry.Date {
	for changed := true; changed && from != 0; {
		changed = false
		for _, r := range rows {
			if r.From < from && (r.To == 0 || r.To >= from-gap) {
				from, changed = r.From, true
			}
		}
	}
	return from
}

// answer says whether a site is evaluated by that day; unknown is a row that
// does not say for which place.
func (f *EvaluationFact) answer(site *ServiceSite, day registry.Date) regionAnswer {
	answer := regionOutside
	for i := range f.Evaluations {
		e := &f.Evaluations[i]
		same := e.Service == site.Service || site.Service == "B11" && e.Service == "B11-2"
		switch {
		case !same || e.PassedOn > day:
		case within(site.Place, e.Place):
			return regionCovered
		case e.Place == "":
			answer = regionUnknown
		}
	}
	return answer
}

// wanting returns the sites past their grace with that answer on that day.
func (f *EvaluationFact) wanting(want regionAnswer, day registry.Date, grace int) []*ServiceSite {
	var out []*ServiceSite
	for i := range f.Sites {
		site := &f.Sites[i]
		if site.Valid.Contains(day) && int(day-site.Started) > grace && f.answer(site, day) == want {
			out = append(out, site)
		}
	}
	return out
}

func judgeEvaluation(f EvaluationFact, p Params) Judgement {
	j := judgePlaces(f, p)
	over, reason := f.judgePeak(p)
	switch {
	case over.day != nil && j.Outcome == Fires:
		j.FirstDay, j.LastDay, j.Ceased = min(j.FirstDay, over.h.first), max(j.LastDay, over.h.last), false
		f.explainPeak(&j, &over)
	case over.day != nil:
		j = Judgement{Outcome: Fires, Severity: Medium, FirstDay: over.h.first, LastDay: over.h.last}
		f.explainPeak(&j, &over)
	case j.Outcome != Fires && reason != "":
		return Judgement{Outcome: Withheld, Reason: reason, Completeness: round(f.Delivery.Completeness, 4)}
	}
	return j
}

// judgePlaces judges the places of a holder by the ledgers alone.
func judgePlaces(f EvaluationFact, p Params) Judgement {
	var h held
	var last []*ServiceSite
	unknown := false
	for d := f.Days.From; d <= f.Days.To; d++ {
		sites := f.wanting(regionOutside, d, int(p["grace_days"]))
		if len(sites) > 0 {
			h.add(d, d)
			last = sites
		}
		unknown = unknown || len(f.wanting(regionUnknown, d, int(p["grace_days"]))) > 0
	}
	switch {
	case h.days == 0 && unknown:
		return withheld("evaluation_place_unknown")
	case h.days == 0:
		return clearJudgement()
	}
	j := h.fires(f.Days, Medium)
	var places, texts []string
	for _, site := range last {
		if place := site.Service + " " + string(site.Place); !slices.Contains(places, place) {
			places = append(places, place)
		}
		texts = append(texts, fmt.Sprintf("%s %s (%s, %s, %s)", site.Kind, site.ID, site.Service, site.Place, site.Started))
		if len(j.Evidence) < 20 {
			j.Evidence = append(j.Evidence, ledgerRow(ledgerOf(site.Kind), site.ID, string(site.Kind)+" "+site.ID))
		}
	}
	for _, e := range f.Evaluations {
		j.Evidence = append(j.Evidence, ledgerRow("evaluations", f.Subject.ID+"/"+e.Service+"/"+string(e.Place), "evaluation of "+e.Service+" in "+string(e.Place)))
	}
	j.Facts = FactSet{"places_without_evaluation": places, "resources": len(last), "evaluations_of_holder": len(f.Evaluations), "days": h.days}
	list := strings.Join(firstOf(texts, 8), "; ")
	j.Explanation = Text{
		ZH: fmt.Sprintf("单位“%s”截至 %s 在 %s 经营业务，开通已超过 %.0f 天，没有覆盖当地的评测记录：%s。补登评测记录、更正地点或停止该资源后即可消除。请人工核实。", f.Subject.Name, h.last, strings.Join(firstOf(places, 8), "、"), p["grace_days"], list),
		EN: fmt.Sprintf("On %s %s runs %s, started more than %.0f days ago, without an evaluation for the place: %s. Filing the evaluation, correcting the place or ending the resource clears this. For a person to review.", h.last, f.Subject.Name, strings.Join(firstOf(places, 8), ", "), p["grace_days"], list),
	}
	j.Benign = []BenignTest{
		{Name: "first_days", Result: Text{ZH: "资源开通已超过宽限天数", EN: "the days of grace since the start are over"}},
		{Name: "province_evaluated", Result: Text{ZH: "全省范围的评测也没有", EN: "no evaluation covers the province either"}},
		{Name: "place_not_new", Result: Text{ZH: "该单位在通知印发前不在该地经营", EN: "the holder was not at the place before the notice"}},
	}
	return j
}
