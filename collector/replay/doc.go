// Package replay reads recorded flow export and hands out its datagrams one by
// one, as they would have come from a socket.
//
// It reads captures (pcap and pcapng, plain or gzip, told by their first bytes),
// files of IPFIX messages (RFC 5655, told by a name that ends in .ipfix) and,
// on demand, files that are one UDP payload each. In a capture it looks for UDP
// over IPv4 and IPv6 on Ethernet with any VLAN tags, Linux cooked, loopback and
// raw IP links, and puts fragmented datagrams together again. It reads the
// framing itself: the files come from anywhere, and what they claim about sizes
// and times must not cost memory or a crash.
//
// It must not know what is inside a payload: no template, no record. It counts
// nothing in the books either, because a capture may lack what the exporter
// sent; what a file fails to give is told by the error at its end. cmd/linewarden
// imports it, and tests that run captures through the collector.
package replay
