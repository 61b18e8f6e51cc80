package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/audit"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

var errDown = errors.New("code: 210, SELECT secret FROM findings: connection refused")

// memory is a store held in memory; storage has its own tests, and the command
// is tested with the real one.
type memory struct {
	mu       sync.Mutex // guards all below
	findings []rules.Finding
	events   []rules.Event
	err      error
	asked    rules.FindingFilter
	query    console.FindingQuery
	imported []registry.Table
	broken   bool          // the store fails at the end of a stream
	hold     chan struct{} // jobs wait for it where it is not nil
	judged   console.Backtest
	// before, when not nil, is called before a finding is acted upon.
	before func()
}

// fail makes the store fail from now on.
func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) Findings(_ context.Context, filter rules.FindingFilter) ([]rules.Finding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = filter
	var list []rules.Finding
	for i := range m.findings {
		if filter.Match(&m.findings[i]) && (filter.Limit == 0 || len(list) < filter.Limit) {
			list = append(list, m.findings[i])
		}
	}
	return list, m.err
}

func (m *memory) Finding(_ context.Context, id string) (rules.Finding, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.findings {
		if f.ID == id {
			return f, true, m.err
		}
	}
	return rules.Finding{}, false, m.err
}

func (m *memory) Events(_ context.Context, id string) ([]rules.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []rules.Event
	for _, e := range m.events {
		if e.Finding == id {
			list = append(list, e)
		}
	}
	return list, m.err
}

func (m *memory) Act(
	ctx context.Context, id string, a rules.Action, expect func(f rules.Finding, events []rules.Event) error,
) (rules.Finding, error) {
	if m.before != nil {
		m.before()
	}
	f, _, err := m.Finding(ctx, id)
	if err != nil {
		return f, err
	}
	events, err := m.Events(ctx, id)
	if err != nil {
		return f, err
	}
	if err := expect(f, events); err != nil {
		return f, fmt.Errorf("act: %w", err)
	}
	f, event, err := rules.CasePolicy{}.Apply(f, a, time.Now())
	if err != nil {
		return f, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	event.At = time.Now()
	m.events = append(m.events, event)
	for i := range m.findings {
		if m.findings[i].ID == id {
			m.findings[i] = f
		}
	}
	return f, nil
}

func (m *memory) LineHoursOf(_ context.Context, line string, w rules.Window) iter.Seq2[rules.LineHour, error] {
	return func(yield func(rules.LineHour, error) bool) {
		yield(rules.LineHour{Line: line, Hour: w.To.Truncate(time.Hour).Add(-time.Hour), FromCustomer: 1, Samples: 1}, m.err)
	}
}

func (m *memory) ExporterBooks(context.Context, rules.Window) ([]rules.ExporterBooks, error) {
	return []rules.ExporterBooks{
		{Exporter: netip.MustParseAddr("192.0.2.1"), Received: 10, Stored: 9, Missed: 1, Minutes: 5, Counted: counted()},
		{Exporter: netip.MustParseAddr("192.0.2.9"), Received: 1},
	}, m.err
}

func (m *memory) RoutesAt(_ context.Context, prefix netip.Prefix, _, _ time.Time) ([]console.Route, error) {
	return []console.Route{{Prefix: prefix.String(), Origins: []uint32{64500}, Communities: []string{}}}, m.err
}

func (m *memory) LedgerImports(context.Context) ([]console.LedgerImport, error) {
	return []console.LedgerImport{{ID: "a"}, {ID: "b"}}, m.err
}

// site is a console over real HTTP.
type site struct {
	*httptest.Server
	console  *console.Console
	store    *memory
	accounts *accounts.File
	audit    *audit.Log
}

const password = "correct horse battery"

// serve starts a console. Changes may change its configuration before.
func serve(t *testing.T, m *memory, changes ...func(c *console.Config)) *site {
	t.Helper()
	dir := t.TempDir()
	log, err := audit.Open(filepath.Join(dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site{store: m, accounts: accounts.New(filepath.Join(dir, "accounts.json")), audit: log}
	c := console.Config{
		Store: m, Cases: m, Network: m, Browser: m, Trends: m, Grounds: m, Registry: m, Reports: m, Daemon: m, Accounts: s.accounts, Audit: log,
		Ledgers: func() *registry.Snapshot { return ledgers() },
		Rules: func() ([]rules.Rule, map[string]map[string]float64) {
			return rules.Catalogue(), map[string]map[string]float64{"intl-third-party": {"min_share": 0.07}}
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "linewarden_build_info 1\n") }),
		Ready: func(context.Context) []console.Check {
			return []console.Check{{Name: "store", OK: true, Detail: "a remark"}}
		},
		Evidence: m.evidence, Backtest: m.backtest, Adjudications: m.adjudications, Version: "1.2.3",
		Carrier: `Carrier <b>&`, Location: time.FixedZone("Asia/Shanghai", 8*3600), Mask: report.Mask{V4: 24, V6: 48}, Loopback: true,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, change := range changes {
		change(&c)
	}
	if s.console, err = console.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.console.Close)
	s.Server = httptest.NewServer(s.console)
	t.Cleanup(s.Close)
	return s
}

// token makes a token with a role.
func (s *site) token(t *testing.T, r accounts.Role, provinces ...string) string {
	t.Helper()
	_, secret, err := s.accounts.AddToken(accounts.Token{Name: string(r), Scope: accounts.Scope{Role: r, Provinces: provinces}})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; headers are names and values in turn.
func (s *site) ask(t *testing.T, client *http.Client, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// get asks by a token, or by none where it is empty.
func (s *site) get(t *testing.T, token, path string, headers ...string) answer {
	t.Helper()
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return s.ask(t, s.Client(), http.MethodGet, path, "", headers...)
}

// post sends JSON by a token.
func (s *site) post(t *testing.T, token, path, body string, headers ...string) answer {
	t.Helper()
	headers = append([]string{"Content-Type", "application/json", "Authorization", "Bearer " + token}, headers...)
	return s.ask(t, s.Client(), http.MethodPost, path, body, headers...)
}

// browser keeps cookies and follows nothing.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// submit sends a form as a page of the console does.
func (s *site) submit(t *testing.T, b *http.Client, path string, fields url.Values, headers ...string) answer {
	t.Helper()
	headers = append([]string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html", "Origin", s.URL}, headers...)
	return s.ask(t, b, http.MethodPost, path, fields.Encode(), headers...)
}

// actions lists the audit log, oldest first.
func (s *site) actions(t *testing.T) []string {
	t.Helper()
	entries, _, err := s.audit.Entries(0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]string, len(entries))
	for i, e := range entries {
		list[len(entries)-1-i] = e.Actor + " " + e.Action + " " + e.Object
	}
	return list
}

// hostile holds a finding whose ledger names try to be markup, and one of
// another province.
func hostile() *memory {
	seen := time.Date(2026, 3, 9, 16, 0, 0, 0, time.UTC)
	one := rules.Finding{
		ID: "aaaa", Rule: "intl-third-party", RuleVersion: "1", Clauses: []string{"N32-2.2.4c"},
		Subject: rules.Subject{Kind: rules.SubjectLine, ID: "L2", Name: `<script>alert(1)</script>` + "\u202e𠀀"}, EnterpriseID: "E1",
		Province: "31", Severity: rules.Critical, State: rules.Open, Confidence: 0.9, Completeness: 0.97,
		FirstSeen: seen, LastSeen: seen, Window: rules.Window{From: seen.AddDate(0, 0, -7), To: seen},
		Title: rules.Text{ZH: "国际专线承载第三方流量（疑似）", EN: "International line carries third-party traffic (indication)"},
		Facts: rules.FactSet{"third_party_share": 0.31, "third_party_networks": []any{"203.0.113.77/32 (SG)"}},
		Case:  &rules.Case{Assignee: "王五"},
	}
	two := one
	two.ID, two.Province, two.Subject, two.State, two.Case = "bbbb", "11", rules.Subject{Kind: rules.SubjectLine, ID: "L1"}, rules.Confirmed, nil
	return &memory{
		findings: []rules.Finding{one, two},
		events: []rules.Event{
			{Finding: "aaaa", Kind: "new", To: rules.Open, Actor: "linewarden", At: seen},
			{Finding: "aaaa", Kind: "noted", From: rules.Open, To: rules.Open, Actor: "王五", Note: "secret note <img>", At: seen},
			{Finding: "bbbb", Kind: "noted", To: rules.Reviewing, Actor: "王五", Note: "internal", At: seen},
			{Finding: "bbbb", Kind: "moved", From: rules.Reviewing, To: rules.Confirmed, Actor: "王五", Note: "it is so", At: seen},
		},
	}
}

func TestPages(t *testing.T) {
	s := serve(t, hostile())
	for _, path := range []string{"/", "/?lang=en", "/findings/aaaa", "/findings/aaaa?lang=en"} {
		a := s.get(t, "", path)
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Type"))
		}
		if strings.Contains(a.body, "<script") || strings.Contains(a.body, "<img") || !strings.Contains(a.body, "&lt;script&gt;") {
			t.Errorf("%s: the name of a ledger is markup", path)
		}
		policy := a.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(a.body, "<style") || strings.Contains(a.body, "style=") {
			t.Errorf("%s: policy is %q", path, policy)
		}
		english := strings.Contains(path, "lang=en")
		if strings.Contains(a.body, "third-party traffic") != english || strings.Contains(a.body, "承载第三方流量") == english {
			t.Errorf("%s: is not in its language", path)
		}
		if !strings.Contains(a.body, "2026-03-10 00:00") {
			t.Errorf("%s: shows no time in the carrier's zone", path)
		}
		if strings.Contains(a.body, "203.0.113.77") {
			t.Errorf("%s: shows the network of a third party", path)
		}
	}
	if a := s.get(t, "", "/assets/style.css"); a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") {
		t.Errorf("style sheet: %d %s", a.status, a.header.Get("Content-Type"))
	}
	if a := s.get(t, "", "/findings/none", "Accept", "text/html"); a.status != http.StatusNotFound || !strings.Contains(a.body, "<html") {
		t.Errorf("a finding that is not there gives %d %s", a.status, a.body)
	}
}

func TestAPI(t *testing.T) {
	s := serve(t, hostile())
	a := s.get(t, "", "/api/v1/findings?severity=critical&since=2026-03-01&until=2026-03-31&limit=1")
	var list []rules.Finding
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list) != 1 || list[0].ID != "aaaa" {
		t.Errorf("listed %s (%v)", a.body, err)
	}
	if !s.store.asked.Until.Equal(time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("asked the store for %+v", s.store.asked)
	}
	if !strings.HasSuffix(list[0].Subject.Name, "\u202e𠀀") {
		t.Errorf("the name is %q", list[0].Subject.Name)
	}
	// The link leads to the next page, and that is the last one.
	link, _, _ := strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
	b := s.get(t, "", link)
	if err := json.Unmarshal([]byte(b.body), &list); err != nil || len(list) != 1 || list[0].ID != "bbbb" || b.header.Get("Link") != "" {
		t.Errorf("%s is %s (%v)", link, b.body, err)
	}
	if c := s.get(t, "", "/api/v1/findings?rule=other"); c.body != "[]\n" {
		t.Errorf("no finding is %q", c.body)
	}
	if c := s.get(t, "", link, "If-None-Match", `"x", W/`+b.header.Get("ETag")); c.status != http.StatusNotModified || c.body != "" {
		t.Errorf("the same list is sent again: %d %s", c.status, c.body)
	}
	var one struct {
		ID     string        `json:"id"`
		Events []rules.Event `json:"events"`
	}
	a = s.get(t, "", "/api/v1/findings/aaaa")
	if err := json.Unmarshal([]byte(a.body), &one); err != nil || one.ID != "aaaa" || len(one.Events) != 2 {
		t.Errorf("one finding is %s (%v)", a.body, err)
	}
}

func TestBadRequests(t *testing.T) {
	s := serve(t, hostile())
	for path, want := range map[string]string{
		"/api/v1/findings?since=yesterday":                       `since: \"yesterday\"`,
		"/api/v1/findings?limit=0":                               "limit:",
		"/api/v1/findings?limit=1000000":                         "from 1 to 10000",
		"/api/v1/findings?severty=high":                          "severty",
		"/api/v1/findings?severity=worst":                        "severity:",
		"/api/v1/findings?state=lost":                            "state:",
		"/api/v1/findings?rule=a&rule=b":                         "more than once",
		"/api/v1/findings?rule=%ff":                              "rule is not text",
		"/api/v1/findings?rule=%00":                              "rule is not text",
		"/api/v1/findings?rule=%zz":                              "query",
		"/api/v1/findings?cursor=%20":                            "cursor:",
		"/api/v1/findings?unmasked=perhaps":                      "unmasked:",
		"/api/v1/lines?cursor=1.v0":                              "cursor:",
		"/api/v1/lines?cursor=-1.v1":                             "cursor:",
		"/api/v1/lines?day=tomorrow":                             "day:",
		"/api/v1/lines/L1/traffic?from=2001-1-1":                 "from:",
		"/api/v1/lines/L1/traffic?from=2001-01-01&to=2026-01-01": "longer than",
		"/api/v1/lines/L1/traffic?from=2026-01-02&to=2026-01-01": "longer than",
		"/api/v1/routes":                                         "prefix:",
		"/api/v1/routes?prefix=x":                                "prefix:",
		"/api/v1/routes?prefix=::%25":                            "prefix:",
		"/?until=soon":                                           "until:",
	} {
		a := s.get(t, "", path)
		if a.status != http.StatusBadRequest || a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for path, want := range map[string]int{"/api/v1/findings/none": 404, "/api/v1/nothing": 404, "/api/": 404, "/api/v1/lines/L9/traffic": 404, "/nothing": 404} {
		if a := s.get(t, "", path); a.status != want || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.ask(t, s.Client(), http.MethodPost, "/api/v1/findings", ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET" {
		t.Errorf("POST gives %d, allowed %q", a.status, a.header.Get("Allow"))
	}
}

// TestStoreDown must not show a reader what the store said.
func TestStoreDown(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	m.err = errDown
	for _, path := range []string{
		"/", "/findings/aaaa", "/api/v1/findings", "/api/v1/findings/aaaa", "/api/v1/lines/L1/traffic",
		"/api/v1/exporters", "/api/v1/ledgers", "/api/v1/routes?prefix=::",
	} {
		if a := s.get(t, "", path); a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "SELECT") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.get(t, "", "/healthz"); a.status != http.StatusOK {
		t.Errorf("health is %d while the store is down", a.status)
	}
	// People log in all the same.
	if err := s.accounts.AddUser("li", accounts.Scope{Role: accounts.NOC}, password); err != nil {
		t.Fatal(err)
	}
	if a := s.submit(t, browser(t), "/login", url.Values{"name": {"li"}, "password": {password}}); a.status != http.StatusSeeOther {
		t.Errorf("login gives %d %s", a.status, a.body)
	}
}

func TestReady(t *testing.T) {
	bad := []console.Check{{Name: "store", OK: true}, {Name: "ledgers", Detail: "no ledgers are loaded"}}
	s := serve(t, hostile())
	if a := s.get(t, "", "/readyz"); a.status != http.StatusOK {
		t.Errorf("ready gives %d", a.status)
	}
	if a := s.get(t, "", "/metrics"); !strings.Contains(a.body, "linewarden_build_info") {
		t.Errorf("metrics are %q", a.body)
	}
	s = serve(t, hostile(), func(c *console.Config) { c.Ready = func(context.Context) []console.Check { return bad } })
	if a := s.get(t, "", "/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "no ledgers are loaded") {
		t.Errorf("not ready gives %d %s", a.status, a.body)
	}
}
