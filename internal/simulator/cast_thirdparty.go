package simulator

import (
	"net/netip"
	"slices"
)

// infrastructure is the carrier's block of links and routers.
func infrastructure() netip.Prefix { return netip.MustParsePrefix("33.79.255.0/24") }

// always, weekdays before the end and hours of the day.
func onDays(daysBefore ...int) func(int, int) bool {
	return func(day, _ int) bool {
		return slices.Contains(daysBefore, day)
	}
}

func inHours(when func(int, int) bool, from, to int) func(int, int) bool {
	return func(day, hour int) bool { return hour >= from && hour < to && when(day, hour) }
}

// castThirdParties plants what intl-third-party must find. The files of these
// lines are complete.
func (b *cast) castThirdParties() {
	b.enterprise(enterprise{id: "E121", name: "杭州拾贝电子商务有限公司", nameEN: "Shibei Commerce", place: "330100"})
	b.asn("E121", 64521)
	shibei := b.hosts(b.allocate(allocation{bits: 25, enterprise: "E121", use: "enterprise"}), 90, "E121")
	b.enterprise(enterprise{id: "E122", name: "成都麦垛游戏有限公司", nameEN: "Maiduo Games", place: "510100"})
	maiduo := b.hosts(b.allocate(allocation{bits: 25, enterprise: "E122", use: "enterprise"}), 60, "E122")

	b.nearThirdParty(append(shibei, maiduo...))
	b.farThirdParty()
	b.privateThirdParty()
	b.v6ThirdParty()
	b.threeDays(shibei)
	b.borderlineThirdParty(maiduo)
	for _, p := range join(shibei, maiduo) {
		b.may(selfBuiltPath, "allocation", p.prefix.String(), "its bytes come in over others' lines, and no line of its own can be heard in the span")
	}
}

// nearThirdParty: others' home addresses reach the declared overseas end.
func (b *cast) nearThirdParty(others []pool) {
	b.enterprise(enterprise{id: "E111", name: "北京衍石信息技术有限公司", nameEN: "Yanshi Information", place: "110100"})
	l := lineSpec{id: "IPLC-BJ-0111", enterprise: "E111", country: "US", router: beijing, mean: 40, peak: 22}
	l.parts = []part{{name: "near third party", share: 0.12, near: others}}
	b.international(intl{lineSpec: l})
	b.must(intlThirdParty, "line", l.id, "12 % of bytes have a home address of two unrelated enterprises")
	b.innocent(intlUserFile, "line", l.id, "the file is complete, whatever the line carries")
}

// farThirdParty: the declared home end reaches others abroad.
func (b *cast) farThirdParty() {
	b.enterprise(enterprise{id: "E112", name: "上海廷舟网络科技有限公司", nameEN: "Tingzhou Network Technology", place: "310100"})
	l := lineSpec{id: "IEPL-SH-0112", enterprise: "E112", country: "SG", technology: "iepl", router: shanghai, mean: 35, peak: 22}
	l.parts = []part{{name: "far third party", share: 0.08, far: b.world.abroad[:4], apps: webApps()}}
	b.international(intl{lineSpec: l})
	b.must(intlThirdParty, "line", l.id, "8 % of bytes have an overseas address outside the declared end, in four networks")
}

// privateThirdParty: private addresses outside the declared private end.
func (b *cast) privateThirdParty() {
	b.enterprise(enterprise{id: "E113", name: "广州沛然通信技术有限公司", nameEN: "Peiran Communications", place: "440100"})
	l := lineSpec{id: "MPLS-GZ-0113", enterprise: "E113", country: "HK", technology: "mpls_vpn", router: guangzhou, domain: 1, mean: 25, peak: 22}
	others := []pool{
		{prefix: netip.MustParsePrefix("192.168.77.0/24"), hosts: 120},
		{prefix: netip.MustParsePrefix("172.20.5.0/24"), hosts: 80},
	}
	l.parts = []part{{name: "private third party", share: 0.15, near: others}}
	b.international(intl{lineSpec: l, privateA: netip.MustParsePrefix("10.20.0.0/16")})
	b.must(intlThirdParty, "line", l.id, "15 % of bytes have private home addresses outside the declared 10.20.0.0/16")
}

// v6ThirdParty: only the IPv6 traffic is somebody else's.
func (b *cast) v6ThirdParty() {
	b.enterprise(enterprise{id: "E114", name: "深圳云栈互动有限公司", nameEN: "Yunzhan Interactive", place: "440300"})
	b.enterprise(enterprise{id: "E123", name: "深圳流萤直播有限公司", nameEN: "Liuying Live", place: "440300"})
	prefix := b.allocate(allocation{prefix: b.block6(), enterprise: "E123", use: "enterprise"})
	b.may(selfBuiltPath, "allocation", prefix.String(), "its bytes come in over another's line, and it has no line of its own")
	l := lineSpec{id: "IPLC-SZ-0114", enterprise: "E114", country: "JP", router: shanghai, mean: 28, peak: 22}
	far := b.network6("JP", "Kaede Hosting", "datacentre", 64605, 200)
	l.parts = []part{{name: "IPv6 third party", share: 0.10, near: b.hosts(prefix, 150, "E123"), far: []pool{far}, apps: webApps()}}
	b.international(intl{lineSpec: l, v6: true})
	b.must(intlThirdParty, "line", l.id, "10 % of bytes are IPv6 of an unrelated enterprise at home to a data centre abroad")
	b.must(intlTransit, "line", l.id, "10 % of bytes have neither end at the holder")
}

// threeDays: much on three days, nothing on the others.
func (b *cast) threeDays(others []pool) {
	b.enterprise(enterprise{id: "E115", name: "成都朔方视界科技有限公司", nameEN: "Shuofang Vision", place: "510100"})
	l := lineSpec{id: "IPLC-CD-0115", enterprise: "E115", country: "SG", router: chengdu, mean: 30, peak: 22, profile: campus}
	l.parts = []part{{name: "third party on three days", share: 0.45, near: others, when: onDays(0, 1, 2)}}
	b.international(intl{lineSpec: l})
	b.must(intlThirdParty, "line", l.id, "45 % of bytes of the last three days have home addresses of an unrelated enterprise")
}

// borderlineThirdParty sits on the default threshold.
func (b *cast) borderlineThirdParty(others []pool) {
	b.enterprise(enterprise{id: "E116", name: "上海弥合商贸有限公司", nameEN: "Mihe Trading", place: "310100"})
	l := lineSpec{id: "IPLC-SH-0116", enterprise: "E116", country: "KR", router: shanghai, mean: 15}
	l.parts = []part{{name: "borderline third party", share: 0.05, near: others}}
	b.international(intl{lineSpec: l})
	b.may(intlThirdParty, "line", l.id, "about 5 % of bytes have home addresses of an unrelated enterprise")
}
