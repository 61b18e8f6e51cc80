package registry

import "net/netip"

// Remote is what is known of an address that is not the carrier's.
type Remote struct {
	Country  string // ISO 3166-1 alpha-2, empty if unknown
	Operator string
	Kind     string // as Network.Kind, empty if unknown
	ASN      uint32 // 0 if unknown
}

// Foreign reports whether it is known to lie outside the mainland. Hong Kong
// (HK), Macao (MO) and Taiwan (TW) do.
func (r Remote) Foreign() bool { return r.Country != "" && r.Country != "CN" }

// RemoteLookup knows the country and the origin of addresses from elsewhere
// than the ledgers, such as a database of locations. It must be safe for
// concurrent use and allocate nothing.
type RemoteLookup interface {
	// Remote returns what is known of addr; what is unknown is zero.
	Remote(addr netip.Addr) Remote
}

// Remote returns what is known of an address: by the ledger of other people's
// networks, and for the country and the ASN that it does not tell, by the
// source given to WithRemotes.
func (v *View) Remote(addr netip.Addr) Remote {
	var r Remote
	if n := v.Network(addr); n != nil {
		r = Remote{Country: n.Country, Operator: n.Operator, Kind: n.Kind, ASN: n.ASN}
	}
	if source := v.snapshot.remotes; source != nil && (r.Country == "" || r.ASN == 0) {
		other := source.Remote(addr)
		if r.Country == "" {
			r.Country = other.Country
		}
		if r.ASN == 0 {
			r.ASN = other.ASN
		}
	}
	return r
}

// RemoteASN returns the origin of an address by the source given to
// WithRemotes alone, 0 if it does not know or there is none.
func (v *View) RemoteASN(addr netip.Addr) uint32 {
	if v.snapshot.remotes == nil {
		return 0
	}
	return v.snapshot.remotes.Remote(addr).ASN
}
