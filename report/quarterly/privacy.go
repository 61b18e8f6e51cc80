package quarterly

import (
	"maps"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// protect returns the input as its readers may see it. What it was given stays
// as it is.
func (in *Input) protect() *Input {
	if in.Privacy.Unmasked {
		return in
	}
	out := *in
	names := in.restricted()
	out.Findings = in.Privacy.Mask.Apply(in.Findings)
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Subject.Name = names.Replace(f.Subject.Name)
		f.Title = replaceText(f.Title, names)
		f.Explanation = replaceText(f.Explanation, names)
		f.Evidence = slices.Clone(f.Evidence)
		for e := range f.Evidence {
			f.Evidence[e].Title = names.Replace(f.Evidence[e].Title)
		}
		f.Benign = slices.Clone(f.Benign)
		for b := range f.Benign {
			f.Benign[b].Result = replaceText(f.Benign[b].Result, names)
		}
		f.Facts = maps.Clone(f.Facts)
		for name, v := range f.Facts {
			f.Facts[name] = replaceFact(v, names)
		}
		f.Case = maskCase(f.Case)
	}
	return &out
}

// restricted replaces the names of government and military bodies, which form
// a class of their own, and of individuals.
func (in *Input) restricted() *strings.Replacer {
	var pairs []string
	enterprises := slices.Clone(in.Ledgers.Ledgers().Enterprises)
	// Longer names first: a name may be the beginning of another.
	slices.SortFunc(enterprises, func(a, b registry.Enterprise) int { return len(b.Name) - len(a.Name) })
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

func replaceText(t rules.Text, names *strings.Replacer) rules.Text {
	return rules.Text{ZH: names.Replace(t.ZH), EN: names.Replace(t.EN)}
}

// replaceFact replaces names in a fact, which may have been read from JSON.
func replaceFact(v any, names *strings.Replacer) any {
	switch v := v.(type) {
	case string:
		return names.Replace(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = names.Replace(s)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = replaceFact(e, names)
		}
		return out
	}
	return v
}

// maskPerson shows the first character of a name: 张*.
func maskPerson(name string) string {
	for _, r := range name {
		return string(r) + "*"
	}
	return ""
}

func maskCase(c *rules.Case) *rules.Case {
	if c == nil {
		return nil
	}
	out := *c
	out.Assignee = maskPerson(c.Assignee)
	out.ConfirmedBy = make([]string, len(c.ConfirmedBy))
	for i, name := range c.ConfirmedBy {
		out.ConfirmedBy[i] = maskPerson(name)
	}
	return &out
}
