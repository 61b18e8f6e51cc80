package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// view is a materialized view: each insert into the table it reads also writes
// its result into target.
type view struct {
	name, purpose, target, query string
}

// views returns every view for a configuration.
func views(c Config) []view {
	return []view{
		{
			"line_networks_from_flows", "spreads each flow over the hours of the line it is labelled with",
			"line_networks", networkQuery(c, mainSide()),
		},
		{
			"line_networks_from_peers", "does the same for the line a flow left on",
			"line_networks", networkQuery(c, peerSide()),
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

// side is one of the two lines a flow may cross.
type side struct {
	line, direction, outward, condition string
}

// mainSide is the line a flow is labelled with.
func mainSide() side {
	return side{
		line: "line", direction: "line_direction", outward: "line_direction = 'from_customer'",
		condition: "line != '' AND line_direction != ''",
	}
}

// peerSide is the line a flow left on when it entered on another.
func peerSide() side {
	return side{line: "peer_line", direction: "'to_customer'", outward: "false", condition: "peer_line != ''"}
}

// networkQuery is the query of the views that fill line_networks.
//
// Bytes, scaled where the sampling rate is known, and packets are spread evenly
// over the flow's duration: each bin gets what the flow had carried by the
// bin's end less what it had carried by its beginning, in whole units, so that
// the shares add up to the flow exactly. The arrival stands in for a time that
// the exporter did not say, and a network of the privacy settings' size for one
// that was not labelled. Flows of unknown sampling count in unscaled and flows
// only.
func networkQuery(c Config, s side) string {
	return strings.NewReplacer(
		"{seconds}", strconv.Itoa(binSeconds(c.Location)),
		"{longest}", strconv.FormatInt(longestFlow.Nanoseconds(), 10),
		"{none}", strconv.FormatInt(noInstant, 10),
		"{v4}", strconv.Itoa(c.ThirdPartyV4+96), "{v6}", strconv.Itoa(c.ThirdPartyV6),
		"{line}", s.line, "{direction}", s.direction, "{outward}", s.outward, "{condition}", s.condition,
	).Replace(`WITH
    toInt64({seconds}) * 1000000000 AS width,
    toUnixTimestamp64Nano(start) AS said_start,
    toUnixTimestamp64Nano(end) AS said_end,
    if(said_start = {none}, toUnixTimestamp64Nano(received), said_start) AS first,
    greatest(said_end, first) AS last,
    greatest(first, last - {longest}, 0) AS begin,
    greatest(last - begin, 1) AS duration,
    intDiv(begin, width) AS first_slot,
    intDiv(begin + duration - 1, width) AS last_slot,
    toUInt128(greatest(slot * width - begin, 0)) AS since,
    toUInt128(least((slot + 1) * width - begin, duration)) AS until,
    flows.bytes * if(sampling_rate = 0, 1, sampling_rate) AS total,
    if(first_slot = last_slot, total,
        toUInt64(intDiv(total * until, toUInt128(duration)) - intDiv(total * since, toUInt128(duration)))) AS share,
    if(first_slot = last_slot, packets,
        toUInt64(intDiv(packets * until, toUInt128(duration)) - intDiv(packets * since, toUInt128(duration)))) AS seen,
    if(src_net_bits = 255, if(bitAnd(families, 12) = 4, {v4}, {v6}), src_net_bits) AS src_bits,
    if(dst_net_bits = 255, if(bitAnd(families, 48) = 16, {v4}, {v6}), dst_net_bits) AS dst_bits,
    if(src_net_bits = 255, tupleElement(IPv6CIDRToRange(src, src_bits), 1), src_net) AS source,
    if(dst_net_bits = 255, tupleElement(IPv6CIDRToRange(dst, dst_bits), 1), dst_net) AS destination,
    {outward} AS outward
SELECT
    flows.stored AS stored,
    toDateTime(slot * {seconds}, 'UTC') AS bin,
    {line} AS line,
    if(outward, source, destination) AS near,
    if(outward, src_bits, dst_bits) AS near_bits,
    if(outward, destination, source) AS far,
    if(outward, dst_bits, src_bits) AS far_bits,
    {direction} AS direction,
    sumIf(share, sampling_rate > 0) AS bytes,
    sumIf(seen, sampling_rate > 0) AS samples,
    sumIf(share, sampling_rate = 0) AS unscaled,
    countIf(slot = first_slot) AS flows
FROM flows
ARRAY JOIN range(first_slot, last_slot + 1) AS slot
WHERE {condition}
GROUP BY stored, bin, line, near, near_bits, far, far_bits, direction`)
}

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
