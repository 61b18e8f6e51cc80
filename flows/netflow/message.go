package netflow

import (
	"time"

	"github.com/linewarden/linewarden/flows"
)

// Set ids (RFC 3954 section 5, RFC 7011 section 3.3.2) and header sizes.
const (
	v9TemplateSet     = 0
	v9OptionsSet      = 1
	ipfixTemplateSet  = 2
	ipfixOptionsSet   = 3
	firstDataSet      = 256
	v9HeaderSize      = 20
	ipfixHeaderSize   = 16
	setHeaderSize     = 4
	maxPadding        = 3     // of a set, to a multiple of four octets
	maxDatagram       = 65507 // octets of a UDP payload over IPv4 (RFC 768, RFC 791)
	noClaim           = -1
	variableLength    = 0xffff
	enterpriseBit     = 0x8000
	reverseEnterprise = 29305 // RFC 5103 section 6.1
)

// netflow9 reads an export packet of NetFlow v9 (RFC 3954 section 5.1).
func (g *datagram) netflow9(b []byte) {
	if len(b) < v9HeaderSize {
		g.refuse(flows.ReasonMalformed)
		return
	}
	g.header(be32(b[16:]), time.Unix(int64(be32(b[8:])), 0).UTC(), be32(b[4:]))
	claimed := int(be16(b[2:]))
	g.sets(b[v9HeaderSize:])
	g.settle(min(claimed, len(b)-v9HeaderSize)) // a record takes an octet at least
	if left := min(claimed-g.units-g.defined, g.cutAway(len(b))); g.broken && len(g.unknown) == 0 && g.progress && left > 0 {
		g.lose(flows.ReasonMalformed, left)
	}
	g.sequence(be32(b[12:]), 1, uint64(g.units), !g.broken && len(g.unknown) == 0)
}

// cutAway is how many records of the templates in use the rest of a datagram can
// have held that was cut after length octets: more than that the header claims
// in vain, and one where no template tells.
func (g *datagram) cutAway(length int) int {
	most := 1
	for _, s := range g.later {
		most = max(most, (maxDatagram-length)/s.template.plan.size+1)
	}
	return most
}

// ipfix reads the messages of a datagram (RFC 7011 section 3.1). There is one,
// but files hold several in a row. What follows that is none is not looked at.
func (g *datagram) ipfix(b []byte) {
	for first := true; ; first = false {
		if len(b) < ipfixHeaderSize {
			if first {
				g.refuse(flows.ReasonMalformed)
			}
			return
		}
		length := int(be16(b[2:]))
		if length < ipfixHeaderSize {
			if first {
				g.header(be32(b[12:]), time.Unix(int64(be32(b[4:])), 0).UTC(), 0)
				g.refuse(flows.ReasonMalformed)
			}
			return
		}
		g.message(b[:min(length, len(b))], length > len(b))
		if length >= len(b) || !g.progress {
			return
		}
		b = b[length:]
		if len(b) < ipfixHeaderSize || be16(b) != 10 {
			return
		}
		if be32(b[12:]) != g.dom.source.Domain {
			g.commit()
			g.count, g.dom = flows.Count{}, nil
		}
		g.startMessage()
	}
}

// message reads one IPFIX message, which may be cut.
func (g *datagram) message(b []byte, cut bool) {
	export := time.Unix(int64(be32(b[4:])), 0).UTC()
	if g.dom == nil {
		g.header(be32(b[12:]), export, 0)
	}
	g.at.export = export.UnixNano() // the books keep the minute of the first
	g.sets(b[ipfixHeaderSize:])
	g.broken = g.broken || cut
	g.settle(noClaim)
	if g.broken && g.progress {
		g.lose(flows.ReasonMalformed, 1)
	}
	sure := !g.broken && len(g.unknown) == 0
	g.sequence(be32(b[8:]), uint32(g.units), uint64(g.units), sure)
}

// sets walks the sets of a message.
func (g *datagram) sets(b []byte) {
	if len(b) == 0 {
		g.progress = true // a keepalive, or the end of a stream
	}
	for len(b) >= setHeaderSize {
		id, length := be16(b), int(be16(b[2:]))
		if length < setHeaderSize || length > len(b) {
			g.brokenSet(id, b)
			return
		}
		g.set(id, b[setHeaderSize:length])
		b = b[length:]
	}
	if !allZero(b) {
		g.broken = true
	}
}

// brokenSet handles a set whose length cannot be. Zeros to the end of the
// datagram are padding; the records that a cut data set still holds are read.
func (g *datagram) brokenSet(id uint16, b []byte) {
	if allZero(b) {
		return
	}
	g.broken = true
	if id >= firstDataSet && int(be16(b[2:])) > len(b) {
		if t := g.dom.templates[id]; t != nil && t.plan.length(b[setHeaderSize:]) > 0 {
			g.later = append(g.later, laterSet{t, b[setHeaderSize:]})
		}
	}
}

// set reads one set by its id.
func (g *datagram) set(id uint16, body []byte) {
	switch {
	case id >= firstDataSet:
		t := g.dom.templates[id]
		if t == nil {
			g.unknown = append(g.unknown, rawSet{id, body})
			g.progress = true
			return
		}
		if t.options {
			g.data(t, body)
			return
		}
		g.later = append(g.later, laterSet{t, body})
	case g.version == flows.NetFlow9 && id == v9TemplateSet,
		g.version == flows.IPFIX && id == ipfixTemplateSet:
		g.templates(body, false)
	case g.version == flows.NetFlow9 && id == v9OptionsSet,
		g.version == flows.IPFIX && id == ipfixOptionsSet:
		g.templates(body, true)
	default:
		g.progress = true // reserved ids are skipped
	}
}

// data reads the records of a data set by its template. What is left is padding
// where it is shorter than a record.
func (g *datagram) data(t *template, body []byte) {
	t.seen = g.e.tick
	before := g.units
	g.progress = true
	for len(body) > 0 {
		n := t.plan.length(body)
		if n <= 0 || n > len(body) || len(body) <= maxPadding && allZero(body) {
			break
		}
		g.units++
		if t.options {
			g.optionsRecord(t, body[:n])
		} else {
			g.record(t, body[:n])
		}
		body = body[n:]
	}
	// More than padding: room for a record, or not a single one before it.
	if (len(body) >= t.plan.size || g.units == before) && !allZero(body) {
		g.units++
		g.lose(flows.ReasonMalformed, 1)
	}
}
