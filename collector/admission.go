package collector

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Admission says whose datagrams are taken. Those of others are counted and give
// nothing: they are in no books, so that forged addresses cost no memory. What is
// over the rate of an exporter is missing by its sequence numbers, as if it had
// been lost on the way. The zero value takes everything.
type Admission struct {
	// KnownOnly takes the exporters of the ledgers, and those of From, alone.
	KnownOnly bool `yaml:"known_only"`
	// From lists prefixes of exporters; empty is everybody, unless KnownOnly.
	From []netip.Prefix `yaml:"from"`
	// Rate bounds the datagrams a second of each exporter, of which a second's
	// worth may come at once; 0 does not.
	Rate int `yaml:"rate"`
}

// maxBuckets bounds the exporters whose rates are followed. Beyond it all are
// forgotten, which gives each another second's worth.
const maxBuckets = 1 << 16

// Refused is how many datagrams were not taken since the start.
type Refused struct {
	Unknown uint64 // of sources that are not admitted
	Rate    uint64 // over the rate of their exporter
}

// gate is an Admission at work. It is safe for concurrent use.
type gate struct {
	Admission
	known func(netip.Addr) bool

	unknown, over atomic.Uint64

	mu      sync.Mutex // guards buckets
	buckets map[netip.Addr]*bucket
}

// bucket is what an exporter may still send, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

// newGate returns the gate of an admission, nil for one that takes everything.
func newGate(a Admission, known func(netip.Addr) bool) *gate {
	if !a.KnownOnly && len(a.From) == 0 && a.Rate == 0 {
		return nil
	}
	return &gate{Admission: a, known: known, buckets: make(map[netip.Addr]*bucket)}
}

// admits tells whether a datagram of a source, received at a time, is taken, and
// counts it where it is not.
func (g *gate) admits(from netip.Addr, at time.Time) bool {
	switch from = from.Unmap().WithZone(""); {
	case !g.belongs(from):
		g.unknown.Add(1)
	case !g.pays(from, at):
		g.over.Add(1)
	default:
		return true
	}
	return false
}

func (g *gate) belongs(from netip.Addr) bool {
	if !g.KnownOnly && len(g.From) == 0 {
		return true
	}
	for _, p := range g.From {
		if p.Contains(from) {
			return true
		}
	}
	return g.KnownOnly && g.known != nil && g.known(from)
}

// pays takes one datagram out of the bucket of an exporter, which fills by Rate a
// second up to a second's worth.
func (g *gate) pays(from netip.Addr, at time.Time) bool {
	if g.Rate == 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	most := float64(g.Rate)
	b := g.buckets[from]
	if b == nil {
		if len(g.buckets) >= maxBuckets {
			clear(g.buckets)
		}
		b = &bucket{left: most, at: at}
		g.buckets[from] = b
	}
	if since := at.Sub(b.at); since > 0 {
		b.left, b.at = min(most, b.left+since.Seconds()*most), at
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// validate returns what is wrong with an admission, with its key.
func (a Admission) validate(problem func(key, format string, args ...any)) {
	if a.Rate < 0 {
		problem("admit.rate", "%d is negative; 0 sets no bound", a.Rate)
	}
	for i, p := range a.From {
		if p != p.Masked() {
			problem(fmt.Sprintf("admit.from[%d]", i), "%s has host bits, write %s", p, p.Masked())
		}
	}
}

// Refused returns the datagrams that were not taken.
func (c *Collector) Refused() Refused {
	if c.gate == nil {
		return Refused{}
	}
	return Refused{Unknown: c.gate.unknown.Load(), Rate: c.gate.over.Load()}
}
