package storage

import (
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// flowRow is where a row of the table flows is read to.
type flowRow struct {
	r                                  flows.Record
	exporter, src, dst, nextHop        netip.Addr
	version, direction, sampling, side int8
	received, exported, start, end     time.Time
	families                           uint8
	srcNet, dstNet, srcAlloc, dstAlloc uint8 // lengths of prefixes
}

// netRow is a prefix as it is read.
type netRow struct {
	addr netip.Addr
	bits uint8
}

func (n *netRow) prefix() netip.Prefix { return prefixOf(n.addr, n.bits) }

// flowReads returns what is selected, in the order of targets: the columns of
// the table but the first, enumerations as their numbers.
func flowReads() []string {
	var reads []string
	for _, c := range flowTable().columns[1:] {
		switch c.kind {
		case kindVersion, kindDirection, kindSampling, kindCrossing:
			reads = append(reads, "toInt8("+c.name+")")
		default:
			reads = append(reads, c.name)
		}
	}
	return reads
}

// targets returns where the columns go.
func (t *flowRow) targets() []any {
	r, l := &t.r, &t.r.Labels
	return []any{
		&t.exporter, &r.Source.Domain, &t.version,
		&t.received, &t.exported, &t.start, &t.end,
		&t.src, &t.dst, &t.nextHop, &t.families,
		&r.Bytes, &r.Packets, &r.SamplingRate,
		&r.InIf, &r.OutIf, &r.SrcAS, &r.DstAS, &r.MPLSLabel,
		&r.SrcPort, &r.DstPort, &r.SrcVLAN, &r.DstVLAN, &r.ICMP, &r.TCPFlags,
		&r.Proto, &r.ToS, &r.ForwardingStatus, &t.direction, &t.sampling, &r.Biflow, &r.ClockSkewed,
		&l.Line, &t.side, &l.PeerLine, &l.Holder,
		&t.srcNet, &t.dstNet, &t.srcAlloc, &t.dstAlloc,
		&l.SrcOrigin, &l.DstOrigin,
	}
}

// record returns the row that was read last.
func (t *flowRow) record() flows.Record {
	r := t.r
	r.Source.Exporter = addrOf(t.exporter, family(t.families&3))
	r.Src = addrOf(t.src, family(t.families>>2&3))
	r.Dst = addrOf(t.dst, family(t.families>>4&3))
	r.NextHop = addrOf(t.nextHop, family(t.families>>6&3))
	r.Received, r.Exported = timeOf(t.received), timeOf(t.exported)
	r.Start, r.End = timeOf(t.start), timeOf(t.end)
	r.Source.Version = flows.Version(t.version)
	r.Direction = flows.Direction(t.direction)
	r.SamplingSource = flows.SamplingSource(t.sampling)
	r.Labels.LineDirection = flows.LineDirection(t.side)
	r.Labels.SrcNet, r.Labels.DstNet = networkOf(r.Src, t.srcNet), networkOf(r.Dst, t.dstNet)
	r.Labels.SrcAllocation, r.Labels.DstAllocation = networkOf(r.Src, t.srcAlloc), networkOf(r.Dst, t.dstAlloc)
	return r
}
