package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linewarden/linewarden/report/notify"
	"github.com/linewarden/linewarden/rules"
)

// hook is a webhook that can be out of order.
type hook struct {
	mu     sync.Mutex // guards everything below
	down   bool
	bodies []string
	signed int
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	h.bodies = append(h.bodies, string(b))
	if strings.HasPrefix(r.Header.Get(notify.SignatureHeader), "v1=") {
		h.signed++
	}
}

func (h *hook) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bodies
}

func (h *hook) set(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

// TestTeller tells each finding once, over a restart and an outage.
func TestTeller(t *testing.T) {
	h := &hook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	targets, err := newTargets([]NotifyConfig{{Kind: "webhook", URL: server.URL + "/x#secret", Severity: "high"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	open := []rules.Finding{{ID: "old", Severity: rules.Critical}}
	make1 := func() *teller {
		tell, err := newTeller(targets, dir, "甲", func(context.Context) ([]rules.Finding, error) { return open, nil }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return tell
	}
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	step := func(tell *teller) {
		t.Helper()
		now = now.Add(2 * time.Hour)
		if err := tell.look(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		tell.deliver(t.Context(), now)
	}
	step(make1())
	if got := h.got(); len(got) != 0 {
		t.Fatalf("at first it told %v", got)
	}
	open = append(open, rules.Finding{ID: "new", Severity: rules.High}, rules.Finding{ID: "small", Severity: rules.Low})
	h.set(true)
	step(make1())
	h.set(false)
	step(make1())
	step(make1())
	if got := h.got(); len(got) != 1 || !strings.Contains(got[0], `"id":"new"`) || strings.Contains(got[0], "small") || strings.Contains(got[0], `"old"`) || h.signed != 1 {
		t.Errorf("told %v, %d signed", got, h.signed)
	}
	// What ceased and comes again is news; one whose store fails loses nothing.
	open = open[:1]
	step(make1())
	open = append(open[:1:1], rules.Finding{ID: "new", Severity: rules.High})
	failing := make1()
	failing.found = func(context.Context) ([]rules.Finding, error) { return nil, errors.New("away") }
	if err := failing.look(t.Context(), now); err == nil {
		t.Error("a store that fails is no error")
	}
	step(make1())
	if got := h.got(); len(got) != 2 {
		t.Errorf("told %v", got)
	}
	// A message for nobody any more is dropped.
	tell := make1()
	if err := tell.queue.Put("gone", notify.News{At: now}); err != nil {
		t.Fatal(err)
	}
	tell.deliver(t.Context(), now)
	if tell.queue.Len() != 0 {
		t.Error("a message for nobody stays")
	}
}

// sendTo delivers one message to a target and returns what came of it.
func sendTo(t *testing.T, kind, url string) error {
	t.Helper()
	targets, err := newTargets([]NotifyConfig{{Kind: kind, URL: url}})
	if err != nil {
		t.Fatal(err)
	}
	tell, err := newTeller(targets, t.TempDir(), "甲", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w := notify.Waiting{ID: "0001", News: notify.Group("甲", time.Now(), notify.Filter{}, []rules.Finding{
		{ID: "F1", Rule: "r", Severity: rules.High, Title: rules.Text{ZH: "线索", EN: "finding"}},
		{ID: "F2", Rule: "r", Severity: rules.Low, Title: rules.Text{ZH: "线索", EN: "finding"}},
	})}
	return tell.send(t.Context(), &targets[0], &w, time.Now())
}

// TestTellSyslog receives datagrams, and frames over TCP.
func TestTellSyslog(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(udp.Close(), tcp.Close()) })
	if err := sendTo(t, "syslog", "udp://"+udp.LocalAddr().String()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, _, err := udp.ReadFrom(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "<108>1 ") || !strings.HasSuffix(string(b[:n]), "线索 / finding") {
		t.Errorf("the datagram is %q, %v", b[:n], err)
	}
	all := make(chan string, 1)
	go func() {
		c, err := tcp.Accept()
		if err != nil {
			all <- err.Error()
			return
		}
		b, err := io.ReadAll(c)
		if err = errors.Join(err, c.Close()); err != nil {
			b = []byte(err.Error())
		}
		all <- string(b)
	}()
	if err := sendTo(t, "syslog", "tcp://"+tcp.Addr().String()); err != nil {
		t.Fatal(err)
	}
	text := <-all
	for range 2 {
		var n int
		if _, err := fmt.Sscanf(text, "%d ", &n); err != nil {
			t.Fatalf("%q has no frame: %v", text, err)
		}
		_, text, _ = strings.Cut(text, " ")
		if len(text) < n || !strings.HasPrefix(text, "<") {
			t.Fatalf("a frame of %d begins %q", n, text)
		}
		text = text[n:]
	}
	if text != "" {
		t.Errorf("behind the frames is %q", text)
	}
}

// mailServer takes one mail as RFC 5321 has it and returns what it was told.
func mailServer(t *testing.T, l net.Listener, refuse bool) <-chan string {
	heard := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer c.Close() //nolint:errcheck // the client says what it misses
		var log strings.Builder
		defer func() { heard <- log.String() }()
		say := func(s string) { fmt.Fprint(c, s+"\r\n") }
		say("220 mail.example ESMTP")
		in, data := bufio.NewScanner(c), false
		for in.Scan() {
			line := in.Text()
			log.WriteString(line + "\n")
			switch {
			case data && line == ".":
				data = false
				say("250 taken")
			case data:
			case strings.HasPrefix(line, "EHLO"):
				say("250-mail.example\r\n250 AUTH PLAIN")
			case strings.HasPrefix(line, "AUTH PLAIN"):
				say("235 welcome")
			case strings.HasPrefix(line, "RCPT") && refuse:
				say("550 nobody of that name")
			case line == "DATA":
				data = true
				say("354 go on")
			case line == "QUIT":
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	return heard
}

func TestTellMail(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	url := "smtp://u:p@" + l.Addr().String() + "?from=audit@example.com&to=a@example.com,b@example.com"
	heard := mailServer(t, l, false)
	if err := sendTo(t, "email", url); err != nil {
		t.Fatalf("%v\n%s", err, <-heard)
	}
	text := <-heard
	for _, want := range []string{"AUTH PLAIN AHUAcA==", "MAIL FROM:<audit@example.com>", "RCPT TO:<b@example.com>", "Message-ID: <0001@example.com>"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	heard = mailServer(t, l, true)
	if err := sendTo(t, "email", url); err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("a refused recipient gives %v", err)
	}
	<-heard
}

// TestTargets refuses what is no target, and never says a secret.
func TestTargets(t *testing.T) {
	for _, c := range []NotifyConfig{
		{Kind: "pigeon", URL: "https://x.example/s3cret"},
		{Kind: "webhook", URL: "s3cret"},
		{Kind: "webhook", URL: "ftp://x.example/s3cret"},
		{Kind: "syslog", URL: "https://x.example/s3cret"},
		{Kind: "email", URL: "smtp://u:s3cret@x.example?from=a@x.example"},
		{Kind: "feishu", URL: "https://x.example/s3cret", Severity: "loud"},
		{Kind: "feishu", URL: "https://x.example/s3cret", Provinces: []string{"上海"}},
	} {
		if _, err := newTargets([]NotifyConfig{c}); err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "notify[0]") {
			t.Errorf("%+v gives %v", c, err)
		}
	}
	// Nor when the other side is away.
	if err := sendTo(t, "wecom", "http://127.0.0.1:1/send?key=s3cret"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a robot that is away gives %v", err)
	}
}

// TestTargetsTakeWhatIsTheirs has each target told of its rules and provinces alone.
func TestTargetsTakeWhatIsTheirs(t *testing.T) {
	targets, err := newTargets([]NotifyConfig{
		{Kind: "webhook", URL: "http://a.example/", Rules: []string{"intl-transit"}},
		{Kind: "webhook", URL: "http://b.example/", Provinces: []string{"31", "44"}},
		{Kind: "webhook", URL: "http://c.example/", Rules: []string{"intl-transit"}, Provinces: []string{"11"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var open []rules.Finding
	tell, err := newTeller(targets, t.TempDir(), "甲", func(context.Context) ([]rules.Finding, error) { return open, nil }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for range 2 { // what is open at first is known
		if err := tell.look(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		open = []rules.Finding{{ID: "F1", Rule: "intl-transit", Province: "31"}, {ID: "F2", Rule: "licence-missing", Province: "11"}}
	}
	told := make(map[string]string)
	for _, w := range tell.queue.Due(now.Add(time.Hour)) {
		for _, x := range w.News.Items {
			told[w.Target] += x.ID
		}
	}
	if want := (map[string]string{"0 webhook a.example": "F1", "1 webhook b.example": "F1"}); !maps.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// TestServeTells runs a daemon on findings that nobody was told of.
func TestServeTells(t *testing.T) {
	h := &hook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ledgers := filepath.Join(dir, "data", "registry")
	if err := os.MkdirAll(ledgers, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"enterprises.csv": "enterprise_id,name,nature,place\nE1,甲公司,enterprise,110000\n",
		"licences.csv":    "licence_no,enterprise_id,service,coverage,valid_from,status\n",
		"lines.csv":       "line_id,enterprise_id,scope,use,valid_from\nA1,E1,domestic,idc,2020-01-01\n",
	} {
		if err := os.WriteFile(filepath.Join(ledgers, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := command(t.Context(), "--data", filepath.Join(dir, "data"), "registry", "import", ledgers); err != nil {
		t.Fatal(err)
	}
	if out, err := command(t.Context(), "--data", filepath.Join(dir, "data"), "audit"); err != nil || !regexp.MustCompile(`licence-missing`).MatchString(out) {
		t.Fatalf("the audit finds %s, %v", out, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "data", "notify"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "notify", "told.json"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startServeWith(t, dir, serveConfig+fmt.Sprintf("notify: [{kind: webhook, url: %q}]\n", server.URL+"/#s"))
	d.until("the webhook is told", func() bool { return len(h.got()) > 0 })
	if got := h.got()[0]; !strings.Contains(got, "licence-missing") {
		t.Errorf("it was told %s", got)
	}
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
