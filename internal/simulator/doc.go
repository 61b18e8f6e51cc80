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
// Routes come first (FeedRoutes): three routers mirror the sessions with their
// neighbours over BMP, with the times at which things happened in the span, and
// a route reflector opens a BGP session with the table as it is at its end.
// Neighbours are customers, a licensed peer and transit abroad; routes flap,
// leak for some hours and come with prepends, and sessions are lost in between,
// which nobody withdrew. The connections stay until the feed is closed.
//
// Every rule has its violators and the innocents that look like them, each in
// the file of its cast (cast_*.go), many of them over IPv6. Licences, filings
// and permits begin and end inside the span. What a cast plants may break other
// rules too: truth says so wherever it is said what they claim, and puts among
// the borderline cases what is left open.
//
// The package shares wire formats and ledger formats with the product and
// nothing else: its encoders and its CSV writer are its own, and it imports no
// package of the product, least of all rules, so that truth is never what a
// rule thinks.
//
// Only cmd/linewarden and tests may import it.
package simulator
