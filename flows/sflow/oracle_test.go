package sflow_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	goflow "github.com/netsampler/goflow2/v2/decoders/sflow"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
	"github.com/linewarden/linewarden/flows/sflow"
	"github.com/linewarden/linewarden/internal/testkit"
)

// seeds adds every datagram of the captures and a few by hand.
func seeds(f *testing.F) {
	f.Helper()
	for _, s := range testkit.Scenarios(f) {
		if s.Family() == "sflow5" {
			for _, p := range packets(f, s) {
				f.Add(p.Payload)
			}
		}
	}
	full := [][]byte{
		frame4(), router(hop6), gateway(hop4, 64500, 0, 1, 2, 2, 64502, 64503), opaque(1001, words(5, 0, 6, 0)),
		opaque(1006, address(hop4), words(1, 100<<12, 0)), opaque(1012, words(1, 7)),
	}
	f.Add(export{samples: [][]byte{of(full...).compact(), of(full...).expanded(1), opaque(2, words(1, 2, 0))}}.bytes())
	f.Add(export{samples: [][]byte{opaque(2, words(1, 7, 1), generic(7)), opaque(4, words(1, 0, 7, 2), opaque(2000), generic(7))}}.bytes())
	f.Add(export{agent: hop6, samples: [][]byte{
		of(sampledIP(3, 60, 6, "192.0.2.1", "198.51.100.2", 443, 50000, 0x12, 0xb8)).compact(),
		of(sampledIP(4, 60, 17, "2001:db8::1", "2001:db8::2", 53, 54321, 0, 0xb8)).compact(),
	}}.bytes())
}

// FuzzDecode checks that no datagram harms: the books balance, each record is
// whole, and a good datagram behind it decodes.
func FuzzDecode(f *testing.F) {
	seeds(f)
	good := export{agent: hop6, domain: 4_000_000_000, samples: [][]byte{of(frame4()).compact()}}.bytes()
	f.Fuzz(func(t *testing.T, payload []byte) {
		books := flows.NewBooks()
		d := sflow.New(sflow.Config{Books: books, Counters: &silent{}})
		records := d.Decode(flows.Packet{Payload: payload, From: from, Received: at}, nil)
		testkit.Store(books, records)
		testkit.Balance(t, books)
		c := sum(books)
		if c.Datagrams != 1 || c.Stored != uint64(len(records)) || c.TotalDatagramsLost() > 1 || c.DatagramsLost[flows.ReasonDecoderPanic] > 0 {
			t.Fatalf("count %+v of %d records", c, len(records))
		}
		if c.TotalDatagramsLost() == 1 && c.Records+c.Counters > 0 {
			t.Fatalf("a lost datagram gave something: %+v", c)
		}
		for i := range records {
			r := &records[i]
			if !r.Src.IsValid() || !r.Dst.IsValid() || r.Packets != 1 || r.Source.Version != flows.SFlow5 || r.Received != at {
				t.Fatalf("record %+v", r)
			}
			if (r.SamplingRate == 0) != (r.SamplingSource == flows.SamplingNone) || r.SrcVLAN > 4095 || r.DstVLAN > 4095 || r.MPLSLabel >= 1<<20 {
				t.Fatalf("record %+v", r)
			}
		}
		if behind := d.Decode(flows.Packet{Payload: good, From: from, Received: at}, records[:0]); len(behind) != 1 {
			t.Fatalf("%d records behind it, want 1", len(behind))
		}
	})
}

// FuzzDifferential compares with goflow2's decoder what that decodes without
// error: the header of the datagram, the number of samples of each kind, and
// each field of each record. Sampled headers are read by flows/header on both
// sides, as that has an oracle of its own.
func FuzzDifferential(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, payload []byte) { differ(t, payload) })
}

// TestDifferential tells how much of the seeds the oracle compares.
func TestDifferential(t *testing.T) {
	compared := 0
	for _, s := range testkit.Scenarios(t) {
		if s.Family() == "sflow5" {
			for _, p := range packets(t, s) {
				compared += differ(t, p.Payload)
			}
		}
	}
	if compared < 40 {
		t.Errorf("%d flow samples compared, want 40 at least", compared)
	}
}

// differ fails where the decoders differ, and returns how many flow samples it
// compared.
func differ(t *testing.T, payload []byte) (compared int) {
	t.Helper()
	var packet goflow.Packet
	if explodes(payload) || goflow.DecodeMessageVersion(bytes.NewBuffer(payload), &packet) != nil {
		return 0
	}
	got, count, _ := decode(payload)
	var want []flows.Record
	var wantCount flows.Count
	for _, sample := range packet.Samples {
		if sample == nil {
			break // the datagram ends here
		}
		if _, ok := sample.(goflow.CounterSample); ok {
			wantCount.Counters++
			continue
		}
		r, n, records, ok := reference(sample)
		if !ok {
			continue // a discarded packet
		}
		compared++
		wantCount.Records++
		switch result := fill(&r, n, records); result {
		case header.Malformed:
			wantCount.Lost[flows.ReasonMalformed]++
			continue
		case header.NotIP:
			wantCount.Lost[flows.ReasonNotIP]++
			continue
		case undecided:
			return 0
		case header.Whole, header.Cut:
		}
		agent, _ := netip.AddrFromSlice(packet.AgentIP)
		if agent = agent.Unmap(); agent.IsUnspecified() {
			agent = from.Addr()
		}
		r.Source = flows.Source{Exporter: agent, Domain: packet.SubAgentId, Version: flows.SFlow5}
		r.Received, r.Exported, r.Start, r.End = at, at, at, at
		want = append(want, r)
	}
	if count.Lost[flows.ReasonMalformed] == wantCount.Lost[flows.ReasonMalformed]+1 && short(&packet) {
		count.Lost[flows.ReasonMalformed]-- // what is missing of the datagram
		count.Records--
	}
	if count.Records != wantCount.Records || count.Counters != wantCount.Counters || count.Lost != wantCount.Lost {
		t.Fatalf("count %+v, oracle %+v", count, wantCount)
	}
	if d := diff(want, got); d != "" {
		t.Fatalf("records (-oracle +got):\n%s", d)
	}
	return compared
}

// explodes tells whether the oracle would reserve memory for as many flow
// records as an expanded sample promises, which may be four billion.
func explodes(payload []byte) bool {
	offset := 28 // where the samples start behind an IPv4 agent
	if len(payload) >= 8 && payload[7] == 2 {
		offset = 40
	}
	for offset+8 <= len(payload) {
		sample := payload[offset:]
		if len(sample) >= 52 && binary.BigEndian.Uint32(sample) == 3 && binary.BigEndian.Uint32(sample[48:]) > 1000 {
			return true
		}
		offset += 8 + int(binary.BigEndian.Uint32(sample[4:]))
	}
	return false
}

// short tells whether the oracle found fewer samples than were promised.
func short(packet *goflow.Packet) bool {
	return len(packet.Samples) > 0 && packet.Samples[len(packet.Samples)-1] == nil
}

// reference begins a record from the oracle's sample, which has to have n
// flow records.
func reference(sample any) (r flows.Record, n uint32, records []goflow.FlowRecord, ok bool) {
	r.Packets = 1
	var class, index, inFormat, in, outFormat, out uint32
	switch s := sample.(type) {
	case goflow.FlowSample:
		class, index, r.SamplingRate = s.Header.SourceIdType, s.Header.SourceIdValue, uint64(s.SamplingRate)
		inFormat, in, outFormat, out = s.Input>>30, s.Input<<2>>2, s.Output>>30, s.Output<<2>>2
		n, records = s.FlowRecordsCount, s.Records
	case goflow.ExpandedFlowSample:
		class, index, r.SamplingRate = s.Header.SourceIdType, s.Header.SourceIdValue, uint64(s.SamplingRate)
		inFormat, in, outFormat, out = s.InputIfFormat, s.InputIfValue, s.OutputIfFormat, s.OutputIfValue
		n, records = s.FlowRecordsCount, s.Records
	default:
		return r, 0, nil, false
	}
	if inFormat == 0 && in != 0x3fffffff {
		r.InIf = in
	}
	switch {
	case outFormat == 0 && out != 0x3fffffff:
		r.OutIf = out
	case outFormat == 1:
		r.ForwardingStatus = discards(out)
	case outFormat == 2:
		r.ForwardingStatus = 64
	}
	if class == 0 && index != 0 && r.InIf != r.OutIf {
		switch index {
		case r.InIf:
			r.Direction = flows.Ingress
		case r.OutIf:
			r.Direction = flows.Egress
		}
	}
	if r.SamplingRate != 0 {
		r.SamplingSource = flows.SamplingRecord
	}
	return r, n, records, true
}

func discards(reason uint32) uint8 {
	table := map[uint32]uint8{
		0: 131, 1: 131, 4: 133, 5: 131, 6: 131, 7: 131, 8: 131, 9: 129, 10: 129, 11: 131, 12: 131, 13: 129,
		257: 137, 258: 129, 260: 139, 261: 138, 262: 133,
	}
	if v := table[reason]; v != 0 {
		return v
	}
	return 128
}

// undecided is a sample that the oracle does not read to its end.
const undecided = header.Result(99)

// fill completes r with what the oracle's flow records say.
func fill(r *flows.Record, n uint32, records []goflow.FlowRecord) header.Result {
	var frame *goflow.SampledHeader
	var ip any
	var hops [3]netip.Addr
	var vlans *goflow.ExtendedSwitch
	for i := range n {
		if i >= uint32(len(records)) || records[i].Data == nil {
			return header.Malformed
		}
		switch data := records[i].Data.(type) {
		case goflow.SampledHeader:
			if uint64(data.OriginalLength) > uint64(len(data.HeaderData)) {
				return header.Malformed
			}
			if frame == nil {
				frame = &data
			}
		case goflow.SampledIPv4, goflow.SampledIPv6:
			ip = data
		case goflow.ExtendedSwitch:
			vlans = &data
		case goflow.ExtendedRouter:
			hops[0], _ = netip.AddrFromSlice(data.NextHop)
		case goflow.ExtendedGateway:
			if data.ASDestinations > 1 {
				return undecided // it reads the first segment only
			}
			hops[2], _ = netip.AddrFromSlice(data.NextHop)
			autonomous(r, &data)
		case goflow.RawRecord:
			if f := records[i].Header.DataFormat; f == 1006 || f == 1012 {
				return undecided
			}
		}
	}
	result := header.NotIP
	if frame != nil {
		link := map[uint32]header.Link{
			1: header.Ethernet, 7: header.PPP, 11: header.IP, 12: header.IP, 13: header.MPLS, 14: header.PPP,
		}[frame.Protocol]
		result = header.ParseStripped(link, frame.HeaderData[:frame.OriginalLength], frame.FrameLength, frame.Stripped, r)
	}
	if result != header.Whole && ip != nil {
		result = header.Whole
		sampledFields(r, ip)
	}
	if vlans != nil {
		src, dst := vlans.SrcVlan, vlans.DstVlan
		if src >= 4095 {
			src = 0
		}
		if dst >= 4095 {
			dst = 0
		}
		if src+dst > 0 {
			r.SrcVLAN, r.DstVLAN = uint16(src), uint16(dst)
		}
	}
	for _, hop := range hops {
		if hop = hop.Unmap(); hop.IsValid() && !hop.IsUnspecified() {
			r.NextHop = hop
			break
		}
	}
	return result
}

func autonomous(r *flows.Record, g *goflow.ExtendedGateway) {
	r.SrcAS, r.DstAS = g.SrcAS, g.AS
	if r.SrcAS == 0 {
		r.SrcAS = g.AS
	}
	if n := len(g.ASPath); n > 0 {
		r.DstAS = g.ASPath[n-1]
		if g.ASPathType == 1 && n > 1 {
			r.DstAS = 0
		}
	}
}

func sampledFields(r *flows.Record, ip any) {
	var base goflow.SampledIPBase
	switch data := ip.(type) {
	case goflow.SampledIPv4:
		base, r.ToS = data.SampledIPBase, uint8(data.Tos)
	case goflow.SampledIPv6:
		base, r.ToS = data.SampledIPBase, uint8(data.Priority)
	}
	r.Src, _ = netip.AddrFromSlice(base.SrcIP)
	r.Dst, _ = netip.AddrFromSlice(base.DstIP)
	r.Bytes, r.Proto = uint64(base.Length), uint8(base.Protocol)
	switch r.Proto {
	case 6, 17, 33, 132, 136:
		r.SrcPort, r.DstPort = uint16(base.SrcPort), uint16(base.DstPort)
		if r.Proto == 6 {
			r.TCPFlags = uint16(base.TcpFlags) & 0x0fff
		}
	}
}
