package report

import (
	"maps"
	"net/netip"
	"strings"

	"github.com/linewarden/linewarden/rules"
)

// Mask says how finely an export may name networks of third parties.
type Mask struct {
	// V4 and V6 are the longest prefix lengths shown, in bits; zero shows all.
	V4, V6 int
}

// Apply returns findings whose third-party networks are no finer than m. The
// argument is left as it is.
func (m Mask) Apply(findings []rules.Finding) []rules.Finding {
	out := make([]rules.Finding, len(findings))
	for i, f := range findings {
		f.Facts = m.facts(f.Facts)
		out[i] = f
	}
	return out
}

func (m Mask) facts(facts rules.FactSet) rules.FactSet {
	masked := maps.Clone(facts)
	for _, name := range rules.ThirdPartyFacts() {
		switch v := masked[name].(type) {
		case []string:
			list := make([]string, len(v))
			for i, s := range v {
				list[i] = m.network(s)
			}
			masked[name] = list
		case []any: // a fact read back from JSON
			list := make([]any, len(v))
			for i, s := range v {
				text, ok := s.(string)
				if !ok {
					list[i] = s
					continue
				}
				list[i] = m.network(text)
			}
			masked[name] = list
		}
	}
	return masked
}

// network masks the prefix a text begins with; anything after it stays.
func (m Mask) network(text string) string {
	word, rest, _ := strings.Cut(text, " ")
	p, err := netip.ParsePrefix(word)
	if err != nil {
		return text
	}
	bits := m.V4
	if p.Addr().Is6() {
		bits = m.V6
	}
	if bits > 0 && p.Bits() > bits {
		p = netip.PrefixFrom(p.Addr(), bits).Masked()
	}
	if rest == "" {
		return p.String()
	}
	return p.String() + " " + rest
}
