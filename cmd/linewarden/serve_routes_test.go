package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/speaker"
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
	%s
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	ipv4 { import none; export all; next hop self; };
}
`

// TestServeRoutes runs a daemon beside a real BGP speaker, which is killed: the
// history tells the loss of its session from a withdrawal.
func TestServeRoutes(t *testing.T) {
	dir := t.TempDir()
	d, peer := serveBird(t, dir, "", "")
	assertPeers(t, d, peerRow{Router: "127.0.0.12", Peer: "127.0.0.12", PeerAS: 65001, View: "adj_in", State: "up", Sessions: 1}, 1)
	if err := peer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = peer.Wait() // it was killed
	d.until("the session is lost", func() bool { return d.metric(`linewarden_bgp_peer_up{peer="127.0.0.12"}`) == "0" })
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if peers := listPeers(t, d); len(peers) != 1 || peers[0].PeerAS != 65001 || peers[0].State == "up" || peers[0].Sessions != 1 ||
		peers[0].RoutesIPv4 != nil || peers[0].HistoryBehind != nil {
		t.Errorf("without a daemon peers are %+v", peers)
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

// TestServeSigned takes routes over a session that a password of a file signs,
// and no more of them than the configuration says.
func TestServeSigned(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := speaker.DefaultConfig()
	c.Listen, c.ASN, c.RouterID = []string{"127.0.0.1:0"}, 64500, netip.MustParseAddr("10.0.0.1")
	c.Neighbors = []speaker.Neighbor{{Address: netip.MustParseAddr("127.0.0.12"), ASN: 65001, Password: "correct horse"}}
	if probe, err := speaker.New(c, speaker.Deps{Sink: new(routing), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	} else if err := probe.Start(t.Context()); err != nil {
		t.Skipf("the kernel has no TCP MD5: %v", err)
	} else if err := probe.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	serveBird(t, dir, "", "correct horse")
}

// serveBird runs a daemon with a BGP speaker that announces one prefix, and
// waits for it. Where there is a password, it is in the file password of dir.
func serveBird(t *testing.T, dir, more, password string) (*running, *exec.Cmd) {
	t.Helper()
	bird, err := exec.LookPath("bird")
	if err != nil {
		if _, err = os.Stat("/usr/sbin/bird"); err != nil {
			t.Skip("bird is not installed: the test runs a real BGP speaker, Debian's package bird2")
		}
		bird = "/usr/sbin/bird"
	}
	writeLedgers(t, dir, "E1")
	signed, key := "", ""
	if password != "" {
		signed, key = fmt.Sprintf("password %q;", password), fmt.Sprintf(", password_file: %q, limit_ipv4: 10", filepath.Join(dir, "password"))
	}
	text := strings.Replace(serveConfig, `bgp: {`, `bgp: {listen: "127.0.0.1:0", neighbors: [{address: 127.0.0.12, asn: 65001`+key+`}], `+more, 1)
	// The commands find the daemon by its configuration.
	text = strings.Replace(text, `http: {listen: "127.0.0.1:0"}`, fmt.Sprintf("http: {listen: %q}", freeAddress(t)), 1)
	d := startServeWith(t, dir, text)
	m := regexp.MustCompile(`msg="listening for BGP" address=(\S+)`).FindStringSubmatch(d.logged())
	if m == nil {
		t.Fatalf("no BGP socket in the log:\n%s", d.logged())
	}
	peer := exec.Command(bird, "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid")
	peer.Dir = t.TempDir()
	config := fmt.Sprintf(birdConfig, netip.MustParseAddrPort(m[1]).Port(), signed)
	if err := os.WriteFile(filepath.Join(peer.Dir, "bird.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	peer.Stdout, peer.Stderr = t.Output(), t.Output()
	if err := peer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Process.Kill() }) // most tests have ended it
	d.until("the session is up", func() bool { return d.metric(`linewarden_bgp_peer_up{peer="127.0.0.12"}`) == "1" })
	routes := `linewarden_bgp_routes{peer="127.0.0.12",view="adj_in"}`
	d.until("the route is there", func() bool { return d.metric(routes) == "1" })
	return d, peer
}

// freeAddress returns a loopback address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := freeTCPPort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func listPeers(t *testing.T, d *running) (peers []peerRow) {
	t.Helper()
	text := d.command("routes", "peers", "--format", "json", "--config", filepath.Join(d.dir, "linewarden.yaml"))
	if err := json.Unmarshal([]byte(text), &peers); err != nil {
		t.Fatal(err)
	}
	return peers
}

// assertPeers checks the one peer of a running daemon.
func assertPeers(t *testing.T, d *running, want peerRow, routes int64) {
	t.Helper()
	var peers []peerRow
	d.until("the history has taken everything", func() bool {
		peers = listPeers(t, d)
		return len(peers) == 1 && peers[0].State == "up" && peers[0].HistoryBehind != nil && *peers[0].HistoryBehind == 0
	})
	got := peers[0]
	if got.RoutesIPv4 == nil || *got.RoutesIPv4 != routes || got.RoutesIPv6 == nil || *got.RoutesIPv6 != 0 || got.LastEvent == nil ||
		got.LagSeconds == nil || *got.LagSeconds > 600 {
		t.Errorf("the daemon's part is %+v", got)
	}
	want.Since, want.RoutesIPv4, want.RoutesIPv6 = got.Since, got.RoutesIPv4, got.RoutesIPv6
	want.LastEvent, want.LagSeconds, want.HistoryBehind = got.LastEvent, got.LagSeconds, got.HistoryBehind
	if got != want {
		t.Errorf("the peer is %+v, want %+v", got, want)
	}
}

// TestServeRPKI validates routes by a real cache: when its payloads change, the
// history has the route with another validity from then on.
func TestServeRPKI(t *testing.T) {
	stayrtr, err := exec.LookPath("stayrtr")
	if err != nil {
		t.Skip("stayrtr is not installed: the test runs a real RPKI cache, Debian's package stayrtr")
	}
	dir, address := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "vrps.json")
	payload := func(asn int) {
		text := fmt.Sprintf(`{"metadata":{},"roas":[{"prefix":"203.0.113.0/24","maxLength":24,"asn":"AS%d"}]}`, asn)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	payload(64999)
	cache := exec.Command(stayrtr, "-bind", address, "-cache", file, "-checktime=false", "-refresh", "1", "-metrics.addr", "")
	if err := cache.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Process.Kill() }) // the test ends it, where it passes
	d, _ := serveBird(t, dir, fmt.Sprintf("rpki: {rtr: [{address: %q}]}, ", address), "")
	d.until("the cache has answered", func() bool {
		return d.metric("linewarden_rpki_payloads") == "1" && d.metric(fmt.Sprintf("linewarden_rpki_cache_up{cache=%q}", address)) == "1"
	})
	validity := func(want string) func() bool {
		return func() bool {
			var rows []routeRow
			if err := json.Unmarshal([]byte(d.command("routes", "show", "203.0.113.7", "--format", "json")), &rows); err != nil {
				t.Fatal(err)
			}
			return len(rows) == 1 && rows[0].Validity == want && rows[0].To == ""
		}
	}
	d.until("the route is invalid", validity("invalid"))
	payload(65001)
	d.until("the route is valid", validity("valid"))
	if err := cache.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cache.Wait() // it was killed
	if err := d.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// unheard is a sink to which nobody speaks.
type unheard struct{}

func (unheard) Events(context.Context, []bgp.Event) error { return nil }

// TestNobodyToHear keeps a daemon without neighbours from listening for them:
// the address of the default may be another program's.
func TestNobodyToHear(t *testing.T) {
	cfg, err := LoadConfig("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cfg.BGP.Listen = taken.Addr().String()
	c, err := speakerConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := speaker.New(c, speaker.Deps{Sink: unheard{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Errorf("without neighbours the daemon listens on %q: %v", c.Listen, err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	cfg.BGP.Neighbors = []NeighborConfig{{Address: netip.MustParseAddr("192.0.2.9"), ASN: 65001}}
	if c, err := speakerConfig(cfg); err != nil || len(c.Listen) != 1 || c.Listen[0] != cfg.BGP.Listen || len(c.Neighbors) != 1 {
		t.Errorf("with a neighbour the daemon listens on %q, %v", c.Listen, err)
	}
	cfg.BGP.Neighbors[0].PasswordFile = filepath.Join(t.TempDir(), "missing")
	if _, err := speakerConfig(cfg); err == nil || !strings.Contains(err.Error(), "bgp.neighbors[0].password_file") {
		t.Errorf("without the file of its password: %v", err)
	}
}
