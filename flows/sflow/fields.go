package sflow

import (
	"encoding/binary"
	"net/netip"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
)

// Formats of flow records, enterprise 0.
const (
	recordHeader    = 1
	recordIPv4      = 3
	recordIPv6      = 4
	recordSwitch    = 1001
	recordRouter    = 1002
	recordGateway   = 1003
	recordMPLS      = 1006
	recordVLANStack = 1012
)

// Sizes of the sampled IPv4 and IPv6 records.
const (
	sizeIPv4 = 32
	sizeIPv6 = 56
)

// links are the header protocols that are read.
var links = [...]header.Link{
	1:  header.Ethernet,
	7:  header.PPP,
	11: header.IP,
	12: header.IP,
	13: header.MPLS,
	14: header.PPP, // packet over SONET, RFC 2615
}

// segmentSet is the type of an AS path segment without order.
const segmentSet = 1

// fields gathers what the records of a sample say, as their order is free. The
// slices point into the datagram.
type fields struct {
	link            header.Link
	frame           []byte // the sampled header
	frameLen        uint32 // octets on the wire
	stripped        uint32 // those of them before and behind the frame
	ip              []byte // a sampled IPv4 or IPv6 record
	router          netip.Addr
	mpls            netip.Addr
	gateway         netip.Addr
	srcAS, dstAS    uint32
	label           uint32
	srcVLAN         uint16
	dstVLAN         uint16
	outerVLAN       uint16
	hasHeader       bool
	hasSwitchedVLAN bool
}

// read takes in a record, false if it contradicts its format.
func (f *fields) read(format uint32, record []byte) bool {
	w := words{rest: record}
	switch format {
	case recordHeader:
		f.header(&w)
	case recordIPv4:
		f.ip = w.take(sizeIPv4)
	case recordIPv6:
		f.ip = w.take(sizeIPv6)
	case recordSwitch:
		f.switched(&w)
	case recordRouter:
		f.router = w.address()
	case recordGateway:
		f.gatewayed(&w)
	case recordMPLS:
		f.labelled(&w)
	case recordVLANStack:
		if w.next() > 0 {
			f.outerVLAN = uint16(w.next() & 0x0fff)
		}
	}
	return !w.short
}

// header reads a sampled header; the first of a sample counts.
func (f *fields) header(w *words) {
	protocol, frameLen, stripped := w.next(), w.next(), w.next()
	frame := w.take(w.next())
	if f.hasHeader || w.short {
		return
	}
	f.hasHeader = true
	f.frame, f.frameLen, f.stripped = frame, frameLen, stripped
	if protocol < uint32(len(links)) {
		f.link = links[protocol]
	}
}

// switched reads an extended switch record. Where it knows neither VLAN it
// says nothing; else a zero means that the frame had no tag.
func (f *fields) switched(w *words) {
	src := w.next()
	w.next() // priority
	dst := w.next()
	w.next() // priority
	f.srcVLAN, f.dstVLAN = vlan(src), vlan(dst)
	f.hasSwitchedVLAN = f.srcVLAN != 0 || f.dstVLAN != 0
}

// vlan returns a VLAN id, 0 for what is none: agents write all ones for a
// routed port.
func vlan(v uint32) uint16 {
	if v >= 0x0fff {
		return 0
	}
	return uint16(v)
}

// gatewayed reads an extended gateway record to the end of its path. The
// source AS 0 and the empty path stand for the AS of the device itself.
func (f *fields) gatewayed(w *words) {
	f.gateway = w.address()
	own := w.next()
	f.srcAS = w.next()
	w.next() // AS of the source peer
	if f.srcAS == 0 {
		f.srcAS = own
	}
	f.dstAS = own
	segments := w.next()
	for range segments {
		if w.short {
			return
		}
		kind, n := w.next(), w.next()
		if uint64(n)*4 > uint64(len(w.rest)) {
			w.short = true
			return
		}
		path := w.take(n * 4)
		if len(path) == 0 {
			continue
		}
		f.dstAS = binary.BigEndian.Uint32(path[len(path)-4:])
		if kind == segmentSet && n > 1 {
			f.dstAS = 0 // any of the set may be the origin (RFC 6811)
		}
	}
}

// labelled reads an extended MPLS record: the label the packet came with, else
// the one it left with.
func (f *fields) labelled(w *words) {
	f.mpls = w.address()
	for range 2 {
		n := w.next()
		if uint64(n)*4 > uint64(len(w.rest)) {
			w.short = true
			return
		}
		if stack := w.take(n * 4); len(stack) > 0 && f.label == 0 {
			f.label = binary.BigEndian.Uint32(stack) >> 12
		}
	}
}

// into writes what was gathered into r. The result is that of the sampled
// header, or of what stands in for it.
func (f *fields) into(r *flows.Record) header.Result {
	result := header.NotIP
	if f.hasHeader {
		result = header.ParseStripped(f.link, f.frame, f.frameLen, f.stripped, r)
	}
	if result != header.Whole && f.ip != nil {
		f.sampledIP(r)
		result = header.Whole
	}
	if f.hasSwitchedVLAN {
		r.SrcVLAN, r.DstVLAN = f.srcVLAN, f.dstVLAN
	} else if f.outerVLAN != 0 {
		r.SrcVLAN = f.outerVLAN
	}
	if r.MPLSLabel == 0 {
		r.MPLSLabel = f.label
	}
	r.SrcAS, r.DstAS = f.srcAS, f.dstAS
	for _, hop := range [...]netip.Addr{f.router, f.mpls, f.gateway} {
		if hop.IsValid() && !hop.IsUnspecified() {
			r.NextHop = hop
			break
		}
	}
	return result
}

// sampledIP reads a sampled IPv4 or IPv6 record. All fields but the addresses
// are words.
func (f *fields) sampledIP(r *flows.Record) {
	r.Bytes = uint64(binary.BigEndian.Uint32(f.ip))
	r.Proto = f.ip[7]
	var rest []byte
	if len(f.ip) == sizeIPv4 {
		r.Src, r.Dst = netip.AddrFrom4([4]byte(f.ip[8:])), netip.AddrFrom4([4]byte(f.ip[12:]))
		rest = f.ip[16:]
	} else {
		r.Src, r.Dst = netip.AddrFrom16([16]byte(f.ip[8:])), netip.AddrFrom16([16]byte(f.ip[24:]))
		rest = f.ip[40:]
	}
	r.ToS = rest[15]
	switch r.Proto {
	case 6:
		r.TCPFlags = binary.BigEndian.Uint16(rest[10:]) & 0x0fff
		fallthrough
	case 17, 33, 132, 136: // UDP, DCCP, SCTP, UDP-Lite
		r.SrcPort, r.DstPort = binary.BigEndian.Uint16(rest[2:]), binary.BigEndian.Uint16(rest[6:])
	}
}
