package storage_test

import (
	"cmp"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// piece is the part of a flow that lies in one hour.
type piece struct {
	r                        *flows.Record
	hour, at, until          int64 // seconds, and nanoseconds
	rate, bytes, samples     uint64
	unscaled                 uint64
	srcServes, dstServes     bool
	srcVantage, dstVantage   storage.Vantage
	srcNetwork, dstNetwork   netip.Prefix
	srcPool, dstPool, begins bool
}

// trafficOracle knows the records and computes every answer by brute force.
type trafficOracle struct {
	loc    *time.Location
	scope  storage.Scope
	pieces []piece
}

// mulDiv is a*b/c in whole units.
func mulDiv(a uint64, b, c int64) uint64 {
	x := new(big.Int).Mul(new(big.Int).SetUint64(a), big.NewInt(b))
	return x.Div(x, big.NewInt(c)).Uint64()
}

// part is what of total falls into from..to of a length.
func part(total uint64, from, to, length int64) uint64 {
	return mulDiv(total, to, length) - mulDiv(total, from, length)
}

func rank(proto uint8, port uint16) int {
	switch {
	case proto != 6 && proto != 17 || port == 0:
		return 0
	case port < 1024:
		return 2
	case slices.Contains([]uint16{8080, 4500, 1194, 51820}, port): // those the records have
		return 1
	}
	return 0
}

type endKey struct {
	hour int64
	addr netip.Addr
	port uint16
}

func newTrafficOracle(records []flows.Record, scope storage.Scope, loc *time.Location) *trafficOracle {
	o := &trafficOracle{loc: loc, scope: scope}
	for i := range records {
		o.cut(&records[i])
	}
	shared := make(map[endKey]map[netip.Addr]bool)
	open := func(p *piece) bool {
		return rank(p.r.Proto, p.r.SrcPort)+rank(p.r.Proto, p.r.DstPort) == 0 && p.r.Proto != 1
	}
	for i := range o.pieces {
		p := &o.pieces[i]
		if !open(p) {
			continue
		}
		for _, e := range []struct {
			key  endKey
			peer netip.Addr
		}{{endKey{p.hour, p.r.Src, p.r.SrcPort}, p.r.Dst}, {endKey{p.hour, p.r.Dst, p.r.DstPort}, p.r.Src}} {
			if shared[e.key] == nil {
				shared[e.key] = make(map[netip.Addr]bool)
			}
			shared[e.key][e.peer] = true
		}
	}
	for i := range o.pieces {
		p := &o.pieces[i]
		src, dst := rank(p.r.Proto, p.r.SrcPort), rank(p.r.Proto, p.r.DstPort)
		p.srcServes, p.dstServes = src >= dst && src > 0, dst >= src && dst > 0
		if open(p) {
			p.srcServes = len(shared[endKey{p.hour, p.r.Src, p.r.SrcPort}]) >= 5
			p.dstServes = len(shared[endKey{p.hour, p.r.Dst, p.r.DstPort}]) >= 5
		}
	}
	return o
}

// cut cuts a flow at the hours.
func (o *trafficOracle) cut(r *flows.Record) {
	const hour = int64(time.Hour)
	first := r.Start.UnixNano()
	if r.Start.IsZero() {
		first = r.Received.UnixNano()
	}
	last := first
	if !r.End.IsZero() {
		last = max(last, r.End.UnixNano())
	}
	begin := max(first, last-7*24*hour)
	length := max(last-begin, 1)
	total := r.Bytes * max(r.SamplingRate, 1)
	for h := begin / hour; h <= (begin+length-1)/hour; h++ {
		from, to := max(h*hour-begin, 0), min((h+1)*hour-begin, length)
		p := piece{r: r, hour: h * 3600, at: begin + from, until: begin + to, rate: r.SamplingRate, begins: from == 0}
		if r.SamplingRate == 0 {
			p.unscaled = part(total, from, to, length)
		} else {
			p.bytes, p.samples = part(total, from, to, length), part(r.Packets, from, to, length)
		}
		in, out := o.vantage(r.Source.Exporter, r.InIf), o.vantage(r.Source.Exporter, r.OutIf)
		side := func(own storage.Vantage) storage.Vantage {
			switch {
			case own == storage.VantageCustomer:
				return own
			case in == storage.VantageBorder || out == storage.VantageBorder:
				return storage.VantageBorder
			}
			return storage.VantageOther
		}
		p.srcVantage, p.dstVantage = side(in), side(out)
		p.srcNetwork, p.dstNetwork = network(r.Labels.SrcNet, r.Src), network(r.Labels.DstNet, r.Dst)
		p.srcPool, p.dstPool = slices.Contains(o.scope.Pools, r.Labels.SrcAllocation), slices.Contains(o.scope.Pools, r.Labels.DstAllocation)
		o.pieces = append(o.pieces, p)
	}
}

func network(label netip.Prefix, a netip.Addr) netip.Prefix {
	if label.IsValid() {
		return label
	}
	bits := 24
	if a.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(a, bits).Masked()
}

func (o *trafficOracle) vantage(exporter netip.Addr, port uint32) storage.Vantage {
	for _, p := range o.scope.Ports {
		if p.Exporter == exporter && p.IfIndex == port {
			return p.Vantage
		}
	}
	return storage.VantageOther
}

func (o *trafficOracle) day(hour int64) registry.Date {
	return registry.DateOf(time.Unix(hour, 0).In(o.loc))
}

// crossed is a piece as one line sees it.
type crossed struct {
	*piece
	line    string
	outward bool
}

func (o *trafficOracle) crossings(visit func(c crossed)) {
	for i := range o.pieces {
		p := &o.pieces[i]
		if l := &p.r.Labels; l.Line != "" && l.LineDirection != flows.LineNone {
			visit(crossed{p, l.Line, l.LineDirection == flows.FromCustomer})
		}
		if l := &p.r.Labels; l.PeerLine != "" {
			visit(crossed{p, l.PeerLine, false})
		}
	}
}

func (o *trafficOracle) lineHours() []rules.LineHour {
	type key struct {
		line string
		hour int64
	}
	rows, minutes := make(map[key]*rules.LineHour), make(map[key]*[2][60]uint64)
	o.crossings(func(c crossed) {
		if c.rate == 0 {
			return
		}
		k := key{c.line, c.hour}
		if rows[k] == nil {
			rows[k], minutes[k] = &rules.LineHour{Line: c.line, Hour: time.Unix(c.hour, 0).UTC()}, new([2][60]uint64)
		}
		way := 1
		if c.outward {
			rows[k].FromCustomer += c.bytes
			way = 0
		} else {
			rows[k].ToCustomer += c.bytes
		}
		rows[k].Samples += c.samples
		for m := range int64(60) {
			from := max(c.hour*1e9+m*60e9-c.at, 0)
			to := min(c.hour*1e9+(m+1)*60e9-c.at, c.until-c.at)
			if from < to {
				minutes[k][way][m] += part(c.bytes, from, to, c.until-c.at)
			}
		}
	})
	var list []rules.LineHour
	for k, row := range rows {
		for way, m := range minutes[k] {
			slices.Sort(m[:])
			peak, p95 := m[59]*8/60, m[56]*8/60
			if way == 0 {
				row.PeakFromCustomer, row.P95FromCustomer = peak, p95
			} else {
				row.PeakToCustomer, row.P95ToCustomer = peak, p95
			}
		}
		list = append(list, *row)
	}
	slices.SortFunc(list, func(a, b rules.LineHour) int { return cmp.Or(cmp.Compare(a.Line, b.Line), a.Hour.Compare(b.Hour)) })
	return list
}

// set counts distinct values.
type set[T comparable] map[T]bool

func (s *set[T]) add(v T) {
	if *s == nil {
		*s = make(set[T])
	}
	(*s)[v] = true
}

func (s *set[T]) size() uint64 { return uint64(len(*s)) }

func (o *trafficOracle) linePairs(q rules.PairsQuestion) []rules.LinePairs {
	type key struct {
		line string
		day  registry.Date
	}
	pairs := make(map[key]*set[[2]netip.Addr])
	o.crossings(func(c crossed) {
		international := slices.ContainsFunc(o.scope.Lines, func(l storage.ScopeLine) bool { return l.ID == c.line })
		asked := slices.ContainsFunc(q.Hours, func(h time.Time) bool { return h.Unix() == c.hour })
		if c.rate == 0 || !international || !asked || !slices.Contains(q.Lines, c.line) {
			return
		}
		k := key{c.line, o.day(c.hour)}
		if pairs[k] == nil {
			pairs[k] = new(set[[2]netip.Addr])
		}
		if c.outward {
			pairs[k].add([2]netip.Addr{c.r.Src, c.r.Dst})
		} else {
			pairs[k].add([2]netip.Addr{c.r.Dst, c.r.Src})
		}
	})
	var list []rules.LinePairs
	for k, s := range pairs {
		list = append(list, rules.LinePairs{Line: k.line, Day: k.day, Pairs: s.size()})
	}
	slices.SortFunc(list, func(a, b rules.LinePairs) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Day, b.Day)) })
	return list
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(wideOf(a.Addr()).Compare(wideOf(b.Addr())), cmp.Compare(a.Bits(), b.Bits()))
}

func wideOf(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

func (o *trafficOracle) lineServices() []rules.LineService {
	type key struct {
		line   string
		day    registry.Date
		server netip.Prefix
		near   bool
		port   uint16
	}
	type service struct {
		peers   set[netip.Addr]
		clients map[netip.Prefix]*rules.ServiceClient
	}
	rows, tried := make(map[key]*service), o.tried()
	o.crossings(func(c crossed) {
		at := slices.IndexFunc(o.scope.Lines, func(l storage.ScopeLine) bool { return l.ID == c.line })
		if at < 0 || c.rate == 0 {
			return
		}
		serve := func(server, client netip.Addr, port uint16, near bool, own, other netip.Prefix, asn uint32, named bool) {
			if !tried[tryKey{c.line, c.hour, server, port, near}].serves() {
				return
			}
			named = named || slices.ContainsFunc(o.scope.Lines[at].Ends, func(p netip.Prefix) bool { return p.Contains(server) })
			k := key{c.line, o.day(c.hour), own, near, port}
			if named {
				k.server = netip.PrefixFrom(server, server.BitLen())
			}
			if rows[k] == nil {
				rows[k] = &service{clients: make(map[netip.Prefix]*rules.ServiceClient)}
			}
			rows[k].peers.add(client)
			if rows[k].clients[other] == nil {
				rows[k].clients[other] = &rules.ServiceClient{Network: other, ASN: asn}
			}
			rows[k].clients[other].Bytes += c.bytes
			rows[k].clients[other].Samples += c.samples
		}
		r := c.r
		if c.srcServes {
			serve(r.Src, r.Dst, r.SrcPort, c.outward, c.srcNetwork, c.dstNetwork, r.Labels.DstOrigin, r.Labels.SrcAllocation.IsValid() && !c.srcPool)
		}
		if c.dstServes {
			serve(r.Dst, r.Src, r.DstPort, !c.outward, c.dstNetwork, c.srcNetwork, r.Labels.SrcOrigin, r.Labels.DstAllocation.IsValid() && !c.dstPool)
		}
	})
	var list []rules.LineService
	for k, row := range rows {
		s := rules.LineService{Line: k.line, Day: k.day, Server: k.server, Near: k.near, Port: k.port, Peers: row.peers.size()}
		for _, c := range row.clients {
			s.Bytes += c.Bytes
			s.Samples += c.Samples
			s.Clients = append(s.Clients, *c)
		}
		slices.SortFunc(s.Clients, func(a, b rules.ServiceClient) int {
			return cmp.Or(a.Network.Addr().Compare(b.Network.Addr()), cmp.Compare(a.Network.Bits(), b.Network.Bits()))
		})
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b rules.LineService) int {
		near := map[bool]int{true: 1}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Day, b.Day), comparePrefix(a.Server, b.Server),
			near[a.Near]-near[b.Near], cmp.Compare(a.Port, b.Port))
	})
	return list
}

// tryKey is an address and port that was used as a server in an hour.
type tryKey struct {
	line   string
	hour   int64
	server netip.Addr
	port   uint16
	near   bool
}

// try is what was exchanged with it.
type try struct {
	bytes, packets uint64 // scaled
	sent           bool
}

func (t *try) serves() bool {
	if t.sent {
		return t.bytes > 64*t.packets
	}
	return t.bytes > 200*t.packets
}

func (o *trafficOracle) tried() map[tryKey]*try {
	out := make(map[tryKey]*try)
	o.crossings(func(c crossed) {
		add := func(server netip.Addr, port uint16, near, sent bool) {
			k := tryKey{c.line, c.hour, server, port, near}
			if out[k] == nil {
				out[k] = new(try)
			}
			out[k].bytes += c.bytes
			out[k].packets += c.samples * uint64(c.rate)
			out[k].sent = out[k].sent || sent
		}
		if c.rate > 0 && c.srcServes {
			add(c.r.Src, c.r.SrcPort, c.outward, true)
		}
		if c.rate > 0 && c.dstServes {
			add(c.r.Dst, c.r.DstPort, !c.outward, false)
		}
	})
	return out
}

// asnOf gives each network an origin of its own, so that it is one.
func asnOf(p netip.Prefix) uint32 {
	b := p.Addr().As16()
	return 64500 + uint32(b[14]+b[5]+b[13])%5
}
