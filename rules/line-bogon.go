package rules

import (
	"net/netip"

	"github.com/linewarden/linewarden/registry"
)

// addressKind tells addresses somebody can be assigned from those nobody can.
type addressKind uint8

const (
	publicAddress addressKind = iota
	// privateAddress is numbered by each enterprise as it likes: RFC 1918, RFC
	// 4193, and the shared space of RFC 6598 behind a carrier's translation.
	privateAddress
	// bogonAddress must not be a source on the Internet: a martian, or space
	// that the registries gave to nobody.
	bogonAddress
)

// privateSpace is numbered by each enterprise as it likes.
var privateSpace = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"), // RFC 6598
	netip.MustParsePrefix("fc00::/7"),      // RFC 4193
}

// bogonSpace is the special-purpose space of RFC 6890 and its registries that
// no source on the Internet has.
var bogonSpace = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), // RFC 1122
	netip.MustParsePrefix("169.254.0.0/16"),                                         // RFC 3927
	netip.MustParsePrefix("192.0.0.0/24"),                                           // RFC 6890
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), // RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),                                    // RFC 5737
	netip.MustParsePrefix("198.18.0.0/15"),                                     // RFC 2544
	netip.MustParsePrefix("224.0.0.0/4"),                                       // RFC 5771
	netip.MustParsePrefix("240.0.0.0/4"),                                       // RFC 1112, with 255.255.255.255
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), // RFC 2928, RFC 3849
	netip.MustParsePrefix("3fff::/20"), // RFC 9637
}

// globalUnicast6 is all of IPv6 that registries hand out (RFC 4291).
var globalUnicast6 = []netip.Prefix{netip.MustParsePrefix("2000::/3")}

// kindOf tells what kind of address a network has on the view's day. What an
// allocation or the ledger of networks names is somebody's, whatever the
// registries say: laboratories number themselves from documentation space.
func kindOf(v *registry.View, n netip.Prefix) addressKind {
	switch {
	case !n.IsValid():
		return bogonAddress
	case contains(privateSpace, n):
		return privateAddress
	case !contains(bogonSpace, n) && (n.Addr().Is4() || contains(globalUnicast6, n)):
		return publicAddress
	case len(v.Covering(n)) > 0 || len(v.CoveringBroadcasts(n)) > 0:
		return publicAddress
	}
	if row := v.Network(n.Addr()); row != nil && row.Prefix.Bits() <= n.Bits() {
		return publicAddress
	}
	return bogonAddress
}
