package storage

// rollupStatements replace the views that filled line_networks on each insert.
// What they wrote is run 0, which counts until the hour is rolled up again;
// flows that are still there make their hours dirty.
func rollupStatements(c Config) []string {
	var list []string
	for _, t := range rollupTables() {
		list = append(list, t.create(c.Retention))
	}
	return append(list,
		"DROP VIEW IF EXISTS line_networks_from_flows",
		"DROP VIEW IF EXISTS line_networks_from_peers",
		"ALTER TABLE line_networks ADD COLUMN IF NOT EXISTS "+column{"run", "UInt64", codecPlain}.definition()+
			", MODIFY ORDER BY "+networkTable().order+", MODIFY COMMENT '"+networkTable().purpose+"'",
		`INSERT INTO rollup_runs (stored, hour, run, scope, rows, revisions)
SELECT max(stored), toStartOfHour(bin) AS hour, 0, 0, 0, 0 FROM line_networks
WHERE run = 0 AND (SELECT count() FROM rollup_runs) = 0 GROUP BY hour`,
		"INSERT INTO flow_hours (stored, hour, rows, revisions, earliest, first_stored, last_stored)\nWITH\n    "+
			fillSpan()+flowHourSelect("FROM flows WHERE (SELECT count() FROM flow_hours) = 0"),
	)
}
