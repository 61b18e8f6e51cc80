package simulator

import "strconv"

// licensed files a holder with a national licence for one service.
func (b *cast) licensed(e enterprise, service string) string {
	b.enterprise(e)
	b.licence("L-"+e.id, e.id, service, "", b.day(-1200), b.day(700), "active")
	return e.id
}

// castScopes plants more of what licence-scope and licence-region must and must
// not find.
func (b *cast) castScopes() {
	id := b.resource(resource{
		e:    enterprise{id: "E401", name: "苏州澄湖云计算有限公司", nameEN: "Chenghu Cloud", place: "320500"},
		bits: 24, use: "idc", cloud: "yes",
		licences: [][6]string{licenceRow("苏B1-20220401", "B11", "32", b.day(-900), b.day(900), "active")},
	})
	b.must(licenceScope, "allocation", id, "cloud block on B11 alone: B11 does not give B11-2")
	b.innocent(licenceMissing, "allocation", id, "B11 is active and B11-2 never was: that is licence-scope")
	b.innocent(licenceRegion, "allocation", id, "B11 covers the province")

	e := b.licensed(enterprise{id: "E402", name: "武汉楚汀网络有限公司", nameEN: "Chuting Networks", place: "420100"}, "B11")
	b.addLine(lineSpec{id: "DIA-WH-0402", enterprise: e, use: "isp", router: guangzhou, silent: true})
	b.must(licenceScope, "line", "DIA-WH-0402", "line used for isp, holder is licensed for B11 only")
	b.innocent(licenceMissing, "line", "DIA-WH-0402", "another service is active and B14 never was: that is licence-scope")
	b.must(evaluationMissing, "enterprise", e, "isp line for 400 days without an evaluation")
	own := b.allocate(allocation{bits: 28, enterprise: e, use: "enterprise"}).String()
	b.innocent(licenceScope, "allocation", own, "use enterprise needs no licence")

	id = b.resource(resource{
		e:    enterprise{id: "E403", name: "长沙湘筑数据有限公司", nameEN: "Xiangzhu Data", place: "430100"},
		bits: 25, use: "idc",
		licences: [][6]string{licenceRow("湘B1-20220403", "B11", "430200;430300", b.day(-900), b.day(900), "active")},
	})
	b.must(licenceRegion, "allocation", id, "block in Changsha, B11 covers two other cities of the province")
	b.innocent(licenceMissing, "allocation", id, "B11 is active: that it covers other cities is licence-region")

	id = b.resource(resource{
		e:    enterprise{id: "E404", name: "厦门鹭影分发有限公司", nameEN: "Luying Delivery", place: "350200"},
		bits: 26, use: "cdn",
		licences: [][6]string{
			licenceRow("闽B1-20200404", "B12", "31", b.day(-1500), b.day(200), "active"),
			licenceRow("闽B1-20220404", "B12", "35", b.day(-800), b.day(900), "active"),
		},
	})
	b.innocent(licenceRegion, "allocation", id, "one of two licences for B12 covers the province")
	b.innocent(licenceMissing, "allocation", id, "B12 is active twice")
}

// castCommitments plants what commitment-overdue must and must not find.
func (b *cast) castCommitments() {
	for _, c := range []struct {
		e         enterprise
		service   string
		due, done string
		why       string
		guilty    bool
	}{
		{enterprise{id: "E411", name: "天津津衡云有限公司", nameEN: "Jinheng Cloud", place: "120100"}, "B11-2", "2017-12-31", "", "commitment for B11-2 due on 2017-12-31 was never fulfilled", true},
		{enterprise{id: "E412", name: "沈阳浑河分发有限公司", nameEN: "Hunhe Delivery", place: "210100"}, "B12", "2017-10-31", b.day(40), "commitment for B12 will be fulfilled only 40 days after the span", true},
		{enterprise{id: "E413", name: "大连星屿数据有限公司", nameEN: "Xingyu Data", place: "210200"}, "B11-2", "2017-12-31", "2017-12-31", "fulfilled on the due day", false},
		{enterprise{id: "E414", name: "青岛栈道云有限公司", nameEN: "Zhandao Cloud", place: "370200"}, "B12", "2017-12-31", "2018-02-15", "fulfilled late, but long before the span", false},
	} {
		b.enterprise(c.e)
		b.row("commitments", c.e.id, c.service, "2017-03-20", c.due, c.done)
		if c.guilty {
			b.must(commitmentOverdue, "enterprise", c.e.id, c.why)
		} else {
			b.innocent(commitmentOverdue, "enterprise", c.e.id, c.why)
		}
	}
	e := b.licensed(enterprise{id: "E415", name: "济南趵泉网络有限公司", nameEN: "Baoquan Networks", place: "370100"}, "B12")
	b.row("commitments", e, "B12", "2017-02-28", "2017-12-31", "")
	b.innocent(commitmentOverdue, "enterprise", e, "no day of fulfilment is filed, but B12 is licensed meanwhile")

	b.enterprise(enterprise{id: "E416", name: "合肥庐云科技有限公司", nameEN: "Luyun Technology", place: "340100"})
	b.row("commitments", "E416", "B12", "2017-03-31", b.day(90), "")
	id := b.allocate(allocation{bits: 26, enterprise: "E416", use: "cdn"}).String()
	b.must(commitmentOverdue, "enterprise", "E416", "cdn is run on a commitment alone, long after 2018-01-01; its due day has not come")
	b.must(licenceMissing, "allocation", id, "cdn on a commitment alone, no licence of any kind")
}

// castEvaluations plants what evaluation-missing must and must not find.
func (b *cast) castEvaluations() {
	e := b.licensed(enterprise{id: "E421", name: "郑州嵩云数据有限公司", nameEN: "Songyun Data", place: "410100"}, "B11")
	id := b.allocate(allocation{bits: 25, enterprise: e, use: "idc"}).String()
	b.innocent(licenceMissing, "allocation", id, "B11 is active")
	id = b.allocate(allocation{bits: 25, enterprise: e, use: "idc", place: "410300", from: b.day(-90), noneEval: true}).String()
	b.innocent(licenceMissing, "allocation", id, "B11 is active")
	b.must(evaluationMissing, "enterprise", e, "a second city was opened 90 days ago without an evaluation; the first has one")

	e = b.licensed(enterprise{id: "E422", name: "南昌滕阁数据有限公司", nameEN: "Tengge Data", place: "360100"}, "B11")
	id = b.allocate(allocation{bits: 25, enterprise: e, use: "idc", from: b.day(-20), noneEval: true}).String()
	b.innocent(licenceMissing, "allocation", id, "B11 is active")
	b.innocent(evaluationMissing, "enterprise", e, "no evaluation yet, in the first 30 days of the block")

	e = b.licensed(enterprise{id: "E423", name: "昆明滇池宽带有限公司", nameEN: "Dianchi Broadband", place: "530100"}, "B14")
	id = b.allocate(allocation{bits: 24, enterprise: e, use: "isp", noneEval: true}).String()
	b.row("evaluations", e, "B14", "53", "全省", "20000", b.day(-720))
	b.innocent(licenceMissing, "allocation", id, "B14 is active")
	b.innocent(evaluationMissing, "enterprise", e, "the evaluation of the province covers its city")
}

// castCredit plants what credit-new-resource must and must not find.
func (b *cast) castCredit() {
	since := b.day(-300)
	b.enterprise(enterprise{id: "E431", name: "石家庄驼梁网络有限公司", nameEN: "Tuoliang Networks", place: "130100", badSince: since})
	id := b.allocate(allocation{bits: 27, enterprise: "E431", use: "enterprise", from: b.day(-60)}).String()
	b.must(creditNewResource, "allocation", id, "block allocated 240 days after its holder was listed")
	b.addLine(lineSpec{id: "DIA-SJZ-0431", enterprise: "E431", router: beijing, silent: true, from: b.day(-299)})
	b.must(creditNewResource, "line", "DIA-SJZ-0431", "line began the day after its holder was listed")
	id = b.allocate(allocation{bits: 27, enterprise: "E431", use: "enterprise", from: since}).String()
	b.innocent(creditNewResource, "allocation", id, "block began on the day of the listing, not after it")
	b.row("lines", "DIA-SJZ-0432", "E431", "domestic", "dia", "enterprise", "20", "130100", "", "domestic", "", b.day(-1000), b.day(-100))
	b.addLine(lineSpec{id: "DIA-SJZ-0432", enterprise: "E431", router: beijing, silent: true, from: b.day(-99)})
	b.innocent(creditNewResource, "line", "DIA-SJZ-0432", "renewal of a line that began before the listing")

	b.enterprise(enterprise{id: "E432", name: "太原汾畔科技有限公司", nameEN: "Fenpan Technology", place: "140100"})
	id = b.allocate(allocation{bits: 28, enterprise: "E432", use: "enterprise", from: b.day(-30)}).String()
	b.innocent(creditNewResource, "allocation", id, "new block of an enterprise with normal credit")
}

// castGateways plants what intl-gateway must and must not find.
func (b *cast) castGateways() {
	b.row("gateways", "GW-NEW", "business", "460100", carrierID, "accepted", b.day(-60), "")
	b.row("gateways", "GW-OLD", "channel", "110100", carrierID, "closed", b.day(-3000), "")
	b.row("gateways", "GW-MOVED", "business", "440100", carrierID, "approved", b.day(-900), b.day(-401))
	b.row("gateways", "GW-MOVED", "business", "440100", carrierID, "live", b.day(-400), "")
	for i, g := range []struct {
		gateway, why string
		guilty       bool
	}{
		{"", "no gateway is named", true},
		{"GW-NEW", "the gateway is accepted, not live yet", true},
		{"GW-OLD", "the gateway is closed", true},
		{"GW-MOVED", "the gateway was approved once and is live since", false},
		{"GW-11", "a live gateway", false},
	} {
		addr, index := b.c.routers[beijing].addr.String(), strconv.Itoa(241+i)
		b.row("interfaces", addr, index, "hu-0/3/"+strconv.Itoa(i), "international", "", "100000", g.gateway)
		if g.guilty {
			b.must(intlGateway, "interface", addr+"/"+index, g.why)
		} else {
			b.innocent(intlGateway, "interface", addr+"/"+index, g.why)
		}
	}
}
