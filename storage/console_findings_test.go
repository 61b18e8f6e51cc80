package storage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// many are findings that differ in everything a person may ask for.
func many(n int) []rules.Finding {
	severities := []rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical}
	states := []rules.State{rules.Open, rules.Reviewing, rules.Confirmed, rules.Dismissed}
	list := make([]rules.Finding, n)
	for i := range list {
		f := finding([]string{"intl-third-party", "licence-missing", "unlicensed-idc"}[i%3], fmt.Sprintf("L%d", i))
		f.Severity, f.State, f.Province = severities[i%4], states[i%7%4], []string{"31", "11", "44"}[i%3]
		f.FirstSeen = noon.Add(time.Duration(i*7919%n) * time.Minute)
		f.LastSeen = f.FirstSeen.Add(time.Duration(i%5) * time.Hour)
		list[i] = f
	}
	return list
}

// pages reads a question page by page.
func pages(t *testing.T, s *storage.Store, q storage.FindingQuestion, size int) []rules.Finding {
	t.Helper()
	var list []rules.Finding
	q.Limit = size
	for {
		got, err := s.FindingPage(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, got...)
		if len(got) < size {
			return list
		}
		place := q.Sort.PlaceOf(&got[size-1])
		q.After = &place
	}
}

// TestFindingPages reads all orders in both directions, none twice and none left
// out, and compares them with a sort in memory.
func TestFindingPages(t *testing.T) {
	s := open(t, configure(t))
	all := many(60)
	save(t, s, all)
	for _, sort := range []storage.FindingSort{storage.SortID, storage.SortFirstSeen, storage.SortLastSeen, storage.SortSeverity} {
		for _, descending := range []bool{false, true} {
			want := slices.Clone(all)
			slices.SortFunc(want, func(a, b rules.Finding) int {
				x, y := sort.PlaceOf(&a), sort.PlaceOf(&b)
				c := 0
				switch {
				case x.Key < y.Key || x.Key == y.Key && x.ID < y.ID:
					c = -1
				case x != y:
					c = 1
				}
				if descending {
					return -c
				}
				return c
			})
			got := pages(t, s, storage.FindingQuestion{Sort: sort, Descending: descending}, 7)
			if !slices.EqualFunc(got, want, func(a, b rules.Finding) bool { return a.ID == b.ID }) {
				t.Errorf("order %q, descending %v: %d findings in another order", sort, descending, len(got))
			}
		}
	}
	if _, err := s.FindingPage(t.Context(), storage.FindingQuestion{Sort: "body"}); err == nil {
		t.Error("an order that is none was taken")
	}
}

// TestFindingQuestions compares what the store selects with what it should.
func TestFindingQuestions(t *testing.T) {
	s := open(t, configure(t))
	all := many(60)
	all[3].Subject.Name = `专线 100% o'brien\ <b>`
	all[4].Title = rules.Text{ZH: "第三方", EN: "Third Party"}
	once := all[5]
	once.Subject.Name = "had another name once"
	save(t, s, []rules.Finding{once})
	save(t, s, all)
	for name, c := range map[string]struct {
		q    storage.FindingQuestion
		want func(f *rules.Finding) bool
	}{
		"all":        {storage.FindingQuestion{}, func(*rules.Finding) bool { return true }},
		"rules":      {storage.FindingQuestion{Rules: []string{"unlicensed-idc", "licence-missing"}}, func(f *rules.Finding) bool { return f.Rule != "intl-third-party" }},
		"states":     {storage.FindingQuestion{States: []string{"dismissed"}}, func(f *rules.Finding) bool { return f.State == rules.Dismissed }},
		"severities": {storage.FindingQuestion{Severities: []string{"high", "low"}}, func(f *rules.Finding) bool { return f.Severity == rules.High || f.Severity == rules.Low }},
		"subject":    {storage.FindingQuestion{SubjectKind: "line", Subject: "L7"}, func(f *rules.Finding) bool { return f.Subject.ID == "L7" }},
		"may see": {
			storage.FindingQuestion{Filter: rules.FindingFilter{Provinces: []string{"31"}}, Provinces: []string{"31", "11"}},
			func(f *rules.Finding) bool { return f.Province == "31" },
		},
		"sees none": {storage.FindingQuestion{Filter: rules.FindingFilter{Provinces: []string{}}, Provinces: []string{"31"}}, func(*rules.Finding) bool { return false }},
		"name":      {storage.FindingQuestion{Text: `100% O'Brien\ <B>`}, func(f *rules.Finding) bool { return f.Subject.ID == "L3" }},
		"title":     {storage.FindingQuestion{Text: "third p"}, func(f *rules.Finding) bool { return f.Subject.ID == "L4" }},
		"once":      {storage.FindingQuestion{Text: "another name once"}, func(*rules.Finding) bool { return false }},
		"facts":     {storage.FindingQuestion{Text: "甲"}, func(*rules.Finding) bool { return false }},
		"injection": {storage.FindingQuestion{Text: `') OR 1=1 --`, Rules: []string{`a'b\`}}, func(*rules.Finding) bool { return false }},
	} {
		want := 0
		for i := range all {
			if c.want(&all[i]) {
				want++
			}
		}
		got := 0
		for f, err := range s.EachFinding(t.Context(), c.q) {
			if err != nil {
				t.Fatal(name, err)
			}
			if got++; !c.want(&f) {
				t.Errorf("%s: %s about %s is selected", name, f.Rule, f.Subject.ID)
			}
		}
		counted, err := s.CountFindings(t.Context(), c.q)
		if err != nil {
			t.Fatal(name, err)
		}
		sum := 0
		for _, n := range counted {
			sum += int(n.Count)
		}
		if got != want || sum != want {
			t.Errorf("%s: %d are read, %d counted, want %d", name, got, sum, want)
		}
	}
	for _, err := range s.EachFinding(t.Context(), storage.FindingQuestion{}) { // ends early
		if err != nil {
			t.Error(err)
		}
		break
	}
}

// TestFindingTurns opens a finding, dismisses it and opens it again.
func TestFindingTurns(t *testing.T) {
	s := open(t, configure(t))
	f := finding("licence-missing", "L1")
	since := time.Now().Add(-time.Hour)
	for _, e := range []rules.Event{
		{Finding: f.ID, Kind: "new", To: rules.Open},
		{Finding: f.ID, Kind: "repeated", From: rules.Open, To: rules.Open},
		{Finding: f.ID, Kind: "moved", From: rules.Open, To: rules.Dismissed},
		{Finding: f.ID, Kind: "reopened", From: rules.Dismissed, To: rules.Open},
	} {
		save(t, s, []rules.Finding{f}, e)
	}
	turns, err := s.FindingTurns(t.Context(), storage.FindingQuestion{}, since, shanghai(t))
	var opened, closed uint64
	for _, n := range turns { // two where midnight passes meanwhile
		opened, closed = opened+n.Opened, closed+n.Closed
	}
	if err != nil || opened != 2 || closed != 1 {
		t.Errorf("turns %+v, %v", turns, err)
	}
	recent, err := s.RecentEvents(t.Context(), storage.FindingQuestion{}, since, 2)
	if err != nil || len(recent) != 2 || recent[0].Event.Kind != "reopened" || recent[1].Event.Kind != "moved" || recent[1].Finding.ID != f.ID {
		t.Errorf("recent %+v, %v", recent, err)
	}
	counts, err := s.CountEvents(t.Context(), storage.FindingQuestion{}, since)
	if err != nil || len(counts) != 4 {
		t.Errorf("events %+v, %v", counts, err)
	}
	elsewhere := storage.FindingQuestion{Filter: rules.FindingFilter{Provinces: []string{"11"}}}
	if recent, err = s.RecentEvents(t.Context(), elsewhere, since, 9); err != nil || len(recent) != 0 {
		t.Errorf("recent elsewhere %+v, %v", recent, err)
	}
}

// BenchmarkConsoleFindings asks what the console asks, of 100,000 findings.
func BenchmarkConsoleFindings(b *testing.B) {
	s := open(b, configure(b))
	all := many(100_000)
	for part := range slices.Chunk(all, 10_000) {
		events := make([]rules.Event, len(part))
		for i := range part {
			events[i] = rules.Event{Finding: part[i].ID, Kind: "new", To: part[i].State}
		}
		save(b, s, part, events...)
	}
	since := time.Now().Add(-24 * time.Hour)
	for name, ask := range map[string]func() error{
		"first page": func() error {
			_, err := s.FindingPage(b.Context(), storage.FindingQuestion{Sort: storage.SortLastSeen, Descending: true, Limit: 100})
			return err
		},
		"open critical": func() error {
			_, err := s.FindingPage(b.Context(), storage.FindingQuestion{States: []string{"open"}, Severities: []string{"critical"}, Sort: storage.SortSeverity, Limit: 100})
			return err
		},
		"text": func() error {
			_, err := s.FindingPage(b.Context(), storage.FindingQuestion{Text: "L9999", Sort: storage.SortLastSeen, Limit: 100})
			return err
		},
		"text of all": func() error {
			_, err := s.FindingPage(b.Context(), storage.FindingQuestion{Text: "标题", Sort: storage.SortLastSeen, Limit: 100})
			return err
		},
		"counts": func() error { _, err := s.CountFindings(b.Context(), storage.FindingQuestion{}); return err },
		"turns": func() error {
			_, err := s.FindingTurns(b.Context(), storage.FindingQuestion{}, since, time.UTC)
			return err
		},
		"recent": func() error {
			_, err := s.RecentEvents(b.Context(), storage.FindingQuestion{}, since, 50)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := ask(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "p95-ms")
		})
	}
}
