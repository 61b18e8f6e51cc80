package storage_test

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// allocationDay is an allocation on a day.
type allocationDay struct {
	allocation netip.Prefix
	day        registry.Date
}

// sided is a piece as one of its ends sees it.
type sided struct {
	*piece
	allocationDay
	vantage            storage.Vantage
	address, peer      netip.Addr
	port, peerPort     uint16
	serves, peerServes bool
	network            netip.Prefix
	asn                uint32
	out, in            uint64
	pool, outward      bool
}

// sides visits both ends of every piece that is in an allocation, told from the
// side of its day.
func (o *trafficOracle) sides(visit func(s sided)) {
	best := make(map[allocationDay]storage.Vantage)
	each := func(visit func(s sided)) {
		for i := range o.pieces {
			p := &o.pieces[i]
			r, l := p.r, &p.r.Labels
			if l.SrcAllocation.IsValid() {
				visit(sided{
					p,
					allocationDay{l.SrcAllocation, o.day(p.hour)},
					p.srcVantage, r.Src, r.Dst, r.SrcPort, r.DstPort,
					p.srcServes, p.dstServes, p.dstNetwork, l.DstOrigin, p.bytes, 0, p.srcPool, true,
				})
			}
			if l.DstAllocation.IsValid() {
				visit(sided{
					p,
					allocationDay{l.DstAllocation, o.day(p.hour)},
					p.dstVantage, r.Dst, r.Src, r.DstPort, r.SrcPort,
					p.dstServes, p.srcServes, p.srcNetwork, l.SrcOrigin, 0, p.bytes, p.dstPool, false,
				})
			}
		}
	}
	each(func(s sided) {
		if v, known := best[s.allocationDay]; !known || s.vantage < v {
			best[s.allocationDay] = s.vantage
		}
	})
	each(func(s sided) {
		if s.vantage == best[s.allocationDay] {
			visit(s)
		}
	})
}

func compareDays(a, b allocationDay) int {
	return cmp.Or(comparePrefix(a.allocation, b.allocation), cmp.Compare(a.day, b.day))
}

// rowOf returns the value of a key, made when it is new.
func rowOf[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

func (o *trafficOracle) allocations() []rules.AllocationDay {
	type row struct {
		rules.AllocationDay
		exporters                      set[netip.Addr]
		servedNetworks, filledNetworks set[netip.Prefix]
		servedASNs, filledASNs         set[uint32]
	}
	rows := make(map[allocationDay]*row)
	o.sides(func(s sided) {
		a := rowOf(rows, s.allocationDay)
		a.Out, a.In, a.Samples, a.Unscaled = a.Out+s.out, a.In+s.in, a.Samples+s.samples, a.Unscaled+s.unscaled
		h := time.Unix(s.hour, 0).In(o.loc).Hour()
		a.OutByHour[h] += s.out
		a.InByHour[h] += s.in
		if s.port == 80 || s.port == 443 {
			a.WebOut += s.out
		}
		a.exporters.add(s.r.Source.Exporter)
		if s.rate > 0 && s.serves {
			a.servedNetworks.add(s.network)
			a.servedASNs.add(s.asn)
		}
		if s.rate > 0 && s.peerServes {
			a.filledNetworks.add(s.network)
			a.filledASNs.add(s.asn)
		}
	})
	var list []rules.AllocationDay
	for k, r := range rows {
		a := r.AllocationDay
		a.Allocation, a.Day = k.allocation, k.day
		a.ServedNetworks, a.ServedASNs = r.servedNetworks.size(), r.servedASNs.size()
		a.FilledNetworks, a.FilledASNs = r.filledNetworks.size(), r.filledASNs.size()
		for e := range r.exporters {
			a.Exporters = append(a.Exporters, e)
		}
		slices.SortFunc(a.Exporters, func(a, b netip.Addr) int { return wideOf(a).Compare(wideOf(b)) })
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b rules.AllocationDay) int {
		return compareDays(allocationDay{a.Allocation, a.Day}, allocationDay{b.Allocation, b.Day})
	})
	return list
}

type session struct {
	proto          uint8
	port, peerPort uint16
	peer           netip.Addr
}

func (o *trafficOracle) hosts(within []netip.Prefix) []rules.AllocationHost {
	type key struct {
		allocationDay
		address netip.Addr
		port    uint16
	}
	type hourKey struct {
		key
		hour int64
	}
	type tally struct {
		out   uint64
		peers set[netip.Addr]
	}
	asked := func(s sided) bool { return s.rate > 0 && !s.pool && slices.Contains(within, s.allocation) }
	keyOf := func(s sided) key {
		k := key{s.allocationDay, s.address, 0}
		if s.serves {
			k.port = s.port
		}
		return k
	}
	// A port that sent nothing and that few tried in an hour is none.
	tallies := make(map[hourKey]*tally)
	o.sides(func(s sided) {
		if asked(s) {
			t := rowOf(tallies, hourKey{keyOf(s), s.hour})
			t.out += s.out
			t.peers.add(s.peer)
		}
	})
	type row struct {
		rules.AllocationHost
		peers    set[netip.Addr]
		networks set[netip.Prefix]
		asns     set[uint32]
		sessions set[session]
		parts    map[int64]map[uint64]*set[session] // by five minutes and rate
	}
	rows := make(map[key]*row)
	o.sides(func(s sided) {
		if !asked(s) {
			return
		}
		k := keyOf(s)
		if t := tallies[hourKey{k, s.hour}]; t.out == 0 && t.peers.size() < 5 {
			k.port = 0
		}
		h := rowOf(rows, k)
		h.Out, h.In, h.Samples = h.Out+s.out, h.In+s.in, h.Samples+s.samples
		h.Hours |= 1 << time.Unix(s.hour, 0).In(o.loc).Hour()
		h.peers.add(s.peer)
		if k.port != 0 {
			h.networks.add(s.network)
			h.asns.add(s.asn)
		}
		if s.serves || !slices.Contains(o.scope.Shared, k.allocation) {
			return
		}
		one := session{s.r.Proto, s.port, s.peerPort, s.peer}
		h.sessions.add(one)
		for five := s.at / 300e9; five <= (s.until-1)/300e9; five++ {
			if h.parts == nil {
				h.parts = make(map[int64]map[uint64]*set[session])
			}
			if h.parts[five] == nil {
				h.parts[five] = make(map[uint64]*set[session])
			}
			rowOf(h.parts[five], s.rate).add(one)
		}
	})
	var list []rules.AllocationHost
	for k, r := range rows {
		h := r.AllocationHost
		h.Allocation, h.Day, h.Address, h.Port = k.allocation, k.day, k.address, k.port
		h.Peers, h.Networks, h.ASNs, h.Sessions = r.peers.size(), r.networks.size(), r.asns.size(), r.sessions.size()
		for _, byRate := range r.parts {
			n := uint64(0)
			for rate, s := range byRate {
				n += rate * s.size()
			}
			h.PeakSessions = max(h.PeakSessions, n)
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b rules.AllocationHost) int {
		return cmp.Or(compareDays(allocationDay{a.Allocation, a.Day}, allocationDay{b.Allocation, b.Day}),
			wideOf(a.Address).Compare(wideOf(b.Address)), cmp.Compare(a.Port, b.Port))
	})
	return list
}

func (o *trafficOracle) sources(within []netip.Prefix) []rules.AllocationSource {
	type key struct {
		allocationDay
		network netip.Prefix
	}
	rows := make(map[key]*rules.AllocationSource)
	o.sides(func(s sided) {
		if s.rate == 0 || s.pool || !s.peerServes || !slices.Contains(within, s.allocation) {
			return
		}
		a := rowOf(rows, key{s.allocationDay, s.network})
		a.Allocation, a.Day, a.Network, a.ASN = s.allocation, s.day, s.network, s.asn
		a.In, a.Out, a.Samples = a.In+s.in, a.Out+s.out, a.Samples+s.samples
		if s.peerPort == 80 || s.peerPort == 443 {
			a.WebIn += s.in
		}
	})
	var list []rules.AllocationSource
	for _, a := range rows {
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b rules.AllocationSource) int {
		return cmp.Or(compareDays(allocationDay{a.Allocation, a.Day}, allocationDay{b.Allocation, b.Day}), comparePrefix(a.Network, b.Network))
	})
	return list
}

// contact is the kind of contact of a side.
func contact(s sided) rules.ContactKind {
	tunnels := []uint16{1723, 1194}
	if s.r.Proto == 17 {
		tunnels = []uint16{500, 4500, 1194, 1701, 51820, 1723}
	}
	ports := s.r.Proto == 6 || s.r.Proto == 17
	dns := func(port uint16) bool { return port == 53 || port == 853 }
	switch {
	case slices.Contains([]uint8{4, 41, 47, 50, 51, 94, 115}, s.r.Proto),
		ports && (s.serves && slices.Contains(tunnels, s.port) || s.peerServes && slices.Contains(tunnels, s.peerPort)):
		return rules.ContactTunnel
	case ports && dns(s.port) && s.out > 0:
		return rules.ContactAnswer
	case ports && dns(s.peerPort) && !dns(s.port):
		return rules.ContactQuery
	}
	return rules.ContactOther
}

func (o *trafficOracle) contacts(within []netip.Prefix) []rules.AllocationContact {
	type key struct {
		allocationDay
		address netip.Addr
		kind    rules.ContactKind
		network netip.Prefix
	}
	type endpoint struct {
		address netip.Addr
		hour    int64
	}
	asked := func(s sided) bool { return s.rate > 0 && !s.pool && slices.Contains(within, s.allocation) }
	tunnels := make(set[endpoint])
	o.sides(func(s sided) {
		if asked(s) && contact(s) == rules.ContactTunnel {
			tunnels.add(endpoint{s.address, s.hour})
		}
	})
	rows := make(map[key]*rules.AllocationContact)
	o.sides(func(s sided) {
		kind := contact(s)
		if !asked(s) || kind == rules.ContactOther && !tunnels[endpoint{s.address, s.hour}] {
			return
		}
		c := rowOf(rows, key{s.allocationDay, s.address, kind, s.network})
		c.Allocation, c.Day, c.Address, c.Kind, c.Network = s.allocation, s.day, s.address, kind, s.network
		c.Out, c.In, c.Samples = c.Out+s.out, c.In+s.in, c.Samples+s.samples
	})
	var list []rules.AllocationContact
	for _, c := range rows {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b rules.AllocationContact) int {
		return cmp.Or(compareDays(allocationDay{a.Allocation, a.Day}, allocationDay{b.Allocation, b.Day}),
			wideOf(a.Address).Compare(wideOf(b.Address)), cmp.Compare(a.Kind, b.Kind), comparePrefix(a.Network, b.Network))
	})
	return list
}

func (o *trafficOracle) entries() []rules.AllocationEntry {
	type key struct {
		allocationDay
		exporter netip.Addr
		port     uint32
	}
	rows := make(map[key]*rules.AllocationEntry)
	for i := range o.pieces {
		p := &o.pieces[i]
		allocation := p.r.Labels.SrcAllocation
		if !allocation.IsValid() || p.rate == 0 || p.srcPool {
			continue
		}
		e := rowOf(rows, key{allocationDay{allocation, o.day(p.hour)}, p.r.Source.Exporter, p.r.InIf})
		e.Allocation, e.Day, e.Exporter, e.InIf = allocation, o.day(p.hour), p.r.Source.Exporter, p.r.InIf
		e.Bytes, e.Samples = e.Bytes+p.bytes, e.Samples+p.samples
		for _, port := range o.scope.Ports {
			if port.Exporter == e.Exporter && port.IfIndex == e.InIf {
				e.Line = port.Line
			}
		}
	}
	var list []rules.AllocationEntry
	for _, e := range rows {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b rules.AllocationEntry) int {
		return cmp.Or(compareDays(allocationDay{a.Allocation, a.Day}, allocationDay{b.Allocation, b.Day}),
			wideOf(a.Exporter).Compare(wideOf(b.Exporter)), cmp.Compare(a.InIf, b.InIf))
	})
	return list
}
