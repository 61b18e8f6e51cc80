package simulator

import "net/netip"

// strangers returns IPv4 space that nobody has filed.
func strangers(n byte) []pool {
	return []pool{{prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{30, 61, n, 0}), 24), hosts: 120, even: true}}
}

// castBandwidth plants what sublease-bandwidth must and must not find, beside
// the line of foreignSources.
func (b *cast) castBandwidth() {
	desk := served{bits: 26, hosts: 40, router: beijing, mean: 40, down: 0.5, profile: office, apps: webApps(), far: b.world.web}
	own := func(name string, share float64, near []pool) []part {
		return []part{{name: name, share: share, near: near}}
	}

	s := desk
	others6 := []pool{{prefix: netip.MustParsePrefix("2e80:3:1::/48"), hosts: 60, even: true}}
	s.e, s.line = enterprise{id: "E671", name: "上海转手通信有限公司", nameEN: "Zhuanshou Communications", place: "310100"}, "DIA-SH-0671"
	s.router, s.parts = shanghai, []part{{name: "others over IPv6", share: 0.25, near: others6, far: b.world.clients6}}
	b.serve(s)
	b.must(subleaseBandwidth, "line", s.line, "a quarter of what the line sends comes from IPv6 addresses of nobody's filing")

	s = desk
	ended := netip.MustParsePrefix("30.62.8.0/24")
	s.e, s.line, s.parts = enterprise{id: "E672", name: "广州断约网络有限公司", nameEN: "Duanyue Networks", place: "440100"}, "DIA-GZ-0672", own("space no longer filed", 0.4, near(ended, 80))
	s.router = guangzhou
	b.serve(s)
	b.row("broadcasts", ended.String(), carrierID, "E672", b.day(-900), b.day(-5))
	b.must(subleaseBandwidth, "line", s.line, "40 % come from space whose filing for the holder ended five days before the last day")
	b.bandwidthInnocents(desk, own)
}

func (b *cast) bandwidthInnocents(desk served, own func(string, float64, []pool) []part) {
	bogons := []pool{{prefix: netip.MustParsePrefix("10.77.0.0/16"), hosts: 200}, {prefix: netip.MustParsePrefix("100.64.8.0/22"), hosts: 200}, {prefix: netip.MustParsePrefix("198.18.4.0/24"), hosts: 200}}
	independent, filed := netip.MustParsePrefix("30.63.4.0/24"), netip.MustParsePrefix("30.63.8.0/24")
	for _, v := range []struct {
		e     enterprise
		line  string
		parts []part
		why   string
	}{
		{enterprise{id: "E681", name: "北京漏网设备有限公司", nameEN: "Louwang Devices", place: "110100"}, "DIA-BJ-0681", own("private and bogons", 0.2, bogons), "20 % have private and reserved source addresses"},
		{enterprise{id: "E682", name: "北京浮尘软件有限公司", nameEN: "Fuchen Software", place: "110100"}, "DIA-BJ-0682", own("spoofed", 0.02, b.world.clients), "2 % have scattered source addresses, each once: spoofed"},
		{enterprise{id: "E683", name: "北京自备仪器有限公司", nameEN: "Zibei Instruments", place: "110100"}, "DIA-BJ-0683", own("declared independent space", 0.3, near(independent, 60)), "30 % come from the holder's own space, declared as an end of the line"},
		{enterprise{id: "E684", name: "北京另册科技有限公司", nameEN: "Lingce Technology", place: "110100"}, "DIA-BJ-0684", own("filed independent space", 0.25, near(filed, 60)), "25 % come from the holder's own space, filed in broadcasts"},
		{enterprise{id: "E685", name: "北京守望保障有限公司", nameEN: "Shouwang Protection", place: "110100"}, "DIA-BJ-0685", []part{{name: "protection switching", share: 0.7, near: strangers(8), when: inHours(onDays(3), 8, 18)}}, "for ten hours of one day another line's customer was switched over"},
	} {
		s := desk
		s.e, s.line, s.parts = v.e, v.line, v.parts
		b.serve(s)
		b.innocent(subleaseBandwidth, "line", s.line, v.why)
	}
	b.row("line_endpoints", "DIA-BJ-0683", "a", independent.String(), "office")
	b.row("broadcasts", filed.String(), carrierID, "E684", b.day(-800), "")

	s := desk
	down := netip.MustParsePrefix("30.63.12.0/24")
	s.e, s.line, s.parts = enterprise{id: "E686", name: "上海通达网络有限公司", nameEN: "Tongda Networks", place: "310100"}, "DIA-SH-0686", own("filed downstream", 0.3, near(down, 60))
	s.router = shanghai
	b.serve(s)
	b.enterprise(enterprise{id: "E687", name: "上海下游科技有限公司", nameEN: "Xiayou Technology", place: "310100"})
	up, below := b.ownASN("E686"), b.ownASN("E687")
	b.downstream(up, below, b.day(-500), "")
	b.announce(b.session(shanghai, up), down, nil, up, below)
	b.innocent(subleaseBandwidth, "line", s.line, "30 % come from routes of a downstream that is filed")
	b.innocent(subleaseDownstream, "asn", asnText(below), "filed as a downstream")
	b.cutBlock(desk)
}

// cutBlock lets a block be cut from another's and come over its line.
func (b *cast) cutBlock(desk served) {
	s := desk
	s.e, s.line, s.bits, s.router = enterprise{id: "E688", name: "广州总包信息有限公司", nameEN: "Zongbao Information", place: "440100"}, "DIA-GZ-0688", 24, guangzhou
	b.enterprise(s.e)
	b.enterprise(enterprise{id: "E689", name: "广州分包设计有限公司", nameEN: "Fenbao Design", place: "440100"})
	block := b.block4(24)
	b.allocate(allocation{prefix: block, enterprise: "E688", use: "enterprise"})
	piece := b.allocate(allocation{prefix: cut(block, 26, 2), parent: block, enterprise: "E689", use: "enterprise"})
	b.addLine(lineSpec{
		id: s.line, enterprise: "E688", router: s.router, mean: s.mean, down: s.down, peak: 12, profile: s.profile, near: near(block, 40), far: s.far, apps: s.apps,
		ends: []endpoint{{"a", block, "office"}}, parts: []part{{name: "cut block", share: 0.3, near: near(piece, 30)}},
	})
	b.innocent(subleaseBandwidth, "line", s.line, "30 % come from a block that was cut from the holder's")
	b.innocent(selfBuiltPath, "allocation", piece.String(), "reached over the line of the holder it was cut from")
}
