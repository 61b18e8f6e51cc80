package wire

import (
	"encoding/binary"

	"github.com/linewarden/linewarden/bgp"
)

// decodePath reads an AS_PATH or AS4_PATH whose AS numbers have size octets.
// RFC 7606 section 7.2 says what is malformed.
func decodePath(b []byte, size int) (bgp.ASPath, bool) {
	segments, numbers := 0, 0
	for rest := b; len(rest) > 0; segments++ {
		if len(rest) < 2 || rest[0] < 1 || rest[0] > 4 || rest[1] == 0 {
			return nil, false
		}
		n := int(rest[1])
		if len(rest) < 2+n*size {
			return nil, false
		}
		numbers += n
		rest = rest[2+n*size:]
	}
	if segments == 0 {
		return nil, true
	}
	path := make(bgp.ASPath, 0, segments)
	all := make([]uint32, 0, numbers)
	for len(b) > 0 {
		n, start := int(b[1]), len(all)
		for i := range n {
			at := b[2+i*size:]
			if size == 4 {
				all = append(all, binary.BigEndian.Uint32(at))
			} else {
				all = append(all, uint32(binary.BigEndian.Uint16(at)))
			}
		}
		path = append(path, bgp.Segment{Type: bgp.SegmentType(b[0]), ASNs: all[start:len(all):len(all)]})
		b = b[2+n*size:]
	}
	return path, true
}

func confederation(t bgp.SegmentType) bool {
	return t == bgp.SegmentConfedSequence || t == bgp.SegmentConfedSet
}

// hops counts a path as route selection does: a set is one, a confederation none.
func hops(p bgp.ASPath) int {
	n := 0
	for _, s := range p {
		switch s.Type {
		case bgp.SegmentSequence:
			n += len(s.ASNs)
		case bgp.SegmentSet:
			n++
		case bgp.SegmentConfedSequence, bgp.SegmentConfedSet:
		}
	}
	return n
}

// mergePaths returns the path that a two-octet speaker's AS_PATH and the
// AS4_PATH it passed on stand for (RFC 6793 section 4.2.3): the head of the one
// that the other lacks, then the other.
func mergePaths(path, four bgp.ASPath) bgp.ASPath {
	kept := make(bgp.ASPath, 0, len(four))
	for _, s := range four {
		// Confederations do not belong in an AS4_PATH (RFC 6793 section 6).
		if !confederation(s.Type) {
			kept = append(kept, s)
		}
	}
	lead := hops(path) - hops(kept)
	if lead < 0 || len(kept) == 0 {
		return path
	}
	merged := make(bgp.ASPath, 0, len(path)+len(kept))
	for _, s := range path {
		switch {
		case confederation(s.Type):
			// Confederation segments lead a path; behind the head they are dropped.
			if lead == 0 && len(merged) > 0 && !confederation(merged[len(merged)-1].Type) {
				continue
			}
			merged = append(merged, s)
		case lead == 0:
		case s.Type == bgp.SegmentSet:
			merged = append(merged, s)
			lead--
		default:
			n := min(lead, len(s.ASNs))
			merged = append(merged, bgp.Segment{Type: s.Type, ASNs: s.ASNs[:n:n]})
			lead -= n
		}
	}
	return join(merged, kept)
}

// join puts two paths together, and two sequences that meet into one as long as
// the wire could hold it, so that a merged path looks as if it had never been cut.
func join(head, tail bgp.ASPath) bgp.ASPath {
	if len(head) == 0 || len(tail) == 0 {
		return append(head, tail...)
	}
	last, first := &head[len(head)-1], tail[0]
	if last.Type != bgp.SegmentSequence || first.Type != bgp.SegmentSequence || len(last.ASNs)+len(first.ASNs) > 255 {
		return append(head, tail...)
	}
	last.ASNs = append(last.ASNs, first.ASNs...) // its capacity is its length: this copies
	return append(head, tail[1:]...)
}
