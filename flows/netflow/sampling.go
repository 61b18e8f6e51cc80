package netflow

import (
	"math"
	"math/bits"
	"slices"

	"github.com/linewarden/linewarden/flows"
)

// Bounds of what is remembered about sampling, per domain.
const (
	maxScopes  = 4096
	maxHistory = 8
	maxUsed    = 256
)

// maxRate is the largest sampling rate that is believed.
const maxRate = 1 << 31

// Selector algorithms (element 304, registry of RFC 5477).
const (
	systematicCount = 1
	systematicTime  = 2
	randomNOutOfN   = 3
	probabilistic   = 4
)

// announcement is what a record, or a record of options data, says about
// sampling.
type announcement struct {
	interval       uint64 // 34, or that of a v5 header
	random         uint64 // 50
	algorithm      uint64 // 304
	packetInterval uint64 // 305
	packetSpace    uint64 // 306
	timeInterval   uint64 // 307
	timeSpace      uint64 // 308
	sampleSize     uint64 // 309
	population     uint64 // 310
	probability    float64
	spaced         bool // 306 is there
}

func setInterval(w *row, b []byte)       { w.interval = plainInterval(b) }
func setRandomInterval(w *row, b []byte) { w.random = number(b) }
func setAlgorithm(w *row, b []byte)      { w.algorithm = number(b) }
func setPacketInterval(w *row, b []byte) { w.packetInterval = number(b) }
func setPacketSpace(w *row, b []byte)    { w.packetSpace, w.spaced = number(b), true }
func setTimeInterval(w *row, b []byte)   { w.timeInterval = number(b) }
func setTimeSpace(w *row, b []byte)      { w.timeSpace = number(b) }
func setSampleSize(w *row, b []byte)     { w.sampleSize = number(b) }
func setPopulation(w *row, b []byte)     { w.population = number(b) }

func setProbability(w *row, b []byte) {
	w.probability = math.Float64frombits(number(b))
	if len(b) == 4 {
		w.probability = float64(math.Float32frombits(be32(b)))
	}
}

func setSampler(w *row, b []byte) {
	if w.has&hasSampler == 0 || w.sampler == 0 {
		w.sampler, w.has = number(b), w.has|hasSampler
	}
}

// plainInterval reads a samplingInterval. RouterOS (MikroTik) sends the four
// octets in the order of its processor, least significant first. Its rates are
// below 65536, so that the first two octets as sent are the whole value and the
// last two are zero; what reads as a multiple of 65536 is taken for that. A true
// interval of exactly 65536, 131072 and so on cannot be told from it; other
// exporters have not been seen to send one.
func plainInterval(b []byte) uint64 {
	n := number(b)
	if len(b) == 4 && n != 0 && n&0xffff == 0 {
		return uint64(bits.ReverseBytes32(uint32(n)))
	}
	return n
}

// rate returns how many packets one selected packet stands for, 0 if nothing
// was said.
func (a *announcement) rate() uint64 {
	if a.random|a.interval != 0 {
		if a.random != 0 {
			return sane(a.random)
		}
		return sane(a.interval)
	}
	if a.packetInterval|a.sampleSize|a.timeInterval == 0 && a.probability == 0 {
		return 0
	}
	return a.psamp()
}

// psamp returns the rate of the PSAMP elements (RFC 5477 section 8.2). The
// algorithm chooses among them; without it the one that says something does.
func (a *announcement) psamp() uint64 {
	switch a.algorithm {
	case systematicCount:
		if n := a.systematic(); n != 0 {
			return n
		}
	case systematicTime:
		if n := every(a.timeInterval, a.timeSpace); n != 0 {
			return n
		}
	case probabilistic:
		if n := a.probable(); n != 0 {
			return n
		}
	}
	if n := ratio(a.population, a.sampleSize); n != 0 {
		return n
	}
	if n := a.systematic(); n != 0 {
		return n
	}
	if n := every(a.timeInterval, a.timeSpace); n != 0 {
		return n
	}
	return a.probable()
}

// systematic returns the rate of selecting packetInterval packets and then
// skipping packetSpace. Exporters that send no space use the interval as
// element 34, whose successor it is.
func (a *announcement) systematic() uint64 {
	if !a.spaced {
		return sane(a.packetInterval)
	}
	return every(a.packetInterval, a.packetSpace)
}

func (a *announcement) probable() uint64 {
	if !(a.probability > 0 && a.probability <= 1) {
		return 0
	}
	return sane(uint64(math.Round(min(1/a.probability, 2*maxRate))))
}

// every returns the rate of taking n and leaving m.
func every(n, m uint64) uint64 {
	if n+m < n {
		return 0
	}
	return ratio(n+m, n)
}

// ratio returns a / b rounded, 0 if it says nothing.
func ratio(a, b uint64) uint64 {
	if b == 0 || a < b {
		return 0
	}
	n := a / b
	if a%b >= b-a%b {
		n++
	}
	return sane(n)
}

func sane(n uint64) uint64 {
	if n > maxRate {
		return 0
	}
	return n
}

// history is the rates of one sampler over time, oldest first.
type history struct {
	n    int
	from [maxHistory]int64 // Unix nanoseconds
	rate [maxHistory]uint64
}

// at returns the rate at a time: the last one known then, before all of them
// the first.
func (h *history) at(t int64) uint64 {
	for i := h.n - 1; i > 0; i-- {
		if h.from[i] <= t {
			return h.rate[i]
		}
	}
	return h.rate[0]
}

// add remembers that the rate was announced at a time.
func (h *history) add(t int64, rate uint64) {
	i := h.n
	for i > 0 && h.from[i-1] > t {
		i--
	}
	if i > 0 && h.rate[i-1] == rate {
		return // said before
	}
	if i > 0 && h.from[i-1] == t {
		h.rate[i-1] = rate
		return
	}
	if i < h.n && h.rate[i] == rate {
		h.from[i] = t // known earlier than was thought
		return
	}
	if h.n == maxHistory {
		if i == 0 {
			return
		}
		copy(h.from[:], h.from[1:])
		copy(h.rate[:], h.rate[1:])
		h.n--
		i--
	}
	copy(h.from[i+1:], h.from[i:h.n])
	copy(h.rate[i+1:], h.rate[i:h.n])
	h.from[i], h.rate[i] = t, rate
	h.n++
}

// scopeKind says what a rate is of.
type scopeKind uint8

const (
	ofDomain scopeKind = iota
	ofSampler
	ofInterface
	ofTemplate
	numScopeKinds
)

type scope struct {
	kind scopeKind
	id   uint64
}

// samplers is what a domain announced about sampling.
type samplers struct {
	rates      map[scope]*history
	kinds      [numScopeKinds]int // how many scopes there are of each kind
	unanswered int                // options templates that announce rates none of which came
	silent     bool               // such a wait ended without one
	gaveUp     map[uint64]bool    // samplers that were waited for in vain
}

// learn remembers a rate and tells whether it is news.
func (s *samplers) learn(of scope, at int64, rate uint64) bool {
	h := s.rates[of]
	if h == nil {
		if s.rates == nil {
			s.rates = make(map[scope]*history)
		}
		if len(s.rates) >= maxScopes {
			return false
		}
		h = new(history)
		s.rates[of] = h
		s.kinds[of.kind]++
	}
	before := h.n
	h.add(at, rate)
	s.silent = false
	if of.kind == ofSampler {
		delete(s.gaveUp, of.id)
	}
	return h.n != before
}

// giveUp remembers not to wait for a sampler again.
func (s *samplers) giveUp(sampler uint64) {
	if s.gaveUp == nil {
		s.gaveUp = make(map[uint64]bool)
	}
	if len(s.gaveUp) < maxScopes {
		s.gaveUp[sampler] = true
	}
}

// need is what a record says about who sampled it.
type need struct {
	sampler  uint64
	named    bool  // the record names a sampler
	when     int64 // Unix nanoseconds
	in, out  uint32
	template uint16
}

// named returns the rate of the sampler that a record names.
func (s *samplers) namedRate(n *need) (uint64, bool) {
	if h := s.rates[scope{ofSampler, n.sampler}]; h != nil {
		return h.at(n.when), true
	}
	return 0, false
}

// unnamed returns the rate for a record that names no sampler: that of its
// template, interface or domain, else that of the only sampler. Ambiguous are
// several samplers with different rates.
func (s *samplers) unnamed(n *need) (rate uint64, ambiguous bool) {
	if s.kinds[ofTemplate] > 0 {
		if h := s.rates[scope{ofTemplate, uint64(n.template)}]; h != nil {
			return h.at(n.when), false
		}
	}
	if s.kinds[ofInterface] > 0 {
		for _, index := range [2]uint32{n.in, n.out} {
			if h := s.rates[scope{ofInterface, uint64(index)}]; h != nil {
				return h.at(n.when), false
			}
		}
	}
	if h := s.rates[scope{kind: ofDomain}]; h != nil {
		return h.at(n.when), false
	}
	if s.kinds[ofSampler] == 0 {
		return 0, false
	}
	for of, h := range s.rates {
		if of.kind != ofSampler {
			continue
		}
		if r := h.at(n.when); rate == 0 {
			rate = r
		} else if rate != r {
			return 0, true
		}
	}
	return rate, false
}

// use remembers that records were given a rate.
func (dom *domain) use(rate uint64) {
	if n := len(dom.used); n > 0 && dom.used[n-1] == rate || rate == 0 {
		return
	}
	if i := slices.Index(dom.used, rate); i >= 0 {
		last := len(dom.used) - 1
		dom.used[i], dom.used[last] = dom.used[last], dom.used[i]
		return
	}
	if len(dom.used) < maxUsed {
		dom.used = append(dom.used, rate)
	}
}

// ledgerRate is the rate of the ledger, asked for once a datagram.
type ledgerRate struct {
	rate  uint64
	asked bool
}

func (l *ledgerRate) of(d *Decoder, dom *domain) uint64 {
	if !l.asked && d.config.Sampling != nil {
		l.rate = d.config.Sampling(dom.source.Exporter)
	}
	l.asked = true
	return l.rate
}

// rateOf returns the rate of a record that does not say it itself. To wait
// means that the rate may still come; the rate is then that of a record that
// cannot.
func (dom *domain) rateOf(d *Decoder, n *need, l *ledgerRate) (rate uint64, source flows.SamplingSource, wait bool) {
	s := &dom.samplers
	unknown := uint64(1) // nothing says that there is sampling
	if n.named {
		if rate, ok := s.namedRate(n); ok {
			return rate, flows.SamplingOptions, false
		}
		if n.sampler != 0 { // 0 names none, unless it was announced
			unknown, wait = 0, !s.gaveUp[n.sampler]
		}
	}
	if !wait && len(s.rates) > 0 {
		rate, ambiguous := s.unnamed(n)
		if rate != 0 {
			return rate, flows.SamplingOptions, false
		}
		if ambiguous {
			unknown = 0
		}
	}
	if s.unanswered > 0 {
		unknown, wait = 0, true
	}
	if s.silent {
		unknown = 0
	}
	if rate := l.of(d, dom); rate != 0 {
		return rate, flows.SamplingLedger, wait
	}
	return unknown, flows.SamplingNone, wait
}

// sample gives the records of a row their rate.
func (g *datagram) sample(w *row, t *template) {
	first := w.first
	if rate := w.rate(); rate != 0 {
		g.dom.use(rate)
		for i := first; i < len(g.out); i++ {
			g.out[i].SamplingRate, g.out[i].SamplingSource = rate, flows.SamplingRecord
		}
		return
	}
	r := &g.out[first]
	n := need{sampler: w.sampler, named: w.has&hasSampler != 0, in: r.InIf, out: r.OutIf}
	if t != nil {
		n.template = t.id
	}
	n.when = g.at.exported.UnixNano()
	if !r.ClockSkewed && g.at.believed {
		n.when = r.End.UnixNano()
	}
	rate, source, wait := g.dom.rateOf(g.d, &n, &g.ledger)
	if wait && g.wait(first, n) {
		return
	}
	kept := first
	for i := first; i < len(g.out); i++ {
		if g.dom.conclude(g.d, &g.out[i], rate, source, &g.count) {
			if kept != i {
				g.out[kept] = g.out[i]
			}
			kept++
		}
	}
	g.out = g.out[:kept]
}

// conclude gives r its rate, and tells whether it is to be stored.
func (dom *domain) conclude(d *Decoder, r *flows.Record, rate uint64, source flows.SamplingSource, c *flows.Count) bool {
	r.SamplingRate, r.SamplingSource = rate, source
	if rate == 0 {
		if d.config.RefuseUnknownSampling {
			c.Lost[flows.ReasonUnknownSampling]++
			return false
		}
		c.Unscaled++
	}
	dom.use(rate)
	return true
}
