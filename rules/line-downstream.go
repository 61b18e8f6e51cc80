package rules

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// filedDownstreams tells whose routes a holder may carry by downstreams.csv:
// the ASNs filed below those of its group, at any depth, and their enterprises.
type filedDownstreams struct {
	asns    []registry.ASN
	below   map[uint32][]registry.Downstream
	answers map[downstreamKey]*downstreamSet
	// routes are the origins of prefixes that were announced by filed downstreams
	// in the span.
	routes map[netip.Prefix][]uint32
}

type downstreamKey struct {
	holder string
	day    registry.Date
}

// downstreamSet is who is filed below one holder on one day.
type downstreamSet struct {
	book        *filedDownstreams
	asns        map[uint32]bool
	enterprises map[string]bool
}

// newFiledDownstreams reads who is filed, and where routes were collected what
// they announced.
func newFiledDownstreams(ctx context.Context, in Inputs) (*filedDownstreams, error) {
	l := in.Ledgers.Ledgers()
	d := &filedDownstreams{
		asns: l.ASNs, below: make(map[uint32][]registry.Downstream),
		answers: make(map[downstreamKey]*downstreamSet), routes: make(map[netip.Prefix][]uint32),
	}
	origins := make(map[uint32]bool)
	for _, row := range l.Downstreams {
		d.below[row.UpstreamASN] = append(d.below[row.UpstreamASN], row)
		origins[row.DownstreamASN] = true
	}
	if in.Routes == nil || len(origins) == 0 {
		return d, nil
	}
	q := AnnouncementQuestion{
		Window: in.Span.Window(), Own: newNetworkBook(in.Ledgers, in.Span.Days).own(), From: slices.Sorted(maps.Keys(d.below)),
	}
	for a, err := range in.Routes.Announcements(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read announcements of filed downstreams: %w", err)
		}
		if origins[a.Origin] && a.Prefix.IsValid() {
			d.routes[a.Prefix.Masked()] = addNew(d.routes[a.Prefix.Masked()], []uint32{a.Origin})
		}
	}
	return d, nil
}

// originsOf returns who announced the most specific prefix around a network. A
// default route says nothing of whose a network is.
func (d *filedDownstreams) originsOf(n netip.Prefix) []uint32 {
	for bits := n.Bits(); bits > 0 && len(d.routes) > 0; bits-- {
		if origins := d.routes[netip.PrefixFrom(n.Addr(), bits).Masked()]; len(origins) > 0 {
			return origins
		}
	}
	return nil
}

// of returns who is filed below the holder of own on its day.
func (d *filedDownstreams) of(own ownAddresses) *downstreamSet {
	key := downstreamKey{own.holder, own.view.Day()}
	if set := d.answers[key]; set != nil {
		return set
	}
	set := &downstreamSet{book: d, asns: make(map[uint32]bool), enterprises: make(map[string]bool)}
	d.answers[key] = set
	if len(d.below) == 0 {
		return set
	}
	var open []uint32
	for _, a := range d.asns {
		if a.Valid.Contains(key.day) && own.sameGroup(a.EnterpriseID) {
			open = append(open, a.ASN)
		}
	}
	for len(open) > 0 {
		up := open[0]
		open = open[1:]
		for _, row := range d.below[up] {
			if row.Valid.Contains(key.day) && !set.asns[row.DownstreamASN] {
				set.asns[row.DownstreamASN] = true
				open = append(open, row.DownstreamASN)
			}
		}
	}
	for _, a := range d.asns {
		if a.Valid.Contains(key.day) && set.asns[a.ASN] && a.EnterpriseID != "" {
			set.enterprises[a.EnterpriseID] = true
		}
	}
	return set
}

// carries reports whether a network is a filed downstream's: allocated to it,
// filed as announced by or for it, filed as announced by the holder for somebody,
// or originated by its ASN, as routes or the ledger of networks tell.
func (s *downstreamSet) carries(own ownAddresses, n netip.Prefix) bool {
	if filed := own.view.Covering(n); len(filed) > 0 && s.enterprises[filed[0].EnterpriseID] {
		return true
	}
	for _, b := range own.view.CoveringBroadcasts(n) {
		if s.enterprises[b.Applicant] || s.enterprises[b.Announcer] || own.sameGroup(b.Announcer) {
			return true
		}
	}
	if slices.ContainsFunc(s.book.originsOf(n), func(asn uint32) bool { return s.asns[asn] }) {
		return true
	}
	asn := remoteOf(own.view, n).ASN
	return asn != 0 && s.asns[asn]
}
