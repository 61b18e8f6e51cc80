package oidc_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/oidc"
	"github.com/linewarden/linewarden/console/oidc/oidctest"
)

const redirect = "https://console.example/login/oidc/callback"

func configOf(issuer string) oidc.Config {
	return oidc.Config{
		Issuer: issuer, ClientID: oidctest.ClientID, ClientSecret: oidctest.Secret, Redirect: redirect, Scopes: []string{"openid", "profile"},
		NameClaim: "preferred_username", RoleClaim: "realm_access.roles",
		Roles: []oidc.Mapping{
			{Value: "lw-admin", Scope: accounts.Scope{Role: accounts.Admin}},
			{Value: "lw-shanghai", Scope: accounts.Scope{Role: accounts.Regulator, Provinces: []string{"31"}}},
		},
	}
}

// claimsOf are those of a person with roles.
func claimsOf(roles ...string) map[string]any {
	return map[string]any{"preferred_username": "li.lei", "realm_access": map[string]any{"roles": roles}}
}

// login goes to the provider as a browser does and returns with what it brings
// back.
func login(t *testing.T, p *oidc.Provider) (oidc.Attempt, url.Values) {
	t.Helper()
	to, a, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	back, lerr := resp.Location()
	if err := errors.Join(lerr, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return a, back.Query()
}

func TestLogin(t *testing.T) {
	at := oidctest.New(t)
	p := oidc.New(configOf(at.URL))
	for name, c := range map[string]struct {
		claims map[string]any
		want   accounts.Scope
		err    error
	}{
		"the first role counts": {claimsOf("other", "lw-shanghai", "lw-admin"), accounts.Scope{Role: accounts.Admin}, nil},
		"with provinces":        {claimsOf("lw-shanghai"), accounts.Scope{Role: accounts.Regulator, Provinces: []string{"31"}}, nil},
		"no role":               {claimsOf("LW-ADMIN"), accounts.Scope{}, oidc.ErrNoRole},
		"no claim":              {map[string]any{"preferred_username": "li.lei"}, accounts.Scope{}, oidc.ErrNoRole},
		"a claim of its own":    {map[string]any{"preferred_username": "li.lei", "realm_access.roles": "lw-admin"}, accounts.Scope{Role: accounts.Admin}, nil},
		"no name":               {map[string]any{"realm_access": map[string]any{"roles": []string{"lw-admin"}}}, accounts.Scope{}, oidc.ErrProof},
		"a name of two lines":   {map[string]any{"preferred_username": "li\nlei", "realm_access.roles": "lw-admin"}, accounts.Scope{}, oidc.ErrProof},
	} {
		at.Person(c.claims)
		a, answer := login(t, p)
		got, err := p.Finish(t.Context(), a, answer)
		if !errors.Is(err, c.err) || got.Role != c.want.Role || !slices.Equal(got.Provinces, c.want.Provinces) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got.Subject != "1234" || err == nil && got.Name != "li.lei" {
			t.Errorf("%s: is %+v", name, got)
		}
	}
}

// TestTokens refuses what a provider did not give for this login.
func TestTokens(t *testing.T) {
	at := oidctest.New(t)
	at.Person(claimsOf("lw-admin"))
	p := oidc.New(configOf(at.URL))
	stranger := oidctest.Key(t)
	now := time.Now()
	claim := func(name string, value any) func(t *oidctest.Token) {
		return func(t *oidctest.Token) { t.Claims[name] = value }
	}
	for name, spoil := range map[string]func(t *oidctest.Token){
		"wrong nonce":    claim("nonce", "x"),
		"no nonce":       claim("nonce", ""),
		"wrong audience": claim("aud", "another"),
		"given to another": func(t *oidctest.Token) {
			t.Claims["aud"], t.Claims["azp"] = []string{oidctest.ClientID, "another"}, "another"
		},
		"given to two":            claim("aud", []string{oidctest.ClientID, "another"}),
		"another issuer":          claim("iss", "https://evil.example"),
		"expired":                 claim("exp", now.Add(-2*time.Minute).Unix()),
		"without an end":          claim("exp", nil),
		"not yet":                 claim("nbf", now.Add(10*time.Minute).Unix()),
		"of the future":           claim("iat", now.Add(10*time.Minute).Unix()),
		"of nobody":               claim("sub", ""),
		"no signature":            func(t *oidctest.Token) { t.Algorithm = "none" },
		"public key as a secret":  func(t *oidctest.Token) { t.Algorithm = "HS256" },
		"signed by a stranger":    func(t *oidctest.Token) { t.Key = stranger },
		"a key that there is not": func(t *oidctest.Token) { t.Header["kid"] = "2" },
	} {
		at.Spoil(spoil)
		a, answer := login(t, p)
		if got, err := p.Finish(t.Context(), a, answer); !errors.Is(err, oidc.ErrProof) || got.Role != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, spoil := range map[string]func(t *oidctest.Token){
		"expired by the skew of clocks": claim("exp", now.Add(-20*time.Second).Unix()),
		"given to this one of two": func(t *oidctest.Token) {
			t.Claims["aud"], t.Claims["azp"] = []string{oidctest.ClientID, "another"}, oidctest.ClientID
		},
	} {
		at.Spoil(spoil)
		a, answer := login(t, p)
		if _, err := p.Finish(t.Context(), a, answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswers refuses answers that a browser was made to bring.
func TestAnswers(t *testing.T) {
	at := oidctest.New(t)
	at.Person(claimsOf("lw-admin"))
	p := oidc.New(configOf(at.URL))
	other, _ := login(t, p)
	for name, c := range map[string]struct {
		change func(a *oidc.Attempt, answer url.Values)
		want   error
	}{
		"another state":      {func(_ *oidc.Attempt, q url.Values) { q.Set("state", "x") }, oidc.ErrProof},
		"two states":         {func(_ *oidc.Attempt, q url.Values) { q.Add("state", "x") }, oidc.ErrProof},
		"another browser":    {func(a *oidc.Attempt, _ url.Values) { *a = other }, oidc.ErrProof},
		"no browser":         {func(a *oidc.Attempt, q url.Values) { *a = oidc.Attempt{}; q.Del("state") }, oidc.ErrProof},
		"another provider":   {func(_ *oidc.Attempt, q url.Values) { q.Set("iss", "https://evil.example") }, oidc.ErrProof},
		"a code of nobody":   {func(_ *oidc.Attempt, q url.Values) { q.Set("code", "x") }, oidc.ErrProof},
		"no code":            {func(_ *oidc.Attempt, q url.Values) { q.Del("code") }, oidc.ErrProof},
		"the person refused": {func(_ *oidc.Attempt, q url.Values) { q.Set("error", "access_denied") }, oidc.ErrDenied},
	} {
		a, answer := login(t, p)
		c.change(&a, answer)
		if got, err := p.Finish(t.Context(), a, answer); !errors.Is(err, c.want) || got.Role != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// A code is good once, and only with the verifier it was asked for with.
	a, answer := login(t, p)
	b, second := login(t, p)
	swapped := maps.Clone(answer)
	swapped["code"] = second["code"]
	if _, err := p.Finish(t.Context(), a, swapped); !errors.Is(err, oidc.ErrProof) {
		t.Errorf("the code of another attempt: %v", err)
	}
	for i, want := range []error{nil, oidc.ErrProof} {
		if _, err := p.Finish(t.Context(), b, second); !errors.Is(err, want) {
			t.Errorf("use %d of a code: %v", i+1, err)
		}
	}
}

// TestAway tells that a provider is away, and lets people in when it is back.
func TestAway(t *testing.T) {
	var answered http.Handler
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answered.ServeHTTP(w, r) }))
	t.Cleanup(at.Close)
	p := oidc.New(configOf(at.URL))
	for name, h := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"another issuer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer":"https://evil.example"}`))
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"without end": func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 1<<16)
			for range 64 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
	} {
		answered = h
		if to, _, err := p.Begin(t.Context()); !errors.Is(err, oidc.ErrAway) || to != "" {
			t.Errorf("%s: %q, %v", name, to, err)
		}
	}
	answered = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + at.URL + `","authorization_endpoint":"` + at.URL + `/a"}`))
	})
	if to, _, err := p.Begin(t.Context()); err != nil || to == "" {
		t.Errorf("back again: %q, %v", to, err)
	}
}
