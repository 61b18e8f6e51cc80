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

// fill puts the constants of the rollups into a statement.
func fill(sql string, seconds int) string {
	return strings.NewReplacer(
		"{span}", fillSpan(), "{seconds}", strconv.Itoa(seconds), "{none}", strconv.FormatInt(noInstant, 10),
		"{known_ports}", knownPorts, "{enough}", strconv.Itoa(enoughPeers-1),
		"{second}", strconv.Itoa(nanos), "{hours}", strconv.Itoa(lastHour),
		"{counted}", counted, "{sides}", bothSides, "{crossings}", crossings, "{allocations}", allocationKeys,
		"{src_rank}", rankOf("src_port"), "{dst_rank}", rankOf("dst_port"), "{unmarked}", unmarked(),
	).Replace(sql)
}

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

// bothSides has a row for each end of a flow that is in an allocation, told
// from that end.
const bothSides = `(
    SELECT bin, at, until, exporter, proto, rate, src_allocation AS allocation, src_allocation_bits AS allocation_bits, src_class AS class, src_pool AS pool,
        src AS address, src_port AS port, src_serves AS serves, dst AS peer, dst_port AS peer_port, dst_serves AS peer_serves,
        dst_net AS network, dst_net_bits AS network_bits, dst_origin AS asn, bytes AS out, toUInt64(0) AS in, samples, unscaled
    FROM rollup_stage WHERE run = {run:UInt64} AND src_allocation_bits != 255
    UNION ALL
    SELECT bin, at, until, exporter, proto, rate, dst_allocation AS allocation, dst_allocation_bits AS allocation_bits, dst_class AS class, dst_pool AS pool,
        dst AS address, dst_port AS port, dst_serves AS serves, src AS peer, src_port AS peer_port, src_serves AS peer_serves,
        src_net AS network, src_net_bits AS network_bits, src_origin AS asn, toUInt64(0) AS out, bytes AS in, samples, unscaled
    FROM rollup_stage WHERE run = {run:UInt64} AND dst_allocation_bits != 255
)`

const allocationKeys = "bin, allocation, allocation_bits, class"

// A state of its own for each of many small groups would cost some hundred
// bytes each: hashes are gathered in arrays, and become states as they are
// written.

// rollupQueries are the statements that roll a stage up, in the order in which
// they are run.
func rollupQueries() []string {
	return []string{
		networksOfStage, hoursOfStage, pairsOfStage, servicesOfStage, allocationsOfStage, hostsOfStage, clientsOfStage, sessionsOfStage,
		sourcesOfStage, contactsOfStage, otherContactsOfStage, entriesOfStage,
	}
}

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

const allocationsOfStage = `INSERT INTO allocation_hours (run, stored, {allocations}, exporters, out, in, samples, unscaled, web_out, served_networks, served_asns, filled_networks, filled_asns)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), {allocations}, arraySort(groupUniqArray(exporter)),
    sum(sides.out), sum(sides.in), sum(sides.samples), sum(sides.unscaled), sumIf(sides.out, proto IN (6, 17) AND port IN (80, 443)),
    arrayReduce('uniqCombined64State(14)', groupArrayIf(cityHash64(network, network_bits), rate > 0 AND serves)),
    arrayReduce('uniqCombined64State(12)', groupArrayIf(toUInt64(asn), rate > 0 AND serves)),
    arrayReduce('uniqCombined64State(14)', groupArrayIf(cityHash64(network, network_bits), rate > 0 AND peer_serves)),
    arrayReduce('uniqCombined64State(12)', groupArrayIf(toUInt64(asn), rate > 0 AND peer_serves))
FROM {sides} AS sides
GROUP BY {allocations}`

// inShared tells of an end in an allocation with translated addresses: elsewhere
// sessions say nothing of how many share an address.
const inShared = `(allocation, allocation_bits) IN (SELECT prefix, bits FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'shared')`

// knockedPorts are the ports that nothing was sent from in a bin, and that fewer
// than five addresses tried.
const knockedPorts = `(
    SELECT bin, allocation_bits, class, address, port
    FROM {sides} AS tried
    WHERE rate > 0 AND NOT pool AND serves
    GROUP BY bin, allocation_bits, class, address, port
    HAVING sum(tried.out) = 0 AND uniqUpTo({enough})(peer) <= {enough})`

// hostsOfStage groups by the length of the allocation, which with the address
// is the allocation: keys of up to 32 bytes are grouped several times faster.
// It counts a port that was only knocked at under all else: a scan makes no
// rows.
const hostsOfStage = `INSERT INTO allocation_hosts (run, stored, {allocations}, address, port, out, in, samples, peers, networks, asns)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, any(allocation), allocation_bits, class, address, served,
    sum(sides.out), sum(sides.in), sum(sides.samples),
    arrayReduce('uniqCombined64State(12)', groupArray(cityHash64(peer))),
    arrayReduce('uniqCombined64State(12)', groupArray(cityHash64(network, network_bits))),
    arrayReduce('uniqCombined64State(12)', groupArray(toUInt64(asn)))
FROM
(
    SELECT *, if(serves AND (bin, allocation_bits, class, address, port) NOT IN ` + knockedPorts + `, port, 0) AS served
    FROM {sides} AS told
    WHERE rate > 0 AND NOT pool
) AS sides
GROUP BY bin, allocation_bits, class, address, served`

// clientsOfStage adds the sessions, which are few, to what hostsOfStage counts
// under all else.
const clientsOfStage = `INSERT INTO allocation_hosts (run, stored, {allocations}, address, port, sessions)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, any(allocation), allocation_bits, class, address, 0,
    arrayReduce('uniqCombined64State(12)', groupArray(cityHash64(proto, port, peer, peer_port)))
FROM {sides} AS sides
WHERE rate > 0 AND NOT pool AND NOT serves AND ` + inShared + `
GROUP BY bin, allocation_bits, class, address`

// sessionsOfStage counts the sessions of each rate apart, as each one that was
// seen stands for as many as the rate says.
const sessionsOfStage = `INSERT INTO allocation_sessions (run, stored, {allocations}, address, peak)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, any(block), allocation_bits, class, address, max(sessions)
FROM
(
    SELECT any(slot) AS bin, any(block) AS block, allocation_bits, class, address, part, sum(rate * seen) AS sessions
    FROM
    (
        SELECT any(bin) AS slot, any(allocation) AS block, allocation_bits, class, address, rate, part,
            length(arrayDistinct(groupArray(cityHash64(proto, port, peer, peer_port)))) AS seen
        FROM {sides}
        ARRAY JOIN range(toUInt32(intDiv(at, 300 * {second})), toUInt32(intDiv(until - 1, 300 * {second}) + 1)) AS part
        WHERE rate > 0 AND NOT pool AND NOT serves AND ` + inShared + `
        GROUP BY allocation_bits, class, address, rate, part
    )
    GROUP BY allocation_bits, class, address, part
)
GROUP BY bin, allocation_bits, class, address`

const sourcesOfStage = `INSERT INTO allocation_sources (run, stored, {allocations}, network, network_bits, asn, in, out, web_in, samples)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), {allocations}, network, network_bits, asn,
    sum(sides.in), sum(sides.out), sumIf(sides.in, proto IN (6, 17) AND peer_port IN (80, 443)), sum(sides.samples)
FROM {sides} AS sides
WHERE rate > 0 AND NOT pool AND peer_serves
GROUP BY {allocations}, network, network_bits, asn`

// contactOf is the kind of contact of a row of bothSides.
const contactOf = `CAST(multiIf(
        proto IN (4, 41, 47, 50, 51, 94, 115), 0,
        proto = 17 AND (serves AND port IN (500, 4500, 1194, 1701, 51820) OR peer_serves AND peer_port IN (500, 4500, 1194, 1701, 51820)), 0,
        proto IN (6, 17) AND (serves AND port IN (1723, 1194) OR peer_serves AND peer_port IN (1723, 1194)), 0,
        proto IN (6, 17) AND port IN (53, 853) AND out > 0, 1,
        proto IN (6, 17) AND peer_port IN (53, 853) AND port NOT IN (53, 853), 2,
        3), '` + enumContact + `')`

// enumContact is kindContact within a literal.
const enumContact = `Enum8(\'tunnel\' = 0, \'answer\' = 1, \'query\' = 2, \'other\' = 3)`

const contactsOfStage = `INSERT INTO allocation_contacts (run, stored, {allocations}, address, kind, network, network_bits, out, in, samples)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), {allocations}, address, ` + contactOf + ` AS contact, network, network_bits,
    sum(sides.out), sum(sides.in), sum(sides.samples)
FROM {sides} AS sides
WHERE rate > 0 AND NOT pool AND contact != 'other'
GROUP BY {allocations}, address, contact, network, network_bits`

const otherContactsOfStage = `INSERT INTO allocation_contacts (run, stored, {allocations}, address, kind, network, network_bits, out, in, samples)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), {allocations}, address, ` + contactOf + ` AS contact, network, network_bits,
    sum(sides.out), sum(sides.in), sum(sides.samples)
FROM {sides} AS sides
WHERE rate > 0 AND NOT pool AND contact = 'other'
    AND (toStartOfHour(bin), allocation, allocation_bits, class, address) IN (
        SELECT toStartOfHour(bin), allocation, allocation_bits, class, address FROM allocation_contacts
        WHERE bin >= toDateTime(intDiv({from:Int64}, {second}), 'UTC') AND run = {run:UInt64} AND kind = 'tunnel')
GROUP BY {allocations}, address, contact, network, network_bits`

const entriesOfStage = `INSERT INTO allocation_entries (run, stored, bin, allocation, allocation_bits, exporter, in_if, line, bytes, samples)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, allocation, allocation_bits, entries.exporter, in_if, ports.line, carried, packets
FROM
(
    SELECT bin, src_allocation AS allocation, src_allocation_bits AS allocation_bits, exporter, in_if, sum(bytes) AS carried, sum(samples) AS packets
    FROM rollup_stage
    WHERE run = {run:UInt64} AND src_allocation_bits != 255 AND rate > 0 AND NOT src_pool
    GROUP BY bin, allocation, allocation_bits, exporter, in_if
) AS entries
LEFT JOIN (SELECT exporter, if_index, any(line) AS line FROM rollup_scopes WHERE scope = {scope:UInt64} AND kind = 'port' GROUP BY exporter, if_index) AS ports
    ON ports.exporter = entries.exporter AND ports.if_index = entries.in_if`

// counted selects the rows of the runs that count, of bins that begin in the
// window of secondsOf.
const counted = `bin >= toDateTime({from:Int64}, 'UTC') AND bin < toDateTime({to:Int64}, 'UTC')
    AND (toStartOfHour(bin), run) IN (SELECT hour, max(run) FROM rollup_runs
        WHERE hour >= toStartOfHour(toDateTime({from:Int64}, 'UTC')) AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour)`
