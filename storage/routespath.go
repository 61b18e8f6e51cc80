package storage

import (
	"errors"
	"strconv"
	"strings"

	"github.com/linewarden/linewarden/bgp"
)

var errPath = errors.New("a stored AS path is damaged")

// brackets are what segments of paths stand in, by type.
var brackets = [...]struct {
	kind                bgp.SegmentType
	open, separator, cl byte
}{
	{bgp.SegmentSet, '{', ',', '}'},
	{bgp.SegmentConfedSequence, '(', ' ', ')'},
	{bgp.SegmentConfedSet, '[', ',', ']'},
}

// appendPath appends what path.String returns.
func appendPath(b []byte, path bgp.ASPath) []byte {
	begin := len(b)
	for _, s := range path {
		if len(s.ASNs) == 0 || s.Type < bgp.SegmentSet || s.Type > bgp.SegmentConfedSet {
			continue
		}
		if len(b) > begin {
			b = append(b, ' ')
		}
		separator, end := byte(' '), byte(0)
		for _, r := range brackets {
			if r.kind == s.Type {
				b = append(b, r.open)
				separator, end = r.separator, r.cl
			}
		}
		for i, asn := range s.ASNs {
			if i > 0 {
				b = append(b, separator)
			}
			b = strconv.AppendUint(b, uint64(asn), 10)
		}
		if end != 0 {
			b = append(b, end)
		}
	}
	return b
}

// parsePath is the inverse of appendPath, with adjacent sequences joined and
// empty segments left out.
func parsePath(text string) (bgp.ASPath, error) {
	var path bgp.ASPath
	for text != "" {
		s := bgp.Segment{Type: bgp.SegmentSequence}
		part, rest, separator, ok := cutSegment(text, &s.Type)
		if !ok {
			return nil, errPath
		}
		for word := range strings.SplitSeq(part, separator) {
			asn, err := strconv.ParseUint(word, 10, 32)
			if err != nil {
				return nil, errors.Join(errPath, err)
			}
			s.ASNs = append(s.ASNs, uint32(asn))
		}
		path, text = append(path, s), strings.TrimPrefix(rest, " ")
	}
	return path, nil
}

// cutSegment returns what stands in the first segment of a path, what follows
// it, and what separates its numbers. It sets the type if it is no sequence.
func cutSegment(text string, kind *bgp.SegmentType) (part, rest, separator string, ok bool) {
	for _, r := range brackets {
		if text[0] == r.open {
			*kind = r.kind
			part, rest, ok = strings.Cut(text[1:], string(r.cl))
			return part, rest, string(r.separator), ok
		}
	}
	if end := strings.IndexAny(text, "{(["); end > 0 {
		return strings.TrimSuffix(text[:end], " "), text[end:], " ", true
	}
	return text, "", " ", true
}
