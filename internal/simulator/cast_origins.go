package simulator

import (
	"net/netip"
	"time"
)

// peered is a customer with an ASN, a session with one of our routers, and a
// line on which nothing is metered.
func (b *cast) peered(e enterprise, router int) (asn uint32, s *session) {
	b.enterprise(e)
	b.addLine(lineSpec{id: "DIA-RT-" + e.id[1:] + "0", enterprise: e.id, router: router, silent: true})
	asn = b.ownASN(e.id)
	return asn, b.session(router, asn)
}

// plain allocates a block for enterprise use.
func (b *cast) plain(enterprise string, bits int) netip.Prefix {
	return b.allocate(allocation{bits: bits, enterprise: enterprise, use: "enterprise"})
}

// castOrigins plants what sublease-origin must and must not find, and
// filing-conflict where it follows from what is announced.
func (b *cast) castOrigins() {
	holder, s := b.peered(enterprise{id: "E721", name: "兰州河口网络有限公司", nameEN: "Hekou Networks", place: "620100"}, beijing)
	b.enterprise(enterprise{id: "E722", name: "兰州借壳科技有限公司", nameEN: "Jieke Technology", place: "620100"})
	tenant := b.ownASN("E722")
	block := b.plain("E721", 24)
	b.announce(s, block, nil, holder, tenant)
	s.lost = hours(b.instant(-4, 2), 5)
	b.must(subleaseOrigin, "prefix", block.String(), "originated by an unrelated enterprise all the time; the session was lost for five hours")
	b.must(filingConflict, "allocation", block.String(), "announced by another enterprise than the one it is filed for")
	b.must(subleaseDownstream, "asn", asnText(tenant), "behind a customer, related to it neither by group nor by filing")

	holder, s = b.peered(enterprise{id: "E723", name: "西宁湟水信息有限公司", nameEN: "Huangshui Information", place: "630100"}, shanghai)
	wide := b.allocate(allocation{prefix: b.block6(), enterprise: "E723", use: "enterprise"})
	narrow, unknown := netip.PrefixFrom(wide.Addr(), 52), b.nextASN()
	b.announce(s, wide, nil, holder)
	b.announce(s, narrow, nil, holder, unknown)
	b.must(subleaseOrigin, "prefix", narrow.String(), "an IPv6 more specific originated by an ASN of nobody we know")
	b.must(subleaseDownstream, "asn", asnText(unknown), "behind a customer, in no ledger")
	b.innocent(subleaseOrigin, "prefix", wide.String(), "originated by its holder")

	b.enterprise(enterprise{id: "E724", name: "银川贺兰商务有限公司", nameEN: "Helan Business", place: "640100"})
	block = b.plain("E724", 24)
	taker, s2 := b.peered(enterprise{id: "E725", name: "银川塞上科技有限公司", nameEN: "Saishang Technology", place: "640100"}, guangzhou)
	b.announce(s2, block, flapping(b.instant(-5, 0), b.instant(0, 0), 10*time.Minute, 10*time.Minute), taker)
	b.must(subleaseOrigin, "prefix", block.String(), "originated by another customer, flapping for five days")
	b.must(filingConflict, "allocation", block.String(), "announced by another enterprise than the one it is filed for")

	b.enterprise(enterprise{id: "E727", name: "呼和浩特青城传媒有限公司", nameEN: "Qingcheng Media", place: "150100"})
	agent, s3 := b.peered(enterprise{id: "E726", name: "呼和浩特代播网络有限公司", nameEN: "Daibo Networks", place: "150100"}, beijing)
	block = b.plain("E727", 24)
	b.row("broadcasts", block.String(), carrierID, "E726", b.day(-700), b.day(-4))
	b.announce(s3, block, nil, agent)
	b.must(subleaseOrigin, "prefix", block.String(), "the filing of who announces it ended four days before the last day")
	b.must(filingConflict, "allocation", block.String(), "announced by one who is not filed for it any more")
	b.originInnocents(s2, taker)
}

func (b *cast) originInnocents(other *session, otherASN uint32) {
	both := func(prefix netip.Prefix, why string) {
		b.innocent(subleaseOrigin, "prefix", prefix.String(), why)
		b.innocent(filingConflict, "allocation", prefix.String(), why)
	}
	parent, s := b.peered(enterprise{id: "E728", name: "拉萨雪域集团有限公司", nameEN: "Xueyu Group", place: "540100"}, guangzhou)
	b.enterprise(enterprise{id: "E729", name: "拉萨雪域数字有限公司", nameEN: "Xueyu Digital", place: "540100", parent: "E728"})
	sister := b.ownASN("E729")
	block := b.plain("E728", 24)
	b.announce(s, block, nil, parent, sister)
	both(block, "originated by a subsidiary of the holder")
	b.innocent(subleaseDownstream, "asn", asnText(sister), "behind a company of its own group")

	b.enterprise(enterprise{id: "E730", name: "贵阳任播科技有限公司", nameEN: "Renbo Technology", place: "520100"})
	partner, s := b.peered(enterprise{id: "E731", name: "贵阳同播网络有限公司", nameEN: "Tongbo Networks", place: "520100"}, guangzhou)
	own := b.ownASN("E730")
	block = b.plain("E730", 24)
	b.row("broadcasts", block.String(), carrierID, "E731", b.day(-500), "")
	b.announce(s, block, nil, partner)
	b.announce(b.session(guangzhou, own), block, nil, own)
	both(block, "filed to be originated by two: anycast")

	b.enterprise(enterprise{id: "E732", name: "海口椰风旅游有限公司", nameEN: "Yefeng Travel", place: "460100"})
	block = b.plain("E732", 24)
	b.announce(other, block, append(hours(b.instant(-5, 3), 12), hours(b.instant(-2, 1), 8)...), otherASN)
	both(block, "leaked for twenty hours in two pieces")

	block = b.plain("E732", 25)
	b.announce(b.session(beijing, carrierASN), block, nil)
	both(block, "originated by the carrier itself")

	holder, s := b.peered(enterprise{id: "E733", name: "南宁邕江网络有限公司", nameEN: "Yongjiang Networks", place: "450100"}, guangzhou)
	b.enterprise(enterprise{id: "E734", name: "南宁邕江茶叶有限公司", nameEN: "Yongjiang Tea", place: "450100"})
	wide := b.plain("E733", 23)
	piece := b.allocate(allocation{prefix: cut(wide, 24, 1), parent: wide, enterprise: "E734", use: "enterprise"})
	b.announce(s, wide, nil, holder, holder, holder)
	b.announce(s, piece, nil, holder)
	both(wide, "originated by its holder, with prepends")
	b.innocent(subleaseOrigin, "prefix", piece.String(), "originated by the holder of the block it was cut from")
	b.may(filingConflict, "allocation", piece.String(), "announced by the holder of the block it was cut from")
}
