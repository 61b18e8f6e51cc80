package rules

import (
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// networkOwner is who the ledgers say is at a network.
type networkOwner struct {
	// Enterprise holds the allocation, the declared end of a line or the
	// announced space; empty if the ledgers do not say.
	Enterprise string
	// Access is set for subscriber pools and access networks, from where people
	// dial in.
	Access bool
	// Plant is set for infrastructure.
	Plant bool
}

// ownerOf returns who is at a network on the view's day: by the most specific
// of allocation and declared end, else by an announcement filed for it.
func ownerOf(v *registry.View, n netip.Prefix) networkOwner {
	ends := v.EndpointLines(n.Addr())
	if covering := v.Covering(n); len(covering) > 0 {
		a := covering[0]
		switch {
		case a.Use == "subscriber_pool":
			return networkOwner{Enterprise: a.EnterpriseID, Access: true}
		case a.Use == "infrastructure" && len(ends) == 0:
			return networkOwner{Plant: true}
		case a.Use != "infrastructure" && a.EnterpriseID != "":
			return networkOwner{Enterprise: a.EnterpriseID}
		}
	}
	if len(ends) > 0 {
		return networkOwner{Enterprise: ends[0].EnterpriseID}
	}
	for _, b := range v.CoveringBroadcasts(n) {
		if b.Applicant != "" {
			return networkOwner{Enterprise: b.Applicant}
		}
	}
	return networkOwner{Access: v.Remote(n.Addr()).Kind == "access"}
}

// ownNetwork reports whether a network is the holder's: held by its group, or
// declared as an end of a line of its group.
func ownNetwork(v *registry.View, n netip.Prefix, holder string) bool {
	for _, l := range v.EndpointLines(n.Addr()) {
		if inGroup(v, l.EnterpriseID, holder) {
			return true
		}
	}
	return inGroup(v, ownerOf(v, n).Enterprise, holder)
}
