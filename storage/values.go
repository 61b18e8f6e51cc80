package storage

import (
	"net/netip"
	"time"

	"github.com/linewarden/linewarden/flows"
)

const (
	// noInstant is the stored form of the zero Time: 1900-01-01, the least
	// instant ClickHouse knows, in nanoseconds.
	noInstant = -2208988800_000000000
	// firstInstant and lastInstant bound what a DateTime64(9) holds.
	firstInstant = noInstant + 1
	lastInstant  = 1<<63 - 1
	nanos        = 1_000_000_000
	// noPrefix is the length of a prefix that is none.
	noPrefix = 255
)

// instantOf returns the stored form of t: nanoseconds since 1970. Instants
// beyond what a column holds become the nearest it does.
func instantOf(t time.Time) int64 {
	if t.IsZero() {
		return noInstant
	}
	switch seconds := t.Unix(); {
	case seconds < noInstant/nanos:
		return firstInstant
	case seconds >= lastInstant/nanos && t.After(time.Unix(0, lastInstant)):
		return lastInstant
	}
	return max(t.UnixNano(), firstInstant)
}

// timeOf is the inverse of instantOf, in UTC.
func timeOf(stored time.Time) time.Time {
	if stored.UnixNano() == noInstant {
		return time.Time{}
	}
	return stored.UTC()
}

// family says what kind of address an IPv6 column holds, in two bits.
type family uint8

const (
	familyNone   family = iota // nothing was said, the column holds ::
	familyV4                   // stored as ::ffff:a.b.c.d
	familyV6                   //
	familyMapped               // an IPv6 address that is ::ffff:a.b.c.d itself
)

func familyOf(a netip.Addr) family {
	switch {
	case !a.IsValid():
		return familyNone
	case a.Is4():
		return familyV4
	case a.Is4In6():
		return familyMapped
	}
	return familyV6
}

// bytesOf returns the stored form of an address.
func bytesOf(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	return a.As16()
}

// addrOf is the inverse of bytesOf. The driver has turned mapped addresses into
// IPv4 or has not; the family decides.
func addrOf(stored netip.Addr, f family) netip.Addr {
	switch f {
	case familyNone:
		return netip.Addr{}
	case familyV4:
		return stored.Unmap()
	case familyV6, familyMapped:
	}
	return netip.AddrFrom16(stored.As16())
}

// familiesOf packs the families of a record's addresses: exporter, source,
// destination and next hop, from the lowest bits up.
func familiesOf(r *flows.Record) uint8 {
	return uint8(familyOf(r.Source.Exporter) | familyOf(r.Src)<<2 | familyOf(r.Dst)<<4 | familyOf(r.NextHop)<<6)
}

// netOf returns the stored form of a prefix: IPv4 is within ::ffff:0:0/96.
func netOf(p netip.Prefix) (addr [16]byte, bits uint8) {
	switch {
	case !p.IsValid():
		return [16]byte{}, noPrefix
	case p.Addr().Is4():
		return p.Addr().As16(), uint8(p.Bits()) + 96
	}
	return p.Addr().As16(), uint8(p.Bits())
}

// bitsOf is the stored length of a network that covers an address, which is
// stored beside it.
func bitsOf(network netip.Prefix, address netip.Addr) uint8 {
	switch {
	case !network.IsValid() || network.Addr().BitLen() != address.BitLen():
		return noPrefix
	case address.Is4():
		return uint8(network.Bits()) + 96
	}
	return uint8(network.Bits())
}

// networkOf is the inverse of bitsOf.
func networkOf(address netip.Addr, bits uint8) netip.Prefix {
	n := int(bits)
	switch {
	case bits == noPrefix:
		return netip.Prefix{}
	case address.Is4():
		n -= 96
	}
	p, err := address.Prefix(n)
	if err != nil {
		return netip.Prefix{} // not a length of this address
	}
	return p
}

// prefixOf is the inverse of netOf.
func prefixOf(stored netip.Addr, bits uint8) netip.Prefix {
	if bits == noPrefix {
		return netip.Prefix{}
	}
	wide := netip.AddrFrom16(stored.As16())
	if wide.Is4In6() && bits >= 96 {
		return netip.PrefixFrom(wide.Unmap(), int(bits)-96)
	}
	return netip.PrefixFrom(wide, int(bits))
}
