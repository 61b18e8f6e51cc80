package rules

import (
	"net/netip"
	"slices"

	"github.com/linewarden/linewarden/registry"
)

// ownAddresses tells the holder's addresses on one day from those of others.
type ownAddresses struct {
	view   *registry.View
	holder string
	a, z   []netip.Prefix
	asns   map[uint32][]registry.ASN // as filed, on any day
}

// own returns whose addresses are the holder's on a day of a line.
func (t *lineTable) own(f *LineFact, row *registry.Line, day registry.Date) ownAddresses {
	return ownAddresses{view: t.in.Ledgers.At(day), holder: row.EnterpriseID, a: f.EndA, z: f.EndZ, asns: t.asns}
}

// thirdParty reports whether a network is neither declared for the line, nor
// the holder's or its group's, nor an address of the plant.
func (o ownAddresses) thirdParty(n netip.Prefix) bool {
	addr := n.Addr()
	switch {
	case !n.IsValid(), contains(o.a, n), contains(o.z, n):
		return false
	case addr.IsLinkLocalUnicast(), addr.IsLoopback(), addr.IsMulticast(), addr.IsUnspecified():
		return false
	case o.view.Exporter(addr) != nil && n.IsSingleIP():
		return false
	}
	filed := o.view.Covering(n)
	for _, a := range filed {
		// What was cut from a block is its own holder's, not the block's.
		if a.Prefix.Bits() == filed[0].Prefix.Bits() && (o.sameGroup(a.EnterpriseID) || a.Use == "infrastructure") {
			return false
		}
	}
	for _, b := range o.view.CoveringBroadcasts(n) {
		cut := len(filed) > 0 && filed[0].Prefix.Bits() > b.Prefix.Bits()
		if !cut && o.sameGroup(b.Applicant) {
			return false
		}
	}
	return !o.sharedByHolder(n)
}

func (o ownAddresses) sameGroup(enterprise string) bool {
	return enterprise != "" && (enterprise == o.holder || o.view.Siblings(enterprise, o.holder))
}

// ownASN reports whether an autonomous system is filed for the holder or its
// group on the day.
func (o ownAddresses) ownASN(asn uint32) bool {
	if asn == 0 {
		return false
	}
	for _, a := range o.asns[asn] {
		if a.Valid.Contains(o.view.Day()) && o.sameGroup(a.EnterpriseID) {
			return true
		}
	}
	return false
}

// sharedByHolder reports whether the network is a translated address behind
// which the holder is filed.
func (o ownAddresses) sharedByHolder(n netip.Prefix) bool {
	for _, t := range o.view.CoveringTranslations(n) {
		if slices.ContainsFunc(t.SharedBy, o.sameGroup) {
			return true
		}
	}
	return false
}

// declared reports whether the network lies in a declared end of any line of
// the holder or its group, which is how space of its own that the carrier did
// not allocate is filed.
func (o ownAddresses) declared(n netip.Prefix) bool {
	return o.declaredAs(n, func(*registry.LineEndpoint) bool { return true })
}

// declaredAs reports whether one of those ends is of a kind.
func (o ownAddresses) declaredAs(n netip.Prefix, is func(*registry.LineEndpoint) bool) bool {
	for _, l := range o.view.EndpointLines(n.Addr()) {
		if !o.sameGroup(l.EnterpriseID) {
			continue
		}
		for _, e := range o.view.Endpoints(l.ID) {
			if e.Prefix.IsValid() && is(e) && contains([]netip.Prefix{e.Prefix}, n) {
				return true
			}
		}
	}
	return false
}

// contains reports whether one of the prefixes covers n.
func contains(prefixes []netip.Prefix, n netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool {
		return p.Bits() <= n.Bits() && p.Contains(n.Addr())
	})
}

// remoteOf returns what is known of a network of somebody else. What is known
// of a part of it only says nothing of the rest.
func remoteOf(v *registry.View, n netip.Prefix) registry.Remote {
	if row := v.Network(n.Addr()); row != nil && row.Prefix.Bits() > n.Bits() {
		return registry.Remote{}
	}
	return v.Remote(n.Addr())
}

// verdicts remembers what was said of the networks of one line on one day,
// which come again in many rows.
type verdicts[T any] struct {
	line string
	day  registry.Date
	said map[netip.Prefix]T
}

// of returns what say says of n, asking once while line and day stay.
func (m *verdicts[T]) of(line string, day registry.Date, n netip.Prefix, say func(netip.Prefix) T) T {
	if m.said == nil || m.line != line || m.day != day {
		m.line, m.day, m.said = line, day, make(map[netip.Prefix]T)
	}
	v, ok := m.said[n]
	if !ok {
		v = say(n)
		m.said[n] = v
	}
	return v
}
