package bgp

import (
	"slices"
	"strconv"
	"strings"
)

// SegmentType says how the AS numbers of a segment are to be read (RFC 4271
// section 4.3, RFC 5065 section 3). The values are those on the wire.
type SegmentType uint8

// The segment types.
const (
	SegmentSet            SegmentType = 1 // unordered, the leaves of an aggregate
	SegmentSequence       SegmentType = 2 // ordered, the nearest first
	SegmentConfedSequence SegmentType = 3 // ordered, inside one confederation
	SegmentConfedSet      SegmentType = 4 // unordered, inside one confederation
)

// Segment is one part of an AS path.
type Segment struct {
	Type SegmentType
	ASNs []uint32
}

// ASPath is the list of networks a route went through, the nearest first.
type ASPath []Segment

// Origins returns the networks that may have originated the route: the last of
// a final sequence, or every member of a final set, sorted. Segments of a
// confederation do not count, as they name no network outside it (RFC 5065
// section 4). It returns nil for a route that began in the peer's own network.
func (p ASPath) Origins() []uint32 {
	for _, s := range slices.Backward(p) {
		if len(s.ASNs) == 0 {
			continue
		}
		switch s.Type {
		case SegmentSequence:
			return []uint32{s.ASNs[len(s.ASNs)-1]}
		case SegmentSet:
			origins := slices.Clone(s.ASNs)
			slices.Sort(origins)
			return slices.Compact(origins)
		case SegmentConfedSequence, SegmentConfedSet:
		}
	}
	return nil
}

// Neighbor returns the first network of the path outside the confederation, and
// false when the path has none or begins with a set, which has no first.
func (p ASPath) Neighbor() (uint32, bool) {
	for _, s := range p {
		if s.Type == SegmentConfedSequence || s.Type == SegmentConfedSet || len(s.ASNs) == 0 {
			continue
		}
		return s.ASNs[0], s.Type == SegmentSequence
	}
	return 0, false
}

// Fold returns the path with prepended repetitions removed and the segments of
// confederations left out. The result shares no memory with the path.
func (p ASPath) Fold() ASPath {
	var folded ASPath
	for _, s := range p {
		switch s.Type {
		case SegmentSequence:
			// Adjacent sequences are one: a sender splits them at 255 (RFC 4271 section 5.1.2).
			if n := len(folded); n > 0 && folded[n-1].Type == SegmentSequence {
				folded[n-1].ASNs = slices.Compact(append(folded[n-1].ASNs, s.ASNs...))
				continue
			}
			folded = append(folded, Segment{s.Type, slices.Compact(slices.Clone(s.ASNs))})
		case SegmentSet:
			members := slices.Clone(s.ASNs)
			slices.Sort(members)
			folded = append(folded, Segment{s.Type, slices.Compact(members)})
		case SegmentConfedSequence, SegmentConfedSet:
		}
	}
	return folded
}

// Contains tells whether the path went through the network.
func (p ASPath) Contains(asn uint32) bool {
	return slices.ContainsFunc(p, func(s Segment) bool { return slices.Contains(s.ASNs, asn) })
}

// String writes the path as routers do: sequences by spaces, sets in braces,
// sequences of a confederation in parentheses, sets of one in brackets.
func (p ASPath) String() string {
	parts := make([]string, 0, len(p))
	for _, s := range p {
		if len(s.ASNs) == 0 {
			continue
		}
		switch s.Type {
		case SegmentSet:
			parts = append(parts, "{"+join(s.ASNs, ",")+"}")
		case SegmentConfedSequence:
			parts = append(parts, "("+join(s.ASNs, " ")+")")
		case SegmentConfedSet:
			parts = append(parts, "["+join(s.ASNs, ",")+"]")
		case SegmentSequence:
			parts = append(parts, join(s.ASNs, " "))
		}
	}
	return strings.Join(parts, " ")
}

func join(asns []uint32, separator string) string {
	words := make([]string, len(asns))
	for i, asn := range asns {
		words[i] = strconv.FormatUint(uint64(asn), 10)
	}
	return strings.Join(words, separator)
}

// PrivateASN tells whether the number is set aside for private use (RFC 6996 section 5).
func PrivateASN(asn uint32) bool {
	return asn >= 64512 && asn <= 65534 || asn >= 4200000000 && asn <= 4294967294
}
