package console_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
)

// person makes a user and returns the fields of its login.
func (s *site) person(t *testing.T, name string, r accounts.Role) url.Values {
	t.Helper()
	if err := s.accounts.AddUser(name, accounts.Scope{Role: r}, password); err != nil {
		t.Fatal(err)
	}
	return url.Values{"name": {name}, "password": {password}}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]{64})"`)

// TestOpen lets programs and people of this machine read while there are no
// accounts, and nobody else.
func TestOpen(t *testing.T) {
	s := serve(t, hostile())
	for path, want := range map[string]int{"/api/v1/findings": 200, "/": 200, "/api/v1/lines": 200, "/api/v1/audit": 401, "/api/v1/users": 401, "/api/v1/findings?unmasked=true": 403} {
		if a := s.get(t, "", path); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := s.post(t, "", "/api/v1/findings/aaaa/moves", `{}`, "Authorization", ""); a.status != http.StatusUnauthorized {
		t.Errorf("nobody moves a finding: %d %s", a.status, a.body)
	}
	// A name that another site points here, and a proxy.
	for _, header := range [][]string{{"Host", "evil.example"}, {"X-Forwarded-For", "198.51.100.1"}, {"Forwarded", "for=198.51.100.1"}, {"Via", "1.1 p"}} {
		if a := s.get(t, "", "/healthz", header...); a.status != http.StatusOK {
			t.Errorf("health with %v: %d", header, a.status)
		}
		for _, path := range []string{"/api/v1/findings", "/", "/metrics", "/readyz"} {
			if a := s.get(t, "", path, header...); a.status != http.StatusUnauthorized {
				t.Errorf("%s with %v: %d", path, header, a.status)
			}
		}
	}
	// The first account closes it; what programs of this machine read stays open.
	s.token(t, accounts.NOC)
	for path, want := range map[string]int{"/api/v1/findings": 401, "/": 401, "/metrics": 200, "/readyz": 200, "/healthz": 200, "/api/v1/openapi.yaml": 200} {
		if a := s.get(t, "", path); a.status != want {
			t.Errorf("%s with an account: %d", path, a.status)
		}
	}
	s = serve(t, hostile(), func(c *console.Config) { c.Loopback = false })
	if a := s.get(t, "", "/api/v1/findings"); a.status != http.StatusUnauthorized {
		t.Errorf("beyond loopback: %d", a.status)
	}
}

func TestLogin(t *testing.T) {
	s := serve(t, hostile())
	fields := s.person(t, "李雷", accounts.Compliance)
	b := browser(t)
	a := s.ask(t, b, http.MethodGet, "/findings/aaaa?lang=en", "", "Accept", "text/html")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/login?lang=en&next=%2Ffindings%2Faaaa%3Flang%3Den" {
		t.Fatalf("%d to %s", a.status, a.header.Get("Location"))
	}
	for lang, want := range map[string]string{"": "登录", "?lang=en": "Log in"} {
		if a := s.ask(t, b, http.MethodGet, "/login"+lang, "", "Accept", "text/html"); a.status != http.StatusOK || !strings.Contains(a.body, "<h2>"+want) {
			t.Errorf("login page%s: %d %s", lang, a.status, a.body)
		}
	}
	bad := url.Values{"name": {`"><script>`}, "password": {"x"}}
	if a := s.submit(t, b, "/login", bad); a.status != http.StatusUnauthorized || strings.Contains(a.body, "<script>") || len(a.header["Set-Cookie"]) > 0 {
		t.Errorf("wrong login: %d %s", a.status, a.body)
	}
	fields.Set("next", "/findings/aaaa")
	a = s.submit(t, b, "/login", fields)
	cookie := a.header.Get("Set-Cookie")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/findings/aaaa" || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Fatalf("login: %d to %q, cookie %q", a.status, a.header.Get("Location"), cookie)
	}
	page := s.ask(t, b, http.MethodGet, "/findings/aaaa", "", "Accept", "text/html")
	m := csrfField.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || m == nil || !strings.Contains(page.body, "李雷") {
		t.Fatalf("%d %s", page.status, page.body)
	}
	// What other sites could send.
	const move = `{"to":"reviewing","note":"n","expected_state":"open"}`
	for name, headers := range map[string][]string{
		"no token":    {"Content-Type", "application/json"},
		"wrong token": {"Content-Type", "application/json", "X-CSRF-Token", strings.Repeat("0", 64)},
		"other site":  {"Content-Type", "application/json", "X-CSRF-Token", m[1], "Sec-Fetch-Site", "cross-site"},
		"other host":  {"Content-Type", "application/json", "X-CSRF-Token", m[1], "Origin", "https://evil.example"},
	} {
		if a := s.ask(t, b, http.MethodPost, "/api/v1/findings/aaaa/moves", move, headers...); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := s.submit(t, b, "/logout", url.Values{}); a.status != http.StatusForbidden {
		t.Errorf("logout without a token: %d", a.status)
	}
	if a := s.ask(t, b, http.MethodPost, "/api/v1/findings/aaaa/moves", move, "Content-Type", "application/json", "X-CSRF-Token", m[1]); a.status != http.StatusCreated || !strings.Contains(a.body, `"actor":"李雷"`) {
		t.Errorf("move: %d %s", a.status, a.body)
	}
	if a := s.submit(t, b, "/logout", url.Values{"csrf": {m[1]}}); a.status != http.StatusSeeOther {
		t.Errorf("logout: %d %s", a.status, a.body)
	}
	if a := s.ask(t, b, http.MethodGet, "/api/v1/findings", ""); a.status != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", a.status)
	}
	want := []string{`"><script> login_failed "><script>`, "李雷 login 李雷", "李雷 move finding/aaaa", "李雷 logout 李雷"}
	if got := s.actions(t); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("recorded %q", got)
	}
}

// TestNext keeps a login from leading to another site.
func TestNext(t *testing.T) {
	s := serve(t, hostile())
	fields := s.person(t, "li", accounts.NOC)
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "", "/api/v1/findings"} {
		fields.Set("next", next)
		if a := s.submit(t, browser(t), "/login", fields); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
			t.Errorf("%q leads to %q", next, a.header.Get("Location"))
		}
	}
}

// TestSessionsEnd ends sessions by a new password, by removing the user, and by
// a second login in the same browser.
func TestSessionsEnd(t *testing.T) {
	for name, end := range map[string]func(s *site) error{
		"password": func(s *site) error { return s.accounts.SetPassword("li", "another horse battery") },
		"removed":  func(s *site) error { return s.accounts.RemoveUser("li") },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, hostile())
			s.person(t, "other", accounts.Admin)
			fields, b := s.person(t, "li", accounts.NOC), browser(t)
			s.submit(t, b, "/login", fields)
			if a := s.ask(t, b, http.MethodGet, "/api/v1/session", ""); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if err := end(s); err != nil {
				t.Fatal(err)
			}
			if a := s.ask(t, b, http.MethodGet, "/api/v1/session", ""); a.status != http.StatusUnauthorized {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	s := serve(t, hostile())
	fields, b := s.person(t, "li", accounts.NOC), browser(t)
	first := s.submit(t, b, "/login", fields).header.Get("Set-Cookie")
	s.submit(t, b, "/login", fields)
	cookie, _, _ := strings.Cut(first, ";")
	if a := s.get(t, "", "/api/v1/session", "Cookie", cookie); a.status != http.StatusUnauthorized {
		t.Errorf("the session before is still open: %d", a.status)
	}
}

// TestSessionExpires waits in a bubble of time.
func TestSessionExpires(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		times int
		want  int
	}{
		"in use": {20 * time.Minute, 30, http.StatusOK},
		"idle":   {31 * time.Minute, 1, http.StatusUnauthorized},
		"long":   {20 * time.Minute, 36, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, hostile())
			fields := s.person(t, "li", accounts.NOC)
			synctest.Test(t, func(t *testing.T) {
				do := func(method, path, body, cookie string) *httptest.ResponseRecorder {
					r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Cookie", cookie)
					w := httptest.NewRecorder()
					s.console.ServeHTTP(w, r)
					return w
				}
				cookie, _, _ := strings.Cut(do(http.MethodPost, "/login", fields.Encode(), "").Header().Get("Set-Cookie"), ";")
				status := 0
				for range c.times {
					time.Sleep(c.every)
					status = do(http.MethodGet, "/api/v1/session", "", cookie).Code
				}
				if status != c.want {
					t.Errorf("got %d, want %d", status, c.want)
				}
			})
		})
	}
}

// TestLockedOut guesses the password of a user in the browser.
func TestLockedOut(t *testing.T) {
	s := serve(t, hostile())
	fields := s.person(t, "li", accounts.NOC)
	var said []string
	for range 5 {
		a := s.submit(t, browser(t), "/login", url.Values{"name": {"li"}, "password": {"guessed it is"}})
		said = append(said, a.body)
	}
	a := s.submit(t, browser(t), "/login", fields)
	if a.status != http.StatusUnauthorized || a.body != said[0] {
		t.Errorf("the right password after five wrong ones: %d %s", a.status, a.body)
	}
	// Logins of one address are slowed down, whatever the names are.
	for range 60 {
		if a = s.submit(t, browser(t), "/login", url.Values{"name": {"nobody"}, "password": {strings.Repeat("x", 2000)}}); a.status == http.StatusTooManyRequests {
			break
		}
	}
	if a.status != http.StatusTooManyRequests {
		t.Errorf("66 logins of one address are tried: %d", a.status)
	}
}

// TestSetup makes the first administrator, once.
func TestSetup(t *testing.T) {
	s := serve(t, hostile(), func(c *console.Config) { c.Loopback = false })
	path, _, err := s.console.SetupPath()
	if err != nil || path == "" {
		t.Fatal(path, err)
	}
	if again, _, err := s.console.SetupPath(); again != "" || err != nil {
		t.Errorf("the link is told twice: %q, %v", again, err)
	}
	_, token, _ := strings.Cut(path, "token=")
	b := browser(t)
	if a := s.ask(t, b, http.MethodGet, path, "", "Accept", "text/html"); a.status != http.StatusOK || !strings.Contains(a.body, token) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	fields := url.Values{"token": {token}, "name": {"root"}, "password": {password}, "again": {password}}
	for name, c := range map[string]struct {
		key, value string
		want       int
	}{
		"token": {"token", strings.Repeat("0", 64), 403}, "no token": {"token", "", 403}, "name": {"name", "<b>", 422},
		"short": {"password", "short", 422}, "differ": {"again", password + "x", 422},
	} {
		bad := maps.Clone(fields)
		bad.Set(c.key, c.value)
		if a := s.submit(t, b, "/setup", bad); a.status != c.want || strings.Contains(a.body, "<b>&") && name == "name" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := s.submit(t, b, "/setup", fields); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := s.ask(t, b, http.MethodGet, "/api/v1/users", ""); a.status != http.StatusOK || !strings.Contains(a.body, `"root"`) || strings.Contains(a.body, "argon2") {
		t.Errorf("the first administrator: %d %s", a.status, a.body)
	}
	fields.Set("name", "second")
	if a := s.submit(t, browser(t), "/setup", fields); a.status != http.StatusForbidden {
		t.Errorf("a second first administrator: %d", a.status)
	}
}

func TestSetupExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveWithin(t)
		path, _, err := s.SetupPath()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{http.StatusOK, http.StatusForbidden} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			if w.Code != want {
				t.Errorf("got %d, want %d", w.Code, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

// TestSecureCookie asks for the cookie that browsers confine to this host.
func TestSecureCookie(t *testing.T) {
	s := serve(t, hostile(), func(c *console.Config) { c.Secure = true })
	a := s.submit(t, browser(t), "/login", s.person(t, "li", accounts.NOC))
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-linewarden=") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "Path=/;") || a.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("cookie %q", cookie)
	}
	s = serve(t, hostile())
	a = s.submit(t, browser(t), "/login", s.person(t, "li", accounts.NOC), "X-Forwarded-Proto", "https")
	if cookie := a.header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("behind a proxy with TLS the cookie is %q", cookie)
	}
}

// TestDamagedAccounts must not open a console that was closed.
func TestDamagedAccounts(t *testing.T) {
	s := serve(t, hostile())
	token := s.token(t, accounts.Admin)
	damage(t, s.accounts.Path())
	for _, secret := range []string{"", token} {
		for _, path := range []string{"/api/v1/findings", "/login", "/setup?token=x"} {
			if a := s.get(t, secret, path); a.status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	}
	if a := s.get(t, "", "/metrics"); a.status != http.StatusOK {
		t.Errorf("metrics give %d", a.status)
	}
}
