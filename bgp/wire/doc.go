// Package wire turns the bytes of BGP messages into the events of package bgp.
// It reads UPDATE messages (RFC 4271) with the multiprotocol attributes (RFC
// 4760) of IPv4 and IPv6 unicast, labelled unicast (RFC 8277) and VPN routes
// (RFC 4364, RFC 4659), path identifiers (RFC 7911), AS numbers of two and four
// octets (RFC 6793), communities (RFC 1997, RFC 8092) and IPv6 next hops of IPv4
// routes (RFC 8950). Other families are skipped and counted by name. Errors are
// handled as RFC 7606 says, and counted by reason.
//
// UPDATEs are read here without a library: a full table is a million of them, an
// observer must read the prefixes of a message whose attributes are malformed,
// and nothing a peer sends may panic or make memory grow. OPENs are read by the
// packet library of gobgp; its types stop here. gobgp's reading of UPDATEs is
// what the tests compare with.
//
// It knows no socket, clock or logger. The packages below bgp may import it.
package wire
