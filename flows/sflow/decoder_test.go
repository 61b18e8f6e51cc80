package sflow_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/internal/testkit"
)

// decodeWith gives payload to a new decoder with a ledger.
func decodeWith(ledger func(netip.Addr) uint64, payload []byte) ([]flows.Record, flows.Count, *sflow.Decoder) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books, Sampling: ledger})
	records := d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, nil)
	return records, sum(books), d
}

func TestSource(t *testing.T) {
	six := netip.MustParseAddr("2001:db8::1")
	for name, c := range map[string]struct{ agent, want netip.Addr }{
		"IPv4":             {agent, agent},
		"IPv6":             {six, six},
		"mapped IPv4":      {netip.AddrFrom16(agent.As16()), agent},
		"unspecified":      {zero, from.Addr()},
		"unspecified IPv6": {netip.IPv6Unspecified(), from.Addr()},
	} {
		t.Run(name, func(t *testing.T) {
			records, _, _ := decode(export{agent: c.agent, domain: 77, samples: [][]byte{of(frame4()).compact()}}.bytes())
			want := flows.Source{Exporter: c.want, Domain: 77, Version: flows.SFlow5}
			if len(records) != 1 || records[0].Source != want {
				t.Errorf("records %+v, want one of %+v", records, want)
			}
		})
	}
	unknown := join(words(5, 0, 77, 1, 1000, 1), of(frame4()).compact())
	if records, _, _ := decode(unknown); len(records) != 1 || records[0].Source.Exporter != from.Addr() {
		t.Errorf("agent without address: %+v, want one record of %v", records, from.Addr())
	}
}

func TestOtherSamples(t *testing.T) {
	counters := opaque(1, make([]byte, 88))
	records, count, _ := decode(export{samples: [][]byte{
		opaque(2, words(1, 3, 1), counters),
		opaque(4, words(1, 0, 3, 1), counters),
		opaque(2),                                  // empty, but one
		opaque(5, words(1, 0, 3, 0, 3, 0, 256, 0)), // a discarded packet
		opaque(4413<<12|1, words(1, 2, 3)),
		opaque(0xffffffff),
		of(frame4()).compact(),
	}}.bytes())
	want := flows.Count{Datagrams: 1, Records: 1, Counters: 3}
	if len(records) != 1 || count != want {
		t.Errorf("%d records, count %+v, want %+v", len(records), count, want)
	}
}

func TestTimes(t *testing.T) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	payload := export{uptime: 90_061_500, samples: [][]byte{of(frame4()).compact()}}.bytes()
	records := d.Decode(flows.Packet{Payload: payload, From: from}, nil)
	want := time.Date(1970, 1, 2, 1, 1, 1, 500_000_000, time.UTC)
	if r := records[0]; r.Received != want || r.Start != want || r.End != want || r.Exported != want {
		t.Errorf("without time of arrival: %v %v %v %v, want %v", r.Received, r.Start, r.End, r.Exported, want)
	}
	d.Decode(flows.Packet{Payload: payload[:20], From: from}, nil)
	var minutes []time.Time
	books.Drain(func(_ flows.Source, minute time.Time, _ *flows.Count) { minutes = append(minutes, minute) })
	slices.SortFunc(minutes, time.Time.Compare)
	if d := diff([]time.Time{time.Unix(0, 0).UTC(), want.Truncate(time.Minute)}, minutes); d != "" {
		t.Errorf("minutes of the books (-want +got):\n%s", d)
	}
}

// TestCutAnywhere cuts a datagram at each octet.
func TestCutAnywhere(t *testing.T) {
	good, counters := of(frame4(), router(hop4)).compact(), opaque(2, words(1, 3, 0))
	e := export{samples: [][]byte{good, counters, good}}
	whole := e.bytes()
	head := len(whole) - 2*len(good) - len(counters)
	for n := range whole {
		records, count, _ := decode(whole[:n:n])
		want, kept := flows.Count{Datagrams: 1}, 0
		switch {
		case n < head+len(good):
			want.DatagramsLost[flows.ReasonMalformed] = 1
		case n < head+len(good)+4: // of the kind of the second sample nothing is known
			kept, want.Records = 1, 2
			want.Lost[flows.ReasonMalformed] = 1
		case n < head+len(good)+len(counters):
			kept, want.Records = 1, 1
		default:
			kept, want.Records, want.Counters = 1, 2, 1
			want.Lost[flows.ReasonMalformed] = 1
		}
		if len(records) != kept || count != want {
			t.Errorf("cut at %d of %d: %d records, count %+v, want %d, %+v", n, len(whole), len(records), count, kept, want)
		}
	}
	if records, count, _ := decode(append(whole, 1, 2, 3)); len(records) != 2 || count.TotalLost() != 0 {
		t.Errorf("octets behind the last sample: %d records, count %+v", len(records), count)
	}
}

func TestRefusedDatagrams(t *testing.T) {
	samples := [][]byte{of(frame4()).compact()}
	good := export{samples: samples}.bytes()
	patch := func(at int, v uint32) []byte {
		b := slices.Clone(good)
		binary.BigEndian.PutUint32(b[at:], v)
		return b
	}
	for name, c := range map[string]struct {
		payload []byte
		why     flows.Reason
	}{
		"nothing":                     {nil, flows.ReasonMalformed},
		"version 4":                   {patch(0, 4), flows.ReasonUnknownVersion},
		"address of unknown type":     {patch(4, 3), flows.ReasonMalformed},
		"sample promised, none comes": {export{}.bytes()[:24:24], flows.ReasonMalformed},
		"sample of 4 billion octets":  {patch(32, 0xffffffff), flows.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			records, count, _ := decode(c.payload)
			want := flows.Count{Datagrams: 1}
			want.DatagramsLost[c.why] = 1
			if len(records) != 0 || count != want {
				t.Errorf("%d records, count %+v, want %+v", len(records), count, want)
			}
		})
	}
	records, count, _ := decode(patch(24, 0xffffffff))
	if len(records) != 1 || count.Records != 2 || count.Lost[flows.ReasonMalformed] != 1 {
		t.Errorf("4 billion samples promised: %d records, count %+v", len(records), count)
	}
	if records, count, _ := decode(export{}.bytes()); len(records) != 0 || count != (flows.Count{Datagrams: 1}) {
		t.Errorf("no samples: %d records, count %+v", len(records), count)
	}
}

// TestPanicCostsOneDatagram has the ledger panic, after a record of the same
// datagram was decoded.
func TestPanicCostsOneDatagram(t *testing.T) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books, Sampling: func(netip.Addr) uint64 { panic("planted") }})
	unknown := of(frame4())
	unknown.rate = 0
	good := export{domain: 5, sequence: 1, samples: [][]byte{of(frame4()).compact()}}.bytes()
	bad := export{domain: 5, sequence: 2, samples: [][]byte{of(frame4()).compact(), unknown.compact()}}.bytes()
	var records []flows.Record
	for _, payload := range [][]byte{good, bad, good} {
		records = d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, records)
	}
	want := flows.Count{Datagrams: 3, Records: 2}
	want.DatagramsLost[flows.ReasonDecoderPanic] = 1
	source := flows.Source{Exporter: agent, Domain: 5, Version: flows.SFlow5}
	if got := books.Account(source).Total(); len(records) != 2 || got != want {
		t.Errorf("%d records, count %+v, want 2, %+v", len(records), got, want)
	}
}

func TestSequenceInTheBooks(t *testing.T) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	two := [][]byte{of(frame4()).compact(), of(frame4()).compact()}
	var records []flows.Record
	// 3 and 4 are missing, 3 comes late. The other sub-agent counts for itself.
	for _, e := range []export{{sequence: 1}, {sequence: 2}, {sequence: 5}, {sequence: 3}, {domain: 1, sequence: 900}, {domain: 1, sequence: 901}} {
		e.samples = two
		records = d.Decode(flows.Packet{Payload: e.bytes(), From: from, Received: at}, records)
	}
	testkit.Store(books, records)
	testkit.Balance(t, books)
	source := flows.Source{Exporter: agent, Version: flows.SFlow5}
	want := flows.Count{Datagrams: 4, Records: 8, Stored: 8, SequenceGaps: 2, RecordsMissed: 4, Reordered: 1}
	if got := books.Account(source).Total(); got != want {
		t.Errorf("count %+v, want %+v", got, want)
	}
	source.Domain = 1
	if got := books.Account(source).Total(); got != (flows.Count{Datagrams: 2, Records: 4, Stored: 4}) {
		t.Errorf("count of the other sub-agent %+v", got)
	}
}

func TestRatesAreSortedAndBounded(t *testing.T) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	for i := range uint32(40) {
		p := of(frame4())
		p.rate = 1 + 7*i%40
		d.Decode(flows.Packet{Payload: export{sequence: i, samples: [][]byte{p.compact()}}.bytes(), From: from, Received: at}, nil)
	}
	rates := d.Sampling()[flows.Source{Exporter: agent, Version: flows.SFlow5}]
	if len(rates) != 16 || !slices.IsSorted(rates) || len(slices.Compact(rates)) != 16 {
		t.Errorf("rates %v, want 16 different ones in order", rates)
	}
}

// TestForgedAgentsAreBounded sends from more agents than are remembered.
func TestForgedAgentsAreBounded(t *testing.T) {
	const forged = flows.MaxAccounts + 100
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	payload := export{samples: [][]byte{of(frame4()).compact()}}.bytes()
	records := make([]flows.Record, 0, 1)
	for i := range uint32(forged) {
		binary.BigEndian.PutUint32(payload[8:], 10<<24+i)
		records = d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, records[:0])
		if len(records) != 1 {
			t.Fatalf("agent %d: %d records", i, len(records))
		}
	}
	if n := len(d.Sampling()); n != flows.MaxAccounts {
		t.Errorf("%d sources remembered, want %d", n, flows.MaxAccounts)
	}
	if got := sum(books).Records; got != forged {
		t.Errorf("%d records in the books, want %d", got, forged)
	}
}

func TestConcurrentUse(t *testing.T) {
	books := flows.NewBooks()
	d := sflow.New(sflow.Config{Books: books})
	const workers, each = 4, 200
	var group sync.WaitGroup
	for worker := range uint32(workers) {
		group.Go(func() {
			var records []flows.Record
			for i := range uint32(each) {
				p := of(frame4())
				p.rate = 1 + i%20
				e := export{domain: worker % 2, sequence: i, samples: [][]byte{p.compact()}}
				records = d.Decode(flows.Packet{Payload: e.bytes(), From: from, Received: at}, records)
				d.Sampling()
			}
			testkit.Store(books, records)
		})
	}
	group.Wait()
	testkit.Balance(t, books)
	if got := sum(books); got.Datagrams != workers*each || got.Stored != workers*each {
		t.Errorf("count %+v, want %d stored", got, workers*each)
	}
}

func TestAllocatesNothing(t *testing.T) {
	d := sflow.New(sflow.Config{Books: flows.NewBooks()})
	payload := export{samples: [][]byte{
		of(frame4(), router(hop4), gateway(hop4, 1, 2, 1, 2, 2, 3, 4)).compact(), of(frame4()).expanded(0), opaque(2, words(1, 3, 0)),
	}}.bytes()
	packet := flows.Packet{Payload: payload, From: from, Received: at}
	records := d.Decode(packet, nil)
	sequence := uint32(0)
	if n := testing.AllocsPerRun(200, func() {
		sequence++
		binary.BigEndian.PutUint32(payload[16:], sequence)
		records = d.Decode(packet, records[:0])
	}); n != 0 {
		t.Errorf("%v allocations per datagram, want 0", n)
	}
}

func TestNothingWaits(t *testing.T) {
	d := sflow.New(sflow.Config{Books: flows.NewBooks()})
	have := []flows.Record{record4()}
	if got := d.Flush(d.Expire(at, have)); diff(have, got) != "" {
		t.Errorf("records %+v, want what was given", got)
	}
}
