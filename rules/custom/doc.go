// Package custom makes rules of YAML files, so that a carrier can add its own
// without building the program again. What comes out is an ordinary rules.Rule,
// with the same life cycle, parameters, tests and listing as one built in.
//
// A file describes one rule:
//
//	id: custom-night-upload          # begins with custom-
//	version: "1"                     # change it whenever the rule judges otherwise
//	clauses: [{id: N32-2.2.4, from: 2017-01-17}]
//	title: {zh: 夜间大流量上传, en: Large uploads at night}
//	claim: {zh: …, en: …}
//	severity: medium                 # low, medium, high or critical
//	lookback_days: 7                 # 1 to 92
//	quiet_days: 7                    # 0 to 366
//	params:
//	  - {name: min_bytes, unit: bytes per day, default: 1e9, min: 0, max: 1e15,
//	     meaning: {zh: 日字节数下限, en: least bytes of a day}}
//	fact: line_day                   # one of Tables
//	subject: line                    # may be left out: the fact tells it
//	only: subject.scope == "international"
//	when: row.from_customer > params.min_bytes && !row.workday
//	confidence: 0.6
//
// The fact names a table whose rows are measured per subject: line_day (what a
// line carried on a day), line_networks (what it carried between two networks
// over the span), allocation_day and allocation_host (what an allocation, or
// one address and port of it, did on a day). Fields lists their columns. All
// figures but ports are doubles, bytes are scaled by the sampling rate.
//
// Expressions are CEL (https://cel.dev). when and confidence see row, subject
// and params.NAME, only sees subject and params.NAME. The rule fires for a
// subject when rows that meet when lie on at least min_days days, and withholds
// below min_samples packets or min_completeness; these three are parameters of
// every custom rule.
//
// What a file may cost is bounded: its size, the length and the depth of an
// expression, its estimated cost, which is refused at loading where it has no
// bound, the cost of evaluating it once, and the rows of a subject. Mistakes
// name the file, the line and the remedy.
//
// It imports rules, registry, the CEL library and a YAML decoder. Only cmd may
// import it.
package custom
