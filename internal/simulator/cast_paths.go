package simulator

import (
	"net/netip"
)

// castPaths plants what self-built-path must and must not find.
func (b *cast) castPaths() {
	desk := served{bits: 26, hosts: 40, router: beijing, mean: 40, down: 0.5, profile: office, apps: webApps(), far: b.world.web}

	s := desk
	s.e, s.line = enterprise{id: "E801", name: "北京暗渠科技有限公司", nameEN: "Anqu Technology", place: "110100"}, "DIA-BJ-0801"
	prefix := b.serve(s)
	b.elsewhere(elsewhere{prefix: prefix, router: shanghai, in: ifPeer, mean: 30})
	b.must(selfBuiltPath, "allocation", prefix.String(), "over 40 % of its bytes come in over another network, and no route says that it has another provider")

	s = desk
	s.e, s.line, s.v6, s.router, s.far = enterprise{id: "E802", name: "广州地道网络有限公司", nameEN: "Didao Networks", place: "440100"}, "DIA-GZ-0802", true, guangzhou, b.world.clients6
	prefix = b.serve(s)
	b.elsewhere(elsewhere{prefix: prefix, router: beijing, in: ifTransit, mean: 20, far: b.world.clients6})
	b.must(selfBuiltPath, "allocation", prefix.String(), "a third of its IPv6 bytes come in from transit, and no route says why")

	// The line of another customer: that one sells what it was not sold for.
	s = desk
	s.e, s.line, s.router = enterprise{id: "E803", name: "上海借道商务有限公司", nameEN: "Jiedao Business", place: "310100"}, "DIA-SH-0803", shanghai
	prefix = b.serve(s)
	s = desk
	s.e, s.line, s.router = enterprise{id: "E804", name: "上海供道网络有限公司", nameEN: "Gongdao Networks", place: "310100"}, "DIA-SH-0804", shanghai
	s.parts = []part{{name: "another customer", share: 0.5, near: near(prefix, 40)}}
	own := b.serve(s)
	b.must(selfBuiltPath, "allocation", prefix.String(), "a third of its bytes come in over the line of an unrelated customer")
	b.must(subleaseBandwidth, "line", "DIA-SH-0804", "half of what the line sends is another customer's")
	b.innocent(selfBuiltPath, "allocation", own.String(), "all its bytes come in over its own line")
	b.pathInnocents(desk)
}

func (b *cast) pathInnocents(desk served) {
	s := desk
	s.e, s.line = enterprise{id: "E811", name: "北京双路证券有限公司", nameEN: "Shuanglu Securities", place: "110100"}, "DIA-BJ-0811"
	prefix := b.serve(s)
	asn := b.ownASN("E811")
	b.row("broadcasts", prefix.String(), peerID, "E811", b.day(-600), "")
	b.announce(b.session(beijing, asn), prefix, nil, asn)
	b.announce(b.peering, prefix, nil, b.peering.asn, asn)
	b.elsewhere(elsewhere{prefix: prefix, router: shanghai, in: ifPeer, mean: 40})
	b.innocent(selfBuiltPath, "allocation", prefix.String(), "filed to be announced by a licensed second provider as well, which routes show")

	s = desk
	s.e, s.line = enterprise{id: "E812", name: "北京偶遇文化有限公司", nameEN: "Ouyu Culture", place: "110100"}, "DIA-BJ-0812"
	prefix = b.serve(s)
	b.elsewhere(elsewhere{prefix: prefix, router: shanghai, in: ifPeer, mean: 1.5})
	b.innocent(selfBuiltPath, "allocation", prefix.String(), "4 % of its bytes come in elsewhere")

	s = desk
	s.e, s.line, s.router = enterprise{id: "E813", name: "广州备份物流有限公司", nameEN: "Beifen Logistics", place: "440100"}, "DIA-GZ-0813", guangzhou
	prefix = b.serve(s)
	b.elsewhere(elsewhere{prefix: prefix, router: beijing, in: ifPeer, mean: 150, when: inHours(onDays(4), 8, 20)})
	b.innocent(selfBuiltPath, "allocation", prefix.String(), "for twelve hours of one day its line had failed")

	// What comes back another way has the addresses of others as its source.
	s = desk
	s.e, s.line, s.router = enterprise{id: "E814", name: "上海回程科技有限公司", nameEN: "Huicheng Technology", place: "310100"}, "DIA-SH-0814", shanghai
	prefix = b.serve(s)
	b.elsewhere(elsewhere{prefix: prefix, router: beijing, in: ifPeer, mean: 40, down: 0.999})
	b.innocent(selfBuiltPath, "allocation", prefix.String(), "only what others send to it takes another way: asymmetric return")

	s = desk
	s.e, s.line, s.router = enterprise{id: "E815", name: "西安聋哑轴承有限公司", nameEN: "Longya Bearings", place: "610100"}, "DIA-XA-0815", xian
	prefix = b.serve(s)
	b.elsewhere(elsewhere{prefix: prefix, router: xian, in: ifPeer, mean: 40})
	b.innocent(selfBuiltPath, "allocation", prefix.String(), "half comes in elsewhere, but a fifth of the router's export never arrives: withheld, not found")
}

// elsewhere is traffic of a block on an interface that is no line's.
type elsewhere struct {
	prefix     netip.Prefix
	router     int
	in         uint32 // the interface
	mean, down float64
	far        []pool
	when       func(int, int) bool
}

// elsewhere lets a block send and receive over an interface of a peer or of
// transit.
func (b *cast) elsewhere(e elsewhere) {
	if e.far == nil {
		e.far = b.world.web
	}
	if e.down == 0 {
		e.down = 0.5
	}
	b.c.lines = append(b.c.lines, line{
		id: "no line: " + e.prefix.String(), router: e.router, sampler: coarse, ifIndex: e.in, outIf: ifCore, mean: e.mean, down: e.down,
		peak: 10, profile: office, apps: webApps(), vlan: uint16(e.in),
		parts:    []part{{name: "elsewhere", near: near(e.prefix, 40), far: e.far, when: e.when}},
		nextHops: [2]netip.Addr{netip.AddrFrom4([4]byte{33, 79, 255, byte(e.router + 1)}), netip.MustParseAddr("2e10:0:ffff::1")},
	})
}
