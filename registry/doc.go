// Package registry holds the ledgers: who holds which line, address block and
// licence, and what was declared for them. It reads and checks the files of a
// ledger directory, compares two versions of it, and answers look-ups from an
// immutable Snapshot that is swapped as a whole.
//
// Dates are civil days; a row is true from its valid_from to its valid_to, both
// included. A bad file changes nothing: every problem is reported with its
// file, row and column, and the snapshot before it stays in use. Enterprises are
// the subjects; the ledgers hold no person.
//
// It reads files handed to it, and knows no socket, no store and no flow. Every
// package above it may import it; it imports the standard library and the
// longest-prefix-match table gaissmai/bart.
package registry
