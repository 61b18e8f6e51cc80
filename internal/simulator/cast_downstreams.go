package simulator

import (
	"net/netip"
	"time"
)

// independent returns space of nobody we know, in IPv4 and IPv6.
func independent(n byte) (four, six netip.Prefix) {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{30, 70, n, 0}), 24),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2e, 0x80, 0, 9, 0, n}), 48)
}

// castDownstreams plants what sublease-downstream must and must not find,
// beside what castOrigins and castBandwidth do.
func (b *cast) castDownstreams() {
	up, s := b.peered(enterprise{id: "E735", name: "乌鲁木齐天山网络有限公司", nameEN: "Tianshan Networks", place: "650100"}, beijing)
	below := b.nextASN()
	four, _ := independent(1)
	b.announce(s, four, nil, up, up, below, below, below)
	s.lost = hours(b.instant(-3, 4), 2)
	b.must(subleaseDownstream, "asn", asnText(below), "behind a customer all the time, with prepends, in no ledger")

	up, s = b.peered(enterprise{id: "E736", name: "太原汾河通信有限公司", nameEN: "Fenhe Communications", place: "140100"}, beijing)
	b.enterprise(enterprise{id: "E737", name: "太原晋阳数据有限公司", nameEN: "Jinyang Data", place: "140100"})
	below = b.ownASN("E737")
	four, _ = independent(2)
	b.downstream(up, below, b.day(-600), b.day(-4))
	b.announce(s, four, nil, up, below)
	b.must(subleaseDownstream, "asn", asnText(below), "its filing ended four days before the last day")

	up, s = b.peered(enterprise{id: "E738", name: "石家庄滹沱网络有限公司", nameEN: "Hutuo Networks", place: "130100"}, shanghai)
	below = b.nextASN()
	_, six := independent(3)
	b.announce(s, six, flapping(b.instant(-7, 1), b.instant(0, 20), 2*time.Hour, 2*time.Hour), up, below)
	b.must(subleaseDownstream, "asn", asnText(below), "behind a customer over IPv6, two hours on and two off, days in sum")

	below = b.nextASN()
	four, _ = independent(4)
	b.announce(s, four, hours(b.instant(-3, 2), 20), up, below)
	b.innocent(subleaseDownstream, "asn", asnText(below), "behind a customer for twenty hours: a leak")

	far := b.nextASN()
	four, _ = independent(5)
	b.announce(b.peering, four, nil, b.peering.asn, up, far)
	b.innocent(subleaseDownstream, "asn", asnText(far), "behind a customer in routes of a peer, where it is not our customer")

	gone, s := b.peered(enterprise{id: "E739", name: "沈阳浑南科技有限公司", nameEN: "Hunnan Technology", place: "210100"}, shanghai)
	b.enterprise(enterprise{id: "E740", name: "沈阳棋盘山网络有限公司", nameEN: "Qipanshan Networks", place: "210100"})
	below = b.ownASN("E740")
	four, _ = independent(6)
	b.downstream(gone, below, b.day(-3), "")
	b.announce(s, four, since(b.instant(-3, 6)), gone, below)
	b.innocent(subleaseDownstream, "asn", asnText(below), "new inside the span, filed from its first day on")
}
