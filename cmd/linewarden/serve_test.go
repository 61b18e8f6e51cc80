package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is a daemon in a process of its own.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	done chan error

	mu  sync.Mutex // guards log
	log strings.Builder

	url     string
	netflow netip.AddrPort
}

// serveConfig listens on free loopback ports.
const serveConfig = `
collector:
  netflow: {listen: ["127.0.0.1:0"]}
  sflow: {listen: ["127.0.0.1:0"]}
  books_every: 200ms
bgp: {bmp: {listen: "127.0.0.1:0"}}
http: {listen: "127.0.0.1:0"}
`

// startServe starts a daemon on the directory and waits until it is ready.
func startServe(t *testing.T, dir string) *running {
	t.Helper()
	return startServeWith(t, dir, serveConfig)
}

// startServeWith does the same with a configuration of the test's own.
func startServeWith(t *testing.T, dir, text string) *running {
	t.Helper()
	return startServeBy(t, dir, text)
}

// startServeBy does it by a program that ends in executing its last arguments.
// The configuration is also on its standard input.
func startServeBy(t *testing.T, dir, text string, by ...string) *running {
	t.Helper()
	config := filepath.Join(dir, "linewarden.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, dir: dir, done: make(chan error, 1)}
	line := append(by, program, "serve", "--config", config, "--data", filepath.Join(dir, "data"))
	r.cmd = exec.Command(line[0], line[1:]...)
	r.cmd.Stdin = strings.NewReader(text)
	logs, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.follow(logs)
		r.done <- r.cmd.Wait()
	}()
	t.Cleanup(func() {
		if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of the daemon:\n%s", r.logged())
		}
	})
	r.until("the daemon is ready", func() bool {
		r.mu.Lock()
		r.url, r.netflow = addresses(r.log.String())
		r.mu.Unlock()
		if r.url == "" || !r.netflow.IsValid() {
			return false
		}
		status, _ := r.get("readyz")
		return status == http.StatusOK
	})
	return r
}

var (
	loggedURL    = regexp.MustCompile(`msg="console is ready" url=(\S+)`)
	loggedSocket = regexp.MustCompile(`msg="listening for flow export" address=(\S+)`)
)

func addresses(log string) (url string, netflow netip.AddrPort) {
	if m := loggedURL.FindStringSubmatch(log); m != nil {
		url = m[1]
	}
	if m := loggedSocket.FindStringSubmatch(log); m != nil {
		netflow, _ = netip.ParseAddrPort(m[1])
	}
	return url, netflow
}

func (r *running) follow(logs io.Reader) {
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		r.mu.Lock()
		r.log.WriteString(lines.Text() + "\n")
		r.mu.Unlock()
	}
}

func (r *running) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// until waits for a condition.
func (r *running) until(what string, condition func() bool) {
	r.t.Helper()
	r.untilWithin(30*time.Second, what, condition)
}

// untilWithin waits longer, for what takes as long as there is to do.
func (r *running) untilWithin(patience time.Duration, what string, condition func() bool) {
	r.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case err := <-r.done:
			r.t.Fatalf("waiting until %s: the daemon ended: %v\n%s", what, err, r.logged())
		case <-limit:
			r.t.Fatalf("after %v it is not so that %s\n%s", patience, what, r.logged())
		}
	}
}

func (r *running) get(path string) (int, string) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metric returns the value of a line of /metrics.
func (r *running) metric(series string) string {
	_, body := r.get("metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			return value
		}
	}
	return ""
}

// signal sends a signal and returns how the daemon ended.
func (r *running) signal(s os.Signal) error {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
	select {
	case err := <-r.done:
		return err
	case <-time.After(time.Minute):
		r.t.Fatalf("the daemon did not end on %v\n%s", s, r.logged())
		return nil
	}
}

// command runs a command on the data of the daemon.
func (r *running) command(args ...string) (stdout string) {
	r.t.Helper()
	out, err := command(r.t.Context(), append([]string{"--data", filepath.Join(r.dir, "data")}, args...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// command runs the program and returns its data, or an error with its words.
func command(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return stdout.String(), fmt.Errorf("linewarden %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// send sends NetFlow v5 datagrams of 30 records each, numbered from first on.
func (r *running) send(first, datagrams int) {
	r.t.Helper()
	conn, err := net.Dial("udp", r.netflow.String())
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range datagrams {
		if _, err := conn.Write(netflow5(uint32(first+i) * 30)); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// netflow5 is a datagram of 30 unsampled flows that enter at interface 10.
func netflow5(sequence uint32) []byte {
	const n = 30
	b := make([]byte, 24+48*n)
	now := time.Now()
	binary.BigEndian.PutUint16(b, 5)
	binary.BigEndian.PutUint16(b[2:], n)
	binary.BigEndian.PutUint32(b[4:], 60_000)
	binary.BigEndian.PutUint32(b[8:], uint32(now.Unix()))
	binary.BigEndian.PutUint32(b[12:], uint32(now.Nanosecond()))
	binary.BigEndian.PutUint32(b[16:], sequence)
	for i := range n {
		r := b[24+48*i:]
		copy(r, []byte{198, 51, 100, byte(i)})
		copy(r[4:], []byte{203, 0, 113, byte(i)})
		binary.BigEndian.PutUint16(r[12:], 10)
		binary.BigEndian.PutUint16(r[14:], 1)
		binary.BigEndian.PutUint32(r[16:], 5)
		binary.BigEndian.PutUint32(r[20:], 5000)
		binary.BigEndian.PutUint32(r[24:], 58_000)
		binary.BigEndian.PutUint32(r[28:], 59_000)
		binary.BigEndian.PutUint16(r[32:], 40000)
		binary.BigEndian.PutUint16(r[34:], 443)
		r[38] = 6
	}
	return b
}

// writeLedgers puts ledgers where the daemon looks for them.
func writeLedgers(t *testing.T, dir string, holder string) {
	t.Helper()
	dir = filepath.Join(dir, "data", "registry")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"enterprises": "enterprise_id,name,nature,place\nE1,甲公司,enterprise,110000\nE2,乙公司,enterprise,110000\n",
		"exporters":   "address,name\n127.0.0.1,edge\n",
		"interfaces":  "exporter,if_index,role,line_id\n127.0.0.1,10,customer,L1\n",
		"lines":       "line_id,enterprise_id,scope,use,valid_from\nL1," + holder + ",domestic,enterprise,2020-01-01\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// flowsOf counts the stored flows by holder.
func (r *running) flowsOf() map[string]int {
	r.t.Helper()
	counts := make(map[string]int)
	for line := range strings.Lines(r.command("flows", "list", "--format", "jsonl")) {
		var f struct {
			Line, Holder  string
			LineDirection string `json:"line_direction"`
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			r.t.Fatal(err)
		}
		if f.Line != "L1" || f.LineDirection != "from_customer" {
			r.t.Fatalf("a flow has no line: %s", line)
		}
		counts[f.Holder]++
	}
	return counts
}

// TestServe lives through the life of a daemon: flows, commands beside it, new
// ledgers, a bad reload, SIGTERM with flows under way, a restart, SIGKILL.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	writeLedgers(t, dir, "E1")
	d := startServe(t, dir)

	const first = 20
	d.send(0, first)
	stored := `linewarden_flow_records_stored_total{exporter="127.0.0.1"}`
	d.until("the first flows are stored", func() bool { return d.metric(stored) == fmt.Sprint(first*30) })
	if got := d.flowsOf(); got["E1"] != first*30 {
		t.Fatalf("stored %v", got)
	}
	// A second daemon must not share the directory.
	_, err := command(t.Context(), "serve", "--config", filepath.Join(dir, "linewarden.yaml"), "--data", filepath.Join(dir, "data"))
	if err == nil || !strings.Contains(err.Error(), "another daemon runs on it") {
		t.Fatalf("a second daemon says %v", err)
	}

	// An engine that is killed is started again, and nothing is lost.
	d.killEngine(t)
	const between = 10
	d.send(first, between)
	d.until("flows are stored by the next engine", func() bool { return d.metric(stored) == fmt.Sprint((first+between)*30) })
	if got := d.metric("linewarden_engine_restarts_total"); got != "1" {
		t.Fatalf("the engine was started again %q times", got)
	}

	d.reload(t)

	// What was sent before SIGTERM is stored, whatever was under way.
	const second = 50
	d.send(first+between, second)
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatalf("the daemon ended with %v\n%s", err, d.logged())
	}
	if got := d.flowsOf(); got["E1"] != (first+between)*30 || got["E2"] != second*30 {
		t.Fatalf("after the drain %v are stored", got)
	}

	// It starts again on what is there, also after it was killed.
	d = startServe(t, dir)
	d.send(first+between+second, first)
	d.until("flows are stored again", func() bool { return d.metric(stored) == fmt.Sprint(first*30) })
	if err := d.signal(syscall.SIGKILL); err == nil {
		t.Fatal("a killed daemon ended well")
	}
	d = startServe(t, dir)
	if got := d.flowsOf(); got["E2"] != (first+second)*30 {
		t.Fatalf("after the kill %v are stored", got)
	}
	d.balanced(t, (first+between+second+first)*30)

	// Flows that come while it is killed are stored with their books, or neither.
	d.send(2*first+between+second, 400)
	d.killMidway(t)
	d = startServe(t, dir)
	d.until("the spool is empty", func() bool { return d.metric("linewarden_spool_entries") == "0" })
	d.balanced(t, d.count())
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// reload changes the ledgers to a broken state and to a new one.
func (d *running) reload(t *testing.T) {
	lines := filepath.Join(d.dir, "data", "registry", "lines.csv")
	if err := os.WriteFile(lines, []byte("line_id,scope\nL1,galactic\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.until("the bad reload shows", func() bool { return d.metric("linewarden_reload_failed") == "1" })
	if !strings.Contains(d.logged(), "lines.csv:2:2") {
		t.Errorf("the log does not name the place: %s", d.logged())
	}
	writeLedgers(t, d.dir, "E2")
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.until("the good reload shows", func() bool { return d.metric("linewarden_reload_failed") == "0" })
}

// TestOccupiedPort names the address another program has.
func TestOccupiedPort(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(taken.Close(), web.Close()) })
	for _, c := range []struct{ config, address string }{
		{"collector: {netflow: {listen: [\"" + taken.LocalAddr().String() + "\"]}}\nbgp: {bmp: {listen: \"127.0.0.1:0\"}}\nhttp: {listen: \"127.0.0.1:0\"}\n", taken.LocalAddr().String()},
		{"http: {listen: \"" + web.Addr().String() + "\"}\n", web.Addr().String()},
	} {
		config := filepath.Join(t.TempDir(), "linewarden.yaml")
		if err := os.WriteFile(config, []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := command(t.Context(), "serve", "--config", config, "--data", t.TempDir())
		if err == nil || !strings.Contains(err.Error(), c.address) || !strings.Contains(err.Error(), "exit status 1") {
			t.Errorf("%s is taken, and serve says %v", c.address, err)
		}
	}
}

// TestDemo plays the whole main job: simulator, sockets, engine, rules.
func TestDemo(t *testing.T) {
	out, err := command(t.Context(), "demo", "--once", "--format", "json", "--http", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "demo"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var o demoOutcome
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		t.Fatal(err)
	}
	missed, wrong := o.compare()
	if len(o.Truth.Must) < 10 || len(missed) > 0 || len(wrong) > 0 {
		t.Errorf("of %d findings %v are missed, %v are wrong", len(o.Truth.Must), missed, wrong)
	}
	if !o.Books.Balanced || o.Books.Records == 0 || o.Books.Records != o.Books.Stored {
		t.Errorf("books are %+v", o.Books)
	}
	if len(o.Withheld) == 0 {
		t.Error("nothing was withheld on the router that loses a fifth of its export")
	}
}

// TestDemoVerdict plants a miss, a false finding and unbalanced books.
func TestDemoVerdict(t *testing.T) {
	good := demoOutcome{Books: demoAccount{Balanced: true}}
	if err := good.verdict(); err != nil {
		t.Errorf("nothing is wrong and the verdict is %v", err)
	}
	var bad demoOutcome
	if err := json.Unmarshal([]byte(`{"findings":[{"rule":"r","subject":{"kind":"line","id":"L1"}}],
		"truth":{"must":[{"rule":"r","subject_kind":"line","subject_id":"L2"}]}}`), &bad); err != nil {
		t.Fatal(err)
	}
	err := bad.verdict()
	for _, want := range []string{"1 findings are missing, the first is r about line L2", "1 findings are wrong, the first is r about line L1", "do not balance"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the verdict is %v, want %q", err, want)
		}
	}
}
