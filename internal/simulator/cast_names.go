package simulator

import "net/netip"

// site is a name with what the ledgers say of it.
type site struct {
	domain, owner string
	filed         string    // start of the filing; empty is none
	status        string    // of the filing, active if empty
	provider      string    // of the access row; empty is none
	seen          [2]string // first and last day observed; empty is never
	name          string    // observed name, the domain if empty
	addr          netip.Addr
}

// site files a name.
func (b *cast) site(s site) string {
	no := "示ICP备" + s.domain
	if s.filed != "" {
		if s.status == "" {
			s.status = "active"
		}
		b.row("icp_filings", no, s.domain, s.owner, s.status, s.filed, "")
	}
	if s.provider != "" {
		b.row("icp_access", no, s.domain, s.provider, "", b.day(-800), "")
	}
	if s.seen[0] != "" {
		if s.name == "" {
			s.name = s.domain
		}
		b.row("domains", s.name, s.addr.String(), s.seen[0], s.seen[1], "resolver log")
	}
	return s.domain
}

// castNames plants what the rules about filed names must and must not find.
func (b *cast) castNames() {
	host := b.licensed(enterprise{id: "E461", name: "贵阳甲秀数据有限公司", nameEN: "Jiaxiu Data", place: "520100"}, "B11")
	block := b.allocate(allocation{bits: 25, enterprise: host, use: "idc"})
	b.innocent(licenceMissing, "allocation", block.String(), "B11 is active")
	for _, e := range []enterprise{
		{id: "E462", name: "贵阳花溪旅行有限公司", nameEN: "Huaxi Travel", place: "520100"},
		{id: "E463", name: "遵义湄江茶业有限公司", nameEN: "Meijiang Tea", place: "520300"},
		{id: "E464", name: "别处云计算有限公司", nameEN: "Elsewhere Cloud", place: "310100"},
		{id: "E465", name: "安顺瀑声文化有限公司", nameEN: "Pusheng Culture", place: "520400", badSince: b.day(-200)},
	} {
		b.enterprise(e)
	}
	addr, old, today := hostAt(block, 9), b.day(-700), b.day(0)
	far := netip.MustParseAddr("29.16.0.77")
	on := func(s site) string {
		s.owner, s.addr = "E462", addr
		return b.site(s)
	}
	b.unfiledNames(on, addr, old, today)
	b.accessNames(on, host, old, today)
	b.shellNames(host, far, old, today)

	id := b.site(site{domain: "pusheng-new.example", owner: "E465", filed: b.day(-90), addr: addr, seen: [2]string{b.day(-80), today}})
	b.row("icp_access", "示ICP备pusheng-new.example", id, carrierID, "", b.day(-90), "")
	b.must(creditNewResource, "domain", id, "filed and given access 110 days after its owner was listed")
	id = b.site(site{domain: "pusheng.example", owner: "E465", filed: b.day(-90), provider: carrierID, addr: addr, seen: [2]string{b.day(-600), today}})
	b.innocent(creditNewResource, "domain", id, "filed anew after the listing, but its access row is from before it")
	b.innocent(icpUnfiled, "domain", id, "filed since 90 days, observed since 600")
}

func (b *cast) unfiledNames(on func(site) string, addr netip.Addr, old, today string) {
	id := on(site{domain: "huaxi-trip.example", seen: [2]string{b.day(-100), today}})
	b.must(icpUnfiled, "domain", id, "on our address for 100 days, never filed")
	id = on(site{domain: "huaxi-tour.example", filed: old, status: "cancelled", seen: [2]string{old, today}})
	b.must(icpUnfiled, "domain", id, "its filing was cancelled and it is still served")
	id = on(site{domain: "once.example", seen: [2]string{b.day(-3), b.day(-3)}})
	b.innocent(icpUnfiled, "domain", id, "observed on one day only")
	id = on(site{domain: "huaxi.example", filed: old, provider: carrierID, name: "www.huaxi.example", seen: [2]string{old, today}})
	b.innocent(icpUnfiled, "domain", "www."+id, "the filing of the name above covers it")
	b.innocent(icpAccessProvider, "domain", "www."+id, "the access row of the name above names the carrier")
	b.innocent(icpStaleAccess, "domain", id, "a name below it resolves to us")
	b.innocent(icpEmptyShell, "domain", id, "a name below it is observed")
	b.site(site{domain: "abroad.example", addr: netip.MustParseAddr("29.16.0.78"), seen: [2]string{old, today}})
	b.innocent(icpUnfiled, "domain", "abroad.example", "not filed, and not on our addresses")
}

func (b *cast) accessNames(on func(site) string, host, old, today string) {
	id := on(site{domain: "zoumacha.example", filed: old, provider: "E464", seen: [2]string{old, today}})
	b.must(icpAccessProvider, "domain", id, "served by us, its only access row names somebody else")
	b.innocent(icpUnfiled, "domain", id, "filed, only the provider is not reported")
	id = on(site{domain: "hosted.example", filed: old, provider: host, seen: [2]string{old, today}})
	b.innocent(icpAccessProvider, "domain", id, "the access row names the data centre whose block carries the address")
	b.innocent(icpEmptyShell, "domain", id, "filed with access and observed")
}

func (b *cast) shellNames(host string, far netip.Addr, old, today string) {
	id := b.site(site{domain: "meijiang.example", owner: "E463", filed: old, provider: carrierID, addr: far, seen: [2]string{old, today}})
	b.must(icpStaleAccess, "domain", id, "its access row names the carrier, it is served from abroad")
	b.innocent(icpEmptyShell, "domain", id, "observed, though not on us")
	id = b.site(site{domain: "meijiang-shop.example", owner: "E463", filed: old, provider: "E464"})
	b.must(icpEmptyShell, "domain", id, "never observed since it was filed 700 days ago")
	b.innocent(icpStaleAccess, "domain", id, "its access row names somebody else")
	id = b.site(site{domain: "meijiang-old.example", owner: "E463", filed: old, addr: far, seen: [2]string{old, today}})
	b.must(icpEmptyShell, "domain", id, "active filing without any access row")
	id = b.site(site{domain: "meijiang-new.example", owner: "E463", filed: b.day(-20)})
	b.row("icp_access", "示ICP备meijiang-new.example", id, host, "", b.day(-20), "")
	b.innocent(icpEmptyShell, "domain", id, "never observed, but filed only 20 days ago")
	b.innocent(icpStaleAccess, "domain", id, "never observed, but filed only 20 days ago")
}

// hostAt returns the nth address of a block.
func hostAt(p netip.Prefix, n uint64) netip.Addr { return pool{prefix: p, hosts: 1 << 16}.host(n - 1) }
