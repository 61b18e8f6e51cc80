package sflow

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// Address types of the specification.
const (
	addressUnknown = 0
	addressIPv4    = 1
	addressIPv6    = 2
)

// Sample formats of enterprise 0.
const (
	formatFlow             = 1
	formatCounters         = 2
	formatExpandedFlow     = 3
	formatExpandedCounters = 4
)

// datagram is the header of a datagram and the samples behind it.
type datagram struct {
	source   flows.Source
	received time.Time
	sequence uint32 // of datagrams of the sub-agent
	uptime   uint32 // of the agent, in milliseconds
	count    uint32 // of samples that follow
	rest     []byte
}

// words reads XDR (RFC 4506): whole words of four octets, big end first. A
// reader that ran out gives zeros and is short.
type words struct {
	rest  []byte
	short bool
}

func (w *words) next() uint32 {
	if len(w.rest) < 4 {
		w.rest, w.short = nil, true
		return 0
	}
	v := binary.BigEndian.Uint32(w.rest)
	w.rest = w.rest[4:]
	return v
}

// take returns the next n octets, nil if there are fewer.
func (w *words) take(n uint32) []byte {
	if uint64(n) > uint64(len(w.rest)) {
		w.rest, w.short = nil, true
		return nil
	}
	b := w.rest[:n:n]
	w.rest = w.rest[n:]
	return b
}

// address reads an address with its type in front. An unknown address and one
// of no known type are not valid; the latter is short, as its length is not
// known.
func (w *words) address() netip.Addr {
	switch w.next() {
	case addressUnknown:
	case addressIPv4:
		if b := w.take(4); b != nil {
			return netip.AddrFrom4([4]byte(b))
		}
	case addressIPv6:
		if b := w.take(16); b != nil {
			return netip.AddrFrom16([16]byte(b)).Unmap()
		}
	default:
		w.rest, w.short = nil, true
	}
	return netip.Addr{}
}

// readHeader reads the header of a datagram; NumReasons means that it is
// whole. In any case source and received are filled as well as they are known:
// an agent that says no address, or an unspecified one, is called by the
// address it sends from.
func readHeader(p flows.Packet) (datagram, flows.Reason) {
	h := datagram{
		source:   flows.Source{Exporter: p.From.Addr().Unmap(), Version: flows.SFlow5},
		received: p.Received,
	}
	if h.received.IsZero() {
		h.received = time.Unix(0, 0).UTC()
	}
	w := words{rest: p.Payload}
	version := w.next()
	if w.short {
		return h, flows.ReasonMalformed
	}
	if version != 5 {
		return h, flows.ReasonUnknownVersion
	}
	agent := w.address()
	domain := w.next()
	h.sequence, h.uptime, h.count = w.next(), w.next(), w.next()
	if w.short {
		return h, flows.ReasonMalformed
	}
	if agent.IsValid() && !agent.IsUnspecified() {
		h.source.Exporter = agent
	}
	h.source.Domain = domain
	if p.Received.IsZero() {
		h.received = h.received.Add(time.Duration(h.uptime) * time.Millisecond)
	}
	h.rest = w.rest
	return h, flows.NumReasons
}

// samples appends the record of each flow sample to dst. The reason says why
// the datagram gave nothing, NumReasons that it did.
func (d *Decoder) samples(h *datagram, dst []flows.Record, t *tally) ([]flows.Record, flows.Reason) {
	w := words{rest: h.rest}
	base := flows.Record{
		Source: h.source, Received: h.received, Exported: h.received,
		Start: h.received, End: h.received, Packets: 1,
	}
	for i := range h.count {
		format := w.next()
		body := w.take(w.next())
		if w.short {
			return dst, t.cut(i, format)
		}
		switch format {
		case formatFlow, formatExpandedFlow:
			t.records++
			n := len(dst)
			dst = append(slices.Grow(dst, 1), base)
			if !d.sample(body, format == formatExpandedFlow, &dst[n], t) {
				dst = dst[:n]
			}
		case formatCounters, formatExpandedCounters:
			t.counters++
			d.counters(h, body, format == formatExpandedCounters)
		}
	}
	return dst, flows.NumReasons
}

// cut counts what is missing of a datagram that ends inside the sample with
// number i: nothing if that is known to be of counters.
func (t *tally) cut(i, format uint32) flows.Reason {
	if i == 0 {
		return flows.ReasonMalformed
	}
	if format != formatCounters && format != formatExpandedCounters {
		t.records++
		t.malformed++
	}
	return flows.NumReasons
}
