package rules

import (
	"cmp"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// Tenure is who held a resource, for which use, in one row of its ledger.
type Tenure struct {
	Holder     string            `json:"holder"`
	HolderName string            `json:"holder_name"`
	Use        string            `json:"use"`
	Services   []string          `json:"services"` // what the use needs
	Place      registry.Place    `json:"place"`
	Valid      registry.Validity `json:"valid"`
	// Licences are all rows of the holder for any service.
	Licences []registry.Licence `json:"licences"`
	// Commitments are those of the holder for the services the use needs.
	Commitments []registry.Commitment `json:"commitments,omitempty"`
	// PlaceOfHolder is set when the resource has no place of its own and Place is
	// where its holder is registered.
	PlaceOfHolder bool `json:"place_of_holder,omitempty"`
}

// ResourceFact is a line or allocation with its tenures in a span.
type ResourceFact struct {
	Subject Subject           `json:"subject"`
	Days    registry.Validity `json:"days"`
	Tenures []Tenure          `json:"tenures"`
}

// About implements Fact.
func (f ResourceFact) About() (s Subject, enterpriseID, province string) {
	if len(f.Tenures) == 0 {
		return f.Subject, "", ""
	}
	last := f.Tenures[len(f.Tenures)-1]
	return f.Subject, last.Holder, last.Place.Province()
}

// holder names who holds the tenure.
func (t *Tenure) holder() Holder {
	return Holder{EnterpriseID: t.Holder, Name: t.HolderName, Province: t.Place.Province()}
}

// daysWithout returns the days on which some tenure lacks services, and on the
// last of them the newest tenure that does, and which. A block may have two
// holders at once.
func (f ResourceFact) daysWithout(lacks func(*Tenure, registry.Date) []string) (h held, tenure *Tenure, services []string) {
	for d := f.Days.From; d <= f.Days.To; d++ {
		for i := len(f.Tenures) - 1; i >= 0; i-- {
			t := &f.Tenures[i]
			if !t.Valid.Contains(d) {
				continue
			}
			if s := lacks(t, d); len(s) > 0 {
				h.add(d, d)
				tenure, services = t, s
				break
			}
		}
	}
	return h, tenure, services
}

// servicesFor returns the service codes a use needs, by INTERFACES section 5.
func servicesFor(use string, cloud registry.Tri) []string {
	switch use {
	case "idc":
		if cloud == registry.Yes {
			return []string{"B11", "B11-2"}
		}
		return []string{"B11"}
	case "cdn":
		return []string{"B12"}
	case "ipvpn":
		return []string{"B13"}
	case "isp":
		return []string{"B14"}
	case "dns":
		return []string{"B26-1"}
	}
	return nil
}

// activeOn reports whether l gives its service on that day.
func activeOn(l *registry.Licence, day registry.Date) bool {
	return (l.Status == "active" || l.Status == "") && l.Valid.Contains(day)
}

// holdsActive reports whether some row gives the service on that day; an
// empty service asks for any.
func holdsActive(rows []registry.Licence, service string, day registry.Date) bool {
	return slices.ContainsFunc(rows, func(l registry.Licence) bool {
		return (service == "" || l.Service == service) && activeOn(&l, day)
	})
}

// everHeld reports whether some row gave the service from that day or before,
// whatever became of it.
func everHeld(rows []registry.Licence, service string, day registry.Date) bool {
	return slices.ContainsFunc(rows, func(l registry.Licence) bool {
		return l.Service == service && (l.Valid.From == 0 || l.Valid.From <= day)
	})
}

// resources returns every line and allocation with a tenure in the span.
func resources(s *registry.Snapshot, days registry.Validity) []ResourceFact {
	facts := newResourceFacts(s, days)
	l := s.Ledgers()
	for i := range l.Lines {
		facts.addLine(&l.Lines[i])
	}
	for i := range l.Allocations {
		facts.addAllocation(&l.Allocations[i])
	}
	return facts.sorted()
}

// resourceFacts groups ledger rows by subject.
type resourceFacts struct {
	snapshot *registry.Snapshot
	days     registry.Validity
	bySub    map[string]*ResourceFact
}

func newResourceFacts(s *registry.Snapshot, days registry.Validity) *resourceFacts {
	return &resourceFacts{snapshot: s, days: days, bySub: make(map[string]*ResourceFact)}
}

func (r *resourceFacts) addLine(line *registry.Line) {
	r.add(SubjectLine, line.ID, line.Valid, Tenure{
		Holder: line.EnterpriseID, Use: line.Use, Services: servicesFor(line.Use, registry.Unknown),
		Place: line.APlace, Valid: line.Valid,
	})
}

func (r *resourceFacts) addAllocation(a *registry.Allocation) {
	r.add(SubjectAllocation, a.Prefix.String(), a.Valid, Tenure{
		Holder: a.EnterpriseID, Use: a.Use, Services: servicesFor(a.Use, a.Cloud),
		Place: a.Place, Valid: a.Valid,
	})
}

func (r *resourceFacts) add(kind SubjectKind, id string, valid registry.Validity, t Tenure) {
	if !valid.Overlaps(r.days) || len(t.Services) == 0 || t.Holder == "" {
		return
	}
	view := r.snapshot.At(r.lastActiveDay(valid))
	if view.IsCarrier(t.Holder) {
		return
	}
	holder := view.Enterprise(t.Holder)
	t.HolderName = displayName(holder, t.Holder)
	if t.Place == "" {
		t.PlaceOfHolder = true
		if holder != nil {
			t.Place = holder.Place
		}
	}
	for _, l := range view.Licences(t.Holder) {
		t.Licences = append(t.Licences, *l)
	}
	for _, c := range view.Commitments(t.Holder) {
		if slices.Contains(t.Services, c.Service) {
			t.Commitments = append(t.Commitments, *c)
		}
	}
	key := string(kind) + "\x00" + id
	f := r.bySub[key]
	if f == nil {
		f = &ResourceFact{Subject: Subject{Kind: kind, ID: id, Name: t.HolderName}, Days: r.days}
		r.bySub[key] = f
	}
	f.Tenures = append(f.Tenures, t)
}

// lastActiveDay returns the last day of the span on which a row is valid.
func (r *resourceFacts) lastActiveDay(valid registry.Validity) registry.Date {
	if valid.To != 0 && valid.To < r.days.To {
		return valid.To
	}
	return r.days.To
}

func (r *resourceFacts) sorted() []ResourceFact {
	out := make([]ResourceFact, 0, len(r.bySub))
	for _, f := range r.bySub {
		slices.SortStableFunc(f.Tenures, func(a, b Tenure) int { return cmp.Compare(a.Valid.From, b.Valid.From) })
		f.Subject.Name = f.Tenures[len(f.Tenures)-1].HolderName
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b ResourceFact) int {
		return cmp.Or(cmp.Compare(a.Subject.Kind, b.Subject.Kind), cmp.Compare(a.Subject.ID, b.Subject.ID))
	})
	return out
}

// displayName is the name a finding may show: an individual is never named.
func displayName(e *registry.Enterprise, id string) string {
	switch {
	case e == nil:
		return id
	case e.Nature == "individual":
		return "（个人用户，名称不显示）"
	case e.Name != "":
		return e.Name
	case e.NameEN != "":
		return e.NameEN
	}
	return id
}
