package storage

import (
	"strconv"
	"strings"
)

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

// rollupQueries are the statements that roll a stage up, in the order in which
// they are run. A state of its own for each of many small groups would cost some
// hundred bytes each: hashes are gathered in arrays, and become states as they
// are written.
func rollupQueries() []string {
	return []string{
		networksOfStage, hoursOfStage, pairsOfStage, servicesOfStage, allocationsOfStage, hostsOfStage, clientsOfStage, sessionsOfStage,
		sourcesOfStage, contactsOfStage, otherContactsOfStage, entriesOfStage,
	}
}

// counted selects the rows of the runs that count, of bins that begin in the
// window of secondsOf.
const counted = `bin >= toDateTime({from:Int64}, 'UTC') AND bin < toDateTime({to:Int64}, 'UTC')
    AND (toStartOfHour(bin), run) IN (SELECT hour, max(run) FROM rollup_runs
        WHERE hour >= toStartOfHour(toDateTime({from:Int64}, 'UTC')) AND hour < toDateTime({to:Int64}, 'UTC') GROUP BY hour)`
