package simulator

// castDataCentres plants what unlicensed-idc must and must not find.
func (b *cast) castDataCentres() {
	rack := served{bits: 24, hosts: 40, router: beijing, mean: 120, down: 0.2, profile: flat, apps: rackApps(), far: b.world.clients}

	s := rack
	s.e, s.line = enterprise{id: "E501", name: "北京隐舱科技有限公司", nameEN: "Yincang Technology", place: "110100"}, "DIA-BJ-0501"
	id := b.serve(s).String()
	b.must(unlicensedIDC, "allocation", id, "40 addresses answer on seven ports day and night to 60 networks' clients; the block is filed for enterprise use")
	b.innocent(unlicensedCDN, "allocation", id, "the bytes are spread over 40 addresses")
	b.innocent(licenceMissing, "allocation", id, "filed for enterprise use: no licence is due for what is filed")

	s = rack
	s.e, s.line = enterprise{id: "E502", name: "上海暗礁网络有限公司", nameEN: "Anjiao Networks", place: "310100"}, "DIA-SH-0502"
	s.v6, s.router, s.far = true, shanghai, b.world.clients6
	id = b.serve(s).String()
	b.must(unlicensedIDC, "allocation", id, "40 IPv6 addresses answer to 300 networks day and night")

	s = rack
	s.e, s.line = enterprise{id: "E503", name: "广州荔湾云舱有限公司", nameEN: "Liwan Cabin", place: "440100"}, "DIA-GZ-0503"
	s.use, s.router = "idc", guangzhou
	b.enterprise(s.e)
	b.licence("粤B1-20210503", s.e.id, "B11", "44", b.day(-1800), b.day(-5), "active")
	id = b.serve(s).String()
	b.must(unlicensedIDC, "allocation", id, "B11 ended five days before the last day, and nothing changed in what the block does")
	b.must(licenceMissing, "allocation", id, "B11 of an idc block ended inside the span")

	s = rack
	s.e, s.line = enterprise{id: "E504", name: "武汉江岸算力有限公司", nameEN: "Jiang'an Computing", place: "420100"}, "DIA-WH-0504"
	s.router, s.domain = guangzhou, 1
	b.enterprise(s.e)
	b.licence("沪B1-20220504", s.e.id, "B11", "31", b.day(-800), b.day(800), "active")
	id = b.serve(s).String()
	b.must(unlicensedIDC, "allocation", id, "B11 covers Shanghai, the racks are in Wuhan and filed for enterprise use")
	b.innocent(licenceRegion, "allocation", id, "filed for enterprise use: only behaviour shows the service")
	b.dataCentreInnocents(rack)
}

func (b *cast) dataCentreInnocents(rack served) {
	s := rack
	s.e, s.line = enterprise{id: "E511", name: "北京燕台数据有限公司", nameEN: "Yantai Data", place: "110100"}, "DIA-BJ-0511"
	s.use = "idc"
	b.enterprise(s.e)
	b.licence("京B1-20230511", s.e.id, "B11", "11", b.day(-6), b.day(1800), "active")
	id := b.serve(s).String()
	b.innocent(unlicensedIDC, "allocation", id, "B11 began on the second day of the span: one day without it is not three")
	b.may(licenceMissing, "allocation", id, "idc without a licence on the first day of the span: found, as ceased, by a span that includes it")

	s = rack
	s.e, s.line = enterprise{id: "E512", name: "上海听雨律师事务所", nameEN: "Tingyu Law", place: "310100"}, "DIA-SH-0512"
	s.hosts, s.bits, s.router, s.mean = 4, 28, shanghai, 20
	id = b.serve(s).String()
	b.innocent(unlicensedIDC, "allocation", id, "web, mail and VPN servers of an enterprise: four addresses")

	s = rack
	s.e, s.line = enterprise{id: "E513", name: "广州岭南软件有限公司", nameEN: "Lingnan Software", place: "440100"}, "DIA-GZ-0513"
	s.router, s.far = guangzhou, b.world.content[1:2]
	id = b.serve(s).String()
	b.innocent(unlicensedIDC, "allocation", id, "many servers, but they answer one cloud only: its on-ramp")

	s = rack
	s.e, s.line = enterprise{id: "E514", name: "北京长庚写字楼管理有限公司", nameEN: "Changgeng Offices", place: "110100"}, "DIA-BJ-0514"
	s.apps, s.down, s.profile, s.far = webApps(), 0.8, office, b.world.content
	id = b.serve(s).String()
	b.innocent(unlicensedIDC, "allocation", id, "a translation pool: 40 busy addresses, all of them clients")
	b.innocent(unlicensedISP, "allocation", id, "an office: busiest by day, and towards few networks")

	s = rack
	s.e, s.line = enterprise{id: "E515", name: "上海静安仪表有限公司", nameEN: "Jing'an Instruments", place: "310100"}, "DIA-SH-0515"
	s.apps, s.down, s.profile, s.far, s.router = webApps(), 0.75, office, b.world.content, shanghai
	// What scanners get: small refusals from every address, as many as they send.
	s.parts = []part{{name: "answers to scanners", share: 0.04, down: 0.5, far: b.world.clients, apps: []app{
		{proto: protoTCP, port: 22, size: 60, nearSide: true},
		{proto: protoTCP, port: 23, size: 60, nearSide: true},
		{proto: protoTCP, port: 445, size: 60, nearSide: true},
		{proto: protoTCP, port: 3389, size: 60, nearSide: true},
	}}}
	id = b.serve(s).String()
	b.innocent(unlicensedIDC, "allocation", id, "every address answers scanners, and takes more than it gives")

	pool := b.allocate(allocation{bits: 24, enterprise: carrierID, use: "subscriber_pool"})
	b.addLine(lineSpec{
		id: "BRAS-GZ-0516", enterprise: carrierID, use: "subscriber_pool", router: guangzhou, mean: 90, down: 0.3, peak: 12, profile: flat,
		near: near(pool, 40), far: b.world.clients, apps: rackApps(),
	})
	b.innocent(unlicensedIDC, "allocation", pool.String(), "a subscriber pool, which is never looked at")
}
