package storage_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/storage"
)

// churn makes route events as sessions of a carrier see them: bursts about some
// prefixes of one origin, popular origins far more often than others, paths
// taken from a few alternatives of each origin and peer, some withdrawn and
// announced again.
type churn struct {
	rng      *rand.Rand
	zipf     *rand.Zipf
	peers    []bgp.PeerKey
	asns     []uint32 // of the peers
	upstream [][]uint32
	origins  []origin
	at       time.Time
	gap      time.Duration // between events, on average
	queue    []storage.RouteEvent
}

// origin is a network and its prefixes.
type origin struct {
	asn      uint32
	prefixes []netip.Prefix
}

func newChurn(seed uint64, origins int, gap time.Duration) *churn {
	c := &churn{rng: rand.New(rand.NewPCG(seed, 3)), at: noon, gap: gap}
	c.zipf = rand.NewZipf(c.rng, 1.15, 20, uint64(origins-1))
	for i, router := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"} {
		peer := netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + i)})
		c.peers = append(c.peers, bgp.PeerKey{Router: netip.MustParseAddr(router), Peer: peer, View: bgp.View(i % 2)})
		c.asns = append(c.asns, [...]uint32{3356, 1299, 174, 64501}[i])
		var pool []uint32
		for range 300 {
			pool = append(pool, c.asns[i]<<16|uint32(c.rng.IntN(9000)))
		}
		c.upstream = append(c.upstream, pool)
	}
	for i := range origins {
		o := origin{asn: uint32(1000 + i*7)}
		if i%5 == 0 {
			o.asn += 200_000
		}
		n := 1 + int(c.rng.ExpFloat64()*12)
		base := c.rng.Uint32()
		for j := range n {
			o.prefixes = append(o.prefixes, c.prefix(base+uint32(j)<<8, i%6 == 0))
		}
		c.origins = append(c.origins, o)
	}
	return c
}

func (c *churn) prefix(base uint32, six bool) netip.Prefix {
	b := [16]byte{0x20, 1, byte(base >> 28), byte(base >> 24), byte(base >> 16), byte(base >> 8)}
	if six {
		return netip.PrefixFrom(netip.AddrFrom16(b), []int{32, 40, 44, 48}[c.rng.IntN(4)]).Masked()
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(1 + base>>24%220), byte(base >> 16), byte(base >> 8), 0}), []int{24, 24, 24, 23, 22, 20, 18, 16}[c.rng.IntN(8)]).Masked()
}

// next returns one event.
func (c *churn) next() storage.RouteEvent {
	for len(c.queue) == 0 {
		c.burst()
	}
	e := c.queue[0]
	c.queue = c.queue[1:]
	c.at = c.at.Add(time.Duration(c.rng.ExpFloat64() * float64(c.gap)).Truncate(time.Microsecond))
	e.At = c.at
	return e
}

// burst queues what follows from a change near one origin: each peer that sees
// it explores some paths, for some of the prefixes.
func (c *churn) burst() {
	o := &c.origins[c.zipf.Uint64()]
	first, n := c.rng.IntN(len(o.prefixes)), 1+c.rng.IntN(len(o.prefixes))
	steps := 1 + c.rng.IntN(4)
	gone := c.rng.IntN(3) == 0
	peers := c.rng.Perm(len(c.peers))[:1+c.rng.IntN(len(c.peers))]
	for step := range steps {
		for _, peer := range peers {
			alternative := c.rng.IntN(4)
			for i := range n {
				e := storage.RouteEvent{Peer: c.peers[peer], PeerAS: c.asns[peer], Validity: storage.RouteValidity(1 + o.asn%2)}
				e.Route.Prefix = o.prefixes[(first+i)%len(o.prefixes)]
				if gone && step == steps-1 {
					e.Kind = storage.RouteWithdrawn
				} else {
					c.attributes(&e.Route, o, peer, alternative)
				}
				c.queue = append(c.queue, e)
			}
		}
	}
}

// attributes are those of one alternative way to an origin: always the same.
func (c *churn) attributes(r *bgp.Route, o *origin, peer, alternative int) {
	rng := rand.New(rand.NewPCG(uint64(o.asn), uint64(peer*8+alternative)))
	path := []uint32{c.asns[peer], []uint32{2914, 6939, 3257, 1273, 6453, 4134, 4837, 9002}[rng.IntN(8)]}
	for range rng.IntN(3) {
		path = append(path, uint32(20_000+rng.IntN(500)*13))
	}
	for range 1 + rng.IntN(2)*rng.IntN(4) {
		path = append(path, o.asn)
	}
	r.Path = bgp.ASPath{{Type: bgp.SegmentSequence, ASNs: path}}
	r.NextHop = c.peers[peer].Peer
	if r.HasMED = peer%2 == 0; r.HasMED {
		r.MED = uint32(rng.IntN(40)) * 10
	}
	for range rng.IntN(9) {
		r.Communities = append(r.Communities, c.upstream[peer][rng.IntN(300)])
	}
	for range rng.IntN(2) * rng.IntN(3) {
		r.LargeCommunities = append(r.LargeCommunities, [3]uint32{c.asns[peer], uint32(rng.IntN(50)), uint32(rng.IntN(50))})
	}
}

// write gives the store n events in chunks and waits for them.
func (c *churn) write(tb testing.TB, w *storage.RouteWriter, n int) {
	tb.Helper()
	chunk := make([]storage.RouteEvent, 0, 1000)
	for n > 0 {
		chunk = chunk[:0]
		for range min(cap(chunk), n) {
			chunk = append(chunk, c.next())
		}
		if err := w.Append(chunk); err != nil {
			tb.Fatal(err)
		}
		n -= len(chunk)
	}
	flushRoutes(tb, w)
}

// BenchmarkRouteDay writes a day of 20 events a second, each batch as if it were
// of five seconds of that day, and reports what it takes on disk after merging,
// and of the 50 MB it may take: with popular origins and with events spread over
// far more prefixes.
func BenchmarkRouteDay(b *testing.B) {
	const events = 24 * 3600 * 20
	for _, bench := range []struct {
		name    string
		origins int
	}{{"popular", 20_000}, {"spread", 300_000}} {
		b.Run(bench.name, func(b *testing.B) {
			var bytes, prefixes, took float64
			for b.Loop() {
				s := open(b, configure(b))
				w := routeWriterOf(b, s, storage.RouteWriterConfig{MaxRows: 100_000})
				c := newChurn(1, bench.origins, 50*time.Millisecond)
				if bench.origins > 100_000 {
					c.zipf = rand.NewZipf(c.rng, 1.01, 100_000, uint64(bench.origins-1))
				}
				begin := time.Now()
				c.write(b, w, events)
				took = time.Since(begin).Seconds()
				for _, statement := range []string{
					"CREATE TABLE day AS routes",
					"INSERT INTO day SELECT * REPLACE (toDateTime(intDiv(toUnixTimestamp(at), 5) * 5 + 3) AS stored, toUInt32(rand() % 100) AS number) FROM routes",
					"OPTIMIZE TABLE day FINAL",
				} {
					if err := s.Exec(b.Context(), statement); err != nil {
						b.Fatal(err)
					}
				}
				bytes = number(b, s, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'day'")
				prefixes = number(b, s, "SELECT uniq(prefix, prefix_bits) FROM day")
			}
			b.ReportMetric(bytes/1e6, "MB/day")
			b.ReportMetric(bytes/50e6, "of-50MB")
			b.ReportMetric(bytes/events, "B/event")
			b.ReportMetric(prefixes, "prefixes")
			b.ReportMetric(events/took, "events/s")
		})
	}
}

func number(tb testing.TB, s *storage.Store, sql string) float64 {
	tb.Helper()
	n, err := s.Number(tb.Context(), sql)
	if err != nil {
		tb.Fatal(err)
	}
	return float64(n)
}

// BenchmarkRouteQuestions asks about random prefixes among five million
// events, and reports the median and the hundredth slowest.
func BenchmarkRouteQuestions(b *testing.B) {
	s := open(b, configure(b))
	w := routeWriterOf(b, s, storage.RouteWriterConfig{MaxRows: 100_000})
	c := newChurn(1, 60_000, 50*time.Millisecond)
	for range 100 { // resets of peers among them
		c.write(b, w, 50_000)
		peer := c.rng.IntN(len(c.peers))
		if err := w.AppendPeers([]storage.PeerEvent{
			{Kind: bgp.PeerDown, Peer: c.peers[peer], At: c.at}, {Kind: bgp.PeerUp, Peer: c.peers[peer], At: c.at.Add(time.Second)},
		}); err != nil {
			b.Fatal(err)
		}
	}
	flushRoutes(b, w)
	// Merged, as a day later.
	if err := s.Exec(b.Context(), "OPTIMIZE TABLE routes FINAL"); err != nil {
		b.Fatal(err)
	}
	end := c.at
	moment := func() time.Time { return noon.Add(time.Duration(c.rng.Int64N(int64(end.Sub(noon))))) }
	some := func(six bool) netip.Prefix {
		for {
			o := &c.origins[c.zipf.Uint64()]
			if p := o.prefixes[c.rng.IntN(len(o.prefixes))]; p.Addr().Is6() == six {
				return p
			}
		}
	}
	seldom := func() netip.Prefix {
		o := &c.origins[c.rng.IntN(len(c.origins))]
		return o.prefixes[c.rng.IntN(len(o.prefixes))]
	}
	for _, bench := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"at/seldom", func() (int, error) {
			list, err := s.RoutesAt(b.Context(), seldom(), moment(), time.Time{})
			return len(list), err
		}},
		{"at/ipv4", func() (int, error) {
			list, err := s.RoutesAt(b.Context(), some(false), moment(), time.Time{})
			return len(list), err
		}},
		{"at/ipv6", func() (int, error) {
			list, err := s.RoutesAt(b.Context(), some(true), moment(), time.Time{})
			return len(list), err
		}},
		{"origins", func() (int, error) {
			from := moment()
			list, err := s.Origins(b.Context(), some(false), from, from.Add(24*time.Hour))
			return len(list), err
		}},
		{"origins-all-time-16", func() (int, error) {
			p := some(false)
			list, err := s.Origins(b.Context(), netip.PrefixFrom(p.Addr(), min(16, p.Bits())).Masked(), noon, end)
			return len(list), err
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var times []time.Duration
			answers, cpu := 0, -cpuTime(b)-engineTime(b)
			for b.Loop() {
				for range 100 {
					begin := time.Now()
					n, err := bench.ask()
					if err != nil {
						b.Fatal(err)
					}
					times, answers = append(times, time.Since(begin)), answers+n
				}
			}
			cpu += cpuTime(b) + engineTime(b)
			slices.Sort(times)
			b.ReportMetric(cpu.Seconds()*1000/float64(len(times)), "cpu-ms")
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(answers)/float64(len(times)), "answers")
		})
	}
}
