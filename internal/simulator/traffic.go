package simulator

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// slotLength is how much event time is made at once: flows never outlive it.
const slotLength = 5 * time.Minute

// announceEvery is how many slots lie between two announcements of templates
// and samplers.
const announceEvery = 2

// playback makes the datagrams of one pass through the span.
type playback struct {
	c        *Carrier
	source   *rand.PCG
	rng      *rand.Rand
	carry    [][]carry // by line and part
	encoders [][]encoder
	data     []uint64 // datagrams with flows, by router
	flows    []flow
	send     func(router int, d datagram, dropped bool) error
}

// carry is what a part is owed from slots that were too short for a record.
type carry struct{ records, bytes float64 }

// play makes everything once, in the order of event time, and hands each
// datagram to send. A dropped one took its sequence numbers and is not to be
// sent.
func (c *Carrier) play(ctx context.Context, send func(router int, d datagram, dropped bool) error) error {
	p := &playback{c: c, source: rand.NewPCG(0, 0), send: send, data: make([]uint64, len(c.routers))}
	p.rng = rand.New(p.source)
	for i := range c.lines {
		p.carry = append(p.carry, make([]carry, len(c.lines[i].parts)))
	}
	from, _ := c.Span()
	for i := range c.routers {
		r := &c.routers[i]
		encoders := make([]encoder, len(r.domains))
		for d := range r.domains {
			encoders[d] = newEncoder(r, &r.domains[d], from.UnixMilli())
		}
		p.encoders = append(p.encoders, encoders)
	}
	number := 0
	for day := range len(c.days) - 1 {
		for at := c.days[day]; at.Before(c.days[day+1]); at = at.Add(slotLength) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := p.slot(at, len(c.days)-2-day, number); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

// slot makes what all routers export in one slot.
func (p *playback) slot(at time.Time, dayBefore, number int) error {
	for i := range p.encoders {
		for d, e := range p.encoders[i] {
			emit := func(g datagram) error { return p.deliver(i, g) }
			if number%announceEvery == 0 {
				if err := e.announce(at.UnixMilli(), emit); err != nil {
					return err
				}
			}
			p.flows = p.flows[:0]
			for l := range p.c.lines {
				if line := &p.c.lines[l]; line.router == i && line.domain == d {
					p.source.Seed(p.c.cfg.Seed, uint64(l)<<32|uint64(number))
					p.lineFlows(l, at, dayBefore)
				}
			}
			slices.SortStableFunc(p.flows, func(a, b flow) int { return int(a.end - b.end) })
			if err := e.export(p.flows, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver decides which datagrams are dropped on purpose: never those that
// describe templates and samplers.
func (p *playback) deliver(router int, d datagram) error {
	dropped := false
	if len(d.flows) > 0 {
		p.data[router]++
		every := p.c.routers[router].dropEvery
		dropped = every > 0 && p.data[router]%every == 2
	}
	return p.send(router, d, dropped)
}

// lineFlows adds the flows of one line in one slot.
func (p *playback) lineFlows(index int, at time.Time, dayBefore int) {
	l := &p.c.lines[index]
	local := at.In(p.c.cfg.Location)
	weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	weight := l.profile.weight(local.Hour(), weekend)
	s := p.c.routers[l.router].domains[l.domain].samplers[l.sampler]
	bytes := l.mean * 1e6 / 8 * slotLength.Seconds() * weight / float64(s.rate)
	records := l.peak * weight * p.c.cfg.Scale
	rest := 1.0
	for i := len(l.parts) - 1; i >= 0; i-- {
		part, share := &l.parts[i], rest
		if !part.active(dayBefore, local.Hour()) {
			continue
		}
		if i > 0 {
			share = part.share
			rest -= share
		}
		c := &p.carry[index][i]
		c.records += records * share
		c.bytes += bytes * share
		p.partFlows(flow{line: index, part: i, sampler: s.id}, c, at)
	}
}

// leastBytes is the mean size below which a slot is too idle for another
// record: flow records of an idle line hold one packet.
const leastBytes = 700

// partFlows adds as many flows as the part is owed, of as many bytes.
func (p *playback) partFlows(f flow, c *carry, at time.Time) {
	l := &p.c.lines[f.line]
	packets := p.c.routers[l.router].proto == sflow5
	n := int(c.records)
	if !packets {
		n = min(n, int(c.bytes/leastBytes))
	}
	c.records -= float64(n)
	if n == 0 {
		c.records = min(c.records, 2*l.peak*max(1, p.c.cfg.Scale))
	}
	for i := range n {
		mean := c.bytes / float64(n-i)
		p.talk(&f, l)
		p.clock(&f, at)
		if packets {
			f.packets = 1
		} else {
			f.bytes = uint64(max(64, mean*p.spread(i == n-1)))
			f.packets = (f.bytes + f.packets - 1) / f.packets
			c.bytes -= float64(f.bytes)
		}
		p.flows = append(p.flows, f)
	}
}

// spread varies what one of several records takes; the last takes the rest.
func (p *playback) spread(last bool) float64 {
	if last {
		return 1
	}
	return 0.5 + p.rng.Float64()
}

// clock gives the flow a start and an end inside its slot, two seconds before
// the slot ends at the latest, so that its export still falls into the slot.
func (p *playback) clock(f *flow, at time.Time) {
	start := p.rng.Int64N(200_000)
	length := 20 + p.rng.Int64N(1+p.rng.Int64N(97_000))
	f.start = at.UnixMilli() + start
	f.end = f.start + length
}

// talk chooses who talks to whom about what. It leaves the usual packet size
// in packets and a packet's size in bytes.
func (p *playback) talk(f *flow, l *line) {
	part := &l.parts[f.part]
	near, far, apps := part.near, part.far, part.apps
	if near == nil {
		near = l.parts[0].near
	}
	if far == nil {
		far = l.parts[0].far
	}
	if apps == nil {
		apps = l.apps
	}
	n, o, a := near[p.rng.IntN(len(near))], far[p.rng.IntN(len(far))], apps[p.rng.IntN(len(apps))]
	nearAddr, farAddr := n.host(p.pick(n)), o.host(p.pick(o))
	nearPort, farPort := p.ports(a)
	size := min(1450, max(70, uint64(float64(a.size)*(0.7+0.6*p.rng.Float64()))))
	f.bytes, f.packets = size, size
	f.proto, f.tcpFlags, f.tos, f.vlan = a.proto, 0, 0, l.vlan
	if a.proto == protoTCP {
		f.tcpFlags = [...]uint8{0x18, 0x1b, 0x10, 0x1a}[p.rng.IntN(4)]
	}
	if a.port == 5060 {
		f.tos = 0xb8
	}
	f.nextHop = l.nextHops[0]
	if nearAddr.Is6() {
		f.nextHop = l.nextHops[1]
	}
	down := l.down
	if part.down > 0 {
		down = part.down
	}
	f.fromCustomer = p.rng.Float64() >= down
	if f.fromCustomer {
		f.src, f.srcPort, f.srcAS, f.srcMask, f.inIf = nearAddr, nearPort, n.asn, uint8(n.prefix.Bits()), l.ifIndex
		f.dst, f.dstPort, f.dstAS, f.dstMask, f.outIf = farAddr, farPort, o.asn, uint8(o.prefix.Bits()), l.outIf
		return
	}
	f.src, f.srcPort, f.srcAS, f.srcMask, f.inIf = farAddr, farPort, o.asn, uint8(o.prefix.Bits()), l.outIf
	f.dst, f.dstPort, f.dstAS, f.dstMask, f.outIf = nearAddr, nearPort, n.asn, uint8(n.prefix.Bits()), l.ifIndex
}

// ports returns the ports of the two ends.
func (p *playback) ports(a app) (near, far uint16) {
	client := uint16(20000 + p.rng.IntN(40000))
	switch {
	case a.both || (a.proto != protoTCP && a.proto != protoUDP):
		return a.port, a.port
	case a.nearSide:
		return a.port, client
	}
	return client, a.port
}

// pick chooses a host of a pool. It prefers the first ones, as popularity does,
// unless the pool is even.
func (p *playback) pick(o pool) uint64 {
	x := p.rng.Float64()
	if !o.even {
		x *= x
	}
	return uint64(x * float64(o.hosts))
}
