// Package rtr fetches validated ROA payloads from RPKI caches by the protocol
// of RFC 8210 (version 1) and RFC 6810 (version 0), over TCP without
// protection: put the caches on this machine or behind a tunnel. It decides
// nothing about routes; a Sink is given the payloads. Only cmd may import it.
//
// # Caches
//
// Each cache has a goroutine that connects, asks, and waits for the time that
// the cache named (section 6) or for its word that there is news. An answer
// counts from its End of Data on, all of it at once; an answer that breaks off
// changes nothing. A lost connection leaves what is known in use, until the
// cache is back or the expire interval is over. The payloads of all caches are
// used together (section 10), so one more cache can only make routes valid or
// covered, never less so.
//
// # Bounds
//
// A cache may have Config.MaxPayloads payloads, at about 40 octets each, and
// twice that while it sends all of them again. Beyond that its answer is
// refused, and what was known stays. Messages of more than 64 KiB are refused.
//
// # What is not read
//
// Router keys (BGPsec) are skipped. Version 2 is not spoken: a cache that knows
// it answers version 1 too (section 7).
package rtr
