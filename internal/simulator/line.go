package simulator

import "net/netip"

// line is what the simulator knows of a customer's line: where it is metered
// and what it carries.
type line struct {
	id       string
	router   int
	domain   int
	sampler  int
	ifIndex  uint32
	outIf    uint32  // the other side of the router
	mean     float64 // Mbit/s, both directions, over a usual working day
	down     float64 // share of flows towards the customer
	peak     float64 // flow records per slot at the busiest time, at scale 1
	profile  profile
	apps     []app
	vlan     uint16
	parts    []part
	nextHops [2]netip.Addr // IPv4, IPv6
}

// part is one kind of traffic of a line: who talks to whom, and how much of
// the line that is.
type part struct {
	name string
	// share is the part of the line's bytes while the part is active; the
	// first part of a line takes what the others leave.
	share     float64
	near, far []pool
	when      func(dayBefore, hour int) bool // nil is always; dayBefore counts back from the last day
	apps      []app                          // nil takes those of the line
	down      float64                        // share of flows towards the customer, that of the line if 0
}

// active reports whether the part sends in that hour.
func (p *part) active(dayBefore, hour int) bool { return p.when == nil || p.when(dayBefore, hour) }

// pool is a set of hosts inside a prefix.
type pool struct {
	prefix netip.Prefix
	hosts  uint64 // how many, from the first host on
	asn    uint32
	even   bool // all hosts are as busy, not the first ones busier
}

// host returns one of the pool's addresses.
func (p pool) host(n uint64) netip.Addr {
	n = 1 + n%max(1, p.hosts)
	if p.prefix.Addr().Is4() {
		raw := p.prefix.Addr().As4()
		v := uint64(raw[0])<<24 | uint64(raw[1])<<16 | uint64(raw[2])<<8 | uint64(raw[3])
		v += n
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	}
	raw := p.prefix.Addr().As16()
	for i := 15; i >= 8; i-- {
		raw[i] |= byte(n >> (8 * (15 - i)))
	}
	return netip.AddrFrom16(raw)
}

// Protocols of the applications.
const (
	protoTCP = 6
	protoUDP = 17
	protoGRE = 47
	protoESP = 50
)

// app is an application as a flow meter sees it.
type app struct {
	proto    uint8
	port     uint16
	size     uint64 // usual packet size in bytes
	nearSide bool   // the server is on the customer's side
	both     bool   // either end uses the port
}

// What people in offices, at home and machines use.
func officeApps() []app {
	return []app{
		{proto: protoTCP, port: 443, size: 980},
		{proto: protoTCP, port: 443, size: 820},
		{proto: protoTCP, port: 445, size: 1100},
		{proto: protoTCP, port: 3389, size: 420},
		{proto: protoTCP, port: 993, size: 640},
		{proto: protoTCP, port: 22, size: 350, nearSide: true},
		{proto: protoUDP, port: 5060, size: 380},
		{proto: protoTCP, port: 1433, size: 700, nearSide: true},
	}
}

func webApps() []app {
	return []app{{proto: protoTCP, port: 443, size: 1050}, {proto: protoUDP, port: 443, size: 1180}, {proto: protoTCP, port: 80, size: 930}, {proto: protoUDP, port: 53, size: 110}}
}

func serverApps() []app {
	return []app{{proto: protoTCP, port: 443, size: 1150, nearSide: true}, {proto: protoUDP, port: 443, size: 1200, nearSide: true}, {proto: protoTCP, port: 80, size: 1000, nearSide: true}, {proto: protoTCP, port: 22, size: 300, nearSide: true}, {proto: protoTCP, port: 8443, size: 900, nearSide: true}}
}

func routerApps() []app {
	return []app{{proto: protoTCP, port: 179, size: 620}, {proto: protoUDP, port: 3784, size: 66}}
}

// profile says how busy a line is over the week.
type profile uint8

const (
	office    profile = iota // working hours, quiet weekends
	evening                  // homes: busiest at nine in the evening
	flat                     // machines
	campus                   // daytime and evening
	nightJob                 // backups at night beside some daytime use
	followSun                // the working day of the other side of the earth
)

// weight returns how busy a line is at that hour, 1 at the busiest time.
func (p profile) weight(hour int, weekend bool) float64 {
	w := profileHours[p][hour]
	if !weekend {
		return w
	}
	switch p {
	case office, followSun:
		return 0.08 + w*0.15
	case evening:
		return min(1, w*1.15)
	case campus:
		return w * 0.8
	case flat, nightJob:
	}
	return w
}

// profileHours are the hours of a working day.
var profileHours = [...][24]float64{
	office:    {.04, .03, .03, .03, .03, .04, .08, .25, .6, .9, 1, .95, .6, .7, .95, 1, .95, .85, .55, .35, .2, .14, .1, .06},
	evening:   {.35, .2, .12, .08, .06, .06, .1, .18, .25, .3, .32, .38, .45, .42, .38, .38, .42, .5, .65, .85, .97, 1, .85, .6},
	flat:      {.7, .65, .6, .6, .6, .62, .65, .7, .78, .85, .9, .92, .9, .9, .92, .95, .95, .95, .95, .98, 1, 1, .95, .85},
	campus:    {.2, .1, .06, .05, .05, .06, .15, .35, .6, .75, .8, .75, .65, .65, .75, .8, .75, .7, .75, .9, 1, .95, .7, .4},
	followSun: {.9, 1, 1, .95, .9, .8, .5, .2, .1, .06, .05, .05, .04, .04, .05, .05, .05, .05, .06, .08, .15, .4, .7, .85},
	nightJob:  {.9, 1, 1, .9, .6, .3, .1, .12, .25, .35, .4, .38, .3, .32, .38, .4, .38, .3, .2, .15, .12, .1, .2, .6},
}

// deliveryApps is what edges of content networks answer on.
func deliveryApps() []app {
	return []app{
		{proto: protoTCP, port: 443, size: 1250, nearSide: true},
		{proto: protoUDP, port: 443, size: 1280, nearSide: true},
		{proto: protoTCP, port: 80, size: 1200, nearSide: true},
	}
}

// rackApps is what the machines of many tenants answer on.
func rackApps() []app {
	var out []app
	for _, port := range []uint16{443, 443, 80, 22, 25, 3306, 8443, 8080} {
		out = append(out, app{proto: protoTCP, port: port, size: 900, nearSide: true})
	}
	return out
}

// tunnelApps is how private networks meet: IPsec, GRE and WireGuard.
func tunnelApps() []app {
	return []app{
		{proto: protoUDP, port: 4500, size: 900, both: true},
		{proto: protoESP, size: 1000},
		{proto: protoGRE, size: 950},
		{proto: protoUDP, port: 51820, size: 880, nearSide: true},
	}
}
