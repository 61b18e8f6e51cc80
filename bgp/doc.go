// Package bgp holds the route events the auditor reasons about: who announced
// or withdrew which prefix, to which router, over which path. It knows no socket
// and no library type, and imports the standard library alone. Anyone may import it.
package bgp
