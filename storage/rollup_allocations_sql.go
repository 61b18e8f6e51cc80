package storage

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
// rows. Of all else, which are most rows, it counts no networks.
const hostsOfStage = `INSERT INTO allocation_hosts (run, stored, {allocations}, address, port, out, in, samples, peers, networks, asns)
SELECT {run:UInt64}, toDateTime({stored:Int64}, 'UTC'), bin, any(allocation), allocation_bits, class, address, served,
    sum(sides.out), sum(sides.in), sum(sides.samples),
    arrayReduce('uniqCombined64State(12)', groupArray(cityHash64(peer))),
    arrayReduce('uniqCombined64State(12)', groupArrayIf(cityHash64(network, network_bits), served != 0)),
    arrayReduce('uniqCombined64State(12)', groupArrayIf(toUInt64(asn), served != 0))
FROM
(
    SELECT bin, allocation, allocation_bits, class, address, out, in, samples, peer, network, network_bits, asn,
        if(serves AND (bin, allocation_bits, class, address, port) NOT IN ` + knockedPorts + `, port, 0) AS served
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
