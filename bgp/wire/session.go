package wire

// Table is one address family whose routes are read.
type Table uint8

// The tables, by AFI and SAFI.
const (
	IPv4Unicast  Table = iota // 1, 1
	IPv6Unicast               // 2, 1
	IPv4Labelled              // 1, 4
	IPv6Labelled              // 2, 4
	IPv4VPN                   // 1, 128
	IPv6VPN                   // 2, 128
)

// Tables is a set of tables.
type Tables uint8

// AllTables is the set of all tables.
const AllTables Tables = 1<<(IPv6VPN+1) - 1

// TablesOf returns the set of the tables given.
func TablesOf(tables ...Table) Tables {
	var set Tables
	for _, t := range tables {
		set |= 1 << t
	}
	return set
}

// Has tells whether the table is in the set.
func (s Tables) Has(t Table) bool { return s>>t&1 != 0 }

const (
	afiIPv4     = 1
	afiIPv6     = 2
	safiUnicast = 1
	safiLabel   = 4
	safiVPN     = 128
)

// TableOf returns the table of an AFI and SAFI, and false for families that are not read.
func TableOf(afi uint16, safi uint8) (Table, bool) {
	if afi != afiIPv4 && afi != afiIPv6 {
		return 0, false
	}
	six := Table(afi - afiIPv4)
	switch safi {
	case safiUnicast:
		return IPv4Unicast + six, true
	case safiLabel:
		return IPv4Labelled + six, true
	case safiVPN:
		return IPv4VPN + six, true
	default:
		return 0, false
	}
}

func (t Table) ipv6() bool     { return t&1 != 0 }
func (t Table) vpn() bool      { return t >= IPv4VPN }
func (t Table) labelled() bool { return t >= IPv4Labelled }

// Session says how the messages of one direction of one session are to be read.
// The zero value is a session of two-octet AS numbers without options.
type Session struct {
	AS4        bool   // AS numbers have four octets (RFC 6793)
	Extended   bool   // messages may have up to 65,535 octets (RFC 8654)
	AddPath    Tables // prefixes of these carry a path identifier (RFC 7911)
	MultiLabel Tables // prefixes of these may carry several labels (RFC 8277 section 2.1)
	// GuessPaths is for archives whose writers did not say that a session had path
	// identifiers: a list of prefixes that begins with two default routes, as a
	// small identifier looks, or is malformed, is read with them if that is well-formed.
	GuessPaths bool
	// Labelled names the labelled tables whose routes are taken as unicast. It is
	// only sensible where the session carries no unicast of the same addresses, as
	// the two would replace each other; elsewhere they are counted as ignored.
	Labelled Tables
	// NoNextHop takes IPv4 routes without a NEXT_HOP, which is mandatory in a
	// session, as routes whose next hop is not known. It is for BMP, where FRR 8
	// leaves it out of what passed a policy and of its Loc-RIB.
	NoNextHop bool
}

// MaxLength returns the greatest length of a message, in octets with its header.
func (s Session) MaxLength() int {
	if s.Extended {
		return 65535
	}
	return 4096
}
