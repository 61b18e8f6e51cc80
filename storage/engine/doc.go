// Package engine runs the embedded ClickHouse engine: libchdb behind the
// ClickHouse native protocol, in a process of its own.
//
// Run is the child: it locks the data directory, loads the library, and serves
// a unix socket or a loopback address until its context ends. Start is the
// parent's side of it, Supervise keeps a child alive, and Attach finds the child
// that already runs on a directory. A crash of the library costs the child only,
// and the child ends when its parent does.
//
// A client connection is one engine connection, so it has settings, a database
// and temporary tables of its own. Blocks pass through unread: a scanner finds
// the borders of their columns, because the protocol carries a byte per column
// that the engine's own format does not. SELECTs are streamed block by block.
//
// What is not there: WITH TOTALS rows, server logs, profile events, external
// tables, the client's query id, and columns of type AggregateFunction,
// Variant, Dynamic and QBit. The time zone of a DateTime column is not told to
// the client, only its instant. Statements that reach files, programs or other
// machines are refused.
//
// An insert is on disk when it is acknowledged: parts are synced as they are
// written, which costs some milliseconds for each insert and nothing for each row.
//
// The package knows nothing about flows or tables; cmd and the tests of storage
// use it.
package engine
