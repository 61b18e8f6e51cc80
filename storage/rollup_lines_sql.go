package storage

// crossings has a row for each line that a flow of the stage crosses.
const crossings = `(
    SELECT bin, at, until, first, line, line_direction AS direction, line_direction = 'from_customer' AS outward, rate, bytes, samples, unscaled, src, dst,
        src_port, dst_port, src_serves, dst_serves, src_pool, dst_pool, src_allocation_bits, dst_allocation_bits, src_net, src_net_bits, dst_net, dst_net_bits, src_origin, dst_origin
    FROM rollup_stage WHERE run = {run:UInt64} AND line != '' AND line_direction != ''
    UNION ALL
    SELECT bin, at, until, first, peer_line AS line, CAST('to_customer', '` + enumCrossing + `') AS direction, false AS outward, rate, bytes, samples, unscaled, src, dst,
        src_port, dst_port, src_serves, dst_serves, src_pool, dst_pool, src_allocation_bits, dst_allocation_bits, src_net, src_net_bits, dst_net, dst_net_bits, src_origin, dst_origin
    FROM rollup_stage WHERE run = {run:UInt64} AND peer_line != ''
)`

// enumCrossing is kindCrossing within a literal.
const enumCrossing = `Enum8(\'\' = 0, \'from_customer\' = 1, \'to_customer\' = 2)`

const networksOfStage = `INSERT INTO line_networks (run, stored, bin, line, near, near_bits, far, far_bits, direction, bytes, samples, unscaled, flows)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, line,
    if(outward, src_net, dst_net) AS near, if(outward, src_net_bits, dst_net_bits) AS near_bits,
    if(outward, dst_net, src_net) AS far, if(outward, dst_net_bits, src_net_bits) AS far_bits,
    direction, sum(crossings.bytes), sum(crossings.samples), sum(crossings.unscaled), countIf(first)
FROM {crossings} AS crossings
GROUP BY bin, line, near, near_bits, far, far_bits, direction`

// hoursOfStage spreads bytes over minutes as they are spread over bins.
const hoursOfStage = `INSERT INTO line_hours (run, stored, bin, line, from_customer, to_customer, peak_from, p95_from, peak_to, p95_to, samples)
WITH
    arrayReverseSort(groupArrayIf(carried, outward)) AS minutes_from,
    arrayReverseSort(groupArrayIf(carried, NOT outward)) AS minutes_to
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), hour, line, sumIf(carried, outward), sumIf(carried, NOT outward),
    toUInt64(intDiv(toUInt128(minutes_from[1]) * 8, 60)), toUInt64(intDiv(toUInt128(minutes_from[4]) * 8, 60)),
    toUInt64(intDiv(toUInt128(minutes_to[1]) * 8, 60)), toUInt64(intDiv(toUInt128(minutes_to[4]) * 8, 60)), sum(packets)
FROM
(
    WITH
        toUInt128(greatest(minute * 60 * {second} - at, 0)) AS since,
        toUInt128(least((minute + 1) * 60 * {second} - at, length)) AS upto
    SELECT hour, line, outward, minute,
        sum(if(first_minute = last_minute, bytes, toUInt64(intDiv(bytes * upto, toUInt128(length)) - intDiv(bytes * since, toUInt128(length))))) AS carried,
        sumIf(samples, minute = first_minute) AS packets
    FROM
    (
        SELECT toStartOfHour(bin) AS hour, line, outward, at, until - at AS length, bytes, samples,
            intDiv(at, 60 * {second}) AS first_minute, intDiv(until - 1, 60 * {second}) AS last_minute
        FROM {crossings} WHERE rate > 0
    )
    ARRAY JOIN range(first_minute, last_minute + 1) AS minute
    GROUP BY hour, line, outward, minute
)
GROUP BY hour, line`

const internationalLines = `(SELECT line FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'line')`

const pairsOfStage = `INSERT INTO line_pairs (run, stored, bin, line, pairs)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, line,
    uniqCombined64State(14)(if(outward, cityHash64(src, dst), cityHash64(dst, src)))
FROM {crossings}
WHERE rate > 0 AND line IN ` + internationalLines + `
GROUP BY bin, line`

// servedEnds has a row for each serving end of a flow on an international line.
const servedEnds = `(
    SELECT bin, line, end.1 AS address, end.2 AS port, end.3 AS network, end.4 AS network_bits, end.5 AS peer, end.6 AS client, end.7 AS client_bits, end.8 AS asn, end.9 AS near,
        end.10 OR arrayExists(e -> address >= e.1 AND address <= e.2, ends) AS named, end.12 AS sent, rate, bytes, samples
    FROM {crossings} AS crossings
    INNER JOIN (SELECT line, any(ends) AS ends FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'line' GROUP BY line) AS lines ON lines.line = crossings.line
    ARRAY JOIN arrayFilter(e -> e.11, [
        (src, src_port, src_net, src_net_bits, dst, dst_net, dst_net_bits, dst_origin, outward, src_allocation_bits != 255 AND NOT src_pool, src_serves, true),
        (dst, dst_port, dst_net, dst_net_bits, src, src_net, src_net_bits, src_origin, NOT outward, dst_allocation_bits != 255 AND NOT dst_pool, dst_serves, false)]) AS end
    WHERE rate > 0 AND (src_serves OR dst_serves)
)`

// Packets of knocks, handshakes and resets are no larger than bareBytes. Where
// nothing was sent back, probes carry no more than probeBytes a packet.
const (
	bareBytes  = "64"
	probeBytes = "200"
)

// servicesOfStage keeps the address of a server only where it is in an
// allocation that is no pool, or in an end declared for the line. What is only
// knocked at in an hour serves nobody: a scan makes no rows.
const servicesOfStage = `INSERT INTO line_services (run, stored, bin, line, server, server_bits, near, port, client, client_bits, asn, bytes, samples, peers)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, line,
    if(named, address, network) AS server, if(named, 128, network_bits) AS server_bits, near, port, client, client_bits, asn,
    sum(served.bytes), sum(served.samples), arrayReduce('uniqCombined64State(14)', groupArray(cityHash64(peer)))
FROM ` + servedEnds + ` AS served
WHERE (toStartOfHour(bin), line, near, address, port) IN (
    SELECT toStartOfHour(bin) AS hour, line, near, address, port
    FROM ` + servedEnds + ` AS tried
    GROUP BY hour, line, near, address, port
    HAVING sum(tried.bytes) > sum(tried.samples * rate) * if(max(sent), ` + bareBytes + `, ` + probeBytes + `))
GROUP BY bin, line, server, server_bits, near, port, client, client_bits, asn`
