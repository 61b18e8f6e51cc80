package report

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
)

// The longest prefixes of dynamic and personal addresses that an export shows,
// in bits (PIPL, articles 6 and 51: no more than the purpose needs).
const (
	personalV4 = 24
	personalV6 = 56
)

// Veil hides in texts what readers of an export may not see. The zero value
// hides nothing.
type Veil struct {
	names *strings.Replacer
	// personal are the blocks of subscribers and of individuals, and lengths
	// which prefix lengths they have, in bits.
	personal map[netip.Prefix]bool
	lengths  []int
}

// Veil hides the names of government and military bodies, which form a class of
// their own, those of individuals, and the addresses of pools and individuals.
func (p *Privacy) Veil(ledgers *registry.Snapshot) *Veil {
	if p.Unmasked {
		return new(Veil)
	}
	v := &Veil{names: restricted(ledgers.Ledgers().Enterprises), personal: make(map[netip.Prefix]bool)}
	persons := make(map[string]bool)
	for _, e := range ledgers.Ledgers().Enterprises {
		persons[e.ID] = e.Nature == "individual"
	}
	lines := make(map[string]bool)
	for _, l := range ledgers.Ledgers().Lines {
		lines[l.ID] = persons[l.EnterpriseID]
	}
	for _, a := range ledgers.Ledgers().Allocations {
		if a.Use == "subscriber_pool" || persons[a.EnterpriseID] {
			v.add(a.Prefix)
		}
	}
	for _, e := range ledgers.Ledgers().LineEndpoints {
		if lines[e.LineID] {
			v.add(e.Prefix)
		}
	}
	return v
}

func (v *Veil) add(p netip.Prefix) {
	if !p.IsValid() {
		return
	}
	v.personal[p.Masked()] = true
	if !slices.Contains(v.lengths, p.Bits()) {
		v.lengths = append(v.lengths, p.Bits())
	}
}

// restricted replaces the names of restricted bodies and of individuals.
func restricted(enterprises []registry.Enterprise) *strings.Replacer {
	var pairs []string
	enterprises = slices.Clone(enterprises)
	// Longer names first: a name may be the beginning of another.
	slices.SortStableFunc(enterprises, func(a, b registry.Enterprise) int { return len(b.Name) - len(a.Name) })
	for _, e := range enterprises {
		var zh, en string
		switch e.Nature {
		case "government", "military":
			zh, en = "［限制类单位 "+e.ID+"］", "[restricted body "+e.ID+"]"
		case "individual":
			zh, en = maskPerson(e.Name), "[individual "+e.ID+"]"
		default:
			continue
		}
		if e.Name != "" {
			pairs = append(pairs, e.Name, zh)
		}
		if e.NameEN != "" {
			pairs = append(pairs, e.NameEN, en)
		}
	}
	return strings.NewReplacer(pairs...)
}

// Replace returns a text as readers may see it.
func (v *Veil) Replace(text string) string {
	if v.names == nil {
		return text
	}
	text = v.names.Replace(text)
	if len(v.personal) == 0 || !strings.ContainsAny(text, ".:") {
		return text
	}
	return addresses.ReplaceAllStringFunc(text, v.address)
}

// addresses finds what may be an address or a prefix in a text.
var addresses = regexp.MustCompile(`[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*[0-9A-Fa-f:](/[0-9]{1,3})?`)

// address shows an address or prefix no finer than it may be.
func (v *Veil) address(text string) string {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return text
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	most := personalV4
	if p.Addr().Is6() {
		most = personalV6
	}
	if p.Bits() <= most || !v.isPersonal(p) {
		return text
	}
	return netip.PrefixFrom(p.Addr(), most).Masked().String()
}

// isPersonal reports whether a prefix lies in a block of persons.
func (v *Veil) isPersonal(p netip.Prefix) bool {
	return slices.ContainsFunc(v.lengths, func(bits int) bool {
		return bits <= p.Bits() && v.personal[netip.PrefixFrom(p.Addr(), bits).Masked()]
	})
}

// contact finds how a person is reached or proved, in a text that somebody
// typed: a resident's number (GB 11643), a mobile number, a telephone number with
// its area, a mail address.
var contact = regexp.MustCompile(`\b[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx]\b|\b1[3-9]\d{9}\b|\b0\d{2,3}[- ]?\d{7,8}\b|\b[0-9A-Za-z._%+-]+@[0-9A-Za-z-]+\.[0-9A-Za-z.-]*[0-9A-Za-z]\b`)

// Typed returns a text that a person typed as readers may see it: numbers and
// addresses of persons in it are masked too. Texts that the program wrote have
// none, and have figures that look like them.
func (v *Veil) Typed(text string) string {
	if v.names == nil {
		return text
	}
	return v.Replace(contact.ReplaceAllStringFunc(text, maskContact))
}

// maskContact writes 110***********1234, 138****1234, 010****5678 or a***@.
func maskContact(s string) string {
	if strings.Contains(s, "@") {
		return s[:1] + "***@"
	}
	begin := 3
	return s[:begin] + strings.Repeat("*", len(s)-begin-4) + s[len(s)-4:]
}
