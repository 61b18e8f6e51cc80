package speaker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strings"
	"syscall"
	"testing"
	"time"
)

const birdConfig = `
router id 10.0.0.2;
log stderr all;
protocol device { }
ipv4 table extra;
protocol static s4 {
	ipv4;
	include "routes4.conf";
}
protocol static s4b { ipv4; route 10.9.0.0/24 blackhole { preference = 90; bgp_path.prepend(65099); }; }
protocol static s6 {
	ipv6;
	include "routes6.conf";
}
filter sent {
	bgp_community.add((65001, 77));
	bgp_large_community.add((65001, 1, 2));
	bgp_med = 42;
	accept;
}
protocol bgp lw {
	local 127.0.0.12 port %d as 65001;
	neighbor 127.0.0.1 port %d as 64500;
	multihop;
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 2;
	startup hold time 20;
	graceful restart on;
	graceful restart time 30;
	ipv4 { import none; export filter sent; add paths tx; next hop self; secondary; };
	ipv6 { import none; export filter sent; next hop address 2001:db8::12; };
}
`

func birdRoutes(from, n int, six bool) string {
	var b strings.Builder
	for i := from; i < from+n; i++ {
		if six {
			fmt.Fprintf(&b, "route 2001:db8:%x::/48 blackhole;\n", i)
		} else {
			fmt.Fprintf(&b, "route 10.%d.%d.0/24 blackhole;\n", 100+i/256, i%256)
		}
	}
	return b.String()
}

// TestBird exchanges tables with BIRD: whole tables of both families, path
// identifiers, withdrawals, a reset, and a restart.
func TestBird(t *testing.T) {
	t.Parallel()
	program := installed(t, "bird", "birdc")
	tb := newTable()
	_, to, _ := start(t, tb, nil, neighborAt("127.0.0.12"))
	d := newDaemon(t)
	d.file("routes4.conf", birdRoutes(0, 3000, false)+"route 10.9.0.0/24 blackhole;\n")
	d.file("routes6.conf", birdRoutes(0, 1000, true))
	config := strings.Replace(birdConfig, "secondary; ", "", 1)
	d.file("bird.conf", fmt.Sprintf(config, freePort(t), to.Port()))
	d.command = []string{program, "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"}
	d.run()
	control := func(args ...string) { d.tool(append([]string{"birdc", "-s", "bird.ctl"}, args...)...) }
	const peer = "127.0.0.12"
	tb.wait(t, "tables", func() bool {
		return len(tb.routes) == 4002 && tb.times("end4 "+peer) == 1 && tb.times("end6 "+peer) == 1
	})
	tb.expect(t, peer+" 2001:db8:7::/48 0", "2001:db8::12 [65001] 0 42 [4259905613] [[65001 1 2]]")
	same := 0
	tb.mu.Lock()
	for k := range tb.routes {
		if strings.HasPrefix(k, peer+" 10.9.0.0/24 ") && !strings.HasSuffix(k, " 0") {
			same++
		}
	}
	tb.mu.Unlock()
	if same != 2 {
		t.Errorf("%d paths to 10.9.0.0/24, want 2", same)
	}
	d.file("routes4.conf", birdRoutes(0, 2000, false))
	control("configure")
	tb.wait(t, "withdrawals", tb.count(3001))
	control("restart", "lw")
	tb.wait(t, "reset", func() bool { return len(tb.routes) == 3001 && tb.times("up "+peer) == 2 && tb.times("end6 "+peer) == 2 })
	tb.check(t, "one reset", func() bool { return tb.times("down "+peer) == 1 })
	d.kill()
	tb.wait(t, "stale", func() bool { return len(tb.routes) == 3001 && len(tb.stale) == 3001 && tb.times("stale "+peer) == 1 })
	d.file("routes4.conf", birdRoutes(0, 1000, false))
	d.command = append(d.command, "-R")
	d.run()
	tb.wait(t, "restarted", func() bool { return len(tb.routes) == 2001 && tb.times("up "+peer) == 3 && tb.times("end6 "+peer) == 3 })
	tb.check(t, "one reset", func() bool { return tb.times("down "+peer) == 1 })
}

// freePort returns a TCP port that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	s, to, _ := start(t, newTable(), nil, neighborAt("127.0.0.9"))
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return int(to.Port())
}

// TestGoBGP exchanges tables with gobgpd.
func TestGoBGP(t *testing.T) {
	t.Parallel()
	program := installed(t, "gobgpd", "gobgp")
	tb := newTable()
	_, to, _ := start(t, tb, nil, neighborAt("127.0.0.13"))
	d := newDaemon(t)
	api := freePort(t)
	config := fmt.Sprintf(`
[global.config]
as = 65001
router-id = "10.0.0.3"
port = -1
[[neighbors]]
[neighbors.config]
neighbor-address = "127.0.0.1"
peer-as = 64500
[neighbors.transport.config]
local-address = "127.0.0.13"
remote-port = %d
[neighbors.ebgp-multihop.config]
enabled = true
multihop-ttl = 8
[neighbors.timers.config]
connect-retry = 1
[neighbors.graceful-restart.config]
enabled = true
restart-time = 30
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true
[neighbors.afi-safis.add-paths.config]
send-max = 8
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv6-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true
`, to.Port())
	d.file("gobgpd.toml", config)
	d.command = []string{program, "-f", "gobgpd.toml", "--api-hosts", fmt.Sprintf("127.0.0.1:%d", api), "--pprof-disable"}
	d.run()
	control := func(args ...string) { d.tool(append([]string{"gobgp", "-p", fmt.Sprint(api)}, args...)...) }
	for i := range 5 {
		control("global", "rib", "add", "-a", "ipv4", fmt.Sprintf("10.%d.0.0/16", 50+i), "origin", "igp", "med", "7", "community", "65001:9", "aspath", "65010,65011")
		control("global", "rib", "add", "-a", "ipv6", fmt.Sprintf("2001:db8:%x::/48", i), "nexthop", "2001:db8::13")
	}
	control("global", "rib", "add", "-a", "ipv4", "10.50.0.0/16", "identifier", "7", "aspath", "65020")
	const peer = "127.0.0.13"
	tb.wait(t, "tables", func() bool { return len(tb.routes) == 11 && tb.times("up "+peer) == 1 })
	control("global", "rib", "del", "-a", "ipv4", "10.54.0.0/16")
	control("global", "rib", "del", "-a", "ipv6", "2001:db8:4::/48")
	tb.wait(t, "withdrawals", tb.count(9))
	control("neighbor", "127.0.0.1", "disable")
	tb.wait(t, "down", func() bool { return tb.times("down "+peer) == 1 })
	control("neighbor", "127.0.0.1", "enable")
	tb.wait(t, "reset", func() bool { return len(tb.routes) == 9 && tb.times("up "+peer) == 2 && tb.times("down "+peer) == 1 })
	d.kill()
	tb.wait(t, "stale", func() bool { return len(tb.stale) == 9 && tb.times("stale "+peer) == 1 })
	d.command = append(d.command, "-r")
	d.run()
	control("global", "rib", "add", "-a", "ipv4", "10.50.0.0/16")
	tb.wait(t, "restarted", func() bool { return len(tb.routes) == 1 && tb.times("up "+peer) == 3 })
}

// TestFRR exchanges tables with FRRouting's bgpd.
func TestFRR(t *testing.T) {
	t.Parallel()
	installed(t, "vtysh")
	const program = "/usr/lib/frr/bgpd"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("FRRouting is not installed: %v", err)
	}
	tb := newTable()
	_, to, _ := start(t, tb, nil, neighborAt("127.0.0.14"))
	d := newDaemon(t)
	var networks strings.Builder
	for i := range 500 {
		fmt.Fprintf(&networks, "  network 10.%d.%d.0/24\n", 60+i/256, i%256)
	}
	d.file("bgpd.conf", fmt.Sprintf(`
router bgp 65001
 bgp router-id 10.0.0.4
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time 30
 neighbor 127.0.0.1 remote-as 64500
 neighbor 127.0.0.1 port %d
 neighbor 127.0.0.1 update-source 127.0.0.14
 neighbor 127.0.0.1 ebgp-multihop 8
 neighbor 127.0.0.1 timers connect 1
 address-family ipv4 unicast
%s
  neighbor 127.0.0.1 addpath-tx-all-paths
  neighbor 127.0.0.1 route-map toward out
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:1::/48
  network 2001:db8:2::/48
  neighbor 127.0.0.1 activate
  neighbor 127.0.0.1 route-map toward6 out
 exit-address-family
exit
route-map toward permit 10
 set community 65001:5
 set metric 11
exit
route-map toward6 permit 10
 set ipv6 next-hop global 2001:db8::14
exit
`, to.Port(), networks.String()))
	d.command = []string{
		program, "-f", "bgpd.conf", "-Z", "-S", "-p", "0", "-l", "127.0.0.14", "-i", d.dir + "/bgpd.pid",
		"--vty_socket", d.dir, "-A", "127.0.0.1", "-P", fmt.Sprint(freePort(t)), "--log", "stdout", "--log-level", "informational",
	}
	d.run()
	control := func(lines ...string) {
		args := []string{"vtysh", "--vty_socket", d.dir, "-d", "bgpd"}
		for _, l := range lines {
			args = append(args, "-c", l)
		}
		d.tool(args...)
	}
	const peer = "127.0.0.14"
	tb.wait(t, "tables", func() bool {
		return len(tb.routes) == 502 && tb.times("end4 "+peer) == 1 && tb.times("end6 "+peer) == 1
	})
	tb.mu.Lock()
	for k, r := range tb.routes {
		if strings.Contains(k, "10.60.3.0/24") && (r.PathID == 0 || !r.HasMED || r.MED != 11 || r.Path.String() != "65001" || len(r.Communities) != 1) {
			t.Errorf("%s %+v", k, r)
		}
	}
	tb.mu.Unlock()
	control("configure terminal", "router bgp 65001", "address-family ipv4 unicast", "no network 10.60.0.0/24", "no network 10.60.1.0/24")
	tb.wait(t, "withdrawals", tb.count(500))
	control("clear bgp 127.0.0.1")
	tb.wait(t, "reset", func() bool {
		return len(tb.routes) == 500 && tb.times("up "+peer) == 2 && tb.times("down "+peer) == 1 && tb.times("end6 "+peer) == 2
	})
	d.kill()
	tb.wait(t, "stale", func() bool { return len(tb.stale) == 500 && tb.times("stale "+peer) == 1 })
	d.run()
	tb.wait(t, "restarted", func() bool { return len(tb.routes) == 502 && tb.times("up "+peer) == 3 && tb.times("end6 "+peer) >= 3 })
}

// TestExaBGP exchanges tables with ExaBGP.
func TestExaBGP(t *testing.T) {
	t.Parallel()
	program := installed(t, "exabgp")
	tb := newTable()
	_, to, _ := start(t, tb, nil, neighborAt("127.0.0.15"))
	d := newDaemon(t)
	const config = `
neighbor 127.0.0.1 {
	router-id 10.0.0.5;
	local-address 127.0.0.15;
	local-as 65001;
	peer-as 64500;
	connect %d;
	capability { add-path send; asn4 enable; graceful-restart 30; }
	family { ipv4 unicast; ipv6 unicast; }
	static {
		route 10.70.0.0/16 next-hop 127.0.0.15 path-information 1.2.3.4 as-path [ 65001 65030 ] large-community [ 1:2:3 ] med 5;
		route 10.70.0.0/16 next-hop 127.0.0.16 path-information 1.2.3.5 as-path [ 65001 65031 ];
		%s
		route 2001:db8:70::/48 next-hop 2001:db8::15 as-path [ 65001 ];
	}
}
`
	d.file("exabgp.conf", fmt.Sprintf(config, to.Port(), "route 10.71.0.0/16 next-hop 127.0.0.15 path-information 1.2.3.4 as-path [ 65001 ( 65040 65041 ) ];"))
	d.env = []string{"exabgp.daemon.user=root", "exabgp.api.cli=false", "exabgp.log.all=true", "exabgp.log.destination=stderr"}
	d.command = []string{program, "exabgp.conf"}
	d.run()
	const peer = "127.0.0.15"
	tb.wait(t, "tables", func() bool { return len(tb.routes) == 4 })
	tb.expect(t, peer+" 10.70.0.0/16 16909060", "127.0.0.15 [65001 65030] 0 5 [] [[1 2 3]]")
	tb.expect(t, peer+" 10.70.0.0/16 16909061", "127.0.0.16 [65001 65031] 0 0 [] []")
	d.file("exabgp.conf", fmt.Sprintf(config, to.Port(), ""))
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	tb.wait(t, "withdrawal", tb.count(3))
	d.kill()
	tb.wait(t, "stale", func() bool { return len(tb.stale) == 3 && tb.times("stale "+peer) == 1 })
	d.run()
	tb.wait(t, "restarted", func() bool { return len(tb.routes) == 3 && tb.times("up "+peer) == 2 && len(tb.stale) == 0 })
}

// TestOpenBGPD exchanges tables with OpenBGPD.
func TestOpenBGPD(t *testing.T) {
	t.Parallel()
	program := installed(t, "bgpd", "bgpctl")
	tb := newTable()
	_, to, _ := start(t, tb, nil, neighborAt("127.0.0.16"))
	d := newDaemon(t)
	if os.Getuid() != 0 {
		t.Skip("OpenBGPD runs as root only")
	}
	for _, name := range []string{"_openbgpd", "_bgpd"} {
		if u, err := user.Lookup(name); err == nil {
			if _, err := os.Stat(u.HomeDir); err != nil {
				t.Skipf("OpenBGPD has no directory to confine itself to: %v", err)
			}
		}
	}
	const config = `
AS 65001
router-id 10.0.0.6
fib-update no
listen on 127.0.0.16 port %d
socket "%s/bgpd.sock"
connect-retry 1
network 10.80.0.0/16 set { community 65001:8 large-community 65001:1:8 metric 3 }
network 2001:db8:80::/48
%s
neighbor 127.0.0.1 {
	remote-as 64500
	port %d
	local-address 127.0.0.16
	multihop 8
	announce IPv4 unicast
	announce IPv6 unicast
	announce add-path send all
}
allow to any
`
	port := freePort(t)
	conf := func(more string) { d.file("bgpd.conf", fmt.Sprintf(config, port, d.dir, more, to.Port())) }
	conf("network 10.81.0.0/16")
	d.command = []string{program, "-d", "-f", d.dir + "/bgpd.conf"}
	d.run()
	const peer = "127.0.0.16"
	tb.wait(t, "tables", func() bool { return len(tb.routes) == 3 && tb.times("end4 "+peer) == 1 })
	conf("")
	d.tool("bgpctl", "-s", d.dir+"/bgpd.sock", "reload")
	tb.wait(t, "withdrawal", tb.count(2))
	d.tool("bgpctl", "-s", d.dir+"/bgpd.sock", "neighbor", "127.0.0.1", "clear")
	tb.wait(t, "reset", func() bool { return len(tb.routes) == 2 && tb.times("up "+peer) == 2 && tb.times("down "+peer) == 1 })
}

// TestPassword takes a table over a signed connection (RFC 2385), and no unsigned one.
func TestPassword(t *testing.T) {
	// A socket of both families sees IPv4 neighbours by mapped addresses.
	for address, listen := range map[string]string{"127.0.0.17": "127.0.0.1:0", "127.0.0.18": ":0"} {
		t.Run(listen, func(t *testing.T) {
			t.Parallel()
			testPassword(t, address, listen)
		})
	}
}

func testPassword(t *testing.T, address, listen string) {
	t.Helper()
	program := installed(t, "bird")
	tb := newTable()
	n := neighborAt(address)
	n.Password = "correct horse"
	config := DefaultConfig()
	config.Listen, config.ASN, config.RouterID, config.Neighbors = []string{listen}, localASN, netip.MustParseAddr("192.0.2.1"), []Neighbor{n}
	probe, err := New(config, Deps{Sink: tb, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := probe.Start(t.Context()); err != nil {
		t.Skipf("the kernel has no TCP MD5: %v", err)
	}
	if err := probe.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, to, _ := start(t, tb, func(c *Config, _ *Deps) { c.Listen = []string{listen} }, n)
	to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), to.Port())
	d := newDaemon(t)
	conf := func(password string) {
		d.file("bird.conf", fmt.Sprintf(`
router id 10.0.0.7;
log stderr all;
protocol device { }
protocol static { ipv4; route 10.90.0.0/16 blackhole; }
protocol bgp lw {
	local %s port %d as 65001;
	neighbor 127.0.0.1 port %d as 64500;
	multihop;
	connect delay time 1;
	connect retry time 1;
	password "%s";
	ipv4 { import none; export all; };
}
`, address, freePort(t), to.Port(), password))
	}
	conf("correct horse")
	d.command = []string{program, "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"}
	d.run()
	tb.wait(t, "table", func() bool { return len(tb.routes) == 1 })
	if p := s.Peers()[0]; p.State != StateEstablished || p.Neighbor.Password != "" {
		t.Errorf("%+v", p)
	}
	// Without the signature nobody gets in.
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IP(n.Address.AsSlice())}}
	c, err := dialer.DialContext(ctx, "tcp", to.String())
	if err == nil {
		_ = c.Close()
		t.Error("an unsigned connection was taken")
	}
}
