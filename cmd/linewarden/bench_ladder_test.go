package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

// How rates are searched. A climb of short steps finds the region, then each
// repetition finds the highest rate again with longer steps, from new source
// ports, so that the kernel spreads the exporters anew.
const (
	climbFrom   = 60_000 // records a second
	climbBy     = 1.6
	climbTime   = 2 * time.Second
	repeatBy    = 1.1
	repeatTime  = 4 * time.Second
	repeats     = 3
	warmTime    = 500 * time.Millisecond
	highestRate = 5e6 // records a second
	lowestRate  = 1_000
	lookEvery   = 100 * time.Millisecond
	// A step that fails while other programs use more than disturbedBy of the
	// machine is tried again, after waiting for them, at most tries times.
	disturbedBy  = 0.1
	tries        = 3
	calmWithin   = 20 * time.Second
	calmBudget   = time.Minute // of all waiting of a trial
	finishWithin = 500 * time.Millisecond
	stillFor     = 2 * time.Second // without progress nothing more is expected
)

// benchStep is what came of one load.
type benchStep struct {
	asked, rate float64 // records a second
	sent, got   uint64  // records
	// behind is how long after the last datagram the last record was finished.
	behind      time.Duration
	cpu         processTimes // of the collector and of its children
	allocations uint64
	dropped     uint64  // datagrams, by the kernel
	strangers   float64 // what other programs used of all processors
}

// passes tells whether all records arrived, in time, at the rate asked for.
func (s *benchStep) passes(late time.Duration) bool {
	return s.got == s.sent && s.behind <= late && !s.weak()
}

// weak tells that the generator did not reach the rate.
func (s *benchStep) weak() bool { return s.rate < 0.95*s.asked }

func (s *benchStep) String() string {
	return fmt.Sprintf("asked %.0f/s, sent %d at %.0f/s, got %d, finished %v later, kernel dropped %d datagrams, cpu %v+%v, others used %.0f %%",
		s.asked, s.sent, s.rate, s.got, s.behind.Round(time.Millisecond), s.dropped, s.cpu.own, s.cpu.children, 100*s.strangers)
}

// climb returns the highest rate that passes, roughly, from any rate.
func climb(from float64, try func(rate float64, span time.Duration) (bool, error)) (float64, error) {
	good, bad := 0.0, math.Inf(1)
	for rate := from; rate < highestRate && rate > lowestRate; {
		pass, err := try(rate, climbTime)
		if err != nil {
			return 0, err
		}
		if pass {
			good = rate
		} else {
			bad = min(bad, rate)
		}
		switch {
		case good == 0:
			rate /= climbBy
		case math.IsInf(bad, 1):
			rate *= climbBy
		case bad/good > 1.3:
			rate = math.Sqrt(good * bad)
		default:
			return good, nil
		}
	}
	if good == 0 {
		return 0, errors.New("no rate passes without loss")
	}
	return good, nil
}

// repeat returns the highest rate that passes a long step, from a rate near
// it: up until one does not, or down until one does.
func repeat(rate float64, try func(rate float64, span time.Duration) (bool, error)) (float64, error) {
	best, down := 0.0, false
	for rate > lowestRate && rate < highestRate {
		pass, err := try(rate, repeatTime)
		switch {
		case err != nil:
			return 0, err
		case pass && down:
			return rate, nil
		case pass:
			best = rate
			rate *= repeatBy
		case best > 0:
			return best, nil
		default:
			down = true
			rate /= repeatBy
		}
	}
	if best == 0 {
		return 0, errors.New("no rate passes a long step without loss")
	}
	return best, nil
}

// TestLadder finds known capacities, and none where there is none.
func TestLadder(t *testing.T) {
	for _, capacity := range []float64{3_000, 59_000, 61_000, 437_000, 2_100_000} {
		try := func(rate float64, _ time.Duration) (bool, error) { return rate <= capacity, nil }
		found, err := climb(60_000, try)
		if err != nil || found > capacity || found < capacity/1.3 {
			t.Errorf("climbing to %.0f ends at %.0f, %v", capacity, found, err)
		}
		for _, from := range []float64{found, capacity * 1.4} {
			got, err := repeat(from, try)
			if err != nil || got > capacity || got < capacity/1.11 {
				t.Errorf("repeating %.0f from %.0f ends at %.0f, %v", capacity, from, got, err)
			}
		}
	}
	never := func(float64, time.Duration) (bool, error) { return false, nil }
	if rate, err := climb(60_000, never); err == nil {
		t.Errorf("a collector that loses all passes %.0f/s", rate)
	}
	if rate, err := repeat(60_000, never); err == nil {
		t.Errorf("a collector that loses all passes %.0f/s again", rate)
	}
}

// benchTrial measures one collector with one protocol.
type benchTrial struct {
	collector *benchCollector
	protocol  string
	log       func(format string, args ...any)
	note      string // what the reader must know of the figures

	load *loadProcess

	target netip.AddrPort // where the collector receives
	run    *benchRun
	dir    string
	waited time.Duration // for other programs
}

// benchResult is what a trial found. Figures without a value are NaN.
type benchResult struct {
	rates               []float64 // records a second without loss, per repetition
	own, children       float64   // CPU seconds for a million records
	allocations         float64   // per record
	disk                float64   // bytes for a record
	strangers           float64   // what other programs used of all processors
	generatorIsTheLimit bool
}

func (r *benchResult) median() float64 { return medianOf(r.rates) }

func medianOf(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// measure searches the highest rate without loss, and what it costs.
func (t *benchTrial) measure(ctx context.Context) (_ *benchResult, err error) {
	defer func() { err = errors.Join(err, t.end()) }()
	if t.target, err = freePort(); err != nil {
		return nil, err
	}
	if _, err := t.load.ask("aim %s %s", t.protocol, t.target); err != nil {
		return nil, err
	}
	if err := t.awaitCalm(); err != nil {
		return nil, err
	}
	result := &benchResult{allocations: math.NaN(), disk: math.NaN()}
	var best, last *benchStep
	try := func(rate float64, span time.Duration) (pass bool, err error) {
		for range tries {
			if last, err = t.step(ctx, rate, span); err != nil {
				return false, err
			}
			pass = last.passes(t.late())
			t.log("%s %s: pass %v: %v", t.protocol, t.collector.name, pass, last)
			if pass {
				best = last
			}
			if pass || last.strangers < disturbedBy {
				break
			}
			if err := t.awaitCalm(); err != nil {
				return false, err
			}
		}
		return pass, nil
	}
	rate, err := climb(t.collector.expected, try)
	if err != nil {
		return nil, err
	}
	var own, children, allocations, strangers []float64
	for range repeats {
		if err := t.rebind(); err != nil {
			return nil, err
		}
		found, err := repeat(rate, try)
		if err != nil {
			return nil, err
		}
		million := float64(best.sent) / 1e6
		result.rates = append(result.rates, found)
		own = append(own, best.cpu.own.Seconds()/million)
		children = append(children, best.cpu.children.Seconds()/million)
		allocations = append(allocations, float64(best.allocations)/float64(best.sent))
		strangers = append(strangers, best.strangers)
		result.generatorIsTheLimit = result.generatorIsTheLimit || last.weak() && last.got == last.sent
		rate = found
	}
	result.own, result.children, result.strangers = medianOf(own), medianOf(children), medianOf(strangers)
	if t.run != nil && t.run.allocations != nil {
		result.allocations = medianOf(allocations)
	}
	if t.run != nil && t.run.disk != nil {
		if result.disk, err = t.run.disk(ctx); err != nil {
			return nil, err
		}
	}
	if t.run != nil && t.run.check != nil {
		err = t.run.check(ctx)
	}
	return result, err
}

// awaitCalm waits, not for ever, until other programs leave the machine alone.
func (t *benchTrial) awaitCalm() error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	began := time.Now()
	defer func() { t.waited += time.Since(began) }()
	for limit := began.Add(min(calmWithin, calmBudget-t.waited)); time.Now().Before(limit); {
		watch, err := watchStrangers()
		if err != nil {
			return err
		}
		<-tick.C
		if share, err := watch.share(); err != nil || share < disturbedBy/2 {
			return err
		}
	}
	return nil
}

// late is how late records of the collector may be finished.
func (t *benchTrial) late() time.Duration { return finishWithin + t.run.late }

// begin starts collector and generator where they are not running.
func (t *benchTrial) begin(ctx context.Context) (err error) {
	if t.run != nil {
		return nil
	}
	if t.dir, err = os.MkdirTemp("", "linewarden-bench-"); err != nil {
		return err
	}
	if t.run, err = t.collector.start(ctx, t.protocol, t.target, t.dir); err != nil {
		t.run = nil
		return errors.Join(err, os.RemoveAll(t.dir))
	}
	if err := equalBuffers(t.run.cmd.Process.Pid, t.target.Port()); err != nil {
		t.note = err.Error()
	}
	return t.announce()
}

// announce sends templates and gives them a moment to be learned: a collector
// with several workers may otherwise see data first.
func (t *benchTrial) announce() error {
	_, err := t.load.ask("announce")
	<-time.After(200 * time.Millisecond)
	return err
}

func (t *benchTrial) rebind() error {
	if _, err := t.load.ask("rebind"); err != nil || t.run == nil || t.run.usage != nil {
		return err
	}
	return t.announce()
}

// step sends load at a rate for a span, and waits for what becomes of it.
func (t *benchTrial) step(ctx context.Context, rate float64, span time.Duration) (*benchStep, error) {
	if t.run != nil && t.run.taken == nil {
		if err := t.end(); err != nil {
			return nil, err
		}
	}
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	warm, err := t.send(ctx, rate/4, warmTime)
	if err != nil {
		return nil, err
	}
	s, err := t.send(ctx, rate, span)
	if err != nil || t.run.taken != nil {
		return s, err
	}
	// This one tells what it got when it ends; what it does then is its work
	// as well.
	before, err := timesOf(t.run.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	if err := t.run.end(t.run.stop); err != nil {
		return nil, err
	}
	s.cpu.own += max(0, t.run.usedCPU()-before.sum())
	s.got, err = t.run.total()
	s.sent += warm.sent
	s.cpu = processTimes{s.cpu.own + warm.cpu.own, s.cpu.children + warm.cpu.children}
	return s, err
}

// send sends load and waits until the collector is done with it.
func (t *benchTrial) send(ctx context.Context, rate float64, span time.Duration) (*benchStep, error) {
	s := &benchStep{asked: rate}
	before, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	watch, err := watchStrangers()
	if err != nil {
		return nil, err
	}
	sent, err := t.load.send(rate, max(1, int(rate*span.Seconds())))
	if err != nil {
		return nil, err
	}
	s.sent, s.rate = sent.records, sent.rate()
	if s.strangers, err = watch.share(); err != nil {
		return nil, err
	}
	if s.got, s.behind, err = t.finish(ctx, before.taken, s.sent); err != nil {
		return nil, err
	}
	after, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	s.cpu = after.times.minus(before.times)
	s.allocations = after.allocations.since(before.allocations)
	s.dropped = after.dropped - before.dropped
	return s, nil
}

// benchLook is the state of a collector at one moment.
type benchLook struct {
	times          processTimes
	taken, dropped uint64
	allocations    allocated
}

func (t *benchTrial) look(ctx context.Context) (l benchLook, err error) {
	if l.times, err = timesOf(t.run.cmd.Process.Pid); err != nil {
		return l, err
	}
	if _, l.dropped, err = queuedOn(t.target.Port()); err != nil {
		return l, err
	}
	if t.run.taken != nil {
		if l.taken, err = t.run.taken(ctx); err != nil {
			return l, err
		}
	}
	if t.run.allocations != nil {
		l.allocations, err = t.run.allocations(ctx)
	}
	return l, err
}

// finish waits until want records more than before are taken, or, where the
// collector does not tell, until its queue is empty and it rests. It returns
// how many were taken, and how long after its call the last of them was.
func (t *benchTrial) finish(ctx context.Context, before, want uint64) (got uint64, behind time.Duration, err error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	began := time.Now()
	changed := began
	var seen uint64 // records taken, or CPU time
	for time.Since(changed) < stillFor+4*t.run.late && time.Since(began) < time.Minute {
		var (
			now   uint64
			rests bool
		)
		if t.run.taken != nil {
			if got, err = t.run.taken(ctx); err != nil {
				return 0, 0, err
			}
			got -= before
			now = got
		} else {
			now, rests, err = t.rests(seen)
			if err != nil {
				return 0, 0, err
			}
		}
		if now != seen {
			seen, changed = now, time.Now()
		}
		if rests || t.run.taken != nil && got >= want {
			return got, time.Since(began), nil
		}
		<-tick.C
	}
	return got, changed.Sub(began), nil
}

// rests tells whether nothing waits for the collector, and it has used less
// than a tenth of a core since the last call, which returned seen.
func (t *benchTrial) rests(seen uint64) (used uint64, rests bool, err error) {
	queued, _, err := queuedOn(t.target.Port())
	if err != nil {
		return 0, false, err
	}
	times, err := timesOf(t.run.cmd.Process.Pid)
	if err != nil {
		return 0, false, err
	}
	used = uint64(times.sum())
	return used, queued == 0 && used-seen <= uint64(clockTick), nil
}

// end stops what begin started.
func (t *benchTrial) end() error {
	var failures []error
	if t.run != nil {
		if t.run.usage == nil {
			failures = append(failures, t.run.end(t.run.stop))
		}
		t.run = nil
	}
	if t.dir != "" {
		failures = append(failures, os.RemoveAll(t.dir))
		t.dir = ""
	}
	return errors.Join(failures...)
}
