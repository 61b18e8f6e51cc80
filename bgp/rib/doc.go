// Package rib holds the routes of all routers as they are now: paths per
// router, peer, path identifier and view, fed by bgp.Event and read by flow
// enrichment. It knows no socket and no history; a Sink is told of every change
// so that a store can keep one. Anyone above package bgp may import it.
//
// # Shape
//
// A table is a trie of eight-bit steps per instance (the global one, or one
// route distinguisher) and family. Lists of paths are immutable once published,
// and so are nodes of few prefixes, but for the pointers to children and lists,
// which are replaced atomically. A change copies one list, and one such node
// where a prefix comes or goes; nodes of many prefixes have room to spare, in
// which that is done in place. Readers take no lock and allocate nothing; what
// they hold is freed by the garbage collector when they are done.
//
// The paths of a prefix are kept in the order of preference (see the function
// order), so that a lookup takes the first that fits.
//
// # Locks
//
// In this order: RIB.turning (changes of payloads), RIB.mu (peers, routers, sites, instances), table.mu (one per
// instance and family; the writers of one table take turns), shard.mu of the
// attribute pool. The sink is called with table.mu held, or RIB.mu for states
// of peers: it must return soon and must not call the RIB.
//
// Events of one peer must be applied in their order, by one goroutine at a
// time. Events of different peers may be applied at the same time.
//
// # Memory
//
// A path takes 32 bytes, a prefix 16 bytes and its share of a node, and a
// distinct set of attributes about 270 bytes, shared by all prefixes and peers
// that have it and freed with its last path (reference counts). A made table of
// 1,000,000 IPv4 and 200,000 IPv6 prefixes with one set per six prefixes takes
// about 126 bytes a route with one peer and 93 a route with three
// (BenchmarkLoad reports it). The global instance takes 1 MB when empty.
// Routes, peers and instances are bounded by Config.
//
// # Speed
//
// A lookup reads four to six places in memory that depend on each other, Origin
// mostly three, of which two lie side by side; nearly all of its time is waiting
// for them. The index of a large node is one more, read while the node is.
// Addresses that are asked for often are answered from the processor's caches, in
// about 50 ns. BenchmarkChurn reports both.
//
// # During a reset
//
// When a session is lost (bgp.PeerDown), its routes vanish from lookups at
// once, by one atomic store, whatever their number: a lookup that begins after
// Apply returned never answers from them. Memory is given back, and the sink
// told, in slices of at most 512 prefixes each by Run, between which other
// writers proceed. A write to a prefix first clears the dead paths in it, so
// the sink sees the loss of a path before its return.
//
// After bgp.PeerStale the routes go on answering, marked stale (RFC 4724
// section 4.2), until they are announced again, until the end of RIB of their
// family, until the peer restarts again, or until Config.StaleTime is over.
package rib
