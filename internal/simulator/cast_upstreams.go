package simulator

import "net/netip"

// castUpstreams plants what illegal-upstream must and must not find: customers
// that hold resources for services and are reached another way too.
func (b *cast) castUpstreams() {
	racks, idc := b.resourceful(enterprise{id: "E742", name: "哈尔滨松花数据有限公司", nameEN: "Songhua Data", place: "230100"}, "B11", "idc", beijing, false)
	b.enterprise(enterprise{id: "E741", name: "哈尔滨野路通信有限公司", nameEN: "Yelu Communications", place: "230100"})
	via := b.ownASN("E741")
	b.announce(b.transit, racks, nil, b.transit.asn, via, idc)
	b.must(illegalUpstream, "asn", asnText(via), "carries a data centre's routes to transit, of an enterprise without a licence")

	edges, cdn := b.resourceful(enterprise{id: "E743", name: "长沙橘洲分发有限公司", nameEN: "Juzhou Delivery", place: "430100"}, "B12", "cdn", guangzhou, true)
	via = b.nextASN()
	b.announce(b.peering, edges, nil, b.peering.asn, via, cdn, cdn)
	b.must(illegalUpstream, "asn", asnText(via), "carries a content network's IPv6 routes to a peer, in no ledger and not registered abroad")

	access, isp := b.resourceful(enterprise{id: "E745", name: "南昌赣江宽带有限公司", nameEN: "Ganjiang Broadband", place: "360100"}, "B14", "isp", shanghai, false)
	b.enterprise(enterprise{id: "E744", name: "南昌过期网络有限公司", nameEN: "Guoqi Networks", place: "360100"})
	b.licence("B1-20200744", "E744", "B14", "", b.day(-1800), b.day(-4), "active")
	via = b.ownASN("E744")
	b.announce(b.transit, access, nil, b.transit.asn, via, isp)
	b.must(illegalUpstream, "asn", asnText(via), "its B14 ended four days before the last day, and it still carries an access provider")
	b.upstreamInnocents()
}

func (b *cast) upstreamInnocents() {
	racks, idc := b.resourceful(enterprise{id: "E747", name: "郑州中原数据有限公司", nameEN: "Zhongyuan Data", place: "410100"}, "B11", "idc", guangzhou, false)
	for _, v := range []struct{ id, name, nameEN, service, why string }{
		{"E746", "郑州干线通信有限公司", "Trunk Communications", "A14-4", "carries a data centre, with an A-class licence"},
		{"E748", "郑州接入网络有限公司", "Access Networks", "B14", "carries a data centre, with B14"},
	} {
		b.licensed(enterprise{id: v.id, name: v.name, nameEN: v.nameEN, place: "410100"}, v.service)
		via := b.ownASN(v.id)
		b.announce(b.transit, racks, nil, b.transit.asn, via, via, idc)
		racks = split(racks)
		b.innocent(illegalUpstream, "asn", asnText(via), v.why)
	}
	abroad := b.nextASN()
	b.filedNetwork(nextBlock(&b.foreign, 22), "SG", "Merlion Transit", "unknown", abroad)
	b.announce(b.transit, racks, nil, b.transit.asn, abroad, idc)
	b.innocent(illegalUpstream, "asn", asnText(abroad), "registered abroad: the foreign leg of a line")
	b.innocent(illegalUpstream, "asn", asnText(b.peering.asn), "a licensed carrier")

	b.enterprise(enterprise{id: "E749", name: "郑州一日网络有限公司", nameEN: "One Day Networks", place: "410100"})
	day := b.ownASN("E749")
	b.announce(b.transit, split(racks), hours(b.instant(-3, 1), 20), b.transit.asn, day, idc)
	b.innocent(illegalUpstream, "asn", asnText(day), "carried a data centre for twenty hours")

	office, s := b.peered(enterprise{id: "E750", name: "郑州平常商贸有限公司", nameEN: "Pingchang Trading", place: "410100"}, guangzhou)
	block := b.plain("E750", 24)
	b.announce(s, block, nil, office)
	other := b.nextASN()
	b.announce(b.peering, block, nil, b.peering.asn, other, office)
	b.innocent(illegalUpstream, "asn", asnText(other), "carries an office, which holds no resources for services")
}

// resourceful is a peered customer with a licence and a block for its service,
// which it announces to us.
func (b *cast) resourceful(e enterprise, service, use string, router int, v6 bool) (netip.Prefix, uint32) {
	asn, s := b.peered(e, router)
	b.licence("L-"+e.id, e.id, service, "", b.day(-1200), b.day(700), "active")
	a := allocation{bits: 22, enterprise: e.id, use: use}
	if v6 {
		a.prefix = b.block6()
	}
	block := b.allocate(a)
	b.innocent(licenceMissing, "allocation", block.String(), service+" is active")
	b.announce(s, block, nil, asn)
	return block, asn
}

// split returns the lower half of a block.
func split(p netip.Prefix) netip.Prefix { return netip.PrefixFrom(p.Addr(), p.Bits()+1) }
