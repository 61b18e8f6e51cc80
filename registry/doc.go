// Package registry holds the ledgers: who holds which line, address block and
// licence, and what was declared for them. It reads and checks the files of a
// ledger directory, compares two versions of it, and answers look-ups from an
// immutable Snapshot that is swapped as a whole.
//
// A ledger is a CSV file (UTF-8, with a header row) or a sheet of a workbook,
// named after the ledger. Read takes the text as it is, Parse checks every cell
// of it: a missing file is an empty ledger, a missing column is unknown
// everywhere, an empty cell is unknown, an unknown column is an error. Free
// text may hold anything printable; ids and codes may not hold full-width or
// invisible characters, domain names are ASCII (punycode) and lower case.
//
// XML files of filing systems are no ledgers: registry/xml makes ledgers of
// them, to be looked through before they are imported. A Calendar tells working
// days, registry/mmdb what is known of addresses in no ledger; neither is a
// ledger.
//
// Dates are civil days; a row is true from its valid_from to its valid_to, both
// included. A ledger may hold several rows of one key on different days, never
// on the same; keys that belong to a party include it, so that two enterprises
// may file one prefix. References to rows that do not exist are warnings. A bad
// file changes nothing: every problem is reported once, with its file, row and
// column, and the snapshot before it stays in use. Enterprises are the subjects;
// the ledgers hold no person.
//
// It reads files handed to it, and knows no socket, no store and no flow. Every
// package above it may import it; it imports the standard library and the
// longest-prefix-match table gaissmai/bart.
package registry
