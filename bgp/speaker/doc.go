// Package speaker holds BGP sessions with routers and hands on what they say as
// events of package bgp. It only listens: neighbours connect, it never connects
// and never announces a route. It takes IPv4 and IPv6 unicast with path
// identifiers (RFC 7911), AS numbers of four octets (RFC 6793), messages of up to
// 65,535 octets (RFC 8654) and IPv6 next hops of IPv4 routes (RFC 8950), keeps to
// the receiving side of graceful restart (RFC 4724), and signs with TCP MD5 (RFC
// 2385) where the kernel can.
//
// It keeps no routes. That is why sessions are its own and not those of gobgp's
// server, which holds every path it receives in a table of its own, decodes in
// goroutines where a panic ends the process, and hands events to watchers through
// queues without bound. gobgp's packet library writes and reads OPENs.
//
// Each neighbour has one queue of bounded length to the sink, and one goroutine
// that empties it. When it is full the session is not read: TCP then slows the
// neighbour down, nothing is dropped, and its hold time does not run.
//
// It opens its own sockets, by package listen, as an exception to the rule that package
// collector owns every socket; its owner starts and stops it. It knows no table
// and no store: the owner gives it a Sink.
//
// Lock order: neighbor.order, then neighbor.mu. Speaker.mu is held with neither.
package speaker
