package xml

import (
	"fmt"
	"net/netip"
	"strconv"
)

// maxPrefixes is how many prefixes a range of addresses may need; the worst
// one of IPv6 needs fewer.
const maxPrefixes = 256

// address reads an address: an unsigned integer of 32 bits, as the filing
// specification has it, or text.
func address(text string) (netip.Addr, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return a, fmt.Errorf("%q is neither an integer of 32 bits nor an IP address", text)
	}
	return a.Unmap(), nil
}

// prefixes returns the fewest prefixes that hold the addresses from first to
// last and no other; an empty last is first.
func prefixes(first, last string) ([]netip.Prefix, error) {
	if last == "" {
		last = first
	}
	from, err := address(first)
	if err != nil {
		return nil, err
	}
	to, err := address(last)
	if err != nil {
		return nil, err
	}
	if from.Is4() != to.Is4() || to.Less(from) {
		return nil, fmt.Errorf("the range from %s to %s is none", from, to)
	}
	var out []netip.Prefix
	for {
		p := widest(from, to)
		out = append(out, p)
		end := lastOf(p)
		if end == to {
			return out, nil
		}
		if len(out) == maxPrefixes {
			return nil, fmt.Errorf("the range from %s to %s needs more than %d prefixes", first, last, maxPrefixes)
		}
		from = end.Next()
	}
}

// widest returns the largest prefix that begins at from and ends no later than
// to.
func widest(from, to netip.Addr) netip.Prefix {
	best := netip.PrefixFrom(from, from.BitLen())
	for bits := from.BitLen() - 1; bits >= 0; bits-- {
		p := netip.PrefixFrom(from, bits)
		if p.Masked().Addr() != from || to.Less(lastOf(p)) {
			break
		}
		best = p
	}
	return best
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		host := p.Bits() - 8*i
		switch {
		case host <= 0:
			b[i] = 0xff
		case host < 8:
			b[i] |= 0xff >> host
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
