package storage

import (
	"fmt"
	"strings"
	"time"
)

// readme is the text of README.md.
func readme() string {
	var b strings.Builder
	b.WriteString(`# storage

Flows, their books, rollups, routes, ledgers and findings in ClickHouse: the embedded
engine or a server, by the same code. This is the only package that speaks SQL.
This page is made from the schema: ` + "`go test ./storage -run Readme -update`" + ` writes it.

## Tables

Lifetimes are those of ` + "`storage.retention`" + ` and count from the named column; the
configuration may change them at any time. ` + "`Expire`" + ` deletes whole partitions (of
` + "`findings`" + `, whole years) once all they can hold is older, and writes into
` + "`retention_log`" + ` first what it deletes; copies under holds stay. The engine does so by
itself, without a record, only where nobody called that for two days more. No partition hangs on event time, so a clock that is far off cannot
make many of them, and each batch of flows is one part: all of it or nothing.

| table | holds | engine | partition | order | kept |
|---|---|---|---|---|---|
`)
	for _, t := range schema() {
		kept, partition := "for good", "none"
		if t.retention != nil {
			kept = fmt.Sprintf("`%s` from `%s`", t.lifetime, t.birth)
		}
		if t.partition != "" {
			partition = "`" + t.partition + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | `%s` | %s |\n", t.name, t.purpose, t.engine, partition, t.order, kept)
	}
	b.WriteString("\n| view | fills | how |\n|---|---|---|\n")
	for _, v := range views(Config{ThirdPartyV4: 24, ThirdPartyV6: 48, Location: time.UTC}) {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.name, v.target, v.purpose)
	}
	b.WriteString("\n## Columns\n\n")
	for _, t := range schema() {
		names := make([]string, len(t.columns))
		for i, c := range t.columns {
			kind, _, _ := strings.Cut(c.kind, "(")
			if kind == "LowCardinality" || kind == "Array" || kind == "Nullable" {
				kind = c.kind
			}
			names[i] = "`" + c.name + "` " + kind
		}
		fmt.Fprintf(&b, "- **%s**: %s\n", t.name, strings.Join(names, ", "))
	}
	b.WriteString(`
Instants are in UTC, to the nanosecond, those of arrivals to the millisecond;
1900-01-01 says that there is none.
IPv4 addresses are stored as ::ffff:a.b.c.d, their prefixes with 96 added to the
length; a length of 255 is no prefix. ` + "`families`" + ` has two bits for each address
(exporter, source, destination, next hop; from the lowest): 0 nothing was said,
1 IPv4, 2 IPv6, 3 an IPv6 address that is itself mapped. Those of routes are of the
router, the peer, the next hop and the prefix, of route_peers the first two.

## What is written once

Every insert has a token; the tables remember the last 1000 of each partition. An
insert whose answer was lost is sent again under its token and not written twice,
neither into its table nor into the rollups behind it. Findings and their history
are one insert into ` + "`finding_events`" + `. An import of ledgers is visible when its row in
` + "`ledger_versions`" + ` is written, which is last; rows are opened and closed, never
changed, so the ledgers can be read as they were known at any instant.

## Several servers, several daemons

Addresses are tried in order; a statement whose connection fails goes to the next one.
With ` + "`storage.clickhouse.cluster`" + ` each table is two: ` + "`NAME_local`" + ` is replicated and holds the
rows of a shard, ` + "`NAME`" + ` is Distributed over all shards and is what is read and written.
A line, a finding and a prefix are each on one shard; ledgers, leases and versions are on
the first. The servers need the macros ` + "`{shard}` and `{replica}`" + `, and Keeper. ` + "`TestTwoShards`" + `
asks everything of a cluster of two shards within one engine; what needs a Keeper is left
out there, and explained by the engine elsewhere. Replicas refuse mutations that ask or look
at a clock: what is deleted is named by its values.

What only one process may do is done under a lease in ` + "`leases`" + `: whoever writes the row of
the next term has it, and the store takes that row once, by its token. No clock of one
machine is compared with that of another. Migrations and the rules run under one.

## Backups and holds

` + "`Backup`" + ` clones all tables at one instant, without a copy of their data, and writes the
clones in the format Native under zstd, with a manifest of SHA-256, rows and sums.
` + "`Restore`" + ` loads into a database beside and renames it when all is as it was written.
` + "`Hold`" + ` copies the rows behind a finding to the tables ` + "`held_*`" + `, which have no lifetime.

## Labels of another day

` + "`RelabelFlows`" + ` labels stored flows anew, when ledgers came after them: a day of storing is
copied in a stream, compared, and put in the place of the old one at once. A cluster refuses
it, because a flow with another line would be on another shard. ` + "`CorrectSampling`" + ` changes no
flows: roll-ups look for corrections.

## Adding a migration

1. Change the table in schema.go to what it shall be.
2. Add a step at the end of ` + "`migrations`" + ` in migrate.go that brings older tables
   there, with statements that check before they change
   (` + "`ALTER TABLE flows ADD COLUMN IF NOT EXISTS ...`" + `). Steps already there are not
   touched: databases have applied them. A new database gets the newest tables from
   step 1 and runs the others, which find nothing to do.
3. Write what a database of the schema before it is made of to testdata/schema-N.sql
   (N its number), with some rows: ` + "`TestOlderSchemas`" + ` brings each dump up to date and
   wants as many dumps as there are older schemas.
4. A new column of flows also goes into flowbatch.go and flowrow.go; tests compare
   all three. A changed view needs no step: its query is compared at each start.
5. Run the tests and write this page anew.

A database whose schema is newer than the program is refused and left alone.
`)
	return b.String()
}
