package main

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"
)

// soakExporters has ten thousand exporters send their templates and a datagram
// by them, and then, much later for a router, one without.
func soakExporters(t *testing.T, s *soaked) {
	const exporters = 10_000
	began := time.Now()
	before, _ := s.memory()
	shooter := newTemplateShooter(9, time.Now().Add(-loadUptime).Truncate(time.Second))
	shot := shooter.shots(newLoadTraffic(0, 0), 1)[0]
	sums := s.sums()
	send := func(first uint32, announce bool) {
		for n := range exporters {
			shooter.sequence = first
			conn := dialFrom(t, crowdAddress(n), s.netflow)
			messages := [][]byte{nil, shot.payload}
			if announce {
				messages[0] = shooter.announce(time.Now())
			}
			shooter.stamp(shot, time.Now(), first)
			for _, m := range messages {
				if m == nil {
					continue
				}
				if _, err := conn.Write(m); err != nil {
					t.Fatal(err)
				}
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(0, true)
	send(2, false)
	got := s.settle(sums, uint64(2*exporters*len(shot.flows)))
	after, _ := s.memory()
	if got.lost > 0 || got.evicted > 0 {
		t.Errorf("of %d exporters %d records are lost and %d templates forgotten", exporters, got.lost, got.evicted)
	}
	each := (after - before) / exporters / 1024
	if each > 64 {
		t.Errorf("an exporter takes %.0f KiB", each)
	}
	keepSoak(t, "exporters", time.Since(began), map[string]float64{
		"exporters": exporters, "stored": float64(got.stored), "lost": float64(got.lost), "kernel_dropped": float64(got.dropped),
		"exporter_kib": max(0, each),
	})
}

// crowdAddress is the address of an exporter that is in no ledger.
func crowdAddress(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 64, byte(n >> 8), byte(n)})
}

// templateFlood is a datagram of NetFlow v9 (RFC 3954) with as many templates of
// one field as it has room for, from an id on, and how many.
func templateFlood(sequence, domain uint32, first uint16) ([]byte, int) {
	n := min((loadPayload-24)/8, 1<<16-int(first))
	b := make([]byte, 0, loadPayload)
	b = binary.BigEndian.AppendUint16(b, 9)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	for _, v := range []uint32{1_000_000, uint32(time.Now().Unix()), sequence, domain} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(4+8*n))
	for i := range n {
		for _, v := range []uint16{first + uint16(i), 1, 8, 4} {
			b = binary.BigEndian.AppendUint16(b, v)
		}
	}
	return b, n
}

// soakTemplates sends a million templates from one address while all others
// export as usual. Memory stays bounded, and nobody else is forgotten.
func soakTemplates(t *testing.T, s *soaked) {
	const templates = 1_000_000
	began := time.Now()
	before, _ := s.memory()
	sums := s.sums()
	conn := dialFrom(t, netip.AddrFrom4([4]byte{127, 65, 0, 1}), s.netflow)
	sent := 0
	for domain := uint32(0); sent < templates; domain++ {
		for first := 256; first < 1<<16 && sent < templates; {
			b, n := templateFlood(uint32(sent), domain, uint16(first))
			if _, err := conn.Write(b); err != nil {
				t.Fatal(err)
			}
			first, sent = first+n, sent+n
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	flood := s.settle(sums, 0)
	load, got := s.send(soakRate, 500*time.Millisecond)
	after, _ := s.memory()
	if flood.evicted == 0 || got.lost > 0 || got.stored != load.records {
		t.Errorf("%d templates were forgotten; of %d records of others %d are stored, %d lost", flood.evicted, load.records, got.stored, got.lost)
	}
	grown := (after - before) / (1 << 20)
	if grown > 128 {
		t.Errorf("a million templates take %.0f MiB", grown)
	}
	keepSoak(t, "templates", time.Since(began), map[string]float64{
		"templates": float64(sent), "evicted": float64(flood.evicted), "grown_mib": max(0, grown),
		"stored": float64(got.stored), "lost": float64(got.lost), "kernel_dropped": float64(flood.dropped),
	})
}

// soakSlow opens many connections to the console that never finish their
// request, and wants others to be answered meanwhile, and these to be ended.
func soakSlow(t *testing.T, s *soaked) {
	const clients = 500
	began := time.Now()
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, clients)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", address.Host); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conns[i], "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	worst := time.Duration(0)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	open := clients
	for open > 0 && time.Since(began) < 15*time.Second {
		<-tick.C
		asked := time.Now()
		if status, body := s.get("healthz"); status != 200 {
			t.Fatalf("beside slow clients healthz answers %d %s", status, body)
		}
		worst = max(worst, time.Since(asked))
		open = 0
		for i, c := range conns {
			if c == nil {
				continue
			}
			if _, err := io.WriteString(c, "a"); err != nil {
				_ = c.Close() // the daemon has ended it
				conns[i] = nil
				continue
			}
			open++
		}
	}
	if open > 0 || worst > 2*time.Second {
		t.Errorf("after %v %d slow clients are connected, the slowest answer to another took %v", time.Since(began), open, worst)
	}
	keepSoak(t, "slowloris", time.Since(began), map[string]float64{"clients": clients, "worst_ms": worst.Seconds() * 1000})
}
