package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/console/oidc/oidctest"
)

func TestOIDCConfig(t *testing.T) {
	dir := t.TempDir()
	const roles = "roles: [{value: a, role: admin}]"
	const good = "issuer: https://sso.example/realm, client_id: c, url: https://console.example, " + roles
	for name, c := range map[string]struct{ http, oidc, want string }{
		"none":                    {"", "", ""},
		"on this machine":         {"", good, ""},
		"by TLS":                  {"listen: 0.0.0.0:8443, tls: {cert_file: c, key_file: k}, ", good, ""},
		"in the clear":            {"listen: 0.0.0.0:8080, insecure: true, ", good, "http.oidc: needs http.tls"},
		"no issuer":               {"", "client_id: c", "http.oidc.issuer: is missing"},
		"issuer in the clear":     {"", strings.Replace(good, "https://sso", "http://sso", 1), "http.oidc.issuer: \"http://sso.example/realm\" has to begin"},
		"issuer of this machine":  {"", strings.Replace(good, "https://sso.example/realm", "http://127.0.0.1:5556/dex", 1), ""},
		"issuer of ::1":           {"", strings.Replace(good, "https://sso.example/realm", "\"http://[::1]:5556/dex\"", 1), ""},
		"issuer with a password":  {"", strings.Replace(good, "https://sso", "https://a:b@sso", 1), "is not an address"},
		"console in the clear":    {"", strings.Replace(good, "https://console", "http://console", 1), "http.oidc.url"},
		"no console":              {"", strings.Replace(good, "url: https://console.example, ", "", 1), "http.oidc.url"},
		"no client":               {"", strings.Replace(good, "client_id: c, ", "", 1), "http.oidc.client_id"},
		"no openid":               {"", good + ", scopes: [email]", "http.oidc.scopes"},
		"no claim":                {"", good + ", role_claim: \"\"", "role_claim"},
		"no roles":                {"", strings.Replace(good, roles, "roles: []", 1), "nobody could log in"},
		"a role that there isn't": {"", strings.Replace(good, "role: admin", "role: root", 1), "http.oidc.roles[0]"},
		"an admin of a province":  {"", strings.Replace(good, "role: admin", "role: admin, provinces: [\"31\"]", 1), "http.oidc.roles[0]"},
		"a value that is missing": {"", strings.Replace(good, "value: a, ", "", 1), "http.oidc.roles[0].value"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "c.yaml")
			if err := os.WriteFile(file, []byte("http: {"+c.http+"oidc: {"+c.oidc+"}}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadConfig(file, dir)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestSignOnOfConfig goes to a real provider with what a configuration says.
func TestSignOnOfConfig(t *testing.T) {
	at := oidctest.New(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(oidctest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := OIDCConfig{
		Issuer: at.URL, ClientID: oidctest.ClientID, ClientSecretFile: secret, URL: "https://console.example/", Scopes: []string{"openid"},
		NameClaim: "sub", RoleClaim: "groups", Roles: []OIDCRole{{Value: "a", Role: "noc"}},
	}
	p, err := c.signOn()
	if err != nil {
		t.Fatal(err)
	}
	to, _, err := p.Begin(t.Context())
	if err != nil || !strings.HasPrefix(to, at.URL+"/authorize?") || !strings.Contains(to, "redirect_uri=https%3A%2F%2Fconsole.example%2Flogin%2Foidc%2Fcallback") {
		t.Errorf("%s, %v", to, err)
	}
	c.CAFile = secret
	if _, err := c.signOn(); err == nil || !strings.Contains(err.Error(), "http.oidc.ca_file") {
		t.Errorf("a file without certificates: %v", err)
	}
	c.CAFile, c.ClientSecretFile = "", secret+".none"
	if _, err := c.signOn(); err == nil || !strings.Contains(err.Error(), "client_secret_file") {
		t.Errorf("no secret: %v", err)
	}
	if p, err := (&OIDCConfig{}).signOn(); p != nil || err != nil {
		t.Errorf("without a provider: %v, %v", p, err)
	}
}
