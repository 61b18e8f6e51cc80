package simulator

import "net/netip"

// domesticLine is a line at home in the making.
type domesticLine struct {
	e          enterprise
	id         string
	technology string
	use        string
	bits       int
	router     int
	domain     int
	mean, down float64
	profile    profile
	hosts      uint64
	licence    [2]string // number and service
	kind       string
}

// castDomestic plants lines at home: no rule has anything against them, apart
// from those planted elsewhere.
func (b *cast) castDomestic() {
	for _, d := range b.domesticLines() {
		if _, known := b.places[d.e.id]; !known {
			b.enterprise(d.e)
		}
		if d.licence[0] != "" {
			b.licence(d.licence[0], d.e.id, d.licence[1], "", b.day(-1000), b.day(800), "active")
		}
		use := d.use
		if use == "" {
			use = "enterprise"
		}
		prefix := b.allocate(allocation{bits: d.bits, enterprise: d.e.id, use: use})
		far, apps := b.world.web, webApps()
		switch use {
		case "idc":
			far, apps = b.world.homes, serverApps()
		case "cdn":
			far, apps = b.world.homes, deliveryApps()
		case "ipvpn":
			far, apps = b.world.homes[:2], officeApps()
		}
		b.addLine(lineSpec{
			id: d.id, enterprise: d.e.id, technology: d.technology, use: d.use, router: d.router, domain: d.domain,
			mean: d.mean, down: d.down, profile: d.profile, near: b.hosts(prefix, d.hosts, d.e.id), far: far, apps: apps,
			ends: []endpoint{{"a", prefix, d.kind}}, peak: 14,
		})
		if d.licence[0] != "" {
			b.innocent(licenceMissing, "line", d.id, "use "+use+" with an active "+d.licence[1])
		}
	}
	b.foreignSources()
}

func (b *cast) domesticLines() []domesticLine {
	return []domesticLine{
		{e: enterprise{id: "E301", name: "北京檐下数据中心有限公司", nameEN: "Yanxia Data Centre", place: "110100"}, id: "DIA-BJ-0301", use: "idc", bits: 23, router: beijing, mean: 400, down: 0.25, profile: flat, hosts: 180, licence: [2]string{"B1-20210301", "B11"}, kind: "datacentre"},
		{e: enterprise{id: "E302", name: "上海听澜宽带有限公司", nameEN: "Tinglan Broadband", place: "310100"}, id: "DIA-SH-0302", use: "isp", bits: 21, router: shanghai, mean: 500, down: 0.85, profile: evening, hosts: 1500, licence: [2]string{"沪B1-20210302", "B14"}, kind: "other"},
		{e: enterprise{id: "E303", name: "广州快帆内容分发有限公司", nameEN: "Kuaifan Delivery", place: "440100"}, id: "DIA-GZ-0303", use: "cdn", bits: 25, router: guangzhou, mean: 600, down: 0.1, profile: evening, hosts: 12, licence: [2]string{"B1-20210303", "B12"}, kind: "datacentre"},
		{e: enterprise{id: "E304", name: "深圳联栈虚拟专网有限公司", nameEN: "Lianzhan VPN", place: "440300"}, id: "MPLS-SZ-0304", technology: "mpls_vpn", use: "ipvpn", bits: 26, router: guangzhou, domain: 1, mean: 80, down: 0.5, hosts: 20, licence: [2]string{"A2.B1-20210304", "B13"}, kind: "other"},
		{e: enterprise{id: "E227"}, id: "DIA-WH-0227", bits: 22, router: guangzhou, mean: 300, down: 0.8, profile: campus, hosts: 700, kind: "other"},
		{e: enterprise{id: "E305", name: "南京市示范区政务服务中心", nameEN: "Demonstration Government Service Centre", nature: "government", place: "320100"}, id: "DIA-NJ-0305", bits: 26, router: shanghai, mean: 30, hosts: 20, kind: "office"},
		{e: enterprise{id: "E306", name: "成都示范第二医院", nameEN: "Demonstration Second Hospital", nature: "institution", place: "510100"}, id: "DIA-CD-0306", bits: 27, router: chengdu, mean: 40, profile: campus, hosts: 25, kind: "office"},
		{e: enterprise{id: "E307", name: "西安辰砂精密制造有限公司", nameEN: "Chensha Precision", place: "610100"}, id: "DIA-XA-0307", bits: 28, router: xian, mean: 25, hosts: 12, kind: "office"},
		{e: enterprise{id: "E121"}, id: "DIA-HZ-0121", bits: 27, router: hangzhou, mean: 60, hosts: 25, kind: "office"},
		{e: enterprise{id: "E308", name: "杭州半亩茶业有限公司", nameEN: "Banmu Tea", place: "330100"}, id: "DIA-HZ-0308", bits: 29, router: hangzhou, mean: 10, hosts: 5, kind: "office"},
		{e: enterprise{id: "E309", name: "宁波北仑仓储有限公司", nameEN: "Beilun Warehousing", place: "330200"}, id: "DIA-NB-0309", bits: 28, router: hangzhou, mean: 15, hosts: 10, kind: "office"},
		{e: enterprise{id: "E310", name: "杭州疏影酒店管理有限公司", nameEN: "Shuying Hotels", place: "330100"}, id: "DIA-HZ-0310", bits: 27, router: hangzhou, mean: 70, down: 0.85, profile: evening, hosts: 28, kind: "other"},
		{e: enterprise{id: "E311", name: "绍兴鉴湖服饰有限公司", nameEN: "Jianhu Apparel", place: "330600"}, id: "MPLS-SX-0311", technology: "mpls_vpn", bits: 28, router: hangzhou, mean: 12, hosts: 9, kind: "office"},
		{e: enterprise{id: "E206"}, id: "DIA-HZ-0206", use: "enterprise", bits: 28, router: hangzhou, mean: 20, hosts: 10, kind: "office"},
	}
}

// foreignSources adds a domestic line that carries others' addresses, which is
// sublet bandwidth, and no matter for the rule of international lines.
func (b *cast) foreignSources() {
	b.enterprise(enterprise{id: "E312", name: "北京廊桥网络有限公司", nameEN: "Langqiao Networks", place: "110100"})
	prefix := b.allocate(allocation{bits: 25, enterprise: "E312", use: "enterprise"})
	others := []pool{{prefix: netip.MustParsePrefix("30.60.4.0/24"), hosts: 120}}
	b.addLine(lineSpec{
		id: "DIA-BJ-0312", enterprise: "E312", router: beijing, mean: 45, near: b.hosts(prefix, 60, "E312"), far: b.world.web,
		apps: webApps(), ends: []endpoint{{"a", prefix, "office"}},
		parts: []part{{name: "others at home", share: 0.2, near: others}},
	})
	b.must(subleaseBandwidth, "line", "DIA-BJ-0312", "20 % of what the line sends comes from addresses of nobody's filing")
	b.innocent(intlThirdParty, "line", "DIA-BJ-0312", "20 % come from addresses of others, but the line is domestic")
	b.innocent(intlUserFile, "line", "DIA-BJ-0312", "a domestic line needs no user file")
}
