// Package bmp is a station of the BGP Monitoring Protocol, version 3: routers
// connect to it and mirror the tables of their neighbours, which it hands on as
// events of package bgp. It reads RFC 7854, the Loc-RIB of RFC 9069 and the
// Adj-RIB-Out of RFC 8671, each told apart by bgp.View, and instances by their
// distinguisher. UPDATEs are read by package wire. Route mirroring is skipped
// and counted. Version 4 is refused with its name: it lays out messages
// differently, and a stream cannot be followed past one that is not understood.
//
// It only listens, and never sends. It knows no table and no store: the owner
// gives it a Sink. It opens its own sockets, by package listen as speaker does;
// package collector starts and stops it.
//
// # One goroutine a router
//
// Each connection has one goroutine, which reads, decodes, and gives the sink up
// to Config.Batch events at a time: those that are whole in what has been
// received. A sink that blocks makes TCP slow that router down, and no other;
// nothing is queued beyond the batch and nothing is dropped. Stop waits for
// every goroutine.
//
// # What a loss means
//
// A Peer Down notification is the loss of a BGP session: bgp.PeerDown for every
// view of the neighbour. The end of the BMP connection is none: the router goes
// on routing, unseen. Its tables become stale (bgp.PeerStale), until it connects
// again and sends them anew, or the table's own time for stale routes is over.
// Only a Termination that is permanent (reason 4) is a loss. A new connection of
// a router ends its old one first, as routers that restart leave those behind.
//
// # Books
//
// Messages = Applied + the sum of Refused, per router. Bytes of a message that
// never came whole are in Cut.
//
// Lock order: Station.mu alone. It is not held while the sink runs.
package bmp
