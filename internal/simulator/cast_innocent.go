package simulator

import "net/netip"

// castThirdPartyInnocents plants lines that look as if they carried third
// parties.
func (b *cast) castThirdPartyInnocents() {
	b.enterprise(enterprise{id: "E124", name: "武汉拾光文化有限公司", nameEN: "Shiguang Culture", place: "420100"})
	others := b.hosts(b.allocate(allocation{bits: 26, enterprise: "E124", use: "enterprise"}), 50, "E124")
	b.may(selfBuiltPath, "allocation", others[0].prefix.String(), "its bytes come in over others' lines, and it has no line of its own")
	b.littleThirdParty(others)
	b.ownAddresses()
	b.filedAddresses()
	b.sharedAddresses()
	b.unheard(others)
}

// littleThirdParty adds lines with too little of it.
func (b *cast) littleThirdParty(others []pool) {
	b.enterprise(enterprise{id: "E131", name: "北京青榆会展有限公司", nameEN: "Qingyu Exhibitions", place: "110100"})
	l := lineSpec{id: "IPLC-BJ-0131", enterprise: "E131", country: "FR", router: beijing, mean: 24, peak: 22}
	l.parts = []part{{name: "few others", share: 0.03, near: others}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "third parties are 3 % of bytes")

	b.enterprise(enterprise{id: "E132", name: "上海泊云会议服务有限公司", nameEN: "Boyun Conferences", place: "310100"})
	l = lineSpec{id: "IEPL-SH-0132", enterprise: "E132", country: "GB", technology: "iepl", router: shanghai, mean: 20, peak: 20, profile: campus}
	l.parts = []part{{name: "one-day burst", share: 0.8, near: others, when: inHours(onDays(2), 9, 20)}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "third parties are over 5 % of the span's bytes, but on one day only")

	b.enterprise(enterprise{id: "E133", name: "广州微尺检测有限公司", nameEN: "Weichi Testing", place: "440100"})
	l = lineSpec{id: "IPLC-GZ-0133", enterprise: "E133", country: "US", router: guangzhou, mean: 0.0006}
	l.parts = []part{{name: "others on an idle line", share: 0.3, near: others}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "30 % third parties, but fewer than 1000 sampled packets: withheld, not found")
}

// ownAddresses adds lines with addresses outside the ends that are the
// holder's or its group's.
func (b *cast) ownAddresses() {
	b.enterprise(enterprise{id: "E134", name: "深圳海棠集团有限公司", nameEN: "Haitang Group", place: "440300"})
	b.enterprise(enterprise{id: "E135", name: "深圳海棠金服有限公司", nameEN: "Haitang Financial", place: "440300", parent: "E134"})
	b.enterprise(enterprise{id: "E136", name: "广州海棠物业有限公司", nameEN: "Haitang Property", place: "440100", parent: "E134"})
	sister := b.hosts(b.allocate(allocation{bits: 26, enterprise: "E136", use: "enterprise"}), 40, "E136")
	parent := b.hosts(b.allocate(allocation{bits: 26, enterprise: "E134", use: "enterprise"}), 40, "E134")
	l := lineSpec{id: "IPLC-SZ-0135", enterprise: "E135", country: "HK", router: guangzhou, mean: 26, peak: 20}
	l.parts = []part{
		{name: "sister company", share: 0.09, near: sister},
		{name: "parent company", share: 0.08, near: parent},
	}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "17 % come from allocations of the holder's parent and sister company")

	b.enterprise(enterprise{id: "E140", name: "北京拓荒生物科技有限公司", nameEN: "Tuohuang Biotech", place: "110100"})
	branch := b.hosts(b.allocate(allocation{bits: 25, enterprise: "E140", use: "enterprise"}), 80, "E140")
	l = lineSpec{id: "IEPL-BJ-0140", enterprise: "E140", country: "US", technology: "iepl", router: beijing, mean: 21, profile: nightJob}
	l.parts = []part{{name: "the holder's other office", share: 0.25, near: branch}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "25 % come from another allocation of the holder itself, much of it at night")
}

// filedAddresses adds lines with provider-independent space of the holder.
func (b *cast) filedAddresses() {
	b.enterprise(enterprise{id: "E137", name: "上海观澜证券有限公司", nameEN: "Guanlan Securities", place: "310100"})
	b.asn("E137", 64537)
	broadcast := netip.MustParsePrefix("30.44.16.0/24")
	b.row("broadcasts", broadcast.String(), carrierID, "E137", b.day(-1100), "")
	l := lineSpec{id: "IPLC-SH-0137", enterprise: "E137", country: "SG", router: shanghai, mean: 33, peak: 20}
	l.parts = []part{{name: "filed broadcast", share: 0.2, near: b.hosts(broadcast, 90, "E137")}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "20 % come from a block filed in broadcasts with the holder as applicant")

	b.enterprise(enterprise{id: "E138", name: "深圳远桅航运有限公司", nameEN: "Yuanwei Shipping", place: "440300"})
	declared := netip.MustParsePrefix("30.45.8.0/24")
	l = lineSpec{id: "IPLC-SZ-0138", enterprise: "E138", country: "GR", router: guangzhou, mean: 12}
	l.ends = []endpoint{{"a", declared, "office"}}
	l.parts = []part{{name: "declared independent space", share: 0.35, near: b.hosts(declared, 60, "E138")}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "35 % come from the holder's own independent space, declared as an end of the line")

	b.enterprise(enterprise{id: "E146", name: "北京陆桥商务有限公司", nameEN: "Luqiao Business", place: "110100"})
	l = lineSpec{id: "IPLC-BJ-0146", enterprise: "E146", country: "KZ", router: beijing, mean: 6}
	link := []pool{{prefix: netip.MustParsePrefix("33.79.255.64/30"), hosts: 2, asn: carrierASN}}
	l.parts = []part{{name: "router links", share: 0.06, near: link, apps: routerApps()}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "6 % are sessions of the routers on their link addresses")
}

// sharedAddresses adds a line whose holder sits behind a shared translation.
func (b *cast) sharedAddresses() {
	public := b.allocate(allocation{bits: 28, enterprise: "E144", use: "enterprise"})
	b.enterprise(enterprise{id: "E147", name: "成都栈桥创意有限公司", nameEN: "Zhanqiao Creative", place: "510100"})
	b.row("translations", public.String(), "E144;E147;E145")
	b.innocent(selfBuiltPath, "allocation", public.String(), "comes in over the line of one who is filed to share it")
	l := lineSpec{id: "IPLC-CD-0147", enterprise: "E147", country: "CA", router: chengdu, mean: 10}
	l.parts = []part{{name: "shared translation", share: 0.12, near: b.hosts(public, 12, "E144")}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "12 % come from a park's translated addresses, which the holder is filed to share")
}

// unheard adds a line whose router loses a fifth of its export.
func (b *cast) unheard(others []pool) {
	b.enterprise(enterprise{id: "E139", name: "西安沉沙软件有限公司", nameEN: "Chensha Software", place: "610100"})
	l := lineSpec{id: "IPLC-XA-0139", enterprise: "E139", country: "DE", router: xian, mean: 19, peak: 22}
	l.parts = []part{{name: "others on an unheard line", share: 0.15, near: others}}
	b.international(intl{lineSpec: l})
	b.innocent(intlThirdParty, "line", l.id, "15 % third parties, but a fifth of the router's export never arrives: withheld, not found")
}
