// Package quarterly writes the self-inspection report of a quarter: the eleven
// sections that a carrier reports to the ministry at the end of each quarter
// (N32-4.3a), as a PDF file, a workbook, CSV and JSON, with a signed manifest.
//
// Make reads what it is given and nothing else; every figure is counted once,
// into grids that all formats are written from. The same inputs give the same
// bytes. Networks of third parties, persons and restricted bodies are masked
// unless the caller says otherwise and why, and the files say which it was.
// Everything it lists is an indication for a person to review, never a verdict.
//
// It knows no store: cmd hands it findings, ledgers and books.
package quarterly
