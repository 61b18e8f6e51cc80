package simulator

// dnsApps is how a resolver answers and dotApps the same inside TLS.
func dnsApps() []app { return []app{{proto: protoUDP, port: 53, size: 220, nearSide: true}} }
func dotApps() []app { return []app{{proto: protoTCP, port: 853, size: 320, nearSide: true}} }

// castResolvers plants what unlicensed-dns must and must not find.
func (b *cast) castResolvers() {
	open := served{bits: 28, hosts: 2, router: shanghai, mean: 12, down: 0.35, profile: campus, apps: dnsApps(), far: b.world.clients}
	asks := part{name: "recursion", share: 0.15, down: 0.6, far: b.world.abroad, apps: []app{{proto: protoUDP, port: 53, size: 200}}}

	s := open
	s.e, s.line, s.parts = enterprise{id: "E621", name: "上海问名网络有限公司", nameEN: "Wenming Networks", place: "310100"}, "DIA-SH-0621", []part{asks}
	id := b.serve(s).String()
	b.must(unlicensedDNS, "allocation", id, "two addresses resolve names for hundreds of networks and ask others for them")
	b.innocent(unlicensedIDC, "allocation", id, "two addresses on one port are no data centre")

	s = open
	s.e, s.line, s.parts = enterprise{id: "E622", name: "北京密语解析有限公司", nameEN: "Miyu Resolution", place: "110100"}, "DIA-BJ-0622", []part{asks}
	s.v6, s.router, s.apps, s.far, s.parts[0].far = true, beijing, dotApps(), b.world.clients6, b.world.overseas6
	id = b.serve(s).String()
	b.must(unlicensedDNS, "allocation", id, "DNS over TLS on IPv6 for hundreds of networks")

	s = open
	s.e, s.line, s.parts = enterprise{id: "E623", name: "广州旧名解析有限公司", nameEN: "Jiuming Resolution", place: "440100"}, "DIA-GZ-0623", []part{asks}
	s.router, s.use = guangzhou, "dns"
	b.enterprise(s.e)
	b.licence("粤B1.B2-20210623", s.e.id, "B26-1", "", b.day(-1800), b.day(-4), "active")
	id = b.serve(s).String()
	b.must(unlicensedDNS, "allocation", id, "B26-1 ended four days before the last day, and answering goes on")
	b.must(licenceMissing, "allocation", id, "B26-1 of a dns block ended inside the span")

	s = open
	s.e, s.line = enterprise{id: "E631", name: "上海自名科技集团有限公司", nameEN: "Ziming Technology", place: "310100"}, "DIA-SH-0631"
	prefix := b.serve(s)
	for i, name := range []string{"ns-ziming.example", "ziming.example"} {
		b.site(site{domain: name, owner: "E631", filed: b.day(-900), provider: carrierID, addr: hostAt(prefix, uint64(1+i)), seen: [2]string{b.day(-800), b.day(0)}})
	}
	b.innocent(unlicensedDNS, "allocation", prefix.String(), "authoritative only, for the holder's own filed names: it asks nobody")

	s = open
	s.e, s.line, s.far = enterprise{id: "E632", name: "北京小院科技有限公司", nameEN: "Xiaoyuan Technology", place: "110100"}, "DIA-BJ-0632", b.world.homes[:1]
	s.router, s.mean = beijing, 4
	s.far = []pool{{prefix: s.far[0].prefix, hosts: 5000, asn: s.far[0].asn, even: true}}
	id = b.serve(s).String()
	b.innocent(unlicensedDNS, "allocation", id, "20 client networks of one city")

	s = open
	s.e, s.line, s.parts = enterprise{id: "E633", name: "广州正名解析有限公司", nameEN: "Zhengming Resolution", place: "440100"}, "DIA-GZ-0633", []part{asks}
	s.router, s.use = guangzhou, "dns"
	b.licensed(s.e, "B26-1")
	id = b.serve(s).String()
	b.innocent(unlicensedDNS, "allocation", id, "B26-1 is active")
	b.innocent(licenceMissing, "allocation", id, "B26-1 is active")

	own := b.allocate(allocation{bits: 28, enterprise: carrierID, use: "dns"})
	b.addLine(lineSpec{
		id: "INFRA-SH-0634", enterprise: carrierID, use: "infrastructure", router: shanghai, mean: 30, down: 0.35, peak: 12, profile: evening,
		near: near(own, 4), far: b.world.clients, apps: dnsApps(), parts: []part{asks},
	})
	b.innocent(unlicensedDNS, "allocation", own.String(), "the carrier's own resolvers")
	b.innocent(licenceMissing, "allocation", own.String(), "the carrier's own block")
}
