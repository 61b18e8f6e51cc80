package netflow

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linewarden/linewarden/flows"
)

// same compares records by value.
func same(t *testing.T, want, got flows.Record) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
		t.Errorf("record (-want +got):\n%s", d)
	}
}

func TestV5Record(t *testing.T) {
	b := newBench(t)
	got := b.one(v5(1, 1, 0, 0))
	exported := testTime.Add(500 * time.Millisecond)
	same(t, flows.Record{
		Source:   flows.Source{Exporter: netip.MustParseAddr("192.0.2.9"), Domain: 2*256 + 3, Version: flows.NetFlow5},
		Received: testTime, Exported: exported,
		Start: exported.Add(-3 * time.Second), End: exported.Add(-time.Second),
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"),
		NextHop: netip.MustParseAddr("203.0.113.3"),
		Bytes:   1500, Packets: 10, SamplingRate: 1, SamplingSource: flows.SamplingNone,
		InIf: 4, OutIf: 5, SrcAS: 64500, DstAS: 64501, SrcPort: 443, DstPort: 50000,
		TCPFlags: 0x12, Proto: 6, ToS: 0xb8,
	}, got)
	b.balance()
}

func TestV5SamplingIsMasked(t *testing.T) {
	for _, c := range []struct {
		field  uint16
		rate   uint64
		source flows.SamplingSource
	}{
		{1<<14 | 1000, 1000, flows.SamplingRecord}, // mode 1: not 17384
		{2<<14 | 1000, 1000, flows.SamplingRecord},
		{1000, 1000, flows.SamplingRecord},
		{1<<14 | 1, 1, flows.SamplingRecord},
		{0, 1, flows.SamplingNone},
		{1 << 14, 1, flows.SamplingNone},
	} {
		b := newBench(t)
		if r := b.one(v5(1, 1, 0, c.field)); r.SamplingRate != c.rate || r.SamplingSource != c.source {
			t.Errorf("field %#x: rate %d from %v, want %d from %v", c.field, r.SamplingRate, r.SamplingSource, c.rate, c.source)
		}
	}
	b := newBench(t, func(c *Config) { c.Sampling = func(netip.Addr) uint64 { return 512 } })
	if r := b.one(v5(1, 1, 0, 0)); r.SamplingRate != 512 || r.SamplingSource != flows.SamplingLedger {
		t.Errorf("rate %d from %v, want that of the ledger", r.SamplingRate, r.SamplingSource)
	}
}

func TestV5CountAgainstLength(t *testing.T) {
	for name, c := range map[string]struct {
		datagram                []byte
		stored, lost, datagrams uint64
	}{
		"as many as it says":           {v5(30, 30, 0, 0), 30, 0, 0},
		"cut":                          {v5(30, 30, 0, 0)[:24+48*7+20], 7, 23, 0},
		"header only":                  {v5(3, 0, 0, 0), 0, 3, 1},
		"none claimed":                 {v5(0, 0, 0, 0), 0, 0, 0},
		"more than it says":            {v5(2, 5, 0, 0), 2, 0, 0},
		"impossible count":             {v5(55582, 30, 0, 0), 0, 0, 1},
		"jumbo that holds all it says": {v5(40, 40, 0, 0), 40, 0, 0},
		"half a header":                {v5(1, 1, 0, 0)[:20], 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.take(c.datagram)
			sum := b.sum()
			if uint64(len(b.all)) != c.stored || sum.Lost[flows.ReasonMalformed] != c.lost ||
				sum.DatagramsLost[flows.ReasonMalformed] != c.datagrams {
				t.Errorf("%d records, %s", len(b.all), describe(sum))
			}
			b.balance()
		})
	}
}

func TestUnknownVersions(t *testing.T) {
	b := newBench(t)
	b.take(nil, []byte{9}, []byte{0, 1, 0, 0}, []byte{0, 7, 0, 0}, []byte{0, 8})
	if sum := b.sum(); sum.Datagrams != 5 || sum.DatagramsLost[flows.ReasonUnknownVersion] != 5 {
		t.Error(describe(sum))
	}
	b.balance()
}
