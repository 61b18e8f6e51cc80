package flows_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
)

var readAt = time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)

// reading is one of a gigabit interface, a number of minutes after the first.
func reading(minute int, in, out uint64) flows.Counters {
	after := time.Duration(minute) * time.Minute
	return flows.Counters{
		Exporter: netip.MustParseAddr("192.0.2.1"), Interface: 7, Source: flows.CountersSNMP,
		At: readAt.Add(after), Uptime: 1000*time.Hour + after, Speed: 1_000_000_000, Kind: 6,
		In: flows.Tally{Octets: in, Unicast: in / 1000}, Out: flows.Tally{Octets: out, Unicast: out / 1000},
	}
}

func TestCountersSince(t *testing.T) {
	const minute = 60 * 125_000_000 // octets of a gigabit interface
	for name, c := range map[string]struct {
		before, after flows.Counters
		change        func(before, after *flows.Counters)
		in, out       uint64
		ok            bool
	}{
		"grown": {before: reading(0, 1000, 500), after: reading(1, 6000, 500), in: 5000, ok: true},
		"wrapped at 32": {
			before: reading(0, 1<<32-1000, 0), after: reading(1, 500, 0), in: 1500, ok: true,
			change: func(_, after *flows.Counters) { after.Narrow, after.Speed = true, 100_000_000 },
		},
		"narrow and too fast": {
			before: reading(0, 1000, 0), after: reading(1, 2000, 0),
			change: func(_, after *flows.Counters) { after.Narrow = true },
		},
		"wrapped at 64":            {before: reading(0, 1<<64-1001, 0), after: reading(1, 500, 0), in: 1501, ok: true},
		"as fast as can":           {before: reading(0, 0, 0), after: reading(1, minute, 0), in: minute, ok: true},
		"faster than can":          {before: reading(0, 0, 0), after: reading(1, 2*minute, 0)},
		"began anew":               {before: reading(0, 1<<40, 1<<40), after: reading(1, 100, 100)},
		"began anew below 32 bits": {before: reading(0, 1<<31, 0), after: reading(1, 100, 0)},
		"restarted": {
			before: reading(0, 1000, 0), after: reading(1, 6000, 0),
			change: func(_, after *flows.Counters) { after.Uptime = 20 * time.Second },
		},
		"discontinuity": {
			before: reading(0, 1000, 0), after: reading(1, 6000, 0),
			change: func(_, after *flows.Counters) { after.Discontinuity = 99 },
		},
		"too far apart": {before: reading(0, 1000, 0), after: reading(21, 6000, 0)},
		"wrong order":   {before: reading(1, 1000, 0), after: reading(0, 6000, 0)},
		"another interface": {
			before: reading(0, 1000, 0), after: reading(1, 6000, 0),
			change: func(_, after *flows.Counters) { after.Interface = 8 },
		},
		"one direction not counted": {
			before: reading(0, 1000, flows.NoCount), after: reading(1, 6000, flows.NoCount), in: 5000, ok: true,
		},
		"nothing counted": {before: reading(0, flows.NoCount, flows.NoCount), after: reading(1, flows.NoCount, flows.NoCount)},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change != nil {
				c.change(&c.before, &c.after)
			}
			n, ok := c.after.Since(&c.before)
			if ok != c.ok || ok && (n.In != c.in || n.Out != c.out) {
				t.Errorf("got %+v, %v; want in %d, out %d, %v", n, ok, c.in, c.out, c.ok)
			}
		})
	}
}

// FuzzCountersSince holds that no two readings make more traffic than the
// interface can carry in the time between them.
func FuzzCountersSince(f *testing.F) {
	f.Add(uint64(1<<32-1), uint64(5), int64(60), int64(60), uint64(1_000_000_000))
	f.Add(uint64(1<<63), uint64(0), int64(30), int64(-900), uint64(0))
	f.Fuzz(func(t *testing.T, before, after uint64, took, ran int64, speed uint64) {
		a, b := reading(0, before, after), reading(0, after, before)
		b.At, b.Uptime, b.Speed = a.At.Add(time.Duration(took)), a.Uptime+time.Duration(ran), speed
		n, ok := b.Since(&a)
		if !ok {
			return
		}
		if n.To.Sub(n.From) != time.Duration(took) || took <= 0 {
			t.Fatalf("a span of %v to %v", n.From, n.To)
		}
		fast := float64(speed)
		if speed == 0 || fast > 1.6e12 {
			fast = 1.6e12
		}
		if most := fast / 8 * time.Duration(took).Seconds() * 1.25; float64(n.In) > most || float64(n.Out) > most {
			t.Fatalf("%d in, %d out, at most %.0f", n.In, n.Out, most)
		}
	})
}
