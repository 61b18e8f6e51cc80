package netflow

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// endOfTime is after anything that waits.
func endOfTime() time.Time { return time.Unix(1<<40, 0) }

// exporter is what is remembered of one address.
type exporter struct {
	addr netip.Addr
	// seen is when a datagram last came, in nanoseconds of the process's own
	// count of datagrams; it is read without the lock to choose whom to forget.
	seen atomic.Int64

	mu        sync.Mutex // guards everything below
	gone      bool       // evicted: look the address up again
	domains   map[domainKey]*domain
	last      *domain // the domain of the last datagram
	sequences map[sequenceKey]*sequence
	tick      int64 // datagrams seen, the clock of least recent use
	templates int   // in all domains
	bytes     int   // of templates in all domains
	held      int   // bytes of everything
}

// domainKey tells the states of one exporter apart.
type domainKey struct {
	version flows.Version
	id      uint32
}

// domain is the state of an observation domain, a v9 source id or a v5 engine.
type domain struct {
	source    flows.Source
	account   *flows.Account
	seen      int64 // tick of the exporter
	templates map[uint16]*template
	parked    []parkedSet
	waiting   []waitingRecord
	samplers  samplers
	used      []uint64 // rates given to records
	charged   int      // bytes of itself and its samplers
	systemUp  int64    // systemInitTimeMilliseconds of options data, in ns of Unix time; 0 if none
}

// enter returns the locked state of an address.
func (d *Decoder) enter(addr netip.Addr) *exporter {
	if d.held.Load() > d.maxHeld {
		d.shrink()
	}
	for {
		d.mu.RLock()
		e := d.exporters[addr]
		d.mu.RUnlock()
		if e == nil {
			e = d.open(addr)
		}
		e.mu.Lock()
		if !e.gone {
			return e
		}
		e.mu.Unlock()
	}
}

func (d *Decoder) open(addr netip.Addr) *exporter {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.exporters[addr]; e != nil {
		return e
	}
	for len(d.exporters) >= d.maxExporters {
		d.forget()
	}
	e := &exporter{
		addr:      addr,
		domains:   make(map[domainKey]*domain),
		sequences: make(map[sequenceKey]*sequence),
	}
	e.seen.Store(time.Now().UnixNano())
	e.charge(d, exporterCost)
	d.exporters[addr] = e
	return e
}

// shrink evicts exporters until what the others hold has room.
func (d *Decoder) shrink() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.held.Load() > d.maxHeld && len(d.exporters) > 0 {
		d.forget()
	}
}

// charge counts bytes that are held, or no longer.
func (e *exporter) charge(d *Decoder, n int) {
	e.held += n
	d.held.Add(int64(n))
}

// weigh counts what a domain and its samplers hold now.
func (e *exporter) weigh(d *Decoder, dom *domain) {
	cost := domainCost + scopeCost*len(dom.samplers.rates) + givenUpCost*len(dom.samplers.gaveUp)
	if cost != dom.charged {
		e.charge(d, cost-dom.charged)
		dom.charged = cost
	}
}

// stalest returns an entry of m that was not seen for long: the one seen first
// of a few, because to look at all of them for each forged address would be an
// attack by itself.
func stalest[K comparable, V any](m map[K]V, seen func(V) int64) (key K, value V) {
	const choice = 16
	n := 0
	var least int64
	for k, v := range m {
		if at := seen(v); n == 0 || at < least {
			key, value, least = k, v, at
		}
		if n++; n == choice {
			break
		}
	}
	return key, value
}

// forget evicts an exporter that was not heard for long. What waited there is
// counted; records that waited for a rate are counted too, as there is nobody
// to give them to. The caller holds the lock of d.
func (d *Decoder) forget() {
	_, oldest := stalest(d.exporters, func(e *exporter) int64 { return e.seen.Load() })
	delete(d.exporters, oldest.addr)
	oldest.mu.Lock()
	defer oldest.mu.Unlock()
	oldest.gone = true
	for _, r := range oldest.expire(d, endOfTime(), flows.ReasonParkingFull, nil) {
		d.config.Books.Account(r.Source).Lose(r.Exported, flows.ReasonParkingFull, 1)
	}
	oldest.charge(d, -oldest.held)
	d.evicted.Add(1)
}

// domain returns the state of a domain, opening it when there is none.
func (e *exporter) domain(d *Decoder, key domainKey) *domain {
	if e.last != nil && e.last.source.Domain == key.id && e.last.source.Version == key.version {
		e.last.seen = e.tick
		return e.last
	}
	dom := e.domains[key]
	if dom == nil {
		for len(e.domains) >= maxDomains {
			e.forget(d)
		}
		source := flows.Source{Exporter: e.addr, Domain: key.id, Version: key.version}
		dom = &domain{
			source: source, account: d.config.Books.Account(source),
			templates: make(map[uint16]*template),
		}
		e.domains[key] = dom
		e.weigh(d, dom)
	}
	dom.seen = e.tick
	e.last = dom
	return dom
}

// forget evicts a domain that was not heard for long.
func (e *exporter) forget(d *Decoder) {
	key, oldest := stalest(e.domains, func(dom *domain) int64 { return dom.seen })
	for _, r := range oldest.expire(d, endOfTime(), flows.ReasonParkingFull, nil) {
		oldest.account.Lose(r.Exported, flows.ReasonParkingFull, 1)
	}
	for id := range oldest.templates {
		e.drop(d, oldest, id)
	}
	delete(e.domains, key)
	e.charge(d, -oldest.charged)
	if e.last == oldest {
		e.last = nil
	}
	d.evicted.Add(1)
}

// expire ends the wait of everything that waits since before limit.
func (e *exporter) expire(d *Decoder, limit time.Time, why flows.Reason, dst []flows.Record) []flows.Record {
	for _, dom := range e.domains {
		dst = dom.expire(d, limit, why, dst)
	}
	return dst
}
