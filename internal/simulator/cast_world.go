package simulator

import (
	"fmt"
	"net/netip"
)

// nextASN gives out an ASN that nobody on the Internet has, and that is not a
// private one either: those are often stripped from paths.
func (b *cast) nextASN() uint32 {
	const first = 1_000_000 // far above what is assigned
	b.lastASN++
	return first + b.lastASN
}

// ownASN gives an enterprise the next ASN.
func (b *cast) ownASN(enterprise string) uint32 {
	asn := b.nextASN()
	b.asn(enterprise, asn)
	return asn
}

// plantCrowds makes the many networks that services are for. Most of them are
// in no ledger: only routes tell whose they are.
func (b *cast) plantCrowds() {
	w := &b.world
	for _, p := range join(w.web[:3], w.homes) {
		b.announce(b.peering, p.prefix, nil, b.peering.asn, p.asn)
	}
	for _, p := range join(w.web[3:], w.abroad) {
		b.announce(b.transit, p.prefix, nil, b.transit.asn, p.asn)
	}
	for i := range 60 {
		asn := b.nextASN()
		p := pool{prefix: nextBlock(&b.foreign, 20), hosts: 4000, asn: asn, even: true}
		if i%4 == 3 {
			b.filedNetwork(p.prefix, "CN", fmt.Sprintf("城市宽带 %d", i), "access", asn)
		}
		b.announce(b.peering, p.prefix, nil, b.peering.asn, asn)
		w.clients = append(w.clients, p)
	}
	w.clients6 = b.crowd6(30, 10, b.peering)
	for i := range 24 {
		asn := b.nextASN()
		p := pool{prefix: nextBlock(&b.foreign, 21), hosts: 2000, asn: asn, even: true}
		if i%2 == 1 {
			b.filedNetwork(p.prefix, []string{"US", "SG", "JP", "DE"}[i%4], fmt.Sprintf("Overseas Access %d", i), "access", asn)
		}
		b.announce(b.transit, p.prefix, nil, b.transit.asn, asn)
		w.overseas = append(w.overseas, p)
	}
	w.overseas6 = b.crowd6(14, 6, b.transit)
	for i, kind := range []string{"cdn", "cloud", "cdn", "datacentre", "cloud", "cdn"} {
		asn := b.nextASN()
		p := b.network(20, "CN", fmt.Sprintf("内容网络 %d", i), kind, asn, 3000)
		b.announce(b.peering, p.prefix, nil, b.peering.asn, asn)
		w.content = append(w.content, p)
	}
	for i := range 14 {
		p := b.network(24, "CN", fmt.Sprintf("某企业分支 %d", i), "enterprise", 0, 3)
		w.branches = append(w.branches, p)
	}
}

// crowd6 makes so many IPv6 /48 of each of so many networks, and announces them
// as one /40 each.
func (b *cast) crowd6(networks, each int, via *session) []pool {
	var out []pool
	for range networks {
		asn := b.nextASN()
		b.farV6 = (b.farV6 | 0xff) + 1
		at := func(n uint16, bits int) netip.Prefix {
			return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2e, 0x80, 0, 2, byte(n >> 8), byte(n)}), bits)
		}
		b.announce(via, at(b.farV6, 40), nil, via.asn, asn)
		for i := range each {
			out = append(out, pool{prefix: at(b.farV6+uint16(i), 48), hosts: 200, asn: asn, even: true})
		}
		b.farV6 += uint16(each)
	}
	return out
}

// plantPartners files enterprises that join the private networks of others.
func (b *cast) plantPartners() {
	for i := range 14 {
		id := fmt.Sprintf("E%d", 701+i)
		b.enterprise(enterprise{id: id, name: fmt.Sprintf("上海联营第%d商贸有限公司", i+1), nameEN: fmt.Sprintf("Joint Trading %d", i+1), place: "310100"})
		prefix := b.allocate(allocation{bits: 28, enterprise: id, use: "enterprise"})
		b.world.partners = append(b.world.partners, pool{prefix: prefix, hosts: 1})
	}
}

// served is a holder with a block of its own and a domestic line, on which the
// block answers or asks.
type served struct {
	e              enterprise // filed unless it is already
	line           string
	use            string // of the block, enterprise if empty
	lineUse        string // of the line, enterprise if empty
	bits           int    // of the IPv4 block
	hosts          uint64
	v6             bool // an IPv6 block instead
	router, domain int
	mean, down     float64
	peak           float64 // 10 if zero
	profile        profile
	apps           []app
	far            []pool
	parts          []part
	noneEval       bool
}

// near is the pool of a block whose hosts are all as busy.
func near(prefix netip.Prefix, hosts uint64) []pool {
	return []pool{{prefix: prefix, hosts: hosts, even: true}}
}

// serve files a served holder and returns its block.
func (b *cast) serve(s served) netip.Prefix {
	if _, known := b.places[s.e.id]; !known {
		b.enterprise(s.e)
	}
	if s.use == "" {
		s.use = "enterprise"
	}
	if s.peak == 0 {
		s.peak = 10
	}
	a := allocation{bits: s.bits, enterprise: s.e.id, use: s.use, noneEval: s.noneEval}
	if s.v6 {
		a.prefix = b.block6()
	}
	prefix := b.allocate(a)
	b.addLine(lineSpec{
		id: s.line, enterprise: s.e.id, use: s.lineUse, router: s.router, domain: s.domain, mean: s.mean, down: s.down, peak: s.peak,
		profile: s.profile, near: near(prefix, s.hosts), far: s.far, apps: s.apps, parts: s.parts, ends: []endpoint{{"a", prefix, "other"}},
	})
	return prefix
}

// join appends pools to a copy of others.
func join(pools ...[]pool) []pool {
	var out []pool
	for _, p := range pools {
		out = append(out, p...)
	}
	return out
}
