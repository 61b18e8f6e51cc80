package wire

import (
	"encoding/binary"
	"net/netip"
)

// nlri is one prefix of a message.
type nlri struct {
	prefix        netip.Prefix
	distinguisher uint64
	id            uint32
}

// cursor reads the prefixes of a block (RFC 4271 section 4.3, RFC 7911 section
// 3, RFC 8277 section 2, RFC 4364 section 4.3.4).
type cursor struct {
	b        []byte
	table    Table
	ids      bool // each prefix has a path identifier
	labels   bool // each prefix may have several labels
	withdraw bool
	bad      bool // the rest is malformed
}

func newCursor(b []byte, t Table, s Session, withdraw bool) cursor {
	return cursor{b: b, table: t, ids: s.AddPath.Has(t), labels: s.MultiLabel.Has(t), withdraw: withdraw}
}

// count returns the number of prefixes, and false when the block is malformed.
func (c cursor) count() (int, bool) {
	var p nlri
	n := 0
	for c.next(&p) {
		n++
	}
	return n, !c.bad
}

// next reads one prefix. It returns false at the end, and with c.bad where the
// block is malformed.
func (c *cursor) next(p *nlri) bool {
	if len(c.b) == 0 || c.bad {
		return false
	}
	c.bad = true // until the prefix proves good
	if c.ids {
		if len(c.b) < 5 {
			return false
		}
		p.id = binary.BigEndian.Uint32(c.b)
		c.b = c.b[4:]
	}
	bits := int(c.b[0])
	size := (bits + 7) / 8
	if len(c.b) <= size {
		return false
	}
	data := c.b[1 : 1+size]
	if c.table.labelled() {
		n := c.labelBytes(data)
		if n == 0 {
			return false
		}
		data, bits = data[n:], bits-8*n
	}
	if c.table.vpn() {
		if len(data) < 8 {
			return false
		}
		p.distinguisher = binary.BigEndian.Uint64(data)
		data, bits = data[8:], bits-64
	}
	if bits < 0 || !c.prefix(p, data, bits) {
		return false
	}
	c.b, c.bad = c.b[1+size:], false
	return true
}

func (c *cursor) prefix(p *nlri, data []byte, bits int) bool {
	var addr netip.Addr
	if c.table.ipv6() {
		if bits > 128 {
			return false
		}
		var a [16]byte
		copy(a[:], data)
		addr = netip.AddrFrom16(a)
	} else {
		if bits > 32 {
			return false
		}
		var a [4]byte
		copy(a[:], data)
		addr = netip.AddrFrom4(a)
	}
	// Bits behind the prefix are of no meaning (RFC 4271 section 4.3).
	p.prefix = netip.PrefixFrom(addr, bits).Masked()
	return true
}

// labelBytes returns the length of the labels before a prefix, 0 if there are
// none. Without the capability of several there is exactly one, and its
// bottom-of-stack bit says nothing (RFC 8277 section 2.2). In VPN tables speakers
// keep to that; in labelled unicast, those of RFC 3107 send stacks without the
// capability, so there the bottom is looked for. A withdrawal has one field whose
// value says nothing (section 2.4), but speakers repeat the stack there too.
func (c *cursor) labelBytes(data []byte) int {
	const size = 3
	if c.table.vpn() && !c.labels {
		return min(size, len(data)/size*size)
	}
	for n := size; n <= len(data); n += size {
		label := data[n-size : n]
		bottom := label[2]&1 != 0
		withdrawn := label[1] == 0 && label[2] == 0 && (label[0] == 0x80 || label[0] == 0)
		if bottom || c.withdraw && withdrawn {
			return n
		}
	}
	if !c.labels {
		return min(size, len(data)/size*size)
	}
	return 0
}
