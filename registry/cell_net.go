package registry

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// prefix reads an address block.
func (c *cell) prefix() netip.Prefix {
	text, ok := c.code()
	if !ok || text == "" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		c.fail("%s is not a prefix such as 198.51.100.0/24 or 2001:db8::/32%s", quoted(text), prefixHint(text))
	case p.Addr().Is4In6() && p.Bits() >= 96:
		c.fail("%s is IPv4 written as IPv6; write %s", quoted(text), netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).Masked())
	case p != p.Masked():
		c.fail("%s has bits set behind its length; write %s", quoted(text), p.Masked())
	default:
		return p
	}
	return netip.Prefix{}
}

func prefixHint(text string) string {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return "; write " + netip.PrefixFrom(a, a.BitLen()).String() + " for the one address"
	}
	return ""
}

// addr reads an address.
func (c *cell) addr() netip.Addr {
	text, ok := c.code()
	if !ok || text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		c.fail("%s is not an address such as 192.0.2.1 or 2001:db8::1%s", quoted(text), addrHint(text))
	case a.Zone() != "":
		c.fail("%s has a zone, which only its own host understands; write %s", quoted(text), a.WithZone(""))
	case a.Is4In6():
		c.fail("%s is IPv4 written as IPv6; write %s", quoted(text), a.Unmap())
	default:
		return a
	}
	return netip.Addr{}
}

func addrHint(text string) string {
	if p, err := netip.ParsePrefix(text); err == nil && p.IsSingleIP() {
		return "; write " + p.Addr().String()
	}
	return ""
}

// domain reads a domain name (RFC 1035 section 2.3.1, with underscores), and
// returns it in lower case, in punycode, without a dot at the end.
func (c *cell) domain() string {
	text, ok := c.code()
	if !ok || text == "" {
		return ""
	}
	name := strings.ToLower(text)
	if !isASCII(name) {
		name = punycode(name)
	}
	name = strings.TrimSuffix(name, ".")
	if why := wrongDomain(name); why != "" {
		c.fail("%s is not a domain name: %s", quoted(text), why)
		return ""
	}
	return name
}

// punycode writes a name in Chinese as the domain name system does (RFC 5891),
// and leaves one alone that it does not have. What ASCII names may have in them
// is for wrongDomain to say.
func punycode(name string) string {
	rules := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))
	if ascii, err := rules.ToASCII(name); err == nil {
		return ascii
	}
	return name
}

// wrongDomain says what is wrong with a name in lower case, or nothing.
func wrongDomain(name string) string {
	const longestName = 253
	labels := strings.Split(name, ".")
	switch {
	case !isASCII(name):
		return "it has characters that no domain name has"
	case strings.Contains(name, "/"):
		return "write the name alone, without scheme and path"
	case len(name) > longestName:
		return "it has more than 253 characters"
	case len(labels) < 2:
		return "it has no dot"
	case isDigits(labels[len(labels)-1]):
		return "it is an address"
	}
	for _, l := range labels {
		if why := wrongLabel(l); why != "" {
			return why
		}
	}
	return ""
}

// wrongLabel says what is wrong with one part of a name, or nothing.
func wrongLabel(l string) string {
	const longestLabel = 63
	switch {
	case l == "":
		return "it has nothing between two dots"
	case len(l) > longestLabel:
		return "it has more than 63 characters between two dots"
	case l == "*":
		return "leave out the *; a filing covers the names below it"
	case l[0] == '-' || l[len(l)-1] == '-':
		return "a part of it begins or ends with a hyphen"
	}
	strange := strings.IndexFunc(l, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
	if strange >= 0 {
		return "it has " + quoted(l[strange:strange+1]) + " in it"
	}
	return ""
}
