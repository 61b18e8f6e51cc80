package bmp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program returns the path of a program, or skips the test.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

// freePort returns a port of the loopback network that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// daemon runs a program until the test ends, or the returned function is called.
func daemon(t *testing.T, path string, args ...string) (stop func()) {
	t.Helper()
	out := new(quiet)
	c := exec.Command(path, args...)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = c.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(5*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		timer.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), out)
		}
	}
	t.Cleanup(stop)
	return stop
}

// command runs a program to its end, again and again until it succeeds.
func command(t *testing.T, path string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
		if err == nil && !bytes.Contains(out, []byte("rror")) {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
		}
	}
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// has returns a condition that is met once every line was heard.
func has(lines ...string) func([]string) bool {
	return func(heard []string) bool {
		for _, l := range lines {
			if !slices.Contains(heard, l) {
				return false
			}
		}
		return true
	}
}

const gobgpd = `
[global.config]
as = 65001
router-id = "192.0.2.11"
port = %d
local-address-list = ["127.0.0.11"]
[[bmp-servers]]
[bmp-servers.config]
address = "127.0.0.1"
port = %d
route-monitoring-policy = "all"
statistics-timeout = 15
[[neighbors]]
[neighbors.config]
neighbor-address = "127.0.0.12"
peer-as = 65002
[neighbors.transport.config]
passive-mode = true
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv6-unicast"
`

const frr = `
frr defaults traditional
hostname edge1
router bgp 65002
 bgp router-id 192.0.2.12
 no bgp ebgp-requires-policy
 bgp allow-martian-nexthop
 neighbor 127.0.0.11 remote-as 65001
 neighbor 127.0.0.11 port %d
 neighbor 127.0.0.11 update-source 127.0.0.12
 neighbor 127.0.0.11 disable-connected-check
 neighbor 127.0.0.11 timers connect 1
 address-family ipv4 unicast
  network 203.0.113.0/24
  neighbor 127.0.0.11 soft-reconfiguration inbound
 exit-address-family
 address-family ipv6 unicast
  neighbor 127.0.0.11 activate
  neighbor 127.0.0.11 soft-reconfiguration inbound
 exit-address-family
 bmp targets lw
  bmp stats interval 1000
  bmp monitor ipv4 unicast pre-policy
  bmp monitor ipv4 unicast post-policy
  bmp monitor ipv6 unicast pre-policy
  bmp monitor ipv6 unicast post-policy
  bmp connect 127.0.0.1 port %d min-retry 100 max-retry 500
 exit
`

// TestExporters lets FRR and gobgpd hold a session with each other, and mirrors
// what each of them hears, over a loss of the session and of the station.
func TestExporters(t *testing.T) {
	bgpd := program(t, "/usr/lib/frr/bgpd", "bgpd")
	server, client := program(t, "gobgpd"), program(t, "gobgp")
	frrEar, gobgpEar := newEar(), newEar()
	frrStation, _ := start(t, frrEar, nil)
	gobgpStation, _ := start(t, gobgpEar, nil)
	port, api := freePort(t), fmt.Sprint(freePort(t))

	stopServer := daemon(t, server, "-f", file(t, "gobgpd.toml", fmt.Sprintf(gobgpd, port, gobgpStation.Addrs()[0].Port())),
		"--api-hosts", "127.0.0.1:"+api, "--pprof-disable")
	dir := t.TempDir()
	daemon(t, bgpd, "-M", "bmp", "-f", file(t, "bgpd.conf", fmt.Sprintf(frr, port, frrStation.Addrs()[0].Port())),
		"-Z", "-S", "-p", fmt.Sprint(freePort(t)), "-l", "127.0.0.12", "-A", "127.0.0.1", "-P", "0",
		"--vty_socket", dir, "-i", filepath.Join(dir, "bgpd.pid"))

	rib := func(args ...string) { command(t, client, append([]string{"-p", api, "global", "rib"}, args...)...) }
	rib("add", "198.51.100.0/24", "origin", "igp", "aspath", "65010,65020")
	rib("add", "-a", "ipv6", "2001:db8:1::/48", "nexthop", "2001:db8::11")
	const peer = "127.0.0.11/0/"
	frrEar.wait(t, "127.0.0.1", has("up "+peer+"0", "announce "+peer+"0 198.51.100.0/24 id 0",
		"up "+peer+"1", "announce "+peer+"1 198.51.100.0/24 id 0", "announce "+peer+"0 2001:db8:1::/48 id 0"))
	gobgpEar.wait(t, "127.0.0.1", has("up 127.0.0.12/0/0", "announce 127.0.0.12/0/0 203.0.113.0/24 id 0",
		"up invalid IP/0/2", "announce invalid IP/0/2 198.51.100.0/24 id 0"))
	rib("del", "198.51.100.0/24")
	frrEar.wait(t, "127.0.0.1", has("withdraw "+peer+"0 198.51.100.0/24 id 0", "withdraw "+peer+"1 198.51.100.0/24 id 0"))

	// The neighbour goes: its BMP connection ends, and FRR tells of the loss.
	stopServer()
	frrEar.wait(t, "127.0.0.1", has("down "+peer+"0", "down "+peer+"1"))
	gobgpEar.wait(t, "127.0.0.1", func(heard []string) bool {
		last := heard[len(heard)-1]
		return strings.HasPrefix(last, "stale ") || strings.HasPrefix(last, "down ")
	})
	for name, s := range map[string]*Station{"frr": frrStation, "gobgpd": gobgpStation} {
		for _, r := range s.Routers() {
			balance(t, r.Count)
			t.Logf("%s: %+v", name, r)
			// FRR goes on with withdrawals after a Peer Down.
			delete(r.Count.Refused, ReasonNoPeer)
			if len(r.Count.Refused) > 0 {
				t.Errorf("%s: refused %v", name, r.Count.Refused)
			}
		}
	}
	t.Logf("frr: %q", frrEar.wait(t, "127.0.0.1", count(1)))
	t.Logf("gobgpd: %q", gobgpEar.wait(t, "127.0.0.1", count(1)))
}
