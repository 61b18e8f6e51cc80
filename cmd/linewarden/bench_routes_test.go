package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRoutes feeds a table of 1,000,000 IPv4 and 200,000 IPv6 prefixes, made
// from captures, by one real session to the sessions and table of linewarden,
// to gobgpd and to bird, one after the other, and then 50 neighbours with
// 100,000 routes each. It reports the time until each holds all routes by its own
// account, and the memory it then has, and ends in tables of ratios and of what
// was aimed at. The first is asked for origins meanwhile: while a second neighbour
// flaps 10,000 routes a second, and while the first one, with the whole table, is
// lost. What a day of history takes on disk is measured by BenchmarkRouteDay.
//
// Linewarden runs without a history here, as the others have none; the daemon
// with its history is measured besides.
func BenchmarkRoutes(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	t := newRoutesTable(b, tableIPv4, tableIPv6)
	all := &routesReport{table: t}
	for _, c := range routesCollectors() {
		row := &routesRow{name: c.name, why: c.missing}
		all.rows = append(all.rows, row)
		if c.missing != "" {
			continue
		}
		row.why = "not chosen"
		b.Run(c.name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			row.why = "failed"
			if err := row.measure(b.Context(), b, c, t); err != nil {
				b.Fatal(err)
			}
			row.why = ""
		})
	}
	fmt.Fprint(os.Stdout, all.render())
}

// routesCollector is a program that takes tables.
type routesCollector struct {
	name, missing string
	start         func(ctx context.Context, dir string) (*routesRun, error)
	many          bool // takes 50 neighbours too
}

// routesRun is a collector that runs.
type routesRun struct {
	process *benchProcess // or, of our own,
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	to      string // address of its BGP socket
	count   func(ctx context.Context) (int, error)
}

func (r *routesRun) pid() int {
	if r.cmd != nil {
		return r.cmd.Process.Pid
	}
	return r.process.cmd.Process.Pid
}

func (r *routesRun) ask(order string) (string, error) {
	if _, err := fmt.Fprintln(r.in, order); err != nil {
		return "", err
	}
	for r.out.Scan() {
		if answer, ok := strings.CutPrefix(r.out.Text(), loadAnswer); ok {
			return answer, nil
		}
	}
	return "", errors.Join(errNoAnswer, r.out.Err())
}

func (r *routesRun) stop() error {
	if r.cmd != nil {
		return errors.Join(r.in.Close(), r.cmd.Wait())
	}
	if err := r.process.end(syscall.SIGTERM); err != nil && r.process.cmd.ProcessState == nil {
		return err
	}
	return nil // whatever it says when it is ended
}

// convergeTime bounds the wait for a table, and manyTime that for many of them.
const (
	convergeTime = 5 * time.Minute
	manyTime     = 3 * time.Minute
)

// errSlow says that a collector did not take a table in time.
var errSlow = errors.New("not converged in time")

// converge waits until the collector holds so many routes, and returns how long
// that took since a time, which is bounded. It asks for less than a fifth of the
// time, as some count by going through all routes.
func (r *routesRun) converge(ctx context.Context, want int, since time.Time, most time.Duration) (time.Duration, error) {
	for {
		asked := time.Now()
		n, err := r.count(ctx)
		took := time.Since(since)
		switch {
		case err != nil:
			return 0, err
		case n == want:
			return took, nil
		case took > most:
			return took, fmt.Errorf("%w: %d routes of %d after %v", errSlow, n, want, took)
		}
		timer := time.NewTimer(max(50*time.Millisecond, 5*time.Since(asked)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		}
	}
}

// routesRow is what was found for one collector.
type routesRow struct {
	name, why            string
	converge, manyTime   time.Duration
	memory, manyMemory   int64         // bytes resident
	cpu                  time.Duration // for the table
	manySlow             bool          // manyTime was over before it held all
	manyPeers, manyEvery int
	// Lookups: with nothing going on, while routes flap, and while a table is lost.
	quiet, flapping, scattered, whileDown *lookupStats // flapping like traffic, scattered at random
}

func (w *routesRow) measure(ctx context.Context, b *testing.B, c *routesCollector, t *routesTable) error {
	if err := w.measureTable(ctx, b, c, t); err != nil || !c.many {
		return err
	}
	return w.measureMany(ctx, b, c)
}

// begin starts the collector and opens sessions with it. The caller stops it.
func begin(ctx context.Context, b *testing.B, c *routesCollector, sessions int) (*routesRun, []*routesPeer, error) {
	run, err := c.start(ctx, b.TempDir())
	if err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	opening, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var peers []*routesPeer
	for i := range sessions {
		p, err := dialRoutesPeer(opening, routesNeighbor(i), run.to)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("session with %s: %w", c.name, err), run.stop())
		}
		peers = append(peers, p)
	}
	return run, peers, nil
}

func (w *routesRow) measureTable(ctx context.Context, b *testing.B, c *routesCollector, t *routesTable) (err error) {
	run, peers, err := begin(ctx, b, c, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.stop()) }()
	defer peers[1].close()
	before, err := timesOf(run.pid())
	if err != nil {
		return err
	}
	began := time.Now()
	if err := peers[0].feed(t.messages); err != nil {
		return err
	}
	if w.converge, err = run.converge(ctx, len(t.prefixes), began, convergeTime); err != nil {
		return err
	}
	if w.memory, err = residentMemory(run.pid()); err != nil {
		return err
	}
	after, err := timesOf(run.pid())
	if err != nil {
		return err
	}
	w.cpu = after.minus(before).sum()
	b.ReportMetric(w.converge.Seconds(), "s/table")
	b.ReportMetric(w.cpu.Seconds(), "cpu-s/table")
	b.ReportMetric(float64(w.memory)/1e6, "MB/table")
	defer peers[0].close()
	if run.in == nil {
		return nil
	}
	return w.measureLookups(ctx, b, run, peers, t)
}

// measureLookups asks while nothing goes on, while routes flap, and while a whole
// table is lost.
func (w *routesRow) measureLookups(ctx context.Context, b *testing.B, run *routesRun, peers []*routesPeer, t *routesTable) error {
	ask := func(to **lookupStats, kind string) error {
		answer, err := run.ask("lookups " + kind + " 5s")
		if err != nil {
			return err
		}
		*to = new(lookupStats)
		return (*to).read(answer)
	}
	if err := ask(&w.quiet, askedLikeTraffic); err != nil {
		return err
	}
	flapping, cancel := context.WithCancel(ctx)
	flapped := make(chan error, 1)
	go func() { flapped <- flapRoutes(flapping, peers[1], t) }() // received below
	err := errors.Join(ask(&w.flapping, askedLikeTraffic), ask(&w.scattered, askedAtRandom))
	cancel()
	if err := errors.Join(err, <-flapped); err != nil {
		return err
	}
	b.ReportMetric(w.flapping.perSecond, "lookups/s")
	b.ReportMetric(float64(w.flapping.p99), "lookup-cpu-p99-ns")
	b.ReportMetric(float64(w.scattered.p99), "random-lookup-cpu-p99-ns")
	// The table of the second neighbour answers when that of the first is lost.
	if err := peers[1].feed(t.messages); err != nil {
		return err
	}
	if _, err := run.converge(ctx, 2*len(t.prefixes), time.Now(), convergeTime); err != nil {
		return err
	}
	lost := time.AfterFunc(time.Second, func() { _ = peers[0].conn.Close() })
	defer lost.Stop()
	if err := ask(&w.whileDown, askedLikeTraffic); err != nil {
		return err
	}
	b.ReportMetric(float64(w.whileDown.mostHeld)/1e6, "lookup-max-ms-at-loss")
	return nil
}

// flapRoutes withdraws and announces 10,000 routes a second.
func flapRoutes(ctx context.Context, p *routesPeer, t *routesTable) error {
	attributes := attributesFor([]uint32{peerASN, 65010, 65020}, 1)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var messages [][]byte
		for range 100 {
			prefix := t.prefixes[i/2%100_000]
			if i%2 == 0 {
				messages = append(messages, updateOf(attributes, false, nlriOf(nil, prefix)))
			} else {
				messages = append(messages, withdrawalOf(prefix))
			}
			i++
		}
		if err := p.feed(messages); err != nil {
			return err
		}
	}
}

// The neighbours of the second measurement, and what each announces.
const (
	manyPeers  = 50
	manyRoutes = 100_000
	// needed is the memory that has to be free for it, in bytes.
	needed = 8 << 30
)

func (w *routesRow) measureMany(ctx context.Context, b *testing.B, c *routesCollector) (err error) {
	free, err := availableMemory()
	if err != nil {
		return err
	}
	w.manyPeers, w.manyEvery = manyPeers, manyRoutes
	if free < needed {
		w.manyEvery /= 10
		b.Logf("%d MB are free: each of %d neighbours announces %d routes", free>>20, manyPeers, w.manyEvery)
	}
	part := newRoutesTable(b, w.manyEvery, 0)
	run, peers, err := begin(ctx, b, c, w.manyPeers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.stop()) }()
	began := time.Now()
	sent := make(chan error, len(peers))
	for _, p := range peers {
		defer p.close()
		if err := p.conn.SetWriteDeadline(began.Add(manyTime)); err != nil {
			return err
		}
		go func() { sent <- p.feed(part.messages) }() // received below
	}
	for range peers {
		err = errors.Join(err, <-sent)
	}
	if err == nil {
		w.manyTime, err = run.converge(ctx, w.manyPeers*w.manyEvery, began, manyTime)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		w.manyTime, err = time.Since(began), fmt.Errorf("%w: it did not even read all routes in %v", errSlow, manyTime)
	}
	if w.manySlow = errors.Is(err, errSlow); err != nil && !w.manySlow {
		return err
	}
	if w.manySlow {
		b.Log(err)
	}
	w.manyMemory, err = residentMemory(run.pid())
	b.ReportMetric(w.manyTime.Seconds(), "s/many")
	b.ReportMetric(float64(w.manyMemory)/1e6, "MB/many")
	return err
}

// memoryOf reads a line of a file of /proc in KiB.
func memoryOf(file, name string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s has no %s", file, name)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10, err
}

func residentMemory(pid int) (int64, error) {
	return memoryOf(fmt.Sprintf("/proc/%d/status", pid), "VmRSS")
}

func availableMemory() (int64, error) { return memoryOf("/proc/meminfo", "MemAvailable") }

// freeTCPPort returns a port of the loopback network that was free a moment ago.
func freeTCPPort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// writeIn writes a file of a collector's directory.
func writeIn(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
}
