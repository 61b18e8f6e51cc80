package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// FindingTurn is how many findings came to need work on a local day, and how
// many ceased to.
type FindingTurn struct {
	Day            registry.Date
	Opened, Closed uint64
}

// RecentEvent is an event with its finding as it is now.
type RecentEvent struct {
	Event   rules.Event
	Finding rules.Finding
}

// Trends is where the console reads how findings change.
type Trends interface {
	// FindingTurns returns the turns of each local day since an instant; days
	// without any are not told.
	FindingTurns(ctx context.Context, q FindingQuery, since time.Time) ([]FindingTurn, error)
	// RecentEvents returns the newest events since an instant, newest first,
	// without those that only repeat.
	RecentEvents(ctx context.Context, q FindingQuery, since time.Time, limit int) ([]RecentEvent, error)
	// CountEvents counts all events since an instant by kind.
	CountEvents(ctx context.Context, q FindingQuery, since time.Time) (map[string]uint64, error)
}

// The bounds of an overview.
const (
	usualTrend  = 30
	mostTrend   = 400
	mostChanges = 50
)

// inWork are the states of findings that somebody has to work on.
func inWork() []string {
	return []string{string(rules.Open), string(rules.Reviewing), string(rules.Confirmed), string(rules.Rectifying)}
}

// trendDay is one local day of the trend.
type trendDay struct {
	Day    string `json:"day"`
	Opened uint64 `json:"opened"`
	Closed uint64 `json:"closed"`
	// Open is how many needed work at the end of the day, or now.
	Open uint64 `json:"open"`
}

// completenessAnswer is what arrived of an exporter in the last day.
type completenessAnswer struct {
	Exporter     string  `json:"exporter"`
	Name         string  `json:"name"`
	Completeness float64 `json:"completeness"`
	Minutes      uint64  `json:"minutes_heard"`
}

// changeAnswer is what happened to a finding since yesterday.
type changeAnswer struct {
	Finding  string         `json:"finding"`
	Kind     string         `json:"kind"`
	State    rules.State    `json:"state"`
	Severity rules.Severity `json:"severity"`
	Rule     string         `json:"rule"`
	Title    rules.Text     `json:"title"`
	Subject  rules.Subject  `json:"subject"`
	Province string         `json:"province"`
	At       time.Time      `json:"at"`
}

// overviewAnswer is the first page of the console.
type overviewAnswer struct {
	AsOf         time.Time            `json:"as_of"`
	Open         countsAnswer         `json:"open"`
	Trend        []trendDay           `json:"trend"`
	Completeness []completenessAnswer `json:"completeness"`
	// Overall is the mean over exporters of the ledgers; null where there are none.
	Overall *float64       `json:"overall_completeness"`
	Since   time.Time      `json:"since"`
	Changes []changeAnswer `json:"changes"`
	Counts  []countAnswer  `json:"change_counts"`
}

func (s *Console) overview(w http.ResponseWriter, r *http.Request, c *caller) {
	q := r.URL.Query()
	days := usualTrend
	if text := q.Get("days"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostTrend {
			s.refuse(w, r, http.StatusBadRequest, because("number", "days", text, 1, mostTrend))
			return
		}
		days = n
	}
	query, err := s.queryOf(c, url.Values{"province": q["province"]})
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, err)
		return
	}
	now := time.Now()
	key := fmt.Sprintf("%s %q %q %d", c.Role, c.Provinces, q.Get("province"), days)
	if known, ok := s.glances.find(key, now); ok {
		s.json(w, r, http.StatusOK, known)
		return
	}
	today := registry.DateOf(now.In(s.Location))
	answer := overviewAnswer{AsOf: now.UTC().Truncate(time.Minute), Since: (today - 1).Start(s.Location).UTC(), Changes: []changeAnswer{}}
	if err = s.countOpen(r.Context(), &answer, query, today, days); err == nil {
		err = s.changes(r.Context(), c, &answer, query)
	}
	if err == nil {
		err = s.arrived(r.Context(), c, &answer, q.Get("province"), now)
	}
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.glances.keep(key, now, &answer)
	s.json(w, r, http.StatusOK, answer)
}

// The bounds of overviews that are kept: every screen on a wall asks for the
// same one again and again.
const (
	glanceTime  = 15 * time.Second
	mostGlances = 200
)

// glances are overviews that were made a moment ago, by who may see them.
type glances struct {
	mu   *sync.Mutex // guards made
	made map[string]glance
}

type glance struct {
	at     time.Time
	answer *overviewAnswer // is not changed any more
}

func newGlances() glances { return glances{mu: new(sync.Mutex), made: make(map[string]glance)} }

func (g *glances) find(key string, now time.Time) (*overviewAnswer, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, ok := g.made[key]
	return one.answer, ok && now.Sub(one.at) < glanceTime
}

func (g *glances) keep(key string, now time.Time, answer *overviewAnswer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other, one := range g.made {
		if now.Sub(one.at) >= glanceTime {
			delete(g.made, other)
		}
	}
	if len(g.made) < mostGlances {
		g.made[key] = glance{now, answer}
	}
}

// countOpen counts what needs work, now and on the days before: back from now,
// as the turns of each day say.
func (s *Console) countOpen(ctx context.Context, answer *overviewAnswer, query FindingQuery, today registry.Date, days int) error {
	open := query
	open.States = inWork()
	counts, err := s.Browser.CountFindings(ctx, open)
	if err != nil {
		return fmt.Errorf("count findings: %w", err)
	}
	answer.Open = countsOf(counts)
	first := today - registry.Date(days) + 1
	turns, err := s.Trends.FindingTurns(ctx, query, first.Start(s.Location))
	if err != nil {
		return fmt.Errorf("count turns of findings: %w", err)
	}
	answer.Trend = make([]trendDay, days)
	for i := range answer.Trend {
		answer.Trend[i].Day = (first + registry.Date(i)).String()
	}
	for _, t := range turns {
		if i := int(t.Day - first); i >= 0 && i < days {
			answer.Trend[i].Opened, answer.Trend[i].Closed = t.Opened, t.Closed
		}
	}
	left := answer.Open.Total
	for i := range slices.Backward(answer.Trend) {
		day := &answer.Trend[i]
		day.Open = left
		// Findings whose retention has ended may make this come out below zero.
		left = left + day.Closed - min(left+day.Closed, day.Opened)
	}
	return nil
}

func (s *Console) changes(ctx context.Context, c *caller, answer *overviewAnswer, query FindingQuery) error {
	events, err := s.Trends.RecentEvents(ctx, query, answer.Since, mostChanges)
	if err != nil {
		return fmt.Errorf("read recent events: %w", err)
	}
	for i := range events {
		e, f := &events[i].Event, &events[i].Finding
		if !c.can(seeCases) && (e.Kind == "noted" || e.Kind == "assigned") {
			continue // who works a case, and what is said of it, is no health of a line
		}
		answer.Changes = append(answer.Changes, changeAnswer{e.Finding, e.Kind, e.To, f.Severity, f.Rule, f.Title, f.Subject, f.Province, e.At})
	}
	counts, err := s.Trends.CountEvents(ctx, query, answer.Since)
	if err != nil {
		return fmt.Errorf("count events: %w", err)
	}
	answer.Counts = ranked(counts)
	return nil
}

// arrived tells how complete the data of the last day is, of the exporters that
// the caller may see.
func (s *Console) arrived(ctx context.Context, c *caller, answer *overviewAnswer, province string, now time.Time) error {
	end := now.UTC().Truncate(time.Minute)
	books, err := s.Network.ExporterBooks(ctx, rules.Window{From: end.Add(-24 * time.Hour), To: end})
	if err != nil {
		return fmt.Errorf("read exporter books: %w", err)
	}
	heard := make(map[netip.Addr]*rules.ExporterBooks, len(books))
	for i := range books {
		heard[books[i].Exporter.Unmap()] = &books[i]
	}
	total := 0.0
	answer.Completeness = []completenessAnswer{}
	for _, e := range s.Ledgers().Ledgers().Exporters {
		if !c.inProvince(e.Place.Province()) || !asked(province, e.Place.Province()) {
			continue
		}
		one := completenessAnswer{Exporter: e.Address.String(), Name: e.Name}
		if b := heard[e.Address.Unmap()]; b != nil {
			one.Completeness, one.Minutes = b.Completeness(), b.Minutes
		}
		total += one.Completeness
		answer.Completeness = append(answer.Completeness, one)
	}
	// The worst first: it is what somebody has to look after.
	slices.SortStableFunc(answer.Completeness, func(a, b completenessAnswer) int { return cmp.Compare(a.Completeness, b.Completeness) })
	if n := len(answer.Completeness); n > 0 {
		mean := total / float64(n)
		answer.Overall = &mean
	}
	return nil
}
