package simulator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// progress is how many records all receivers of a test got.
type progress struct {
	mu       sync.Mutex
	total    uint64
	advanced chan struct{} // gets a token when total grows
}

func newProgress() *progress { return &progress{advanced: make(chan struct{}, 1)} }

func (p *progress) add(records uint64) {
	p.mu.Lock()
	p.total += records
	p.mu.Unlock()
	select {
	case p.advanced <- struct{}{}:
	default:
	}
}

// reach waits until that many records came.
func (p *progress) reach(ctx context.Context, records uint64) error {
	for {
		p.mu.Lock()
		total := p.total
		p.mu.Unlock()
		if total >= records {
			return nil
		}
		select {
		case <-p.advanced:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d records came: %w", total, records, ctx.Err())
		}
	}
}

// receiver is a UDP collector that counts.
type receiver struct {
	conn *net.UDPConn
	done chan struct{}
	all  *progress

	mu        sync.Mutex
	datagrams map[netip.Addr]uint64
	records   map[netip.Addr]uint64
}

func newReceiver(t *testing.T, all *progress) *receiver {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(8 << 20); err != nil {
		t.Fatal(err)
	}
	r := &receiver{conn: conn, done: make(chan struct{}), datagrams: make(map[netip.Addr]uint64), records: make(map[netip.Addr]uint64), all: all}
	go r.run()
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		<-r.done
	})
	return r
}

func (r *receiver) addr() netip.AddrPort { return r.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (r *receiver) run() {
	defer close(r.done)
	buf := make([]byte, 2048)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		records := flowRecords(buf[:n])
		r.mu.Lock()
		r.datagrams[from.Addr()]++
		r.records[from.Addr()] += records
		r.mu.Unlock()
		r.all.add(records)
	}
}

// flowRecords counts flow records by the sizes the cast gives them.
func flowRecords(b []byte) uint64 {
	switch version := binary.BigEndian.Uint16(b); version {
	case 5:
		return uint64(binary.BigEndian.Uint16(b[2:]))
	case 9, 10:
		header, p := 20, netflow9
		if version == 10 {
			header, p = 16, ipfix
		}
		return setRecords(b[header:], p)
	}
	if binary.BigEndian.Uint32(b[28:]) == sflowCounterSample {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(b[24:]))
}

func setRecords(b []byte, p protocol) (n uint64) {
	sizes := map[uint16]int{0: recordSize(flowFields(p, false)), 1: recordSize(flowFields(p, true))}
	for len(b) >= 4 {
		id, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if size := sizes[id%10]; id >= 256 && size > 0 {
			n += uint64((length - 4) / size)
		}
		b = b[length:]
	}
	return n
}

func TestFeedArrivesAsItsBooksSay(t *testing.T) {
	c := testCarrier(t, func(cfg *Config) { cfg.Days, cfg.Scale = 4, 0.05 })
	all := newProgress()
	netflow, ipfix, sflow := newReceiver(t, all), newReceiver(t, all), newReceiver(t, all)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	slots, last := 0, time.Time{}
	sent, err := c.Feed(ctx, Targets{Netflow: netflow.addr(), IPFIX: ipfix.addr(), SFlow: sflow.addr()}, Pace{
		RecordsPerSecond: 400_000,
		Wait: func(ctx context.Context, sentRecords uint64) error {
			return all.reach(ctx, sentRecords-min(sentRecords, 1000)) // never more than 2000 on their way
		},
		Progress: func(at time.Time, _ uint64) {
			if at.Before(last.Add(-slotLength)) {
				t.Errorf("progress goes back from %s to %s", last, at)
			}
			slots, last = slots+1, at
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]*receiver{"netflow9": netflow, "netflow5": netflow, "ipfix": ipfix, "sflow5": sflow}
	if len(sent.Exporters) != 6 || sent.Records() < 10_000 {
		t.Errorf("sent %+v", sent)
	}
	if err := all.reach(ctx, sent.Records()); err != nil {
		t.Fatal(err)
	}
	for _, e := range sent.Exporters {
		r := of[e.Protocol]
		r.mu.Lock()
		if r.records[e.Exporter] != e.Records || e.Records == 0 {
			t.Errorf("%s: %d records came of %d sent", e.Name, r.records[e.Exporter], e.Records)
		}
		if r.datagrams[e.Exporter] != e.Datagrams {
			t.Errorf("%s: %d datagrams came of %d sent", e.Name, r.datagrams[e.Exporter], e.Datagrams)
		}
		r.mu.Unlock()
		if lossy := e.Name == "xa-br1"; lossy != (e.DroppedRecords > 0) || lossy != (e.DroppedDatagrams > 0) {
			t.Errorf("%s dropped %d records in %d datagrams", e.Name, e.DroppedRecords, e.DroppedDatagrams)
		}
	}
	if slots < 4*288-10 {
		t.Errorf("progress was reported %d times", slots)
	}
}

func TestFeedRefusesTargetsElsewhere(t *testing.T) {
	c := testCarrier(t, nil)
	good := netip.MustParseAddrPort("127.0.0.1:2055")
	for name, targets := range map[string]Targets{
		"none":     {},
		"no sflow": {Netflow: good, IPFIX: good},
		"port 0":   {Netflow: netip.MustParseAddrPort("127.0.0.1:0"), IPFIX: good, SFlow: good},
		"far away": {Netflow: good, IPFIX: netip.MustParseAddrPort("192.0.2.1:4739"), SFlow: good},
		"IPv6":     {Netflow: good, IPFIX: good, SFlow: netip.MustParseAddrPort("[::1]:6343")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.Feed(t.Context(), targets, Pace{}); !errors.Is(err, ErrTarget) {
				t.Errorf("Feed: %v, want ErrTarget", err)
			}
		})
	}
	for _, listen := range []string{"0.0.0.0:2055", "[::]:2055", "[::ffff:127.0.0.1]:2055"} {
		if got, err := (Targets{Netflow: netip.MustParseAddrPort(listen)}).of(netflow5); err != nil || got != good {
			t.Errorf("target %s is %s (%v), want %s", listen, got, err, good)
		}
	}
}

func TestFeedEndsWithItsContextAndItsWait(t *testing.T) {
	c := testCarrier(t, nil)
	to := newReceiver(t, newProgress()).addr()
	targets := Targets{Netflow: to, IPFIX: to, SFlow: to}
	full := errors.New("receiver is full")
	sent, err := c.Feed(t.Context(), targets, Pace{RecordsPerSecond: -1, Wait: func(context.Context, uint64) error { return full }})
	if !errors.Is(err, full) || sent.Records() < waitEvery || sent.Records() > 2*waitEvery {
		t.Errorf("feed ends with %v after %d records", err, sent.Records())
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = c.Feed(ctx, targets, Pace{RecordsPerSecond: 1000, Progress: func(time.Time, uint64) { cancel() }})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "feed flow export") {
		t.Errorf("feed ends with %v", err)
	}
}

func TestLimiterKeepsItsRate(t *testing.T) {
	l := limiter{rate: 20_000}
	begin := time.Now()
	for range 100 {
		if err := l.wait(t.Context(), 30); err != nil {
			t.Fatal(err)
		}
	}
	// 3000 records at 20,000 a second are 150 ms, less the burst that is allowed.
	if took := time.Since(begin); took < 120*time.Millisecond {
		t.Errorf("3000 records took %s", took)
	}
}
