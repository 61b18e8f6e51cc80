package console

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// lineAnswer is a row of the ledger of lines.
type lineAnswer struct {
	ID            string  `json:"line_id"`
	EnterpriseID  string  `json:"enterprise_id"`
	Enterprise    string  `json:"enterprise_name"`
	Scope         string  `json:"scope"`
	Technology    string  `json:"technology"`
	Use           string  `json:"use"`
	BandwidthMbps float64 `json:"bandwidth_mbps"`
	APlace        string  `json:"a_place"`
	ZCountry      string  `json:"z_country"`
	OrderOrigin   string  `json:"order_origin"`
	UserFile      string  `json:"user_file"`
	ValidFrom     string  `json:"valid_from"`
	ValidTo       string  `json:"valid_to"`
}

// dayOf reads the day that rows are valid on: a date, "all", or today.
func (s *Console) dayOf(q url.Values) (day registry.Date, all bool, err error) {
	switch text := q.Get("day"); text {
	case "all":
		return 0, true, nil
	case "":
		return registry.DateOf(time.Now().In(s.Location)), false, nil
	default:
		day, err = registry.ParseDate(text)
		if err != nil {
			err = because("day", text)
		}
		return day, false, err
	}
}

// dateText writes a day; an unknown or open one is empty.
func dateText(d registry.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// asked reports whether a value is the one a filter names, if it names one.
func asked(filter, value string) bool { return filter == "" || filter == value }

// names returns the name of each enterprise.
func names(l *registry.Ledgers) map[string]string {
	all := make(map[string]string, len(l.Enterprises))
	for i := range l.Enterprises {
		all[l.Enterprises[i].ID] = l.Enterprises[i].Name
	}
	return all
}

func (s *Console) lines(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	day, all, err := s.dayOf(q)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	snapshot := s.Ledgers()
	ledgers := snapshot.Ledgers()
	called, text := names(ledgers), strings.ToLower(strings.TrimSpace(q.Get("q")))
	var list []lineAnswer
	for i := range ledgers.Lines {
		l := &ledgers.Lines[i]
		if !c.inProvince(l.APlace.Province()) || !all && !l.Valid.Contains(day) || !asked(q.Get("enterprise"), l.EnterpriseID) ||
			!asked(q.Get("province"), l.APlace.Province()) || !asked(q.Get("scope"), l.Scope) {
			continue
		}
		if one := lineAnswerOf(l, called[l.EnterpriseID]); text == "" || strings.Contains(strings.ToLower(one.ID+"\n"+one.EnterpriseID+"\n"+one.Enterprise), text) {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b lineAnswer) int { return cmp.Compare(a.ID, b.ID) })
	answerSlice(s, w, r, list, snapshot)
}

// answerSlice answers with a page of rows of the ledgers.
func answerSlice[T any](s *Console, w http.ResponseWriter, r *http.Request, all []T, of *registry.Snapshot) {
	list, err := slice(w, r, all, of.Version().ID)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	s.json(w, r, http.StatusOK, list)
}

// allocationAnswer is a row of the ledger of allocations.
type allocationAnswer struct {
	Prefix       string `json:"prefix"`
	EnterpriseID string `json:"enterprise_id"`
	Enterprise   string `json:"enterprise_name"`
	Parent       string `json:"parent"` // empty = from the carrier
	Use          string `json:"use"`
	Cloud        string `json:"cloud"` // yes, no, empty = unknown
	Place        string `json:"place"`
	FilingNo     string `json:"filing_no"`
	ValidFrom    string `json:"valid_from"`
	ValidTo      string `json:"valid_to"`
}

func (s *Console) allocations(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	day, all, err := s.dayOf(q)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	snapshot := s.Ledgers()
	ledgers := snapshot.Ledgers()
	called := names(ledgers)
	rows := make([]*registry.Allocation, 0, len(ledgers.Allocations))
	for i := range ledgers.Allocations {
		a := &ledgers.Allocations[i]
		if c.inProvince(a.Place.Province()) && (all || a.Valid.Contains(day)) && asked(q.Get("enterprise"), a.EnterpriseID) &&
			asked(q.Get("province"), a.Place.Province()) && asked(q.Get("use"), a.Use) {
			rows = append(rows, a)
		}
	}
	slices.SortStableFunc(rows, func(a, b *registry.Allocation) int { return a.Prefix.Compare(b.Prefix) })
	page, err := slice(w, r, rows, snapshot.Version().ID)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	list := make([]allocationAnswer, len(page))
	for i, a := range page {
		list[i] = allocationAnswerOf(a, called[a.EnterpriseID])
	}
	s.json(w, r, http.StatusOK, list)
}

// The longest spans of answers.
const (
	mostTraffic = 400 * 24 * time.Hour
	mostBooks   = 31 * 24 * time.Hour
)

// windowOf reads a span that ends now by default and lasts as long as usual
// says.
func (s *Console) windowOf(q url.Values, usual, most time.Duration) (rules.Window, error) {
	from, err := s.instant(q, "from", false)
	if err != nil {
		return rules.Window{}, err
	}
	to, err := s.instant(q, "to", true)
	if err != nil {
		return rules.Window{}, err
	}
	if to.IsZero() {
		to = time.Now().UTC().Truncate(time.Second)
	}
	if from.IsZero() {
		from = to.Add(-usual)
	}
	if !from.Before(to) || to.Sub(from) > most {
		return rules.Window{}, because("span", "from", int(most.Hours()/24))
	}
	return rules.Window{From: from, To: to}, nil
}

// trafficAnswer is what a line carried.
type trafficAnswer struct {
	Line  string       `json:"line_id"`
	From  time.Time    `json:"from"`
	To    time.Time    `json:"to"`
	Hours []hourAnswer `json:"hours"`
}

// hourAnswer is one UTC hour. Rates are of minutes, in bits per second; from is
// from the customer. An hour without traffic is not listed.
type hourAnswer struct {
	Hour     time.Time `json:"hour"`
	From     uint64    `json:"from_customer_bytes"`
	To       uint64    `json:"to_customer_bytes"`
	PeakFrom uint64    `json:"peak_from_customer_bps"`
	PeakTo   uint64    `json:"peak_to_customer_bps"`
	P95From  uint64    `json:"p95_from_customer_bps"`
	P95To    uint64    `json:"p95_to_customer_bps"`
	Samples  uint64    `json:"samples"`
}

func (s *Console) traffic(w http.ResponseWriter, r *http.Request, c *caller) {
	window, err := s.windowOf(r.URL.Query(), 7*24*time.Hour, mostTraffic)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	id := r.PathValue("id")
	if !slices.ContainsFunc(s.Ledgers().Ledgers().Lines, func(l registry.Line) bool { return l.ID == id && c.inProvince(l.APlace.Province()) }) {
		s.refuse(w, r, http.StatusNotFound, because("no_line", id))
		return
	}
	answer := trafficAnswer{Line: id, From: window.From.UTC(), To: window.To.UTC(), Hours: []hourAnswer{}}
	for h, err := range s.Network.LineHoursOf(r.Context(), id, window) {
		if err != nil {
			s.storeFailed(w, r, err)
			return
		}
		answer.Hours = append(answer.Hours, hourAnswer{
			h.Hour, h.FromCustomer, h.ToCustomer, h.PeakFromCustomer, h.PeakToCustomer, h.P95FromCustomer, h.P95ToCustomer, h.Samples,
		})
	}
	s.json(w, r, http.StatusOK, answer)
}

// Route is a path to a prefix and how long it was held.
type Route struct {
	Prefix        string   `json:"prefix"`
	Distinguisher uint64   `json:"distinguisher"`
	Router        string   `json:"router"`
	Peer          string   `json:"peer"`
	PeerAS        uint32   `json:"peer_as"`
	View          string   `json:"view"`
	PathID        uint32   `json:"path_id"`
	Path          string   `json:"path"`
	Origins       []uint32 `json:"origins"`
	NextHop       string   `json:"next_hop"`
	Communities   []string `json:"communities"`
	Validity      string   `json:"validity"`
	From          string   `json:"from"`
	To            string   `json:"to"` // empty while held
	End           string   `json:"end"`
}

func (s *Console) routesAt(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	prefix, err := prefixOf("prefix", q.Get("prefix"))
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	at, err := s.instant(q, "at", true)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	known, err := s.instant(q, "known", true)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	if at.IsZero() {
		at = time.Now()
	}
	if !s.ownsPrefix(c, prefix, registry.DateOf(at.In(s.Location))) {
		s.refuse(w, r, http.StatusForbidden, because("prefix_not_yours"))
		return
	}
	routes, err := s.Network.RoutesAt(r.Context(), prefix, at, known)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, append([]Route{}, routes...))
}

// ownsPrefix reports whether an allocation that the caller may see covers a
// prefix on a day.
func (s *Console) ownsPrefix(c *caller, p netip.Prefix, day registry.Date) bool {
	owns := len(c.Provinces) == 0
	s.Ledgers().EachCovering(p, func(a *registry.Allocation) {
		owns = owns || a.Valid.Contains(day) && c.inProvince(a.Place.Province())
	})
	return owns
}

// prefixOf reads a prefix, or an address as the prefix that holds it alone.
func prefixOf(name, text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, because("prefix", name, text)
	}
	addr = addr.Unmap()
	p, err := addr.Prefix(addr.BitLen())
	if err != nil {
		return p, because("prefix", name, text)
	}
	return p, nil
}

// exporterAnswer is what arrived of one exporter in a span. Exporters of the
// ledgers are listed though nothing arrived, others as far as something did.
type exporterAnswer struct {
	Exporter     string  `json:"exporter"`
	Name         string  `json:"name"`
	Place        string  `json:"place"`
	InLedgers    bool    `json:"in_ledgers"`
	Received     uint64  `json:"received"`
	Stored       uint64  `json:"stored"`
	Missed       uint64  `json:"missed"`
	Minutes      uint64  `json:"minutes_heard"`
	Completeness float64 `json:"completeness"`
	// Counters compares its flows with the counters of its interfaces.
	Counters countersAnswer `json:"counters"`
}

// exporterAnswerOf is of an exporter that is in no ledger, as far as the name goes.
func exporterAnswerOf(address netip.Addr, b *rules.ExporterBooks) exporterAnswer {
	return exporterAnswer{
		Exporter: address.String(), Received: b.Received, Stored: b.Stored, Missed: b.Missed, Minutes: b.Minutes,
		Completeness: b.Completeness(), Counters: countersOf(b.Counted),
	}
}

// booksAsked reads the books of the span that a request names, by exporter; false
// means that it has been answered.
func (s *Console) booksAsked(w http.ResponseWriter, r *http.Request) (rules.Window, map[netip.Addr]rules.ExporterBooks, bool) {
	window, err := s.windowOf(r.URL.Query(), 24*time.Hour, mostBooks)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return window, nil, false
	}
	books, err := s.Network.ExporterBooks(r.Context(), window)
	if err != nil {
		s.storeFailed(w, r, err)
		return window, nil, false
	}
	byAddress := make(map[netip.Addr]rules.ExporterBooks, len(books))
	for _, b := range books {
		byAddress[b.Exporter.Unmap()] = b
	}
	return window, byAddress, true
}

func (s *Console) exporters(w http.ResponseWriter, r *http.Request, c *caller) {
	_, byAddress, ok := s.booksAsked(w, r)
	if !ok {
		return
	}
	known := s.Ledgers().Ledgers().Exporters
	list := []exporterAnswer{}
	for i := range known {
		e := &known[i]
		b := byAddress[e.Address.Unmap()]
		delete(byAddress, e.Address.Unmap())
		if c.inProvince(e.Place.Province()) {
			one := exporterAnswerOf(e.Address, &b)
			one.Name, one.Place, one.InLedgers = e.Name, string(e.Place), true
			list = append(list, one)
		}
	}
	if len(c.Provinces) == 0 {
		for address, b := range byAddress {
			list = append(list, exporterAnswerOf(address, &b))
		}
	}
	slices.SortFunc(list, func(a, b exporterAnswer) int { return cmp.Compare(a.Exporter, b.Exporter) })
	s.json(w, r, http.StatusOK, list)
}
