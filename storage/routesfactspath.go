package storage

import (
	"slices"

	"github.com/linewarden/linewarden/bgp"
	"github.com/linewarden/linewarden/rules"
)

// severalHops stands for a set of several networks (RFC 4271 section 4.3): any
// of them may have been there.
const severalHops = 0

// farPath is what is left of a path behind our own network.
type farPath struct {
	source rules.RouteSource
	// hops are the networks, the nearest first, each once; none is a route that
	// we originate ourselves.
	hops []uint32
	// origins are who may have originated it, 0 for ourselves; in a set when
	// there are several.
	origins []uint32
}

// farPathOf leaves out prepends, confederations, and everything up to the last
// own network. What names nobody outside is our own, unless a peer that is not
// ours told it: then it is the peer's.
func farPathOf(i *RouteInterval, own map[uint32]bool) farPath {
	var f farPath
	told := i.Peer.View == bgp.ViewAdjOut || i.Peer.View == bgp.ViewAdjOutPost // by us, to the peer
	if !told && !own[i.PeerAS] {
		f.source.PeerAS = i.PeerAS
	}
	var set []uint32 // members of the last hop, if it is one of several
	for _, s := range i.Route.Path.Fold() {
		if s.Type == bgp.SegmentSet && len(s.ASNs) > 1 {
			f.hops, set = append(f.hops, severalHops), s.ASNs
			continue
		}
		for _, asn := range s.ASNs {
			switch set = nil; {
			case own[asn]:
				f.hops = f.hops[:0]
			case len(f.hops) == 0 || f.hops[len(f.hops)-1] != asn:
				f.hops = append(f.hops, asn)
			}
		}
	}
	if len(i.Route.Path) == 0 && f.source.PeerAS != 0 {
		f.hops = append(f.hops, f.source.PeerAS)
	}
	f.end(set, own)
	return f
}

// end tells the origins and the first network.
func (f *farPath) end(set []uint32, own map[uint32]bool) {
	if len(f.hops) == 0 {
		f.origins = []uint32{0}
		return
	}
	f.source.First = f.hops[0]
	if set == nil {
		f.origins = f.hops[len(f.hops)-1:]
		return
	}
	for _, asn := range set {
		if own[asn] {
			asn = 0
		}
		if !slices.Contains(f.origins, asn) {
			f.origins = append(f.origins, asn)
		}
	}
}

// neighbours calls visit with the networks next to one in the path. A network
// that stands in it more than once has put others between to keep them from
// taking the route: they are neighbours of nobody there.
func (f *farPath) neighbours(of uint32, visit func(neighbour uint32, behind bool)) {
	first := slices.Index(f.hops, of)
	if first < 0 {
		return
	}
	last := len(f.hops) - 1
	for f.hops[last] != of {
		last--
	}
	if first > 0 && f.hops[first-1] != severalHops {
		visit(f.hops[first-1], false)
	}
	if last+1 < len(f.hops) && f.hops[last+1] != severalHops {
		visit(f.hops[last+1], true)
	}
}
