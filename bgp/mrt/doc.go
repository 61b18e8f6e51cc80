// Package mrt reads routing archives in MRT format (RFC 6396, with path
// identifiers RFC 8050): tables (TABLE_DUMP, TABLE_DUMP_V2 with RIB_GENERIC),
// messages and state changes (BGP4MP, BGP4MP_ET), and the deprecated BGP records
// of the years before 2001. Files may be plain, gzip or bzip2; the first octets
// tell. It reads a file as a stream, one record at a time.
//
// Records of other protocols and of multicast tables are refused and counted.
// The events of a table have the time of the dump, not the time at which the
// collector had learnt the route. A table of TABLE_DUMP_V2 replaces what its
// peers held before: it is told as the restart of a session is, with PeerStale
// and PeerUp before and EndOfRIB behind the entries of a peer. One of TABLE_DUMP
// does not say where it begins: of it only Announce events are made.
//
// It knows no clock, logger or file. The packages that import archives may import it.
package mrt
