// Package netflow decodes NetFlow v5, NetFlow v9 (RFC 3954) and IPFIX (RFC
// 7011) into flow records, and keeps what these protocols make a collector
// remember: templates, sampling rates, sequence numbers, and data that waits
// for one of the first two.
//
// # State
//
// An exporter is an IP address; its source port does not matter for templates
// and rates, so that they survive a port that changes. Each exporter has a lock
// of its own: its datagrams are decoded one at a time, those of different
// exporters in parallel. Below it state is kept per protocol and observation
// domain. Sequence numbers are counted per source port besides, as each
// transport session has its own (RFC 7011 section 3.1). Two exporters behind
// one address with the same domain cannot be told apart: the template that came
// last is the one that counts.
//
// # Speed
//
// A template is compiled once into a list of writers, each with the offset of
// its field, and data is decoded from the datagram into flows.Record without an
// allocation per record. goflow2 is the oracle of the tests.
//
// # Information elements read
//
// Counters: 1, 2, else 85, 86 (totals), else 231, 298 (initiator), else 23, 24
// (post). Responder counters 232, 299 and reverse elements (RFC 5103, PEN 29305)
// make a second record with the ends swapped. Key: 4, 5, 6, 7, 11, 8, 12, 27,
// 28 (of two families the one that is not zero, of two packets in each other
// the outer); 180 to 183 where 7 and 11 are missing; 60 only in so far as the
// addresses say it. ICMP: 32, 139, 176 to 179, and the destination port of ICMP
// flows where these are missing. Path: 10, 14, else 252, 253; 15, 62, else 18, 63; 16,
// 17; 58, 59, else 243, 254; 61, 70, 89. Times: 21, 22 (milliseconds of
// sysUptime; in IPFIX since 160), 150 to 153, 154 to 157 (NTP fractions, RFC
// 7011 sections 6.1.9 and 6.1.10), 158, 159, 161, 162, 322 to 325. Sampling: 34,
// 48, 50, 302, 304 to 307, 309 to 311, in records and in options data (RFC 3954
// section 6.1, RFC 5477). Sampled headers: 104, 315 (Ethernet), 313 (IP), with
// 103 and 312 as frame length.
//
// Ignored: ToS and addresses after the exporter (55, 225 to 228), VRFs (234,
// 235), MAC addresses, application names, structured data (RFC 6313), all
// enterprise elements apart from RFC 5103, the algorithm of element 35, template
// lifetimes (RFC 7011 section 8.4), and set ids 4 to 255. Only UDP is read.
//
// # Books
//
// Records are counted when they are known to be records: data that waits for a
// template is not in the books until it is decoded or lost, because its header
// only lets their number be guessed. Records that wait for a sampling rate are
// counted when they arrive. So Records = Stored + sum(Lost) + records waiting
// for a rate or on their way to the store, at any time. What still waits at
// Flush is lost as shutdown; Expire tells what waited too long for a template
// (unknown_template), and a template that comes after the age limit but before
// Expire finds parked_too_long.
package netflow
