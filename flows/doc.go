// Package flows holds one normalised flow record: the units, byte order,
// sampling and time meaning of each of its fields, and the words in which the
// books of received, stored and lost records are kept.
//
// It knows no socket, no library type, no ledger and no store. Decoders in
// flows/netflow and flows/sflow produce its records; collector enriches and
// carries them; storage keeps them; rules reason about them. Every other
// package of the project may import it, it imports the standard library only.
package flows
