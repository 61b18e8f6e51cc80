package netflow

import (
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// Sizes of NetFlow v5 and the number of records its format allows.
const (
	v5HeaderSize = 24
	v5RecordSize = 48
	v5MaxRecords = 30
)

// netflow5 reads a NetFlow v5 datagram: a header of 24 octets and up to 30
// records of 48. A count above what the datagram holds is believed while it is
// one that the format allows: what is missing is then lost as malformed. A
// larger one that does not fit shows that this is no NetFlow v5.
func (g *datagram) netflow5(b []byte) {
	if len(b) < v5HeaderSize {
		g.refuse(flows.ReasonMalformed)
		return
	}
	g.header(uint32(b[20])<<8|uint32(b[21]),
		time.Unix(int64(be32(b[8:])), int64(be32(b[12:]))).UTC(), be32(b[4:]))
	count := int(be16(b[2:]))
	n := min(count, (len(b)-v5HeaderSize)/v5RecordSize)
	missing := count - n
	if count > v5MaxRecords && missing > 0 {
		g.refuse(flows.ReasonMalformed)
		return
	}
	g.lose(flows.ReasonMalformed, missing)
	if n == 0 && missing > 0 {
		g.refuse(flows.ReasonMalformed)
	}
	g.units = n + missing
	g.sequence(be32(b[16:]), uint32(g.units), uint64(g.units), true)
	// The two high bits are the sampling mode.
	interval := uint64(be16(b[22:]) & 0x3fff)
	for i := range n {
		g.record5(b[v5HeaderSize+i*v5RecordSize:][:v5RecordSize], interval)
	}
}

// record5 reads one record of NetFlow v5.
func (g *datagram) record5(b []byte, interval uint64) {
	w := g.openRow()
	r := w.r
	r.Src = netip.AddrFrom4([4]byte(b))
	r.Dst = netip.AddrFrom4([4]byte(b[4:]))
	setNextHop4(w, b[8:12])
	r.InIf, r.OutIf = uint32(be16(b[12:])), uint32(be16(b[14:]))
	r.Packets, r.Bytes = uint64(be32(b[16:])), uint64(be32(b[20:]))
	w.start, w.has = upTime(&g.at, be32(b[24:])), w.has|hasStart
	w.end, w.has = upTime(&g.at, be32(b[28:])), w.has|hasEnd
	r.SrcPort, r.DstPort = be16(b[32:]), be16(b[34:])
	r.TCPFlags, r.Proto, r.ToS = uint16(b[37]), b[38], b[39]
	r.SrcAS, r.DstAS = uint32(be16(b[40:])), uint32(be16(b[42:]))
	w.interval = interval
	g.closeRow(nil)
}
