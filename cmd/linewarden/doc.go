// Command linewarden collects routing and flow records and audits leased lines
// against the registry.
//
// This package wires the components together and implements nothing of theirs:
// commands parse flags, open what they need, call one function and print. It is
// the only place that sees collectors, store, rules and console at once, and
// nothing may import it.
package main
