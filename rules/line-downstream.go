package rules

import (
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// filedDownstreams tells whose routes a holder may carry by downstreams.csv:
// the ASNs filed below those of its group, at any depth, and their enterprises.
type filedDownstreams struct {
	asns    []registry.ASN
	below   map[uint32][]registry.Downstream
	answers map[downstreamKey]*downstreamSet
}

type downstreamKey struct {
	holder string
	day    registry.Date
}

// downstreamSet is who is filed below one holder on one day.
type downstreamSet struct {
	asns        map[uint32]bool
	enterprises map[string]bool
}

func newFiledDownstreams(s *registry.Snapshot) *filedDownstreams {
	d := &filedDownstreams{
		asns: s.Ledgers().ASNs, below: make(map[uint32][]registry.Downstream),
		answers: make(map[downstreamKey]*downstreamSet),
	}
	for _, row := range s.Ledgers().Downstreams {
		d.below[row.UpstreamASN] = append(d.below[row.UpstreamASN], row)
	}
	return d
}

// of returns who is filed below the holder of own on its day.
func (d *filedDownstreams) of(own ownAddresses) *downstreamSet {
	key := downstreamKey{own.holder, own.view.Day()}
	if set := d.answers[key]; set != nil {
		return set
	}
	set := &downstreamSet{asns: make(map[uint32]bool), enterprises: make(map[string]bool)}
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
// announced by or for it, announced by the holder for somebody as filed, or
// originated by its ASN.
func (s *downstreamSet) carries(own ownAddresses, n netip.Prefix) bool {
	if filed := own.view.Covering(n); len(filed) > 0 && s.enterprises[filed[0].EnterpriseID] {
		return true
	}
	for _, b := range own.view.CoveringBroadcasts(n) {
		if s.enterprises[b.Applicant] || s.enterprises[b.Announcer] || own.sameGroup(b.Announcer) {
			return true
		}
	}
	asn := remoteOf(own.view, n).ASN
	return asn != 0 && s.asns[asn]
}
