package storage

import (
	"time"

	"github.com/linewarden/linewarden/flows"
)

// Types that several tables use. An instant of -2208988800 s (1900-01-01, the
// least that ClickHouse knows) says that there is none.
const (
	kindInstant   = "DateTime64(9, 'UTC')"
	kindSecond    = "DateTime('UTC')"
	kindWord      = "LowCardinality(String)"
	kindVersion   = "Enum8('unknown' = 0, 'netflow5' = 1, 'netflow9' = 2, 'ipfix' = 3, 'sflow5' = 4)"
	kindDirection = "Enum8('' = 0, 'ingress' = 1, 'egress' = 2)"
	kindCrossing  = "Enum8('' = 0, 'from_customer' = 1, 'to_customer' = 2)"
	kindSampling  = "Enum8('none' = 0, 'record' = 1, 'options' = 2, 'ledger' = 3)"

	kindMicrosecond = "DateTime64(6, 'UTC')"
	kindRoute       = "Enum8('announce' = 0, 'withdraw' = 1, 'not_renewed' = 3, 'stale_over' = 4)"
	kindPeerEvent   = "Enum8('end_of_rib' = 2, 'up' = 3, 'down' = 4, 'stale' = 5)"
	kindView        = "Enum8('adj_in' = 0, 'adj_in_post' = 1, 'local' = 2, 'adj_out' = 3, 'adj_out_post' = 4)"
	kindOrigin      = "Enum8('igp' = 0, 'egp' = 1, 'incomplete' = 2)"
	kindValidity    = "Enum8('not_checked' = 0, 'not_found' = 1, 'valid' = 2, 'invalid' = 3)"
	kindFamily      = "Enum8('' = 0, 'ipv4' = 1, 'ipv6' = 2, 'vpnv4' = 3, 'vpnv6' = 4)"
)

// Codecs by how a column behaves in the order of its table.
const (
	codecSorted = "GCD, Delta, ZSTD(1)" // instants have the resolution of their clock
	codecNear   = "GCD, T64, ZSTD(1)"   // near a sorted one, in no order
	codecNumber = "T64, ZSTD(1)"
	codecPlain  = "ZSTD(1)"
	codecText   = "ZSTD(3)" // much of a row, and like that of the row before
)

// schema returns every table, as the newest migration leaves them.
func schema() []*table {
	return withHolds(append([]*table{
		flowTable(), bookTable(), ledgerRowTable(), ledgerVersionTable(),
		routeTable(), routePeerTable(), findingTable(), eventTable(), auditTable(), versionTable(), leaseTable(), retentionTable(),
	}, append(rollupTables(), counterTables()...)...))
}

// flowTable has one partition per day of storing, and each batch carries one
// time of storing: a batch is one part, all of it or nothing, whatever the
// event times in it are.
func flowTable() *table {
	return &table{
		name:    "flows",
		purpose: "every flow record as it was exported, with the labels of its day",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"exporter", "IPv6", codecPlain},
			{"domain", "UInt32", codecPlain},
			{"version", kindVersion, codecPlain},
			{"received", kindInstant, codecNear},
			{"exported", kindInstant, codecSorted},
			{"start", kindInstant, codecSorted},
			{"end", kindInstant, codecNear},
			{"src", "IPv6", codecPlain},
			{"dst", "IPv6", codecPlain},
			{"next_hop", "IPv6", codecPlain},
			{"families", "UInt8", codecPlain},
			{"bytes", "UInt64", codecNumber},
			{"packets", "UInt64", codecNumber},
			{"sampling_rate", "UInt64", codecPlain},
			{"in_if", "UInt32", codecPlain},
			{"out_if", "UInt32", codecPlain},
			{"src_as", "UInt32", codecPlain},
			{"dst_as", "UInt32", codecPlain},
			{"mpls_label", "UInt32", codecPlain},
			{"src_port", "UInt16", codecPlain},
			{"dst_port", "UInt16", codecPlain},
			{"src_vlan", "UInt16", codecPlain},
			{"dst_vlan", "UInt16", codecPlain},
			{"icmp", "UInt16", codecPlain},
			{"tcp_flags", "UInt16", codecPlain},
			{"proto", "UInt8", codecPlain},
			{"tos", "UInt8", codecPlain},
			{"forwarding_status", "UInt8", codecPlain},
			{"direction", kindDirection, codecPlain},
			{"sampling_source", kindSampling, codecPlain},
			{"biflow", "Bool", codecPlain},
			{"clock_skewed", "Bool", codecPlain},
			{"line", kindWord, codecPlain},
			{"line_direction", kindCrossing, codecPlain},
			{"peer_line", kindWord, codecPlain},
			{"holder", kindWord, codecPlain},
			{"src_net_bits", "UInt8", codecPlain},
			{"dst_net_bits", "UInt8", codecPlain},
			{"src_allocation_bits", "UInt8", codecPlain},
			{"dst_allocation_bits", "UInt8", codecPlain},
			{"src_origin", "UInt32", codecPlain},
			{"dst_origin", "UInt32", codecPlain},
		},
		aliases: []alias{
			networkAlias("src_net", "src"), networkAlias("dst_net", "dst"),
			networkAlias("src_allocation", "src"), networkAlias("dst_allocation", "dst"),
		},
		indices:   []index{{"start_span", "start", "minmax"}},
		engine:    "MergeTree",
		partition: "toDate(stored)",
		order:     "(line, start)",
		retention: func(r Retention) time.Duration { return r.Flows }, lifetime: "flows", birth: "stored",
		settings: []string{deduplication},
	}
}

// networkAlias is the network that an address and the length in name_bits make,
// or :: where there is none. Storing it as well would double what an address
// takes.
func networkAlias(name, address string) alias {
	bits := name + "_bits"
	return alias{name, "IPv6", "if(" + bits + " > 128, toIPv6('::'), tupleElement(IPv6CIDRToRange(" + address + ", least(" + bits + ", 128)), 1))"}
}

// bookTable has a column for each figure of flows.Count.
func bookTable() *table {
	t := &table{
		name:    "flow_books",
		purpose: "what arrived, was stored and was lost, per source and minute of export; rows of one key add up",
		columns: []column{
			{"stored_at", kindSecond, codecPlain},
			{"minute", kindSecond, codecSorted},
			{"exporter", "IPv6", codecPlain},
			{"family", "UInt8", codecPlain},
			{"domain", "UInt32", codecPlain},
			{"version", kindVersion, codecPlain},
		},
		engine:    "SummingMergeTree",
		partition: "toYYYYMM(stored_at)",
		order:     "(minute, exporter, family, domain, version)",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored_at",
		settings: []string{deduplication},
	}
	for _, name := range countNames() {
		t.columns = append(t.columns, column{name, "UInt64", codecNumber})
	}
	return t
}

// countNames returns the columns of flows.Count, in the order of countFigures.
func countNames() []string {
	names := []string{
		"datagrams", "records", "stored", "sequence_gaps", "records_missed", "reordered",
		"templates", "clock_skewed", "unscaled", "counters",
	}
	for r := range flows.NumReasons {
		names = append(names, "lost_"+r.String(), "datagrams_lost_"+r.String())
	}
	return names
}

// countFigures returns the figures of c, in the order of countNames.
func countFigures(c *flows.Count) []*uint64 {
	figures := []*uint64{
		&c.Datagrams, &c.Records, &c.Stored, &c.SequenceGaps, &c.RecordsMissed, &c.Reordered,
		&c.Templates, &c.ClockSkewed, &c.Unscaled, &c.Counters,
	}
	for r := range flows.NumReasons {
		figures = append(figures, &c.Lost[r], &c.DatagramsLost[r])
	}
	return figures
}

// networkTable is older than RollUp: the rows of run 0 were written by views,
// and add up.
func networkTable() *table {
	return &table{
		name:    "line_networks",
		purpose: "what each line carried between each pair of networks, per bin and direction; rows of the run that counts for their hour add up",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"bin", kindSecond, codecSorted},
			{"line", kindWord, codecPlain},
			{"near", "IPv6", codecPlain},
			{"near_bits", "UInt8", codecPlain},
			{"far", "IPv6", codecPlain},
			{"far_bits", "UInt8", codecPlain},
			{"direction", kindCrossing, codecPlain},
			{"bytes", "UInt64", codecNumber},
			{"samples", "UInt64", codecNumber},
			{"unscaled", "UInt64", codecNumber},
			{"flows", "UInt64", codecNumber},
			{"run", "UInt64", codecPlain},
		},
		engine:    "SummingMergeTree((bytes, samples, unscaled, flows))",
		partition: "toYYYYMM(stored)",
		order:     "(toDate(bin), line, near, near_bits, far, far_bits, direction, bin, run)",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored",
		settings: []string{deduplication},
	}
}

func ledgerRowTable() *table {
	return &table{
		name: "ledger_rows",
		purpose: "rows of ledgers as imports opened (sign 1) and closed (sign -1) them; " +
			"a row is known at a version when its signs up to it add up to more than 0",
		columns: []column{
			{"import", "UUID", codecPlain},
			{"known", "DateTime64(6, 'UTC')", codecPlain},
			{"ledger", kindWord, codecPlain},
			{"sign", "Int8", codecPlain},
			{"key", "String", codecPlain},
			{"number", "UInt32", codecPlain},
			{"columns", "Array(LowCardinality(String))", codecPlain},
			{"fields", "Array(String)", codecPlain},
			{"valid_from", "Date32", codecPlain},
			{"valid_to", "Date32", codecPlain},
		},
		engine:   "MergeTree",
		order:    "(ledger, key, known)",
		settings: []string{deduplication},
	}
}

func ledgerVersionTable() *table {
	return &table{
		name:    "ledger_versions",
		purpose: "imports of ledgers; the rows of an import are visible once its row is here, which is written last",
		columns: []column{
			{"import", "UUID", codecPlain},
			{"after", "UUID", codecPlain},
			{"known", "DateTime64(6, 'UTC')", codecPlain},
			{"source", "String", codecPlain},
			{"hash", "String", codecPlain},
			{"tables", "String", codecPlain}, // JSON: names and columns, empty ledgers included
			{"opened", "UInt32", codecPlain},
			{"closed", "UInt32", codecPlain},
		},
		engine:   "MergeTree",
		order:    "known",
		settings: []string{deduplication},
	}
}

// routeTable holds what peers announced and withdrew. Each batch carries one
// time of storing and its events are numbered as they came, over all batches of
// one second: events of one instant are put in order by both.
func routeTable() *table {
	return &table{
		name: "routes",
		purpose: "events of paths, ordered by at, stored and number; a path is held from its announcement to its next event " +
			"or the loss of its session in route_peers, whichever is earlier",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"number", "UInt32", codecNumber},
			{"at", kindMicrosecond, codecSorted},
			{"kind", kindRoute, codecPlain},
			{"router", "IPv6", codecPlain},
			{"peer", "IPv6", codecPlain},
			{"peer_distinguisher", "UInt64", codecPlain},
			{"peer_as", "UInt32", codecPlain},
			{"view", kindView, codecPlain},
			{"prefix", "IPv6", codecPlain},
			{"prefix_bits", "UInt8", codecPlain},
			{"distinguisher", "UInt64", codecPlain},
			{"path_id", "UInt32", codecPlain},
			{"families", "UInt8", codecPlain},
			{"origins", "Array(UInt32)", codecPlain},
			{"as_path", "String", codecText},
			{"origin", kindOrigin, codecPlain},
			{"next_hop", "IPv6", codecPlain},
			{"med", "Nullable(UInt32)", codecPlain},
			{"local_pref", "Nullable(UInt32)", codecPlain},
			{"communities", "Array(UInt32)", codecText},
			{"large_communities", "Array(UInt32)", codecPlain}, // three numbers each
			{"validity", kindValidity, codecPlain},
		},
		engine:    "MergeTree",
		partition: "toYYYYMM(stored)",
		order:     "(prefix, prefix_bits, router, peer, peer_distinguisher, view, distinguisher, path_id, at)",
		retention: func(r Retention) time.Duration { return r.Routes }, lifetime: "routes", birth: "stored",
		// A question is about few prefixes: small granules spare it the rest.
		settings: []string{deduplication, "index_granularity = 1024"},
	}
}

// routePeerTable holds what happened to whole peers, so that a lost session is
// one row and not one for each of its routes.
func routePeerTable() *table {
	return &table{
		name: "route_peers",
		purpose: "events of peers, ordered by at, stored and number; their paths are lost at a down, " +
			"and at an up that does not follow a stale",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"number", "UInt32", codecNumber},
			{"at", kindMicrosecond, codecSorted},
			{"kind", kindPeerEvent, codecPlain},
			{"router", "IPv6", codecPlain},
			{"peer", "IPv6", codecPlain},
			{"peer_distinguisher", "UInt64", codecPlain},
			{"peer_as", "UInt32", codecPlain},
			{"view", kindView, codecPlain},
			{"families", "UInt8", codecPlain},
			{"family", kindFamily, codecPlain},
		},
		engine:    "MergeTree",
		partition: "toYYYYMM(stored)",
		order:     "(router, peer, peer_distinguisher, view, at)",
		retention: func(r Retention) time.Duration { return r.Routes }, lifetime: "routes", birth: "stored",
		settings: []string{deduplication},
	}
}

// findingTable is filled by the view findings_from_events.
func findingTable() *table {
	return &table{
		name:    "findings",
		purpose: "the newest state of each finding; the row of the highest version counts",
		columns: append([]column{
			{"id", "String", codecPlain}, {"version", "UInt64", codecPlain}, {"at", "DateTime64(9, 'UTC')", codecPlain},
		}, findingColumns()...),
		engine:    "ReplacingMergeTree(version)",
		order:     "id",
		retention: func(r Retention) time.Duration { return r.Findings }, lifetime: "findings", birth: "toDateTime(at)",
		settings: []string{deduplication},
	}
}

// findingColumns are the figures of a finding that are searched, and all of it
// as JSON.
func findingColumns() []column {
	return []column{
		{"rule", kindWord, codecPlain},
		{"clauses", "Array(LowCardinality(String))", codecPlain},
		{"subject_kind", kindWord, codecPlain},
		{"subject", "String", codecPlain},
		{"enterprise", "String", codecPlain},
		{"province", kindWord, codecPlain},
		{"severity", kindWord, codecPlain},
		{"state", kindWord, codecPlain},
		{"first_seen", kindInstant, codecPlain},
		{"last_seen", kindInstant, codecPlain},
		{"body", "String", codecPlain},
	}
}

// eventTable takes the findings and their history in one insert, so that both
// are written or neither is.
func eventTable() *table {
	return &table{
		name: "finding_events",
		purpose: "the history of findings, only ever added to; a row carries an event (kind), " +
			"the state of its finding after it (body), or both",
		columns: append([]column{
			{"id", "String", codecPlain},
			{"version", "UInt64", codecPlain},
			{"at", "DateTime64(9, 'UTC')", codecPlain},
			{"number", "UInt32", codecPlain},
			{"kind", kindWord, codecPlain},
			{"event", "String", codecPlain},
		}, findingColumns()...),
		engine:    "MergeTree",
		partition: "toYear(at)",
		order:     "(id, version, number)",
		retention: func(r Retention) time.Duration { return r.Findings }, lifetime: "findings", birth: "toDateTime(at)",
		settings: []string{deduplication},
	}
}

func auditTable() *table {
	return &table{
		name:    "audit_runs",
		purpose: "runs of rules over stored data",
		columns: []column{
			{"run", "UUID", codecPlain},
			{"started", kindInstant, codecPlain},
			{"finished", kindInstant, codecPlain},
			{"rule", kindWord, codecPlain},
			{"rule_version", kindWord, codecPlain},
			{"ledgers", "String", codecPlain},
			{"window_from", kindInstant, codecPlain},
			{"window_to", kindInstant, codecPlain},
			{"subjects", "UInt64", codecPlain},
			{"raised", "UInt64", codecPlain},
			{"repeated", "UInt64", codecPlain},
			{"reopened", "UInt64", codecPlain},
			{"ceased", "UInt64", codecPlain},
			{"withheld", "UInt64", codecPlain},
			{"error", "String", codecPlain},
		},
		engine:    "MergeTree",
		partition: "toYear(started)",
		order:     "(started, rule)",
		retention: func(r Retention) time.Duration { return r.Findings }, lifetime: "findings", birth: "toDateTime(started)",
		settings: []string{deduplication},
	}
}

func versionTable() *table {
	return &table{
		name:    "schema_versions",
		purpose: "migrations that were applied; the highest number is the version of the schema",
		columns: []column{
			{"version", "UInt32", ""}, {"name", "String", ""}, {"applied", kindSecond, ""},
		},
		engine: "MergeTree",
		order:  "version",
	}
}
