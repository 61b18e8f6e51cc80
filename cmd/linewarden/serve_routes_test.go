package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// birdConfig is a neighbour that announces one prefix.
const birdConfig = `
router id 10.0.0.2;
log stderr all;
protocol device { }
protocol static s4 { ipv4; route 203.0.113.0/24 blackhole; }
protocol bgp lw {
	local 127.0.0.12 as 65001;
	neighbor 127.0.0.1 port %d as 64500;
	multihop;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	ipv4 { import none; export all; next hop self; };
}
`

// TestServeRoutes runs a daemon beside a real BGP speaker, which is killed: the
// history tells the loss of its session from a withdrawal.
func TestServeRoutes(t *testing.T) {
	bird, err := exec.LookPath("bird")
	if err != nil {
		if _, err = os.Stat("/usr/sbin/bird"); err != nil {
			t.Skip("bird is not installed: the test runs a real BGP speaker, Debian's package bird2")
		}
		bird = "/usr/sbin/bird"
	}
	dir := t.TempDir()
	writeLedgers(t, dir, "E1")
	d := startServeWith(t, dir, strings.Replace(serveConfig, `bgp: {`,
		`bgp: {listen: "127.0.0.1:0", neighbors: [{address: 127.0.0.12, asn: 65001}], `, 1))
	m := regexp.MustCompile(`msg="listening for BGP" address=(\S+)`).FindStringSubmatch(d.logged())
	if m == nil {
		t.Fatalf("no BGP socket in the log:\n%s", d.logged())
	}
	peer := exec.Command(bird, "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid")
	peer.Dir = t.TempDir()
	config := fmt.Sprintf(birdConfig, netip.MustParseAddrPort(m[1]).Port())
	if err := os.WriteFile(filepath.Join(peer.Dir, "bird.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	peer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	d.until("the session is up", func() bool { return d.metric(`linewarden_bgp_peer_up{peer="127.0.0.12"}`) == "1" })
	routes := `linewarden_bgp_routes{peer="127.0.0.12",view="adj_in"}`
	d.until("the route is there", func() bool { return d.metric(routes) == "1" })
	if err := peer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = peer.Wait() // it was killed
	d.until("the session is lost", func() bool { return d.metric(`linewarden_bgp_peer_up{peer="127.0.0.12"}`) == "0" })
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	var peers []peerRow
	if err := json.Unmarshal([]byte(d.command("routes", "peers", "--format", "json")), &peers); err != nil {
		t.Fatal(err)
	}
	if len(peers) != 1 || peers[0].PeerAS != 65001 || peers[0].State == "up" || peers[0].Sessions != 1 {
		t.Errorf("peers are %+v", peers)
	}
	var origins []originRow
	text := d.command("routes", "origins", "203.0.113.0/24", "--format", "json")
	if err := json.Unmarshal([]byte(text), &origins); err != nil {
		t.Fatal(err)
	}
	if len(origins) != 1 || origins[0].Origin != 65001 || origins[0].Prefix != "203.0.113.0/24" || len(origins[0].Spans) != 1 {
		t.Errorf("origins are %s", text)
	}
	if text := d.command("routes", "show", "203.0.113.7", "--format", "json"); text != "[]\n" {
		t.Errorf("after the loss there are routes: %s", text)
	}
}

// TestNobodyToHear keeps a daemon without neighbours from listening for them:
// the address of the default may be another program's.
func TestNobodyToHear(t *testing.T) {
	cfg, err := LoadConfig("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if c := speakerConfig(cfg); len(c.Listen) != 0 || cfg.BGP.Listen == "" {
		t.Errorf("without neighbours the daemon listens on %q", c.Listen)
	}
	cfg.BGP.Neighbors = []NeighborConfig{{Address: netip.MustParseAddr("192.0.2.9"), ASN: 65001}}
	if c := speakerConfig(cfg); len(c.Listen) != 1 || c.Listen[0] != cfg.BGP.Listen || len(c.Neighbors) != 1 {
		t.Errorf("with a neighbour the daemon listens on %q", c.Listen)
	}
}
