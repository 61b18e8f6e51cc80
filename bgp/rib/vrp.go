package rib

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/bgp"
)

// VRP is one validated ROA payload (RFC 6811 section 2).
type VRP struct {
	Prefix    netip.Prefix // masked
	MaxLength uint8
	ASN       uint32    // 0 = nobody may originate the prefix (RFC 6483 section 4)
	Expires   time.Time // zero = not said
}

func (v VRP) check() error {
	switch p := v.Prefix; {
	case !p.IsValid() || p.Addr().Is4In6():
		return errors.New("the prefix is not valid")
	case p != p.Masked():
		return fmt.Errorf("the prefix %v has host bits", p)
	case int(v.MaxLength) < p.Bits() || int(v.MaxLength) > p.Addr().BitLen():
		return fmt.Errorf("the maximum length %d does not fit the prefix %v", v.MaxLength, p)
	}
	return nil
}

// Validity is what origin validation says of a route.
type Validity uint8

// The validities of RFC 6811 section 2.
const (
	NotChecked Validity = iota // there was nothing to validate by
	NotFound                   // no payload covers the prefix
	Valid                      // one that covers it matches
	Invalid                    // some cover it, none matches
)

// String returns the validity as RFC 6811 names it.
func (v Validity) String() string {
	switch v {
	case NotChecked:
		return "NotChecked"
	case NotFound:
		return "NotFound"
	case Valid:
		return "Valid"
	case Invalid:
		return "Invalid"
	}
	return "unknown"
}

// VRPs validates origins. It is immutable and safe for concurrent use.
type VRPs struct {
	tries [2]trie[[]grant] // by family index
	count int
}

// grant is what a payload says of its prefix.
type grant struct {
	asn       uint32
	maxLength uint8
}

// NewVRPs builds a set of payloads, without those that expired before the given
// time and without repetitions. One that is not sound makes the whole set fail.
func NewVRPs(list []VRP, now time.Time) (*VRPs, error) {
	v := new(VRPs)
	for i, p := range list {
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("payload %d: %w", i+1, err)
		}
		if !p.Expires.IsZero() && p.Expires.Before(now) {
			continue
		}
		k, _ := keyOf(p.Prefix.Addr())
		t := &v.tries[familyIndex(bgp.FamilyOf(p.Prefix.Addr()))]
		g := grant{p.ASN, p.MaxLength}
		if slot := t.get(&k, p.Prefix.Bits()); slot != nil && slot.Load() != nil {
			grants := slot.Load()
			if !slices.Contains(*grants, g) {
				*grants = append(*grants, g)
				v.count++
			}
			continue
		}
		t.put(&k, p.Prefix.Bits(), &[]grant{g}, 0)
		v.count++
	}
	return v, nil
}

// Len returns how many payloads there are; v may be nil.
func (v *VRPs) Len() int {
	if v == nil {
		return 0
	}
	return v.count
}

// Validate says whether a network may originate a prefix (RFC 6811 section 2).
// ok is false for a route whose origin nobody can tell, as an AS_SET's (RFC 6811
// calls it NONE): no payload matches it (RFC 6907 section 7.1.8 to 7.1.11).
func (v *VRPs) Validate(p netip.Prefix, origin uint32, ok bool) Validity {
	if !p.IsValid() {
		return NotFound
	}
	k, _ := keyOf(p.Addr())
	t := &v.tries[familyIndex(bgp.FamilyOf(p.Addr()))]
	// AS 0 is in no route (RFC 7607), and its payloads match none.
	ok = ok && origin != 0
	covered, n := false, t.root.Load()
	if zero := t.zero.Load(); zero != nil {
		covered = true
		if ok && granted(*zero, origin, p.Bits()) {
			return Valid
		}
	}
	for d := 0; n != nil && d < 16; d++ {
		for under := 9; ; {
			length, slot := n.longest(int(k[d]), under)
			if length == 0 {
				break
			}
			under = length
			if d<<3+length > p.Bits() {
				continue
			}
			covered = true
			if ok && granted(*n.values()[slot].Load(), origin, p.Bits()) {
				return Valid
			}
		}
		n = n.kid(int(k[d]))
	}
	if covered {
		return Invalid
	}
	return NotFound
}

func granted(grants []grant, origin uint32, length int) bool {
	for _, g := range grants {
		if g.asn == origin && length <= int(g.maxLength) {
			return true
		}
	}
	return false
}

// Route validates a route by its attributes and its peer's network, which is
// the origin where the path is empty or stays inside the confederation.
func (v *VRPs) Route(p netip.Prefix, a *Attributes, peerAS uint32) Validity {
	switch a.origin.kind {
	case originOwn:
		return v.Validate(p, peerAS, true)
	case originOne:
		return v.Validate(p, a.origin.asn, true)
	case originSet:
	}
	return v.Validate(p, 0, false)
}

// Covering returns the payloads that cover a prefix, the longest first.
func (v *VRPs) Covering(p netip.Prefix) []VRP {
	var list []VRP
	for length := p.Bits(); length >= 0; length-- {
		cut := netip.PrefixFrom(p.Addr(), length).Masked()
		k, _ := keyOf(cut.Addr())
		slot := v.tries[familyIndex(bgp.FamilyOf(p.Addr()))].get(&k, length)
		if slot == nil || slot.Load() == nil {
			continue
		}
		from := len(list)
		for _, g := range *slot.Load() {
			list = append(list, VRP{Prefix: cut, MaxLength: g.maxLength, ASN: g.asn})
		}
		slices.SortFunc(list[from:], func(a, b VRP) int {
			return cmp.Or(cmp.Compare(a.ASN, b.ASN), cmp.Compare(a.MaxLength, b.MaxLength))
		})
	}
	return list
}
