package replay

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The blocks of pcapng that are read (draft-ietf-opsawg-pcapng).
const (
	ngSection   = 0x0a0d0d0a
	ngInterface = 1
	ngPacket    = 2 // obsolete
	ngSimple    = 3
	ngEnhanced  = 6

	ngByteOrder = 0x1a2b3c4d
	// ngOptTime and ngOptOffset are the interface options if_tsresol and
	// if_tsoffset.
	ngOptTime   = 9
	ngOptOffset = 14
	// ngOverhead is the type and the two lengths of each block.
	ngOverhead = 12
	// largestInterface bounds the block of an interface, whose options are
	// texts, and mostInterfaces how many there are.
	largestInterface = 1 << 20
	mostInterfaces   = 1 << 16
)

// ngLink is one interface of a section.
type ngLink struct {
	link   uint16
	snap   uint32
	units  ngResolution
	offset int64 // seconds added to each time
}

// pcapng reads the next generation format.
type pcapng struct {
	*stream
	order   binary.ByteOrder
	links   []ngLink
	packets int
	buf     []byte
}

func newPcapng(s *stream) *pcapng {
	return &pcapng{stream: s, order: binary.LittleEndian}
}

// block is the header of a block.
type block struct {
	kind   uint32
	body   uint32 // bytes between the two lengths
	offset int64
}

func (p *pcapng) next() (frame, error) {
	for {
		b, err := p.block()
		if err != nil {
			return frame{}, err
		}
		switch b.kind {
		case ngSection:
			err = p.section(b)
		case ngInterface:
			err = p.addInterface(b)
		case ngEnhanced, ngPacket, ngSimple:
			return p.packet(b)
		default:
			err = p.end(b, b.body)
		}
		if err != nil {
			return frame{}, err
		}
	}
}

// block reads the header of a block and, for a section, its byte order and
// version.
func (p *pcapng) block() (block, error) {
	p.begin("a block", 0)
	b := block{offset: p.at}
	h := p.scratch[:8]
	if err := p.full(h); err != nil {
		return b, err
	}
	section := binary.BigEndian.Uint32(h) == ngSection
	if section {
		mark := p.scratch[8:12]
		if err := p.rest(mark); err != nil {
			return b, err
		}
		switch {
		case binary.LittleEndian.Uint32(mark) == ngByteOrder:
			p.order = binary.LittleEndian
		case binary.BigEndian.Uint32(mark) == ngByteOrder:
			p.order = binary.BigEndian
		default:
			return b, p.wrong("section without byte order")
		}
	}
	b.kind = p.order.Uint32(h)
	length := p.order.Uint32(h[4:])
	if length < ngOverhead || length%4 != 0 || section && length < 28 {
		return b, p.wrong(fmt.Sprintf("block of %d bytes", length))
	}
	b.body = length - ngOverhead
	return b, nil
}

// section reads the rest of a section header, whose byte order is known.
func (p *pcapng) section(b block) error {
	p.links = p.links[:0]
	version := p.scratch[:4]
	if err := p.rest(version); err != nil {
		return err
	}
	if major := p.order.Uint16(version); major != 1 {
		return p.wrong(fmt.Sprintf("section of pcapng version %d, which is not read", major))
	}
	return p.end(b, b.body-8)
}

// end passes over the n bytes left of the body of b and checks that the length
// after it is the one before it.
func (p *pcapng) end(b block, n uint32) error {
	if err := p.skip(int64(n)); err != nil {
		return err
	}
	tail := p.scratch[:4]
	if err := p.rest(tail); err != nil {
		return err
	}
	if after := p.order.Uint32(tail); after != b.body+ngOverhead {
		return p.wrong(fmt.Sprintf("block of %d bytes before it and %d after it", b.body+ngOverhead, after))
	}
	return nil
}

func (p *pcapng) wrong(what string) error {
	return p.damaged("%s, after %d packets, which have been read; fetch the file again for the rest", what, p.packets)
}

func (p *pcapng) addInterface(b block) error {
	if b.body < 8 || b.body > largestInterface || len(p.links) >= mostInterfaces {
		return p.wrong(fmt.Sprintf("interface %d described in %d bytes", len(p.links), b.body))
	}
	p.buf = sized(p.buf, int(b.body))
	if err := p.rest(p.buf); err != nil {
		return err
	}
	i := ngLink{link: p.order.Uint16(p.buf), snap: p.order.Uint32(p.buf[4:]), units: ngMicroseconds}
	for opts := p.buf[8:]; len(opts) >= 4; {
		code, n := p.order.Uint16(opts), int(p.order.Uint16(opts[2:]))
		opts = opts[4:]
		if code == 0 || n > len(opts) {
			break
		}
		switch {
		case code == ngOptTime && n == 1:
			i.units = ngResolution(opts[0])
		case code == ngOptOffset && n == 8:
			i.offset = int64(p.order.Uint64(opts))
		}
		opts = opts[min((n+3)&^3, len(opts)):]
	}
	p.links = append(p.links, i)
	return p.end(b, 0)
}

// packet reads a block that holds a packet.
func (p *pcapng) packet(b block) (frame, error) {
	p.begin("packet", p.packets+1)
	p.start = b.offset
	f := frame{number: p.packets + 1, offset: b.offset}
	fixed := uint32(20)
	if b.kind == ngSimple {
		fixed = 4
	}
	if b.body < fixed {
		return f, p.wrong(p.thing() + " too short for its header")
	}
	h := p.scratch[:20]
	if err := p.rest(h[:fixed]); err != nil {
		return f, err
	}
	id, captured, length := p.order.Uint32(h), p.order.Uint32(h[12:]), p.order.Uint32(h[16:])
	switch b.kind {
	case ngPacket:
		id = uint32(p.order.Uint16(h))
	case ngSimple:
		id, length = 0, p.order.Uint32(h)
		captured = min(length, b.body-fixed)
	}
	if int64(id) >= int64(len(p.links)) {
		return f, p.wrong(fmt.Sprintf("%s is of interface %d, which is not described", p.thing(), id))
	}
	i := &p.links[id]
	if b.kind == ngSimple && i.snap != 0 {
		captured = min(captured, i.snap)
	}
	if captured > b.body-fixed || captured > largestFrame {
		return f, p.wrong(fmt.Sprintf("%s claims %d bytes", p.thing(), captured))
	}
	f.link, f.cut = i.link, length > captured
	if b.kind != ngSimple {
		f.sec, f.ns = i.units.time(uint64(p.order.Uint32(h[4:]))<<32 | uint64(p.order.Uint32(h[8:])))
		f.sec += i.offset
	}
	p.buf = sized(p.buf, int(captured))
	f.data = p.buf
	if err := p.rest(f.data); err != nil {
		return f, err
	}
	p.packets++
	return f, p.end(b, b.body-fixed-captured)
}

// ngResolution is the option if_tsresol: the exponent of 10, or of 2 when the
// highest bit is set, of the fraction of a second that times count.
type ngResolution uint8

const ngMicroseconds ngResolution = 6

// time turns a time in units into seconds and nanoseconds. A unit that 64 bits
// cannot divide a second into gives no time.
func (r ngResolution) time(t uint64) (sec, ns int64) {
	n := uint(r & 0x7f)
	if r&0x80 != 0 {
		if n > 63 {
			return 0, 0
		}
		high, low := bits.Mul64(t&(1<<n-1), 1e9)
		return clamp(t >> n), int64(high<<(64-n) | low>>n)
	}
	if n > 19 {
		return 0, 0
	}
	unit := uint64(1)
	for range n {
		unit *= 10
	}
	fraction := t % unit
	for ; n < 9; n++ {
		fraction *= 10
	}
	for ; n > 9; n-- {
		fraction /= 10
	}
	return clamp(t / unit), int64(fraction)
}

// clamp keeps seconds within what a sum with an offset can bear.
func clamp(seconds uint64) int64 {
	return int64(min(seconds, 1<<40))
}
