// Package xlsx reads ledgers from spreadsheets (ECMA-376 .xlsx): each sheet
// becomes the text that the same ledger would have as a CSV file. What the
// text says is judged by package registry alone.
//
// It is a package of its own because the ledgers must not depend on a
// spreadsheet library. Only cmd may import it; it imports registry and
// excelize.
package xlsx
