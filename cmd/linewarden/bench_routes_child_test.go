package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/bgp/rib"
	"github.com/linewarden/linewarden/bgp/speaker"
)

// routesVariable makes the test binary hold sessions and a table, and obey orders.
const routesVariable = "LINEWARDEN_ROUTES_UNDER_LOAD"

// applying is the daemon's way from sessions to the table, without a history.
type applying struct{ table *rib.RIB }

func (a applying) Events(_ context.Context, events []bgp.Event) error {
	for i := range events {
		if err := a.table.Apply(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// routesNeighbor is the address of one of the neighbours that may connect.
func routesNeighbor(i int) string { return fmt.Sprintf("127.0.3.%d", i+1) }

// routesNeighbors is how many may.
const routesNeighbors = 52

// TestRoutesUnderLoad is the process that BenchmarkRoutes measures, when it is
// told so, and else tries its orders.
func TestRoutesUnderLoad(t *testing.T) {
	if os.Getenv(routesVariable) != "" {
		if err := serveRoutesUnderLoad(t.Context(), os.Stdin, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	run, err := startTable(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := dialRoutesPeer(t.Context(), routesNeighbor(0), run.to)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.close()
	table := newRoutesTable(t, 1000, 100)
	if err := peer.feed(table.messages); err != nil {
		t.Fatal(err)
	}
	if _, err := run.converge(t.Context(), 1100, time.Now(), convergeTime); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{askedLikeTraffic, askedAtRandom} {
		answer, err := run.ask("lookups " + kind + " 50ms")
		if err != nil {
			t.Fatal(err)
		}
		var s lookupStats
		if err := s.read(answer); err != nil || s.perSecond < 1000 || s.most < s.p99 || s.p99 < s.p50 || s.mostHeld <= 0 {
			t.Errorf("lookups %s: %q, %v", kind, answer, err)
		}
	}
	for _, order := range []string{"fly", "lookups backwards 50ms", "lookups random"} {
		if answer, err := run.ask(order); err != nil || !strings.HasPrefix(answer, "error") {
			t.Errorf("the order %q is answered by %q, %v", order, answer, err)
		}
	}
	if err := run.stop(); err != nil {
		t.Error(err)
	}
}

func serveRoutesUnderLoad(ctx context.Context, in io.Reader, out io.Writer) error {
	table, err := rib.New(rib.DefaultConfig(), nil)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // waited for below
		table.Run(running)
		close(done)
	}()
	defer func() {
		cancel()
		<-done
	}()
	c := speaker.DefaultConfig()
	c.Listen, c.ASN, c.RouterID = []string{"127.0.0.1:0"}, listenerASN, netip.MustParseAddr("192.0.2.1")
	for i := range routesNeighbors {
		c.Neighbors = append(c.Neighbors, speaker.Neighbor{Address: netip.MustParseAddr(routesNeighbor(i)), ASN: peerASN})
	}
	count := func(key bgp.PeerKey, family bgp.Family) int {
		for _, p := range table.Peers() {
			if p.Key == key && family != bgp.FamilyNone && family <= bgp.FamilyIPv6 {
				return int(p.Routes[family-bgp.FamilyIPv4])
			}
		}
		return 0
	}
	s, err := speaker.New(c, speaker.Deps{Sink: applying{table}, Logger: slog.New(slog.DiscardHandler), Routes: count})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%sready %v\n", loadAnswer, s.Addrs()[0])
	for lines := bufio.NewScanner(in); lines.Scan(); {
		fmt.Fprintln(out, loadAnswer+obeyRoutes(table, lines.Text()))
	}
	return s.Stop(ctx)
}

// obeyRoutes answers "count" and "lookups KIND DURATION".
func obeyRoutes(table *rib.RIB, order string) string {
	word, argument, _ := strings.Cut(order, " ")
	switch word {
	case "count":
		return fmt.Sprint(table.Stats().Routes)
	case "lookups":
		kind, length, _ := strings.Cut(argument, " ")
		if kind != askedLikeTraffic && kind != askedAtRandom {
			return "error unknown lookups " + kind
		}
		d, err := time.ParseDuration(length)
		if err != nil {
			return "error " + err.Error()
		}
		return measureLookups(table, kind, d).String()
	}
	return "error unknown order " + word
}

// The kinds of lookups: of addresses distributed as in traffic, few of them often
// (Zipf, exponent 1.2), and of prefixes that are all asked for alike, which the
// processor has seldom at hand.
const (
	askedLikeTraffic = "traffic"
	askedAtRandom    = "random"
)

// lookupStats are times of lookups, in samples of 32, as reading the clock takes
// about as long as one: the percentiles of processor time of one lookup, and the
// longest time of a sample by the wall clock, and of 16 of them without the time
// in which the thread was ready to go on and others had the processors.
type lookupStats struct {
	perSecond                float64
	p50, p99, most, mostHeld time.Duration
}

func (s lookupStats) String() string {
	return fmt.Sprintf("%.0f %d %d %d %d", s.perSecond, s.p50, s.p99, s.most, s.mostHeld)
}

func (s *lookupStats) read(text string) error {
	_, err := fmt.Sscan(text, &s.perSecond, &s.p50, &s.p99, &s.most, &s.mostHeld)
	return err
}

// measureLookups asks for origins as an enricher does.
func measureLookups(table *rib.RIB, kind string, d time.Duration) lookupStats {
	var all []netip.Addr
	for e := range table.All(0, bgp.FamilyIPv4) {
		all = append(all, e.Prefix.Addr().Next())
	}
	if len(all) < 2 {
		return lookupStats{}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	zipf := rand.NewZipf(rnd, 1.2, 1, uint64(len(all)-1))
	asked := make([]netip.Addr, 1<<20)
	for i := range asked {
		asked[i] = all[i%len(all)]
		if kind == askedLikeTraffic {
			asked[i] = all[zipf.Uint64()]
		}
	}
	runtime.GC()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	exporter := netip.MustParseAddr(routesNeighbor(0))
	waits := newThreadWaits()
	defer waits.close()
	const rounds, samples = 32, 16
	var took []time.Duration
	var s lookupStats
	n := 0
	for began := time.Now(); time.Since(began) < d; {
		waited, block := waits.read(), time.Now()
		for range samples {
			wall, cpu := time.Now(), threadCPU()
			for j := range rounds {
				table.Origin(exporter, asked[(n+j)&(len(asked)-1)], wall)
			}
			took = append(took, (threadCPU()-cpu)/rounds)
			s.most = max(s.most, time.Since(wall))
			n += rounds
		}
		s.mostHeld = max(s.mostHeld, time.Since(block)-(waits.read()-waited))
	}
	slices.Sort(took)
	s.perSecond, s.p50, s.p99 = float64(n)/d.Seconds(), took[len(took)/2], took[len(took)*99/100]
	return s
}

// threadCPU is the processor time of this thread.
func threadCPU() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// threadWaits tells how long this thread was ready to run and did not, as the
// scheduler of Linux counts it.
type threadWaits struct{ file *os.File }

func newThreadWaits() threadWaits {
	f, err := os.Open("/proc/thread-self/schedstat")
	if err != nil {
		return threadWaits{} // a kernel that does not count
	}
	return threadWaits{f}
}

func (w threadWaits) read() time.Duration {
	if w.file == nil {
		return 0
	}
	var text [64]byte
	n, _ := unix.Pread(int(w.file.Fd()), text[:], 0)
	fields := bytes.Fields(text[:n])
	if len(fields) < 2 {
		return 0
	}
	waited, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(waited)
}

func (w threadWaits) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}

var errNoAnswer = errors.New("the process under load does not answer")
