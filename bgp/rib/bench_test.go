package rib

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func newRIB(tb testing.TB, sink Sink) *RIB {
	tb.Helper()
	r, err := New(DefaultConfig(), sink)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func fill(tb testing.TB, r *RIB, w *world, peer int) {
	tb.Helper()
	w.each(peer, 0, func(e *bgp.Event) {
		if err := r.Apply(e); err != nil {
			tb.Fatal(err)
		}
	})
}

// BenchmarkLoad feeds full tables of one and three peers, and reports the time
// and memory of one route.
func BenchmarkLoad(b *testing.B) {
	w := newWorld(1_000_000, 200_000)
	for _, c := range []struct {
		name  string
		peers int
	}{{"1 peer", 1}, {"3 peers", 3}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				before := heap()
				b.StartTimer()
				runtime.LockOSThread()
				start := threadTime()
				r := newRIB(b, nil)
				for p := range c.peers {
					fill(b, r, w, p)
				}
				b.ReportMetric(float64(threadTime()-start)/float64(r.Stats().Routes), "cpu-ns/route")
				runtime.UnlockOSThread()
				b.StopTimer()
				routes := float64(r.Stats().Routes)
				b.ReportMetric(float64(heap()-before)/routes, "B/route")
				b.ReportMetric(float64(r.Stats().Bytes)/routes, "estimated-B/route")
				b.ReportMetric(float64(r.Stats().Attributes), "sets")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/routes, "ns/route")
				b.StartTimer()
				runtime.KeepAlive(r)
				runtime.KeepAlive(w)
			}
		})
	}
}

// BenchmarkMany feeds 50 peers with 20,000 routes each.
func BenchmarkMany(b *testing.B) {
	w := newWorld(17_000, 3_000)
	for range b.N {
		before := heap()
		start := time.Now()
		r := newRIB(b, nil)
		for p := range 50 {
			fill(b, r, w, p)
		}
		routes := float64(r.Stats().Routes)
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/routes, "ns/route")
		b.ReportMetric(float64(heap()-before)/routes, "B/route")
		runtime.KeepAlive(r)
		runtime.KeepAlive(w)
	}
}

// BenchmarkLookup asks a table of two full peers for random covered addresses.
func BenchmarkLookup(b *testing.B) {
	w := newWorld(1_000_000, 200_000)
	r := newRIB(b, nil)
	fill(b, r, w, 0)
	fill(b, r, w, 1)
	own := peerKey(1).Router
	for _, c := range []struct {
		name     string
		list     []netip.Prefix
		exporter netip.Addr
	}{{"v4 known", w.v4, netip.Addr{}}, {"v4 own", w.v4, own}, {"v6 own", w.v6, own}} {
		b.Run(c.name, func(b *testing.B) {
			addrs := sample(c.list, 1<<16)
			b.ReportAllocs()
			b.ResetTimer()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime()
			for i := range b.N {
				r.Origin(c.exporter, addrs[i&(1<<16-1)], time.Time{})
			}
			b.ReportMetric(float64(threadTime()-start)/float64(b.N), "cpu-ns/op")
		})
		b.Run(c.name+" full answer", func(b *testing.B) {
			addrs := sample(c.list, 1<<16)
			b.ReportAllocs()
			b.ResetTimer()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime()
			for i := range b.N {
				r.Lookup(Query{Exporter: c.exporter, Addr: addrs[i&(1<<16-1)]})
			}
			b.ReportMetric(float64(threadTime()-start)/float64(b.N), "cpu-ns/op")
		})
	}
}

func sample(list []netip.Prefix, n int) []netip.Addr {
	rnd := rand.New(rand.NewPCG(3, 4))
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = list[rnd.IntN(len(list))].Addr().Next()
	}
	return addrs
}

// percentiles sorts and reads durations.
func percentiles(d []time.Duration) (p50, p99, most time.Duration) {
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100], d[len(d)-1]
}

// BenchmarkChurn asks while another peer flaps 10,000 routes a second: for
// addresses of random prefixes, which the processor has seldom at hand, and of
// prefixes as traffic has them, few of them often (Zipf, exponent 1.2). A sample
// is the processor time of 32 lookups, as reading the clock costs about three.
func BenchmarkChurn(b *testing.B) {
	w := newWorld(1_000_000, 200_000)
	r := newRIB(b, nil)
	fill(b, r, w, 0)
	fill(b, r, w, 1)
	stop := flap(b, r, w)
	defer stop()
	runtime.GC()
	rnd := rand.New(rand.NewPCG(5, 6))
	zipf := rand.NewZipf(rnd, 1.2, 1, uint64(len(w.v4)-1))
	skewed := make([]netip.Addr, 1<<16)
	spread := rnd.Perm(len(w.v4)) // the busy prefixes lie anywhere
	for i := range skewed {
		skewed[i] = w.v4[spread[zipf.Uint64()]].Addr().Next()
	}
	for name, addrs := range map[string][]netip.Addr{"random": sample(w.v4, 1<<16), "skewed": skewed} {
		b.Run(name, func(b *testing.B) {
			const rounds = 32
			own := peerKey(1).Router
			took := make([]time.Duration, 0, b.N/rounds+1)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			clock := threadTime()
			clock = threadTime() - clock
			b.ResetTimer()
			for i := 0; i < b.N; i += rounds {
				start := threadTime()
				for j := range rounds {
					r.Origin(own, addrs[(i+j)&(1<<16-1)], time.Time{})
				}
				took = append(took, max(0, threadTime()-start-clock)/rounds)
			}
			p50, p99, most := percentiles(took)
			b.ReportMetric(float64(p50), "cpu-p50-ns")
			b.ReportMetric(float64(p99), "cpu-p99-ns")
			b.ReportMetric(float64(most), "cpu-max-ns")
		})
	}
}

// flap lets one peer withdraw and announce 10,000 routes a second until the returned function is called.
func flap(b *testing.B, r *RIB, w *world) (stop func()) {
	var events []bgp.Event
	w.each(1, 1, func(e *bgp.Event) {
		if len(events) < 100_000 {
			events = append(events, *e)
		}
	})
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			for range 100 {
				e := events[i/2%len(events)]
				if i%2 == 0 {
					e = bgp.Event{Kind: bgp.Withdraw, Peer: e.Peer, Route: bgp.Route{Prefix: e.Route.Prefix}}
				}
				i++
				if err := r.Apply(&e); err != nil {
					b.Error(err)
				}
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// BenchmarkPeerDown ends a peer with a full table beside another one, and
// reports the longest lookup and the longest write meanwhile.
func BenchmarkPeerDown(b *testing.B) {
	w := newWorld(1_000_000, 200_000)
	for range b.N {
		r := newRIB(b, nil)
		fill(b, r, w, 0)
		fill(b, r, w, 1)
		var events []bgp.Event
		w.each(0, 2, func(e *bgp.Event) {
			if len(events) < 50_000 {
				events = append(events, *e)
			}
		})
		runtime.GC()
		addrs := sample(w.v4, 1<<16)
		down := bgp.Event{Kind: bgp.PeerDown, Peer: peerKey(1)}
		start := time.Now()
		if err := r.Apply(&down); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Microseconds()), "apply-µs")
		var wg sync.WaitGroup
		done := make(chan struct{})
		wg.Go(func() {
			r.Sweep()
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "sweep-ms")
			close(done)
		})
		var lookups, writes []time.Duration
		for i, more := 0, true; more; i++ {
			select {
			case <-done:
				more = false
			default:
			}
			t0 := time.Now()
			r.Origin(netip.Addr{}, addrs[i&(1<<16-1)], t0)
			t1 := time.Now()
			if err := r.Apply(&events[i%len(events)]); err != nil {
				b.Fatal(err)
			}
			lookups, writes = append(lookups, t1.Sub(t0)), append(writes, time.Since(t1))
		}
		wg.Wait()
		_, p99, most := percentiles(lookups)
		b.ReportMetric(float64(p99), "lookup-p99-ns")
		b.ReportMetric(float64(most)/1e6, "lookup-max-ms")
		_, _, most = percentiles(writes)
		b.ReportMetric(float64(most)/1e6, "write-max-ms")
	}
}

// BenchmarkSlice reports the longest time, of the processor's, that a sweep of a
// full table keeps other writers waiting.
func BenchmarkSlice(b *testing.B) {
	w := newWorld(1_000_000, 200_000)
	for range b.N {
		r := newRIB(b, nil)
		fill(b, r, w, 0)
		fill(b, r, w, 1)
		runtime.GC()
		if err := r.Apply(&bgp.Event{Kind: bgp.PeerDown, Peer: peerKey(1)}); err != nil {
			b.Fatal(err)
		}
		runtime.LockOSThread()
		var took []time.Duration
		for _, t := range r.global {
			var c cursor[path]
			for more := true; more; {
				start := threadTime()
				more = t.sweepSlice(&c, sliceLength)
				took = append(took, threadTime()-start)
			}
		}
		runtime.UnlockOSThread()
		p50, p99, most := percentiles(took)
		b.ReportMetric(float64(p50.Microseconds()), "p50-µs")
		b.ReportMetric(float64(p99.Microseconds()), "p99-µs")
		b.ReportMetric(float64(most.Microseconds()), "max-µs")
	}
}
