package sflow

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// maxSources bounds how many agents have their sequence numbers followed and
// their rates listed, so that forged agent addresses cannot grow memory.
const maxSources = flows.MaxAccounts

// maxRates bounds how many sampling rates are listed per source. Devices have
// one per kind of interface.
const maxRates = 16

// Config says what a Decoder works with.
type Config struct {
	// Books counts what arrives.
	Books *flows.Books
	// Sampling returns the sampling rate that the ledgers give for an exporter,
	// 0 if none. It is asked where a sample gives rate 0, and may be nil. It
	// must be safe for concurrent use.
	Sampling func(exporter netip.Addr) uint64
	// Counters takes the readings of interface counters; nil leaves them
	// counted alone. KeepCounters sets it later.
	Counters flows.CounterSink
}

// Decoder decodes sFlow version 5. It is safe for concurrent use.
type Decoder struct {
	config Config

	mu      sync.RWMutex // guards sources, not what they point to
	sources map[flows.Source]*source
}

var _ flows.Decoder = (*Decoder)(nil)

// source is what is remembered of one sub-agent.
type source struct {
	account *flows.Account

	mu       sync.Mutex // guards everything below
	sequence sequence
	rates    []uint64 // sorted
	lastRate uint64   // one of rates, to spare the search
}

// tally is what one datagram adds to the books.
type tally struct {
	records, malformed, notIP, unscaled, counters uint64
}

// New returns a decoder that counts in c.Books.
func New(c Config) *Decoder {
	return &Decoder{config: c, sources: make(map[flows.Source]*source)}
}

// KeepCounters hands readings of interface counters to a sink. It must be called
// before the first Decode.
func (d *Decoder) KeepCounters(to flows.CounterSink) { d.config.Counters = to }

// Decode appends the records of one datagram to dst. Counted as lost are
// samples that contradict their format (ReasonMalformed) and samples without
// IP addresses (ReasonNotIP). A datagram gives nothing when its header is
// broken or when it ends inside its first sample (ReasonMalformed), and when
// decoding it panics (ReasonDecoderPanic). What is missing of a datagram that
// ends inside a later sample counts as one malformed record.
func (d *Decoder) Decode(p flows.Packet, dst []flows.Record) (out []flows.Record) {
	had := len(dst)
	defer func() {
		if recover() != nil {
			d.refuse(p, flows.ReasonDecoderPanic)
			out = dst[:had]
		}
	}()
	h, why := readHeader(p)
	if why != flows.NumReasons {
		d.refuse(p, why)
		return dst
	}
	var t tally
	out, why = d.samples(&h, dst, &t)
	d.account(&h, out[had:], &t, why)
	return out
}

// Expire returns dst: nothing waits for anything in sFlow.
func (d *Decoder) Expire(_ time.Time, dst []flows.Record) []flows.Record { return dst }

// Flush returns dst: nothing waits for anything in sFlow.
func (d *Decoder) Flush(dst []flows.Record) []flows.Record { return dst }

// Sampling returns the sampling rates by which the records of each source were
// marked, sorted, at most 16 for a source.
func (d *Decoder) Sampling() map[flows.Source][]uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	rates := make(map[flows.Source][]uint64, len(d.sources))
	for key, s := range d.sources {
		s.mu.Lock()
		if len(s.rates) > 0 {
			rates[key] = slices.Clone(s.rates)
		}
		s.mu.Unlock()
	}
	return rates
}

// account enters a datagram into the books. A why other than NumReasons says
// that it gave nothing.
func (d *Decoder) account(h *datagram, records []flows.Record, t *tally, why flows.Reason) {
	var account *flows.Account
	var gaps, missed, late uint64
	if s := d.source(h.source); s != nil {
		account = s.account
		s.mu.Lock()
		gaps, missed, late = s.sequence.note(h.sequence, h.uptime, t.records)
		for i := range records {
			s.rate(records[i].SamplingRate)
		}
		s.mu.Unlock()
	} else {
		account = d.config.Books.Account(h.source)
	}
	account.Update(h.received, func(c *flows.Count) {
		c.Datagrams++
		if why != flows.NumReasons {
			c.DatagramsLost[why]++
		}
		c.Records += t.records
		c.Lost[flows.ReasonMalformed] += t.malformed
		c.Lost[flows.ReasonNotIP] += t.notIP
		c.Unscaled += t.unscaled
		c.Counters += t.counters
		c.SequenceGaps += gaps
		c.RecordsMissed += missed
		c.Reordered += late
	})
}

// refuse counts a datagram that gives nothing, for the agent if it can be read.
func (d *Decoder) refuse(p flows.Packet, why flows.Reason) {
	h, _ := readHeader(p)
	d.config.Books.Account(h.source).Update(h.received, func(c *flows.Count) {
		c.Datagrams++
		c.DatagramsLost[why]++
	})
}

// source returns what is remembered of key, nil if there is no room for more.
func (d *Decoder) source(key flows.Source) *source {
	d.mu.RLock()
	s := d.sources[key]
	d.mu.RUnlock()
	if s != nil {
		return s
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s = d.sources[key]; s != nil || len(d.sources) >= maxSources {
		return s
	}
	s = &source{account: d.config.Books.Account(key)}
	d.sources[key] = s
	return s
}

// rate remembers a sampling rate.
func (s *source) rate(rate uint64) {
	if rate == 0 || rate == s.lastRate {
		return
	}
	at, found := slices.BinarySearch(s.rates, rate)
	if !found {
		if len(s.rates) >= maxRates {
			return
		}
		s.rates = slices.Insert(s.rates, at, rate)
	}
	s.lastRate = rate
}
