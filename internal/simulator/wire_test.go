package simulator

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"
	"github.com/netsampler/goflow2/v2/decoders/sflow"
)

// oracle decodes what routers send with a decoder that is not ours, and keeps
// what the protocols say about order.
type oracle struct {
	t         *testing.T
	c         *Carrier
	templates []netflow.NetFlowTemplateSystem // by router
	sequence  map[[2]uint32]uint32            // by router and domain
	samplers  map[[3]uint32]uint32            // router, domain, sampler → rate
	flows     map[string]int                  // flows checked by protocol
	sources   map[[2]uint32]uint32            // sFlow: router and source → samples
	counters  int
}

func newOracle(t *testing.T, c *Carrier) *oracle {
	o := &oracle{t: t, c: c, sequence: make(map[[2]uint32]uint32), samplers: make(map[[3]uint32]uint32), flows: make(map[string]int), sources: make(map[[2]uint32]uint32)}
	for range c.routers {
		o.templates = append(o.templates, netflow.CreateTemplateSystem())
	}
	return o
}

// TestEveryFieldAsAnotherDecoderReadsIt plays a carrier into goflow2's
// decoders and compares every field of every record.
func TestEveryFieldAsAnotherDecoderReadsIt(t *testing.T) {
	c := testCarrier(t, func(cfg *Config) { cfg.Scale, cfg.Days = 0.1, 4 })
	o := newOracle(t, c)
	err := c.play(t.Context(), func(router int, d datagram, _ bool) error {
		if len(d.payload) > maxPayload {
			t.Fatalf("router %d sends %d bytes", router, len(d.payload))
		}
		o.flows[c.routers[router].proto.String()] += len(d.flows)
		switch c.routers[router].proto {
		case netflow9:
			o.netflow9(router, d)
		case ipfix:
			o.ipfix(router, d)
		case netflow5:
			o.netflow5(router, d)
		case sflow5:
			o.sflow(router, d)
		}
		if t.Failed() {
			t.FailNow() // one broken datagram is enough to read
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []protocol{netflow9, ipfix, netflow5, sflow5} {
		if o.flows[p.String()] < 1000 {
			t.Errorf("%s: %d flows checked only", p, o.flows[p.String()])
		}
	}
	if o.counters == 0 {
		t.Error("no sFlow counters were sent")
	}
	o.samplersAnnounced()
}

// samplersAnnounced checks that options said what the cast says.
func (o *oracle) samplersAnnounced() {
	want := 0
	for r, router := range o.c.routers {
		for _, d := range router.domains {
			if router.proto != netflow9 && router.proto != ipfix {
				continue
			}
			for _, s := range d.samplers {
				want++
				if got := o.samplers[[3]uint32{uint32(r), d.id, s.id}]; got != s.rate {
					o.t.Errorf("router %s domain %d sampler %d: announced 1:%d, want 1:%d", router.name, d.id, s.id, got, s.rate)
				}
			}
		}
	}
	if len(o.samplers) != want {
		o.t.Errorf("%d samplers announced, want %d", len(o.samplers), want)
	}
}

// next checks a sequence number and counts on.
func (o *oracle) next(router int, domain, got, step uint32) {
	o.t.Helper()
	key := [2]uint32{uint32(router), domain}
	if got != o.sequence[key] {
		o.t.Errorf("router %d domain %d: sequence %d, want %d", router, domain, got, o.sequence[key])
	}
	o.sequence[key] += step
}

func (o *oracle) netflow9(router int, d datagram) {
	var p netflow.NFv9Packet
	if err := netflow.DecodeMessageVersion(bytes.NewBuffer(d.payload), o.templates[router], &p, nil); err != nil {
		o.t.Fatalf("netflow9: %v", err)
	}
	o.next(router, p.SourceId, p.SequenceNumber, 1)
	boot := int64(p.UnixSeconds)*1000 - int64(p.SystemUptime)
	if want := o.boot(); boot != want {
		o.t.Errorf("boot time by the header is %d, want %d", boot, want)
	}
	records := o.sets(router, p.SourceId, p.FlowSets, d, boot)
	if int(p.Count) != records {
		o.t.Errorf("count is %d, the datagram has %d records", p.Count, records)
	}
	o.exportedAt(int64(p.UnixSeconds)*1000, d)
}

func (o *oracle) boot() int64 {
	from, _ := o.c.Span()
	return from.UnixMilli() - uptimeBefore
}

// exportedAt checks that a datagram leaves after its flows, within a second.
func (o *oracle) exportedAt(ms int64, d datagram) {
	o.t.Helper()
	for _, f := range d.flows {
		if f.end > ms {
			o.t.Errorf("flow ends at %d, exported at %d", f.end, ms)
		}
	}
	if n := len(d.flows); n > 0 && ms-d.flows[n-1].end >= 1000 {
		o.t.Errorf("last flow ends at %d, exported at %d", d.flows[n-1].end, ms)
	}
}

func (o *oracle) ipfix(router int, d datagram) {
	var p netflow.IPFIXPacket
	if err := netflow.DecodeMessageVersion(bytes.NewBuffer(d.payload), o.templates[router], nil, &p); err != nil {
		o.t.Fatalf("ipfix: %v", err)
	}
	if int(p.Length) != len(d.payload) {
		o.t.Errorf("length is %d of %d", p.Length, len(d.payload))
	}
	records := uint32(len(d.flows))
	if len(d.flows) == 0 {
		records = uint32(len(o.c.routers[router].domains[0].samplers))
	}
	o.next(router, p.ObservationDomainId, p.SequenceNumber, records)
	o.sets(router, p.ObservationDomainId, p.FlowSets, d, 0)
	o.exportedAt(int64(p.ExportTime)*1000, d)
}

// sets checks the sets of a message and returns how many records there are.
func (o *oracle) sets(router int, domain uint32, sets []any, d datagram, boot int64) int {
	records, next := 0, 0
	for _, set := range sets {
		switch s := set.(type) {
		case netflow.TemplateFlowSet:
			records += len(s.Records)
		case netflow.NFv9OptionsTemplateFlowSet:
			records += len(s.Records)
		case netflow.IPFIXOptionsTemplateFlowSet:
			records += len(s.Records)
		case netflow.OptionsDataFlowSet:
			records += len(s.Records)
			for _, r := range s.Records {
				o.announced(router, domain, r)
			}
		case netflow.DataFlowSet:
			records += len(s.Records)
			for _, r := range s.Records {
				if next == len(d.flows) {
					o.t.Fatalf("more records than the %d flows", len(d.flows))
				}
				o.record(r, &d.flows[next], boot)
				next++
			}
		default:
			o.t.Fatalf("unexpected set %T", set)
		}
	}
	if next != len(d.flows) {
		o.t.Errorf("%d flows in a datagram that was to have %d", next, len(d.flows))
	}
	return records
}

// announced keeps the rate of a sampler.
func (o *oracle) announced(router int, domain uint32, r netflow.OptionsDataRecord) {
	v := make(map[uint16]uint64)
	name := ""
	for _, f := range append(append([]netflow.DataField{}, r.ScopesValues...), r.OptionsValues...) {
		raw := f.Value.([]byte)
		if f.Type == ieSamplerName || f.Type == ieSelectorName {
			name = strings.TrimRight(string(raw), "\x00")
			continue
		}
		v[f.Type] = number(raw)
	}
	id, rate := v[ieSamplerID], v[ieSamplerRate]
	if _, selector := v[ieSelector]; selector {
		id, rate = v[ieSelector], (v[ieInterval]+v[ieSpace])/v[ieInterval]
	} else if v[v9ScopeSystem] != uint64(domain) || v[ieSamplerMode] != randomSampling {
		o.t.Errorf("scope and mode of a sampler: %v", v)
	}
	o.samplers[[3]uint32{uint32(router), domain, uint32(id)}] = uint32(rate)
	if name == "" {
		o.t.Error("a sampler has no name")
	}
}

func number(raw []byte) uint64 {
	var b [8]byte
	copy(b[8-len(raw):], raw)
	return binary.BigEndian.Uint64(b[:])
}

// record compares every field of a data record with its flow.
func (o *oracle) record(r netflow.DataRecord, f *flow, boot int64) {
	want := map[uint16]uint64{
		ieBytes: f.bytes, iePackets: f.packets, ieProto: uint64(f.proto), ieTOS: uint64(f.tos), ieTCPFlags: uint64(f.tcpFlags),
		ieSrcPort: uint64(f.srcPort), ieDstPort: uint64(f.dstPort), ieInIf: uint64(f.inIf), ieOutIf: uint64(f.outIf),
		ieSrcAS: uint64(f.srcAS), ieDstAS: uint64(f.dstAS), ieVLAN: uint64(f.vlan), ieDirection: 0,
		ieFirstUptime: uint64(f.start - boot), ieLastUptime: uint64(f.end - boot), ieStartMilli: uint64(f.start), ieEndMilli: uint64(f.end),
		ieSamplerID: uint64(f.sampler), ieSelector: uint64(f.sampler),
		ieSrcMask4: uint64(f.srcMask), ieSrcMask6: uint64(f.srcMask), ieDstMask4: uint64(f.dstMask), ieDstMask6: uint64(f.dstMask),
	}
	addrs := map[uint16]netip.Addr{ieSrc4: f.src, ieSrc6: f.src, ieDst4: f.dst, ieDst6: f.dst, ieNextHop4: f.nextHop, ieNextHop6: f.nextHop}
	seen := make(map[uint16]bool)
	for _, v := range r.Values {
		raw := v.Value.([]byte)
		seen[v.Type] = true
		if a, isAddr := addrs[v.Type]; isAddr {
			if got, ok := netip.AddrFromSlice(raw); !ok || got != a {
				o.t.Errorf("element %d is %v, want %s", v.Type, got, a)
			}
			continue
		}
		w, known := want[v.Type]
		if got := number(raw); !known || got != w {
			o.t.Errorf("element %d is %d, want %d (known %t)", v.Type, got, w, known)
		}
	}
	if len(seen) != 21 {
		o.t.Errorf("a record has %d elements, want 21", len(seen))
	}
}

func (o *oracle) netflow5(router int, d datagram) {
	var p netflowlegacy.PacketNetFlowV5
	if err := netflowlegacy.DecodeMessageVersion(bytes.NewBuffer(d.payload), &p); err != nil {
		o.t.Fatalf("netflow5: %v", err)
	}
	domain := uint32(p.EngineType)<<8 | uint32(p.EngineId)
	o.next(router, domain, p.FlowSequence, uint32(p.Count))
	if p.SamplingInterval>>14 != 2 || p.SamplingInterval&0x3fff != 300 {
		o.t.Errorf("sampling is mode %d, 1:%d", p.SamplingInterval>>14, p.SamplingInterval&0x3fff)
	}
	at := int64(p.UnixSecs)*1000 + int64(p.UnixNSecs)/1_000_000
	boot := at - int64(p.SysUptime)
	if boot != o.boot() {
		o.t.Errorf("boot time by the header is %d, want %d", boot, o.boot())
	}
	o.exportedAt(at, d)
	if len(p.Records) != len(d.flows) {
		o.t.Fatalf("%d records for %d flows", len(p.Records), len(d.flows))
	}
	v4 := func(a netip.Addr) netflowlegacy.IPAddress {
		raw := a.As4()
		return netflowlegacy.IPAddress(binary.BigEndian.Uint32(raw[:]))
	}
	for i, r := range p.Records {
		f := d.flows[i]
		want := netflowlegacy.RecordsNetFlowV5{
			SrcAddr: v4(f.src), DstAddr: v4(f.dst), NextHop: v4(f.nextHop), Input: uint16(f.inIf), Output: uint16(f.outIf),
			DPkts: uint32(f.packets), DOctets: uint32(f.bytes), First: uint32(f.start - boot), Last: uint32(f.end - boot),
			SrcPort: f.srcPort, DstPort: f.dstPort, TCPFlags: f.tcpFlags, Proto: f.proto, Tos: f.tos,
			SrcAS: uint16(f.srcAS), DstAS: uint16(f.dstAS), SrcMask: f.srcMask, DstMask: f.dstMask,
		}
		if r != want {
			o.t.Errorf("record %d is\n%v, want\n%v", i, r, want)
		}
	}
}

func (o *oracle) sflow(router int, d datagram) {
	var p sflow.Packet
	if err := sflow.DecodeMessageVersion(bytes.NewBuffer(d.payload), &p); err != nil {
		o.t.Fatalf("sflow: %v", err)
	}
	agent, _ := netip.AddrFromSlice(p.AgentIP)
	if agent != o.c.routers[router].addr || p.SubAgentId != o.c.routers[router].domains[0].id {
		o.t.Errorf("agent is %s/%d", agent, p.SubAgentId)
	}
	if p.SequenceNumber == 1 {
		o.sequence[[2]uint32{uint32(router), p.SubAgentId}] = 1
	}
	o.next(router, p.SubAgentId, p.SequenceNumber, 1)
	if len(d.flows) == 0 {
		counters, ok := p.Samples[0].(sflow.CounterSample)
		if !ok || len(p.Samples) != 1 {
			o.t.Fatalf("announcement holds %T", p.Samples[0])
		}
		if c, ok := counters.Records[0].Data.(sflow.IfCounters); !ok || c.IfIndex != ifCore || c.IfSpeed != 100_000_000_000 || c.IfInOctets == 0 || c.IfOutOctets == 0 {
			o.t.Errorf("counters are %+v", counters.Records[0].Data)
		}
		o.counters++
		return
	}
	if len(p.Samples) != len(d.flows) || int(p.SamplesCount) != len(d.flows) {
		o.t.Fatalf("%d samples for %d flows", len(p.Samples), len(d.flows))
	}
	for i := range p.Samples {
		o.sample(router, p.Samples[i], &d.flows[i])
	}
}

func (o *oracle) sample(router int, sample any, f *flow) {
	s, ok := sample.(sflow.FlowSample)
	if !ok || len(s.Records) != 2 {
		o.t.Fatalf("sample is %T", sample)
	}
	key := [2]uint32{uint32(router), f.inIf}
	o.sources[key]++
	rate := o.c.routers[router].domains[0].samplers[0].rate
	if s.SamplingRate != rate || s.Input != f.inIf || s.Output != f.outIf || s.Drops != 0 ||
		s.Header.SourceIdValue != f.inIf || s.Header.SampleSequenceNumber != o.sources[key] || s.SamplePool != o.sources[key]*rate {
		o.t.Errorf("sample is %+v, flow %+v", s, f)
	}
	h, ok := s.Records[0].Data.(sflow.SampledHeader)
	if !ok || h.Protocol != 1 || h.Stripped != 4 || uint64(h.FrameLength) != f.bytes+14+4+4 {
		o.t.Fatalf("raw header is %+v", s.Records[0].Data)
	}
	if sw, ok := s.Records[1].Data.(sflow.ExtendedSwitch); !ok || sw.SrcVlan != uint32(f.vlan) || sw.DstVlan != uint32(f.vlan) {
		o.t.Errorf("switch data is %+v", s.Records[1].Data)
	}
	o.frame(h.HeaderData[:h.OriginalLength], f)
}

// frame reads the sampled Ethernet frame by its offsets.
func (o *oracle) frame(b []byte, f *flow) {
	if uint64(len(b)) > f.bytes+18 || len(b) < 18+20+8 {
		o.t.Fatalf("head of %d bytes for a packet of %d", len(b), f.bytes)
	}
	u16 := func(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
	if u16(12) != 0x8100 || u16(14) != f.vlan || u16(16) != 0x0800 || b[18] != 0x45 {
		o.t.Fatalf("frame begins % x", b[:20])
	}
	src, _ := netip.AddrFromSlice(b[30:34])
	dst, _ := netip.AddrFromSlice(b[34:38])
	if b[19] != f.tos || uint64(u16(20)) != f.bytes || b[27] != f.proto || src != f.src || dst != f.dst || u16(38) != f.srcPort || u16(40) != f.dstPort {
		o.t.Errorf("packet % x, flow %+v", b[18:42], f)
	}
	if f.proto == protoTCP && b[51] != f.tcpFlags {
		o.t.Errorf("TCP flags %#x, want %#x", b[51], f.tcpFlags)
	}
	if f.proto == protoUDP && uint64(u16(42)) != f.bytes-20 {
		o.t.Errorf("UDP length %d of a packet of %d", u16(42), f.bytes)
	}
	if f.packets != 1 {
		o.t.Errorf("a sample stands for %d packets", f.packets)
	}
}

// TestOneDomainDoesNotReadAnother shows that the two line cards of one router
// use one template id for different layouts.
func TestOneDomainDoesNotReadAnother(t *testing.T) {
	r := routers()[guangzhou]
	first := newTemplateEncoder(r.proto, &r.domains[0], 0)
	second := newTemplateEncoder(r.proto, &r.domains[1], 0)
	if r.domains[0].template != r.domains[1].template || first.v4[0] == second.v4[0] || first.size4 != second.size4 {
		t.Errorf("layouts %v and %v", first.v4, second.v4)
	}
}

func TestIPv6InSampledPackets(t *testing.T) {
	r := routers()[hangzhou]
	e := &sflowEncoder{router: &r, domain: &r.domains[0]}
	f := flow{
		src: netip.MustParseAddr("2e10::1"), dst: netip.MustParseAddr("2e80::2"), bytes: 1200, packets: 1, proto: protoUDP,
		srcPort: 1, dstPort: 443, tos: 0xb8, vlan: 7, inIf: 1, outIf: 2,
	}
	err := e.export([]flow{f}, func(d datagram) error {
		var p sflow.Packet
		if err := sflow.DecodeMessageVersion(bytes.NewBuffer(d.payload), &p); err != nil {
			return err
		}
		b := p.Samples[0].(sflow.FlowSample).Records[0].Data.(sflow.SampledHeader).HeaderData[18:]
		src, _ := netip.AddrFromSlice(b[8:24])
		dst, _ := netip.AddrFromSlice(b[24:40])
		class := byte(binary.BigEndian.Uint32(b) >> 20)
		if b[0]>>4 != 6 || class != f.tos || binary.BigEndian.Uint16(b[4:]) != 1160 || b[6] != protoUDP || src != f.src || dst != f.dst ||
			binary.BigEndian.Uint16(b[42:]) != 443 || binary.BigEndian.Uint16(b[44:]) != 1160 {
			t.Errorf("packet is % x", b[:48])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
