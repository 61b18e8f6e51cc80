// Package accounts keeps the people and programs that may use the console: who
// they are, their role and provinces, and what proves it.
//
// They are in one file of the data directory, readable by its owner alone, and
// in no table of the store: people have to log in when the store is away, which
// is when they look; the commands that make accounts need no engine; and backups
// of the store, which others may read, hold no password hash. Where several
// daemons share a store each has its own file.
//
// A File is changed by one process at a time, under a lock of the kernel, and
// replaced whole. A daemon sees what a command has changed at its next request.
// Passwords are kept as Argon2id (RFC 9106), secrets of tokens as SHA-256: those
// are random, so that nothing slower is needed.
package accounts
