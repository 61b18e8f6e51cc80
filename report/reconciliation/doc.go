// Package reconciliation writes findings about filings under the names that the
// filing systems of the authority give to the results of their own checks: 未报,
// 冲突 and 越界 of address filings (interface specification V3.0: Wb, Ct, Yj, each
// of kind 1 source or 2 allocation), and 多报, 少报, 空壳 and 未备案 of site filings
// (Jrhc 1 and 2, Kkwzhc, WBAWZ). The same rows come as CSV, XLSX and JSON, with a
// signed manifest.
//
// A row is an indication that a rule raised, never the authority's own result,
// and every file says so. It reads what it is given and no store; cmd hands it
// findings and ledgers.
package reconciliation
