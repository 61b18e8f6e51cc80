package console

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// licenceAnswer is a row of the ledger of licences.
type licenceAnswer struct {
	No           string   `json:"licence_no"`
	EnterpriseID string   `json:"enterprise_id"`
	Service      string   `json:"service"`
	Coverage     []string `json:"coverage"` // CN or places
	Status       string   `json:"status"`
	ValidFrom    string   `json:"valid_from"`
	ValidTo      string   `json:"valid_to"`
}

// block is an allocation in the tree, with the licences of its holder.
type block struct {
	Allocation allocationAnswer `json:"allocation"`
	Children   int              `json:"children"`
	// Licences are those of the holder for the services the use takes.
	Licences []licenceAnswer `json:"licences"`
	Needed   []string        `json:"needed"`
	// Licensed is set when the holder has an active licence on the day for each
	// service; whether it covers the place, rules tell.
	Licensed bool `json:"licensed"`
}

func allocationAnswerOf(a *registry.Allocation, name string) allocationAnswer {
	one := allocationAnswer{
		Prefix: a.Prefix.String(), EnterpriseID: a.EnterpriseID, Enterprise: name, Use: a.Use, Cloud: triText(a.Cloud),
		Place: string(a.Place), FilingNo: a.FilingNo, ValidFrom: dateText(a.Valid.From), ValidTo: dateText(a.Valid.To),
	}
	if a.Parent.IsValid() {
		one.Parent = a.Parent.String()
	}
	return one
}

func licenceAnswerOf(l *registry.Licence) licenceAnswer {
	one := licenceAnswer{l.No, l.EnterpriseID, l.Service, []string{}, l.Status, dateText(l.Valid.From), dateText(l.Valid.To)}
	if l.National {
		one.Coverage = append(one.Coverage, "CN")
	}
	for _, p := range l.Coverage {
		one.Coverage = append(one.Coverage, string(p))
	}
	return one
}

// tree answers about blocks on one day, as far as a caller may see them.
type tree struct {
	view  *registry.View
	names map[string]string
	rows  []*registry.Allocation // of the day, in the order of prefixes
	kids  map[netip.Prefix]int   // by the parent
}

// treeOf returns the blocks of a day. It reads the whole ledger, some
// milliseconds for 100,000 rows.
func (s *Console) treeOf(c *caller, day registry.Date, all bool) *tree {
	ledgers := s.Ledgers()
	t := &tree{view: ledgers.At(day), names: names(ledgers.Ledgers()), kids: make(map[netip.Prefix]int)}
	for i := range ledgers.Ledgers().Allocations {
		a := &ledgers.Ledgers().Allocations[i]
		if c.inProvince(a.Place.Province()) && (all || a.Valid.Contains(day)) {
			t.rows = append(t.rows, a)
			t.kids[a.Parent]++ // the invalid prefix is the carrier
		}
	}
	slices.SortStableFunc(t.rows, func(a, b *registry.Allocation) int { return a.Prefix.Compare(b.Prefix) })
	return t
}

func (t *tree) block(a *registry.Allocation) block {
	b := block{
		Allocation: allocationAnswerOf(a, t.names[a.EnterpriseID]), Children: t.kids[a.Prefix],
		Licences: []licenceAnswer{}, Needed: append([]string{}, rules.ServicesFor(a.Use, a.Cloud)...), Licensed: true,
	}
	covered := make(map[string]bool)
	for _, l := range t.view.Licences(a.EnterpriseID) {
		if slices.Contains(b.Needed, l.Service) {
			b.Licences = append(b.Licences, licenceAnswerOf(l))
			covered[l.Service] = covered[l.Service] || l.Status == "active" && l.Valid.Contains(t.view.Day())
		}
	}
	for _, service := range b.Needed {
		b.Licensed = b.Licensed && covered[service]
	}
	return b
}

// below returns the blocks cut from one, or from the carrier's own.
func (t *tree) below(parent netip.Prefix) []*registry.Allocation {
	var list []*registry.Allocation
	for _, a := range t.rows {
		if a.Parent == parent {
			list = append(list, a)
		}
	}
	return list
}

// blocks makes an answer of rows.
func (t *tree) blocks(rows []*registry.Allocation) []block {
	list := make([]block, len(rows))
	for i, a := range rows {
		list[i] = t.block(a)
	}
	return list
}

// treeFor reads the day of a request; false means that it has answered.
func (s *Console) treeFor(w http.ResponseWriter, r *http.Request, c *caller) (*tree, bool) {
	day, all, err := s.dayOf(r.URL.Query())
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return nil, false
	}
	if all {
		day = registry.DateOf(time.Now().In(s.Location))
	}
	return s.treeOf(c, day, all), true
}

func (s *Console) allocationTree(w http.ResponseWriter, r *http.Request, c *caller) {
	t, ok := s.treeFor(w, r, c)
	if !ok {
		return
	}
	var parent netip.Prefix
	if text := r.URL.Query().Get("prefix"); text != "" {
		var err error
		if parent, err = prefixOf("prefix", text); err != nil {
			s.refuse(w, r, http.StatusBadRequest, err)
			return
		}
	}
	page, err := slice(w, r, t.below(parent), s.Ledgers().Version().ID)
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	s.json(w, r, http.StatusOK, t.blocks(page))
}

// broadcastAnswer is a filed announcement.
type broadcastAnswer struct {
	Prefix    string `json:"prefix"`
	Announcer string `json:"announcer"`
	Applicant string `json:"applicant"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`
}

// blockDetail is a block with all that stands beside it.
type blockDetail struct {
	Block block `json:"block"`
	// Chain are the blocks it was cut from, the carrier's customer first.
	Chain      []block           `json:"chain"`
	Children   []block           `json:"children"` // at most 1000
	Broadcasts []broadcastAnswer `json:"broadcasts"`
	Findings   []rules.Finding   `json:"findings"`
}

func (s *Console) allocation(w http.ResponseWriter, r *http.Request, c *caller) {
	prefix, err := prefixOf("prefix", r.URL.Query().Get("prefix"))
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	t, ok := s.treeFor(w, r, c)
	if !ok {
		return
	}
	a := t.find(prefix)
	if a == nil {
		s.refuse(w, r, http.StatusNotFound, because("no_allocation", prefix))
		return
	}
	answer := blockDetail{Block: t.block(a), Chain: t.chain(a), Broadcasts: []broadcastAnswer{}}
	children := t.below(a.Prefix)
	answer.Children = t.blocks(children[:min(len(children), defaultListed)])
	for _, b := range t.view.CoveringBroadcasts(prefix) {
		answer.Broadcasts = append(answer.Broadcasts, broadcastAnswer{b.Prefix.String(), b.Announcer, b.Applicant, dateText(b.Valid.From), dateText(b.Valid.To)})
	}
	answer.Findings, err = s.about(r, c, string(rules.SubjectAllocation), prefix.String())
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, answer)
}

func (t *tree) find(prefix netip.Prefix) *registry.Allocation {
	i, ok := slices.BinarySearchFunc(t.rows, prefix, func(a *registry.Allocation, p netip.Prefix) int { return a.Prefix.Compare(p) })
	if !ok {
		return nil
	}
	return t.rows[i]
}

// chain returns the blocks a block was cut from, outermost first. A ring of
// parents, which only a bad ledger has, ends it.
func (t *tree) chain(a *registry.Allocation) []block {
	list := []block{}
	seen := map[netip.Prefix]bool{a.Prefix: true}
	for a.Parent.IsValid() && !seen[a.Parent] {
		seen[a.Parent] = true
		if a = t.find(a.Parent); a == nil {
			break // of another province, or not in the ledger
		}
		list = append(list, t.block(a))
	}
	slices.Reverse(list)
	return list
}

// asnAnswer is a row of the ledger of networks of customers.
type asnAnswer struct {
	ASN          uint32 `json:"asn"`
	EnterpriseID string `json:"enterprise_id"`
	Enterprise   string `json:"enterprise_name"`
	ValidFrom    string `json:"valid_from"`
	ValidTo      string `json:"valid_to"`
}

// domainAnswer is a name seen on an address, with its filing.
type domainAnswer struct {
	Domain       string `json:"domain"`
	Address      string `json:"address"`
	FirstSeen    string `json:"first_seen"`
	LastSeen     string `json:"last_seen"`
	Source       string `json:"source"`
	FilingNo     string `json:"filing_no"`
	EnterpriseID string `json:"enterprise_id"`
	Status       string `json:"status"` // of the filing, empty where there is none
}

// resourcesAnswer is what a search has found; at most 100 of each.
type resourcesAnswer struct {
	Day         string              `json:"day"`
	Query       string              `json:"q"`
	Kind        string              `json:"kind"` // prefix, asn, text
	Blocks      []block             `json:"blocks"`
	Lines       []lineAnswer        `json:"lines"`
	Enterprises []*enterpriseAnswer `json:"enterprises"`
	ASNs        []asnAnswer         `json:"asns"`
	Domains     []domainAnswer      `json:"domains"`
}

// mostFound bounds each list of a search.
const mostFound = 100

// search looks for a prefix or address, an AS number (AS64500 or 64500), or text
// in names and ids. Province scoping holds for blocks and lines, and for
// enterprises by their place; domains are those on visible blocks.
func (s *Console) search(w http.ResponseWriter, r *http.Request, c *caller) {
	text := strings.TrimSpace(r.URL.Query().Get("q"))
	if text == "" || len(text) > mostSearched {
		s.refuse(w, r, http.StatusBadRequest, because("search_text", mostSearched))
		return
	}
	t, ok := s.treeFor(w, r, c)
	if !ok {
		return
	}
	answer := resourcesAnswer{
		Day: t.view.Day().String(), Query: text, Kind: "text", Blocks: []block{}, Lines: []lineAnswer{}, Enterprises: []*enterpriseAnswer{},
		ASNs: []asnAnswer{}, Domains: []domainAnswer{},
	}
	if prefix, err := prefixOf("q", text); err == nil {
		answer.Kind = "prefix"
		s.findPrefix(c, t, &answer, prefix)
	} else if asn, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(text), "AS"), 10, 32); err == nil {
		answer.Kind = "asn"
		s.findASN(c, t, &answer, func(a *registry.ASN) bool { return a.ASN == uint32(asn) })
	} else {
		s.findText(c, t, &answer, strings.ToLower(text))
	}
	s.json(w, r, http.StatusOK, answer)
}

// findPrefix finds the blocks that cover a prefix or are inside it, the lines
// with such an end, and the domains on it.
func (s *Console) findPrefix(c *caller, t *tree, answer *resourcesAnswer, prefix netip.Prefix) {
	for _, a := range t.rows {
		if a.Prefix.Overlaps(prefix) && len(answer.Blocks) < mostFound {
			answer.Blocks = append(answer.Blocks, t.block(a))
		}
	}
	for _, l := range t.view.EndpointLines(prefix.Addr()) {
		if c.inProvince(l.APlace.Province()) && len(answer.Lines) < mostFound {
			answer.Lines = append(answer.Lines, lineAnswerOf(l, t.names[l.EnterpriseID]))
		}
	}
	s.findDomains(t, answer, func(d *registry.Domain) bool { return prefix.Contains(d.Address.Unmap()) })
}

func (s *Console) findASN(c *caller, t *tree, answer *resourcesAnswer, match func(a *registry.ASN) bool) {
	for i := range s.Ledgers().Ledgers().ASNs {
		a := &s.Ledgers().Ledgers().ASNs[i]
		if !match(a) || !a.Valid.Contains(t.view.Day()) || len(answer.ASNs) >= mostFound {
			continue
		}
		e := t.view.Enterprise(a.EnterpriseID)
		if len(c.Provinces) > 0 && (e == nil || !c.inProvince(e.Place.Province())) {
			continue
		}
		answer.ASNs = append(answer.ASNs, asnAnswer{a.ASN, a.EnterpriseID, t.names[a.EnterpriseID], dateText(a.Valid.From), dateText(a.Valid.To)})
	}
}

// findDomains finds names on addresses of blocks that the caller may see.
func (s *Console) findDomains(t *tree, answer *resourcesAnswer, match func(d *registry.Domain) bool) {
	visible := make(map[*registry.Allocation]bool, len(t.rows))
	for _, a := range t.rows {
		visible[a] = true
	}
	for i := range s.Ledgers().Ledgers().Domains {
		d := &s.Ledgers().Ledgers().Domains[i]
		if len(answer.Domains) >= mostFound {
			return
		}
		if !match(d) || !visible[t.view.Allocation(d.Address)] {
			continue
		}
		one := domainAnswer{Domain: d.Domain, Address: d.Address.String(), FirstSeen: dateText(d.FirstSeen), LastSeen: dateText(d.LastSeen), Source: d.Source}
		if filings := t.view.Filings(d.Domain); len(filings) > 0 {
			one.FilingNo, one.EnterpriseID, one.Status = filings[0].No, filings[0].EnterpriseID, filings[0].Status
		}
		answer.Domains = append(answer.Domains, one)
	}
}

// findText finds enterprises with their blocks and lines, lines and domains by
// what they are called. Text is in lower case.
func (s *Console) findText(c *caller, t *tree, answer *resourcesAnswer, text string) {
	ledgers := s.Ledgers().Ledgers()
	holds := func(values ...string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(strings.ToLower(v), text) })
	}
	matched := make(map[string]bool)
	for i := range ledgers.Enterprises {
		e := &ledgers.Enterprises[i]
		if holds(e.ID, e.Name, e.NameEN, e.USCC) && c.inProvince(e.Place.Province()) && len(answer.Enterprises) < mostFound {
			matched[e.ID] = true
			answer.Enterprises = append(answer.Enterprises, enterpriseAnswerOf(e))
		}
	}
	for _, a := range t.rows {
		if (matched[a.EnterpriseID] || a.FilingNo != "" && holds(a.FilingNo)) && len(answer.Blocks) < mostFound {
			answer.Blocks = append(answer.Blocks, t.block(a))
		}
	}
	s.findLines(c, t, answer, func(l *registry.Line) bool { return matched[l.EnterpriseID] || holds(l.ID) })
	s.findASN(c, t, answer, func(a *registry.ASN) bool { return matched[a.EnterpriseID] })
	s.findDomains(t, answer, func(d *registry.Domain) bool { return holds(d.Domain) })
}

// findLines finds lines of the day.
func (s *Console) findLines(c *caller, t *tree, answer *resourcesAnswer, match func(l *registry.Line) bool) {
	for i := range s.Ledgers().Ledgers().Lines {
		l := &s.Ledgers().Ledgers().Lines[i]
		if len(answer.Lines) < mostFound && match(l) && l.Valid.Contains(t.view.Day()) && c.inProvince(l.APlace.Province()) {
			answer.Lines = append(answer.Lines, lineAnswerOf(l, t.names[l.EnterpriseID]))
		}
	}
}

// enterpriseDetail is an enterprise with what it holds.
type enterpriseDetail struct {
	Enterprise  *enterpriseAnswer  `json:"enterprise"`
	Licences    []licenceAnswer    `json:"licences"`
	ASNs        []asnAnswer        `json:"asns"`
	Allocations []allocationAnswer `json:"allocations"`
	Lines       []lineAnswer       `json:"lines"`
}

func (s *Console) enterprise(w http.ResponseWriter, r *http.Request, c *caller) {
	t, ok := s.treeFor(w, r, c)
	if !ok {
		return
	}
	id := r.PathValue("id")
	e := t.view.Enterprise(id)
	answer := enterpriseDetail{Enterprise: enterpriseAnswerOf(e), Licences: []licenceAnswer{}, ASNs: []asnAnswer{}, Allocations: []allocationAnswer{}, Lines: []lineAnswer{}}
	for _, a := range t.rows {
		if a.EnterpriseID == id {
			answer.Allocations = append(answer.Allocations, allocationAnswerOf(a, t.names[id]))
		}
	}
	for i := range s.Ledgers().Ledgers().Lines {
		l := &s.Ledgers().Ledgers().Lines[i]
		if l.EnterpriseID == id && l.Valid.Contains(t.view.Day()) && c.inProvince(l.APlace.Province()) {
			answer.Lines = append(answer.Lines, lineAnswerOf(l, t.names[id]))
		}
	}
	// One that has something in a province may be looked at by whoever sees that.
	if e == nil || !c.inProvince(e.Place.Province()) && len(answer.Allocations)+len(answer.Lines) == 0 {
		s.refuse(w, r, http.StatusNotFound, because("no_enterprise", id))
		return
	}
	for _, l := range t.view.Licences(id) {
		answer.Licences = append(answer.Licences, licenceAnswerOf(l))
	}
	for i := range s.Ledgers().Ledgers().ASNs {
		if a := &s.Ledgers().Ledgers().ASNs[i]; a.EnterpriseID == id {
			answer.ASNs = append(answer.ASNs, asnAnswer{a.ASN, id, t.names[id], dateText(a.Valid.From), dateText(a.Valid.To)})
		}
	}
	slices.SortFunc(answer.ASNs, func(a, b asnAnswer) int { return cmp.Compare(a.ASN, b.ASN) })
	s.json(w, r, http.StatusOK, answer)
}
