package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFileWatch takes a change once it has settled, and each one once.
func TestFileWatch(t *testing.T) {
	dir := t.TempDir()
	file, ledgers := filepath.Join(dir, "linewarden.yaml"), filepath.Join(dir, "registry")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(ledgers, 0o700); err != nil {
		t.Fatal(err)
	}
	write(file, "a")
	sources := []string{file, "", ledgers, filepath.Join(dir, "absent.pem")}
	w := newFileWatch(sources)
	look := func(when string, want bool) {
		t.Helper()
		if got := w.changed(sources); got != want {
			t.Errorf("%s: changed is %v", when, got)
		}
	}
	look("nothing has happened", false)
	write(filepath.Join(ledgers, "lines.csv"), "line_id\n")
	look("a ledger is new", false)
	write(filepath.Join(ledgers, "asns.csv"), "asn\n")
	look("another one follows", false)
	look("both are there", true)
	w.reset(sources)
	look("they were taken", false)
	write(filepath.Join(dir, "absent.pem"), "x")
	look("a file has come", false)
	look("it stays", true)
	if err := os.Remove(filepath.Join(dir, "absent.pem")); err != nil {
		t.Fatal(err)
	}
	look("it is gone", false)
	look("all is as it was read", false)
}

// TestServeWatch changes the ledgers of a daemon that watches them and logs in
// JSON, to a broken state and to a good one, without a signal.
func TestServeWatch(t *testing.T) {
	dir := t.TempDir()
	writeLedgers(t, dir, "E1")
	d := startServeWith(t, dir, serveConfig+"reload: {watch: 1s}\n")
	lines := filepath.Join(dir, "data", "registry", "lines.csv")
	if err := os.WriteFile(lines, []byte("line_id,scope\nL1,galactic\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.until("the bad ledger shows", func() bool { return d.metric("linewarden_reload_failed") == "1" })
	if _, body := d.get("readyz"); !strings.Contains(body, "the last reload failed") {
		t.Errorf("readyz does not tell of it: %s", body)
	}
	writeLedgers(t, dir, "E2")
	d.until("the good ledger shows", func() bool { return d.metric("linewarden_reload_failed") == "0" })
	d.send(0, 2)
	d.until("flows are stored", func() bool { return d.metric(`linewarden_flow_records_stored_total{exporter="127.0.0.1"}`) == "60" })
	if got := d.flowsOf(); got["E2"] != 60 {
		t.Errorf("stored %v", got)
	}
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestReloadNeighbors changes the BGP neighbours of a running daemon by its
// configuration, and then by one that is bad, which changes nothing.
func TestReloadNeighbors(t *testing.T) {
	dir := t.TempDir()
	text := func(neighbors string) string {
		return strings.Replace(serveConfig, "bgp: {", `bgp: {listen: "127.0.0.1:0", neighbors: [`+neighbors+`], `, 1)
	}
	d := startServeWith(t, dir, text(""))
	reload := func(neighbors, failed string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "linewarden.yaml"), []byte(text(neighbors)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		d.until("the reload shows", func() bool { return d.metric("linewarden_reload_failed") == failed })
	}
	state := func(peer string) string { return d.metric(`linewarden_bgp_peer_up{peer="` + peer + `"}`) }
	reload("{address: 127.0.0.21, asn: 65001}, {address: 127.0.0.22, asn: 65001}", "0")
	d.until("the neighbors are there", func() bool { return state("127.0.0.21") == "0" && state("127.0.0.22") == "0" })
	// The second neighbour has no password there is: the first one does not go.
	reload("{address: 127.0.0.23, asn: 65001}, {address: 127.0.0.24, asn: 65001, password_file: /none}", "1")
	if state("127.0.0.21") != "0" || state("127.0.0.23") != "" {
		t.Errorf("a bad list is taken in part: %q %q", state("127.0.0.21"), state("127.0.0.23"))
	}
	reload("{address: 127.0.0.22, asn: 65002}", "0")
	d.until("one is gone", func() bool { return state("127.0.0.21") == "" && state("127.0.0.22") == "0" })
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestDaemonLogger wants an object a line, with errors as what they say.
func TestDaemonLogger(t *testing.T) {
	var out strings.Builder
	g := &globals{streams: streams{err: &out}}
	g.daemonLogger(logJSON).Info("done", "error", os.ErrNotExist, "exporter", "192.0.2.1")
	var line map[string]any
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil || line["msg"] != "done" || line["error"] != "file does not exist" || line["exporter"] != "192.0.2.1" {
		t.Errorf("%v: %s", err, out.String())
	}
	out.Reset()
	g.daemonLogger(logText).Info("done")
	if !strings.Contains(out.String(), "msg=done") {
		t.Errorf("as text: %s", out.String())
	}
}

// TestLifeConfig refuses what cannot be.
func TestLifeConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "linewarden.yaml")
	text := "log: {format: xml}\nreload: {watch: 10ms}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadConfig(file, t.TempDir())
	for _, want := range []string{`log.format: "xml" is neither "text" nor "json"`, "reload.watch: 10ms is less than a second"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the configuration says %v, want %q", err, want)
		}
	}
}
