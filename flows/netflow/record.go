package netflow

import (
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
)

// Protocols whose type and code many exporters put into the destination port.
const (
	protoICMP   = 1
	protoICMPv6 = 58
)

// openRow starts a record at the end of the records.
func (g *datagram) openRow() *row {
	n := len(g.out)
	if n < cap(g.out) {
		g.out = g.out[:n+1]
		g.out[n] = flows.Record{}
	} else {
		g.out = append(g.out, flows.Record{})
	}
	w := &g.row
	*w = row{at: &g.at, r: &g.out[n], first: n, open: true}
	w.r.Source, w.r.Received, w.r.Exported = g.dom.source, g.at.received, g.at.exported
	return w
}

// record reads one data record.
func (g *datagram) record(t *template, b []byte) {
	w := g.openRow()
	p := &t.plan
	if p.variable {
		if len(g.fields) < len(p.ops) {
			g.fields = make([][]byte, len(elements)+len(reverseElements))
		}
		at := 0
		for i, n := range p.lengths {
			var content []byte
			content, at, _ = take(b, at, n)
			if k := p.reads[i]; k >= 0 && p.ops[k].kind.fits(len(content)) {
				g.fields[k] = content
			} else if k >= 0 {
				g.fields[k] = nil
			}
		}
		for k := range p.ops {
			if content := g.fields[k]; content != nil {
				p.ops[k].set(w, content)
			}
		}
	} else {
		for i := range p.ops {
			o := &p.ops[i]
			o.set(w, b[o.offset:int(o.offset)+int(o.length)])
		}
	}
	g.closeRow(t)
}

// closeRow finishes the record that openRow started: it stays at the end of the
// records, waits for its sampling rate, or is lost. The template is nil for
// NetFlow v5.
func (g *datagram) closeRow(t *template) {
	w := &g.row
	if w.frame != nil && !w.r.Src.IsValid() && !w.r.Dst.IsValid() {
		if why, ok := g.section(w, t); !ok {
			g.discard(why)
			return
		}
	}
	if !w.r.Src.IsValid() && !w.r.Dst.IsValid() {
		g.discard(flows.ReasonNotIP)
		return
	}
	w.settleICMP()
	if w.has&(hasStartUp|hasEndUp) != 0 {
		g.systemTimes(w)
	}
	skewed := g.bound(w.r, w.start, w.end, w.has&hasStart != 0, w.has&hasEnd != 0)
	n := 1
	if t != nil && t.plan.reverse && (w.reverseOctets|w.reversePackets) != 0 {
		g.reverse(w)
		n = 2
	}
	g.sample(w, t)
	w.open = false
	g.count.Records += uint64(n)
	if skewed {
		g.count.ClockSkewed += uint64(n)
	}
}

// discard takes the open record back and counts it as lost.
func (g *datagram) discard(why flows.Reason) {
	g.row.open = false
	g.out = g.out[:len(g.out)-1]
	g.lose(why, 1)
}

// settleICMP keeps type and code where they belong. Exporters without an element
// for them put type·256 + code into the destination port. IOS-XR puts the type
// alone there, which is told by its size: type 0 has no code but 0 in ICMP (RFC
// 792) and is reserved in ICMPv6 (RFC 4443 section 2.1).
func (w *row) settleICMP() {
	r := w.r
	if r.Proto != protoICMP && r.Proto != protoICMPv6 {
		r.ICMP = 0
		return
	}
	if w.has&hasICMP == 0 && r.ICMP == 0 {
		if r.ICMP = r.DstPort; r.ICMP < 1<<8 {
			r.ICMP <<= 8
		}
	}
	r.SrcPort, r.DstPort = 0, 0
}

// section reads the addresses from the packet section of a record that has no
// fields for them.
func (g *datagram) section(w *row, t *template) (flows.Reason, bool) {
	h := &g.sampled
	*h = flows.Record{}
	switch header.Parse(w.link, w.frame, w.frameSize, h) {
	case header.NotIP:
		return flows.ReasonNotIP, false
	case header.Malformed:
		return flows.ReasonMalformed, false
	case header.Whole, header.Cut:
	}
	r := w.r
	r.Src, r.Dst, r.SrcPort, r.DstPort = h.Src, h.Dst, h.SrcPort, h.DstPort
	r.Proto, r.ToS, r.TCPFlags, r.ICMP = h.Proto, h.ToS, h.TCPFlags, h.ICMP
	if r.SrcVLAN == 0 {
		r.SrcVLAN = h.SrcVLAN
	}
	if r.DstVLAN == 0 {
		r.DstVLAN = h.DstVLAN
	}
	if r.MPLSLabel == 0 {
		r.MPLSLabel = h.MPLSLabel
	}
	if !t.plan.counters {
		r.Bytes = h.Bytes
	}
	if !t.plan.packets {
		r.Packets = 1
	}
	return 0, true
}

// systemTimes resolves times relative to the start of the system: by the
// header of v9, by element 160 of the record or of options data in IPFIX. Where
// IPFIX says neither, only the duration is known, and the flow is taken to end
// when it was exported.
func (g *datagram) systemTimes(w *row) {
	resolve := func(up int64) int64 { return upTime(&g.at, uint32(up)) }
	if g.version == flows.IPFIX {
		systemUp := g.dom.systemUp
		if w.has&hasSystemUp != 0 {
			systemUp = w.systemUp
		}
		if systemUp == 0 {
			if w.has&(hasStartUp|hasEndUp) == hasStartUp|hasEndUp {
				w.duration = int64(uint32(w.end)-uint32(w.start)) * int64(time.Millisecond)
				w.has |= hasDuration
			}
			return
		}
		resolve = func(up int64) int64 { return sinceSystemUp(&g.at, systemUp, uint32(up)) }
	}
	if w.has&hasStartUp != 0 {
		w.setStart(resolve(w.start))
	}
	if w.has&hasEndUp != 0 {
		w.setEnd(resolve(w.end))
	}
}

// bound sets Start and End of r from what the exporter said, and tells whether
// its clock was not believed.
func (g *datagram) bound(r *flows.Record, start, end int64, hasStart, hasEnd bool) bool {
	switch {
	case hasStart && hasEnd:
	case hasStart:
		end = start + g.row.duration
	case hasEnd:
		start = end - g.row.duration
	default:
		end = g.at.export
		start = end - g.row.duration
	}
	start = min(start, end)
	if skew := int64(g.d.config.MaxSkew); skew > 0 && !g.d.config.KeepEventTime {
		received := g.at.received.UnixNano()
		if end > received+skew || end < received-skew {
			r.Start, r.End, r.ClockSkewed = g.at.received, g.at.received, true
			return true
		}
		if start < end-max(skew, int64(maxFlow)) {
			r.Start = time.Unix(0, end).UTC()
			r.End, r.ClockSkewed = r.Start, true
			return true
		}
	}
	r.Start, r.End = time.Unix(0, start).UTC(), time.Unix(0, end).UTC()
	return false
}

// reverse appends the record of the reverse direction of a biflow. What the
// exporter only said of the forward direction is left out.
func (g *datagram) reverse(w *row) {
	forward := *w.r
	g.out = append(g.out, flows.Record{
		Source: forward.Source, Received: forward.Received, Exported: forward.Exported,
		Start: forward.Start, End: forward.End, ClockSkewed: forward.ClockSkewed,
		Src: forward.Dst, Dst: forward.Src, Proto: forward.Proto,
		SrcPort: forward.DstPort, DstPort: forward.SrcPort,
		InIf: forward.OutIf, OutIf: forward.InIf,
		SrcAS: forward.DstAS, DstAS: forward.SrcAS,
		SrcVLAN: forward.DstVLAN, DstVLAN: forward.SrcVLAN,
		Bytes: w.reverseOctets, Packets: w.reversePackets,
		TCPFlags: w.reverseFlags, ToS: w.reverseToS, ICMP: w.reverseICMP,
		Biflow: true,
	})
	if w.has&(hasReverseStart|hasReverseEnd) != 0 {
		r := &g.out[len(g.out)-1]
		w.duration = 0
		g.bound(r, w.reverseStart, w.reverseEnd, w.has&hasReverseStart != 0, w.has&hasReverseEnd != 0)
	}
}
