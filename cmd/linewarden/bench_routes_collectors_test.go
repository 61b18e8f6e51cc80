package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// routesCollectors are those that are measured, ours first.
func routesCollectors() []*routesCollector {
	list := []*routesCollector{
		{name: "linewarden", start: startTable, many: true},
		{name: "linewarden, with history", start: startHistory},
		{name: "gobgpd", start: startGobgpd, many: true, missing: lacks("gobgpd", "gobgp")},
		{name: "bird", start: startBird, many: true, missing: lacks("bird", "birdc")},
	}
	return list
}

// lacks says which program is missing, or nothing.
func lacks(programs ...string) string {
	for _, p := range programs {
		if _, err := findProgram(p); err != nil {
			return p + " is not installed"
		}
	}
	return ""
}

// findProgram looks where Debian keeps daemons too.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// startTable starts sessions and table in a process of their own.
func startTable(ctx context.Context, _ string) (*routesRun, error) {
	r := &routesRun{cmd: exec.Command(os.Args[0], "-test.run", "^TestRoutesUnderLoad$", "-test.timeout", "1h")}
	r.cmd.Env, r.cmd.Stderr = append(os.Environ(), routesVariable+"=1"), os.Stderr
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewScanner(out)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for r.out.Scan() {
		if answer, ok := strings.CutPrefix(r.out.Text(), loadAnswer+"ready "); ok {
			r.to = answer
			r.count = func(context.Context) (int, error) {
				answer, err := r.ask("count")
				if err != nil {
					return 0, err
				}
				return strconv.Atoi(answer)
			}
			return r, ctx.Err()
		}
	}
	return nil, errNoAnswer
}

// startHistory starts the daemon, which keeps a history in its embedded engine.
func startHistory(ctx context.Context, dir string) (*routesRun, error) {
	port, err := freeTCPPort(ctx)
	if err != nil {
		return nil, err
	}
	web, err := freeTCPPort(ctx)
	if err != nil {
		return nil, err
	}
	var neighbors []string
	for i := range 2 {
		neighbors = append(neighbors, fmt.Sprintf("{address: %s, asn: %d}", routesNeighbor(i), peerASN))
	}
	config := fmt.Sprintf("collector:\n  netflow: {listen: [\"127.0.0.1:0\"]}\n  sflow: {listen: [\"127.0.0.1:0\"]}\n"+
		"bgp: {listen: \"127.0.0.1:%d\", neighbors: [%s], bmp: {listen: \"127.0.0.1:0\"}}\nhttp: {listen: \"127.0.0.1:%d\"}\n",
		port, strings.Join(neighbors, ", "), web)
	if err := writeIn(dir, "linewarden.yaml", config); err != nil {
		return nil, err
	}
	r := &routesRun{to: fmt.Sprintf("127.0.0.1:%d", port)}
	if r.process, err = startProcess(dir, program, "serve", "--config", "linewarden.yaml", "--data", "data"); err != nil {
		return nil, err
	}
	line := regexp.MustCompile(`(?m)^linewarden_bgp_routes\{[^}]*\} (\S+)$`)
	r.count = func(ctx context.Context) (int, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", web), nil)
		if err != nil {
			return 0, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, nil // it is still starting
		}
		defer func() { _ = resp.Body.Close() }()
		var text strings.Builder
		if _, err := bufio.NewReader(resp.Body).WriteTo(&text); err != nil {
			return 0, err
		}
		return sumOf(line, text.String())
	}
	return r, nil
}

// sumOf adds the numbers that a pattern finds.
func sumOf(pattern *regexp.Regexp, text string) (int, error) {
	sum := 0.0
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return int(sum), nil
}

func startGobgpd(ctx context.Context, dir string) (*routesRun, error) {
	port, err := freeTCPPort(ctx)
	if err != nil {
		return nil, err
	}
	api, err := freeTCPPort(ctx)
	if err != nil {
		return nil, err
	}
	var c strings.Builder
	fmt.Fprintf(&c, "[global.config]\nas = 64500\nrouter-id = \"192.0.2.1\"\nport = %d\nlocal-address-list = [\"127.0.0.1\"]\n", port)
	for i := range routesNeighbors {
		fmt.Fprintf(&c, "[[neighbors]]\n[neighbors.config]\nneighbor-address = %q\npeer-as = %d\n[neighbors.transport.config]\npassive-mode = true\n"+
			"[neighbors.timers.config]\nidle-hold-time-after-reset = 1\n"+
			"[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"ipv4-unicast\"\n"+
			"[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"ipv6-unicast\"\n", routesNeighbor(i), peerASN)
	}
	if err := writeIn(dir, "gobgpd.toml", c.String()); err != nil {
		return nil, err
	}
	daemon, err := findProgram("gobgpd")
	if err != nil {
		return nil, err
	}
	tool, err := findProgram("gobgp")
	if err != nil {
		return nil, err
	}
	r := &routesRun{to: fmt.Sprintf("127.0.0.1:%d", port)}
	if r.process, err = startProcess(dir, daemon, "-f", "gobgpd.toml", "--api-hosts", fmt.Sprintf("127.0.0.1:%d", api), "--pprof-disable", "-l", "warn"); err != nil {
		return nil, err
	}
	// The last column of the list of neighbours; a summary of the table would go
	// through all of it, which takes longer than the tool waits.
	accepted := regexp.MustCompile(`(?m)\|\s+\d+\s+(\d+)\s*$`)
	r.count = func(ctx context.Context) (int, error) {
		out, err := exec.CommandContext(ctx, tool, "-u", "127.0.0.1", "-p", strconv.Itoa(api), "neighbor").Output()
		if err != nil {
			return 0, ctx.Err() // it is busy, and the tool waits for a second alone
		}
		return sumOf(accepted, string(out))
	}
	return r, nil
}

func startBird(ctx context.Context, dir string) (*routesRun, error) {
	port, err := freeTCPPort(ctx)
	if err != nil {
		return nil, err
	}
	var c strings.Builder
	c.WriteString("router id 192.0.2.1;\nlog stderr all;\nprotocol device { }\n")
	for i := range routesNeighbors {
		fmt.Fprintf(&c, "protocol bgp p%d { local 127.0.0.1 port %d as 64500; neighbor %s as %d; passive; multihop;\n"+
			"ipv4 { import all; export none; }; ipv6 { import all; export none; }; }\n", i, port, routesNeighbor(i), peerASN)
	}
	if err := writeIn(dir, "bird.conf", c.String()); err != nil {
		return nil, err
	}
	daemon, err := findProgram("bird")
	if err != nil {
		return nil, err
	}
	tool, err := findProgram("birdc")
	if err != nil {
		return nil, err
	}
	r := &routesRun{to: fmt.Sprintf("127.0.0.1:%d", port)}
	// The names of sockets must be short, and relative ones are.
	if r.process, err = startProcess(dir, daemon, "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"); err != nil {
		return nil, err
	}
	total := regexp.MustCompile(`(?m)^Total: (\d+) of`)
	r.count = func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, tool, "-s", "bird.ctl", "show", "route", "count")
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			return 0, fmt.Errorf("ask bird: %w: %s", err, out)
		}
		return sumOf(total, string(out))
	}
	return r, nil
}

// TestRoutesCollectors feeds each collector a small table, which it has to count.
func TestRoutesCollectors(t *testing.T) {
	table := newRoutesTable(t, 1000, 100)
	for _, c := range routesCollectors() {
		t.Run(c.name, func(t *testing.T) {
			if c.missing != "" {
				t.Skip(c.missing)
			}
			run, err := c.start(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := run.stop(); err != nil {
					t.Error(err)
				}
			}()
			opening, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			peer, err := dialRoutesPeer(opening, routesNeighbor(0), run.to)
			if err != nil {
				t.Fatal(err)
			}
			defer peer.close()
			if err := peer.feed(table.messages); err != nil {
				t.Fatal(err)
			}
			if _, err := run.converge(opening, len(table.prefixes), time.Now(), convergeTime); err != nil {
				t.Fatal(err)
			}
		})
	}
}
