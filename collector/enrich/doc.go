// Package enrich adds to each flow record what the ledgers and the routing
// table say about it: the line it used and which way, who holds the near end,
// and the networks, allocations and origins of its addresses.
//
// It judges nothing and drops nothing; a record without an entry in any ledger
// stays as it was, apart from the networks of its addresses. The ledgers are
// an immutable snapshot that is swapped as a whole, the routes come through
// RouteLookup, which is declared here. Enriching allocates nothing and may be
// done by any number of goroutines at once.
//
// It imports flows and registry, never a routing table or a store. Package
// collector uses it, and cmd/linewarden wires it.
package enrich
