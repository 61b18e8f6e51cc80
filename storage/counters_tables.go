package storage

import "time"

const kindCounters = "Enum8('unknown' = 0, 'snmp' = 1, 'sflow' = 2)"

// counterTable holds readings as they came. They are kept as long as the flows
// they are compared with; the comparisons stay.
func counterTable() *table {
	return &table{
		name:    "interface_counters",
		purpose: "readings of the counters of interfaces, one a minute at most; figures of 2^64-1 are not counted by the device",
		columns: append([]column{
			{"stored", kindSecond, codecPlain},
			{"exporter", "IPv6", codecPlain},
			{"if_index", "UInt32", codecPlain},
			{"source", kindCounters, codecPlain},
			{"at", kindMicrosecond, codecSorted},
			{"uptime", "Int64", codecNear}, // nanoseconds
			{"discontinuity", "UInt32", codecPlain},
			{"kind", "UInt32", codecPlain},
			{"speed", "UInt64", codecPlain},
			{"name", kindWord, codecPlain},
			{"alias", kindWord, codecPlain},
			{"narrow", "Bool", codecPlain},
		}, bothWays("UInt64", "octets", "unicast", "multicast", "broadcast", "discards", "errors")...),
		engine: "MergeTree", partition: "toDate(stored)", order: "(exporter, if_index, source, at)",
		retention: func(r Retention) time.Duration { return r.Flows }, lifetime: "flows", birth: "stored",
		settings: []string{deduplication},
	}
}

// interfaceHourTable holds what CompareCounters finds.
func interfaceHourTable() *table {
	return &table{
		name: "interface_hours",
		purpose: "what each interface carried by its flows and by its counters, per UTC hour; rows of the highest run of their hour count; " +
			"rows, revisions and readings are what there was of the hour before the run",
		columns: append([]column{
			{"stored", kindSecond, codecPlain},
			{"run", "UInt64", codecPlain},
			{"hour", kindSecond, codecSorted},
			{"exporter", "IPv6", codecPlain},
			{"if_index", "UInt32", codecPlain},
			{"source", kindCounters, codecPlain},
			{"kind", "UInt32", codecPlain},
			{"speed", "UInt64", codecPlain},
			{"name", kindWord, codecPlain},
			{"alias", kindWord, codecPlain},
			{"rows", "UInt64", codecPlain},
			{"revisions", "UInt64", codecPlain},
			{"readings", "UInt64", codecPlain},
		}, bothWays("Float64", measuredNames...)...),
		engine: "MergeTree", partition: "toYYYYMM(stored)", order: "(hour, exporter, if_index)",
		retention: func(r Retention) time.Duration { return r.Rollups }, lifetime: "rollups", birth: "stored",
		settings: []string{deduplication},
	}
}

// measuredNames are the columns of a rules.Measured, in the order of
// measuredFigures.
var measuredNames = []string{"flow_bytes", "flow_packets", "samples", "variance", "egress", "unscaled", "octets", "packets", "covered"}

// bothWays are columns of both directions of an interface.
func bothWays(kind string, names ...string) (list []column) {
	codec := codecNumber
	if kind == "Float64" {
		codec = codecPlain
	}
	for _, way := range []string{"in_", "out_"} {
		for _, name := range names {
			list = append(list, column{way + name, kind, codec})
		}
	}
	return list
}

func counterTables() []*table { return []*table{counterTable(), interfaceHourTable()} }

// counterStatements make the tables of counters.
func counterStatements(c Config) (list []string) {
	for _, t := range counterTables() {
		list = append(list, t.create(c.Retention))
	}
	return list
}
