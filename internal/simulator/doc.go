// Package simulator is the carrier behind the demo: a made-up operator with
// routers, lines, customers and ledgers, who knows which of its customers break
// which rule and says so as truth.
//
// A Carrier writes the ledgers of its customers (WriteLedgers), says what must
// and may be found in them (Truth) and what looks alike but must not be found
// (Innocents), and sends eight days of flow export over real UDP sockets
// (Feed): NetFlow v9 with named samplers, IPFIX with selectors, NetFlow v5 with
// a sampled header, and sFlow v5. Everything but the pace of sending follows
// from the seed and the last day. Traffic is made five minutes of event time
// after five minutes, so memory stays small however long the span is.
//
// Event time lies in the past, and exporters stamp their datagrams with it: the
// receiver has to keep the exporters' clocks. sFlow has no clock on the wire, a
// sample happens when it is received; the sFlow router therefore carries
// domestic lines only, whose findings rest on ledgers.
//
// One router drops every fifth datagram on purpose while its sequence numbers
// go on counting: nothing may be found on its lines that rests on traffic.
//
// The package shares wire formats and ledger formats with the product and
// nothing else: its encoders and its CSV writer are its own, and it imports no
// package of the product, least of all rules, so that truth is never what a
// rule thinks. A routing feed would be a second source beside the flow routers
// of Feed, with its own target, made from the same cast.
//
// Only cmd/linewarden and tests may import it.
package simulator
