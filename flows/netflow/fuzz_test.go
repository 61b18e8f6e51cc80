package netflow

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/internal/testkit"
)

// pack joins datagrams into one input of a fuzz target, unpack takes it apart.
func pack(datagrams ...[]byte) []byte {
	var b []byte
	for _, p := range datagrams {
		b = cat(b, u16(uint16(len(p))), p)
	}
	return b
}

func unpack(b []byte) [][]byte {
	const most = 16
	var list [][]byte
	for len(b) >= 2 && len(list) < most {
		n := min(int(be16(b)), len(b)-2)
		list = append(list, b[2:2+n])
		b = b[2+n:]
	}
	return list
}

// seed adds what the tests send, and small captures.
func seed(f *testing.F) {
	f.Helper()
	for _, load := range loads() {
		f.Add(pack(load.template, load.data))
	}
	f.Add(pack(v5(30, 3, 5, 1<<14|100)))
	f.Add(pack(v9(2, 0, set(0, tmpl(256, sampled...)), set(1, samplerTable)), v9(2, 1, set(256, sampledRecord(1)), set(300, samplerRow(1, 100)))))
	f.Add(pack(v9(2, 0, set(256, basicRecord(1))), v9(1, 1, set(0, tmpl(256, swapped...))), v9(1, 1, set(0, tmpl(256)))))
	f.Add(pack(ipfix(0, set(2, tmpl(256, pen(reverseEnterprise, 1, 4), testField{8, 4}, testField{315, variableLength}))),
		ipfix(0, set(256, u32(9), ip("192.0.2.1"), []byte{3, 1, 2, 3})), ipfix(0, set(2, u16(2), u16(0)))))
	f.Add(pack(ipfix(0, set(3, ipfixOptions(300, 1, testField{145, 2}, testField{311, 8}, testField{160, 8}))), ipfix(0, set(300, make([]byte, 18)))))
	const largest = 3000
	for _, s := range testkit.Scenarios(f) {
		if !flowFamilies[s.Family()] {
			continue
		}
		var list [][]byte
		size := 0
		for _, p := range datagrams(f, s) {
			if size += len(p.Payload); size > largest {
				break
			}
			list = append(list, p.Payload)
		}
		f.Add(pack(list...))
	}
}

func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		b := newBench(t, func(c *Config) {
			c.ParkingBytes, c.MaxSkew = 20_000, time.Hour
		})
		for i, p := range unpack(input) {
			b.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 2)}), uint16(i%3))
			b.at = b.at.Add(time.Minute)
			if i%5 == 4 {
				b.at = time.Time{}
			}
			b.take(p)
			if b.at.IsZero() {
				b.at = testTime
			}
			b.all = b.d.Expire(b.at, b.all)
		}
		state := saved(t, b.d)
		again := New(Config{Books: flows.NewBooks()})
		if err := again.Load(bytes.NewReader(state)); err != nil {
			t.Errorf("what was saved does not load: %v", err)
		}
		b.balance()
		checkRecords(t, b.all)
		b.books.Drain(func(_ flows.Source, _ time.Time, c *flows.Count) {
			if c.Records != c.Stored+c.TotalLost() {
				t.Errorf("a minute does not balance: %s", describe(c))
			}
		})
	})
}

// strictTemplates keeps from goflow2 the templates that this package refuses;
// by those without length it would decode for ever.
type strictTemplates struct{ netflow.NetFlowTemplateSystem }

var errStrict = errors.New("refused template")

func (s strictTemplates) AddTemplate(version uint16, domain uint32, id uint16, template any) error {
	var fields []netflow.Field
	switch t := template.(type) {
	case netflow.TemplateRecord:
		fields = t.Fields
	case netflow.NFv9OptionsTemplateRecord:
		fields = append(append(fields, t.Scopes...), t.Options...)
		if t.ScopeLength%4 != 0 || t.OptionLength%4 != 0 {
			return errStrict
		}
	case netflow.IPFIXOptionsTemplateRecord:
		fields = append(append(fields, t.Scopes...), t.Options...)
		if t.ScopeFieldCount > t.FieldCount {
			return errStrict
		}
	}
	size := netflow.GetTemplateSize(version, fields)
	for _, f := range fields {
		if version == 9 && f.Length == variableLength {
			return errStrict // of variable length in goflow2
		}
	}
	if id < firstDataSet || size <= maxPadding || size > 0xffff || len(fields) > maxFields {
		return errStrict
	}
	return s.NetFlowTemplateSystem.AddTemplate(version, domain, id, template)
}

// FuzzDifferential holds the records against what goflow2 reads in the same
// datagrams, until one that it does not read as a whole.
func FuzzDifferential(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		// Nothing waits, so that records come in the order of the datagram.
		b := newBench(t, func(c *Config) { c.ParkingBytes = 1 })
		templates := strictTemplates{netflow.CreateTemplateSystem()}
		for _, p := range unpack(input) {
			if len(p) < 16 || be16(p) == 10 && int(be16(p[2:])) != len(p) {
				return
			}
			message, err := oracle(p, templates)
			if err != nil {
				return
			}
			before := *b.sum()
			got := b.take(p)
			sum := b.sum()
			if sum.Lost[flows.ReasonMalformed] != before.Lost[flows.ReasonMalformed] || sum.TotalDatagramsLost() != 0 {
				return // cut records, which goflow2 pads
			}
			forward := got[:0:0]
			for i := range got {
				if !got[i].Biflow {
					forward = append(forward, got[i])
				}
			}
			compare(t, message, forward)
			if t.Failed() {
				return
			}
		}
	})
}

// compare holds records against a message of goflow2.
func compare(t *testing.T, message any, got []flows.Record) {
	t.Helper()
	switch m := message.(type) {
	case *netflowlegacy.PacketNetFlowV5:
		if len(got) != len(m.Records) {
			t.Fatalf("%d records, goflow2 has %d", len(got), len(m.Records))
		}
		for i := range got {
			compareV5(t, &m.Records[i], &got[i])
		}
	case *netflow.NFv9Packet:
		if len(m.FlowSets) >= int(m.Count) {
			return // goflow2 reads no more sets than the header counts records
		}
		e := expectation{version: 9, export: time.Unix(int64(m.UnixSeconds), 0), uptime: m.SystemUptime}
		e.compare(t, m.FlowSets, got)
	case *netflow.IPFIXPacket:
		e := expectation{version: 10, export: time.Unix(int64(m.ExportTime), 0)}
		e.compare(t, m.FlowSets, got)
	}
}

func compareV5(t *testing.T, want *netflowlegacy.RecordsNetFlowV5, got *flows.Record) {
	t.Helper()
	v4 := func(a netflowlegacy.IPAddress) netip.Addr { return netip.AddrFrom4([4]byte(u32(uint32(a)))) }
	if got.Src != v4(want.SrcAddr) || got.Dst != v4(want.DstAddr) || got.Bytes != uint64(want.DOctets) || got.Packets != uint64(want.DPkts) ||
		got.InIf != uint32(want.Input) || got.OutIf != uint32(want.Output) || got.SrcAS != uint32(want.SrcAS) || got.DstAS != uint32(want.DstAS) ||
		got.Proto != want.Proto || got.ToS != want.Tos || got.TCPFlags != uint16(want.TCPFlags) {
		t.Errorf("got %+v, goflow2 has %+v", got, want)
	}
	if got.Proto != protoICMP && got.Proto != protoICMPv6 && (got.SrcPort != want.SrcPort || got.DstPort != want.DstPort) {
		t.Errorf("ports %d and %d, goflow2 has %d and %d", got.SrcPort, got.DstPort, want.SrcPort, want.DstPort)
	}
}

// expectation makes of the fields of goflow2 what a record must be.
type expectation struct {
	version int
	export  time.Time
	uptime  uint32
}

func (e *expectation) compare(t *testing.T, sets []any, got []flows.Record) {
	t.Helper()
	var want []map[uint16][]byte
	for _, s := range sets {
		data, ok := s.(netflow.DataFlowSet)
		if !ok {
			continue
		}
		for _, r := range data.Records {
			fields := make(map[uint16][]byte)
			for _, f := range r.Values {
				value, _ := f.Value.([]byte)
				if _, twice := fields[f.Type]; !twice && !f.PenProvided {
					fields[f.Type] = value
				}
			}
			if fields[104] != nil || fields[313] != nil || fields[315] != nil {
				return // goflow2's decoder does not look into them
			}
			if len(fields[8]) == 4 || len(fields[12]) == 4 || len(fields[27]) == 16 || len(fields[28]) == 16 {
				want = append(want, fields)
			}
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, goflow2 has %d", len(got), len(want))
	}
	for i := range got {
		e.record(t, want[i], &got[i])
	}
}

// record compares what its fields say alone, without a choice among several.
func (e *expectation) record(t *testing.T, f map[uint16][]byte, got *flows.Record) {
	t.Helper()
	icmp := got.Proto == protoICMP || got.Proto == protoICMPv6
	for id, value := range map[uint16]uint64{
		1: got.Bytes, 2: got.Packets, 4: uint64(got.Proto), 5: uint64(got.ToS), 6: uint64(got.TCPFlags),
		16: uint64(got.SrcAS), 17: uint64(got.DstAS), 89: uint64(got.ForwardingStatus),
	} {
		e.integer(t, f, id, value)
	}
	if !icmp {
		e.unless(t, f, 7, uint64(got.SrcPort), 180, 182)
		e.unless(t, f, 11, uint64(got.DstPort), 181, 183)
	} else if f[139] == nil && f[176] == nil && f[178] == nil && len(f[32]) > 0 {
		e.integer(t, f, 32, uint64(got.ICMP))
	}
	e.unless(t, f, 10, uint64(got.InIf), 252)
	e.unless(t, f, 14, uint64(got.OutIf), 253)
	e.unless(t, f, 58, uint64(got.SrcVLAN), 243)
	e.unless(t, f, 59, uint64(got.DstVLAN), 254)
	e.address(t, "source", f[8], f[27], got.Src)
	e.address(t, "destination", f[12], f[28], got.Dst)
	if len(f[70]) >= 3 && uint64(got.MPLSLabel) != naive(f[70][:3])>>4 {
		t.Errorf("label %d of %x", got.MPLSLabel, f[70])
	}
	if len(f[15]) == 4 && naive(f[15]) != 0 && got.NextHop != netip.AddrFrom4([4]byte(f[15])) {
		t.Errorf("next hop %v of %x", got.NextHop, f[15])
	}
	e.end(t, f, got)
}

// naive reads an integer octet by octet.
func naive(b []byte) (n uint64) {
	for _, c := range b {
		n = n*256 + uint64(c)
	}
	return n
}

// integer compares an element in as many bits as the record has for it.
func (e *expectation) integer(t *testing.T, f map[uint16][]byte, id uint16, got uint64) {
	t.Helper()
	if b := f[id]; len(b) >= 1 && len(b) <= 8 {
		want := naive(b)
		if got != want && got != want&0xff && got != want&0xffff && got != want&0xffffffff {
			t.Errorf("element %d is %d, goflow2 has %d", id, got, want)
		}
	}
}

func (e *expectation) unless(t *testing.T, f map[uint16][]byte, id uint16, got uint64, others ...uint16) {
	t.Helper()
	for _, other := range others {
		if f[other] != nil {
			return
		}
	}
	e.integer(t, f, id, got)
}

func (e *expectation) address(t *testing.T, what string, v4, v6 []byte, got netip.Addr) {
	t.Helper()
	if len(v4) == 4 && naive(v4) != 0 && len(v6) == 16 && got == netip.AddrFrom16([16]byte(v6)).Unmap() {
		return // of a packet around one of IPv4: which is outside is not in f
	}
	if len(v4) == 4 && (naive(v4) != 0 || len(v6) != 16) && got != netip.AddrFrom4([4]byte(v4)) {
		t.Errorf("%s %v of %x", what, got, v4)
	}
	if len(v4) != 4 && len(v6) == 16 && got != netip.AddrFrom16([16]byte(v6)).Unmap() {
		t.Errorf("%s %v of %x", what, got, v6)
	}
}

// end compares the end of the flow where one element alone says it.
func (e *expectation) end(t *testing.T, f map[uint16][]byte, got *flows.Record) {
	t.Helper()
	var want time.Time
	n := 0
	for _, id := range []uint16{151, 153, 155, 157, 159, 21, 161, 162, 322, 323, 324, 325} {
		if f[id] != nil {
			n++
		}
	}
	switch {
	case n != 1:
		return
	case len(f[153]) == 8 && naive(f[153]) < 1<<42:
		want = time.UnixMilli(int64(naive(f[153])))
	case len(f[151]) == 4:
		want = time.Unix(int64(naive(f[151])), 0)
	case len(f[21]) == 4 && e.version == 9:
		want = e.export.Add(time.Duration(int32(uint32(naive(f[21]))-e.uptime)) * time.Millisecond)
	default:
		return
	}
	if !got.End.Equal(want) {
		t.Errorf("end %v, want %v", got.End, want)
	}
}
