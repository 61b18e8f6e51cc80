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

// Remote returns what the ledger of other people's networks says of an address.
func (v *View) Remote(addr netip.Addr) Remote {
	n := v.Network(addr)
	if n == nil {
		return Remote{}
	}
	return Remote{Country: n.Country, Operator: n.Operator, Kind: n.Kind, ASN: n.ASN}
}
