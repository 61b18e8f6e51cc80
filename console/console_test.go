package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/rules"
)

var errDown = errors.New("code: 210, SELECT secret FROM findings: connection refused")

// memory is a store of findings held in memory; storage has its own tests, and
// the command is tested with the real one.
type memory struct {
	findings []rules.Finding
	events   []rules.Event
	err      error
	asked    rules.FindingFilter
}

func (m *memory) Findings(_ context.Context, filter rules.FindingFilter) ([]rules.Finding, error) {
	m.asked = filter
	var list []rules.Finding
	for i := range m.findings {
		if filter.Match(&m.findings[i]) {
			list = append(list, m.findings[i])
		}
	}
	return list, m.err
}

func (m *memory) Finding(_ context.Context, id string) (rules.Finding, bool, error) {
	for _, f := range m.findings {
		if f.ID == id {
			return f, true, m.err
		}
	}
	return rules.Finding{}, false, m.err
}

func (m *memory) Events(context.Context, string) ([]rules.Event, error) { return m.events, m.err }

// serve starts a console over real HTTP.
func serve(t *testing.T, m *memory, ready []console.Check) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(console.New(console.Config{
		Store:   m,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "linewarden_build_info 1\n") }),
		Ready:   func(context.Context) []console.Check { return ready },
		Carrier: `Carrier <b>&`, Location: time.FixedZone("Asia/Shanghai", 8*3600),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, s *httptest.Server, path string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// hostile is a finding whose ledger names try to be markup.
func hostile() *memory {
	seen := time.Date(2026, 3, 9, 16, 0, 0, 0, time.UTC)
	return &memory{
		findings: []rules.Finding{{
			ID: "aaaa", Rule: "intl-third-party", RuleVersion: "1", Clauses: []string{"N32-2.2.4c"},
			Subject: rules.Subject{Kind: rules.SubjectLine, ID: "L1", Name: `<script>alert(1)</script>`}, EnterpriseID: "E1",
			Province: "31", Severity: rules.Critical, State: rules.Open, Confidence: 0.9, Completeness: 0.97,
			FirstSeen: seen, LastSeen: seen, Window: rules.Window{From: seen.AddDate(0, 0, -7), To: seen},
			Title: rules.Text{ZH: "国际专线承载第三方流量（疑似）", EN: "International line carries third-party traffic (indication)"},
			Facts: rules.FactSet{"third_party_share": 0.31},
		}},
		events: []rules.Event{{Finding: "aaaa", Kind: "new", To: rules.Open, Actor: "linewarden", At: seen}},
	}
}

func TestPages(t *testing.T) {
	s := serve(t, hostile(), nil)
	for _, path := range []string{"/", "/?lang=en", "/findings/aaaa", "/findings/aaaa?lang=en"} {
		status, header, body := get(t, s, path)
		if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", path, status, header.Get("Content-Type"))
		}
		if strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%s: the name of a ledger is markup", path)
		}
		if !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy is %q", path, header.Get("Content-Security-Policy"))
		}
		english := strings.Contains(path, "lang=en")
		if strings.Contains(body, "third-party traffic") != english || strings.Contains(body, "承载第三方流量") == english {
			t.Errorf("%s: is not in its language", path)
		}
		if !strings.Contains(body, "2026-03-10 00:00") {
			t.Errorf("%s: shows no time in the carrier's zone", path)
		}
	}
	if status, _, _ := get(t, s, "/findings/none"); status != http.StatusNotFound {
		t.Errorf("a finding that is not there gives %d", status)
	}
}

func TestAPI(t *testing.T) {
	m := hostile()
	s := serve(t, m, nil)
	_, _, body := get(t, s, "/api/v1/findings?severity=critical&since=2026-03-01&until=2026-03-31&limit=5")
	var list []rules.Finding
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 1 || list[0].ID != "aaaa" {
		t.Errorf("listed %s (%v)", body, err)
	}
	if m.asked.Limit != 5 || !m.asked.Until.Equal(time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("asked the store for %+v", m.asked)
	}
	if _, _, body = get(t, s, "/api/v1/findings?rule=other"); body != "[]\n" {
		t.Errorf("no finding is %q", body)
	}
	var one struct {
		ID     string        `json:"id"`
		Events []rules.Event `json:"events"`
	}
	_, _, body = get(t, s, "/api/v1/findings/aaaa")
	if err := json.Unmarshal([]byte(body), &one); err != nil || one.ID != "aaaa" || len(one.Events) != 1 {
		t.Errorf("one finding is %s (%v)", body, err)
	}
}

func TestBadRequests(t *testing.T) {
	s := serve(t, hostile(), nil)
	for path, want := range map[string]string{
		"/api/v1/findings?since=yesterday": `since: \"yesterday\"`,
		"/api/v1/findings?limit=0":         "limit:",
		"/api/v1/findings?limit=1000000":   "from 1 to 10000",
		"/?until=soon":                     "until:",
	} {
		status, header, body := get(t, s, path)
		if status != http.StatusBadRequest || header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, _ := get(t, s, "/api/v1/findings/none"); status != http.StatusNotFound {
		t.Errorf("a finding that is not there gives %d", status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/findings", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST gives %d (%v)", resp.StatusCode, err)
	}
}

// TestStoreDown must not show a reader what the store said.
func TestStoreDown(t *testing.T) {
	m := hostile()
	m.err = errDown
	s := serve(t, m, nil)
	for _, path := range []string{"/", "/findings/aaaa", "/api/v1/findings", "/api/v1/findings/aaaa"} {
		status, _, body := get(t, s, path)
		if status != http.StatusServiceUnavailable || strings.Contains(body, "SELECT") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, _ := get(t, s, "/healthz"); status != http.StatusOK {
		t.Errorf("health is %d while the store is down", status)
	}
}

func TestReady(t *testing.T) {
	good := []console.Check{{Name: "store", OK: true}}
	bad := append(good, console.Check{Name: "ledgers", Detail: "no ledgers are loaded"})
	if status, _, _ := get(t, serve(t, hostile(), good), "/readyz"); status != http.StatusOK {
		t.Errorf("ready gives %d", status)
	}
	status, _, body := get(t, serve(t, hostile(), bad), "/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "no ledgers are loaded") {
		t.Errorf("not ready gives %d %s", status, body)
	}
	if _, _, body := get(t, serve(t, hostile(), good), "/metrics"); !strings.Contains(body, "linewarden_build_info") {
		t.Errorf("metrics are %q", body)
	}
}
