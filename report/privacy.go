package report

import (
	"maps"
	"slices"

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

// Findings returns findings as readers may see them. What it was given stays as
// it is.
func (p *Privacy) Findings(findings []rules.Finding, veil *Veil) []rules.Finding {
	out := p.Matter(findings, veil)
	for i := range out {
		if !p.Unmasked {
			out[i].Case = maskCase(out[i].Case)
		}
	}
	return out
}

// Matter is Findings for who works the cases: what they are about is masked, and
// who works them is not.
func (p *Privacy) Matter(findings []rules.Finding, veil *Veil) []rules.Finding {
	if p.Unmasked {
		return slices.Clone(findings)
	}
	out := p.Mask.Apply(findings)
	for i := range out {
		f := &out[i]
		f.Subject.ID, f.Subject.Name = veil.Replace(f.Subject.ID), veil.Replace(f.Subject.Name)
		f.Title = replaceText(f.Title, veil)
		f.Explanation = replaceText(f.Explanation, veil)
		f.Evidence = slices.Clone(f.Evidence)
		for e := range f.Evidence {
			f.Evidence[e].Title, f.Evidence[e].Ref = veil.Replace(f.Evidence[e].Title), veil.Replace(f.Evidence[e].Ref)
		}
		f.Benign = slices.Clone(f.Benign)
		for b := range f.Benign {
			f.Benign[b].Result = replaceText(f.Benign[b].Result, veil)
		}
		f.Facts = maps.Clone(f.Facts)
		for name, v := range f.Facts {
			f.Facts[name] = replaceFact(v, veil)
		}
	}
	return out
}

// Events returns a history as readers may see it: who acted is masked.
func (p *Privacy) Events(events []rules.Event, veil *Veil) []rules.Event {
	out := slices.Clone(events)
	if p.Unmasked {
		return out
	}
	for i := range out {
		if out[i].Actor != "linewarden" {
			out[i].Actor = maskPerson(out[i].Actor)
		}
		out[i].Note = veil.Typed(out[i].Note)
		out[i].Case = maskCase(out[i].Case)
	}
	return out
}

func replaceText(t rules.Text, veil *Veil) rules.Text {
	return rules.Text{ZH: veil.Replace(t.ZH), EN: veil.Replace(t.EN)}
}

// replaceFact replaces names in a fact, which may have been read from JSON.
func replaceFact(v any, veil *Veil) any {
	switch v := v.(type) {
	case string:
		return veil.Replace(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = veil.Replace(s)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = replaceFact(e, veil)
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
