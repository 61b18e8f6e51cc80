// Package engine runs rules over a span: it measures the facts of each
// subject, judges them, merges what fires with the findings already open, and
// hands the result to a store. A run over the same span, ledgers and rule
// versions changes nothing.
//
// It declares what it needs of a store (Findings, rules.Traffic) and never
// imports one; it knows no socket and no wire format. Only cmd may import it.
package engine
