package oidc

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/linewarden/linewarden/console/accounts"
)

// Config says which provider is trusted, and with what.
type Config struct {
	// Issuer is the provider, by the address under which it is discovered.
	Issuer string
	// ClientID is what the provider calls the console, ClientSecret what proves
	// that it is the console; empty where PKCE alone does.
	ClientID, ClientSecret string
	// Redirect is the address of the console to which the provider sends people
	// back, as it is registered there.
	Redirect string
	Scopes   []string
	// NameClaim holds what people are called in logs and histories, RoleClaim
	// what Roles are found by: a text, or a list of them; dots lead into objects.
	NameClaim, RoleClaim string
	// Roles are tried in their order; the first that somebody has is theirs.
	Roles []Mapping
	// CA holds who may vouch for the provider; nil is who the system trusts.
	CA *x509.CertPool
}

// Mapping gives a role to who has a value in the claim of roles.
type Mapping struct {
	Value string
	accounts.Scope
}

// Errors a caller tells apart.
var (
	// ErrAway means that the provider does not answer, or not as one would.
	ErrAway = errors.New("the provider of identities does not answer")
	// ErrProof means that what came back proves nothing.
	ErrProof = errors.New("the login at the provider of identities is not proven")
	// ErrDenied means that the provider did not let the person in.
	ErrDenied = errors.New("the provider of identities has refused the login")
	// ErrNoRole means that the person is known and has none of the roles.
	ErrNoRole = errors.New("the account has no role here")
)

// The bounds of what is asked of a provider.
const (
	askTime    = 10 * time.Second
	mostAnswer = 1 << 20 // bytes
	// skew is how far the clocks of the two may be apart.
	skew = time.Minute
)

// Provider lets people log in. It is safe for concurrent use.
type Provider struct {
	cfg    Config
	client *http.Client

	mu    sync.Mutex     // guards found
	found *oidc.Provider // nil until it was discovered
}

// New returns the provider of a configuration without asking it.
func New(cfg Config) *Provider {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: cfg.CA, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, MaxIdleConns: 4, IdleConnTimeout: time.Minute,
	}
	return &Provider{cfg: cfg, client: &http.Client{Transport: bounded{t}, Timeout: askTime}}
}

// bounded cuts answers that are longer than any of a provider.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, mostAnswer), resp.Body}
	}
	return resp, err
}

// discover returns the provider by what it tells of itself.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil {
		found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAway, err)
		}
		p.found = found
	}
	return p.found, nil
}

// Attempt is one login under way. It is kept between Begin and Finish for the
// browser that began, and good once.
type Attempt struct {
	state, nonce, verifier string
}

func (p *Provider) exchange(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.cfg.Redirect, Scopes: p.cfg.Scopes,
	}
}

// Begin returns where to send the browser of who wants to log in.
func (p *Provider) Begin(ctx context.Context) (to string, a Attempt, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", a, err
	}
	// Each is 32 random bytes, in the alphabet of RFC 7636 section 4.1.
	a = Attempt{oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()}
	return p.exchange(found).AuthCodeURL(a.state, oidc.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier)), a, nil
}

// Person is who has logged in.
type Person struct {
	// Name is for people; Subject is what the provider knows the account by, and
	// the same for good.
	Name, Subject string
	accounts.Scope
}

// Finish proves who came back with the query of an answer (OpenID Connect Core
// section 3.1.2). The person is filled in as far as it is proven, also where
// there is no role for it.
func (p *Provider) Finish(ctx context.Context, a Attempt, answer url.Values) (Person, error) {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(answer[name]) > 1 {
			return Person{}, fmt.Errorf("%w: %s is there more than once", ErrProof, name)
		}
	}
	if a.state == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(a.state)) != 1 {
		return Person{}, fmt.Errorf("%w: the state is not that of this browser", ErrProof)
	}
	// RFC 9207 section 2.4: an answer of another provider must not be taken.
	if iss := answer.Get("iss"); iss != "" && iss != p.cfg.Issuer {
		return Person{}, fmt.Errorf("%w: the answer is from %q", ErrProof, iss)
	}
	if answer.Has("error") {
		return Person{}, fmt.Errorf("%w: %.200q", ErrDenied, answer.Get("error"))
	}
	found, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	token, err := p.exchange(found).Exchange(oidc.ClientContext(ctx, p.client), answer.Get("code"), oauth2.VerifierOption(a.verifier))
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response.StatusCode < http.StatusInternalServerError {
		return Person{}, fmt.Errorf("%w: the code is not taken: %.200q", ErrProof, refused.ErrorCode)
	}
	if err != nil {
		return Person{}, fmt.Errorf("%w: %w", ErrAway, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Person{}, fmt.Errorf("%w: there is no identity token", ErrProof)
	}
	return p.verify(ctx, found, raw, a.nonce)
}

// verify reads an identity token and refuses one that is not for this login.
func (p *Provider) verify(ctx context.Context, found *oidc.Provider, raw, nonce string) (Person, error) {
	now := time.Now()
	token, err := found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: func() time.Time { return now.Add(-skew) }}).Verify(ctx, raw)
	if err != nil {
		return Person{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return Person{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	switch azp, _ := claims["azp"].(string); {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return Person{}, fmt.Errorf("%w: the nonce is that of another login", ErrProof)
	case azp != "" && azp != p.cfg.ClientID, azp == "" && len(token.Audience) > 1:
		return Person{}, fmt.Errorf("%w: the token was given to %q", ErrProof, azp)
	case token.IssuedAt.After(now.Add(skew)):
		return Person{}, fmt.Errorf("%w: the token is of %s, which is yet to come", ErrProof, token.IssuedAt.Format(time.RFC3339))
	case token.Subject == "":
		return Person{}, fmt.Errorf("%w: the token names nobody", ErrProof)
	}
	return p.person(token.Subject, claims)
}

// person maps claims to who it is and what they may do.
func (p *Provider) person(subject string, claims map[string]any) (Person, error) {
	who := Person{Subject: subject}
	if names := texts(claims, p.cfg.NameClaim); len(names) == 1 {
		who.Name = names[0]
	}
	if err := accounts.CheckName(who.Name); err != nil {
		return who, fmt.Errorf("%w: claim %s: %w", ErrProof, p.cfg.NameClaim, err)
	}
	has := texts(claims, p.cfg.RoleClaim)
	for _, m := range p.cfg.Roles {
		if slices.Contains(has, m.Value) {
			who.Scope = m.Scope
			return who, nil
		}
	}
	return who, fmt.Errorf("%w: %s is %.500q", ErrNoRole, p.cfg.RoleClaim, has)
}

// texts returns the texts of a claim. Its name is taken as it stands, and else
// as a path into objects, such as realm_access.roles.
func texts(claims map[string]any, name string) []string {
	switch v := claims[name].(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	first, rest, deeper := strings.Cut(name, ".")
	if inner, ok := claims[first].(map[string]any); ok && deeper {
		return texts(inner, rest)
	}
	return nil
}
