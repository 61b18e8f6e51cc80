package simulator

import "net/netip"

// castAnnouncements plants what filing-unreported must and must not find.
func (b *cast) castAnnouncements() {
	asn, s := b.peered(enterprise{id: "E751", name: "厦门鹭岛网络有限公司", nameEN: "Ludao Networks", place: "350200"}, guangzhou)
	free := netip.MustParsePrefix("33.78.10.0/24")
	b.announce(s, free, nil, asn)
	b.must(filingUnreported, "prefix", free.String(), "announced by a customer inside the carrier's block, filed for nobody")
	free = netip.MustParsePrefix("2e10:2:1::/48")
	b.announce(s, free, nil, asn)
	b.must(filingUnreported, "prefix", free.String(), "announced by a customer inside the carrier's IPv6 block, filed for nobody")

	asn2, s2 := b.peered(enterprise{id: "E752", name: "厦门归还数据有限公司", nameEN: "Guihuan Data", place: "350200"}, shanghai)
	back := b.allocate(allocation{bits: 24, enterprise: "E752", use: "enterprise", to: b.day(-4)})
	b.announce(s2, back, nil, asn2)
	b.must(filingUnreported, "prefix", back.String(), "given back four days before the last day and still announced")

	b.innocent(filingUnreported, "prefix", ourBlock, "a filed aggregate of the carrier")
	b.innocent(filingUnreported, "prefix", ourBlockV6, "a filed aggregate of the carrier")
	b.announce(b.session(beijing, carrierASN), infrastructure(), nil)
	b.innocent(filingUnreported, "prefix", infrastructure().String(), "infrastructure, and filed as such")

	block := b.plain("E751", 24)
	half := netip.PrefixFrom(block.Addr(), 25)
	b.announce(s, half, nil, asn)
	b.innocent(filingUnreported, "prefix", half.String(), "a more specific of what is filed for its holder")

	asn3, s3 := b.peered(enterprise{id: "E753", name: "厦门申报科技有限公司", nameEN: "Shenbao Technology", place: "350200"}, guangzhou)
	filed := netip.MustParsePrefix("33.78.12.0/24")
	b.row("broadcasts", filed.String(), carrierID, "E753", b.day(-400), "")
	b.announce(s3, filed, nil, asn3)
	b.innocent(filingUnreported, "prefix", filed.String(), "filed in broadcasts")

	fresh := b.allocate(allocation{bits: 24, enterprise: "E753", use: "enterprise", from: b.day(-3)})
	b.announce(s3, fresh, since(b.instant(-3, 6)), asn3)
	b.innocent(filingUnreported, "prefix", fresh.String(), "new inside the span, filed from its first day on")
	old := b.allocate(allocation{bits: 24, enterprise: "E753", use: "enterprise", to: b.day(-4)})
	b.announce(s3, old, b.until(b.instant(-4, 20)), asn3)
	b.innocent(filingUnreported, "prefix", old.String(), "withdrawn on the last day of its filing")
}

// castRootServers plants what dns-infrastructure must and must not find. The
// prefixes are those of root servers as their operators publish them.
func (b *cast) castRootServers() {
	mirror := func(e enterprise, prefix string) netip.Prefix {
		asn, s := b.peered(e, shanghai)
		p := netip.MustParsePrefix(prefix)
		b.announce(s, p, nil, asn)
		return p
	}
	p := mirror(enterprise{id: "E761", name: "济南泉城解析有限公司", nameEN: "Quancheng Resolution", place: "370100"}, "192.5.5.0/24")
	b.must(dnsInfrastructure, "prefix", p.String(), "a root server's prefix from a customer without a permit")
	p = mirror(enterprise{id: "E762", name: "济南大明湖网络有限公司", nameEN: "Daming Lake Networks", place: "370100"}, "2001:500:2f::/48")
	b.must(dnsInfrastructure, "prefix", p.String(), "a root server's IPv6 prefix from a customer without a permit")
	p = mirror(enterprise{id: "E764", name: "济南旧证科技有限公司", nameEN: "Jiuzheng Technology", place: "370100"}, "199.7.83.0/24")
	b.row("approvals", "DNS-0764", "E764", "dns_root", "", b.day(-900), b.day(-4))
	b.must(dnsInfrastructure, "prefix", p.String(), "a root server's prefix; the permit ended four days before the last day")

	registry := b.network(24, "CN", "示例域名注册管理机构", "dns_registry", 0, 10).prefix
	p = mirror(enterprise{id: "E763", name: "济南趵突数据有限公司", nameEN: "Baotu Data", place: "370100"}, registry.String())
	b.must(dnsInfrastructure, "prefix", p.String(), "a registry's service prefix from a customer without a permit")

	p = mirror(enterprise{id: "E765", name: "济南根镜像运行有限公司", nameEN: "Root Mirrors", place: "370100"}, "192.36.148.0/24")
	b.row("approvals", "DNS-0765", "E765", "dns_root", "", b.day(-900), b.day(900))
	b.innocent(dnsInfrastructure, "prefix", p.String(), "a root server's prefix with the permit for it")
	registry = b.network(24, "CN", "示例域名注册管理机构二", "dns_registry", 0, 10).prefix
	p = mirror(enterprise{id: "E766", name: "济南域名注册中心有限公司", nameEN: "Registry Centre", place: "370100"}, registry.String())
	b.row("approvals", "DNS-0766", "E766", "dns_registry", "", b.day(-900), b.day(900))
	b.innocent(dnsInfrastructure, "prefix", p.String(), "a registry's prefix with the permit for it")
	p = netip.MustParsePrefix("198.41.0.0/24")
	b.announce(b.transit, p, nil, b.transit.asn, b.nextASN())
	b.innocent(dnsInfrastructure, "prefix", p.String(), "a root server's prefix from transit")
}

// castOverseasRoutes plants what intl-transit must and must not find in the
// routes learned on lines.
func (b *cast) castOverseasRoutes() {
	abroad := func(id, place, line, country string, router int, parent string) (uint32, *session) {
		b.enterprise(enterprise{id: id, name: "远途第" + id[1:] + "贸易有限公司", nameEN: "Yuantu " + id[1:], place: place, parent: parent})
		b.international(intl{lineSpec: lineSpec{id: line, enterprise: id, country: country, router: router, mean: 12, peak: 8}})
		asn := b.ownASN(id)
		return asn, b.session(router, asn)
	}
	asn, s := abroad("E771", "110100", "IPLC-BJ-0771", "US", beijing, "")
	far := b.nextASN()
	beyond := b.network(24, "US", "Harborline Beyond", "enterprise", far, 10).prefix
	b.announce(s, beyond, nil, asn, far)
	b.must(intlTransit, "line", "IPLC-BJ-0771", "routes learned on the line have an ASN beyond the holder's")
	b.must(subleaseDownstream, "asn", asnText(far), "behind a customer, filed nowhere")

	asn, s = abroad("E772", "310100", "IEPL-SH-0772", "JP", shanghai, "")
	far = b.nextASN()
	beyond = b.network6("JP", "Kaede Beyond", "enterprise", far, 10).prefix
	b.announce(s, beyond, nil, asn, asn, far)
	b.must(intlTransit, "line", "IEPL-SH-0772", "IPv6 routes learned on the line have an ASN beyond the holder's")
	b.must(subleaseDownstream, "asn", asnText(far), "behind a customer, filed nowhere")

	asn, s = abroad("E773", "440100", "IPLC-GZ-0773", "HK", guangzhou, "")
	b.enterprise(enterprise{id: "E774", name: "远途港口有限公司", nameEN: "Yuantu Harbour", place: "440100", parent: "E773"})
	sister := b.ownASN("E774")
	four, _ := independent(20)
	b.announce(s, four, nil, asn, sister)
	b.innocent(intlTransit, "line", "IPLC-GZ-0773", "routes learned on the line have the ASN of a subsidiary beyond the holder's")

	asn, s = abroad("E775", "110100", "IPLC-BJ-0775", "SG", beijing, "")
	b.addLine(lineSpec{id: "DIA-BJ-0775", enterprise: "E775", router: beijing, silent: true})
	b.enterprise(enterprise{id: "E776", name: "远途下游有限公司", nameEN: "Yuantu Downstream", place: "110100"})
	below := b.ownASN("E776")
	b.downstream(asn, below, b.day(-300), "")
	four, _ = independent(21)
	b.announce(s, four, nil, asn, below)
	b.innocent(intlTransit, "line", "IPLC-BJ-0775", "the holder has a domestic line too, on which its filed downstream may be")
}
