package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// consoleFindings is how many findings the store has while the API is measured.
const consoleFindings = 100_000

// BenchmarkConsole measures what the pages of the console ask, over HTTP of a
// daemon with the ledgers of the load generator (2,000 lines, 21,000
// allocations) and 100,000 findings. It reports the 95th percentile of each; none
// should take more than 500 ms.
func BenchmarkConsole(b *testing.B) {
	carrier := newAuditCarrier(b)
	var ids []string
	carrier.within(b, func(s *opened, snapshot *registry.Snapshot) error {
		lines := snapshot.Ledgers().Lines
		for from := 0; from < consoleFindings; from += 10_000 {
			var (
				found  []rules.Finding
				events []rules.Event
			)
			for i := from; i < from+10_000; i++ {
				f := benchFinding(i, lines[i%len(lines)].ID)
				found, events = append(found, f), append(events, rules.Event{Finding: f.ID, Kind: "new", To: f.State})
			}
			ids = append(ids, found[0].ID)
			if err := s.SaveFindings(b.Context(), found, events); err != nil {
				return err
			}
		}
		return nil
	})
	base := "http://" + carrier.cfg.HTTP.Listen + "/api/v1"
	for _, path := range []string{
		"/overview", "/findings?sort=-last_seen&limit=100", "/findings?severity=critical,high&state=open&sort=-severity&limit=100",
		"/findings?text=L99&sort=-last_seen&limit=100", "/findings/summary", "/findings/" + ids[0], "/findings/" + ids[0] + "/traffic",
		"/lines?limit=100", "/allocations/tree?limit=100", "/resources?q=10.0.0.1", "/ledgers/kinds", "/rules", "/system",
	} {
		b.Run(path, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				to := base + path
				if path == "/overview" { // one that nobody has asked for a moment ago
					to += "?days=" + strconv.Itoa(30+len(took)%300)
				}
				began := time.Now()
				if err := readAnswer(b, to); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

func benchFinding(i int, line string) rules.Finding {
	subject := rules.Subject{Kind: rules.SubjectLine, ID: line, Name: "专线 " + line}
	rule := fmt.Sprintf("rule-%d", i)
	seen := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
	return rules.Finding{
		ID: rules.FindingID(rule, subject), Rule: rules.Catalogue()[i%30].Spec.ID, RuleVersion: "1", Clauses: []string{"N32-2.2.4c", "N32-2.2.4d"}, Subject: subject,
		EnterpriseID: "E1", Province: []string{"11", "31", "44"}[i%3], Severity: []rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical}[i%4],
		State: []rules.State{rules.Open, rules.Reviewing, rules.Confirmed, rules.Ceased}[i%7%4], FirstSeen: seen, LastSeen: seen.Add(time.Hour),
		Window: rules.Window{From: seen.AddDate(0, 0, -7), To: seen}, Facts: rules.FactSet{"third_party_share": 0.2, "bytes_per_day": 1e12},
		Title:       rules.Text{ZH: "国际专线承载第三方流量（疑似）", EN: "International line carries third-party traffic (indication)"},
		Explanation: rules.Text{ZH: "专线上出现不属于用户的网络。", EN: "Networks that are not the user's were seen on the line."},
	}
}

// readAnswer asks for an answer and reads it to its end.
func readAnswer(b *testing.B, url string) (err error) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
