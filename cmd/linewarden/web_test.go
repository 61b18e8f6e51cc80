package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// writeCertificate writes a certificate for 127.0.0.1 that signs itself.
func writeCertificate(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "console"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// trust makes the client of the tests take a certificate.
func trust(t *testing.T, certs ...*x509.Certificate) {
	t.Helper()
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	before := http.DefaultClient.Transport
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	http.DefaultClient.Transport = transport
	t.Cleanup(func() { http.DefaultClient.Transport = before })
}

// api asks the daemon by a token.
func (r *running) api(t *testing.T, token, method, path, body string, headers ...string) (status int, answer string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(r.url, "/")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// TestConsoleOfDaemon works a case over TLS against the real store: accounts
// made beside the daemon, provinces, two people at once, a new certificate.
func TestConsoleOfDaemon(t *testing.T) {
	dir := t.TempDir()
	first := writeCertificate(t, dir, 1)
	trust(t, first)
	ledgers := filepath.Join(dir, "data", "registry")
	if err := os.MkdirAll(ledgers, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"enterprises": "enterprise_id,name,nature,place\nE1,\"=cmd()<script>甲𠀀\",enterprise,110000\n",
		"allocations": "prefix,enterprise_id,use,cloud,place,valid_from\n198.51.100.0/24,E1,idc,no,110000,2025-01-01\n203.0.113.0/24,E1,idc,no,310000,2025-01-01\n",
		"evaluations": "enterprise_id,service,place,node,passed_on\nE1,B11,110000,A,2025-01-01\n",
		"lines":       "line_id,enterprise_id,scope,technology,use,a_place,z_country,valid_from\nL1,E1,international,iplc,enterprise,110000,JP,2025-01-01\n",
		"exporters":   "address,name\n127.0.0.1,edge\n",
		"interfaces":  "exporter,if_index,role,line_id\n127.0.0.1,10,customer,L1\n",
	} {
		if err := os.WriteFile(filepath.Join(ledgers, name+".csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tlsConfig := fmt.Sprintf("http: {listen: \"127.0.0.1:0\", tls: {cert_file: %q, key_file: %q}}", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	d := startServeWith(t, dir, strings.Replace(serveConfig, `http: {listen: "127.0.0.1:0"}`, tlsConfig, 1))
	if !strings.HasPrefix(d.url, "https://") || !strings.Contains(d.logged(), "/setup?token=") {
		t.Fatalf("the daemon is at %s\n%s", d.url, d.logged())
	}
	// The run of the rules that a daemon begins with must not come between.
	d.until("the rules have run", func() bool { return d.metric("linewarden_audit_seconds_count") == "1" })
	d.command("audit", "--rule", "licence-missing", "--from", "2026-03-01", "--to", "2026-03-02")
	if status, body := d.get("api/v1/findings"); status != http.StatusOK || !strings.Contains(body, "licence-missing") {
		t.Fatalf("while there are no accounts: %d %s", status, body)
	}
	token := func(args ...string) string {
		return strings.TrimSpace(d.command(append([]string{"token", "create", "--name", "test"}, args...)...))
	}
	all, beijing, noc, admin := token("--role", "compliance"), token("--role", "compliance", "--provinces", "11"), token("--role", "noc"), token("--role", "admin")
	if status, _ := d.get("api/v1/findings"); status != http.StatusUnauthorized {
		t.Errorf("with accounts, nobody gets %d", status)
	}
	var found []rules.Finding
	for secret, want := range map[string]int{all: 2, beijing: 1, noc: 2} {
		_, body, _ := d.api(t, secret, http.MethodGet, "/api/v1/findings?rule=licence-missing", "")
		if err := json.Unmarshal([]byte(body), &found); err != nil || len(found) != want {
			t.Errorf("%d findings, want %d (%v): %.300s", len(found), want, err, body)
		}
	}
	d.lists(t, admin)
	d.works(t, admin)
	d.twoAtOnce(t, all, noc)

	// A new certificate is in use from SIGHUP on; one that is not good is not.
	second := writeCertificate(t, dir, 2)
	trust(t, first, second)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.until("the new certificate is in use", func() bool { return d.serial(t) == 2 })
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.until("the bad certificate shows", func() bool { return d.metric("linewarden_reload_failed") == "1" })
	if got := d.serial(t); got != 2 {
		t.Errorf("certificate %d is in use", got)
	}
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(d.logged(), all) {
		t.Error("a token is in the log")
	}
}

// serial is the number of the certificate in use.
func (r *running) serial(t *testing.T) int64 {
	t.Helper()
	resp, err := http.DefaultClient.Get(r.url + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
}

// lists asks for every list of the API.
func (r *running) lists(t *testing.T, token string) {
	t.Helper()
	for path, want := range map[string]string{
		"/api/v1/lines":                           `"line_id":"L1"`,
		"/api/v1/lines/L1/traffic":                `"hours":[]`,
		"/api/v1/allocations?province=31":         `"prefix":"203.0.113.0/24"`,
		"/api/v1/routes?prefix=198.51.100.1":      `[]`,
		"/api/v1/exporters":                       `"name":"edge"`,
		"/api/v1/ledgers":                         `"source":"registry.dir"`,
		"/api/v1/rules":                           `"id":"licence-missing"`,
		"/api/v1/users":                           `[]`,
		"/api/v1/tokens":                          `"role":"admin"`,
		"/api/v1/audit":                           `"action":"token_create"`,
		"/api/v1/findings?province=31&state=open": `=cmd()<script>甲𠀀`,
	} {
		if status, body, _ := r.api(t, token, http.MethodGet, path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// twoAtOnce lets several people move one finding at the same time: one of them
// does, all others are told.
func (r *running) twoAtOnce(t *testing.T, token, reader string) {
	t.Helper()
	_, body, _ := r.api(t, token, http.MethodGet, "/api/v1/findings?province=11&rule=licence-missing", "")
	var found []rules.Finding
	if err := json.Unmarshal([]byte(body), &found); err != nil || len(found) != 1 {
		t.Fatalf("%.300s (%v)", body, err)
	}
	path := "/api/v1/findings/" + found[0].ID
	_, _, header := r.api(t, token, http.MethodGet, path, "")
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex // guards counts
		counts = make(map[int]int)
	)
	for range 6 {
		wg.Go(func() {
			status, _, _ := r.api(t, token, http.MethodPost, path+"/moves", `{"to":"reviewing","note":"备注 \u202e <b>"}`, "If-Match", header.Get("ETag"))
			mu.Lock()
			counts[status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if counts[http.StatusCreated] != 1 || counts[http.StatusPreconditionFailed] != 5 {
		t.Errorf("answers are %v", counts)
	}
	// What the command does is seen too.
	r.command("findings", "note", found[0].ID, "--note", "by the command", "--actor", "wang")
	_, body, next := r.api(t, token, http.MethodGet, path, "")
	if next.Get("ETag") == header.Get("ETag") || !strings.Contains(body, "by the command") || strings.Count(body, `"kind":"moved"`) != 1 {
		t.Errorf("after all: %s", body)
	}
	if _, body, _ := r.api(t, reader, http.MethodGet, path, ""); strings.Contains(body, "by the command") || strings.Contains(body, "wang") {
		t.Errorf("noc sees %s", body)
	}
	// The evidence of a finding that is confirmed is held.
	if status, body, _ := r.api(t, token, http.MethodPost, path+"/moves", `{"to":"confirmed","note":"seen","expected_state":"reviewing"}`); status != http.StatusCreated {
		t.Errorf("confirm: %d %s", status, body)
	}
}

// TestReadPassword takes passwords from files and pipes.
func TestReadPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(file, []byte("from a file\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, file, want string }{
		{"typed in\r\n", "", "typed in"},
		{"no newline", "", "no newline"},
		{" spaces count ", "", " spaces count "},
		{"other", file, "from a file"},
		{"", "", ""},
		{"\n", "", ""},
		{"x", file + "none", ""},
	} {
		got, err := readPassword(strings.NewReader(c.in), io.Discard, c.file)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	if got, err := readPassword(bytes.NewReader(bytes.Repeat([]byte("x"), 1<<20)), io.Discard, ""); err != nil || len(got) > mostPasswordLine {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestLoopback(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "localhost:80": true, "127.9.9.9:0": true, "[::ffff:127.0.0.1]:1": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "192.0.2.1:80": false, "localhost.example:80": false, "127.0.0.1": false, "": false,
	} {
		if got := loopback(listen); got != want {
			t.Errorf("%q: %v", listen, got)
		}
	}
}
