package oidctest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/linewarden/linewarden/console/oidc/oidctest"
)

// The provider names itself where clients look for it.
func TestDiscovery(t *testing.T) {
	p := oidctest.New(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := p.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	var said struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	if said.Issuer != p.URL {
		t.Errorf("the issuer is %q, and not %q", said.Issuer, p.URL)
	}
}
