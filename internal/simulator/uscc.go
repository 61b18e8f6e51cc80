package simulator

import "fmt"

// usccAlphabet are the characters of GB 32100 in the order of their values: no
// I, O, S, V and Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// usccPrefix returns the two characters that say who registers a body and
// what it is, by GB 32100 table 1.
func usccPrefix(nature string) string {
	switch nature {
	case "government":
		return "11"
	case "institution":
		return "12"
	case "social":
		return "51"
	}
	return "91"
}

// uscc returns the unified social credit code of a made-up body: registrar and
// kind, six digits of place, organisation code with its own check character
// (GB 11714), and the check character of GB 32100.
func uscc(nature, place string, serial int) string {
	code := usccPrefix(nature) + place + organisationCode(serial)
	return code + usccCheck(code)
}

// usccCheck returns the check character of the first seventeen: weights are
// powers of three modulo 31.
func usccCheck(code string) string {
	sum, weight := 0, 1
	for _, r := range code {
		sum += usccValue(r) * weight
		weight = weight * 3 % 31
	}
	return string(usccAlphabet[(31-sum%31)%31])
}

// organisationCode returns nine characters of GB 11714.
func organisationCode(serial int) string {
	body := fmt.Sprintf("MA%06d", serial)
	weights := [8]int{3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, r := range body {
		v := int(r - '0')
		if r >= 'A' {
			v = int(r-'A') + 10
		}
		sum += v * weights[i]
	}
	switch check := 11 - sum%11; check {
	case 10:
		return body + "X"
	case 11:
		return body + "0"
	default:
		return body + string(rune('0'+check))
	}
}

func usccValue(r rune) int {
	for i, a := range usccAlphabet {
		if a == r {
			return i
		}
	}
	return 0
}
