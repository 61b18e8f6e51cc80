// Package chdb binds libchdb, the ClickHouse engine as a C library, without
// cgo.
//
// It loads the library, opens connections, runs statements, reads results in
// blocks and streams inserts. It passes bytes through unread: it knows no SQL,
// no block format and no socket. Every value C returns is freed here, and Go
// memory is pinned for as long as C reads it.
//
// A crash of the library takes the process with it, so only package engine,
// which runs in a process of its own, may import it.
package chdb
