package storage

import (
	"net/netip"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/linewarden/linewarden/flows"
)

// flowBatch is a block of the table flows in the making. Its memory is used
// again after reset.
type flowBatch struct {
	rows   int
	token  string
	sealed time.Time   // in whole seconds, as it is stored
	input  proto.Input // the columns below, by name

	stored                             proto.ColDateTime
	exporter                           proto.ColIPv6
	domain                             proto.ColUInt32
	version                            enumColumn
	received, exported, start, end     proto.ColDateTime64
	src, dst, nextHop                  proto.ColIPv6
	families                           proto.ColUInt8
	bytes, packets, samplingRate       proto.ColUInt64
	inIf, outIf, srcAS, dstAS, mpls    proto.ColUInt32
	srcPort, dstPort, srcVLAN, dstVLAN proto.ColUInt16
	icmp, tcpFlags                     proto.ColUInt16
	proto, tos, forwarding             proto.ColUInt8
	direction, samplingSource          enumColumn
	biflow, clockSkewed                proto.ColBool
	line, peerLine, holder             *wordColumn
	lineDirection                      enumColumn
	srcNet, dstNet, srcAlloc, dstAlloc proto.ColUInt8 // lengths; the addresses are those of the flow
	srcOrigin, dstOrigin               proto.ColUInt32

	tally     map[tallyKey]*uint64 // records by what the books count them under
	lastKey   tallyKey
	lastCount *uint64
	counts    []uint64 // where the tally counts, to be used again
}

// netColumn is the pair of columns that hold a prefix.
type netColumn struct {
	addr proto.ColIPv6
	bits proto.ColUInt8
}

func (c *netColumn) add(p netip.Prefix) {
	addr, bits := netOf(p)
	c.addr, c.bits = append(c.addr, addr), append(c.bits, bits)
}

// tallyKey is an account and a minute of the books.
type tallyKey struct {
	source flows.Source
	minute int64
}

func newFlowBatch() *flowBatch {
	b := &flowBatch{
		line: newWordColumn(), peerLine: newWordColumn(), holder: newWordColumn(),
		tally: make(map[tallyKey]*uint64),
	}
	b.version.kind, b.direction.kind = kindVersion, kindDirection
	b.samplingSource.kind, b.lineDirection.kind = kindSampling, kindCrossing
	b.stored.Location = time.UTC
	for _, c := range []*proto.ColDateTime64{&b.received, &b.exported, &b.start, &b.end} {
		c.WithPrecision(proto.PrecisionNano).WithLocation(time.UTC)
	}
	b.input = b.columns()
	return b
}

// columns names the columns in the order of the table.
func (b *flowBatch) columns() proto.Input {
	return proto.Input{
		{Name: "stored", Data: &b.stored},
		{Name: "exporter", Data: &b.exporter},
		{Name: "domain", Data: &b.domain},
		{Name: "version", Data: &b.version},
		{Name: "received", Data: &b.received},
		{Name: "exported", Data: &b.exported},
		{Name: "start", Data: &b.start},
		{Name: "end", Data: &b.end},
		{Name: "src", Data: &b.src},
		{Name: "dst", Data: &b.dst},
		{Name: "next_hop", Data: &b.nextHop},
		{Name: "families", Data: &b.families},
		{Name: "bytes", Data: &b.bytes},
		{Name: "packets", Data: &b.packets},
		{Name: "sampling_rate", Data: &b.samplingRate},
		{Name: "in_if", Data: &b.inIf},
		{Name: "out_if", Data: &b.outIf},
		{Name: "src_as", Data: &b.srcAS},
		{Name: "dst_as", Data: &b.dstAS},
		{Name: "mpls_label", Data: &b.mpls},
		{Name: "src_port", Data: &b.srcPort},
		{Name: "dst_port", Data: &b.dstPort},
		{Name: "src_vlan", Data: &b.srcVLAN},
		{Name: "dst_vlan", Data: &b.dstVLAN},
		{Name: "icmp", Data: &b.icmp},
		{Name: "tcp_flags", Data: &b.tcpFlags},
		{Name: "proto", Data: &b.proto},
		{Name: "tos", Data: &b.tos},
		{Name: "forwarding_status", Data: &b.forwarding},
		{Name: "direction", Data: &b.direction},
		{Name: "sampling_source", Data: &b.samplingSource},
		{Name: "biflow", Data: &b.biflow},
		{Name: "clock_skewed", Data: &b.clockSkewed},
		{Name: "line", Data: b.line},
		{Name: "line_direction", Data: &b.lineDirection},
		{Name: "peer_line", Data: b.peerLine},
		{Name: "holder", Data: b.holder},
		{Name: "src_net_bits", Data: &b.srcNet},
		{Name: "dst_net_bits", Data: &b.dstNet},
		{Name: "src_allocation_bits", Data: &b.srcAlloc},
		{Name: "dst_allocation_bits", Data: &b.dstAlloc},
		{Name: "src_origin", Data: &b.srcOrigin},
		{Name: "dst_origin", Data: &b.dstOrigin},
	}
}

// add copies a record into the columns.
func (b *flowBatch) add(r *flows.Record) {
	b.count(r)
	b.rows++
	b.exporter = append(b.exporter, bytesOf(r.Source.Exporter))
	b.domain = append(b.domain, r.Source.Domain)
	b.version.add(closed(uint8(r.Source.Version), uint8(flows.SFlow5)))
	b.addTimes(r)
	b.src = append(b.src, bytesOf(r.Src))
	b.dst = append(b.dst, bytesOf(r.Dst))
	b.nextHop = append(b.nextHop, bytesOf(r.NextHop))
	b.families = append(b.families, familiesOf(r))
	b.bytes = append(b.bytes, r.Bytes)
	b.packets = append(b.packets, r.Packets)
	b.samplingRate = append(b.samplingRate, r.SamplingRate)
	b.inIf = append(b.inIf, r.InIf)
	b.outIf = append(b.outIf, r.OutIf)
	b.srcAS = append(b.srcAS, r.SrcAS)
	b.dstAS = append(b.dstAS, r.DstAS)
	b.mpls = append(b.mpls, r.MPLSLabel)
	b.srcPort = append(b.srcPort, r.SrcPort)
	b.dstPort = append(b.dstPort, r.DstPort)
	b.srcVLAN = append(b.srcVLAN, r.SrcVLAN)
	b.dstVLAN = append(b.dstVLAN, r.DstVLAN)
	b.icmp = append(b.icmp, r.ICMP)
	b.tcpFlags = append(b.tcpFlags, r.TCPFlags)
	b.proto = append(b.proto, r.Proto)
	b.tos = append(b.tos, r.ToS)
	b.forwarding = append(b.forwarding, r.ForwardingStatus)
	b.direction.add(closed(uint8(r.Direction), uint8(flows.Egress)))
	b.samplingSource.add(closed(uint8(r.SamplingSource), uint8(flows.SamplingLedger)))
	b.biflow = append(b.biflow, r.Biflow)
	b.clockSkewed = append(b.clockSkewed, r.ClockSkewed)
	b.addLabels(r)
}

func (b *flowBatch) addLabels(r *flows.Record) {
	l := &r.Labels
	b.line.add(l.Line)
	b.lineDirection.add(closed(uint8(l.LineDirection), uint8(flows.ToCustomer)))
	b.peerLine.add(l.PeerLine)
	b.holder.add(l.Holder)
	b.srcNet = append(b.srcNet, bitsOf(l.SrcNet, r.Src))
	b.dstNet = append(b.dstNet, bitsOf(l.DstNet, r.Dst))
	b.srcAlloc = append(b.srcAlloc, bitsOf(l.SrcAllocation, r.Src))
	b.dstAlloc = append(b.dstAlloc, bitsOf(l.DstAllocation, r.Dst))
	b.srcOrigin = append(b.srcOrigin, l.SrcOrigin)
	b.dstOrigin = append(b.dstOrigin, l.DstOrigin)
}

// closed keeps the value of an enumeration within it, so that no row is refused
// for its sake.
func closed(v, last uint8) uint8 {
	if v > last {
		return 0
	}
	return v
}

// receivedUnit is how exactly an arrival is kept, in nanoseconds. It is read from
// this machine's clock: what is finer says nothing, and takes a tenth of the
// bytes of a flow.
const receivedUnit = int64(time.Millisecond)

// addTimes copies the times of a record. Those that an exporter says are kept as
// they are; sFlow says none, and has that of the arrival instead.
func (b *flowBatch) addTimes(r *flows.Record) {
	received, exported, start, end := instantOf(r.Received), instantOf(r.Exported), instantOf(r.Start), instantOf(r.End)
	kept := received - received%receivedUnit
	if r.Source.Version == flows.SFlow5 {
		for _, at := range []*int64{&exported, &start, &end} {
			if *at == received {
				*at = kept
			}
		}
	}
	b.received.AppendRaw(proto.DateTime64(kept))
	b.exported.AppendRaw(proto.DateTime64(exported))
	b.start.AppendRaw(proto.DateTime64(start))
	b.end.AppendRaw(proto.DateTime64(end))
}

// count enters a record under its source and the minute of its export.
func (b *flowBatch) count(r *flows.Record) {
	at := r.Exported
	if at.IsZero() {
		at = r.Received
	}
	key := tallyKey{r.Source, at.Unix() / 60}
	if b.lastCount != nil && key == b.lastKey {
		*b.lastCount++
		return
	}
	n := b.tally[key]
	if n == nil {
		if len(b.counts) == cap(b.counts) {
			b.counts = make([]uint64, 0, 1024) // those in use stay where they are
		}
		b.counts = append(b.counts, 0)
		n = &b.counts[len(b.counts)-1]
		b.tally[key] = n
	}
	*n++
	b.lastKey, b.lastCount = key, n
}

// seal gives the batch its name and its time of storing, which stay the same
// however often it is sent.
func (b *flowBatch) seal(now time.Time) {
	b.token, b.sealed = newToken(), now.UTC().Truncate(time.Second)
	for range b.rows {
		b.stored.Append(b.sealed)
	}
}

// settle enters the batch in the books.
func (b *flowBatch) settle(enter func(a tallyKey, n uint64)) {
	for key, n := range b.tally {
		enter(key, *n)
	}
}

// reset empties the batch and keeps its memory.
func (b *flowBatch) reset() {
	b.rows, b.token = 0, ""
	b.input.Reset()
	clear(b.tally)
	b.counts, b.lastCount = b.counts[:0], nil
}
