package oidctest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// What the provider knows the console by.
const (
	ClientID = "linewarden"
	Secret   = "a secret of the client"
)

// Provider lets whoever asks in at once, as the person that Claims describe.
type Provider struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex // guards what follows
	claims map[string]any
	spoil  func(t *Token)
	deny   string
	codes  map[string]url.Values // the request of each code that was not taken yet
}

// Token is what is about to be signed. Spoilers change it.
type Token struct {
	Header, Claims map[string]any
	// Algorithm is RS256, or none, or HS256 by the public key.
	Algorithm string
	// Key signs it.
	Key *rsa.PrivateKey
}

// New begins a provider that ends with the test.
func New(t *testing.T) *Provider {
	t.Helper()
	p := &Provider{key: Key(t), codes: make(map[string]url.Values)}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/keys", p.keys)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// Key makes a key that is no provider's.
func Key(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Person sets who comes in next, by claims besides those of every token.
func (p *Provider) Person(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// Spoil changes each token before it is signed; nil changes none.
func (p *Provider) Spoil(change func(t *Token)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = change
}

// Deny lets nobody in, with that error; empty lets everybody in.
func (p *Provider) Deny(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deny = code
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the test sees what did not arrive
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "code_challenge_methods_supported": []string{"S256"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	b64 := base64.RawURLEncoding
	answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": b64.EncodeToString(p.key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
	}}})
}

// authorize sends the browser back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		http.Error(w, "a bad request: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	to := url.Values{"state": {q.Get("state")}, "iss": {p.URL}, "session_state": {"x"}}
	if p.deny != "" {
		to.Set("error", p.deny)
	} else {
		code := rand.Text()
		p.codes[code] = q
		to.Set("code", code)
	}
	back.RawQuery = to.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// token gives an identity token for a code, once, to who can show what the code
// was asked for with.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	asked, known := p.codes[r.PostFormValue("code")]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case id != ClientID || secret != url.QueryEscape(Secret):
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case !known, asked.Get("redirect_uri") != r.PostFormValue("redirect_uri"), asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	delete(p.codes, r.PostFormValue("code"))
	now := time.Now()
	t := &Token{Algorithm: "RS256", Key: p.key, Header: map[string]any{"kid": "1", "typ": "JWT"}, Claims: map[string]any{
		"iss": p.URL, "aud": ClientID, "sub": "1234", "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}}
	maps.Copy(t.Claims, p.claims)
	if p.spoil != nil {
		p.spoil(t)
	}
	answer(w, http.StatusOK, map[string]any{"access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": t.sign()})
}

// sign returns the compact form (RFC 7515 section 7.1).
func (t *Token) sign() string {
	t.Header["alg"] = t.Algorithm
	header, _ := json.Marshal(t.Header) // maps of plain values
	claims, _ := json.Marshal(t.Claims)
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString(header) + "." + b64.EncodeToString(claims)
	switch t.Algorithm {
	case "RS256":
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(rand.Reader, t.Key, crypto.SHA256, sum[:])
		if err != nil {
			return err.Error()
		}
		return text + "." + b64.EncodeToString(signature)
	case "HS256":
		mac := hmac.New(sha256.New, x509.MarshalPKCS1PublicKey(&t.Key.PublicKey))
		mac.Write([]byte(text))
		return text + "." + b64.EncodeToString(mac.Sum(nil))
	}
	return text + "."
}
