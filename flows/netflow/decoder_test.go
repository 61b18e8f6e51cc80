package netflow

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

func TestPortsShareState(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, basic...))))
	b.from = netip.AddrPortFrom(b.from.Addr(), 50000)
	b.one(v9(1, 0, set(256, basicRecord(1))))
	// An address mapped into IPv6 is the same one.
	b.from = netip.AddrPortFrom(netip.MustParseAddr("::ffff:192.0.2.9"), 50001)
	if r := b.one(v9(1, 0, set(256, basicRecord(1)))); !r.Source.Exporter.Is4() {
		t.Errorf("exporter %v", r.Source.Exporter)
	}
	// Another address is not.
	b.from = netip.MustParseAddrPort("192.0.2.10:2055")
	if out := b.take(v9(1, 0, set(256, basicRecord(1)))); len(out) != 0 {
		t.Error("the template of another exporter was used")
	}
	b.balance()
}

// TestWorkersNeverReplaceState has workers that meet a new exporter at the same
// time: whoever brings the template, all of its data is decoded.
func TestWorkersNeverReplaceState(t *testing.T) {
	const workers, rounds, datagrams = 8, 50, 20
	books := flows.NewBooks()
	d := New(Config{Books: books})
	var mu sync.Mutex
	var records []flows.Record
	for round := range rounds {
		addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(round)})
		start := make(chan struct{})
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				<-start
				from := netip.AddrPortFrom(addr, uint16(w))
				var out []flows.Record
				if w == round%workers {
					out = d.Decode(flows.Packet{Payload: v9(1, 0, set(0, tmpl(256, basic...))), From: from, Received: testTime}, out)
				}
				for k := range uint32(datagrams) {
					out = d.Decode(flows.Packet{Payload: v9(1, 1+k, set(256, basicRecord(k))), From: from, Received: testTime}, out)
				}
				mu.Lock()
				records = append(records, out...)
				mu.Unlock()
			})
		}
		close(start)
		wg.Wait()
	}
	if want := workers * rounds * datagrams; len(records) != want {
		t.Errorf("%d records, want %d: %s", len(records), want, describe(new(testkit.Sum(books))))
	}
	testkit.Store(books, records)
	testkit.Balance(t, books)
}

// TestEverythingAtOnce is for the race detector.
func TestEverythingAtOnce(t *testing.T) {
	books := flows.NewBooks()
	d := New(Config{Books: books, ParkingBytes: 20_000, RefuseUnknownSampling: true})
	var mu sync.Mutex
	store := func(records []flows.Record) {
		mu.Lock()
		defer mu.Unlock()
		testkit.Store(books, records)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for k := range uint32(300) {
				from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(k % 5)}), uint16(w))
				p := flows.Packet{From: from, Received: testTime.Add(time.Duration(k) * time.Second)}
				switch k % 7 {
				case 0:
					p.Payload = v9(2, k, set(0, tmpl(256, sampled...)), set(1, samplerTable))
				case 1:
					p.Payload = v9(1, k, set(300, samplerRow(byte(k%3), k+1)))
				case 2:
					p.Payload = v9(1, k, set(uint16(256+k%9), sampledRecord(byte(k%4))))
				default:
					p.Payload = v9(1, k, set(256, sampledRecord(byte(k%4))))
				}
				store(d.Decode(p, nil))
			}
		})
	}
	wg.Go(func() {
		for k := range 20 {
			store(d.Expire(testTime.Add(time.Duration(k)*15*time.Second), nil))
			saved(t, d)
			d.Sampling()
		}
	})
	wg.Wait()
	store(d.Flush(nil))
	testkit.Balance(t, books)
	if n := d.parked.Load(); n != 0 {
		t.Errorf("%d bytes are still taken", n)
	}
}

// TestPanicCostsOneDatagram panics in a callback, after two records.
func TestPanicCostsOneDatagram(t *testing.T) {
	armed := false
	b := newBench(t, func(c *Config) {
		c.Sampling = func(netip.Addr) uint64 {
			if armed {
				panic("ledger")
			}
			return 5
		}
	})
	rated := append([]testField{{34, 4}}, basic...)
	b.take(v9(1, 0, set(0, tmpl(256, rated...))))
	armed = true
	out := b.take(v9(4, 1, set(256, u32(9), basicRecord(1), u32(9), basicRecord(2), u32(0), basicRecord(3), u32(9), basicRecord(4))))
	sum := b.sum()
	if len(out) != 2 || out[1].Bytes != 2 || sum.DatagramsLost[flows.ReasonDecoderPanic] != 1 || sum.Lost[flows.ReasonDecoderPanic] != 1 {
		t.Errorf("%d records, %s", len(out), describe(sum))
	}
	armed = false
	if out = b.take(v9(1, 2, set(256, u32(9), basicRecord(1)))); len(out) != 1 {
		t.Error("the exporter is not decoded any more")
	}
	testkit.Store(b.books, b.all)
	testkit.Balance(t, b.books)

	// In what was parked, on behalf of another datagram.
	b.all = nil
	b.take(v9(2, 3, set(400, u32(0), basicRecord(1), u32(9), basicRecord(2))))
	armed = true
	b.take(v9(1, 4, set(0, tmpl(400, rated...))))
	armed = false
	b.one(v9(1, 5, set(256, u32(9), basicRecord(1))))
	b.all = b.d.Flush(b.all)
	testkit.Store(b.books, b.all)
	testkit.Balance(t, b.books)
}

func TestExporterFlood(t *testing.T) {
	b := newBench(t)
	b.d.maxExporters = 500
	p := v9(2, 0, set(0, tmpl(256, basic...)), set(257, basicRecord(1)))
	for i := range uint32(1500) {
		b.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(u32(0x0a000000+i))), 1)
		b.d.Decode(flows.Packet{Payload: p, From: b.from, Received: b.at}, nil)
	}
	if n := len(b.d.exporters); n > 500 || b.d.Evicted() != 1000 {
		t.Errorf("%d exporters, %d evicted", n, b.d.Evicted())
	}
	if sum := b.sum(); sum.Lost[flows.ReasonParkingFull] == 0 {
		t.Error("the data of evicted exporters is not counted")
	}
	b.balance()
}

// TestTemplatesOfAllExporters bounds what many exporters with few templates
// each take, which are there before they grow.
func TestTemplatesOfAllExporters(t *testing.T) {
	b := newBench(t)
	b.d.maxHeld = 200_000
	for round := range 3 {
		for i := range uint32(100) {
			b.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(u32(0x0a000000+i))), 1)
			b.take(v9(1, uint32(round), set(0, tmpl(uint16(256+round), basic...))))
		}
	}
	if n := b.d.held.Load(); n > b.d.maxHeld+5000 || b.d.Evicted() == 0 {
		t.Errorf("%d bytes held, %d evicted", n, b.d.Evicted())
	}
	b.balance()
}

func TestNewNeedsBooks(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a decoder without books was made")
		}
	}()
	New(Config{})
}

// TestNoAllocationPerRecord counts what decoding allocates.
func TestNoAllocationPerRecord(t *testing.T) {
	for _, load := range loads() {
		d := New(Config{Books: flows.NewBooks(), MaxSkew: time.Hour})
		p := flows.Packet{From: netip.MustParseAddrPort("192.0.2.1:2055"), Received: testTime}
		records := make([]flows.Record, 0, 256)
		if load.template != nil {
			p.Payload = load.template
			d.Decode(p, records)
		}
		p.Payload = load.data
		if n := testing.AllocsPerRun(200, func() { records = d.Decode(p, records[:0]) }); n > 0.5 {
			t.Errorf("%s: %v allocations per datagram of %d records", load.name, n, load.records)
		}
	}
}
