package simulator

// castOverseas plants what intl-datacentre and intl-transit must and must not
// find.
func (b *cast) castOverseas() {
	// A data centre at home with a line and traffic of its own, some of which
	// takes another customer's international line.
	s := served{
		e: enterprise{id: "E821", name: "北京陆港数据有限公司", nameEN: "Lugang Data", place: "110100"}, line: "DIA-BJ-0821", use: "idc", bits: 24,
		hosts: 60, router: beijing, mean: 150, down: 0.2, profile: flat, apps: rackApps(), far: b.world.clients,
	}
	b.licensed(s.e, "B11")
	racks := b.serve(s)
	b.innocent(licenceMissing, "allocation", racks.String(), "B11 is active")
	b.innocent(unlicensedIDC, "allocation", racks.String(), "B11 is active")

	centre := part{name: "between data centres", share: 0.15, near: near(racks, 60), far: b.world.web[3:4], apps: webApps()[:2]}
	b.enterprise(enterprise{id: "E822", name: "北京海关街贸易有限公司", nameEN: "Haiguanjie Trading", place: "110100"})
	l := lineSpec{id: "IPLC-BJ-0822", enterprise: "E822", country: "US", router: beijing, mean: 20, parts: []part{centre}}
	b.international(intl{lineSpec: l})
	b.must(intlDatacentre, "line", l.id, "15 % of bytes run between another enterprise's data centre at home and a cloud abroad")
	b.must(intlThirdParty, "line", l.id, "15 % of bytes have both addresses outside the declared ends")
	b.must(intlTransit, "line", l.id, "15 % of bytes have neither end at the holder")

	b.enterprise(enterprise{id: "E823", name: "上海云码头科技有限公司", nameEN: "Cloud Wharf", place: "310100"})
	edge6 := b.network6("CN", "青穗内容网络", "cdn", 64601, 100)
	far6 := b.network6("JP", "Kaede Hosting", "datacentre", 64605, 100)
	l = lineSpec{id: "IEPL-SH-0823", enterprise: "E823", country: "JP", technology: "iepl", router: shanghai, mean: 20}
	l.parts = []part{{name: "between edges over IPv6", share: 0.2, near: []pool{edge6}, far: []pool{far6}, apps: webApps()[:2]}}
	b.international(intl{lineSpec: l, v6: true})
	b.must(intlDatacentre, "line", l.id, "20 % of bytes run between a content network at home and a data centre abroad, over IPv6")
	b.must(intlThirdParty, "line", l.id, "20 % of bytes have both addresses outside the declared ends")
	b.must(intlTransit, "line", l.id, "20 % of bytes have neither end at the holder")

	b.enterprise(enterprise{id: "E824", name: "广州过路通信有限公司", nameEN: "Guolu Communications", place: "440100"})
	l = lineSpec{id: "IPLC-GZ-0824", enterprise: "E824", country: "SG", router: guangzhou, mean: 20}
	l.parts = []part{{name: "passing through", share: 0.035, near: strangers(40), far: b.world.abroad[2:3], apps: webApps()}}
	b.international(intl{lineSpec: l})
	b.must(intlTransit, "line", l.id, "3.5 % of bytes pass between strangers at either end")
	b.innocent(intlThirdParty, "line", l.id, "third parties are 3.5 % of bytes")
	b.overseasInnocents()
}

func (b *cast) overseasInnocents() {
	host := b.licensed(enterprise{id: "E831", name: "上海自建机房有限公司", nameEN: "Own Racks", place: "310100"}, "B11")
	racks := b.allocate(allocation{bits: 26, enterprise: host, use: "idc"})
	b.innocent(licenceMissing, "allocation", racks.String(), "B11 is active")
	far := b.network(26, "DE", "Rhein Rechenzentrum", "datacentre", 0, 20)
	l := lineSpec{id: "IPLC-SH-0831", enterprise: host, country: "DE", router: shanghai, mean: 18}
	l.ends = []endpoint{{"a", racks, "datacentre"}, {"z", far.prefix, "datacentre"}}
	l.parts = []part{{name: "the holder's own data centre", share: 0.3, near: near(racks, 20), far: []pool{far}}}
	b.international(intl{lineSpec: l})
	b.innocent(intlDatacentre, "line", l.id, "30 % run between the holder's own declared data centre and its declared one abroad")
	b.innocent(intlThirdParty, "line", l.id, "everything is declared")

	b.enterprise(enterprise{id: "E832", name: "广州浅滩科技有限公司", nameEN: "Qiantan Technology", place: "440100"})
	l = lineSpec{id: "IPLC-GZ-0832", enterprise: "E832", country: "US", router: guangzhou, mean: 20}
	l.parts = []part{{name: "little between clouds", share: 0.01, near: b.world.web[:1], far: b.world.web[3:4], apps: webApps()[:2]}}
	b.international(intl{lineSpec: l})
	b.innocent(intlDatacentre, "line", l.id, "1 % of bytes run between clouds")
	b.innocent(intlTransit, "line", l.id, "1 % of bytes have neither end at the holder")

	b.enterprise(enterprise{id: "E833", name: "北京单边设计有限公司", nameEN: "Danbian Design", place: "110100"})
	l = lineSpec{id: "IPLC-BJ-0833", enterprise: "E833", country: "SG", router: beijing, mean: 20}
	l.parts = []part{{name: "a cloud abroad for the office", share: 0.04, far: b.world.web[4:5], apps: webApps()}}
	b.international(intl{lineSpec: l})
	b.innocent(intlDatacentre, "line", l.id, "a cloud abroad, but the office at the home end")
	b.innocent(intlTransit, "line", l.id, "the home end is the holder's")
}

// castOverseasPlatforms plants what intl-business-platform must and must not
// find.
func (b *cast) castOverseasPlatforms() {
	shop := []app{{proto: protoTCP, port: 443, size: 1000, nearSide: true}}
	b.enterprise(enterprise{id: "E841", name: "北京出海电商有限公司", nameEN: "Chuhai Commerce", place: "110100"})
	home := b.allocate(allocation{bits: 27, enterprise: "E841", use: "enterprise"})
	l := lineSpec{id: "IPLC-BJ-0841", enterprise: "E841", country: "US", router: beijing, mean: 25, ends: []endpoint{{"a", home, "office"}}}
	l.parts = []part{{name: "shop", share: 0.3, down: 0.3, near: near(home, 2), far: b.world.overseas, apps: shop}}
	b.international(intl{lineSpec: l})
	b.must(intlBusinessPlatform, "line", l.id, "a shop at the home end serves 192 networks of 24 operators abroad")
	b.must(intlThirdParty, "line", l.id, "30 % of bytes have addresses abroad outside the declared end")

	b.enterprise(enterprise{id: "E842", name: "上海入境平台有限公司", nameEN: "Rujing Platform", place: "310100"})
	office := b.network(28, "SG", "overseas office of E842", "enterprise", 0, 6)
	l = lineSpec{id: "IPLC-SH-0842", enterprise: "E842", country: "SG", router: shanghai, mean: 25, ends: []endpoint{{"z", office.prefix, "office"}}}
	l.parts = []part{{name: "platform abroad", share: 0.25, down: 0.7, near: b.world.clients, far: []pool{{prefix: office.prefix, hosts: 1}}, apps: webApps()[:1]}}
	b.international(intl{lineSpec: l})
	b.must(intlBusinessPlatform, "line", l.id, "a server at the declared end abroad serves hundreds of networks at home")
	b.must(intlThirdParty, "line", l.id, "25 % of bytes have home addresses outside the declared end")

	b.enterprise(enterprise{id: "E843", name: "广州外贸直通有限公司", nameEN: "Waimao Direct", place: "440100"})
	home6 := b.allocate(allocation{prefix: b.block6(), enterprise: "E843", use: "enterprise"})
	l = lineSpec{id: "IPLC-GZ-0843", enterprise: "E843", country: "JP", router: guangzhou, mean: 25, ends: []endpoint{{"a", home6, "office"}}}
	l.parts = []part{{name: "shop over IPv6", share: 0.3, down: 0.3, near: near(home6, 2), far: b.world.overseas6, apps: shop}}
	b.international(intl{lineSpec: l, v6: true})
	b.must(intlBusinessPlatform, "line", l.id, "a shop at the home end serves 84 IPv6 networks of 14 operators abroad")
	b.must(intlThirdParty, "line", l.id, "30 % of bytes have addresses abroad outside the declared end")

	// The holder's own staff, in many networks.
	b.enterprise(enterprise{id: "E851", name: "北京万人制造有限公司", nameEN: "Wanren Manufacturing", place: "110100"})
	staff := b.allocate(allocation{bits: 18, enterprise: "E851", use: "enterprise"})
	l = lineSpec{id: "IPLC-BJ-0851", enterprise: "E851", country: "DE", router: beijing, mean: 30}
	l.parts = []part{{name: "staff", share: 0.6, near: near(staff, 16000), apps: webApps()[:1]}}
	b.international(intl{lineSpec: l})
	b.innocent(intlBusinessPlatform, "line", l.id, "the server abroad is used by 64 networks of the holder's own staff")

	b.enterprise(enterprise{id: "E852", name: "上海熟客贸易有限公司", nameEN: "Shuke Trading", place: "310100"})
	home = b.allocate(allocation{bits: 27, enterprise: "E852", use: "enterprise"})
	l = lineSpec{id: "IPLC-SH-0852", enterprise: "E852", country: "SG", router: shanghai, mean: 20, ends: []endpoint{{"a", home, "office"}}}
	var partners []pool
	for _, p := range b.world.overseas[:6] {
		partners = append(partners, pool{prefix: p.prefix, hosts: 3, asn: p.asn})
	}
	l.parts = []part{{name: "partners", share: 0.03, down: 0.4, near: near(home, 2), far: partners, apps: shop}}
	b.international(intl{lineSpec: l})
	b.innocent(intlBusinessPlatform, "line", l.id, "a handful of partners")
	b.innocent(intlThirdParty, "line", l.id, "partners are 3 % of bytes")
}

// castNights plants what intl-nonoffice-profile must and must not find. The
// violators' far ends have nearly the hours of China: elsewhere the night is a
// working day.
func (b *cast) castNights() {
	for _, v := range []struct {
		e       enterprise
		line    string
		country string
		router  int
		profile profile
		v6, few bool
		guilty  bool
		why     string
	}{
		{enterprise{id: "E861", name: "北京夜航信息有限公司", nameEN: "Yehang Information", place: "110100"}, "IPLC-BJ-0861", "SG", beijing, nightJob, false, false, true, "busiest at night and at weekends, between dozens of addresses on each side"},
		{enterprise{id: "E862", name: "上海不眠网络有限公司", nameEN: "Bumian Networks", place: "310100"}, "IPLC-SH-0862", "JP", shanghai, nightJob, true, false, true, "busiest at night and at weekends, over IPv4 and IPv6"},
		{enterprise{id: "E863", name: "广州子时科技有限公司", nameEN: "Zishi Technology", place: "440100"}, "IEPL-GZ-0863", "HK", guangzhou, nightJob, false, false, true, "busiest at night and at weekends, to Hong Kong"},
		{enterprise{id: "E871", name: "北京灾备银行有限公司", nameEN: "Zaibei Bank", place: "110100"}, "IPLC-BJ-0871", "SG", beijing, nightJob, false, true, false, "nightly backup between two pairs of machines"},
		{enterprise{id: "E872", name: "上海逐日外包有限公司", nameEN: "Zhuri Outsourcing", place: "310100"}, "IPLC-SH-0872", "US", shanghai, followSun, false, false, false, "the night is a working day at the other end, and weekends are quiet"},
		{enterprise{id: "E873", name: "广州朝九机械有限公司", nameEN: "Zhaojiu Machinery", place: "440100"}, "IPLC-GZ-0873", "KR", guangzhou, office, false, false, false, "office hours and quiet weekends"},
	} {
		b.enterprise(v.e)
		l := lineSpec{id: v.line, enterprise: v.e.id, country: v.country, router: v.router, mean: 24, peak: 20, profile: v.profile}
		if v.few {
			home := b.allocate(allocation{bits: 29, enterprise: v.e.id, use: "enterprise"})
			far := b.network(29, v.country, "backup of "+v.e.id, "enterprise", 0, 2)
			l.ends = []endpoint{{"a", home, "office"}, {"z", far.prefix, "office"}}
			l.parts = []part{{name: "backup", share: 0.995, near: near(home, 2), far: []pool{far}, apps: []app{{proto: protoTCP, port: 873, size: 1300}}, when: atNight}}
		}
		b.international(intl{lineSpec: l, v6: v.v6})
		if v.guilty {
			b.must(intlNonofficeProfile, "line", l.id, v.why)
		} else {
			b.innocent(intlNonofficeProfile, "line", l.id, v.why)
		}
	}
}

// atNight is outside office hours on any day.
func atNight(_, hour int) bool { return hour < 7 || hour >= 22 }
