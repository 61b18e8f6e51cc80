package netflow

import (
	"bytes"
	"time"

	"github.com/linewarden/linewarden/flows"
)

// What a parked thing takes besides its bytes.
const (
	setOverhead   = 160
	recordParking = 704
)

// parkedSet is a data set that waits for its template.
type parkedSet struct {
	template uint16
	body     []byte
	at       moment
	records  int // as many as its header leaves for it
}

// waitingRecord is a record that waits for its sampling rate.
type waitingRecord struct {
	record flows.Record
	need   need
}

// reserve takes n bytes of the room for what waits.
func (d *Decoder) reserve(n int) bool {
	for {
		taken := d.parked.Load()
		if taken+int64(n) > int64(d.config.ParkingBytes) {
			return false
		}
		if d.parked.CompareAndSwap(taken, taken+int64(n)) {
			return true
		}
	}
}

func (d *Decoder) free(n int) { d.parked.Add(-int64(n)) }

// parkUnknown deals with the data sets of a message that had no template when
// they were met. The claim is how many records and templates the header of v9
// counts: what was not found otherwise is in these sets.
func (g *datagram) parkUnknown(claimed int) {
	kept := g.unknown[:0]
	size := 0
	for _, s := range g.unknown {
		if t := g.dom.templates[s.template]; t != nil {
			g.data(t, s.body)
			continue
		}
		kept = append(kept, s)
		size += len(s.body)
	}
	g.unknown = kept
	if len(kept) == 0 {
		return
	}
	extra := 0 // beyond one each
	if claimed != noClaim {
		extra = max(0, claimed-g.units-g.defined-len(kept))
	}
	left := extra
	for i, s := range kept {
		n := left
		if i < len(kept)-1 && size > 0 {
			n = extra * len(s.body) / size
		}
		left -= n
		g.parkSet(s, n+1)
	}
}

func (g *datagram) parkSet(s rawSet, records int) {
	if !g.d.reserve(len(s.body) + setOverhead) {
		g.lose(flows.ReasonParkingFull, records)
		return
	}
	g.dom.parked = append(g.dom.parked, parkedSet{s.template, bytes.Clone(s.body), g.at, records})
}

// unpark decodes what waited for a template.
func (g *datagram) unpark(id uint16) {
	dom := g.dom
	kept := 0
	for i := range dom.parked {
		s := dom.parked[i]
		if s.template != id {
			dom.parked[kept] = s
			kept++
			continue
		}
		g.d.free(len(s.body) + setOverhead)
		if g.at.received.Sub(s.at.received) > g.d.config.ParkingAge {
			loseSet(dom, &s, flows.ReasonParkedTooLong)
			continue
		}
		g.decodeParked(&s)
	}
	clear(dom.parked[kept:])
	dom.parked = dom.parked[:kept]
	if kept == 0 {
		dom.parked = nil
	}
}

// decodeParked decodes a parked set as of its own datagram, and counts its
// records in that one's minute.
func (g *datagram) decodeParked(s *parkedSet) {
	at, count, units := g.at, g.count, g.units
	g.at, g.count, g.units = s.at, flows.Count{}, 0
	defer func() {
		if recover() != nil {
			g.panicked()
			g.count.DatagramsLost = [flows.NumReasons]uint64{}
		}
		own := g.count
		g.at, g.count, g.units = at, count, units
		g.dom.account.Update(s.at.exported, func(c *flows.Count) { c.Add(&own) })
	}()
	if t := g.dom.templates[s.template]; t != nil {
		g.data(t, s.body)
	}
}

// loseSet counts the records of a parked set as received and lost.
func loseSet(dom *domain, s *parkedSet, why flows.Reason) {
	dom.account.Update(s.at.exported, func(c *flows.Count) {
		c.Records += uint64(s.records)
		c.Lost[why] += uint64(s.records)
	})
}

// wait moves the records from first on to those that wait for a rate. It
// returns false when there is no room.
func (g *datagram) wait(first int, n need) bool {
	records := g.out[first:]
	if !g.d.reserve(len(records) * recordParking) {
		return false
	}
	for i := range records {
		g.dom.waiting = append(g.dom.waiting, waitingRecord{records[i], n})
	}
	g.out = g.out[:first]
	return true
}

// release lets go the records whose wait is over because of what was learned.
func (g *datagram) release() {
	g.out = g.dom.settleWaiting(g.d, g.out, func(*waitingRecord) bool { return false })
}

// expire ends the wait of all that came before limit.
func (dom *domain) expire(d *Decoder, limit time.Time, why flows.Reason, dst []flows.Record) []flows.Record {
	kept := 0
	for i := range dom.parked {
		s := &dom.parked[i]
		if s.at.received.After(limit) {
			dom.parked[kept] = *s
			kept++
			continue
		}
		d.free(len(s.body) + setOverhead)
		loseSet(dom, s, why)
	}
	clear(dom.parked[kept:])
	if dom.parked = dom.parked[:kept]; kept == 0 {
		dom.parked = nil
	}
	over := func(r *waitingRecord) bool { return !r.record.Received.After(limit) }
	for i := range dom.waiting {
		if over(&dom.waiting[i]) {
			dom.stopWaiting(&dom.waiting[i].need)
		}
	}
	return dom.settleWaiting(d, dst, over)
}

// stopWaiting remembers that a rate was waited for in vain, so that the next
// records do not wait as long again.
func (dom *domain) stopWaiting(n *need) {
	s := &dom.samplers
	if n.named && n.sampler != 0 && s.rates[scope{ofSampler, n.sampler}] == nil {
		s.giveUp(n.sampler)
	}
	if s.unanswered == 0 {
		return
	}
	for _, t := range dom.templates {
		if t.announces {
			t.answered = true
		}
	}
	s.unanswered, s.silent = 0, true
}

// settleWaiting appends the waiting records that need not wait any longer, or
// may not because their wait is over, to dst.
func (dom *domain) settleWaiting(d *Decoder, dst []flows.Record, over func(*waitingRecord) bool) []flows.Record {
	if len(dom.waiting) == 0 {
		return dst
	}
	var ledger ledgerRate
	kept := 0
	for i := range dom.waiting {
		r := &dom.waiting[i]
		rate, source, wait := dom.rateOf(d, &r.need, &ledger)
		if wait && !over(r) {
			if kept != i {
				dom.waiting[kept] = *r
			}
			kept++
			continue
		}
		d.free(recordParking)
		var c flows.Count
		if dom.conclude(d, &r.record, rate, source, &c) {
			dst = append(dst, r.record)
		}
		if c != (flows.Count{}) {
			dom.account.Update(r.record.Exported, func(sum *flows.Count) { sum.Add(&c) })
		}
	}
	clear(dom.waiting[kept:])
	if dom.waiting = dom.waiting[:kept]; kept == 0 {
		dom.waiting = nil
	}
	return dst
}
