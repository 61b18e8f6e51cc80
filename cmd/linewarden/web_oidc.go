package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/console"
	"github.com/linewarden/linewarden/console/accounts"
	"github.com/linewarden/linewarden/console/oidc"
)

// OIDCConfig is a provider of identities at which people may log in (OpenID
// Connect). Without an issuer there is none.
type OIDCConfig struct {
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// ClientSecretFile holds what proves to the provider that it is the console;
	// empty is a public client, which PKCE alone protects.
	ClientSecretFile string `yaml:"client_secret_file"`
	// URL is where people reach the console; the provider has to know URL +
	// /login/oidc/callback.
	URL       string   `yaml:"url"`
	Scopes    []string `yaml:"scopes"`
	NameClaim string   `yaml:"name_claim"`
	RoleClaim string   `yaml:"role_claim"`
	// Roles are tried in their order; the first that somebody has is theirs.
	Roles  []OIDCRole `yaml:"roles"`
	CAFile string     `yaml:"ca_file"` // PEM; empty trusts what the system trusts
}

// OIDCRole gives a role to who has a value in the role claim.
type OIDCRole struct {
	Value     string        `yaml:"value"`
	Role      accounts.Role `yaml:"role"`
	Provinces []string      `yaml:"provinces"`
}

// on reports whether there is a provider.
func (c *OIDCConfig) on() bool { return c.Issuer != "" }

// checkOIDC keeps logins at a provider off connections that others can read.
func (c *Config) checkOIDC(bad complain) {
	o := &c.HTTP.OIDC
	if !o.on() {
		if o.ClientID != "" || o.ClientSecretFile != "" || o.URL != "" || len(o.Roles) > 0 {
			bad("http.oidc.issuer", "is missing; it is the address of the provider of identities")
		}
		return
	}
	for _, address := range [][2]string{{"issuer", o.Issuer}, {"url", o.URL}} {
		if err := checkPrivate(address[1]); err != nil {
			bad("http.oidc."+address[0], "%v", err)
		}
	}
	if c.HTTP.TLS == (TLSConfig{}) && !loopback(c.HTTP.Listen) {
		bad("http.oidc", "needs http.tls, or http.listen on 127.0.0.1 behind a proxy with TLS: sessions could be read on the way")
	}
	if o.ClientID == "" {
		bad("http.oidc.client_id", "is missing; it is what the provider calls the console")
	}
	if !slices.Contains(o.Scopes, "openid") {
		bad("http.oidc.scopes", "needs openid, without which there is no identity token")
	}
	if o.NameClaim == "" || o.RoleClaim == "" {
		bad("http.oidc", "needs name_claim and role_claim")
	}
	o.checkRoles(bad)
}

func (c *OIDCConfig) checkRoles(bad complain) {
	if len(c.Roles) == 0 {
		bad("http.oidc.roles", "is empty, so that nobody could log in")
	}
	for i, r := range c.Roles {
		if r.Value == "" {
			bad(fmt.Sprintf("http.oidc.roles[%d].value", i), "is missing; it is what the role claim holds")
		}
		if err := r.scope().Validate(); err != nil {
			bad(fmt.Sprintf("http.oidc.roles[%d]", i), "%v", err)
		}
	}
}

func (r *OIDCRole) scope() accounts.Scope {
	return accounts.Scope{Role: r.Role, Provinces: r.Provinces}
}

// checkPrivate refuses an address that is not reached by TLS or on this machine.
func checkPrivate(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return err
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q is not an address such as https://sso.example/realm", text)
	case u.Scheme == "http" && (u.Hostname() == "localhost" || loopback(u.Hostname()+":0") || loopback("["+u.Hostname()+"]:0")):
		return nil
	case u.Scheme != "https":
		return fmt.Errorf("%q has to begin with https://", text)
	}
	return nil
}

// signOn returns the provider of the configuration, nil without one.
func (c *OIDCConfig) signOn() (console.SignOn, error) {
	if !c.on() {
		return nil, nil //nolint:nilnil // users of the console's own alone
	}
	cfg := oidc.Config{
		Issuer: c.Issuer, ClientID: c.ClientID, Redirect: strings.TrimSuffix(c.URL, "/") + console.SignOnReturn,
		Scopes: c.Scopes, NameClaim: c.NameClaim, RoleClaim: c.RoleClaim,
	}
	for i := range c.Roles {
		cfg.Roles = append(cfg.Roles, oidc.Mapping{Value: c.Roles[i].Value, Scope: c.Roles[i].scope()})
	}
	var err error
	if c.ClientSecretFile != "" {
		if cfg.ClientSecret, err = passwordOf("http.oidc.client_secret_file", c.ClientSecretFile); err != nil {
			return nil, err
		}
	}
	if c.CAFile != "" {
		if cfg.CA, err = certificatesOf("http.oidc.ca_file", c.CAFile); err != nil {
			return nil, err
		}
	}
	return oidc.New(cfg), nil
}
