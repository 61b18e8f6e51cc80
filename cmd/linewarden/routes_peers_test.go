package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestRoutesPeersByTLS asks a daemon whose console has a certificate of its own
// making for the routes of its peers, and trusts no other.
func TestRoutesPeersByTLS(t *testing.T) {
	until := time.Now().Add(24 * time.Hour)
	files := selfSigned(t, until)
	pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			_, _ = fmt.Fprintf(w, "%s{distinguisher=\"0\",family=\"ipv4\",peer=\"192.0.2.1\",router=\"192.0.2.1\",view=\"adj_in\"} 7\n", peerRoutesMetric)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	c := HTTPConfig{Listen: server.Listener.Addr().String(), TLS: files}
	text, err := readMetrics(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	rows := []peerRow{{Router: "192.0.2.1", Peer: "192.0.2.1", View: "adj_in"}}
	addCounts(rows, text, time.Now())
	if n := rows[0].RoutesIPv4; n == nil || *n != 7 {
		t.Errorf("routes: %v", n)
	}
	c.TLS = selfSigned(t, until)
	if _, err := readMetrics(t.Context(), c); err == nil {
		t.Error("a daemon with another certificate is believed")
	}
	if _, err := readMetrics(t.Context(), HTTPConfig{Listen: c.Listen}); err == nil {
		t.Error("an answer to plain HTTP is taken")
	}
}
