package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
)

// examined runs doctor beside the daemon and returns its diagnoses by check and
// subject, "fail" first where there are several.
func (r *running) examined(t *testing.T, wantFail bool) []diagnosis {
	t.Helper()
	out, err := command(t.Context(), "--config", filepath.Join(r.dir, "linewarden.yaml"), "--data", filepath.Join(r.dir, "data"), "doctor", "--format", "json")
	if failed := err != nil; failed != wantFail {
		t.Fatalf("doctor ended with %v\n%s", err, out)
	}
	var list []diagnosis
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return list
}

// want looks for a diagnosis whose English words have some in them.
func want(t *testing.T, list []diagnosis, status, check, subject, words string) diagnosis {
	t.Helper()
	for _, x := range list {
		if x.Status == status && x.Check == check && strings.HasPrefix(x.Subject, subject) && strings.Contains(x.Found.EN, words) {
			if x.Found.ZH == "" || status != gradeOK && (x.Remedy.ZH == "" || x.Remedy.EN == "") {
				t.Errorf("%s %s lacks words: %+v", check, subject, x)
			}
			return x
		}
	}
	t.Errorf("there is no %s %s %q with %q among\n%+v", status, check, subject, words, list)
	return diagnosis{}
}

// TestDoctorDaemon examines a daemon in good state, then with exporters in
// trouble, ledgers that cannot be loaded, and after its end.
func TestDoctorDaemon(t *testing.T) {
	dir := t.TempDir()
	writeLedgers(t, dir, "E1")
	exporters := filepath.Join(dir, "data", "registry", "exporters.csv")
	if err := os.WriteFile(exporters, []byte("address,name\n127.0.0.1,edge\n127.0.0.2,core\n192.0.2.9,lost\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(serveConfig, `http: {listen: "127.0.0.1:0"}`, fmt.Sprintf("http: {listen: %q}", freeAddress(t)), 1)
	config = strings.Replace(config, "bgp: {", `bgp: {listen: "127.0.0.1:0", neighbors: [{address: 127.0.0.12, asn: 65001}], `, 1)
	d := startServeWith(t, dir, config)
	d.send(0, 20)
	d.until("the flows are stored", func() bool {
		return d.metric(`linewarden_flow_records_stored_total{exporter="127.0.0.1"}`) == "600"
	})
	d.waitBooks(t)

	list := d.examined(t, false)
	want(t, list, gradeOK, "daemon", "", "is ready")
	want(t, list, gradeOK, "sockets", "udp 127.0.0.1:0", "receives")
	want(t, list, gradeOK, "reload", "", "succeeded")
	want(t, list, gradeOK, "schema", "", "fit")
	want(t, list, gradeOK, "spool", "", "takes flows")
	want(t, list, gradeOK, "exporter", "127.0.0.1 edge", "20 datagrams with 600 records")
	want(t, list, gradeWarn, "bgp", "127.0.0.12", "not established")
	x := want(t, list, gradeWarn, "exporter", "192.0.2.9 lost", "never heard")
	if len(x.Vendors) != len(vendors) {
		t.Errorf("remedies are %+v", x.Vendors)
	}

	// A third of the datagrams is lost; another router sends data without templates.
	sendFrom(t, "127.0.0.1:0", d.netflow, netflow5(0), netflow5(330))
	sendFrom(t, "127.0.0.2:0", d.netflow, netflow9Data())
	lines := filepath.Join(dir, "data", "registry", "lines.csv")
	if err := os.WriteFile(lines, []byte("line_id,scope\nL1,galactic\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.until("the bad reload shows", func() bool { return d.metric("linewarden_reload_failed") == "1" })
	d.until("the other router is heard", func() bool {
		return d.metric(`linewarden_flow_datagrams_received_total{exporter="127.0.0.2"}`) == "1"
	})
	d.until("the gap is known", func() bool {
		return d.metric(`linewarden_flow_records_stored_total{exporter="127.0.0.1"}`) == "660" &&
			d.metric(`linewarden_flow_records_missed_total{exporter="127.0.0.1",protocol_version="netflow5"}`) == "300"
	})
	d.waitBooks(t)
	list = d.examined(t, true)
	want(t, list, gradeFail, "reload", "", "failed")
	want(t, list, gradeFail, "ledgers", "", "lines.csv:2:2")
	want(t, list, gradeFail, "loss", "127.0.0.1 edge", "never arrived")
	want(t, list, gradeFail, "templates", "127.0.0.2 core", "no template")

	writeLedgers(t, dir, "E1")
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	list = d.examined(t, false)
	want(t, list, gradeOK, "daemon", "", "no daemon runs")
	want(t, list, gradeOK, "sockets", "udp 127.0.0.1:0", "can be bound")
	want(t, list, gradeOK, "exporter", "127.0.0.1 edge", "last heard 2")
}

// waitBooks waits until what is in the books now is in the store.
func (r *running) waitBooks(t *testing.T) {
	t.Helper()
	// The books are written every 200 ms; an empty spool after two rounds means
	// that the store has them.
	round := time.NewTicker(500 * time.Millisecond)
	defer round.Stop()
	<-round.C
	r.until("the store has the books", func() bool { return r.metric("linewarden_spool_entries") == "0" })
}

// sendFrom sends datagrams from one socket with an address of its own.
func sendFrom(t *testing.T, from string, to netip.AddrPort, datagrams ...[]byte) {
	t.Helper()
	local, err := net.ResolveUDPAddr("udp", from)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range datagrams {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// netflow9Data is a datagram of RFC 3954 with one data set of template 300,
// which was never sent.
func netflow9Data() []byte {
	b := make([]byte, 20+4+16)
	b[1], b[3] = 9, 1
	now := uint32(time.Now().Unix())
	b[8], b[9], b[10], b[11] = byte(now>>24), byte(now>>16), byte(now>>8), byte(now)
	b[20], b[21], b[23] = 300>>8, 300&0xff, 20
	return b
}

// TestDoctorOccupied names the socket another program has.
func TestDoctorOccupied(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	cfg := DefaultConfig()
	cfg.Collector.Netflow.Listen, cfg.Collector.SFlow.Listen = []string{taken.LocalAddr().String()}, nil
	cfg.HTTP.Listen, cfg.BGP.BMP.Listen = "127.0.0.1:0", ""
	d := &doctor{cfg: &cfg}
	d.checkSockets(t.Context())
	x := want(t, d.list, gradeFail, "sockets", "udp "+taken.LocalAddr().String(), "cannot be bound")
	if !strings.Contains(x.Remedy.EN, "ss -lntup") || d.worst() != gradeFail {
		t.Errorf("the remedy is %v", x.Remedy)
	}
}

// TestDoctorExporters plants each trouble of an exporter.
func TestDoctorExporters(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	cfg := DefaultConfig()
	cfg.location = time.UTC
	a := netip.MustParseAddr("192.0.2.1")
	healthy := flows.Count{Datagrams: 10, Records: 100, Stored: 100}
	for _, c := range []struct {
		name, status, check, words string
		trouble                    trouble
		change                     func(h *heard)
	}{
		{"healthy", gradeOK, "exporter", "10 datagrams with 100 records", "", func(*heard) {}},
		{"silent", gradeWarn, "exporter", "last heard 2026-07-01T11:00:00Z", troubleSilent, func(h *heard) { h.last = now.Add(-time.Hour) }},
		{"silent long", gradeWarn, "exporter", "last heard before 2026-06-01", troubleSilent, func(h *heard) { h.last, h.notAfter = time.Time{}, now.AddDate(0, -1, 0) }},
		{"future", gradeFail, "clock", "in the future", "", func(h *heard) { h.last = now.Add(time.Hour) }},
		{"some templates", gradeWarn, "templates", "7 records", troubleTemplates, func(h *heard) { h.count.Lost[flows.ReasonUnknownTemplate] = 7 }},
		{"no template", gradeFail, "templates", "no template", troubleTemplates, func(h *heard) { h.template, h.count.Records, h.count.Stored = true, 0, 0 }},
		{"sampling", gradeWarn, "sampling", "5 records", troubleSampling, func(h *heard) { h.count.Unscaled = 5 }},
		{"skew", gradeWarn, "clock", "10m", troubleClock, func(h *heard) { h.count.ClockSkewed = 5 }},
		{"little loss", gradeOK, "exporter", "", "", func(h *heard) { h.missed = 0.1 }},
		{"loss", gradeWarn, "loss", "4.8 %", troubleLoss, func(h *heard) { h.missed = 5 }},
		{"much loss", gradeFail, "loss", "33.3 %", troubleLoss, func(h *heard) { h.missed = 50 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &heard{count: healthy, last: now.Add(-time.Minute), ever: true}
			c.change(h)
			d := &doctor{cfg: &cfg, now: now, daemon: &daemonState{}}
			d.judgeExporter(registry.Exporter{Address: a}, h)
			if x := want(t, d.list, c.status, c.check, "192.0.2.1", c.words); x.trouble != c.trouble {
				t.Errorf("the trouble is %q", x.trouble)
			}
			if len(d.list) != 1 && c.name != "future" {
				t.Errorf("found %+v", d.list)
			}
		})
	}
	d := &doctor{cfg: &cfg, now: now, daemon: &daemonState{}}
	d.judgeExporters([]registry.Exporter{{Address: a}}, map[netip.Addr]*heard{
		a: {ever: true, last: now.Add(-time.Hour)}, netip.MustParseAddr("203.0.113.9"): {ever: true, last: now},
	})
	want(t, d.list, gradeFail, "exporters", "", "all of them are silent")
	want(t, d.list, gradeWarn, "exporters", "exporters.csv", "203.0.113.9")
}

// TestDoctorVendors wants a remedy of every vendor for every trouble.
func TestDoctorVendors(t *testing.T) {
	for kind, name := range troubleNames {
		if name.ZH == "" || name.EN == "" {
			t.Errorf("%s has no heading", kind)
		}
		if got := remediesFor(kind, ""); len(got) != 5 {
			t.Errorf("%s has remedies of %d vendors", kind, len(got))
		}
	}
	if got := remediesFor("", ""); got != nil {
		t.Errorf("no trouble has the remedies %v", got)
	}
}

// selfSigned writes a certificate and its key, and returns their files.
func selfSigned(t *testing.T, until time.Time) TLSConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"audit.example"}, NotBefore: until.Add(-1000 * time.Hour), NotAfter: until}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: cert}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestDoctorTLS asks a daemon by TLS, trusts no other certificate, and looks at
// the end of certificates.
func TestDoctorTLS(t *testing.T) {
	now := time.Now()
	good, other := selfSigned(t, now.Add(900*time.Hour)), selfSigned(t, now.Add(900*time.Hour))
	pair, err := tls.LoadX509KeyPair(good.CertFile, good.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := "linewarden_reload_failed 0\n"
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			body = `[{"name":"store","ok":false,"detail":"away"}]`
		} else {
			w.WriteHeader(status)
		}
		_, _ = w.Write([]byte(body)) // the client says what it misses
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	cfg := DefaultConfig()
	cfg.location = time.UTC
	cfg.HTTP = HTTPConfig{Listen: server.Listener.Addr().String(), TLS: good}
	d := &doctor{cfg: &cfg, now: now}
	metrics, checks, err := d.question(t.Context())
	if err != nil || len(metrics) != 1 || len(checks) != 1 || checks[0].OK {
		t.Errorf("the daemon says %v %v %v", metrics, checks, err)
	}
	status = http.StatusSeeOther // to a login
	if _, _, err := d.question(t.Context()); err == nil || !strings.Contains(err.Error(), "303") {
		t.Errorf("a login page gives %v", err)
	}
	cfg.HTTP.TLS = other
	if _, _, err := d.question(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another certificate gives %v", err)
	}
	for _, c := range []struct {
		files         TLSConfig
		status, words string
	}{
		{good, gradeOK, "valid until"},
		{selfSigned(t, now.Add(100*time.Hour)), gradeWarn, "ends"},
		{selfSigned(t, now.Add(-time.Hour)), gradeFail, "not valid now"},
		{TLSConfig{CertFile: "none.pem", KeyFile: "none.key"}, gradeFail, "none.pem"},
	} {
		cfg.HTTP.TLS = c.files
		d := &doctor{cfg: &cfg, now: now}
		d.checkCertificate()
		want(t, d.list, c.status, "tls", c.files.CertFile, c.words)
	}
}
