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
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		s := bgp.Segment{Type: bgp.SegmentSequence}
		part, separator := "", " "
		if end := strings.IndexAny(text, "{(["); end != 0 {
			if end < 0 {
				end = len(text)
			}
			part, text = strings.TrimRight(text[:end], " "), text[end:]
		}
		for _, r := range brackets {
			if part != "" || text[0] != r.open {
				continue
			}
			end := strings.IndexByte(text, r.cl)
			if end < 0 {
				return nil, errPath
			}
			s.Type, separator = r.kind, string(r.separator)
			part, text = text[1:end], text[end+1:]
		}
		for word := range strings.SplitSeq(part, separator) {
			asn, err := strconv.ParseUint(word, 10, 32)
			if err != nil {
				return nil, errors.Join(errPath, err)
			}
			s.ASNs = append(s.ASNs, uint32(asn))
		}
		path = append(path, s)
	}
	return path, nil
}
