package netflow

import (
	"github.com/linewarden/linewarden/flows"
)

// Scope types of NetFlow v9 (RFC 3954 section 6.1).
const (
	v9ScopeSystem    = 1
	v9ScopeInterface = 2
	v9ScopeTemplate  = 5
)

// rateElements are the elements that carry a sampling rate.
var rateElements = map[uint16]bool{
	34: true, 50: true, 305: true, 307: true, 309: true, 311: true,
}

// optionElements are all elements of options data that are read.
var optionElements = map[uint16]bool{
	34: true, 50: true, 48: true, 302: true, 304: true, 305: true, 306: true, 307: true,
	308: true, 309: true, 310: true, 311: true, 160: true,
}

// announcesSampling tells whether options data with these fields carries a
// sampling rate.
func announcesSampling(fields []field) bool {
	for _, f := range fields {
		if !f.scope && f.enterprise == 0 && rateElements[f.id] {
			return true
		}
	}
	return false
}

// optionsRecord reads one record of options data.
func (g *datagram) optionsRecord(t *template, b []byte) {
	w := &g.row
	*w = row{at: &g.at, r: &g.sampled}
	of := scope{kind: ofDomain}
	at := 0
	for i, f := range t.fields {
		var content []byte
		content, at, _ = take(b, at, t.plan.lengths[i])
		if f.scope {
			of = narrow(of, g.version, f, content)
		}
		if f.enterprise != 0 || !optionElements[f.id] || f.scope && g.version == flows.NetFlow9 {
			continue
		}
		if e := elements[f.id]; e.kind.fits(len(content)) {
			e.set(w, content)
		}
	}
	if w.has&hasSystemUp != 0 {
		g.dom.systemUp = w.systemUp
	}
	if t.announces {
		g.announced(t, of, w)
	}
}

// narrow returns the scope of options data with one more scope field.
func narrow(of scope, version flows.Version, f field, content []byte) scope {
	if f.enterprise != 0 || len(content) == 0 || len(content) > 8 {
		return of
	}
	id := number(content)
	if version == flows.NetFlow9 {
		switch {
		case f.id == v9ScopeInterface && id != 0:
			return scope{ofInterface, id}
		case f.id == v9ScopeTemplate:
			return scope{ofTemplate, id}
		}
		return of // the system, a line card or a cache: all of the domain
	}
	switch f.id {
	case 10, 14, 252, 253: // interfaces; index 0 is none
		if id != 0 {
			return scope{ofInterface, id}
		}
	case 145: // templateId
		return scope{ofTemplate, id}
	}
	return of
}

// announced remembers the rate that options data told.
func (g *datagram) announced(t *template, of scope, w *row) {
	s := &g.dom.samplers
	s.silent = false
	if !t.answered {
		t.answered = true
		s.unanswered--
		g.learned = true
	}
	if w.has&hasSampler != 0 {
		of = scope{ofSampler, w.sampler}
	}
	rate := w.rate()
	if rate == 0 {
		if of.kind == ofSampler && s.rates[of] == nil {
			s.giveUp(of.id) // it is announced, and does not tell
			g.learned = true
		}
		return
	}
	if s.learn(of, g.at.exported.UnixNano(), rate) {
		g.learned = true
	}
}
