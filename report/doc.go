// Package report writes findings for people and other programs: tables for a
// terminal, JSON, CSV and workbooks. The same findings give the same bytes,
// and addresses of third parties are masked unless the caller asks otherwise.
//
// It formats and never measures, judges or reads a store. Only console and cmd
// may import it.
package report
