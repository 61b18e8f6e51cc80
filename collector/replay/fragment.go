package replay

import (
	"bytes"
	"container/list"
	"net/netip"
)

const (
	// mostPartial bounds how many datagrams wait for fragments; the oldest
	// gives way. Each holds at most largestPacket bytes.
	mostPartial = 128
	// largestPacket is the longest IP payload that fragments can make.
	largestPacket = 65535
	// mostSpans bounds the gaps of one datagram: no network reorders that far.
	mostSpans = 64
	// waitSeconds is how long fragments wait for each other, in the time of
	// the capture (RFC 8200 section 4.5: 60 seconds).
	waitSeconds = 60
)

// fragmentKey says which fragments belong together (RFC 791 section 3.2, RFC
// 8200 section 4.5).
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
}

// span is a piece that has come, from its first byte to behind its last.
type span struct{ from, to int }

// partial is a datagram that waits for fragments.
type partial struct {
	key   fragmentKey
	first frame
	head  datagram // of the fragment with the ports
	data  []byte
	spans []span // in order, not touching
	end   int    // its length, -1 until the last fragment came
}

// fragments puts datagrams together again. Its memory is bounded.
type fragments struct {
	waiting map[fragmentKey]*list.Element // of *partial
	order   *list.List                    // by first fragment
	missing map[int]*loss                 // given up, by destination port, -1 for unknown
	spare   *partial                      // one that is done, for its memory
}

func newFragments() *fragments {
	return &fragments{
		waiting: make(map[fragmentKey]*list.Element), order: list.New(), missing: make(map[int]*loss),
	}
}

// add keeps a fragment. It returns the whole packet when that is its last, with
// a payload that is valid until the call after.
func (r *fragments) add(f *frame, d *datagram) (datagram, state) {
	r.expire(f.sec)
	// Only the last fragment may have a length that is no multiple of 8.
	size := len(d.payload)
	if size == 0 || d.offset+size > largestPacket || d.more && size%8 != 0 {
		return *d, isBroken
	}
	key := fragmentKey{src: d.src, dst: d.dst, id: d.id}
	e := r.waiting[key]
	if e == nil {
		e = r.start(f, key)
	}
	p, ok := e.Value.(*partial)
	if !ok {
		return *d, isBroken
	}
	if !p.insert(d) {
		r.remove(e)
		return *d, isBroken
	}
	if p.end < 0 || len(p.spans) != 1 || p.spans[0] != (span{0, p.end}) {
		return *d, isWaiting
	}
	r.remove(e)
	r.spare = p
	whole := p.head
	whole.payload, whole.short, whole.more = p.data[:p.end], false, false
	return whole, isDatagram
}

// start begins a datagram with the fragment in f.
func (r *fragments) start(f *frame, key fragmentKey) *list.Element {
	for r.order.Len() >= mostPartial {
		r.giveUp(r.order.Front())
	}
	p := &partial{}
	if r.spare != nil {
		p, r.spare = r.spare, nil
	}
	*p = partial{key: key, first: *f, data: p.data[:0], spans: p.spans[:0], end: -1}
	p.first.data = nil
	e := r.order.PushBack(p)
	r.waiting[key] = e
	return e
}

func (r *fragments) remove(e *list.Element) *partial {
	p, ok := r.order.Remove(e).(*partial)
	if ok {
		delete(r.waiting, p.key)
	}
	return p
}

// expire gives up what has waited too long at a time of the capture. Packets
// without time pass none.
func (r *fragments) expire(now int64) {
	for e := r.order.Front(); e != nil; e = r.order.Front() {
		p, ok := e.Value.(*partial)
		if !ok || now == 0 || p.first.sec == 0 || now-p.first.sec <= waitSeconds {
			return
		}
		r.giveUp(e)
	}
}

// giveUp counts a datagram as incomplete.
func (r *fragments) giveUp(e *list.Element) {
	p := r.remove(e)
	r.spare = p
	port := -1
	if p.head.src.IsValid() {
		if d, s := parseUDP(p.head); s == isShort || s == isDatagram {
			port = int(d.dstPort)
		}
	}
	l := r.missing[port]
	if l == nil {
		if len(r.missing) >= mostPorts {
			return
		}
		l = new(loss)
		r.missing[port] = l
	}
	l.add(&p.first)
}

// incomplete gives up what still waits and adds up what was given up and went,
// or may have gone, to a wanted port.
func (r *fragments) incomplete(wanted func(port uint16) bool) loss {
	for r.order.Len() > 0 {
		r.giveUp(r.order.Front())
	}
	var sum loss
	for port, l := range r.missing {
		if port >= 0 && !wanted(uint16(port)) {
			continue
		}
		if sum.n == 0 || l.number < sum.number {
			sum.number, sum.offset = l.number, l.offset
		}
		sum.n += l.n
	}
	return sum
}

// insert copies a fragment to its place. It returns false for one that
// overlaps another with other bytes or another extent, or contradicts the end:
// such a datagram is never given (RFC 5722 section 4).
func (p *partial) insert(d *datagram) bool {
	s := span{d.offset, d.offset + len(d.payload)}
	if !p.ends(s, d.more) {
		return false
	}
	at := 0
	for at < len(p.spans) && p.spans[at].to <= s.from {
		at++
	}
	if at < len(p.spans) && p.spans[at].from < s.to {
		have := p.spans[at]
		return have.from <= s.from && s.to <= have.to && bytes.Equal(p.data[s.from:s.to], d.payload)
	}
	if len(p.spans) >= mostSpans {
		return false
	}
	if grow := s.to - len(p.data); grow > 0 {
		p.data = append(p.data, make([]byte, grow)...)
	}
	copy(p.data[s.from:], d.payload)
	if s.from == 0 {
		p.head = *d
		p.head.payload, p.head.short = p.data[:min(s.to, 8)], true
	}
	p.merge(at, s)
	return true
}

// ends notes where the last fragment ends, and tells whether that agrees with
// what has come.
func (p *partial) ends(s span, more bool) bool {
	if !more {
		if p.end >= 0 && p.end != s.to {
			return false
		}
		p.end = s.to
	}
	beyond := len(p.spans) > 0 && p.spans[len(p.spans)-1].to > p.end
	return p.end < 0 || s.to <= p.end && !beyond
}

// merge puts s at its place and joins it with spans that it touches.
func (p *partial) merge(at int, s span) {
	if at < len(p.spans) && p.spans[at].from == s.to {
		p.spans[at].from = s.from
	} else {
		p.spans = append(p.spans, span{})
		copy(p.spans[at+1:], p.spans[at:])
		p.spans[at] = s
	}
	if at > 0 && p.spans[at-1].to == p.spans[at].from {
		p.spans[at-1].to = p.spans[at].to
		p.spans = append(p.spans[:at], p.spans[at+1:]...)
	}
}
