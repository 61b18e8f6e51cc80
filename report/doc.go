// Package report writes findings for people and other programs: tables for a
// terminal, JSON, CSV and workbooks. The same findings give the same bytes,
// and third parties, persons and restricted bodies are masked unless the caller
// asks otherwise. Below it, pdf typesets, quarterly makes the report of a
// quarter, casefile that of one finding, signed seals reports, and evidence
// packs what a finding rests on.
//
// It formats and never measures, judges or reads a store. Only console and cmd
// may import it.
package report
