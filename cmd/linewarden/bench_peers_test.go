package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// benchCollector is a collector that can be measured.
type benchCollector struct {
	name string
	// version is what the collector says of itself.
	version string
	// expected is a rate it should reach, in records a second: the search begins
	// there, and is short if that is near the truth.
	expected float64
	// missing says why it cannot run here, empty if it can.
	missing string
	// start starts it for a protocol, receiving on target, with its files in dir.
	start func(ctx context.Context, protocol string, target netip.AddrPort, dir string) (*benchRun, error)
}

// benchRun is a collector that is running.
type benchRun struct {
	*benchProcess
	// taken is how many records it says it has taken and finished so far. It
	// is nil where a collector tells at its end alone.
	taken func(ctx context.Context) (uint64, error)
	// total is how many records it says it got, after its end, where taken is
	// nil.
	total func() (uint64, error)
	// late is how long after a datagram its records may be finished.
	late time.Duration
	// allocations is how many objects it has allocated, nil if it cannot tell.
	allocations func(ctx context.Context) (allocated, error)
	// disk is how many bytes a record takes on disk, nil if it stores none.
	disk func(ctx context.Context) (float64, error)
	// check is what must hold at the end, nil if nothing more is known.
	check func(ctx context.Context) error
	// stop is the signal that ends it.
	stop os.Signal
}

// lookProgram finds an installed program, also where the daemons of a system
// are and users' paths do not look.
func lookProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

// missingOf says which programs are not installed.
func missingOf(remedy string, names ...string) string {
	for _, name := range names {
		if _, err := lookProgram(name); err != nil {
			return name + " is not installed: " + remedy
		}
	}
	return ""
}

// versionOf is the first line of what a program says of its version.
func versionOf(name string, args ...string) string {
	program, err := lookProgram(name)
	if err != nil {
		return ""
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	if err != nil || line == "" {
		return name + " of unknown version"
	}
	return line
}

// The peer that is built from its module; the version is that whose decoders
// this module imports.
const (
	goflow2Program = "github.com/netsampler/goflow2/v2/cmd/goflow2"
	goflow2Version = "v2.2.6"
)

// goflow2Peer builds goflow2 into dir. It writes protobuf to /dev/null.
func goflow2Peer(ctx context.Context, dir string) *benchCollector {
	c := &benchCollector{name: "goflow2 protobuf", version: "goflow2 " + goflow2Version, expected: 160_000}
	build := exec.CommandContext(ctx, "go", "install", goflow2Program+"@"+goflow2Version)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	build.Dir = dir // outside this module, which does not have what its program needs
	if out, err := build.CombinedOutput(); err != nil {
		c.missing = fmt.Sprintf("goflow2 was not built: %s: %v: %s", strings.Join(build.Args, " "), err, out)
		return c
	}
	c.start = func(ctx context.Context, protocol string, target netip.AddrPort, work string) (*benchRun, error) {
		return startGoflow2(ctx, filepath.Join(dir, "goflow2"), protocol, target, work)
	}
	return c
}

func startGoflow2(ctx context.Context, program, protocol string, target netip.AddrPort, dir string) (*benchRun, error) {
	web, err := freePort()
	if err != nil {
		return nil, err
	}
	scheme, series := "netflow", regexp.MustCompile(`(?m)^goflow2_flow_process_nf_flowset_records_total\{.*type="DataFlowSet".*\} (\S+)$`)
	if protocol == "sflow5" {
		scheme, series = "sflow", regexp.MustCompile(`(?m)^goflow2_flow_process_sf_samples_total\{.*type="FlowSample".*\} (\S+)$`)
	}
	p, err := startProcess(dir, program, "-format", "bin", "-transport", "file", "-transport.file", "/dev/null",
		"-listen", fmt.Sprintf("%s://%s/?count=2&workers=2", scheme, target), "-addr", web.String(), "-loglevel", "error")
	if err != nil {
		return nil, err
	}
	metrics := &scraper{url: "http://" + web.String() + "/metrics"}
	return &benchRun{
		benchProcess: p, stop: syscall.SIGTERM,
		taken:       func(ctx context.Context) (uint64, error) { return metrics.sum(ctx, series) },
		allocations: metrics.allocations,
	}, ready(ctx, p, target, "http://"+web.String()+"/__health")
}

// scraper reads the metrics of a collector, which costs the collector
// allocations itself.
type scraper struct {
	url     string
	answers uint64
}

// sum adds up the values of series.
func (m *scraper) sum(ctx context.Context, series *regexp.Regexp) (uint64, error) {
	body, err := fetch(ctx, m.url)
	if err != nil {
		return 0, err
	}
	m.answers++
	sum := 0.0
	for _, found := range series.FindAllStringSubmatch(body, -1) {
		v, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.url, err)
		}
		sum += v
	}
	return uint64(sum), nil
}

// mallocSeries is what Go programs with the usual collector of metrics tell.
var mallocSeries = regexp.MustCompile(`(?m)^go_memstats_mallocs_total (\S+)$`)

// allocated is two readings of a collector's count of allocations, one at once
// after the other, so that what a reading costs is known.
type allocated struct{ first, second, answers uint64 }

func (m *scraper) allocations(ctx context.Context) (a allocated, err error) {
	if a.first, err = m.sum(ctx, mallocSeries); err != nil {
		return a, err
	}
	a.second, err = m.sum(ctx, mallocSeries)
	a.answers = m.answers
	return a, err
}

// since is how much was allocated between two pairs of readings, without what
// the readings and the other answers between them cost.
func (a allocated) since(before allocated) uint64 {
	gross := a.first - before.second
	readings := (a.second - a.first) * (a.answers - 1 - before.answers)
	return gross - min(gross, readings)
}

func fetch(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return string(body), nil
}

// ready waits until a collector receives, and answers on url if there is one.
func ready(ctx context.Context, p *benchProcess, target netip.AddrPort, url string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for {
		sockets, err := udpSockets(target.Port())
		if err == nil && len(sockets) > 0 {
			if url == "" {
				return nil
			}
			if _, err = fetch(ctx, url); err == nil {
				return nil
			}
		}
		select {
		case <-tick.C:
		case end := <-p.ended:
			return fmt.Errorf("%s ended: %w\n%s", p.cmd.Path, end, p.log.String())
		case <-limit:
			return errors.Join(fmt.Errorf("%s is not ready after a minute: %w", p.cmd.Path, err), p.cmd.Process.Kill(), <-p.ended)
		}
	}
}

// pmacctPeer is nfacctd and sfacctd with the print plugin.
func pmacctPeer() *benchCollector {
	return &benchCollector{
		name: "pmacct print", start: startPmacct, expected: 250_000, version: versionOf("nfacctd", "-V"),
		missing: missingOf("install the package pmacct", "nfacctd", "sfacctd"),
	}
}

// pmacctConfig accounts by the key of a flow. The cache is larger than the
// default of 16,411 entries, output is appended because a full cache is
// written out before its time.
const pmacctConfig = `plugins: print
aggregate: peer_src_ip, in_iface, out_iface, src_host, dst_host, src_port, dst_port, proto, tos, tcpflags, src_as, dst_as, flows
%[1]s_ip: 127.0.0.1
%[1]s_port: %[2]d
%[1]s_pipe_size: 8388608
plugin_pipe_size: 33554432
plugin_buffer_size: 65536
print_refresh_time: 600
print_cache_entries: 131071
print_output: csv
print_output_file: %[3]s
print_output_file_append: true
`

func startPmacct(ctx context.Context, protocol string, target netip.AddrPort, dir string) (*benchRun, error) {
	name := "nfacctd"
	if protocol == "sflow5" {
		name = "sfacctd"
	}
	program, err := lookProgram(name)
	if err != nil {
		return nil, err
	}
	config, output := filepath.Join(dir, "pmacct.conf"), filepath.Join(dir, "print.csv")
	if err := os.WriteFile(config, fmt.Appendf(nil, pmacctConfig, name, target.Port(), output), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess(dir, program, "-f", config)
	if err != nil {
		return nil, err
	}
	return &benchRun{
		benchProcess: p, stop: syscall.SIGINT,
		total: func() (uint64, error) { return sumFlows(output) },
	}, ready(ctx, p, target, "")
}

// sumFlows adds up the column FLOWS of what the print plugin wrote.
func sumFlows(file string) (sum uint64, err error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	column := -1
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if i := slices.Index(fields, "FLOWS"); i >= 0 { // also in the middle, where it began anew
			column = i
			continue
		}
		if column < 0 || column >= len(fields) {
			return 0, fmt.Errorf("%s has no column FLOWS: %q", file, lines.Text())
		}
		n, err := strconv.ParseUint(fields[column], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += n
	}
	return sum, lines.Err()
}

// nfdumpPeer is nfcapd and sfcapd, which write files and do not compress them;
// their size is taken after nfdump has compressed them as well as it can (bz2).
func nfdumpPeer() *benchCollector {
	return &benchCollector{
		name: "nfdump", start: startNfdump, expected: 1_500_000, version: versionOf("nfcapd", "-V"),
		missing: missingOf("install the packages nfdump and nfdump-sflow", "nfcapd", "sfcapd", "nfdump"),
	}
}

func startNfdump(ctx context.Context, protocol string, target netip.AddrPort, dir string) (*benchRun, error) {
	name := "nfcapd"
	if protocol == "sflow5" {
		name = "sfcapd"
	}
	program, err := lookProgram(name)
	if err != nil {
		return nil, err
	}
	reader, err := lookProgram("nfdump")
	if err != nil {
		return nil, err
	}
	output := filepath.Join(dir, "flows")
	if err := os.Mkdir(output, 0o755); err != nil {
		return nil, err
	}
	p, err := startProcess(dir, program, "-b", "127.0.0.1", "-p", strconv.Itoa(int(target.Port())),
		"-w", output, "-t", "3600", "-B", strconv.Itoa(benchBuffer))
	if err != nil {
		return nil, err
	}
	total := func() (uint64, error) { return countNfdump(reader, output) }
	return &benchRun{
		benchProcess: p, stop: syscall.SIGTERM, total: total,
		disk: func(ctx context.Context) (float64, error) {
			if out, err := exec.CommandContext(ctx, reader, "-J", "2", "-R", output).CombinedOutput(); err != nil {
				return 0, fmt.Errorf("nfdump -J 2: %w: %s", err, out)
			}
			return diskOf(output, total)
		},
	}, ready(ctx, p, target, "")
}

var nfdumpFlows = regexp.MustCompile(`(?m)^Flows: (\d+)$`)

// countNfdump asks nfdump how many flows are in its files.
func countNfdump(reader, dir string) (uint64, error) {
	out, err := exec.Command(reader, "-I", "-R", dir).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("nfdump -I: %w: %s", err, out)
	}
	m := nfdumpFlows.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("nfdump -I does not tell the flows: %s", out)
	}
	return strconv.ParseUint(string(m[1]), 10, 64)
}

// diskOf is how many bytes of files there are for each record.
func diskOf(dir string, total func() (uint64, error)) (float64, error) {
	n, err := total()
	if err != nil || n == 0 {
		return 0, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	size := int64(0)
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return float64(size) / float64(n), nil
}
