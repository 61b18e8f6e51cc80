package storage

import (
	"strconv"
	"strings"
)

// The ports that mark the serving end of a flow besides those below 1024:
// registered ones in wide use, which hosts seldom take as their own. All ports
// of tunnels are among them.
const knownPorts = `1080, 1194, 1433, 1434, 1521, 1701, 1723, 1812, 1813, 1883, 1935, 2049, 2082, 2083, 2086, 2087, 2222, 2375, 2376, 2379, 3128, 3268, 3306, 3389, 3478, 4500, 5000, 5060, 5061, 5222, 5432, 5601, 5672, 5900, 5938, 5984, 6379, 6443, 7001, 7070, 7777, 8000, 8001, 8008, 8080, 8081, 8086, 8088, 8090, 8123, 8333, 8443, 8448, 8530, 8554, 8883, 8888, 9000, 9001, 9042, 9090, 9092, 9200, 9300, 9418, 9443, 10000, 10050, 10051, 11211, 15672, 25565, 27015, 27017, 50000, 51820`

// enoughPeers is of how many distinct addresses an end of an unknown port must
// be the other one in an hour to count as serving.
const enoughPeers = 5

// flowSpan says over which span the bytes of a flow are spread: begin and, in
// nanoseconds, duration. The arrival stands in for a time that the exporter did
// not say; of a flow longer than longestFlow the end counts.
const flowSpan = `toUnixTimestamp64Nano(flows.start) AS said_start,
    if(said_start = {none}, toUnixTimestamp64Nano(flows.received), said_start) AS flow_first,
    greatest(toUnixTimestamp64Nano(flows.end), flow_first) AS flow_last,
    greatest(flow_first, flow_last - {longest}, 0) AS begin,
    greatest(flow_last - begin, 1) AS duration`

func fillSpan() string {
	return strings.NewReplacer("{none}", strconv.FormatInt(noInstant, 10), "{longest}", strconv.FormatInt(longestFlow.Nanoseconds(), 10)).Replace(flowSpan)
}

// rankOf says how well a port marks a serving end: 2 below 1024, 1 a known one.
func rankOf(port string) string {
	return "if(flows.proto NOT IN (6, 17, 132) OR " + port + " = 0, 0, multiIf(" + port + " < 1024, 2, " + port + " IN (" + knownPorts + "), 1, 0))"
}

// unmarked tells whether only the number of its peers can say which end of a
// flow serves. Echo requests and errors (ICMP) serve nothing.
func unmarked() string {
	return "(" + rankOf("src_port") + " = 0 AND " + rankOf("dst_port") + " = 0 AND flows.proto NOT IN (1, 58) " +
		"AND (flows.proto NOT IN (6, 17, 132) OR src_port > 0 AND dst_port > 0))"
}

// lastHour is the last hour that a DateTime holds.
const lastHour = 1<<32/3600 - 1

// flowHourQuery is the query of the view that fills flow_hours. It groups the
// rows of a batch by their few spans first, so that a row costs a look-up.
func flowHourQuery() string { return "WITH\n    " + fillSpan() + flowHourSelect("FROM flows") }

func flowHourSelect(from string) string {
	return fill(`
SELECT
    spans.stored AS stored,
    toDateTime(least(slot, {hours}) * 3600, 'UTC') AS hour,
    sum(n) AS rows,
    sum(revised) AS revisions,
    min(since) AS earliest,
    min(spans.stored) AS first_stored,
    max(spans.stored) AS last_stored
FROM
(
    SELECT flows.stored AS stored, intDiv(begin, 3600 * {second}) AS first_slot, intDiv(begin + duration - 1, 3600 * {second}) AS last_slot,
        count() AS n, toUInt64(0) AS revised, min(flow_first) AS since
    `, 0) + from + `
    GROUP BY stored, first_slot, last_slot
) AS spans
ARRAY JOIN range(first_slot, last_slot + 1) AS slot
GROUP BY stored, hour`
}

// ofChunk selects the flows that touch the hours of a chunk. What was stored
// after the run looked is left for the next one.
const ofChunk = `flows.stored >= toDateTime({first_stored:Int64}, 'UTC') AND flows.stored <= toDateTime({last_stored:Int64}, 'UTC')
        AND flows.start < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
        AND (flows.start >= fromUnixTimestamp64Nano({earliest:Int64}, 'UTC') OR toUnixTimestamp64Nano(flows.start) = {none})
        AND begin < {to:Int64} AND begin + duration > {from:Int64}`

// endQuery finds the ends of unknown ports that many addresses share. Ports of
// clients are many and each is of few peers: only what is shared is kept.
const endQuery = `INSERT INTO rollup_ends (run, hour, address, port)
WITH
    {span}
SELECT {run:UInt64}, toDateTime(slot * 3600, 'UTC') AS hour, end.1 AS address, end.2 AS port
FROM
(
    SELECT src, dst, src_port, dst_port,
        greatest(intDiv(begin, 3600 * {second}), intDiv({from:Int64}, 3600 * {second})) AS first_slot,
        least(intDiv(begin + duration - 1, 3600 * {second}), intDiv({to:Int64} - 1, 3600 * {second})) AS last_slot
    FROM flows
    WHERE ` + ofChunk + `
        AND {unmarked}
)
ARRAY JOIN range(first_slot, last_slot + 1) AS slot
ARRAY JOIN [(src, src_port, dst), (dst, dst_port, src)] AS end
GROUP BY hour, address, port
HAVING uniqUpTo({enough})(end.3) > {enough}`

// stageQuery copies the flows of a chunk, cut at the borders of bins. Bytes,
// scaled where the sampling rate is known, and packets are spread evenly over
// the flow's duration: each bin gets what the flow had carried by the bin's end
// less what it had carried by its beginning, in whole units, so that the shares
// add up to the flow exactly. Networks have the size of the privacy settings
// where none was labelled.
const stageQuery = `INSERT INTO rollup_stage (run, bin, at, until, first, exporter, in_if, proto, src, dst, src_port, dst_port, rate, bytes, samples, unscaled,
    line, line_direction, peer_line, src_net, src_net_bits, dst_net, dst_net_bits, src_allocation, src_allocation_bits, dst_allocation, dst_allocation_bits,
    src_origin, dst_origin, src_class, dst_class, src_serves, dst_serves, src_pool, dst_pool)
WITH
    toInt64({seconds}) * {second} AS width,
    toUInt128(greatest(slot * width - begin, 0)) AS since,
    toUInt128(least((slot + 1) * width - begin, duration)) AS upto,
    flow_bytes * if(rate = 0, 1, rate) AS total,
    if(first_slot = last_slot, total,
        toUInt64(intDiv(total * upto, toUInt128(duration)) - intDiv(total * since, toUInt128(duration)))) AS share,
    if(first_slot = last_slot, flow_packets,
        toUInt64(intDiv(flow_packets * upto, toUInt128(duration)) - intDiv(flow_packets * since, toUInt128(duration)))) AS seen,
    toDateTime(slot * {seconds}, 'UTC') AS slot_time
SELECT
    {run:UInt64}, slot_time, begin + toInt64(since), begin + toInt64(upto), slot = first_slot,
    exporter, in_if, proto, src, dst, src_port, dst_port, rate,
    if(rate > 0, share, 0), if(rate > 0, seen, 0), if(rate > 0, 0, share),
    line, line_direction, peer_line, source, source_bits, destination, destination_bits,
    src_allocation, src_allocation_bits, dst_allocation, dst_allocation_bits, src_origin, dst_origin,
    multiIf(in_customer, 'customer', in_border OR out_border, 'border', 'other'),
    multiIf(out_customer, 'customer', in_border OR out_border, 'border', 'other'),
    if(src_rank + dst_rank > 0, src_rank >= dst_rank AND src_rank > 0, unmarked AND
        (toStartOfHour(slot_time), src, src_port) IN (SELECT hour, address, port FROM rollup_ends WHERE run = {run:UInt64})),
    if(src_rank + dst_rank > 0, dst_rank >= src_rank AND dst_rank > 0, unmarked AND
        (toStartOfHour(slot_time), dst, dst_port) IN (SELECT hour, address, port FROM rollup_ends WHERE run = {run:UInt64})),
    src_pooled, dst_pooled
FROM
(
    WITH
        {span},
        (SELECT groupArray((exporter, domain, toUnixTimestamp64Nano(from), toUnixTimestamp64Nano(to), rate))
            FROM (SELECT exporter, domain, from, to, rate FROM sampling_corrections ORDER BY known DESC, rate DESC)) AS corrections,
        arrayFirst(c -> c.1 = flows.exporter AND c.2 = flows.domain AND c.3 <= flow_first AND c.4 > flow_first, corrections) AS correction
    SELECT
        begin, duration, intDiv(begin, toInt64({seconds}) * {second}) AS first_slot, intDiv(begin + duration - 1, toInt64({seconds}) * {second}) AS last_slot,
        exporter, in_if, proto, src, dst, src_port, dst_port, flows.bytes AS flow_bytes, flows.packets AS flow_packets,
        if(correction.5 > 0, correction.5, sampling_rate) AS rate,
        line, line_direction, peer_line,
        if(src_net_bits = 255, if(bitAnd(families, 12) = 4, {v4:UInt8}, {v6:UInt8}), src_net_bits) AS source_bits,
        if(dst_net_bits = 255, if(bitAnd(families, 48) = 16, {v4:UInt8}, {v6:UInt8}), dst_net_bits) AS destination_bits,
        tupleElement(IPv6CIDRToRange(src, source_bits), 1) AS source,
        tupleElement(IPv6CIDRToRange(dst, destination_bits), 1) AS destination,
        src_allocation, src_allocation_bits, dst_allocation, dst_allocation_bits, src_origin, dst_origin,
        {src_rank} AS src_rank, {dst_rank} AS dst_rank, {unmarked} AS unmarked,
        (exporter, in_if) IN (SELECT exporter, if_index FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'port' AND class = 'customer') AS in_customer,
        (exporter, out_if) IN (SELECT exporter, if_index FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'port' AND class = 'customer') AS out_customer,
        (exporter, in_if) IN (SELECT exporter, if_index FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'port' AND class = 'border') AS in_border,
        (exporter, out_if) IN (SELECT exporter, if_index FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'port' AND class = 'border') AS out_border,
        (src_allocation, src_allocation_bits) IN (SELECT prefix, bits FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'pool') AS src_pooled,
        (dst_allocation, dst_allocation_bits) IN (SELECT prefix, bits FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'pool') AS dst_pooled
    FROM flows
    WHERE ` + ofChunk + `
)
ARRAY JOIN range(greatest(first_slot, intDiv({from:Int64}, toInt64({seconds}) * {second})), least(last_slot, intDiv({to:Int64} - 1, toInt64({seconds}) * {second})) + 1) AS slot`
