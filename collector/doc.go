// Package collector owns every socket, queue and worker of flow collection. It
// receives export datagrams, hands them to the decoders, enriches what they
// give and passes it to a sink, and keeps the books of all that on the way.
//
// The path of a datagram is a Pipeline, and it is the same for live sockets and
// for files that are imported. The Collector adds to it what only live traffic
// needs: sockets with workers, a clock for what waits, state that survives a
// restart, and an orderly end. README.md has the picture of the queues, the
// reasons of loss, the balance equation and how to size the buffers.
//
// It must not know how records are stored: it declares FlowSink and BooksSink
// for that, and storage implements them. cmd/linewarden wires it up; nothing
// else imports it.
package collector
