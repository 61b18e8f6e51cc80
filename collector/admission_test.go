package collector

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestGate admits by ledger, by prefix and by rate, and counts what it does not.
func TestGate(t *testing.T) {
	if newGate(Admission{}, nil) != nil {
		t.Error("an admission of everybody has a gate")
	}
	known, near, far := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("203.0.113.1")
	a := Admission{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Rate: 10}
	of := func(x netip.Addr) bool { return x == known }
	at := time.Unix(1_700_000_000, 0)

	g := newGate(a, of)
	if !g.admits(near, at) || g.admits(known, at) || g.admits(far, at) || g.unknown.Load() != 2 {
		t.Errorf("by prefix alone %d are unknown", g.unknown.Load())
	}
	a.KnownOnly = true
	g = newGate(a, of)
	if !g.admits(netip.AddrFrom16(near.As16()), at) || !g.admits(known, at) || g.admits(far, at) {
		t.Error("by ledger and prefix it admits others")
	}
	taken := 0
	for range 50 {
		if g.admits(near, at.Add(time.Millisecond)) {
			taken++
		}
	}
	if taken != 9 || g.over.Load() != 41 {
		t.Errorf("%d more are taken at once, %d are over the rate", taken, g.over.Load())
	}
	for range 50 {
		if g.admits(near, at.Add(501*time.Millisecond)) {
			taken++
		}
	}
	if taken != 14 {
		t.Errorf("half a second later %d are taken", taken-9)
	}
	if !g.admits(known, at) {
		t.Error("one exporter pays for another")
	}
}

// TestGateIsBounded has more exporters than are followed.
func TestGateIsBounded(t *testing.T) {
	g := newGate(Admission{Rate: 1}, nil)
	at := time.Unix(1_700_000_000, 0)
	for i := range 2 * maxBuckets {
		g.admits(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), at)
	}
	if n := len(g.buckets); n > maxBuckets {
		t.Errorf("%d exporters are followed", n)
	}
}

// TestRefusedSourcesAreInNoBooks sends from an admitted source and from another.
func TestRefusedSourcesAreInNoBooks(t *testing.T) {
	c := testConfig(t)
	c.Admit.From = []netip.Prefix{netip.MustParsePrefix("127.0.0.7/32")}
	d := start(t, c, nil)
	to := d.Sockets()[0].Local
	now := time.Now()
	write(t, exporter(t, to, "127.0.0.8"), v9Template(0, now))
	friend := exporter(t, to, "127.0.0.7")
	write(t, friend, v9Template(0, now))
	write(t, friend, v9Data(1, 3, now))
	d.sink.wait(t, 3)
	eventually(t, func() bool { return d.Refused().Unknown == 1 })
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	if sum := total(d.books); sum.Datagrams != 2 || sum.Stored != 3 {
		t.Errorf("the books are %+v", sum)
	}
	balance(t, d.books)
}

// TestAdmissionProblems names the keys.
func TestAdmissionProblems(t *testing.T) {
	c := DefaultConfig()
	c.Admit = Admission{Rate: -1, From: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}
	err := c.Validate()
	for _, want := range []string{"collector.admit.rate: -1 is negative", "collector.admit.from[0]: 192.0.2.1/24 has host bits, write 192.0.2.0/24"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %q", err, want)
		}
	}
}
