package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestPprof asks a daemon for a profile, and wants none where none is configured.
func TestPprof(t *testing.T) {
	dir := t.TempDir()
	d := startServeWith(t, dir, strings.Replace(serveConfig, `http: {`, `http: {pprof: "127.0.0.1:0", `, 1))
	var url string
	d.until("profiles are ready", func() bool {
		m := regexp.MustCompile(`msg="profiles are ready" url=(\S+)`).FindStringSubmatch(d.logged())
		if m != nil {
			url = m[1]
		}
		return m != nil
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"goroutine?debug=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "goroutine profile: total") {
		t.Errorf("%v\n%s", err, body)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if status, _ := d.get("debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("the console answers for profiles with %d", status)
	}
}

// TestPprofLoopback refuses profiles beyond this machine.
func TestPprofLoopback(t *testing.T) {
	for address, good := range map[string]bool{"": true, "127.0.0.1:6060": true, "[::1]:6060": true, ":6060": false, "192.0.2.1:6060": false, "localhost": false} {
		c := DefaultConfig()
		c.fillPaths()
		c.HTTP.Pprof = address
		if err := c.check(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "http.pprof") {
			t.Errorf("%q gives %v", address, err)
		}
	}
}
