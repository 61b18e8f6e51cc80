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
// # Flows that survive
//
// A FlowWriter without a spool holds two batches in memory, and loses what the
// store does not take in time. With a FlowSpool each sealed batch is on disk
// before it is sent (package spool): a store that is slow, down or refusing costs
// nothing but room, and the end of the process at any instruction costs the batch
// that was being filled, a second of traffic at most. Keeping every batch, and
// not only those that cannot be sent at once, takes this process about half a
// second of processor time for a million flows, an eighth of what the engine
// spends on them; without it kill -9 would cost the batches under way as well.
// One spool serves all writers of a process: there is one bound, one order, and
// nothing is left behind when their number changes.
//
// An entry is a batch: a token, the time of storing, how many flows of it belong
// to each source and minute, and its columns as they stand in a native block,
// which are passed on as they are. While entries wait their columns are
// compressed, to about a quarter. One goroutine sends the oldest: the flows
// under its token, then its rows of flow_books under a token made of it, and only
// then it is acknowledged. Both tables know the tokens they have seen, so that a
// crash anywhere between has the entry sent again and nothing written twice.
//
// The books of stored flows come with the batches. FlowSpool.WriteBooks keeps
// what else there is to say, with records only as far as they were lost; so at
// any moment the stored books have, for each source and minute, as many records
// as stored and lost together. These books go through the spool as well, and
// survive an outage of the store. A process that sends what an earlier one left
// counts it in its books in memory as received and stored, so metrics balance;
// the stored books have it once.
//
// What this does not cover: counts that were not handed to WriteBooks yet are
// lost with the process, consistently. The tables know the last 1000 tokens; a
// batch that arrived unacknowledged and comes again after 1000 inserts of other
// processes would be there twice. An engine that is killed between the writing
// of a part and that of its token forgets the token; no test has hit that.
//
// It must not decode, enrich or judge: collector hands it records, rules/engine
// asks it for facts, and it implements the interfaces they declare. Only cmd
// imports it. The tables are described in README.md, which is generated from
// the schema in this package.
package storage
