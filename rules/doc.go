// Package rules says what a rule is and what it finds. A rule judges typed
// facts, measured elsewhere, together with the ledger rows of the same time,
// and returns nothing, a finding, or the reason why it withholds one. Judging
// is a pure function of (facts, parameters, rule version): no clock, no store,
// no socket, so that any finding can be re-derived from its evidence on another
// machine.
//
// Each rule is one file with its claim, clauses, parameters and judge function,
// and one test of the same name. A finding is an indication for a person to
// review, about an organisation, a line, a prefix or an ASN, never about an
// individual.
//
// It may import bgp, flows and registry. rules/engine, storage, report, console
// and cmd may import it.
package rules
