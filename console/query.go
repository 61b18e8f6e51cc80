package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/linewarden/linewarden/rules"
)

// FindingQuery selects findings as people look through them.
type FindingQuery struct {
	// Filter says what the asker may see, and simple conditions.
	Filter rules.FindingFilter
	// Rules, Provinces, States and Severities select findings of one of them
	// each; empty selects all.
	Rules, Provinces, States, Severities []string
	// SubjectKind and Subject name what the finding is about.
	SubjectKind, Subject string
	// Text is looked for in names and titles, never in facts.
	Text string
	// Sort is empty for ids, first_seen, last_seen or severity.
	Sort       string
	Descending bool
	// After is the place of the last finding of the page before; nil begins.
	After *FindingPlace
	Limit int // 0 is all
}

// FindingPlace is where a finding stands in an order.
type FindingPlace struct {
	Key int64  `json:"k"`
	ID  string `json:"i"`
}

// FindingCount is how many findings are alike in what tells them apart.
type FindingCount struct {
	Rule, Severity, State, Province string
	Clauses                         []string
	Count                           uint64
}

// Browser is where the console looks through findings.
type Browser interface {
	// FindingPage returns the findings of a query in its order.
	FindingPage(ctx context.Context, q FindingQuery) ([]rules.Finding, error)
	// FindingPlace says where a finding stands in the order of a query.
	FindingPlace(q FindingQuery, f *rules.Finding) FindingPlace
	// EachFinding yields the findings of a query by id, as they are read.
	EachFinding(ctx context.Context, q FindingQuery) iter.Seq2[rules.Finding, error]
	CountFindings(ctx context.Context, q FindingQuery) ([]FindingCount, error)
}

// listed reads values separated by commas, each of which check must know.
func listed(name, text string, known func(one string) bool) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	list := strings.Split(text, ",")
	for _, one := range list {
		if !known(one) {
			return nil, because("unknown_value", name, one)
		}
	}
	return list, nil
}

func anything(one string) bool { return one != "" }

// severities are the values of a severity, the mildest first.
var severities = []string{string(rules.Low), string(rules.Medium), string(rules.High), string(rules.Critical)}

// subjectKinds are the values of subject_kind.
var subjectKinds = []string{
	string(rules.SubjectLine), string(rules.SubjectAllocation), string(rules.SubjectPrefix), string(rules.SubjectASN),
	string(rules.SubjectEnterprise), string(rules.SubjectInterface), string(rules.SubjectDomain),
}

// mostSearched bounds a text that is looked for, in bytes.
const mostSearched = 200

// queryOf reads what a request selects, without its order and place.
func (s *Console) queryOf(c *caller, q url.Values) (FindingQuery, error) {
	query := FindingQuery{
		Filter:      rules.FindingFilter{Clause: q.Get("clause"), Enterprise: q.Get("enterprise")},
		SubjectKind: q.Get("subject_kind"), Subject: q.Get("subject"), Text: strings.TrimSpace(q.Get("text")),
	}
	var err error
	for _, list := range []struct {
		name  string
		to    *[]string
		known func(one string) bool
	}{
		{"rule", &query.Rules, anything},
		{"province", &query.Provinces, anything},
		{"state", &query.States, func(one string) bool { return slices.Contains(rules.States(), one) }},
		{"severity", &query.Severities, func(one string) bool { return slices.Contains(severities, one) }},
		{"subject_kind", new([]string), func(one string) bool { return slices.Contains(subjectKinds, one) }},
	} {
		if *list.to, err = listed(list.name, q.Get(list.name), list.known); err != nil {
			return query, err
		}
	}
	if line := q.Get("line"); line != "" {
		if query.SubjectKind != "" || query.Subject != "" {
			return query, because("line_and_subject", line)
		}
		query.SubjectKind, query.Subject = string(rules.SubjectLine), line
	}
	if len(query.Text) > mostSearched {
		return query, because("too_long", "text", mostSearched)
	}
	if query.Filter.Since, err = s.instant(q, "since", false); err != nil {
		return query, err
	}
	if query.Filter.Until, err = s.instant(q, "until", true); err != nil {
		return query, err
	}
	c.narrow(&query.Filter)
	return query, nil
}

// place is what a cursor says: where the page begins, in which order.
type place struct {
	FindingPlace
	Sort string `json:"s"`
}

// pageOf adds the order and the place of a request to a query.
func pageOf(query *FindingQuery, q url.Values) error {
	sort := q.Get("sort")
	query.Sort, query.Descending = strings.CutPrefix(sort, "-")
	if query.Sort == "id" {
		query.Sort = ""
	}
	if !slices.Contains([]string{"", "first_seen", "last_seen", "severity"}, query.Sort) {
		return because("one_of", "sort", sort, "id, first_seen, last_seen, severity")
	}
	var err error
	if query.Limit, err = limitOf(q); err != nil {
		return err
	}
	cursor := q.Get("cursor")
	if cursor == "" {
		return nil
	}
	var at place
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &at)
	}
	if err != nil || at.ID == "" || at.Sort != sort {
		return because("cursor", cursor)
	}
	query.After = &at.FindingPlace
	return nil
}

func (s *Console) list(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	query, err := s.queryOf(c, q)
	if err == nil {
		err = pageOf(&query, q)
	}
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	all, done := s.unmasked(w, r, c, "findings")
	if done {
		return
	}
	limit := query.Limit
	query.Limit++
	found, err := s.Browser.FindingPage(r.Context(), query)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	if len(found) > limit {
		found = found[:limit]
		cursor, err := json.Marshal(place{s.Browser.FindingPlace(query, &found[limit-1]), q.Get("sort")})
		if err != nil {
			s.storeFailed(w, r, err)
			return
		}
		next(w, r, base64.RawURLEncoding.EncodeToString(cursor))
	}
	if query.After == nil {
		if err := s.total(w, r, query, len(found), limit); err != nil {
			s.storeFailed(w, r, err)
			return
		}
	}
	s.json(w, r, http.StatusOK, s.shown(c, found, all))
}

// total says how many findings there are, on the first page.
func (s *Console) total(w http.ResponseWriter, r *http.Request, query FindingQuery, found, limit int) error {
	n := uint64(found)
	if found == limit {
		counts, err := s.Browser.CountFindings(r.Context(), query)
		if err != nil {
			return fmt.Errorf("count findings: %w", err)
		}
		n = sum(counts)
	}
	w.Header().Set(totalHeader, strconv.FormatUint(n, 10))
	return nil
}

func sum(counts []FindingCount) (n uint64) {
	for i := range counts {
		n += counts[i].Count
	}
	return n
}

// countAnswer is how many findings share one value.
type countAnswer struct {
	Key   string `json:"key"`
	Count uint64 `json:"count"`
}

// countsAnswer is how many findings there are, by what tells them apart.
type countsAnswer struct {
	Total      uint64        `json:"total"`
	ByState    []countAnswer `json:"by_state"`
	BySeverity []countAnswer `json:"by_severity"`
	ByRule     []countAnswer `json:"by_rule"`
	ByProvince []countAnswer `json:"by_province"`
	// ByClause counts a finding once for each clause it rests on.
	ByClause []countAnswer `json:"by_clause"`
}

// countsOf adds counts up; the greatest come first.
func countsOf(counts []FindingCount) countsAnswer {
	by := func(keys func(c *FindingCount) []string) []countAnswer {
		all := make(map[string]uint64)
		for i := range counts {
			for _, key := range keys(&counts[i]) {
				all[key] += counts[i].Count
			}
		}
		return ranked(all)
	}
	return countsAnswer{
		Total:      sum(counts),
		ByState:    by(func(c *FindingCount) []string { return []string{c.State} }),
		BySeverity: by(func(c *FindingCount) []string { return []string{c.Severity} }),
		ByRule:     by(func(c *FindingCount) []string { return []string{c.Rule} }),
		ByProvince: by(func(c *FindingCount) []string { return []string{c.Province} }),
		ByClause:   by(func(c *FindingCount) []string { return c.Clauses }),
	}
}

// ranked lists counts, the greatest first.
func ranked(all map[string]uint64) []countAnswer {
	list := make([]countAnswer, 0, len(all))
	for key, n := range all {
		list = append(list, countAnswer{key, n})
	}
	slices.SortFunc(list, func(a, b countAnswer) int {
		if a.Count != b.Count {
			if a.Count > b.Count {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	return list
}

func (s *Console) summarize(w http.ResponseWriter, r *http.Request, c *caller) {
	query, err := s.queryOf(c, r.URL.Query())
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	counts, err := s.Browser.CountFindings(r.Context(), query)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.json(w, r, http.StatusOK, countsOf(counts))
}
