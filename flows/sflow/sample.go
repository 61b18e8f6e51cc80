package sflow

import (
	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/flows/header"
)

// Formats of an interface: two bits in front of the value in a flow sample, a
// word of their own in an expanded one.
const (
	interfaceSingle   = 0 // the value is an ifIndex, 0 if not known
	interfaceDiscard  = 1 // the value is a reason for the discard
	interfaceMultiple = 2 // the value is how many interfaces, 0 if not known

	// interfaceInternal stands for the device itself, from which the packet
	// came or in which it ended. Agents on hosts give it for packets that pass,
	// too, so that nothing is said of their forwarding.
	interfaceInternal = 0x3fffffff
)

// Values of forwardingStatus (RFC 7270 section 4.12).
const (
	forwarded            = 0x40
	dropped              = 0x80
	droppedACLDeny       = 0x81
	droppedUnroutable    = 0x83
	droppedFragmentation = 0x85
	droppedBadTTL        = 0x89
	droppedPolicer       = 0x8a
	droppedRED           = 0x8b
)

// sample reads the body of a flow sample into r and tells whether it became a
// record; else it is counted as lost.
func (d *Decoder) sample(body []byte, expanded bool, r *flows.Record, t *tally) bool {
	w := words{rest: body}
	w.next() // sequence number of the data source
	class, index := w.dataSource(expanded)
	r.SamplingRate = uint64(w.next())
	w.next() // sample pool
	w.next() // drops
	in, out := w.port(expanded), w.port(expanded)
	n := w.next()
	if w.short {
		t.malformed++
		return false
	}
	in.input(r)
	out.output(r)
	if class == 0 && index != 0 && r.InIf != r.OutIf {
		switch index {
		case r.InIf:
			r.Direction = flows.Ingress
		case r.OutIf:
			r.Direction = flows.Egress
		}
	}
	var f fields
	for range n {
		format := w.next()
		record := w.take(w.next())
		if w.short || !f.read(format, record) {
			t.malformed++
			return false
		}
	}
	switch f.into(r) {
	case header.Malformed:
		t.malformed++
		return false
	case header.NotIP:
		t.notIP++
		return false
	case header.Whole, header.Cut:
	}
	d.sampling(r, t)
	return true
}

// sampling marks where the rate of r comes from, and asks the ledgers where
// the sample gives none.
func (d *Decoder) sampling(r *flows.Record, t *tally) {
	if r.SamplingRate != 0 {
		r.SamplingSource = flows.SamplingRecord
		return
	}
	if d.config.Sampling != nil {
		r.SamplingRate = d.config.Sampling(r.Source.Exporter)
	}
	if r.SamplingRate == 0 {
		t.unscaled++
		return
	}
	r.SamplingSource = flows.SamplingLedger
}

// dataSource reads where a packet was sampled: class 0 is an interface, and
// the index then its ifIndex.
func (w *words) dataSource(expanded bool) (class, index uint32) {
	v := w.next()
	if expanded {
		return v, w.next()
	}
	return v >> 24, v & 0x00ffffff
}

// port is an input or output interface of a sample.
type port struct{ format, value uint32 }

func (w *words) port(expanded bool) port {
	v := w.next()
	if expanded {
		return port{v, w.next()}
	}
	return port{v >> 30, v & 0x3fffffff}
}

func (p port) input(r *flows.Record) {
	if p.format == interfaceSingle && p.value != interfaceInternal {
		r.InIf = p.value
	}
}

func (p port) output(r *flows.Record) {
	switch p.format {
	case interfaceSingle:
		if p.value != interfaceInternal {
			r.OutIf = p.value
		}
	case interfaceDiscard:
		r.ForwardingStatus = discard(p.value)
	case interfaceMultiple:
		r.ForwardingStatus = forwarded
	}
}

// discard returns the forwardingStatus of a reason for a discard: the codes of
// ICMP destination unreachable up to 255, then those of the specification.
func discard(reason uint32) uint8 {
	switch reason {
	case 0, 1, 5, 6, 7, 8, 11, 12: // network or host not reachable or known
		return droppedUnroutable
	case 4, 262: // fragmentation needed; packet too big
		return droppedFragmentation
	case 9, 10, 13, 258: // prohibited; ACL
		return droppedACLDeny
	case 257: // TTL exceeded
		return droppedBadTTL
	case 260: // random early detection
		return droppedRED
	case 261: // shaping or rate limit
		return droppedPolicer
	}
	return dropped
}
