package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// Privacy says who a report is for and what it may show.
type Privacy struct {
	// Mask is applied to networks of third parties.
	Mask Mask
	// Unmasked shows networks, persons and restricted bodies as they are.
	// Reason says why and By who ordered it, and both are printed.
	Unmasked   bool
	Reason, By string
	// Recipient and Purpose are printed and stand in the watermark.
	Recipient, Purpose string
	// Expires is the last day the report may be used.
	Expires registry.Date
}

// Watermark is what stands across every page.
func (p *Privacy) Watermark(language string) string {
	var parts []string
	for _, s := range []string{p.Recipient, p.Purpose} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if p.Expires != 0 {
		valid := p.Expires.String() + " 前有效"
		if language == "en" {
			valid = "until " + p.Expires.String()
		}
		parts = append(parts, valid)
	}
	return strings.Join(parts, " · ")
}

// Findings returns findings as readers may see them. What it was given stays as
// it is.
func (p *Privacy) Findings(findings []rules.Finding, names *strings.Replacer) []rules.Finding {
	if p.Unmasked {
		return slices.Clone(findings)
	}
	out := p.Mask.Apply(findings)
	for i := range out {
		f := &out[i]
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
	return out
}

// Events returns a history as readers may see it: who acted is masked.
func (p *Privacy) Events(events []rules.Event, names *strings.Replacer) []rules.Event {
	out := slices.Clone(events)
	if p.Unmasked {
		return out
	}
	for i := range out {
		if out[i].Actor != "linewarden" {
			out[i].Actor = maskPerson(out[i].Actor)
		}
		out[i].Note = names.Replace(out[i].Note)
		out[i].Case = maskCase(out[i].Case)
	}
	return out
}

// Names replaces the names of government and military bodies, which form a
// class of their own, and of individuals.
func (p *Privacy) Names(ledgers *registry.Snapshot) *strings.Replacer {
	if p.Unmasked {
		return strings.NewReplacer()
	}
	var pairs []string
	enterprises := slices.Clone(ledgers.Ledgers().Enterprises)
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
