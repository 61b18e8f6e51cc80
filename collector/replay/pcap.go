package replay

import (
	"encoding/binary"
	"fmt"
)

// frame is one recorded packet, from its link header on.
type frame struct {
	data    []byte // reused
	link    uint16
	cut     bool // the wire had more
	sec, ns int64
	number  int
	offset  int64 // where its record starts in the file
}

// framer is a capture format below capture. next returns io.EOF at the end.
type framer interface {
	next() (frame, error)
}

// pcapMagics are the first four bytes of pcap files: times in microseconds or
// in nanoseconds, in the byte order of the writer.
var pcapMagics = []uint32{pcapMicro, pcapNano}

const (
	pcapMicro = 0xa1b2c3d4
	pcapNano  = 0xa1b23c4d
	// pcapLink masks the link type; bits above say how long the checksum is.
	pcapLink = 0xffff
	// largestFrame is the largest snap length that libpcap writes for network
	// links (MAXIMUM_SNAPLEN). A larger packet is damage.
	largestFrame = 256 << 10
)

// pcap reads the format of libpcap, versions 2.0 to 2.4.
type pcap struct {
	*stream
	order   binary.ByteOrder
	unit    int64 // nanoseconds in a fraction
	link    uint16
	packets int
	buf     []byte
}

func newPcap(s *stream) (*pcap, error) {
	s.begin("the file header", 0)
	h := s.scratch[:24]
	if err := s.rest(h); err != nil {
		return nil, err
	}
	p := &pcap{stream: s, order: binary.LittleEndian, unit: 1000}
	if m := binary.BigEndian.Uint32(h); m == pcapMicro || m == pcapNano {
		p.order = binary.BigEndian
	}
	if p.order.Uint32(h) == pcapNano {
		p.unit = 1
	}
	if major := p.order.Uint16(h[4:]); major != 2 {
		return nil, fmt.Errorf("%s: %w: pcap version %d is not read: convert it with editcap -F pcapng", s.name, ErrNotExport, major)
	}
	p.link = uint16(p.order.Uint32(h[20:]) & pcapLink)
	return p, nil
}

func (p *pcap) next() (frame, error) {
	p.packets++
	p.begin("packet", p.packets)
	f := frame{link: p.link, number: p.packets, offset: p.at}
	h := p.scratch[:16]
	if err := p.full(h); err != nil {
		return f, err
	}
	captured, length := p.order.Uint32(h[8:]), p.order.Uint32(h[12:])
	if captured > largestFrame {
		return f, p.damaged("%s claims %d bytes; the packets before it have been read, fetch the file again for the rest",
			p.thing(), captured)
	}
	f.sec = int64(p.order.Uint32(h))
	f.ns = int64(p.order.Uint32(h[4:])) * p.unit
	f.cut = length > captured
	p.buf = sized(p.buf, int(captured))
	f.data = p.buf
	return f, p.rest(f.data)
}

// sized returns a buffer of n bytes, b where it has room.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, max(n, 2048))
	}
	return b[:n]
}
