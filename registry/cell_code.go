package registry

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The words of the columns that hold one of a few.
var (
	natures       = []string{"enterprise", "government", "institution", "military", "social", "individual"}
	credits       = []string{"normal", "bad"}
	services      = []string{"B11", "B11-2", "B12", "B13", "B14", "B26-1", "A14-4"}
	licenceStates = []string{"active", "suspended", "revoked", "cancelled"}
	uses          = []string{"idc", "cdn", "isp", "ipvpn", "dns", "enterprise", "subscriber_pool", "infrastructure"}
	roles         = []string{"customer", "core", "peer", "transit", "international"}
	gatewayKinds  = []string{"channel", "business", "border"}
	gatewayStates = []string{"approved", "accepted", "live", "closed"}
	scopes        = []string{"domestic", "international"}
	technologies  = []string{"dia", "iplc", "iepl", "mpls_vpn", "sdh", "other"}
	orderOrigins  = []string{"domestic", "overseas_direct", "via_overseas_carrier"}
	ends          = []string{"a", "z"}
	endKinds      = []string{"office", "datacentre", "other"}
	fileClauses   = []string{"internal_use", "no_resale", "no_dc_platform", "termination"}
	approvalKinds = []string{"cross_border", "dns_root", "dns_registry", "dns_registrar"}
	filingStates  = []string{"active", "cancelled"}
	networkKinds  = []string{"cloud", "datacentre", "cdn", "access", "enterprise", "dns_registry", "unknown"}
)

// provinces are the first two digits of GB/T 2260: the provinces, autonomous
// regions and municipalities, Taiwan, Hong Kong and Macao.
var provinces = []string{
	"11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46",
	"50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
}

// place reads a GB/T 2260 code. A province written with six digits, such as
// 330000, is read as its two.
func (c *cell) place() Place {
	text, ok := c.code()
	if !ok || text == "" {
		return ""
	}
	switch {
	case !isDigits(text):
		c.fail("%s is not a place; write the GB/T 2260 code, two digits for a province or six for a city, such as 33 or 330100", quoted(text))
	case len(text) == 4:
		c.fail("%s has four digits; a city is written with six: %s00", quoted(text), text)
	case len(text) != 2 && len(text) != 6:
		c.fail("%s has %d digits; a GB/T 2260 code has two for a province or six for a city", quoted(text), len(text))
	case !slices.Contains(provinces, text[:2]):
		c.fail("%s is in no province: GB/T 2260 has no code that begins with %s", quoted(text), text[:2])
	case text[2:] == "0000":
		return Place(text[:2])
	default:
		return Place(text)
	}
	return ""
}

// country reads a code of the shape of ISO 3166-1 alpha-2.
func (c *cell) country() string {
	text, ok := c.code()
	if !ok || text == "" {
		return ""
	}
	upper := strings.ToUpper(text)
	switch {
	case len(text) != 2 || upper[0] < 'A' || upper[0] > 'Z' || upper[1] < 'A' || upper[1] > 'Z':
		c.fail("%s is not a country code; write the two letters of ISO 3166-1, such as SG", quoted(text))
	case upper != text:
		c.fail("%s is not in capitals; write %s", quoted(text), upper)
	default:
		return text
	}
	return ""
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// decimal reads a number that is not negative, in the unit of its column.
func (c *cell) decimal(unit string) float64 {
	text, ok := c.code()
	if !ok || text == "" {
		return 0
	}
	whole, fraction, point := strings.Cut(text, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		c.fail("%s is not a number of %s%s", quoted(text), unit, numberHint(text))
		return 0
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(x, 0) {
		c.fail("%s is too large", quoted(text))
		return 0
	}
	return x
}

// whole reads a whole number from 1 to most.
func (c *cell) whole(what string, most uint64) uint64 {
	text, ok := c.code()
	if !ok || text == "" {
		return 0
	}
	if !isDigits(text) {
		c.fail("%s is not %s%s", quoted(text), what, numberHint(text))
		return 0
	}
	x, err := strconv.ParseUint(text, 10, 64)
	if err != nil || x < 1 || x > most {
		c.fail("%s is not %s; it must be from 1 to %d", quoted(text), what, most)
		return 0
	}
	return x
}

// numberHint says how a number is written here.
func numberHint(text string) string {
	plain := strings.NewReplacer(",", "", " ", "", "_", "").Replace(text)
	if plain != text && isDigits(plain) {
		return "; write " + plain
	}
	if digits := strings.TrimRight(text, "kKmMgGtTbBiIpPsS/ "); digits != text && isDigits(digits) {
		return "; write the digits alone"
	}
	return ""
}

// asn reads the number of an autonomous system (RFC 4893, RFC 5396 asplain).
func (c *cell) asn() uint32 {
	text, ok := c.code()
	if !ok || text == "" {
		return 0
	}
	if bare := strings.TrimPrefix(strings.ToUpper(text), "AS"); bare != text && isDigits(bare) {
		c.fail("%s is not an AS number; write %s", quoted(text), bare)
		return 0
	}
	if high, low, dotted := strings.Cut(text, "."); dotted && isDigits(high) && isDigits(low) {
		h, errHigh := strconv.ParseUint(high, 10, 16)
		l, errLow := strconv.ParseUint(low, 10, 16)
		if errHigh == nil && errLow == nil {
			c.fail("%s is in dotted notation; write %d", quoted(text), h<<16|l)
			return 0
		}
	}
	return uint32(c.whole("an AS number", math.MaxUint32))
}

// uscc reads a unified social credit code.
func (c *cell) uscc() string {
	text, ok := c.code()
	if !ok || text == "" {
		return ""
	}
	if err := checkUSCC(text); err != nil {
		c.fail("%s %v", quoted(text), err)
		return ""
	}
	return text
}

// usccAlphabet holds the characters of GB 32100 in the order of their values:
// no I, O, S, V and Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// checkUSCC checks a unified social credit code (GB 32100-2015): 18 characters,
// the last of which is the negative sum, modulo 31, of the values of the others
// times the powers of three.
func checkUSCC(code string) error {
	if len(code) != 18 {
		return fmt.Errorf("has %d characters; a unified social credit code has 18", len(code))
	}
	sum, weight := 0, 1
	for i := range len(code) {
		v := strings.IndexByte(usccAlphabet, code[i])
		switch {
		case v < 0 && code[i] >= 'a' && strings.IndexByte(usccAlphabet, code[i]-'a'+'A') >= 0:
			return fmt.Errorf("has small letters; write %s", strings.ToUpper(code))
		case v < 0:
			return fmt.Errorf("has %q at place %d, which is in no unified social credit code", code[i], i+1)
		case i < 17:
			sum += v * weight
			weight = weight * 3 % 31
		case v != (31-sum%31)%31:
			return fmt.Errorf("is mistyped: its check character ought to be %c", usccAlphabet[(31-sum%31)%31])
		}
	}
	return nil
}
