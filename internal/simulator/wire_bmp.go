package simulator

import (
	"net/netip"
	"time"
)

// Messages of the BGP Monitoring Protocol (RFC 7854 section 4).
const (
	bmpVersion         = 3
	bmpRouteMonitoring = 0
	bmpPeerDown        = 2
	bmpPeerUp          = 3
	bmpInitiation      = 4
	bmpTLVDescription  = 1
	bmpTLVName         = 2
	// bmpRemoteClosed says that the neighbour closed the session without a
	// notification.
	bmpRemoteClosed = 4
	bgpPort         = 179
)

// bmpMessage puts the common header before a body.
func bmpMessage(kind byte, body []byte) []byte {
	b := append32([]byte{bmpVersion}, uint32(6+len(body)))
	return append(append(b, kind), body...)
}

// bmpHello is the first message of a router.
func bmpHello(name string) []byte {
	description := "simulated router"
	b := append16(append16(nil, bmpTLVDescription), uint16(len(description)))
	b = append(b, description...)
	b = append16(append16(b, bmpTLVName), uint16(len(name)))
	return bmpMessage(bmpInitiation, append(b, name...))
}

// bmpPeer is the per-peer header: the table of a neighbour before policy, at an
// instant.
func bmpPeer(s *session, at time.Time) []byte {
	b := make([]byte, 10+12, 42) // type, flags, distinguisher; the address at the end of its field
	b = appendAddr(b, s.peer, 4)
	b = append32(b, s.asn)
	b = appendAddr(b, s.peer, 4) // as its identifier too
	micros := at.UnixMicro()
	return append32(append32(b, uint32(micros/1_000_000)), uint32(micros%1_000_000))
}

// bmp returns the message that a router sends of a saying.
func (s *saying) bmp(router netip.Addr) []byte {
	b := bmpPeer(s.session, s.at)
	switch s.kind {
	case sessionUp:
		b = append(b, make([]byte, 12)...)
		b = append16(append16(appendAddr(b, router, 4), bgpPort), 40_000)
		b = append(b, openMessage(carrierASN, 180, router)...)
		return bmpMessage(bmpPeerUp, append(b, openMessage(s.session.asn, 180, s.session.peer)...))
	case sessionLost:
		return bmpMessage(bmpPeerDown, append(b, bmpRemoteClosed))
	case withdrawn:
		return bmpMessage(bmpRouteMonitoring, append(b, withdrawMessage(s.route.prefix)...))
	default:
		nextHop := [2]netip.Addr{s.session.peer, netip.MustParseAddr("2e10:0:fffe::1")}
		return bmpMessage(bmpRouteMonitoring, append(b, updateMessage(s.route, nextHop, false)...))
	}
}
