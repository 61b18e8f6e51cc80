package netflow

import (
	"net/netip"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
)

// Marks of what a record said besides the fields of flows.Record.
const (
	hasStart = 1 << iota
	hasEnd
	hasStartUp // start is in milliseconds since the system came up
	hasEndUp
	hasSystemUp
	hasDuration
	hasReverseStart
	hasReverseEnd
	hasSampler
	hasICMP
	hasICMPType
	hasSpace
)

// row is one record while it is decoded.
type row struct {
	r     *flows.Record
	at    *moment
	first int  // index of r among the records
	open  bool // what begins at first is not finished
	has   uint32

	start, end, systemUp, duration int64 // nanoseconds
	reverseStart, reverseEnd       int64

	reverseOctets, reversePackets uint64
	reverseFlags, reverseICMP     uint16
	reverseToS                    uint8

	sampler uint64 // selectorId or FLOW_SAMPLER_ID
	announcement

	frame     []byte
	link      header.Link
	frameSize uint32
}

func setOctets(w *row, b []byte)         { w.r.Bytes = number(b) }
func setPackets(w *row, b []byte)        { w.r.Packets = number(b) }
func setReverseOctets(w *row, b []byte)  { w.reverseOctets = number(b) }
func setReversePackets(w *row, b []byte) { w.reversePackets = number(b) }

func setProto(w *row, b []byte)           { w.r.Proto = uint8(number(b)) }
func setToS(w *row, b []byte)             { w.r.ToS = uint8(number(b)) }
func setTCPFlags(w *row, b []byte)        { w.r.TCPFlags = uint16(number(b)) }
func setReverseToS(w *row, b []byte)      { w.reverseToS = uint8(number(b)) }
func setReverseTCPFlags(w *row, b []byte) { w.reverseFlags = uint16(number(b)) }

func setSrcPort(w *row, b []byte) { w.r.SrcPort = uint16(number(b)) }
func setDstPort(w *row, b []byte) { w.r.DstPort = uint16(number(b)) }

func setSrcPortElse(w *row, b []byte) {
	if w.r.SrcPort == 0 {
		setSrcPort(w, b)
	}
}

func setDstPortElse(w *row, b []byte) {
	if w.r.DstPort == 0 {
		setDstPort(w, b)
	}
}

func setSrc4(w *row, b []byte) { w.r.Src = netip.AddrFrom4([4]byte(b)) }
func setDst4(w *row, b []byte) { w.r.Dst = netip.AddrFrom4([4]byte(b)) }
func setSrc6(w *row, b []byte) { setAddress6(&w.r.Src, b) }
func setDst6(w *row, b []byte) { setAddress6(&w.r.Dst, b) }

func setSrc6Outer(w *row, b []byte) { setAddress6Outer(&w.r.Src, b) }
func setDst6Outer(w *row, b []byte) { setAddress6Outer(&w.r.Dst, b) }

// setAddress6Outer takes an IPv6 address that stands before the IPv4 one, if it
// is not zero: IOS-XR exports the packet inside a tunnel behind the one around
// it, and the record is of the latter, as its protocol and ports are.
func setAddress6Outer(addr *netip.Addr, b []byte) {
	if !addr.IsValid() || !allZero(b) {
		*addr = netip.AddrFrom16([16]byte(b)).Unmap()
	}
}

// setAddress6 takes an IPv6 address where the IPv4 one is missing or zero, as
// in templates that hold both.
func setAddress6(addr *netip.Addr, b []byte) {
	if addr.IsValid() && (!addr.IsUnspecified() || allZero(b)) {
		return
	}
	*addr = netip.AddrFrom16([16]byte(b)).Unmap()
}

func setICMP(w *row, b []byte) {
	w.r.ICMP = uint16(number(b))
	w.has |= hasICMP
}

func setICMPElse(w *row, b []byte) {
	if w.r.ICMP == 0 {
		setICMP(w, b)
	}
}

func setICMPType(w *row, b []byte) {
	if w.has&hasICMP == 0 || w.has&hasICMPType != 0 && w.r.ICMP == 0 {
		w.r.ICMP = uint16(number(b)) << 8
		w.has |= hasICMP | hasICMPType
	}
}

func setICMPCode(w *row, b []byte) {
	if w.has&hasICMPType != 0 {
		w.r.ICMP |= uint16(number(b)) & 0xff
	}
}

func setReverseICMP(w *row, b []byte) {
	if w.reverseICMP == 0 {
		w.reverseICMP = uint16(number(b))
	}
}

func setInIf(w *row, b []byte)  { w.r.InIf = uint32(number(b)) }
func setOutIf(w *row, b []byte) { w.r.OutIf = uint32(number(b)) }

func setInIfElse(w *row, b []byte) {
	if w.r.InIf == 0 {
		setInIf(w, b)
	}
}

func setOutIfElse(w *row, b []byte) {
	if w.r.OutIf == 0 {
		setOutIf(w, b)
	}
}

// setNextHop4 takes a next hop where there is none yet. The unspecified address
// stands for no next hop.
func setNextHop4(w *row, b []byte) {
	if !w.r.NextHop.IsValid() && be32(b) != 0 {
		w.r.NextHop = netip.AddrFrom4([4]byte(b))
	}
}

func setNextHop6(w *row, b []byte) {
	if !w.r.NextHop.IsValid() && !allZero(b) {
		w.r.NextHop = netip.AddrFrom16([16]byte(b)).Unmap()
	}
}

func setSrcAS(w *row, b []byte)   { w.r.SrcAS = uint32(number(b)) }
func setDstAS(w *row, b []byte)   { w.r.DstAS = uint32(number(b)) }
func setSrcVLAN(w *row, b []byte) { w.r.SrcVLAN = uint16(number(b)) }
func setDstVLAN(w *row, b []byte) { w.r.DstVLAN = uint16(number(b)) }

func setSrcVLANElse(w *row, b []byte) {
	if w.r.SrcVLAN == 0 {
		setSrcVLAN(w, b)
	}
}

func setDstVLANElse(w *row, b []byte) {
	if w.r.DstVLAN == 0 {
		setDstVLAN(w, b)
	}
}

// setMPLSLabel reads a label stack entry (RFC 3032 section 2.1) without its
// time to live: 20 bits of label, three of class, one of bottom.
func setMPLSLabel(w *row, b []byte) { w.r.MPLSLabel = uint32(number(b[:3])) >> 4 }

func setDirection(w *row, b []byte) {
	switch number(b) {
	case 0:
		w.r.Direction = flows.Ingress
	case 1:
		w.r.Direction = flows.Egress
	}
}

func setForwardingStatus(w *row, b []byte) { w.r.ForwardingStatus = uint8(number(b)) }

func setEthernetSection(w *row, b []byte) { w.frame, w.link = b, header.Ethernet }

func setIPSection(w *row, b []byte) {
	if w.frame == nil {
		w.frame, w.link = b, header.IP
	}
}

func setFrameSize(w *row, b []byte) { w.frameSize = uint32(number(b)) }
