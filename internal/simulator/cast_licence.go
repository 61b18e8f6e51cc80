package simulator

// resource is an allocation with a licence story: who holds it, for which
// use, and which licences its holder has.
type resource struct {
	e        enterprise
	bits     int
	use      string
	cloud    string
	to       string // end of the allocation
	licences [][6]string
}

// licenceRow returns no, service, coverage, from, to and status.
func licenceRow(no, service, coverage, from, to, status string) [6]string {
	return [6]string{no, service, coverage, from, to, status}
}

// resource files the holder, its licences and the allocation, whose prefix it
// returns as a subject.
func (b *cast) resource(r resource) string {
	b.enterprise(r.e)
	for _, l := range r.licences {
		b.licence(l[0], r.e.id, l[1], l[2], l[3], l[4], l[5])
	}
	return b.allocate(allocation{bits: r.bits, enterprise: r.e.id, use: r.use, cloud: r.cloud, to: r.to}).String()
}

// castLicences plants what licence-missing must and must not find.
func (b *cast) castLicences() {
	b.lapsedLicences()
	b.neverLicensed()
	b.licenceInnocents()
	b.exemptUses()
	b.borderlineLicences()
}

func (b *cast) lapsedLicences() {
	active := "active"
	id := b.resource(resource{
		e:    enterprise{id: "E201", name: "北京砚峰数据中心有限公司", nameEN: "Yanfeng Data Centre", place: "110100"},
		bits: 24, use: "idc",
		licences: [][6]string{licenceRow("京B1-20180217", "B11", "110100", b.day(-1900), b.day(-92), active)},
	})
	b.must(licenceMissing, "allocation", id, "B11 of an idc block expired 92 days before the last day and was not renewed")
	id = b.resource(resource{
		e:    enterprise{id: "E203", name: "广州漫汐网络科技有限公司", nameEN: "Manxi Networks", place: "440100"},
		bits: 22, use: "isp",
		licences: [][6]string{licenceRow("粤B1-20190311", "B14", "44", b.day(-1500), b.day(300), "revoked")},
	})
	b.must(licenceMissing, "allocation", id, "B14 of an isp block was revoked")
	id = b.resource(resource{
		e:    enterprise{id: "E204", name: "上海栾序通信服务有限公司", nameEN: "Luanxu Communications", place: "310100"},
		bits: 26, use: "ipvpn",
		licences: [][6]string{licenceRow("A2.B1-20180045", "B13", "", b.day(-1400), b.day(400), "suspended")},
	})
	b.must(licenceMissing, "allocation", id, "B13 of an ipvpn block is suspended")
	id = b.resource(resource{
		e:    enterprise{id: "E205", name: "深圳蓝礁云计算有限公司", nameEN: "Lanjiao Cloud", place: "440300"},
		bits: 23, use: "idc", cloud: "yes",
		licences: [][6]string{licenceRow("B1-20200102", "B11", "44", b.day(-1200), b.day(600), "cancelled")},
	})
	b.must(licenceMissing, "allocation", id, "cloud block whose holder's only licence, B11, was cancelled; B11-2 was never there")
	b.innocent(licenceScope, "allocation", id, "no service is active at all: that is licence-missing")
	id = b.resource(resource{
		e:    enterprise{id: "E206", name: "杭州渡云信息技术有限公司", nameEN: "Duyun Information", place: "330100"},
		bits: 23, use: "idc", cloud: "yes",
		licences: [][6]string{
			licenceRow("B1-20190777", "B11", "", b.day(-1300), b.day(500), active),
			licenceRow("B1-20190777", "B11-2", "", b.day(-1300), b.day(-60), active),
		},
	})
	b.must(licenceMissing, "allocation", id, "B11-2 of a cloud block was held and expired 60 days ago; B11 alone does not cover it")
	b.innocent(licenceScope, "allocation", id, "B11-2 was held once: that is licence-missing, never both")
	id = b.resource(resource{
		e:    enterprise{id: "E207", name: "成都锦屏数据服务有限公司", nameEN: "Jinping Data Services", place: "510100"},
		bits: 24, use: "idc",
		licences: [][6]string{
			licenceRow("川B1-20190099", "B11", "51", b.day(-1840), b.day(-20), active),
			licenceRow("川B1-20190099", "B11", "51", b.day(11), b.day(1836), active),
		},
	})
	b.must(licenceMissing, "allocation", id, "renewal of B11 leaves a gap that covers the whole span")
}

func (b *cast) neverLicensed() {
	b.enterprise(enterprise{id: "E202", name: "上海飞鸢分发科技有限公司", nameEN: "Feiyuan Delivery", place: "310100"})
	prefix := b.allocate(allocation{bits: 25, enterprise: "E202", use: "cdn", noneEval: true})
	b.must(evaluationMissing, "enterprise", "E202", "cdn for 700 days without licence and without an evaluation: who runs it needs one")
	b.addLine(lineSpec{
		id: "DIA-SH-0202", enterprise: "E202", use: "cdn", router: shanghai, mean: 120, down: 0.05, profile: evening,
		near: b.hosts(prefix, 12, "E202"), far: b.world.clients, apps: deliveryApps(), ends: []endpoint{{"a", prefix, "datacentre"}},
		parts: []part{b.fill()},
	})
	b.must(unlicensedCDN, "allocation", prefix.String(), "filed as cdn without a licence, and behaving so")
	b.must(licenceMissing, "line", "DIA-SH-0202", "line used for cdn, holder never had any licence")
	b.must(licenceMissing, "allocation", prefix.String(), "block used for cdn, holder never had any licence")

	b.enterprise(enterprise{id: "E208", name: "北京泓域控股集团有限公司", nameEN: "Hongyu Holdings", place: "110100"})
	b.licence("A2.B1.B2-20170066", "E208", "B11", "", b.day(-2000), "", "active")
	id := b.resource(resource{
		e:    enterprise{id: "E209", name: "北京泓域数科有限公司", nameEN: "Hongyu Digital", place: "110100", parent: "E208"},
		bits: 25, use: "idc",
	})
	b.must(licenceMissing, "allocation", id, "the parent company is licensed, the holder itself is not: a licence is only its holder's own")
	id = b.resource(resource{
		e:    enterprise{id: "E210", name: "西安知域解析技术有限公司", nameEN: "Zhiyu Resolution", place: "610100"},
		bits: 28, use: "dns",
		licences: [][6]string{licenceRow("A2.B1.B2-20260031", "B26-1", "", b.day(30), b.day(1855), "active")},
	})
	b.must(licenceMissing, "allocation", id, "B26-1 of a dns block begins 30 days after the span")
}

func (b *cast) licenceInnocents() {
	active := "active"
	id := b.resource(resource{
		e:    enterprise{id: "E221", name: "北京恒筑数据有限公司", nameEN: "Hengzhu Data", place: "110100"},
		bits: 23, use: "idc",
		licences: [][6]string{
			licenceRow("B1-20160188", "B11", "110100", b.day(-1829), b.day(-4), active),
			licenceRow("B1-20160188", "B11", "110100", b.day(-3), b.day(1822), active),
		},
	})
	b.innocent(licenceMissing, "allocation", id, "B11 was renewed inside the span without a gap")
	b.innocent(licenceRegion, "allocation", id, "B11 covers exactly the city of the block")
	id = b.resource(resource{
		e:    enterprise{id: "E222", name: "上海临汀网络有限公司", nameEN: "Linting Networks", place: "310100"},
		bits: 24, use: "isp",
		licences: [][6]string{licenceRow("沪B1-20210020", "B14", "31", b.day(-1825), b.day(0), active)},
	})
	b.innocent(licenceMissing, "allocation", id, "B14 is valid up to and including the last day")
	b.innocent(licenceRegion, "allocation", id, "B14 of the province covers its city")
	id = b.resource(resource{
		e:    enterprise{id: "E223", name: "广州穗桥互联有限公司", nameEN: "Suiqiao Interconnect", place: "440100"},
		bits: 24, use: "idc",
		licences: [][6]string{licenceRow("粤B1-20200515", "B14", "44", b.day(-900), b.day(900), active)},
	})
	b.innocent(licenceMissing, "allocation", id, "another service (B14) is licensed and B11 never was: that is licence-scope")
	b.must(licenceScope, "allocation", id, "idc block whose holder is licensed for B14 and never was for B11")
	id = b.resource(resource{
		e:    enterprise{id: "E224", name: "深圳湾澜科技有限公司", nameEN: "Wanlan Technology", place: "440300"},
		bits: 24, use: "cdn",
		licences: [][6]string{licenceRow("B1-20210404", "B12", "31;32", b.day(-900), b.day(900), active)},
	})
	b.innocent(licenceMissing, "allocation", id, "B12 exists but covers other provinces: that is licence-region")
	b.must(licenceRegion, "allocation", id, "cdn block in Shenzhen, B12 covers Shanghai and Jiangsu")
	id = b.resource(resource{
		e:    enterprise{id: "E225", name: "杭州织里云栖有限公司", nameEN: "Zhili Cloud", place: "330100"},
		bits: 23, use: "idc", cloud: "yes",
		licences: [][6]string{
			licenceRow("B1-20200888", "B11", "", b.day(-1000), "", active),
			licenceRow("B1-20200888", "B11-2", "", b.day(-1000), "", active),
			licenceRow("B1-20180888", "B12", "", b.day(-1500), b.day(200), "revoked"),
		},
	})
	b.innocent(licenceMissing, "allocation", id, "B11 and B11-2 are open-ended; what was revoked is B12, which the block does not need")
	id = b.resource(resource{
		e:    enterprise{id: "E226", name: "成都岷川信息有限公司", nameEN: "Minchuan Information", place: "510100"},
		bits: 25, use: "idc", to: b.day(-30),
		licences: [][6]string{licenceRow("川B1-20170321", "B11", "51", b.day(-1900), b.day(-25), active)},
	})
	b.innocent(licenceMissing, "allocation", id, "the block was given back while B11 was still valid, before the span")
	id = b.resource(resource{
		e:    enterprise{id: "E228", name: "西安汇澜专网有限公司", nameEN: "Huilan Private Networks", place: "610100"},
		bits: 26, use: "ipvpn",
		licences: [][6]string{
			licenceRow("陕B1-20150007", "B13", "", b.day(-2600), b.day(-800), "cancelled"),
			licenceRow("A2.B1-20220150", "B13", "", b.day(-900), b.day(920), active),
		},
	})
	b.innocent(licenceMissing, "allocation", id, "the old licence was cancelled after a new one for B13 had begun")
}

func (b *cast) exemptUses() {
	own := b.allocate(allocation{bits: 20, enterprise: carrierID, use: "isp"}).String()
	b.innocent(licenceMissing, "allocation", own, "the carrier's own block: the carrier needs no value-added licence here")
	b.innocent(evaluationMissing, "enterprise", carrierID, "the carrier is exempt")
	infra := b.allocate(allocation{prefix: infrastructure(), enterprise: carrierID, use: "infrastructure"}).String()
	b.innocent(licenceMissing, "allocation", infra, "infrastructure of the carrier")
	pool := b.allocate(allocation{bits: 18, enterprise: carrierID, use: "subscriber_pool"}).String()
	b.innocent(licenceMissing, "allocation", pool, "subscriber pool")
	id := b.resource(resource{
		e:    enterprise{id: "E227", name: "示范理工大学", nameEN: "Demonstration University of Technology", nature: "institution", place: "420100"},
		bits: 20, use: "subscriber_pool",
	})
	b.innocent(licenceMissing, "allocation", id, "dormitory pool of a university: use subscriber_pool needs no licence")
	id = b.resource(resource{
		e:    enterprise{id: "E229", name: "张某", nature: "individual", place: "320100"},
		bits: 30, use: "enterprise",
	})
	b.innocent(licenceMissing, "allocation", id, "an individual's own block of use enterprise; never to be named")
}

func (b *cast) borderlineLicences() {
	id := b.resource(resource{
		e:    enterprise{id: "E230", name: "南京栖梧云数据有限公司", nameEN: "Qiwu Cloud Data", place: "320100"},
		bits: 24, use: "idc",
		licences: [][6]string{
			licenceRow("苏B1-20200610", "B11", "32", b.day(-1828), b.day(-4), "active"),
			licenceRow("苏B1-20200610", "B11", "32", b.day(-1), b.day(1825), "active"),
		},
	})
	b.may(licenceMissing, "allocation", id, "B11 lapsed for two days inside the span and is valid again: found, as ceased, by a span that includes them")
}
