package netflow

import (
	"net/netip"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

// step is a datagram by its sequence number and what it must add to the books.
type step struct {
	number         uint32
	gap, reordered uint64
}

func TestSequences(t *testing.T) {
	template := set(0, tmpl(256, basic...))
	five := set(256, basicRecord(1), basicRecord(2), basicRecord(3), basicRecord(4), basicRecord(5))
	protocols := map[string]func(number uint32) []byte{
		"v5":    func(number uint32) []byte { return v5(5, 5, number*5, 0) },
		"v9":    func(number uint32) []byte { return v9(5, number, five) },
		"ipfix": func(number uint32) []byte { return ipfix(number*5, five) },
	}
	for name, steps := range map[string][]step{
		"in order":         {{1, 0, 0}, {2, 0, 0}, {3, 0, 0}},
		"gap":              {{1, 0, 0}, {5, 3, 0}, {6, 0, 0}},
		"late":             {{1, 0, 0}, {4, 2, 0}, {3, 0, 1}, {2, 0, 1}, {5, 0, 0}},
		"late in a middle": {{1, 0, 0}, {6, 4, 0}, {4, 0, 1}, {2, 0, 1}, {5, 0, 1}, {3, 0, 1}, {7, 0, 0}},
		"repeated":         {{1, 0, 0}, {2, 0, 0}, {2, 0, 0}, {1, 0, 0}, {3, 0, 0}},
		"late twice":       {{1, 0, 0}, {3, 1, 0}, {2, 0, 1}, {2, 0, 0}, {4, 0, 0}},
		"restart far back": {{300_000, 0, 0}, {0, 0, 0}, {1, 0, 0}, {3, 1, 0}},
		"restart near":     {{100, 0, 0}, {101, 0, 0}, {0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {4, 1, 0}},
		"constant":         {{7, 0, 0}, {7, 0, 0}, {7, 0, 0}, {7, 0, 0}},
	} {
		for protocol, datagram := range protocols {
			b := newBench(t)
			b.take(v9(1, 0, template), ipfix(0, set(2, tmpl(256, basic...))))
			// The templates came from another session.
			b.from = netip.MustParseAddrPort("192.0.2.9:9999")
			unit := uint64(5)
			if protocol == "v9" {
				unit = 1
			}
			for i, s := range steps {
				before := *b.sum()
				b.take(datagram(s.number))
				after := b.sum()
				if gap, late := after.SequenceGaps-before.SequenceGaps, after.Reordered-before.Reordered; gap != s.gap*unit || late != s.reordered*unit {
					t.Errorf("%s of %s, step %d: gap %d and %d late, want %d and %d", name, protocol, i, gap, late, s.gap*unit, s.reordered*unit)
				}
				if missed := after.RecordsMissed - before.RecordsMissed; missed != s.gap*5 {
					t.Errorf("%s of %s, step %d: %d records missed, want %d", name, protocol, i, missed, s.gap*5)
				}
			}
			b.balance()
		}
	}
}

func TestSequenceWraps(t *testing.T) {
	b := newBench(t)
	b.take(v5(2, 2, 1<<32-3, 0), v5(2, 2, 1<<32-1, 0), v5(2, 2, 1, 0))
	if n := b.sum().SequenceGaps; n != 0 {
		t.Errorf("%d missing over the wrap", n)
	}
	b.take(v5(2, 2, 5, 0))
	if n := b.sum().SequenceGaps; n != 2 {
		t.Errorf("%d missing", n)
	}
	b.balance()
}

// TestRestartByUptime is a restart with numbers that look like a small gap.
func TestRestartByUptime(t *testing.T) {
	b := newBench(t)
	sets := set(0, tmpl(256, basic...))
	b.take(v9of(testDomain, 1, 10, 500_000_000, sets), v9of(testDomain, 1, 60, 2000, sets), v9of(testDomain, 1, 61, 3000, sets))
	if n := b.sum().SequenceGaps; n != 0 {
		t.Errorf("%d missing over a restart", n)
	}
	// sysUptime wraps after 49.7 days: that is no restart.
	b.take(v9of(testDomain, 1, 62, 1<<32-1000, sets), v9of(testDomain, 1, 65, 1000, sets))
	if n := b.sum().SequenceGaps; n != 2 {
		t.Errorf("%d missing over the wrap of sysUptime, want 2", n)
	}
	b.balance()
}

// TestSessionsHaveTheirOwnSequence sends from several ports of one exporter,
// which share templates.
func TestSessionsHaveTheirOwnSequence(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, basic...))))
	for number := range uint32(3) {
		for port := range uint16(4) {
			b.from = netip.AddrPortFrom(b.from.Addr(), 40000+port)
			b.one(v9(1, 1000*uint32(port)+number, set(256, basicRecord(1))))
		}
	}
	if sum := b.sum(); sum.SequenceGaps != 0 || sum.Reordered != 0 {
		t.Error(describe(sum))
	}
	b.balance()
}

// TestSequenceOverUnknownData does not invent gaps where the number of records
// in a message is not known.
func TestSequenceOverUnknownData(t *testing.T) {
	b := newBench(t)
	b.take(ipfix(0, set(256, basicRecord(1), basicRecord(2))), ipfix(2, set(256, basicRecord(1))))
	b.take(ipfix(3, set(2, tmpl(256, basic...))))
	b.take(ipfix(3, set(256, basicRecord(1))), ipfix(6, set(256, basicRecord(1))))
	if sum := b.sum(); sum.SequenceGaps != 2 || sum.RecordsMissed != 2 || sum.Lost != [flows.NumReasons]uint64{} {
		t.Error(describe(sum))
	}
	b.balance()
}

// TestV9CountedInRecords is what softflowd does: after a few datagrams it is
// understood, and a real gap still is one.
func TestV9CountedInRecords(t *testing.T) {
	b := newBench(t)
	b.take(v9(1, 0, set(0, tmpl(256, basic...))))
	number := uint32(1)
	send := func(n int) {
		var records []byte
		for range n {
			records = cat(records, basicRecord(1))
		}
		b.take(v9(uint16(n), number, set(256, records)))
		number += uint32(n)
	}
	for _, n := range []int{3, 2, 4, 5} {
		send(n)
	}
	early := b.sum().SequenceGaps
	if early != 3 {
		t.Errorf("%d missing before the unit was understood, want 3: the third time tells", early)
	}
	for _, n := range []int{2, 7, 1, 3, 9, 1, 2} {
		send(n)
	}
	if now := b.sum().SequenceGaps; now != early {
		t.Errorf("%d missing after the unit was understood, %d before", now, early)
	}
	number += 10
	send(2)
	if sum := b.sum(); sum.SequenceGaps != early+10 {
		t.Errorf("%d missing, want %d more than %d", sum.SequenceGaps, 10, early)
	}
	// The exporter is replaced by one that counts datagrams.
	for i := range uint32(6) {
		b.take(v9(2, 5000+i, set(256, basicRecord(1), basicRecord(1))))
	}
	early = b.sum().SequenceGaps
	b.take(v9(2, 5009, set(256, basicRecord(1), basicRecord(1))))
	if now := b.sum().SequenceGaps; now != early+3 {
		t.Errorf("%d missing, want 3", now-early)
	}
	b.balance()
}
