package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// view is a materialized view: each insert into the table it reads also writes
// its result into target.
type view struct {
	name, purpose, target, query string
}

// views returns every view for a configuration.
func views(Config) []view {
	return []view{
		{
			"flow_hours_from_flows", "counts how many rows of an insert touch each hour",
			"flow_hours", flowHourQuery(),
		},
		{
			"findings_from_events", "takes the state of a finding from the row of its event",
			"findings", findingQuery,
		},
	}
}

func (v *view) create() string {
	return "CREATE MATERIALIZED VIEW IF NOT EXISTS " + v.name + " TO " + v.target + " AS\n" + v.query + "\nCOMMENT '" + v.mark() + "'"
}

// mark names the query, so that another one is noticed.
func (v *view) mark() string {
	sum := sha256.Sum256([]byte(v.query))
	return "query " + hex.EncodeToString(sum[:8])
}

// longestFlow is the longest span a flow is spread over; of a longer one the
// end counts. It keeps a broken clock from filling years of bins.
const longestFlow = 7 * 24 * time.Hour

// binSeconds is the width of a bin: an hour, or a quarter of one where local
// days do not begin on the hour.
func binSeconds(loc *time.Location) int {
	for month := time.January; month <= time.December; month++ {
		if _, offset := time.Date(2025, month, 1, 0, 0, 0, 0, loc).Zone(); offset%3600 != 0 {
			return 900
		}
	}
	return 3600
}

// findingQuery is the query of the view that fills findings.
const findingQuery = `SELECT
    id, version, at, rule, clauses, subject_kind, subject, enterprise, province, severity, state, first_seen, last_seen, body
FROM finding_events
WHERE body != ''`
