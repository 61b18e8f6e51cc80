package simulator

// castAccess plants what unlicensed-isp must and must not find.
func (b *cast) castAccess() {
	street := served{bits: 24, hosts: 200, router: beijing, mean: 160, down: 0.86, peak: 40, profile: evening, apps: webApps()[:3], far: b.world.content}
	scattered := part{name: "all else", share: 0.3, far: b.world.clients, apps: []app{{proto: protoTCP, port: 443, size: 900}, {proto: protoUDP, port: 6881, size: 1100}}}

	s := street
	s.e, s.line, s.parts = enterprise{id: "E551", name: "北京巷陌网络服务有限公司", nameEN: "Xiangmo Services", place: "110100"}, "DIA-BJ-0551", []part{scattered}
	id := b.serve(s).String()
	b.must(unlicensedISP, "allocation", id, "200 clients, busiest at nine in the evening, take films and pages from over 500 networks")

	s = street
	s.e, s.line, s.parts = enterprise{id: "E552", name: "上海弄堂宽带有限公司", nameEN: "Longtang Broadband", place: "310100"}, "DIA-SH-0552", []part{scattered}
	s.router, s.use, s.lineUse = shanghai, "isp", "enterprise"
	b.enterprise(s.e)
	b.licence("沪B1-20210552", s.e.id, "B14", "31", b.day(-1800), b.day(-5), "active")
	id = b.serve(s).String()
	b.must(unlicensedISP, "allocation", id, "B14 ended five days before the last day, and access goes on")
	b.must(licenceMissing, "allocation", id, "B14 of an isp block ended inside the span")

	s = street
	s.e, s.line, s.parts = enterprise{id: "E553", name: "广州骑楼公寓管理有限公司", nameEN: "Qilou Apartments", place: "440100"}, "DIA-GZ-0553", []part{scattered}
	s.router, s.bits, s.hosts = guangzhou, 30, 2
	prefix := b.serve(s)
	b.row("translations", prefix.String(), "E553")
	b.must(unlicensedISP, "allocation", prefix.String(), "hundreds of sessions at a time behind two translated addresses, as of homes")

	s = street
	s.e, s.line, s.parts = enterprise{id: "E561", name: "北京国贸写字楼有限公司", nameEN: "Guomao Offices", place: "110100"}, "DIA-BJ-0561", []part{scattered}
	s.profile = office
	id = b.serve(s).String()
	b.innocent(unlicensedISP, "allocation", id, "the same mix in an office building: busiest by day")

	s = street
	s.e, s.line, s.parts = enterprise{id: "E562", name: "上海外滩酒店有限公司", nameEN: "Waitan Hotels", place: "310100"}, "DIA-SH-0562", []part{scattered}
	s.router, s.bits, s.hosts, s.mean, s.peak, s.profile = shanghai, 28, 12, 30, 12, campus
	id = b.serve(s).String()
	b.innocent(unlicensedISP, "allocation", id, "a hotel with twelve addresses")

	s = street
	s.e, s.line, s.parts = enterprise{id: "E563", name: "广州珠江宽带有限公司", nameEN: "Zhujiang Broadband", place: "440100"}, "DIA-GZ-0563", []part{scattered}
	s.router, s.use, s.peak = guangzhou, "isp", 20
	b.licensed(s.e, "B14")
	id = b.serve(s).String()
	b.innocent(unlicensedISP, "allocation", id, "B14 is active")
	b.innocent(licenceMissing, "allocation", id, "B14 is active")

	s = street
	s.e, s.line, s.parts = enterprise{id: "E564", name: "西安未央宽带有限公司", nameEN: "Weiyang Broadband", place: "610100"}, "DIA-XA-0564", []part{scattered}
	s.router, s.peak = xian, 20
	id = b.serve(s).String()
	b.innocent(unlicensedISP, "allocation", id, "access without a licence, but a fifth of the router's export never arrives: withheld, not found")
}
