package console

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// LedgerRow is a row of a ledger with the import that brought it.
type LedgerRow struct {
	Ledger  string    `json:"ledger"`
	Columns []string  `json:"columns"`
	Fields  []string  `json:"fields"`
	Import  string    `json:"import"`
	Known   time.Time `json:"known"`
	// Closed is when a later import took the row out; null while it is in force.
	Closed *time.Time `json:"closed"`
}

// Origin says when a network was the origin of a prefix; 0 is one nobody can
// tell.
type Origin struct {
	Prefix  string         `json:"prefix"`
	Origin  uint32         `json:"origin"`
	SetOnly bool           `json:"set_only"`
	Seconds float64        `json:"held_seconds"`
	Spans   []rules.Window `json:"spans"`
}

// Grounds is where the console reads what findings rest on.
type Grounds interface {
	LineNetworks(ctx context.Context, w rules.Window, loc *time.Location, lines ...string) iter.Seq2[rules.LineNetworks, error]
	// Allocations yields the days of every allocation.
	Allocations(ctx context.Context, w rules.Window, loc *time.Location) iter.Seq2[rules.AllocationDay, error]
	// RoutesWithin returns at most that many paths to a prefix, to what covers it
	// and what is inside it.
	RoutesWithin(ctx context.Context, prefix netip.Prefix, w rules.Window, most int) ([]Route, error)
	OriginsWithin(ctx context.Context, prefix netip.Prefix, w rules.Window) ([]Origin, error)
	// LedgerRowsOf returns the rows that a piece of evidence names.
	LedgerRowsOf(ctx context.Context, ref string, known time.Time) ([]LedgerRow, error)
}

// trafficPoint is one bin of a series. Rates are nil for bins of a day.
type trafficPoint struct {
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	FromCustomer uint64    `json:"from_customer_bytes"`
	ToCustomer   uint64    `json:"to_customer_bytes"`
	Samples      uint64    `json:"samples"`
	// Error is the 95 % half-width of the bytes as a share of them.
	Error   float64 `json:"error_95"`
	P95From uint64  `json:"p95_from_customer_bps"`
	P95To   uint64  `json:"p95_to_customer_bps"`
}

// officeSpan is when people work in offices at one end.
type officeSpan struct {
	End  string    `json:"end"` // a, z
	Zone string    `json:"zone"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// findingTraffic is what the subject of a finding carried.
type findingTraffic struct {
	Subject rules.Subject  `json:"subject"`
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Bin     string         `json:"bin"` // hour, day, none
	Points  []trafficPoint `json:"points"`
	Office  []officeSpan   `json:"office"`
}

// volumeError is the 95 % half-width of a volume estimated from that many packet
// samples, as a share of it: 1.96/√samples; 1 where nothing was seen.
func volumeError(samples uint64) float64 { return min(1, 2*rules.HalfWidth(0.5, samples)) }

func (s *Console) findingTraffic(w http.ResponseWriter, r *http.Request, c *caller) {
	found, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	window := found.Window
	if q := r.URL.Query(); q.Get("from") != "" || q.Get("to") != "" {
		var err error
		if window, err = s.windowOf(q, 7*24*time.Hour, mostTraffic); err != nil {
			s.refuse(w, r, http.StatusBadRequest, err)
			return
		}
	}
	answer := findingTraffic{
		Subject: found.Subject, From: window.From.UTC(), To: window.To.UTC(), Bin: "none", Points: []trafficPoint{}, Office: []officeSpan{},
	}
	var err error
	switch found.Subject.Kind {
	case rules.SubjectLine:
		answer.Bin, answer.Office = "hour", s.offices(found.Subject.ID, window)
		err = s.linePoints(r.Context(), &answer, window)
	case rules.SubjectAllocation:
		answer.Bin = "day"
		err = s.allocationPoints(r.Context(), &answer, window)
	case rules.SubjectPrefix, rules.SubjectASN, rules.SubjectEnterprise, rules.SubjectInterface, rules.SubjectDomain:
	}
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, answer)
}

func (s *Console) linePoints(ctx context.Context, answer *findingTraffic, w rules.Window) error {
	for h, err := range s.Network.LineHoursOf(ctx, answer.Subject.ID, w) {
		if err != nil {
			return err
		}
		answer.Points = append(answer.Points, trafficPoint{
			h.Hour, h.Hour.Add(time.Hour), h.FromCustomer, h.ToCustomer, h.Samples, volumeError(h.Samples), h.P95FromCustomer, h.P95ToCustomer,
		})
	}
	return nil
}

func (s *Console) allocationPoints(ctx context.Context, answer *findingTraffic, w rules.Window) error {
	for d, err := range s.Grounds.Allocations(ctx, w, s.Location) {
		if err != nil {
			return err
		}
		if d.Allocation.String() == answer.Subject.ID {
			answer.Points = append(answer.Points, trafficPoint{
				From: d.Day.Start(s.Location).UTC(), To: (d.Day + 1).Start(s.Location).UTC(),
				FromCustomer: d.Out, ToCustomer: d.In, Samples: d.Samples, Error: volumeError(d.Samples),
			})
		}
	}
	return nil
}

// lineOf returns the row of a line that is valid on a day, else its last one.
func (s *Console) lineOf(id string, day registry.Date) *registry.Line {
	view := s.Ledgers().At(day)
	if l := view.Line(id); l != nil {
		return l
	}
	if all := view.LineHistory(id); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// offices returns when people work in offices at the ends of a line, as the
// rules about office hours take it.
func (s *Console) offices(id string, w rules.Window) []officeSpan {
	list := []officeSpan{}
	line := s.lineOf(id, registry.DateOf(w.To.Add(-time.Second).In(s.Location)))
	if line == nil {
		return list
	}
	opens, closes := rules.OfficeHours()
	for _, end := range [][2]string{{"a", rules.CountryOf(line.APlace)}, {"z", line.ZCountry}} {
		zone := rules.OfficeZone(end[1])
		if zone == nil {
			continue
		}
		for day := registry.DateOf(w.From.In(zone)); day.Start(zone).Before(w.To); day++ {
			if !rules.OfficeWorkday(end[1], day) {
				continue
			}
			civil := day.Start(time.UTC)
			span := officeSpan{
				End: end[0], Zone: zone.String(),
				From: time.Date(civil.Year(), civil.Month(), civil.Day(), opens, 0, 0, 0, zone).UTC(),
				To:   time.Date(civil.Year(), civil.Month(), civil.Day(), closes, 0, 0, 0, zone).UTC(),
			}
			if span.From.Before(w.To) && w.From.Before(span.To) {
				list = append(list, span)
			}
		}
	}
	return list
}

// mostRoutes bounds the paths of an answer.
const mostRoutes = 2000

func (s *Console) findingRoutes(w http.ResponseWriter, r *http.Request, c *caller) {
	found, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	routes := []Route{}
	for _, prefix := range prefixesOf(&found.Finding) {
		held, err := s.Grounds.RoutesWithin(r.Context(), prefix, found.Window, mostRoutes-len(routes))
		if err != nil {
			s.storeFailed(w, r, err)
			return
		}
		if routes = append(routes, held...); len(routes) >= mostRoutes {
			break
		}
	}
	s.json(w, r, http.StatusOK, routes)
}

// prefixesOf returns the prefixes a finding is about, or names as evidence.
func prefixesOf(f *rules.Finding) []netip.Prefix {
	var list []netip.Prefix
	add := func(text string) {
		if p, err := netip.ParsePrefix(text); err == nil && !slices.Contains(list, p.Masked()) {
			list = append(list, p.Masked())
		}
	}
	add(f.Subject.ID)
	for _, e := range f.Evidence {
		const kind = "routes"
		if e.Kind == kind && len(e.Ref) > len(kind)+1 {
			add(e.Ref[len(kind)+1:])
		}
	}
	return list
}

// findingLedgers is what the ledgers said when a finding was judged.
type findingLedgers struct {
	// Known is when that was, Import the last one by then; both are of now where
	// the finding has not kept them.
	Known  time.Time    `json:"known"`
	Import string       `json:"import"`
	Rows   []LedgerRow  `json:"rows"`
	Params rules.Params `json:"params"`
}

func (s *Console) findingLedgers(w http.ResponseWriter, r *http.Request, c *caller) {
	found, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	version := s.Ledgers().Version()
	answer := findingLedgers{Rows: []LedgerRow{}, Params: rules.Params{}}
	if b := found.Basis; b != nil {
		version = b.Ledgers
		if b.Params != nil {
			answer.Params = b.Params
		}
	}
	answer.Known, answer.Import = version.Known, version.ID
	for _, e := range found.Evidence {
		if e.Kind != "ledger_row" {
			continue
		}
		rows, err := s.Grounds.LedgerRowsOf(r.Context(), e.Ref, version.Known)
		if err != nil {
			s.storeFailed(w, r, err)
			return
		}
		for i := range rows {
			if !slices.ContainsFunc(answer.Rows, func(o LedgerRow) bool { return o.Ledger == rows[i].Ledger && slices.Equal(o.Fields, rows[i].Fields) }) {
				answer.Rows = append(answer.Rows, rows[i])
			}
		}
	}
	s.json(w, r, http.StatusOK, answer)
}

// networkPair is what a line carried between two networks.
type networkPair struct {
	Near     string `json:"near"`
	NearName string `json:"near_name"`
	Far      string `json:"far"`
	FarName  string `json:"far_name"`
	Country  string `json:"country"` // of the far one
	Kind     string `json:"kind"`    // of the far one
	// ThirdParty is set where the near network is neither a declared end of the
	// line nor filed for its holder's group.
	ThirdParty   bool    `json:"third_party"`
	FromCustomer uint64  `json:"from_customer_bytes"`
	ToCustomer   uint64  `json:"to_customer_bytes"`
	Samples      uint64  `json:"samples"`
	Share        float64 `json:"share"`
	Error        float64 `json:"error_95"` // of the share
}

// networksAnswer is the matrix of a line's networks.
type networksAnswer struct {
	Line    string        `json:"line_id"`
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Bytes   uint64        `json:"total_bytes"`
	Samples uint64        `json:"samples"`
	LeftOut int           `json:"left_out"` // pairs that are not listed
	Pairs   []networkPair `json:"pairs"`
}

// mostPairs bounds the pairs of an answer.
const mostPairs = 1000

func (s *Console) findingNetworks(w http.ResponseWriter, r *http.Request, c *caller) {
	found, ok := s.lookUp(w, r, c)
	if !ok {
		return
	}
	all, done := s.unmasked(w, r, c, "finding/"+found.ID)
	if done {
		return
	}
	answer := networksAnswer{From: found.Window.From.UTC(), To: found.Window.To.UTC(), Pairs: []networkPair{}}
	if found.Subject.Kind == rules.SubjectLine {
		answer.Line = found.Subject.ID
		pairs, err := s.pairs(r.Context(), c, answer.Line, found.Window, all)
		if err != nil {
			s.storeFailed(w, r, err)
			return
		}
		for _, p := range pairs {
			answer.Bytes += p.FromCustomer + p.ToCustomer
			answer.Samples += p.Samples
		}
		for i := range pairs {
			pairs[i].Share = share(pairs[i].FromCustomer+pairs[i].ToCustomer, answer.Bytes)
			pairs[i].Error = rules.HalfWidth(pairs[i].Share, answer.Samples)
		}
		answer.LeftOut = max(0, len(pairs)-mostPairs)
		answer.Pairs = append(answer.Pairs, pairs[:min(len(pairs), mostPairs)]...)
	}
	s.json(w, r, http.StatusOK, answer)
}

// share is a part of a whole; nothing of nothing is 0.
func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// mostMatrix bounds the pairs that are held while they are added up.
const mostMatrix = 1_000_000

// pairs adds up what a line carried between networks, the most bytes first.
// Unless all is shown, networks of third parties are no finer than the privacy
// settings allow.
func (s *Console) pairs(ctx context.Context, c *caller, id string, w rules.Window, all bool) ([]networkPair, error) {
	known := s.ends(c, id, w)
	found := make(map[[2]netip.Prefix]*networkPair)
	for n, err := range s.Grounds.LineNetworks(ctx, w, s.Location, id) {
		if err != nil {
			return nil, err
		}
		near, far := n.Near, n.Far
		if !all {
			near, far = known.masked(s, near), known.masked(s, far)
		}
		p := found[[2]netip.Prefix{near, far}]
		if p == nil {
			if len(found) >= mostMatrix {
				return nil, because("pairs_many", id, mostMatrix)
			}
			p = &networkPair{Near: near.String(), Far: far.String(), NearName: known.name(n.Near), FarName: known.name(n.Far), ThirdParty: !known.own(n.Near)}
			remote := known.view.Remote(n.Far.Addr())
			p.Country, p.Kind = remote.Country, cmp.Or(remote.Kind, "unknown")
			found[[2]netip.Prefix{near, far}] = p
		}
		p.FromCustomer += n.FromCustomer
		p.ToCustomer += n.ToCustomer
		p.Samples += n.Samples
	}
	list := make([]networkPair, 0, len(found))
	for _, p := range found {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b networkPair) int {
		return cmp.Or(cmp.Compare(b.FromCustomer+b.ToCustomer, a.FromCustomer+a.ToCustomer), cmp.Compare(a.Near, b.Near), cmp.Compare(a.Far, b.Far))
	})
	return list, nil
}

// lineEnds is what the ledgers say of the networks of a line to somebody.
type lineEnds struct {
	to       *caller
	view     *registry.View
	line     *registry.Line
	declared []*registry.LineEndpoint
}

func (s *Console) ends(c *caller, id string, w rules.Window) *lineEnds {
	day := registry.DateOf(w.To.Add(-time.Second).In(s.Location))
	view := s.Ledgers().At(day)
	return &lineEnds{to: c, view: view, line: s.lineOf(id, day), declared: view.Endpoints(id)}
}

// end returns the declared end that holds a network, empty if none does.
func (e *lineEnds) end(p netip.Prefix) string {
	for _, d := range e.declared {
		if d.Prefix.Bits() <= p.Bits() && d.Prefix.Contains(p.Addr()) {
			return d.End
		}
	}
	return ""
}

// own reports whether a network is declared for the line, or filed for the group
// of its holder.
func (e *lineEnds) own(p netip.Prefix) bool {
	if e.end(p) != "" {
		return true
	}
	a := e.view.Allocation(p.Addr())
	return e.line != nil && a != nil && e.view.Siblings(a.EnterpriseID, e.line.EnterpriseID)
}

// masked returns a network as it is shown to who may not see third parties.
func (e *lineEnds) masked(s *Console, p netip.Prefix) netip.Prefix {
	if e.own(p) {
		return p
	}
	bits := s.Mask.V4
	if p.Addr().Is6() {
		bits = s.Mask.V6
	}
	if bits == 0 || p.Bits() <= bits {
		return p
	}
	return netip.PrefixFrom(p.Addr(), bits).Masked()
}

// name is who a network belongs to, as far as the ledgers know, and the caller
// may see the row that says so.
func (e *lineEnds) name(p netip.Prefix) string {
	if a := e.view.Allocation(p.Addr()); a != nil {
		if !e.to.inProvince(a.Place.Province()) {
			return ""
		}
		if holder := e.view.Enterprise(a.EnterpriseID); holder != nil {
			return holder.Name
		}
		return a.EnterpriseID
	}
	if n := e.view.Network(p.Addr()); n != nil {
		return n.Operator
	}
	return ""
}
