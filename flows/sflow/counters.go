package sflow

import (
	"time"

	"github.com/linewarden/linewarden/flows"
)

// recordGeneric is the format of generic interface counters (if_counters).
const recordGeneric = 1

// counters reads the body of a counter sample, and hands on the generic counters
// of an interface if they are among its records.
func (d *Decoder) counters(h *datagram, body []byte, expanded bool) {
	sink := d.config.Counters
	if sink == nil {
		return
	}
	w := words{rest: body}
	w.next() // sequence number of the data source
	w.dataSource(expanded)
	for range w.next() {
		format := w.next()
		record := words{rest: w.take(w.next())}
		if w.short {
			break
		}
		if format != recordGeneric {
			continue
		}
		c := flows.Counters{
			Exporter: h.source.Exporter, Source: flows.CountersSFlow,
			At: h.received, Uptime: time.Duration(h.uptime) * time.Millisecond,
		}
		record.generic(&c)
		if record.short || c.Interface == 0 {
			sink.MalformedCounters(h.source.Exporter)
			continue
		}
		sink.TakeCounters(c)
	}
	if w.short {
		sink.MalformedCounters(h.source.Exporter)
	}
}

// generic reads the generic interface counters.
func (w *words) generic(c *flows.Counters) {
	c.Interface, c.Kind = w.next(), w.next()
	if c.Speed = w.long(); c.Speed == flows.NoCount {
		c.Speed = 0
	}
	w.next() // ifDirection
	w.next() // ifStatus
	c.In = flows.Tally{
		Octets: w.long(), Unicast: w.count(), Multicast: w.count(), Broadcast: w.count(), Discards: w.count(), Errors: w.count(),
	}
	w.next() // ifInUnknownProtos
	c.Out = flows.Tally{
		Octets: w.long(), Unicast: w.count(), Multicast: w.count(), Broadcast: w.count(), Discards: w.count(), Errors: w.count(),
	}
	w.next() // ifPromiscuousMode
}

// long reads an unsigned hyper integer.
func (w *words) long() uint64 {
	high := w.next()
	return uint64(high)<<32 | uint64(w.next())
}

// count reads a counter of 32 bits; all ones say that it is not counted.
func (w *words) count() uint64 {
	v := w.next()
	if v == 1<<32-1 {
		return flows.NoCount
	}
	return uint64(v)
}
