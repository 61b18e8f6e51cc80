package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"
)

// soaked is a daemon with the ledgers of the load, and who sends it.
type soaked struct {
	*running
	load *loadProcess
}

// soakConfig is the daemon of the soak. Rules and roll-ups run at their hours.
const soakConfig = `
collector:
  netflow: {listen: ["127.0.0.1:0"]}
  sflow: {listen: ["127.0.0.1:0"]}
  receive_buffer: 16777216
bgp: {bmp: {listen: "127.0.0.1:0"}}
http: {listen: "127.0.0.1:0"}
`

func startSoak(t *testing.T) *soaked {
	t.Helper()
	dir := t.TempDir()
	if err := writeLoadLedgers(filepath.Join(dir, "data", "registry")); err != nil {
		t.Fatal(err)
	}
	s := &soaked{running: startServeWith(t, dir, soakConfig)}
	s.load = aimLoad(t, s.netflow)
	return s
}

// aimLoad starts a load generator of all protocols, and has it send templates.
func aimLoad(t *testing.T, to netip.AddrPort) *loadProcess {
	t.Helper()
	load, err := startLoad()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := load.stop(); err != nil {
			t.Error(err)
		}
	})
	for _, order := range []string{"aim " + loadAll + " " + to.String(), "announce"} {
		if _, err := load.ask("%s", order); err != nil {
			t.Fatal(err)
		}
	}
	return load
}

// order gives the generator an order.
func (s *soaked) order(format string, args ...any) {
	s.t.Helper()
	if _, err := s.load.ask(format, args...); err != nil {
		s.t.Fatal(err)
	}
}

// send sends load for a span and returns what was sent and what became of it.
func (s *soaked) send(rate float64, span time.Duration) (sentLoad, flowSums) {
	s.t.Helper()
	before := s.sums()
	sent, err := s.load.send(rate, max(1, int(rate*span.Seconds())))
	if err != nil {
		s.t.Fatal(err)
	}
	return sent, s.settle(before, sent.records-sent.lostRecords+sent.repeatedRecords)
}

// TestSoak has one daemon live through load, bad weather on the way of the
// datagrams, floods, slow clients and steps of clocks, and wants its rows, its
// books and its metrics to agree at the end.
func TestSoak(t *testing.T) {
	s := startSoak(t)
	for _, part := range []struct {
		name string
		run  func(t *testing.T, s *soaked)
	}{
		{"load", soakLoad},
		{"loss5", func(t *testing.T, s *soaked) { soakLoss(t, s, "loss5", 0.05) }},
		{"loss40", func(t *testing.T, s *soaked) { soakLoss(t, s, "loss40", 0.4) }},
		{"disorder", soakDisorder},
		{"clock", soakClock},
		{"exporters", soakExporters},
		{"templates", soakTemplates},
		{"slowloris", soakSlow},
	} {
		t.Run(part.name, func(t *testing.T) {
			parent := s.t
			s.t = t
			part.run(t, s)
			s.t = parent
		})
	}
	metrics := &scraper{url: s.url + "metrics"}
	if err := checkStored(t.Context(), metrics, filepath.Join(s.dir, "linewarden.yaml"), filepath.Join(s.dir, "data")); err != nil {
		t.Error(err)
	}
}

// soakRate is the rate of parts that are not about speed, in records a second.
const soakRate = 20_000

// soakLoad sends at four fifths of the limit, found before, and watches memory.
func soakLoad(t *testing.T, s *soaked) {
	span, long := soakSpan(t, 3*time.Second, 1)
	limit, every := 1.25*soakRate, 100*time.Millisecond
	if long {
		limit, every = s.limit(t.Context()), time.Second
	}
	s.send(soakRate, 300*time.Millisecond) // what was announced has arrived
	var daemon, engine, spool course
	before, began := s.sums(), time.Now()
	type outcome struct {
		sent sentLoad
		err  error
	}
	done := make(chan outcome, 1)
	go func() { // received below
		sent, err := s.load.send(0.8*limit, int(0.8*limit*span.Seconds()))
		done <- outcome{sent, err}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var o outcome
	for running := true; running; {
		select {
		case o = <-done:
			running = false
		case <-tick.C:
			d, e := s.memory()
			at := time.Since(began)
			daemon.add(at, d)
			engine.add(at, e)
			spool.add(at, float64(s.sums().spoolBytes))
		}
	}
	if o.err != nil {
		t.Fatal(o.err)
	}
	got := s.settle(before, o.sent.records)
	// The kernel tells of each datagram that it dropped, and not what was in it.
	if arrived := o.sent.datagrams + o.sent.announced; got.datagrams != arrived {
		t.Errorf("%d datagrams are in the books, and %d were sent", got.datagrams, arrived)
	}
	const mib = 1 << 20
	if most := daemon.most() / mib; most > 1500 {
		t.Errorf("the daemon takes %.0f MiB", most)
	}
	if slope := daemon.slope() / mib; span >= 10*time.Minute && slope > 100 {
		t.Errorf("the memory of the daemon grows by %.0f MiB an hour", slope)
	}
	keepSoak(t, "load", time.Since(began), map[string]float64{
		"limit": limit, "rate": o.sent.rate(), "sent": float64(o.sent.records), "stored": float64(got.stored), "lost": float64(got.lost),
		"kernel_dropped": float64(got.dropped), "daemon_mib": daemon.last() / mib, "daemon_slope": daemon.slope() / mib,
		"engine_mib": engine.last() / mib, "engine_slope": engine.slope() / mib,
		"spool_mib": spool.last() / mib, "spool_most_mib": spool.most() / mib, "spool_slope": spool.slope() / mib,
	})
}

// limit searches the highest rate that the daemon keeps up with.
func (s *soaked) limit(ctx context.Context) float64 {
	s.t.Helper()
	found, err := climb(100_000, func(rate float64, span time.Duration) (bool, error) {
		before := s.sums() //nolint:contextcheck // of the test
		sent, err := s.load.send(rate, int(rate*span.Seconds()))
		if err != nil {
			return false, err
		}
		began := time.Now()
		got := s.settle(before, sent.records) //nolint:contextcheck // of the test
		return got.dropped == 0 && got.lost == 0 && time.Since(began) < writeAge+finishWithin && sent.rate() > 0.95*rate, ctx.Err()
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// soakLoss loses a share of the datagrams on their way, and wants the sequence
// numbers to tell how many records that were.
func soakLoss(t *testing.T, s *soaked, part string, share float64) {
	span, _ := soakSpan(t, time.Second, 0.05)
	began := time.Now()
	s.order("weather %g 0 0", share)
	sent, got := s.send(soakRate, span)
	s.order("weather 0 0 0")
	// What is lost at the end of the one and before the start of the next is seen
	// with the next datagram.
	off := float64(got.missed)/float64(sent.lostRecords) - 1
	if sent.lostRecords == 0 || off < -0.15 || off > 0.15 {
		t.Errorf("%d records were lost, the sequence numbers say %d", sent.lostRecords, got.missed)
	}
	keepSoak(t, part, time.Since(began), map[string]float64{
		"sent": float64(sent.records), "lost_on_way": float64(sent.lostRecords), "missed": float64(got.missed),
		"received": float64(got.received), "stored": float64(got.stored), "lost": float64(got.lost),
	})
}

// soakDisorder repeats and delays datagrams: nothing may seem to be missing.
func soakDisorder(t *testing.T, s *soaked) {
	span, _ := soakSpan(t, time.Second, 0.05)
	began := time.Now()
	s.send(soakRate, 300*time.Millisecond) // the numbers are known anew after losses
	s.order("weather 0 0.05 0.1")
	sent, got := s.send(soakRate, span)
	s.order("weather 0 0 0")
	if got.gaps != got.reordered {
		t.Errorf("nothing was lost, and of %d units missed %d came late", got.gaps, got.reordered)
	}
	if sent.repeatedRecords == 0 || got.reordered == 0 {
		t.Errorf("nothing was repeated or delayed: %+v, %+v", sent, got)
	}
	keepSoak(t, "disorder", time.Since(began), map[string]float64{
		"sent": float64(sent.records), "repeated": float64(sent.repeatedRecords), "reordered": float64(got.reordered),
		"received": float64(got.received), "stored": float64(got.stored), "lost": float64(got.lost),
	})
}

// soakClock steps the clocks of all exporters ahead and back. Records of that
// time keep their arrival as their time, and are counted.
func soakClock(t *testing.T, s *soaked) {
	span, _ := soakSpan(t, 500*time.Millisecond, 0.01)
	began := time.Now()
	figures := map[string]float64{"sent": 0, "stored": 0, "lost": 0, "skewed": 0}
	for _, step := range []struct {
		offset time.Duration
		skewed bool
	}{{2 * time.Hour, true}, {-26 * time.Hour, true}, {0, false}} {
		s.order("clock %v", step.offset)
		sent, got := s.send(soakRate, span)
		if (got.skewed > 0) != step.skewed {
			t.Errorf("with clocks %v off %d records are counted as off", step.offset, got.skewed)
		}
		for name, v := range map[string]uint64{"sent": sent.records, "stored": got.stored, "lost": got.lost, "skewed": got.skewed} {
			figures[name] += float64(v)
		}
	}
	keepSoak(t, "clock", time.Since(began), figures)
}

// dialFrom opens a socket of an exporter.
func dialFrom(t *testing.T, from netip.Addr, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(fmt.Errorf("be the exporter %s: %w", from, err))
	}
	return c
}
