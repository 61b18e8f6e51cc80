package storage_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/storage"
)

// noon is an instant the tests count from.
var noon = time.Date(2026, 9, 14, 4, 0, 0, 0, time.UTC)

// full returns a record in which every field holds another value, so that two
// columns changed for one another show.
func full(tb testing.TB) flows.Record {
	tb.Helper()
	var r flows.Record
	next := uint64(0)
	fill(tb, reflect.ValueOf(&r).Elem(), &next)
	r.Source.Version, r.Direction, r.SamplingSource = flows.IPFIX, flows.Egress, flows.SamplingOptions
	r.Labels.LineDirection = flows.FromCustomer
	// Networks are of the addresses beside them.
	within := func(a netip.Addr, bits int) netip.Prefix { return netip.PrefixFrom(a, bits).Masked() }
	r.Labels.SrcNet, r.Labels.SrcAllocation = within(r.Src, 24), within(r.Src, 23)
	r.Labels.DstNet, r.Labels.DstAllocation = within(r.Dst, 26), within(r.Dst, 16)
	return r
}

// fill gives each field of a struct a value of its own.
func fill(tb testing.TB, v reflect.Value, next *uint64) {
	tb.Helper()
	*next++
	n := *next
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(noon.Add(time.Duration(n) * 1234567891)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, byte(n), 1})))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n), 0}), 24)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(tb, field, next)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("word-%d", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(n + 100)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(n + 1000)
	default:
		tb.Fatalf("a record has a field of kind %v, which the store does not know", v.Kind())
	}
}

// sameRecord compares records by the instants of their times. Of an arrival
// milliseconds are kept.
func sameRecord(tb testing.TB, got, want flows.Record) {
	tb.Helper()
	want.Received = want.Received.Truncate(time.Millisecond)
	for _, pair := range [][2]*time.Time{
		{&got.Received, &want.Received}, {&got.Exported, &want.Exported}, {&got.Start, &want.Start}, {&got.End, &want.End},
	} {
		if !pair[0].Equal(*pair[1]) {
			tb.Errorf("time is %v, want %v", *pair[0], *pair[1])
		}
		*pair[0], *pair[1] = time.Time{}, time.Time{}
	}
	if got != want {
		tb.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// writerOf returns a writer whose batches are sent by Flush or when full.
func writerOf(tb testing.TB, s *storage.Store, cfg storage.FlowWriterConfig) *storage.FlowWriter {
	tb.Helper()
	if cfg.Books == nil {
		cfg.Books = flows.NewBooks()
	}
	w, err := s.NewFlowWriter(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// store writes records and waits for them.
func store(tb testing.TB, s *storage.Store, records ...flows.Record) {
	tb.Helper()
	w := writerOf(tb, s, storage.FlowWriterConfig{})
	if err := w.Append(records); err != nil {
		tb.Error(err)
	}
	if err := w.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// list reads records.
func list(tb testing.TB, s *storage.Store, f storage.FlowFilter) []flows.Record {
	tb.Helper()
	var records []flows.Record
	for r, err := range s.Flows(tb.Context(), f) {
		if err != nil {
			tb.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func TestEveryFieldComesBack(t *testing.T) {
	s := open(t, configure(t))
	want := full(t)
	store(t, s, want)
	got := list(t, s, storage.FlowFilter{})
	if len(got) != 1 {
		t.Fatalf("got %d records", len(got))
	}
	sameRecord(t, got[0], want)
	if v := reflect.ValueOf(got[0]); v.IsZero() {
		t.Error("nothing came back")
	}
}

func TestExtremeRecordsComeBack(t *testing.T) {
	addr := netip.MustParseAddr
	at := func(second int64) time.Time { return time.Unix(second, 123456789).UTC() }
	records := []flows.Record{
		{}, // the exporter said nothing
		{Start: at(1), Src: addr("::"), Dst: addr("0.0.0.0"), NextHop: addr("::ffff:10.0.0.1")},
		{Start: at(2), Src: addr("255.255.255.255"), Dst: addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), NextHop: addr("10.0.0.1")},
		{Start: at(3), Bytes: 1<<64 - 1, Packets: 1<<64 - 1, SamplingRate: 1<<64 - 1, InIf: 1<<32 - 1, SrcAS: 1<<32 - 1, SrcPort: 1<<16 - 1, ToS: 255},
		{Start: time.Unix(0, 0).UTC(), End: time.Unix(-1, 0).UTC()}, // a clock that was never set
		{Start: time.Date(2262, 4, 11, 23, 47, 16, 0, time.UTC)},
		{Start: at(5), Src: addr("255.255.255.255"), Dst: addr("2001:db8::1"), Labels: flows.Labels{
			SrcNet: netip.MustParsePrefix("0.0.0.0/0"), DstNet: netip.MustParsePrefix("::/0"), // all there is
			SrcAllocation: netip.MustParsePrefix("255.255.255.255/32"), DstAllocation: netip.MustParsePrefix("2001:db8::1/128"),
		}},
		{Start: at(5), Src: addr("::ffff:10.0.0.1"), Labels: flows.Labels{SrcNet: netip.MustParsePrefix("::ffff:10.0.0.0/120")}},
		{Start: at(6), Labels: flows.Labels{Line: "线路-1 '\"\\\n\t\x00;--", Holder: "企业"}},
		{Start: at(7), Source: flows.Source{Exporter: addr("2001:db8::5"), Domain: 1<<32 - 1, Version: flows.SFlow5}},
	}
	for v := flows.VersionUnknown; v <= flows.SFlow5; v++ {
		records = append(records, flows.Record{
			Start: at(10 + int64(v)), Source: flows.Source{Version: v}, Direction: flows.Direction(v % 3),
			SamplingSource: flows.SamplingSource(v % 4), Labels: flows.Labels{LineDirection: flows.LineDirection(v % 3)},
		})
	}
	s := open(t, configure(t))
	for i, want := range records {
		if err := s.Exec(t.Context(), "TRUNCATE TABLE flows"); err != nil {
			t.Fatal(err)
		}
		store(t, s, want)
		got := list(t, s, storage.FlowFilter{})
		if len(got) != 1 {
			t.Fatalf("record %d: got %d records", i, len(got))
		}
		sameRecord(t, got[0], want)
	}
}

// TestTimesOfSFlow: sFlow has the arrival in place of times of flows, which stay
// equal to it; what other exporters say stays as it is, to the nanosecond.
func TestTimesOfSFlow(t *testing.T) {
	at := time.Unix(1_790_000_000, 123456789).UTC()
	s := open(t, configure(t))
	store(t, s,
		flows.Record{Source: flows.Source{Version: flows.SFlow5}, Received: at, Exported: at, Start: at, End: at},
		flows.Record{Source: flows.Source{Version: flows.IPFIX}, Received: at, Exported: at, Start: at, End: at},
	)
	got := list(t, s, storage.FlowFilter{})
	if len(got) != 2 {
		t.Fatalf("got %d records", len(got))
	}
	short := at.Truncate(time.Millisecond)
	for i, want := range []time.Time{short, at} {
		if r := got[i]; !r.Received.Equal(short) || !r.Exported.Equal(want) || !r.Start.Equal(want) || !r.End.Equal(want) {
			t.Errorf("%v: received %v, exported %v, from %v to %v", r.Source.Version, r.Received, r.Exported, r.Start, r.End)
		}
	}
}

func TestInstantsBeyondTheColumn(t *testing.T) {
	s := open(t, configure(t))
	store(t, s,
		flows.Record{Start: time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC), Bytes: 1},
		flows.Record{Start: time.Date(9999, 2, 3, 0, 0, 0, 0, time.UTC), Bytes: 2},
	)
	got := list(t, s, storage.FlowFilter{})
	if len(got) != 2 || got[0].Start.Year() != 1900 || got[1].Start.Year() != 2262 {
		t.Errorf("got %v", got)
	}
}

// traffic returns records as a busy network gives them: lines with networks of
// their own, popular servers, ports and sizes.
func traffic(n int, seed uint64) []flows.Record {
	rng := rand.New(rand.NewPCG(seed, 1))
	records := make([]flows.Record, n)
	for i := range records {
		line := int(300 * rng.Float64() * rng.Float64())
		far := (line*7919 + int(200*rng.Float64()*rng.Float64()*rng.Float64())*104729) % 20000
		received := noon.Add(time.Duration(i/30) * 3 * time.Millisecond)
		end := received.Add(-time.Duration(rng.IntN(15000)) * time.Millisecond)
		customer := netip.AddrFrom4([4]byte{172, byte(16 + line%16), byte(line), byte(rng.IntN(64))})
		server := netip.AddrFrom4([4]byte{byte(1 + far%200), byte(far / 200), byte(far), byte(1 + rng.IntN(20))})
		r := &records[i]
		r.Source = flows.Source{Exporter: netip.AddrFrom4([4]byte{192, 0, 2, byte(line % 20)}), Domain: 1, Version: flows.NetFlow9}
		r.Received, r.Exported, r.End = received, received.Truncate(time.Second), end
		r.Start = end.Add(-time.Duration(rng.ExpFloat64()*5000) * time.Millisecond)
		r.Packets = 1 + uint64(rng.ExpFloat64()*4)
		r.Bytes = 40*r.Packets + uint64(rng.ExpFloat64()*900)*r.Packets
		r.SamplingRate, r.SamplingSource = 1000, flows.SamplingOptions
		r.Proto, r.TCPFlags, r.ForwardingStatus = 6, 0x1b, 64
		port, service := uint16(32768+rng.IntN(28000)), [...]uint16{443, 443, 443, 80, 53, 8080}[rng.IntN(6)]
		l := &r.Labels
		l.Line, l.Holder = fmt.Sprintf("L-%05d", line), fmt.Sprintf("E-%05d", line/2)
		near, remote := netip.PrefixFrom(customer, 24).Masked(), netip.PrefixFrom(server, 24).Masked()
		if rng.IntN(2) == 0 {
			l.LineDirection, r.Direction = flows.FromCustomer, flows.Ingress
			r.Src, r.Dst, r.SrcPort, r.DstPort, r.InIf, r.OutIf = customer, server, port, service, uint32(10+line), 1
			l.SrcNet, l.DstNet, l.SrcAllocation, l.DstOrigin, r.DstAS = near, remote, near, uint32(far), uint32(far)
		} else {
			l.LineDirection, r.Direction = flows.ToCustomer, flows.Egress
			r.Dst, r.Src, r.DstPort, r.SrcPort, r.OutIf, r.InIf = customer, server, port, service, uint32(10+line), 1
			l.DstNet, l.SrcNet, l.DstAllocation, l.SrcOrigin, r.SrcAS = near, remote, near, uint32(far), uint32(far)
		}
		r.NextHop = netip.AddrFrom4([4]byte{192, 0, 2, 254})
	}
	return records
}
