// Package storage keeps flows, their books, rollups, routes, ledgers and findings
// in ClickHouse, and answers typed questions about them. It is the only package
// that speaks SQL.
//
// It works unchanged with the embedded engine and with a ClickHouse server:
// it knows addresses, not processes. Queries go through clickhouse-go, the
// ingest path through ch-go, whose columns are filled in place and used again.
// Values reach the database as parameters or columns, never inside the text of
// a statement.
//
// It must not decode, enrich or judge: collector hands it records, rules/engine
// asks it for facts, and it implements the interfaces they declare. Only cmd
// imports it. The tables are described in README.md, which is generated from
// the schema in this package.
package storage
