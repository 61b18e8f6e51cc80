package simulator

import (
	"fmt"
	"net/netip"
	"strconv"
)

// plant files the carrier itself: its ASN, address blocks, routers, gateways,
// and the networks around it.
func (b *cast) plant() {
	b.enterprise(enterprise{id: carrierID, name: "示例电信集团有限公司", nameEN: "Example Telecom Group", place: "110100"})
	b.asn(carrierID, carrierASN)
	b.row("sources", ourBlock, "APNIC", "2009-06-01")
	b.row("sources", ourBlockV6, "APNIC", "2013-03-15")
	b.plantRouters()
	b.plantNeighbours()
	b.plantWorld()
	b.plantCrowds()
	b.plantPartners()
}

// peerID is a licensed carrier at home, with which ours exchanges routes.
const peerID = "E901"

// plantNeighbours opens the sessions with transit abroad and with a peer, and
// announces the carrier's own blocks.
func (b *cast) plantNeighbours() {
	b.enterprise(enterprise{id: peerID, name: "邻省通信集团有限公司", nameEN: "Neighbour Telecom", place: "310100"})
	b.licence("A1.A2-20190001", peerID, "A14-4", "", b.day(-2500), "", "active")
	b.licence("A1.A2-20190001", peerID, "B14", "", b.day(-2500), "", "active")
	b.peering = b.session(shanghai, b.ownASN(peerID))
	b.transit = b.session(beijing, b.nextASN())
	b.filedNetwork(nextBlock(&b.foreign, 22), "US", "Harborline Transit", "unknown", b.transit.asn)
	reflector := b.session(beijing, carrierASN)
	b.announce(reflector, netip.MustParsePrefix(ourBlock), nil)
	b.announce(reflector, netip.MustParsePrefix(ourBlockV6), nil)
}

func (b *cast) plantRouters() {
	for _, r := range b.c.routers {
		sampling := ""
		if r.ledgerSampling > 0 {
			sampling = strconv.FormatUint(uint64(r.ledgerSampling), 10)
		}
		addr := r.addr.String()
		b.row("exporters", addr, r.name, r.place, sampling)
		if r.proto != sflow5 {
			gateway := "GW-" + r.place[:2]
			b.row("gateways", gateway, "channel", r.place, carrierID, "live", b.day(-2000), "")
			b.row("interfaces", addr, strconv.Itoa(ifInternational), "hu-0/0/1", "international", "", "100000", gateway)
			b.row("interfaces", addr, strconv.Itoa(ifTransit), "hu-0/0/4", "transit", "", "100000", "")
		}
		b.row("interfaces", addr, strconv.Itoa(ifCore), "hu-0/0/2", "core", "", "100000", "")
		b.row("interfaces", addr, strconv.Itoa(ifPeer), "hu-0/0/3", "peer", "", "100000", "")
	}
}

func (b *cast) plantWorld() {
	w := &b.world
	for i, n := range []struct {
		country, operator, kind string
		bits                    int
		hosts                   uint64
	}{
		{"CN", "远帆云", "cloud", 20, 900},
		{"CN", "青穗内容网络", "cdn", 22, 300},
		{"CN", "北陆数据中心", "datacentre", 21, 500},
		{"US", "Harborline Cloud", "cloud", 20, 900},
		{"SG", "Merlion Edge", "cdn", 22, 300},
		{"JP", "Kaede Hosting", "datacentre", 22, 300},
	} {
		w.web = append(w.web, b.network(n.bits, n.country, n.operator, n.kind, uint32(64600+i), n.hosts))
	}
	for i, country := range []string{"US", "DE", "SG", "HK", "TW", "MO", "JP", "GB", "AU", "BR"} {
		w.abroad = append(w.abroad, b.network(22, country, fmt.Sprintf("%s Access %d", country, i+1), "access", uint32(64700+i), 800))
	}
	for i, name := range []string{"华东宽带", "华南宽带", "西部宽带", "北方宽带", "示范教育网"} {
		w.homes = append(w.homes, b.network(19, "CN", name, "access", uint32(64800+i), 6000))
	}
}
