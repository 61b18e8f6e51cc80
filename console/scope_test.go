package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/rules"
)

// strangers are what an account of Shanghai must never see: a finding, a line, an
// enterprise, blocks, a domain and an exporter of Beijing or of nobody, and
// figures of the whole country.
var strangers = []string{
	"bbbb", `"L1"`, `"E2"`, "乙公司", "203.0.113.0/24\",\"enterprise_id", "secret.example.cn", "192.0.2.9", `"confirmed":12`, `"name":"flows"`, `"province":"11"`,
}

// asks lists how a route is asked: about what is of Shanghai, and about what is
// not.
func asks(path string, o operation) []string {
	places := map[string][]string{
		"/findings/{id}": {"aaaa", "bbbb"}, "/lines/{id}": {"L2", "L1"}, "/enterprises/{id}": {"E1", "E2"}, "/rules/{id}": {"intl-third-party"},
		"/kinds/{ledger}": {"enterprises", "asns"}, "/manual/{lang}/{page}": {"zh/index"}, "{name}": {"li"}, "{id}": {"none"},
	}
	paths := []string{path}
	for _, place := range []string{"/findings/{id}", "/lines/{id}", "/enterprises/{id}", "/rules/{id}", "/kinds/{ledger}", "/manual/{lang}/{page}", "{name}", "{id}"} {
		if !strings.Contains(paths[0], place) {
			continue
		}
		paths = nil
		for _, value := range places[place] {
			name := place[strings.Index(place, "{"):]
			paths = append(paths, strings.Replace(path, name, value, 1))
		}
		break
	}
	queries := map[string][]string{
		"prefix": {"198.51.100.0/24", "203.0.113.0/24", "203.0.113.5"}, "q": {"203.0.113.5", "乙", "E2", "L1", "secret", "AS64501", "198.51.100.5"},
		"province": {"11", "31", "11,31"}, "enterprise": {"E2"}, "line": {"L1"}, "subject": {"L1"}, "text": {"bbbb"}, "day": {"all"}, "unmasked": {"true"}, "format": {"csv", "json"},
	}
	var list []string
	for _, p := range paths {
		list = append(list, p)
		for _, param := range o.Parameters {
			for _, value := range queries[param.Name] {
				q := url.Values{param.Name: {value}}
				if param.Name == "unmasked" {
					q.Set("reason", "an exercise")
					if !slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == "reason" }) {
						q.Del("reason")
					}
				}
				if param.In == "query" {
					list = append(list, p+"?"+q.Encode())
				}
			}
		}
	}
	return list
}

// walk asks every route in every way and returns which strangers were seen, and
// where.
func walk(t *testing.T, s *site, token string) map[string]string {
	t.Helper()
	bodies := map[string]string{
		"moveFindings": `{"findings":[{"id":"bbbb","expected_state":"confirmed"}],"note":"n"}`, "moveFinding": `{"to":"rectifying","note":"n","expected_state":"confirmed"}`,
		"startReport": `{"quarter":"2026Q1"}`, "startBacktest": `{"rule":"intl-third-party"}`, "importLedgers": `{"check":"none"}`,
		"addUser": `{"name":"mallory","role":"admin","password":"` + password + `"}`, "changeUser": `{"provinces":[]}`, "addToken": `{"name":"x","role":"admin"}`,
		"login": `{"name":"none","password":"x"}`, "changePassword": `{}`,
	}
	seen := make(map[string]string)
	d := described(t, s)
	d.each(func(path, method string, o operation) {
		for _, to := range asks(path, o) {
			a := s.send(t, token, strings.ToUpper(method), to, "application/json", bodies[o.ID])
			if a.status == http.StatusTooManyRequests {
				t.Fatalf("%s: %d", to, a.status)
			}
			asked, err := url.QueryUnescape(to)
			if err != nil {
				t.Fatal(err)
			}
			// What was asked for is said back.
			_, q, _ := strings.Cut(asked, "q=")
			body := strings.NewReplacer(`"q":"`+q+`"`, "", `"id":"bbbb","status":404,"detail":"there is no finding \"bbbb\""`, "").Replace(a.body)
			for _, stranger := range strangers {
				if strings.Contains(asked, strings.Trim(stranger, `"`)) && a.status/100 != 2 {
					continue
				}
				if strings.Contains(body, stranger) {
					seen[stranger] = strings.ToUpper(method) + " " + to + ": " + a.body
				}
			}
		}
	})
	return seen
}

// TestEveryRouteWithinProvinces has an account of Shanghai ask every route that
// there is, about its own and about others: nothing of another province is in any
// answer, and nothing of it changes. An account of the whole country sees all of
// it, so that the test can fail.
func TestEveryRouteWithinProvinces(t *testing.T) {
	m := hostile()
	s := serve(t, m)
	s.person(t, "li", accounts.NOC)
	if seen := walk(t, s, s.token(t, accounts.Compliance, "31")); len(seen) > 0 {
		for stranger, where := range seen {
			t.Errorf("%s is in %.600s", stranger, where)
		}
	}
	if m.findings[1].State != rules.Confirmed || len(m.events) != 4 {
		t.Errorf("a finding of Beijing is %s with %d events", m.findings[1].State, len(m.events))
	}
	if u, ok, err := s.accounts.User("li"); err != nil || !ok || u.Role != accounts.NOC {
		t.Errorf("user %+v %v %v", u, ok, err)
	}
	seen := walk(t, s, s.token(t, accounts.Admin))
	for _, stranger := range strangers {
		if seen[stranger] == "" {
			t.Errorf("the whole country has no %s", stranger)
		}
	}
}
