package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// TestStoredOrigins asks for origins at times in a history with a hijack of an
// hour, a more specific of a day, and a prefix that two networks announce.
func TestStoredOrigins(t *testing.T) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	var o storedOrigins
	note := func(prefix string, origin uint32, hours ...int) {
		a := rules.Announcement{Prefix: netip.MustParsePrefix(prefix), Origin: origin}
		for i := 0; i < len(hours); i += 2 {
			a.Spans = append(a.Spans, rules.Window{From: at(hours[i]), To: at(hours[i+1])})
		}
		o.add(&a)
	}
	note("198.51.100.0/22", 64501, 0, 100)
	note("198.51.100.0/24", 64502, 10, 34)
	note("198.51.100.0/24", 64503, 20, 21, 40, 41)
	note("2001:db8::/32", 64504, 0, 48)
	note("2001:db8::/32", 64505, 50, 99)
	for _, tt := range []struct {
		addr string
		hour int
		want uint32
	}{
		{"198.51.100.9", 0, 64501},
		{"198.51.100.9", 10, 64502},
		{"198.51.100.9", 20, 64502}, // the hijack is there too, for less time in all
		{"198.51.100.9", 34, 64501}, // the end of a span is not in it
		{"198.51.100.9", 40, 64503},
		{"198.51.101.9", 20, 64501},
		{"198.51.100.9", 100, 0},
		{"198.51.100.9", -1, 0},
		{"203.0.113.1", 20, 0},
		{"::ffff:198.51.100.9", 11, 64502},
		{"2001:db8::1", 47, 64504},
		{"2001:db8::1", 49, 0},
		{"2001:db8::1", 50, 64505},
	} {
		asn, ok := o.Origin(netip.Addr{}, netip.MustParseAddr(tt.addr), at(tt.hour))
		if asn != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s in hour %d: AS%d %v, want AS%d", tt.addr, tt.hour, asn, ok, tt.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { o.Origin(netip.Addr{}, netip.MustParseAddr("198.51.100.9"), at(20)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
