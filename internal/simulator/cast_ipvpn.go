package simulator

// castPrivateNetworks plants what unlicensed-ipvpn must and must not find.
func (b *cast) castPrivateNetworks() {
	hub := served{bits: 28, hosts: 2, router: shanghai, mean: 40, down: 0.5, profile: office, apps: tunnelApps()}

	s := hub
	s.e, s.line, s.far = enterprise{id: "E571", name: "上海织网互联有限公司", nameEN: "Zhiwang Interconnect", place: "310100"}, "DIA-SH-0571", b.world.partners
	id := b.serve(s).String()
	b.must(unlicensedIPVPN, "allocation", id, "tunnels of 14 unrelated customers meet at two addresses every day")

	s = hub
	s.e, s.line, s.far = enterprise{id: "E572", name: "北京结网科技有限公司", nameEN: "Jiewang Technology", place: "110100"}, "DIA-BJ-0572", b.world.partners[2:13]
	s.router, s.apps, s.profile = beijing, tunnelApps()[3:], campus
	b.enterprise(s.e)
	b.licence("A2.B1-20210572", s.e.id, "B13", "", b.day(-1500), b.day(-5), "active")
	s.use = "ipvpn"
	id = b.serve(s).String()
	b.must(unlicensedIPVPN, "allocation", id, "WireGuard of eleven enterprises; B13 ended five days before the last day")
	b.must(licenceMissing, "allocation", id, "B13 of an ipvpn block ended inside the span")

	s = hub
	s.e, s.line = enterprise{id: "E573", name: "广州六脉网络有限公司", nameEN: "Liumai Networks", place: "440100"}, "DIA-GZ-0573"
	s.v6, s.router, s.apps = true, guangzhou, tunnelApps()[:2]
	for i, partner := range []string{"E701", "E702", "E703", "E704", "E705", "E706", "E707", "E708", "E709", "E710"} {
		block := b.allocate(allocation{prefix: b.block6(), enterprise: partner, use: "enterprise"})
		s.far = append(s.far, pool{prefix: block, hosts: uint64(1 + i%2)})
	}
	id = b.serve(s).String()
	b.must(unlicensedIPVPN, "allocation", id, "IPsec over IPv6 of ten unrelated customers meets at two addresses")
	b.privateNetworkInnocents(hub)
}

func (b *cast) privateNetworkInnocents(hub served) {
	s := hub
	s.e, s.line = enterprise{id: "E581", name: "上海连锁药房集团有限公司", nameEN: "Chain Pharmacies", place: "310100"}, "DIA-SH-0581"
	b.enterprise(s.e)
	for i, sister := range []string{"E582", "E583", "E584", "E585", "E586", "E587", "E588", "E589", "E590", "E591"} {
		b.enterprise(enterprise{id: sister, name: "上海连锁药房分公司" + sister[1:], nameEN: "Pharmacy " + sister[1:], place: "310100", parent: "E581"})
		block := b.allocate(allocation{bits: 29, enterprise: sister, use: "enterprise"})
		s.far = append(s.far, pool{prefix: block, hosts: uint64(1 + i%2)})
	}
	id := b.serve(s).String()
	b.innocent(unlicensedIPVPN, "allocation", id, "ten sites of one group")

	s = hub
	s.e, s.line, s.far = enterprise{id: "E592", name: "北京四方设计有限公司", nameEN: "Sifang Design", place: "110100"}, "DIA-BJ-0592", b.world.partners[:4]
	s.router = beijing
	id = b.serve(s).String()
	b.innocent(unlicensedIPVPN, "allocation", id, "four partners only")

	s = hub
	s.e, s.line, s.far = enterprise{id: "E593", name: "广州远程办公有限公司", nameEN: "Remote Work", place: "440100"}, "DIA-GZ-0593", b.world.homes
	s.router = guangzhou
	id = b.serve(s).String()
	b.innocent(unlicensedIPVPN, "allocation", id, "staff dial in from access networks")

	s = hub
	s.e, s.line, s.far = enterprise{id: "E594", name: "上海正网专线有限公司", nameEN: "Zhengwang VPN", place: "310100"}, "DIA-SH-0594", b.world.partners
	s.use = "ipvpn"
	b.licensed(s.e, "B13")
	id = b.serve(s).String()
	b.innocent(unlicensedIPVPN, "allocation", id, "B13 is active")
	b.innocent(licenceMissing, "allocation", id, "B13 is active")
}

// castChannels plants what intl-unapproved-channel must and must not find.
func (b *cast) castChannels() {
	relay := served{bits: 28, hosts: 2, router: beijing, mean: 40, down: 0.5, profile: campus, apps: tunnelApps()}
	abroad := func(share float64, hosts []pool) part {
		return part{name: "tunnel abroad", share: share, far: hosts, apps: []app{{proto: protoUDP, port: 51820, size: 1100}, {proto: protoUDP, port: 4500, size: 1000, both: true}}}
	}
	far := []pool{{prefix: b.world.web[3].prefix, hosts: 2}, {prefix: b.world.web[5].prefix, hosts: 1}}

	s := relay
	s.e, s.line, s.far, s.parts = enterprise{id: "E601", name: "北京越洋信息有限公司", nameEN: "Yueyang Information", place: "110100"}, "DIA-BJ-0601", b.world.branches, []part{abroad(0.5, far)}
	id := b.serve(s).String()
	b.must(intlUnapprovedChannel, "allocation", id, "tunnels of 14 networks at home meet tunnels to clouds abroad, many GiB a day, no approval")

	s = relay
	s.e, s.line, s.far, s.parts = enterprise{id: "E602", name: "上海渡口网络有限公司", nameEN: "Dukou Networks", place: "310100"}, "DIA-SH-0602", b.world.branches, []part{abroad(0.5, far)}
	s.router, s.apps = shanghai, []app{{proto: protoTCP, port: 8388, size: 900, nearSide: true}}
	id = b.serve(s).String()
	b.must(intlUnapprovedChannel, "allocation", id, "a relay: 14 networks at home ask on one port, what they ask for leaves by tunnel")

	s = relay
	far6 := b.network6("SG", "Merlion Edge", "cloud", 64604, 2)
	s.e, s.line, s.parts = enterprise{id: "E603", name: "广州珠海桥网络有限公司", nameEN: "Zhuhaiqiao Networks", place: "440100"}, "DIA-GZ-0603", []part{abroad(0.5, []pool{far6})}
	s.v6, s.router, s.apps = true, guangzhou, tunnelApps()[:2]
	for range 12 {
		s.far = append(s.far, b.network6("CN", "某企业分支", "enterprise", 0, 2))
	}
	id = b.serve(s).String()
	b.must(intlUnapprovedChannel, "allocation", id, "the same over IPv6")

	s = relay
	s.e, s.line, s.far, s.parts = enterprise{id: "E604", name: "北京两地设计有限公司", nameEN: "Liangdi Design", place: "110100"}, "DIA-BJ-0604", far[:1], nil
	id = b.serve(s).String()
	b.innocent(intlUnapprovedChannel, "allocation", id, "one enterprise's tunnel to its one office abroad")

	s = relay
	s.e, s.line, s.far, s.parts = enterprise{id: "E605", name: "上海跨境互联有限公司", nameEN: "Cross-border Interconnect", place: "310100"}, "DIA-SH-0605", b.world.branches, []part{abroad(0.5, far)}
	s.router = shanghai
	id = b.serve(s).String()
	b.row("approvals", "KJ-2024-0605", "E605", "cross_border", "", b.day(-600), b.day(400))
	b.innocent(intlUnapprovedChannel, "allocation", id, "the same with a cross-border approval")

	s = relay
	s.e, s.line, s.far, s.parts = enterprise{id: "E606", name: "广州涓滴科技有限公司", nameEN: "Juandi Technology", place: "440100"}, "DIA-GZ-0606", b.world.branches, []part{abroad(0.02, far)}
	s.router, s.mean = guangzhou, 0.8
	id = b.serve(s).String()
	b.innocent(intlUnapprovedChannel, "allocation", id, "about 0.1 GiB a day go abroad")
}
