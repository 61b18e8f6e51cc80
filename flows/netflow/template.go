package netflow

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/linewarden/linewarden/flows"
)

// maxFields bounds the fields of a template; real ones have below 200.
const maxFields = 1024

// template is a learned template or options template.
type template struct {
	id         uint16
	options    bool
	definition []byte // as on the wire, from the id on
	scopes     int    // the first fields of options are scopes
	fields     []field
	plan       plan
	seen       int64 // tick of the exporter
	size       int   // bytes of memory, roughly

	announces bool // options data by it carries sampling rates
	answered  bool // such data came, or was waited for long enough
}

// field is one field of a template.
type field struct {
	id         uint16
	length     uint16 // variableLength for a variable one
	enterprise uint32
	scope      bool // of an options template
}

// templates reads a set of templates or options templates.
func (g *datagram) templates(body []byte, options bool) {
	for len(body) >= setHeaderSize {
		id := be16(body)
		if id == 0 && allZero(body) {
			break // padding
		}
		if g.withdrawn(id, body, options) {
			g.progress = true
			body = body[setHeaderSize:]
			continue
		}
		t, size := parseTemplate(g.version, options, body)
		if size == 0 {
			g.broken = true
			return
		}
		g.progress = true
		g.defined++
		if t == nil {
			g.e.drop(g.d, g.dom, id) // what it was before, it is no longer
		} else {
			g.learn(t)
		}
		body = body[size:]
	}
}

// withdrawn removes what an IPFIX withdrawal names (RFC 7011 section 8.1): one
// template, or all of a kind under the id of their set.
func (g *datagram) withdrawn(id uint16, body []byte, options bool) bool {
	if g.version != flows.IPFIX || be16(body[2:]) != 0 {
		return false
	}
	if id >= firstDataSet {
		g.e.drop(g.d, g.dom, id)
		return true
	}
	if id == ipfixTemplateSet && !options || id == ipfixOptionsSet && options {
		for other, t := range g.dom.templates {
			if t.options == options {
				g.e.drop(g.d, g.dom, other)
			}
		}
	}
	return true
}

// parseTemplate reads a definition. The size is 0 when it contradicts itself,
// and the template nil when data by it could not be read.
func parseTemplate(version flows.Version, options bool, b []byte) (t *template, size int) {
	t = &template{id: be16(b), options: options}
	count, at := int(be16(b[2:])), 4
	if options {
		if len(b) < 6 {
			return nil, 0
		}
		at = 6
		if version == flows.NetFlow9 {
			scope, option := int(be16(b[2:])), int(be16(b[4:])) // in octets
			if scope%4 != 0 || option%4 != 0 {
				return nil, 0
			}
			t.scopes, count = scope/4, (scope+option)/4
		} else {
			t.scopes = int(be16(b[4:]))
			if t.scopes > count {
				return nil, 0
			}
		}
	}
	if t.id < firstDataSet {
		return nil, 0
	}
	size = t.parseFields(version, b, at, count)
	if size == 0 {
		return nil, 0
	}
	t.definition = b[:size]
	if !t.compile(version) {
		return nil, size
	}
	return t, size
}

// parseFields reads count field specifiers (RFC 7011 section 3.2) and returns
// where they end, or 0.
func (t *template) parseFields(version flows.Version, b []byte, at, count int) int {
	if 4*count > len(b)-at {
		return 0
	}
	kept := min(count, maxFields+1)
	t.fields = make([]field, 0, kept)
	for i := range count {
		if len(b)-at < 4 {
			return 0
		}
		f := field{id: be16(b[at:]), length: be16(b[at+2:]), scope: i < t.scopes}
		at += 4
		if version == flows.IPFIX && f.id&enterpriseBit != 0 {
			if len(b)-at < 4 {
				return 0
			}
			f.id &^= enterpriseBit
			f.enterprise = be32(b[at:])
			at += 4
		}
		if len(t.fields) < kept {
			t.fields = append(t.fields, f)
		}
	}
	return at
}

// learn makes t the template of its id.
func (g *datagram) learn(t *template) {
	dom := g.dom
	old := dom.templates[t.id]
	if old != nil && old.options == t.options && bytes.Equal(old.definition, t.definition) {
		old.seen = g.e.tick
		return
	}
	t.definition = bytes.Clone(t.definition)
	t.seen = g.e.tick
	g.e.drop(g.d, dom, t.id)
	g.e.install(g.d, dom, t)
	g.count.Templates++
	if t.announces {
		dom.samplers.unanswered++
	}
	g.unpark(t.id)
}

// install adds a template, evicting others of the exporter where it must.
func (e *exporter) install(d *Decoder, dom *domain, t *template) {
	if e.templates >= maxTemplates || e.bytes+t.size > maxTemplateBytes {
		e.evict(d)
	}
	dom.templates[t.id] = t
	e.templates++
	e.bytes += t.size
	e.charge(d, t.size)
}

// drop forgets a template, if there is one.
func (e *exporter) drop(d *Decoder, dom *domain, id uint16) {
	t := dom.templates[id]
	if t == nil {
		return
	}
	if t.announces && !t.answered {
		dom.samplers.unanswered--
	}
	delete(dom.templates, id)
	e.templates--
	e.bytes -= t.size
	e.charge(d, -t.size)
}

// evict forgets the quarter of an exporter's templates that was not used for
// longest.
func (e *exporter) evict(d *Decoder) {
	type place struct {
		dom *domain
		t   *template
	}
	all := make([]place, 0, e.templates)
	for _, dom := range e.domains {
		for _, t := range dom.templates {
			all = append(all, place{dom, t})
		}
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.t.seen, b.t.seen) })
	for _, p := range all[:(len(all)+3)/4] {
		e.drop(d, p.dom, p.t.id)
		d.evicted.Add(1)
	}
}
