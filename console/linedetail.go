package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// triText writes a value that may be unknown; that is empty.
func triText(t registry.Tri) string {
	return map[registry.Tri]string{registry.Yes: "yes", registry.No: "no"}[t]
}

func lineAnswerOf(l *registry.Line, name string) lineAnswer {
	return lineAnswer{
		l.ID, l.EnterpriseID, name, l.Scope, l.Technology, l.Use, l.BandwidthMbps,
		string(l.APlace), l.ZCountry, l.OrderOrigin, l.UserFile, dateText(l.Valid.From), dateText(l.Valid.To),
	}
}

// enterpriseAnswer is a row of the ledger of enterprises.
type enterpriseAnswer struct {
	ID          string `json:"enterprise_id"`
	Name        string `json:"name"`
	NameEN      string `json:"name_en"`
	USCC        string `json:"uscc"`
	Nature      string `json:"nature"`
	Place       string `json:"place"`
	Parent      string `json:"parent_id"`
	Credit      string `json:"credit"`
	CreditSince string `json:"credit_since"`
}

func enterpriseAnswerOf(e *registry.Enterprise) *enterpriseAnswer {
	if e == nil {
		return nil
	}
	return &enterpriseAnswer{e.ID, e.Name, e.NameEN, e.USCC, e.Nature, string(e.Place), e.ParentID, e.Credit, dateText(e.CreditSince)}
}

// lineFile is the file of an international line.
type lineFile struct {
	ID           string   `json:"user_file"`
	EnterpriseID string   `json:"enterprise_id"`
	Purpose      string   `json:"purpose"`
	Office       string   `json:"office_use_committed"` // yes, no, empty = unknown
	CommittedOn  string   `json:"committed_on"`
	Clauses      []string `json:"clauses"`
	ClausesKnown bool     `json:"clauses_known"`
	ContactOn    string   `json:"contact_verified_on"`
	ReviewedOn   string   `json:"reviewed_on"`
}

// lineEnd is a network declared for an end of a line.
type lineEnd struct {
	End    string `json:"end"`
	Prefix string `json:"prefix"`
	Kind   string `json:"kind"`
}

// linePort is an interface of a line.
type linePort struct {
	Exporter     string  `json:"exporter"`
	ExporterName string  `json:"exporter_name"`
	IfIndex      uint32  `json:"if_index"`
	Name         string  `json:"name"`
	Role         string  `json:"role"`
	SpeedMbps    float64 `json:"speed_mbps"`
	Gateway      string  `json:"gateway"`
	// Counts is set where the traffic of the line is counted.
	Counts bool `json:"counts"`
}

// approvalAnswer is an approval that names the line or its holder.
type approvalAnswer struct {
	No           string `json:"approval_no"`
	Kind         string `json:"kind"`
	EnterpriseID string `json:"enterprise_id"`
	ValidFrom    string `json:"valid_from"`
	ValidTo      string `json:"valid_to"`
}

// lineDetail is all the ledgers say of a line, and what was found about it.
type lineDetail struct {
	Line       lineAnswer        `json:"line"`
	Enterprise *enterpriseAnswer `json:"enterprise"`
	Files      []lineFile        `json:"user_files"`
	Ends       []lineEnd         `json:"ends"`
	Ports      []linePort        `json:"ports"`
	Approvals  []approvalAnswer  `json:"approvals"`
	History    []lineAnswer      `json:"history"`
	Findings   []rules.Finding   `json:"findings"`
}

// visibleLine returns a line that the caller may see, on the day of a request.
// Otherwise it has answered.
func (s *Console) visibleLine(w http.ResponseWriter, r *http.Request, c *caller) (*registry.Line, *registry.View, bool) {
	day, all, err := s.dayOf(r.URL.Query())
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return nil, nil, false
	}
	if all {
		day = registry.DateOf(time.Now().In(s.Location))
	}
	id := r.PathValue("id")
	line := s.lineOf(id, day)
	if line == nil || !c.inProvince(line.APlace.Province()) {
		s.refuse(w, r, http.StatusNotFound, because("no_line", id))
		return nil, nil, false
	}
	return line, s.Ledgers().At(day), true
}

func (s *Console) line(w http.ResponseWriter, r *http.Request, c *caller) {
	line, view, ok := s.visibleLine(w, r, c)
	if !ok {
		return
	}
	holder := view.Enterprise(line.EnterpriseID)
	name := ""
	if holder != nil {
		name = holder.Name
	}
	answer := lineDetail{
		Line: lineAnswerOf(line, name), Enterprise: enterpriseAnswerOf(holder),
		Files: filesOf(view, line.ID), Ends: endsOf(view, line.ID), Ports: portsOf(view, line.ID), Approvals: s.approvalsOf(line), History: []lineAnswer{},
	}
	for _, l := range view.LineHistory(line.ID) {
		if c.inProvince(l.APlace.Province()) {
			answer.History = append(answer.History, lineAnswerOf(l, name))
		}
	}
	var err error
	answer.Findings, err = s.about(r, c, string(rules.SubjectLine), line.ID)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, answer)
}

// mostAbout bounds the findings that are listed beside their subject.
const mostAbout = 200

// about returns the findings about a subject that the caller may see, newest
// first, third parties masked.
func (s *Console) about(r *http.Request, c *caller, kind, id string) ([]rules.Finding, error) {
	q := FindingQuery{SubjectKind: kind, Subject: id, Sort: "last_seen", Descending: true, Limit: mostAbout}
	c.narrow(&q.Filter)
	found, err := s.Browser.FindingPage(r.Context(), q)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	return s.shown(c, found, false), nil
}

func filesOf(view *registry.View, line string) []lineFile {
	list := []lineFile{}
	for _, f := range view.UserFiles(line) {
		list = append(list, lineFile{
			f.ID, f.EnterpriseID, f.Purpose, triText(f.OfficeUseCommitted), dateText(f.CommittedOn), append([]string{}, f.Clauses...), f.ClausesKnown,
			dateText(f.ContactVerifiedOn), dateText(f.ReviewedOn),
		})
	}
	return list
}

func endsOf(view *registry.View, line string) []lineEnd {
	list := []lineEnd{}
	for _, e := range view.Endpoints(line) {
		list = append(list, lineEnd{e.End, e.Prefix.String(), e.Kind})
	}
	return list
}

func portsOf(view *registry.View, line string) []linePort {
	list := []linePort{}
	for _, p := range view.LinePorts(line) {
		i := p.Interface
		one := linePort{Exporter: i.Exporter.String(), IfIndex: i.IfIndex, Name: i.Name, Role: i.Role, SpeedMbps: i.SpeedMbps, Gateway: i.Gateway, Counts: p.Counts}
		if e := view.Exporter(i.Exporter); e != nil {
			one.ExporterName = e.Name
		}
		list = append(list, one)
	}
	return list
}

func (s *Console) approvalsOf(line *registry.Line) []approvalAnswer {
	list := []approvalAnswer{}
	for _, a := range s.Ledgers().Ledgers().Approvals {
		if a.LineID == line.ID || a.LineID == "" && a.EnterpriseID == line.EnterpriseID {
			list = append(list, approvalAnswer{a.No, a.Kind, a.EnterpriseID, dateText(a.Valid.From), dateText(a.Valid.To)})
		}
	}
	return list
}

// The spans of what is told of a line's networks.
const (
	usualHeat = 28 * 24 * time.Hour
	mostEnds  = 31 * 24 * time.Hour
	mostSeen  = 500 // observed ends that are listed
)

// week holds a mean rate for each hour of the week, Monday first.
type week [7][24]float64

// heatZone is a week in the local time of one end.
type heatZone struct {
	End  string `json:"end"`
	Zone string `json:"zone"`
	// FromCustomer and ToCustomer are mean bits per second of the hour over the
	// weeks of the span, hours without traffic counted as such.
	FromCustomer week `json:"from_customer_bps"`
	ToCustomer   week `json:"to_customer_bps"`
}

// heatmap is a line by the hours of the week.
type heatmap struct {
	Line  string     `json:"line_id"`
	From  time.Time  `json:"from"`
	To    time.Time  `json:"to"`
	Hours int        `json:"hours"` // of the span
	Zones []heatZone `json:"zones"`
}

func (s *Console) heatmap(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	window, err := s.windowOf(q, usualHeat, mostTraffic)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	line, _, ok := s.visibleLine(w, r, c)
	if !ok {
		return
	}
	zones := map[string]*time.Location{"a": s.Location, "z": rules.OfficeZone(line.ZCountry)}
	if text := q.Get("zone"); text != "" {
		if zones["z"], err = time.LoadLocation(text); err != nil || text == "Local" {
			s.refuse(w, r, http.StatusBadRequest, because("unknown_value", "zone", text))
			return
		}
	}
	window.From, window.To = window.From.UTC().Truncate(time.Hour), window.To.UTC().Truncate(time.Hour)
	var hours []rules.LineHour
	for h, err := range s.Network.LineHoursOf(r.Context(), line.ID, window) {
		if err != nil {
			s.storeFailed(w, r, err)
			return
		}
		hours = append(hours, h)
	}
	window.From = firstHour(window, hours)
	answer := heatmap{Line: line.ID, From: window.From, To: window.To, Hours: int(window.To.Sub(window.From).Hours()), Zones: []heatZone{}}
	for _, end := range []string{"a", "z"} {
		if zone := zones[end]; zone != nil {
			answer.Zones = append(answer.Zones, heat(end, zone, window, hours))
		}
	}
	s.json(w, r, http.StatusOK, answer)
}

// firstHour is where a week begins to be known: before the first hour in which the
// line carried anything, perhaps nobody counted.
func firstHour(w rules.Window, hours []rules.LineHour) time.Time {
	first := w.To
	for _, h := range hours {
		if h.Hour.Before(first) {
			first = h.Hour
		}
	}
	if first.Before(w.From) || len(hours) == 0 {
		return w.From
	}
	return first.UTC()
}

// heat lays hours over a week. Hours that are not told carried nothing.
func heat(end string, zone *time.Location, w rules.Window, hours []rules.LineHour) heatZone {
	z := heatZone{End: end, Zone: zone.String()}
	cell := func(t time.Time) (day, hour int) {
		local := t.In(zone)
		return (int(local.Weekday()) + 6) % 7, local.Hour()
	}
	var times week
	for t := w.From; t.Before(w.To); t = t.Add(time.Hour) {
		day, hour := cell(t)
		times[day][hour]++
	}
	for _, h := range hours {
		day, hour := cell(h.Hour)
		z.FromCustomer[day][hour] += float64(h.FromCustomer) * 8 / 3600
		z.ToCustomer[day][hour] += float64(h.ToCustomer) * 8 / 3600
	}
	for day := range times {
		for hour, n := range times[day] {
			if n > 0 {
				z.FromCustomer[day][hour] /= n
				z.ToCustomer[day][hour] /= n
			}
		}
	}
	return z
}

// observedEnd is a network seen at an end of a line.
type observedEnd struct {
	Network string `json:"network"`
	Side    string `json:"side"` // near (the customer's), far
	// Declared is set where it is in a declared end of the line.
	Declared     bool    `json:"declared"`
	Name         string  `json:"name"`
	Country      string  `json:"country"`
	Kind         string  `json:"kind"`
	FromCustomer uint64  `json:"from_customer_bytes"`
	ToCustomer   uint64  `json:"to_customer_bytes"`
	Samples      uint64  `json:"samples"`
	Share        float64 `json:"share"`
	Error        float64 `json:"error_95"` // of the share
}

// shareAnswer is the part of one kind in the whole.
type shareAnswer struct {
	Key   string  `json:"key"`
	Bytes uint64  `json:"bytes"`
	Share float64 `json:"share"`
	Error float64 `json:"error_95"`
}

// lineNetworks is declared ends against observed ones.
type lineNetworksAnswer struct {
	Line      string        `json:"line_id"`
	From      time.Time     `json:"from"`
	To        time.Time     `json:"to"`
	Bytes     uint64        `json:"total_bytes"`
	Samples   uint64        `json:"samples"`
	Declared  []lineEnd     `json:"declared"`
	Observed  []observedEnd `json:"observed"`
	LeftOut   int           `json:"left_out"`
	Kinds     []shareAnswer `json:"kinds"`
	Countries []shareAnswer `json:"countries"`
}

func (s *Console) lineNetworks(w http.ResponseWriter, r *http.Request, c *caller) {
	window, err := s.windowOf(r.URL.Query(), 7*24*time.Hour, mostEnds)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	line, view, ok := s.visibleLine(w, r, c)
	if !ok {
		return
	}
	all, done := s.unmasked(w, r, c, "line/"+line.ID)
	if done {
		return
	}
	pairs, err := s.pairs(r.Context(), c, line.ID, window, all)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	answer := lineNetworksAnswer{Line: line.ID, From: window.From.UTC(), To: window.To.UTC(), Declared: endsOf(view, line.ID), Observed: []observedEnd{}}
	ends, kinds, countries := addEnds(s.ends(c, line.ID, window), pairs)
	for i := range pairs {
		answer.Bytes += pairs[i].FromCustomer + pairs[i].ToCustomer
		answer.Samples += pairs[i].Samples
	}
	for i := range ends {
		ends[i].Share = share(ends[i].FromCustomer+ends[i].ToCustomer, answer.Bytes)
		ends[i].Error = rules.HalfWidth(ends[i].Share, answer.Samples)
	}
	answer.LeftOut = max(0, len(ends)-mostSeen)
	answer.Observed = append(answer.Observed, ends[:min(len(ends), mostSeen)]...)
	answer.Kinds, answer.Countries = shares(kinds, answer.Bytes, answer.Samples), shares(countries, answer.Bytes, answer.Samples)
	s.json(w, r, http.StatusOK, answer)
}

// addEnds adds pairs up to the networks of each side, and to kinds and countries
// of the far one.
func addEnds(known *lineEnds, pairs []networkPair) (ends []observedEnd, kinds, countries map[string]uint64) {
	kinds, countries = make(map[string]uint64), make(map[string]uint64)
	found := make(map[[2]string]*observedEnd)
	add := func(side, network, name string, p *networkPair) *observedEnd {
		e := found[[2]string{side, network}]
		if e == nil {
			e = &observedEnd{Network: network, Side: side, Name: name}
			if prefix, err := netip.ParsePrefix(network); err == nil {
				e.Declared = known.end(prefix) != ""
			}
			found[[2]string{side, network}] = e
		}
		e.FromCustomer += p.FromCustomer
		e.ToCustomer += p.ToCustomer
		e.Samples += p.Samples
		return e
	}
	for i := range pairs {
		p := &pairs[i]
		add("near", p.Near, p.NearName, p)
		far := add("far", p.Far, p.FarName, p)
		far.Country, far.Kind = p.Country, p.Kind
		kinds[p.Kind] += p.FromCustomer + p.ToCustomer
		countries[cmp.Or(p.Country, "unknown")] += p.FromCustomer + p.ToCustomer
	}
	for _, e := range found {
		ends = append(ends, *e)
	}
	slices.SortFunc(ends, func(a, b observedEnd) int {
		return cmp.Or(cmp.Compare(b.FromCustomer+b.ToCustomer, a.FromCustomer+a.ToCustomer), strings.Compare(a.Side, b.Side), strings.Compare(a.Network, b.Network))
	})
	return ends, kinds, countries
}

func shares(all map[string]uint64, whole, samples uint64) []shareAnswer {
	list := []shareAnswer{}
	for _, one := range ranked(all) {
		part := share(one.Count, whole)
		list = append(list, shareAnswer{one.Key, one.Count, part, rules.HalfWidth(part, samples)})
	}
	return list
}
