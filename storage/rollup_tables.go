package storage

import "time"

// Types of the rollups. The states count distinct values by their hashes: few
// ones exactly, many with a standard error of 0.8 % (16,384 registers) or 1.6 %
// (4,096 registers), and states of several hours merge into that of the day.
const (
	kindMany = "AggregateFunction(uniqCombined64(14), UInt64)"
	kindSome = "AggregateFunction(uniqCombined64(12), UInt64)"

	kindContact = "Enum8('tunnel' = 0, 'answer' = 1, 'query' = 2, 'other' = 3)"
	kindClass   = "Enum8('customer' = 0, 'border' = 1, 'other' = 2)"
	kindScope   = "Enum8('port' = 0, 'pool' = 1, 'line' = 2, 'shared' = 3)"
)

// rolled is a table that RollUp writes. Its rows are of a run; those of the run
// that rollup_runs names for their hour count.
func rolled(name, purpose, order string, columns ...column) *table {
	return &table{
		name: name, purpose: purpose + ", per bin; rows of the run that counts for their hour",
		columns: append([]column{
			{"stored", kindSecond, codecPlain}, {"run", "UInt64", codecPlain}, {"bin", kindSecond, codecSorted},
		}, columns...),
		engine: "MergeTree", partition: "toYYYYMM(stored)", order: "(bin, " + order + ")",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored",
	}
}

// rollups returns the tables that hold what RollUp finds.
func rollups() []*table {
	return []*table{
		networkTable(), lineHourTable(), linePairTable(), lineServiceTable(),
		allocationHourTable(), allocationHostTable(), allocationSessionTable(),
		allocationSourceTable(), allocationContactTable(), allocationEntryTable(),
	}
}

// rollupTables returns all tables of the rollups: what they are made of and the
// account of the runs as well.
func rollupTables() []*table {
	return append(rollups(), flowHourTable(), runTable(), scopeTable(), correctionTable(), stageTable(), endTable())
}

// flowHourTable is filled by the view flow_hours_from_flows, and by corrections.
func flowHourTable() *table {
	return &table{
		name:    "flow_hours",
		purpose: "how many flows touch each hour, so that one sees which hours have changed; rows of one hour add up",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"hour", kindSecond, codecSorted},
			{"rows", "SimpleAggregateFunction(sum, UInt64)", codecPlain},
			{"revisions", "SimpleAggregateFunction(sum, UInt64)", codecPlain},
			{"earliest", "SimpleAggregateFunction(min, Int64)", codecPlain},
			{"first_stored", "SimpleAggregateFunction(min, " + kindSecond + ")", codecPlain},
			{"last_stored", "SimpleAggregateFunction(max, " + kindSecond + ")", codecPlain},
		},
		engine:    "AggregatingMergeTree",
		partition: "toYYYYMM(stored)",
		order:     "hour",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored",
		settings: []string{deduplication},
	}
}

// runTable has a row for each hour and run, written when its rollups are.
func runTable() *table {
	return &table{
		name: "rollup_runs",
		purpose: "which runs have rolled an hour up; the highest one counts, 0 are rollups of older programs; " +
			"rows and revisions are what flow_hours said before the run",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"hour", kindSecond, codecSorted},
			{"run", "UInt64", codecPlain},
			{"scope", "UInt64", codecPlain},
			{"rows", "UInt64", codecPlain},
			{"revisions", "UInt64", codecPlain},
		},
		engine:    "MergeTree",
		partition: "toYYYYMM(stored)",
		order:     "(hour, run)",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored",
	}
}

// scopeTable holds what the runs took from the ledgers.
func scopeTable() *table {
	return &table{
		name:    "rollup_scopes",
		purpose: "what roll-ups know of the ledgers, named by its content: interfaces, subscriber pools, international lines",
		columns: []column{
			{"stored", kindSecond, codecPlain},
			{"scope", "UInt64", codecPlain},
			{"kind", kindScope, codecPlain},
			{"exporter", "IPv6", codecPlain},
			{"if_index", "UInt32", codecPlain},
			{"class", kindClass, codecPlain},
			{"line", "String", codecPlain},
			{"prefix", "IPv6", codecPlain},
			{"bits", "UInt8", codecPlain},
			{"ends", "Array(Tuple(IPv6, IPv6))", codecPlain},
		},
		engine:    "MergeTree",
		partition: "toYYYYMM(stored)",
		order:     "(scope, kind, exporter, if_index, line, prefix, bits)",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored",
		settings: []string{deduplication},
	}
}

func correctionTable() *table {
	return &table{
		name:    "sampling_corrections",
		purpose: "sampling rates that hold instead of the exported ones for flows that began in a span; the one known last wins",
		columns: []column{
			{"known", kindMicrosecond, codecPlain},
			{"exporter", "IPv6", codecPlain},
			{"domain", "UInt32", codecPlain},
			{"from", kindInstant, codecPlain},
			{"to", kindInstant, codecPlain},
			{"rate", "UInt64", codecPlain},
			{"actor", "String", codecPlain},
			{"note", "String", codecPlain},
		},
		engine:   "MergeTree",
		order:    "known",
		settings: []string{deduplication},
	}
}

// stageTable is where the flows of a run lie while they are rolled up.
func stageTable() *table {
	return &table{
		name:    "rollup_stage",
		purpose: "flows of the run under way, cut at the borders of bins; each run drops its own",
		columns: []column{
			{"run", "UInt64", ""},
			{"bin", kindSecond, ""},
			{"at", "Int64", ""}, // nanoseconds since 1970
			{"until", "Int64", ""},
			{"first", "Bool", ""},
			{"exporter", "IPv6", ""},
			{"in_if", "UInt32", ""},
			{"proto", "UInt8", ""},
			{"src", "IPv6", ""},
			{"dst", "IPv6", ""},
			{"src_port", "UInt16", ""},
			{"dst_port", "UInt16", ""},
			{"rate", "UInt64", ""}, // 0 when it is not known
			{"bytes", "UInt64", ""},
			{"samples", "UInt64", ""},
			{"unscaled", "UInt64", ""},
			{"line", kindWord, ""},
			{"line_direction", kindCrossing, ""},
			{"peer_line", kindWord, ""},
			{"src_net", "IPv6", ""},
			{"src_net_bits", "UInt8", ""},
			{"dst_net", "IPv6", ""},
			{"dst_net_bits", "UInt8", ""},
			{"src_allocation", "IPv6", ""},
			{"src_allocation_bits", "UInt8", ""},
			{"dst_allocation", "IPv6", ""},
			{"dst_allocation_bits", "UInt8", ""},
			{"src_origin", "UInt32", ""},
			{"dst_origin", "UInt32", ""},
			{"src_class", kindClass, ""},
			{"dst_class", kindClass, ""},
			{"src_serves", "Bool", ""},
			{"dst_serves", "Bool", ""},
			{"src_pool", "Bool", ""},
			{"dst_pool", "Bool", ""},
		},
		engine: "MergeTree", partition: "run", order: "tuple()",
	}
}

// endTable is the other table of the run under way.
func endTable() *table {
	return &table{
		name:    "rollup_ends",
		purpose: "ends of unknown ports that many addresses share, of the run under way; each run drops its own",
		columns: []column{
			{"run", "UInt64", ""}, {"hour", kindSecond, ""}, {"address", "IPv6", ""}, {"port", "UInt16", ""},
		},
		engine: "MergeTree", partition: "run", order: "tuple()",
	}
}

func lineHourTable() *table {
	return rolled("line_hours", "what each line carried, with the largest and the 95th percentile rate of its minutes", "line",
		column{"line", kindWord, codecPlain},
		column{"from_customer", "UInt64", codecNumber},
		column{"to_customer", "UInt64", codecNumber},
		column{"peak_from", "UInt64", codecNumber},
		column{"p95_from", "UInt64", codecNumber},
		column{"peak_to", "UInt64", codecNumber},
		column{"p95_to", "UInt64", codecNumber},
		column{"samples", "UInt64", codecNumber},
	)
}

func linePairTable() *table {
	return rolled("line_pairs", "active pairs of addresses on international lines, as states", "line",
		column{"line", kindWord, codecPlain}, column{"pairs", kindMany, codecPlain})
}

func lineServiceTable() *table {
	return rolled("line_services", "addresses in server role on international lines and the networks of their clients",
		"line, server, server_bits, near, port, client, client_bits",
		column{"line", kindWord, codecPlain},
		column{"server", "IPv6", codecPlain},
		column{"server_bits", "UInt8", codecPlain},
		column{"near", "Bool", codecPlain},
		column{"port", "UInt16", codecPlain},
		column{"client", "IPv6", codecPlain},
		column{"client_bits", "UInt8", codecPlain},
		column{"asn", "UInt32", codecPlain},
		column{"bytes", "UInt64", codecNumber},
		column{"samples", "UInt64", codecNumber},
		column{"peers", kindMany, codecPlain},
	)
}

// ofAllocation are the columns that say of which allocation a row is, and from
// which side it was seen.
func ofAllocation(more ...column) []column {
	return append([]column{
		{"allocation", "IPv6", codecPlain}, {"allocation_bits", "UInt8", codecPlain}, {"class", kindClass, codecPlain},
	}, more...)
}

func allocationHourTable() *table {
	return rolled("allocation_hours", "what the addresses of each allocation did together, by where it was seen",
		"allocation, allocation_bits, class",
		ofAllocation(
			column{"exporters", "Array(IPv6)", codecPlain},
			column{"out", "UInt64", codecNumber},
			column{"in", "UInt64", codecNumber},
			column{"samples", "UInt64", codecNumber},
			column{"unscaled", "UInt64", codecNumber},
			column{"web_out", "UInt64", codecNumber},
			column{"served_networks", kindMany, codecPlain},
			column{"served_asns", kindSome, codecPlain},
			column{"filled_networks", kindMany, codecPlain},
			column{"filled_asns", kindSome, codecPlain},
		)...)
}

func allocationHostTable() *table {
	return rolled("allocation_hosts", "what each address of an allocation that is no subscriber pool did on a port it serves, and (port 0) all else",
		"allocation, allocation_bits, class, address, port",
		ofAllocation(
			column{"address", "IPv6", codecPlain},
			column{"port", "UInt16", codecPlain},
			column{"out", "UInt64", codecNumber},
			column{"in", "UInt64", codecNumber},
			column{"samples", "UInt64", codecNumber},
			column{"peers", kindSome, codecPlain},
			column{"networks", kindSome, codecPlain},
			column{"asns", kindSome, codecPlain},
			column{"sessions", kindSome, codecPlain},
		)...)
}

func allocationSessionTable() *table {
	return rolled("allocation_sessions", "the most sessions that an address had as a client in five minutes, scaled by sampling",
		"allocation, allocation_bits, class, address",
		ofAllocation(column{"address", "IPv6", codecPlain}, column{"peak", "UInt64", codecNumber})...)
}

func allocationSourceTable() *table {
	return rolled("allocation_sources", "what allocations took as clients from each remote network",
		"allocation, allocation_bits, class, network, network_bits, asn",
		ofAllocation(
			column{"network", "IPv6", codecPlain},
			column{"network_bits", "UInt8", codecPlain},
			column{"asn", "UInt32", codecPlain},
			column{"in", "UInt64", codecNumber},
			column{"out", "UInt64", codecNumber},
			column{"web_in", "UInt64", codecNumber},
			column{"samples", "UInt64", codecNumber},
		)...)
}

func allocationContactTable() *table {
	return rolled("allocation_contacts", "what addresses exchanged with remote networks by tunnels and DNS, and all else of those with tunnels",
		"allocation, allocation_bits, class, address, kind, network, network_bits",
		ofAllocation(
			column{"address", "IPv6", codecPlain},
			column{"kind", kindContact, codecPlain},
			column{"network", "IPv6", codecPlain},
			column{"network_bits", "UInt8", codecPlain},
			column{"out", "UInt64", codecNumber},
			column{"in", "UInt64", codecNumber},
			column{"samples", "UInt64", codecNumber},
		)...)
}

func allocationEntryTable() *table {
	return rolled("allocation_entries", "through which interfaces bytes with source addresses of allocations came",
		"allocation, allocation_bits, exporter, in_if",
		column{"allocation", "IPv6", codecPlain},
		column{"allocation_bits", "UInt8", codecPlain},
		column{"exporter", "IPv6", codecPlain},
		column{"in_if", "UInt32", codecPlain},
		column{"line", "String", codecPlain},
		column{"bytes", "UInt64", codecNumber},
		column{"samples", "UInt64", codecNumber},
	)
}
