package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/oidc"
	"github.com/linewarden/linewarden/console/oidc/oidctest"
)

// signOnSite is a console with a provider of identities.
func signOnSite(t *testing.T) (*site, *oidctest.Provider) {
	t.Helper()
	at := oidctest.New(t)
	var s *site
	cfg := oidc.Config{
		Issuer: at.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.Secret, Redirect: "http://console.example" + console.SignOnReturn,
		Scopes: []string{"openid"}, NameClaim: "preferred_username", RoleClaim: "groups",
		Roles: []oidc.Mapping{
			{Value: "admins", Scope: accounts.Scope{Role: accounts.Admin}},
			{Value: "shanghai", Scope: accounts.Scope{Role: accounts.Compliance, Provinces: []string{"31"}}},
		},
	}
	s = serve(t, hostile(), func(c *console.Config) { c.SignOn = oidc.New(cfg) })
	at.Person(map[string]any{"preferred_username": "han.meimei", "groups": []string{"shanghai"}})
	return s, at
}

// toProvider begins a login and returns the path by which the browser comes back.
func (s *site) toProvider(t *testing.T, b *http.Client, query string) string {
	t.Helper()
	a := s.ask(t, b, http.MethodGet, "/login/oidc"+query, "", "Accept", "text/html")
	if a.status != http.StatusSeeOther {
		t.Fatalf("begin: %d %s", a.status, a.body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.header.Get("Location"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	_, back, ok := strings.Cut(resp.Header.Get("Location"), "http://console.example")
	if !ok {
		t.Fatalf("the provider answers %s, to %q", resp.Status, resp.Header.Get("Location"))
	}
	return back
}

func TestSingleSignOn(t *testing.T) {
	s, _ := signOnSite(t)
	b := browser(t)
	// It ends the open console, and both login pages know of it.
	if a := s.get(t, "", "/api/v1/findings"); a.status != http.StatusUnauthorized {
		t.Errorf("open with a provider: %d", a.status)
	}
	if a := s.get(t, "", "/api/v1/me"); !strings.Contains(a.body, `"single_sign_on":"/login/oidc"`) {
		t.Errorf("me is %s", a.body)
	}
	if a := s.ask(t, b, http.MethodGet, "/login?next=/findings/aaaa", "", "Accept", "text/html"); !strings.Contains(a.body, `href="/login/oidc?next=%2ffindings%2faaaa"`) {
		t.Errorf("the login page is %s", a.body)
	}
	back := s.toProvider(t, b, "?next=/findings/aaaa")
	a := s.ask(t, b, http.MethodGet, back, "", "Accept", "text/html", "Sec-Fetch-Site", "cross-site")
	if cookies := strings.Join(a.header["Set-Cookie"], "\n"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/findings/aaaa" ||
		strings.Count(cookies, "HttpOnly") != 2 || strings.Count(cookies, "SameSite=Lax") != 2 {
		t.Fatalf("%d to %q, cookies %s", a.status, a.header.Get("Location"), cookies)
	}
	a = s.ask(t, b, http.MethodGet, "/api/v1/me", "")
	for _, want := range []string{`"name":"oidc:han.meimei"`, `"role":"compliance"`, `"provinces":["31"]`, `"federated":true`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("me has no %s: %s", want, a.body)
		}
	}
	// The session is as any other: confined, and guarded against other sites.
	for path, want := range map[string]int{"/api/v1/findings/aaaa": 200, "/api/v1/findings/bbbb": 404, "/api/v1/users": 403} {
		if a := s.ask(t, b, http.MethodGet, path, ""); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	const move = `{"to":"reviewing","note":"n","expected_state":"open"}`
	if a := s.ask(t, b, http.MethodPost, "/api/v1/findings/aaaa/moves", move, "Content-Type", "application/json"); a.status != http.StatusForbidden {
		t.Errorf("a move without a token: %d", a.status)
	}
	csrf := s.csrf(t, b)
	if a := s.ask(t, b, http.MethodPost, "/api/v1/findings/aaaa/moves", move, "Content-Type", "application/json", "X-CSRF-Token", csrf); a.status != http.StatusCreated || !strings.Contains(a.body, `"actor":"oidc:han.meimei"`) {
		t.Errorf("a move: %d %s", a.status, a.body)
	}
	if a := s.ask(t, b, http.MethodPost, "/api/v1/me/password", `{"old":"x","new":"y"}`, "Content-Type", "application/json", "X-CSRF-Token", csrf); a.status != http.StatusForbidden || !strings.Contains(a.body, "password_not_here") {
		t.Errorf("a password: %d %s", a.status, a.body)
	}
	// Coming back once more is no login.
	if a := s.ask(t, b, http.MethodGet, back, "", "Accept", "text/html"); a.header.Get("Location") != "/login/oidc/problem?problem=sign_on_unproven" {
		t.Errorf("replayed: %d to %q", a.status, a.header.Get("Location"))
	}
	want := []string{"oidc:han.meimei login oidc:han.meimei", "oidc:han.meimei move finding/aaaa", "oidc: login_failed "}
	if got := s.actions(t); !slices.Equal(got, want) {
		t.Errorf("recorded %q", got)
	}
	entries, _, err := s.audit.Entries(0, 10)
	if err != nil || entries[2].Via != "oidc" || entries[2].Detail != "subject 1234" {
		t.Errorf("recorded %+v (%v)", entries, err)
	}
}

// csrf is the token of the session of a browser.
func (s *site) csrf(t *testing.T, b *http.Client) string {
	t.Helper()
	_, rest, ok := strings.Cut(s.ask(t, b, http.MethodGet, "/api/v1/session", "").body, `"csrf_token":"`)
	if !ok || len(rest) < 64 {
		t.Fatalf("there is no session: %s", rest)
	}
	return rest[:64]
}

// TestSignOnRefused says why in both languages, and begins no session.
func TestSignOnRefused(t *testing.T) {
	s, at := signOnSite(t)
	other := browser(t)
	of := func(b *http.Client, back string) answer {
		return s.ask(t, b, http.MethodGet, back, "", "Accept", "text/html")
	}
	for name, c := range map[string]struct {
		prepare func() (*http.Client, string)
		zh, en  string
	}{
		"no role": {func() (*http.Client, string) {
			at.Person(map[string]any{"preferred_username": "nobody", "groups": []string{"sales"}})
			b := browser(t)
			return b, s.toProvider(t, b, "")
		}, "没有角色", "have no role"},
		"another browser": {func() (*http.Client, string) { return other, s.toProvider(t, browser(t), "") }, "无法确认", "not proven"},
		"a spoiled token": {func() (*http.Client, string) {
			at.Spoil(func(t *oidctest.Token) { t.Claims["nonce"] = "x" })
			b := browser(t)
			return b, s.toProvider(t, b, "")
		}, "无法确认", "not proven"},
		"denied": {func() (*http.Client, string) {
			at.Deny("access_denied")
			b := browser(t)
			return b, s.toProvider(t, b, "")
		}, "拒绝了这次登录", "has refused"},
	} {
		b, back := c.prepare()
		at.Spoil(nil)
		if name == "a spoiled token" {
			at.Spoil(func(t *oidctest.Token) { t.Claims["nonce"] = "x" })
		}
		a := of(b, back)
		at.Spoil(nil)
		at.Deny("")
		to := a.header.Get("Location")
		if a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/login/oidc/problem?problem=sign_on_") {
			t.Errorf("%s: %d to %q", name, a.status, to)
			continue
		}
		for suffix, want := range map[string]string{"": c.zh, "&lang=en": c.en} {
			if a := of(b, to+suffix); a.status != http.StatusForbidden || !strings.Contains(a.body, want) {
				t.Errorf("%s%s: %d %s", name, suffix, a.status, a.body)
			}
		}
		if a := s.ask(t, b, http.MethodGet, "/api/v1/session", ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s: there is a session", name)
		}
	}
	if a := of(other, "/login/oidc/problem?problem=role"); a.status != http.StatusNotFound {
		t.Errorf("any problem is shown: %d", a.status)
	}
	at.CloseClientConnections()
	at.Close()
	if a := of(other, "/login/oidc?lang=en"); a.status != http.StatusSeeOther { // the addresses are known already
		t.Errorf("without the provider: %d %s", a.status, a.body)
	}
}

// TestSignOnLeadsNowhereElse lets no address of a login lead to another site.
func TestSignOnLeadsNowhereElse(t *testing.T) {
	s, _ := signOnSite(t)
	for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "javascript:alert(1)", "/api/v1/findings/export?format=csv", "\t//evil.example"} {
		b := browser(t)
		back := s.toProvider(t, b, "?"+url.Values{"next": {next}}.Encode())
		if a := s.ask(t, b, http.MethodGet, back, "", "Accept", "text/html"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
			t.Errorf("%q: %d to %q", next, a.status, a.header.Get("Location"))
		}
	}
}
