package netflow

import "github.com/linewarden/linewarden/flows"

// plan is a template made ready for decoding.
type plan struct {
	size     int  // of a record; the least size where it is variable
	variable bool // a field has variable length
	ops      []op // in the order in which they are applied

	// For variable records: the length of each field in order, and the op that
	// reads it or -1.
	lengths []uint16
	reads   []int16

	counters bool // octets are counted by the exporter
	packets  bool // packets are counted by the exporter
	reverse  bool // a second record may come of it
}

// op is the writer of one field.
type op struct {
	set    func(w *row, b []byte)
	offset uint16 // in a record of fixed size
	length uint16
	kind   kind
}

// candidate is a field that may be read.
type candidate struct {
	element
	index, offset int
	length        uint16
}

// compile makes the plan of t. It returns false when records by it cannot be
// read: they would have no length, or too many fields.
func (t *template) compile(version flows.Version) bool {
	p := &t.plan
	t.size = 256 + len(t.definition) + len(t.fields)*16
	if len(t.fields) > maxFields {
		return false
	}
	offset := 0
	for _, f := range t.fields {
		if f.length == variableLength && version == flows.IPFIX {
			p.variable = true
			offset++ // at least its length octet
			continue
		}
		offset += int(f.length)
	}
	p.size = offset
	if p.size == 0 || p.size > 0xffff {
		return false
	}
	if p.variable || t.options {
		p.lengths = make([]uint16, len(t.fields))
		for i, f := range t.fields {
			p.lengths[i] = f.length
		}
		t.size += 2 * len(t.fields)
	}
	if t.options {
		t.announces = announcesSampling(t.fields)
		return true
	}
	p.write(choose(t.fields), len(t.fields))
	t.size += 24 * len(p.ops)
	return true
}

// choose returns the fields that are read, in the order of their passes: of
// each group the best one, of each element its first occurrence (RFC 7011
// section 8: the order of occurrences is that of treatment).
func choose(fields []field) []candidate {
	list, best := readable(fields)
	// Responder counters belong to initiator counters. Beside counters of the
	// flow they are not known to be apart from these.
	initiated := best[octets] >= rankInitiator && best[packets] >= rankInitiator
	chosen := make([]candidate, 0, len(list))
	for pass := range uint8(numPasses) {
		for _, c := range list {
			worse := c.group != alone && c.rank != best[c.group]
			if c.pass == pass && !worse && (initiated || !c.responder) {
				chosen = append(chosen, c)
			}
		}
	}
	return chosen
}

// readable returns the fields that could be read, and the least rank of each
// group among them.
func readable(fields []field) (list []candidate, best [numGroups]uint8) {
	for i := range best {
		best[i] = 0xff
	}
	seen := make(map[uint64]bool, len(fields))
	offset := 0
	for i, f := range fields {
		e, ok := elementOf(f)
		key := uint64(f.enterprise)<<16 | uint64(f.id)
		if ok && !seen[key] && (f.length == variableLength || e.kind.fits(int(f.length))) {
			if e.outer != nil && !seen[uint64(e.inner)] {
				e.set = e.outer
			}
			seen[key] = true
			list = append(list, candidate{e, i, offset, f.length})
			if e.group != alone {
				best[e.group] = min(best[e.group], e.rank)
			}
		}
		offset += int(f.length)
	}
	return list, best
}

// write fills the plan with the chosen fields.
func (p *plan) write(chosen []candidate, fields int) {
	if p.variable {
		p.reads = make([]int16, fields)
		for i := range p.reads {
			p.reads[i] = -1
		}
	}
	p.ops = make([]op, 0, len(chosen))
	for _, c := range chosen {
		if p.variable {
			p.reads[c.index] = int16(len(p.ops))
		}
		p.ops = append(p.ops, op{set: c.set, offset: uint16(c.offset), length: c.length, kind: c.kind})
		p.counters = p.counters || c.group == octets
		p.packets = p.packets || c.group == packets
		p.reverse = p.reverse || c.group == reverseOctets || c.group == reversePackets
	}
}

// length returns the size of the record at the start of b, 0 when b holds none.
func (p *plan) length(b []byte) int {
	if len(b) < p.size {
		return 0
	}
	if !p.variable {
		return p.size
	}
	at := 0
	for _, n := range p.lengths {
		var ok bool
		if _, at, ok = take(b, at, n); !ok {
			return 0
		}
	}
	return at
}

// take returns the contents of a field of the given length at an offset, and
// where the next one begins. A variable length is told by one octet, or by two
// after an octet of 255 (RFC 7011 section 7).
func take(b []byte, at int, length uint16) (content []byte, next int, ok bool) {
	n := int(length)
	if length == variableLength {
		if at >= len(b) {
			return nil, at, false
		}
		n = int(b[at])
		at++
		if n == 0xff {
			if len(b)-at < 2 {
				return nil, at, false
			}
			n = int(be16(b[at:]))
			at += 2
		}
	}
	if n > len(b)-at {
		return nil, at, false
	}
	return b[at : at+n], at + n, true
}
