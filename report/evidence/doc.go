// Package evidence makes and checks evidence packages: a zip file with all that
// a finding rests on, which anybody can check with a public key alone, offline,
// without the daemon or its store.
//
// A package holds the finding, the fact it was judged by with the parameters of
// the rule, the rule as it was, the ledger rows with their versions, routes,
// traffic, completeness, the history of the case, and a manifest with the
// SHA-256 of each of them, signed with ed25519. Files are stored in the order
// of their names, uncompressed and without times: the same inputs give the same
// bytes. Verify compares the files with the manifest, the manifest with the
// signature, and derives the verdict again from the fact; it names exactly what
// differs.
//
// It knows no store and no socket: what goes into a package is handed to it. cmd
// and console may import it; it imports rules, report, report/signed and
// report/timestamp.
package evidence
