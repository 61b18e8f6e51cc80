// Package header reads the first bytes of a sampled packet, as sFlow raw
// headers and IPFIX dataLinkFrameSection carry them, into a flow record.
//
// It walks Ethernet, 802.1Q and 802.1ad tags, LLC/SNAP, MPLS stacks, PPPoE and
// PPP down to the first IP header, its extension headers and the transport
// header behind it. The record describes the outer packet: what GRE, IP in IP
// or a VPN carries inside is not looked at, because a tunnel between two
// addresses is itself what the rules look for.
//
// A header may end at any byte; what came before the end is used. Nothing is
// allocated and the frame is not kept. Decoders under flows may import it; it
// must not know any export protocol.
package header
