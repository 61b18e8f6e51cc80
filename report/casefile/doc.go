// Package casefile typesets what an evidence package holds as one PDF file for a
// reader, in Chinese or English: what was seen, by which rule and parameters,
// under which clauses, the rows of the ledgers, traffic, routes, completeness,
// the innocent explanations that were tested, and the history of the case.
//
// It says what is suspected and why, and never that anything is established:
// its matter is a lead until an authority reviews it (Administrative Penalty
// Law, articles 40 and 41). The same package gives the same bytes.
package casefile
