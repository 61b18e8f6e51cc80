package simulator

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// shape is what a test counted of one block or line, straight from the flows.
type shape struct {
	out, in   float64 // bytes
	packets   uint64
	hours     [24]float64        // bytes by local hour
	days      [2]map[int]float64 // bytes on working days and at weekends
	outside   float64            // bytes outside office hours
	served    map[int]*crowd     // by day: who asked its servers
	asked     map[int]*crowd     // by day: whom it asked
	tunnels   map[int]*crowd     // by day
	servers   map[netip.Addr]float64
	ports     map[uint16]bool
	pairs     map[int]map[[2]netip.Addr]bool // outside office hours, by day
	elsewhere map[int]float64                // bytes out by day, not on a line
	fill      float64                        // bytes in that its own addresses asked for
}

// crowd is how many others there were.
type crowd struct {
	networks map[netip.Prefix]bool
	asns     map[uint32]bool
}

// add counts a network of so many bits in IPv4, or a /48.
func (c *crowd) add(a netip.Addr, bits int, asn uint32) {
	if a.Is6() {
		bits = 48
	}
	c.networks[netip.PrefixFrom(a, bits).Masked()] = true
	c.asns[asn] = true
}

func crowdOf(m map[int]*crowd, day int) *crowd {
	if m[day] == nil {
		m[day] = &crowd{make(map[netip.Prefix]bool), make(map[uint32]bool)}
	}
	return m[day]
}

func newShape() *shape {
	return &shape{
		served: make(map[int]*crowd), asked: make(map[int]*crowd), tunnels: make(map[int]*crowd), elsewhere: make(map[int]float64),
		servers: make(map[netip.Addr]float64), ports: make(map[uint16]bool), pairs: make(map[int]map[[2]netip.Addr]bool),
		days: [2]map[int]float64{make(map[int]float64), make(map[int]float64)},
	}
}

// seen is one flow from the side of the customer.
type seen struct {
	near, far         netip.Addr
	nearPort, farPort uint16
	farASN            uint32
	tunnel            bool
	bytes             float64
	at                time.Time
	day               int
}

func (s *shape) add(f *flow, v seen) {
	s.packets += f.packets
	if f.fromCustomer {
		s.out += v.bytes
	} else {
		s.in += v.bytes
	}
	hour, weekend := v.at.Hour(), 0
	if d := v.at.Weekday(); d == time.Saturday || d == time.Sunday {
		weekend = 1
	}
	s.hours[hour] += v.bytes
	s.days[weekend][v.day] += v.bytes
	if weekend == 1 || hour < 7 || hour >= 22 {
		s.outside += v.bytes
		if s.pairs[v.day] == nil {
			s.pairs[v.day] = make(map[[2]netip.Addr]bool)
		}
		s.pairs[v.day][[2]netip.Addr{v.near, v.far}] = true
	}
	if v.tunnel {
		crowdOf(s.tunnels, v.day).add(v.far, 28, v.farASN) // blocks of customers are that small
	}
	switch {
	case v.nearPort != 0 && v.nearPort < 20000:
		crowdOf(s.served, v.day).add(v.far, 24, v.farASN)
		s.servers[v.near] += v.bytes
		s.ports[v.nearPort] = true
	case v.farPort != 0 && v.farPort < 20000:
		crowdOf(s.asked, v.day).add(v.far, 24, v.farASN)
		if !f.fromCustomer {
			s.fill += v.bytes
		}
	}
}

// shapes plays a carrier and counts by allocation and by line.
func shapes(t *testing.T, c *Carrier) map[string]*shape {
	t.Helper()
	blocks := make(map[netip.Prefix]bool)
	for _, a := range readLedgers(t, c)["allocations"] {
		blocks[netip.MustParsePrefix(a["prefix"])] = true
	}
	out := make(map[string]*shape)
	of := func(id string) *shape {
		if out[id] == nil {
			out[id] = newShape()
		}
		return out[id]
	}
	from, _ := c.Span()
	err := c.play(t.Context(), func(_ int, d datagram, dropped bool) error {
		for i := range d.flows {
			f := &d.flows[i]
			l := &c.lines[f.line]
			if dropped {
				continue
			}
			v := seen{near: f.dst, far: f.src, nearPort: f.dstPort, farPort: f.srcPort, farASN: f.srcAS, at: time.UnixMilli(f.start).In(c.cfg.Location)}
			if f.fromCustomer {
				v.near, v.far, v.nearPort, v.farPort, v.farASN = f.src, f.dst, f.srcPort, f.dstPort, f.dstAS
			}
			v.day = int(v.at.Sub(from) / (24 * time.Hour))
			v.bytes = float64(f.bytes) * float64(c.routers[l.router].domains[l.domain].samplers[l.sampler].rate)
			v.tunnel = f.proto == protoESP || f.proto == protoGRE || v.nearPort == 4500 || v.nearPort == 51820 || v.farPort == 51820
			of(l.id).add(f, v)
			for bits := v.near.BitLen(); bits > 15; bits-- {
				p := netip.PrefixFrom(v.near, bits).Masked()
				if !blocks[p] {
					continue
				}
				s := of(p.String())
				s.add(f, v)
				if f.fromCustomer && (l.ifIndex == ifPeer || l.ifIndex == ifTransit) {
					s.elsewhere[v.day] += v.bytes
				}
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// on is on how many days something holds.
func on(m map[int]*crowd, holds func(*crowd) bool) (n int) {
	for _, c := range m {
		if holds(c) {
			n++
		}
	}
	return n
}

// top is the share of the bytes served that the so many busiest servers give.
func (s *shape) top(n int) float64 {
	all, sum, list := 0.0, 0.0, []float64{}
	for _, b := range s.servers {
		list, all = append(list, b), all+b
	}
	slices.Sort(list)
	slices.Reverse(list)
	for _, b := range list[:min(n, len(list))] {
		sum += b
	}
	return sum / max(1, all)
}

func (s *shape) evening() float64 {
	mean := func(from, to int) (sum float64) {
		for h := from; h < to; h++ {
			sum += s.hours[h]
		}
		return sum / float64(to-from)
	}
	return mean(19, 23) / mean(9, 18)
}

// contrast is bytes of a working day over those of a rest day.
func (s *shape) contrast() float64 {
	mean := func(m map[int]float64) (sum float64) {
		for _, b := range m {
			sum += b
		}
		return sum / float64(max(1, len(m)))
	}
	return mean(s.days[0]) / max(1, mean(s.days[1]))
}

// violates says in the words of RULES whether a shape breaks a rule.
var violates = map[string]func(*shape) bool{
	unlicensedIDC: func(s *shape) bool {
		return len(s.servers) >= 8 && len(s.ports) >= 3 && s.out >= 2*s.in && s.outside > 0.2*(s.in+s.out) &&
			on(s.served, func(c *crowd) bool { return len(c.networks) >= 50 && len(c.asns) >= 5 }) >= 3
	},
	unlicensedCDN: func(s *shape) bool {
		return s.top(16) >= 0.7 && s.out >= 8*s.in && s.fill >= 0.01*s.out &&
			on(s.served, func(c *crowd) bool { return len(c.networks) >= 200 }) >= 3
	},
	unlicensedISP: func(s *shape) bool {
		return s.in >= 3*s.out && s.evening() > 1 && on(s.asked, func(c *crowd) bool { return len(c.networks) >= 500 }) >= 3
	},
	unlicensedIPVPN: func(s *shape) bool {
		return on(s.tunnels, func(c *crowd) bool { return len(c.networks) >= 8 }) >= 3
	},
	unlicensedDNS: func(s *shape) bool {
		return (s.ports[53] || s.ports[853]) && s.fill > 0 && on(s.served, func(c *crowd) bool { return len(c.networks) >= 200 }) >= 3
	},
	selfBuiltPath: func(s *shape) bool {
		sum := 0.0
		for _, b := range s.elsewhere {
			sum += b
		}
		return sum >= 0.1*s.out && len(s.elsewhere) >= 3
	},
	intlNonofficeProfile: func(s *shape) bool {
		days := 0
		for _, p := range s.pairs {
			if len(p) >= 20 {
				days++
			}
		}
		return s.outside >= 0.5*(s.in+s.out) && days >= 5 && s.contrast() < 1.3
	},
}

// excused are innocents whose shape is that of violators: a licence, a filing or
// lost export speaks for them.
var excused = []string{"is active", "carrier's own", "never arrives", "licensed", "B11 began", "subscriber pool", "university", "of one group", "partners only", "dial in", "the holder's own filed names", "second provider"}

func TestShapesAreThoseOfRules(t *testing.T) {
	if testing.Short() {
		t.Skip("plays over a million records")
	}
	c := testCarrier(t, func(cfg *Config) { cfg.Scale = 1 })
	all := shapes(t, c)
	truth := c.Truth()
	checked := make(map[string]int)
	for _, r := range truth.Must {
		s := all[r.SubjectID]
		if violates[r.Rule] == nil || r.Rule == selfBuiltPath && s != nil && len(s.elsewhere) == 0 {
			continue
		}
		checked[r.Rule]++
		if s == nil || !violates[r.Rule](s) || s.packets < 5000 {
			t.Errorf("%s %s: %s: the traffic is not so", r.Rule, r.SubjectID, r.Why)
		}
	}
	for rule := range violates {
		if checked[rule] < 2 {
			t.Errorf("%s: %d violators were looked at", rule, checked[rule])
		}
	}
	for _, r := range c.Innocents() {
		s := all[r.SubjectID]
		if violates[r.Rule] == nil || s == nil || slices.ContainsFunc(excused, func(e string) bool { return strings.Contains(r.Why, e) }) {
			continue
		}
		if violates[r.Rule](s) {
			t.Errorf("%s %s: %s: the traffic is a violator's", r.Rule, r.SubjectID, r.Why)
		}
	}
}
