package netflow

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// Bounds of memory. What is evicted shows in Evicted, and in the books as data
// of an unknown template.
const (
	defaultParkingBytes = 64 << 20
	defaultParkingAge   = 10 * time.Minute

	maxExporters     = 1 << 16
	maxHeld          = 512 << 20 // bytes of all exporters
	maxDomains       = 1024      // per exporter
	maxTemplates     = 4096      // per exporter
	maxTemplateBytes = 4 << 20   // per exporter
	maxSequences     = 1024      // transport sessions per exporter
)

// What is held takes about so many bytes.
const (
	exporterCost = 1024
	domainCost   = 1024
	sequenceCost = 384
	scopeCost    = 288
	givenUpCost  = 64
)

// Config says how a Decoder decodes.
type Config struct {
	// Books takes the counts; it is required.
	Books *flows.Books
	// MaxSkew is how far event time may be from arrival; 0 believes any.
	MaxSkew time.Duration
	// KeepEventTime keeps the exporter's time where MaxSkew is exceeded,
	// instead of the arrival.
	KeepEventTime bool
	// ParkingBytes bounds the memory of what waits for a template or a
	// sampling rate, over all exporters; 0 is 64 MiB.
	ParkingBytes int
	// ParkingAge bounds how long it waits; 0 is ten minutes.
	ParkingAge time.Duration
	// Sampling returns the rate of the ledger for an exporter, 0 for none. It
	// may be nil, and is called by several goroutines.
	Sampling func(exporter netip.Addr) uint64
	// RefuseUnknownSampling counts records whose sampler never told its rate
	// as lost, instead of storing them with rate 0.
	RefuseUnknownSampling bool
}

// Decoder is a flows.Decoder of NetFlow v5, v9 and IPFIX. It is safe for
// concurrent use.
type Decoder struct {
	config Config

	mu        sync.RWMutex // guards exporters; taken before the lock of an exporter
	exporters map[netip.Addr]*exporter

	parked  atomic.Int64 // bytes that wait, over all exporters
	held    atomic.Int64 // bytes of what is remembered, over all exporters
	evicted atomic.Uint64

	datagrams    sync.Pool // of *datagram
	maxExporters int
	maxHeld      int64
}

var _ flows.Decoder = (*Decoder)(nil)

// New returns a decoder without any state. It panics when c has no Books, which
// is a mistake of the program.
func New(c Config) *Decoder {
	if c.Books == nil {
		panic(errors.New("netflow: a decoder needs books"))
	}
	if c.ParkingBytes <= 0 {
		c.ParkingBytes = defaultParkingBytes
	}
	if c.ParkingAge <= 0 {
		c.ParkingAge = defaultParkingAge
	}
	return &Decoder{
		config: c, exporters: make(map[netip.Addr]*exporter),
		datagrams:    sync.Pool{New: func() any { return new(datagram) }},
		maxExporters: maxExporters, maxHeld: maxHeld,
	}
}

// Decode implements flows.Decoder.
func (d *Decoder) Decode(p flows.Packet, dst []flows.Record) (out []flows.Record) {
	e := d.enter(p.From.Addr().Unmap().WithZone(""))
	g, _ := d.datagrams.Get().(*datagram)
	g.begin(d, e, p, dst)
	defer func() {
		if recover() != nil {
			g.panicked()
		}
		out = g.end()
		e.mu.Unlock()
		d.datagrams.Put(g)
	}()
	g.decode(p.Payload)
	return nil
}

// Expire implements flows.Decoder.
func (d *Decoder) Expire(now time.Time, dst []flows.Record) []flows.Record {
	for _, e := range d.list() {
		e.mu.Lock()
		dst = e.expire(d, now.Add(-d.config.ParkingAge), flows.ReasonUnknownTemplate, dst)
		e.mu.Unlock()
	}
	return dst
}

// Flush implements flows.Decoder. Data that waits for a template is counted as
// lost by shutdown, records that wait for a rate are settled without it.
func (d *Decoder) Flush(dst []flows.Record) []flows.Record {
	for _, e := range d.list() {
		e.mu.Lock()
		dst = e.expire(d, endOfTime(), flows.ReasonShutdown, dst)
		e.mu.Unlock()
	}
	return dst
}

// Sampling returns the sampling rates that were used for records of each
// source, sorted. A rate that is not known is not among them.
func (d *Decoder) Sampling() map[flows.Source][]uint64 {
	rates := make(map[flows.Source][]uint64)
	for _, e := range d.list() {
		e.mu.Lock()
		for _, dom := range e.domains {
			if len(dom.used) > 0 {
				used := slices.Clone(dom.used)
				slices.Sort(used)
				rates[dom.source] = used
			}
		}
		e.mu.Unlock()
	}
	return rates
}

// Evicted returns how many templates and exporters were forgotten to keep
// memory bounded.
func (d *Decoder) Evicted() uint64 { return d.evicted.Load() }

// Parked returns the bytes that wait for a template or a sampling rate. What is
// in them is received and neither stored nor lost yet.
func (d *Decoder) Parked() int64 { return d.parked.Load() }

// list returns the exporters, in no order.
func (d *Decoder) list() []*exporter {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := make([]*exporter, 0, len(d.exporters))
	for _, e := range d.exporters {
		list = append(list, e)
	}
	return list
}
