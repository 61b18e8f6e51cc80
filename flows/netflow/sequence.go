package netflow

import "github.com/linewarden/linewarden/flows"

// Bounds of the judgement on sequence numbers.
const (
	maxAhead      = 1 << 24 // a larger jump ahead is a restart, not a loss
	maxBehind     = 1 << 16 // a larger jump back is a restart, not a late datagram
	maxHoles      = 16      // gaps that late datagrams may fill
	confirmations = 3       // datagrams in a row that prove a restart, or another unit
	restartUptime = 60_000  // milliseconds sysUptime goes back in a restart
)

// sequenceKey tells transport sessions apart: each numbers its own.
type sequenceKey struct {
	domainKey
	port uint16
}

// sequence follows the numbers of one session.
type sequence struct {
	seen   int64 // tick of the exporter
	next   uint32
	uptime uint32
	known  bool // next is known
	holes  [maxHoles]hole
	hole   int // where the next hole goes

	// A run of numbers below next, which may be the exporter counting anew.
	other, run uint32

	datagrams, records uint64 // for the mean of v9

	// Some exporters of v9 (softflowd) count records instead of datagrams: they
	// are told by the numbers of a few datagrams.
	last, units uint32
	votes       int // for the other unit, in a row
	inRecords   bool
}

// hole is numbers that were skipped.
type hole struct{ from, n uint32 }

// sequence judges the number of a message that takes units numbers and holds as
// many records. It is not sure when the message could not be read as a whole:
// the next number is then not known where records are counted.
func (g *datagram) sequence(number, units uint32, records uint64, sure bool) {
	s := g.e.sequence(g.d, sequenceKey{domainKey{g.version, g.dom.source.Domain}, g.port})
	if g.version != flows.IPFIX {
		// Taken over the wrap: back by less than half of the numbers.
		if back := s.uptime - g.at.uptime; s.known && back > restartUptime && back < 1<<31 {
			s.restart()
		}
		s.uptime = g.at.uptime
	}
	if g.version == flows.NetFlow9 {
		units = s.unit(number, uint32(records))
	}
	gap := s.step(number, units, &g.count)
	if gap != 0 {
		g.count.SequenceGaps += uint64(gap)
		g.count.RecordsMissed += s.missed(g.version, uint64(gap))
	}
	s.datagrams++
	s.records += records
	if !sure && (g.version == flows.IPFIX || s.inRecords) {
		s.known = false
	}
}

// unit returns by how much a datagram of v9 moves the number on: one, unless
// the exporter has shown to count records.
func (s *sequence) unit(number, records uint32) uint32 {
	if s.known && s.units > 1 {
		other := s.units
		if s.inRecords {
			other = 1
		}
		if number-s.last == other {
			s.votes++
		} else {
			s.votes = 0
		}
		if s.votes == confirmations {
			s.inRecords, s.votes = !s.inRecords, 0
			s.next = number // there is no gap then
		}
	}
	s.last, s.units = number, records
	if s.inRecords {
		return records
	}
	return 1
}

// missed estimates the records in a gap.
func (s *sequence) missed(version flows.Version, gap uint64) uint64 {
	if version != flows.NetFlow9 || s.inRecords {
		return gap
	}
	if s.datagrams == 0 {
		return 0
	}
	return (gap*s.records + s.datagrams/2) / s.datagrams
}

// step takes the next number and returns the gap before it.
func (s *sequence) step(number, units uint32, c *flows.Count) (gap uint32) {
	ahead := number - s.next
	behind := s.next - number
	switch {
	case !s.known:
		s.known = true
	case ahead == 0:
	case ahead <= maxAhead:
		gap = ahead
		s.holes[s.hole] = hole{s.next, ahead}
		s.hole = (s.hole + 1) % maxHoles
	case behind > maxBehind:
		s.restart()
		s.known = true
	case s.fill(number, units, c):
		return 0
	default:
		return s.late(number, units)
	}
	s.next = number + units
	s.run = 0
	return gap
}

// fill takes a late message out of the hole it left.
func (s *sequence) fill(number, units uint32, c *flows.Count) bool {
	for i := range s.holes {
		h := &s.holes[i]
		at := number - h.from
		if at >= h.n {
			continue
		}
		n := min(units, h.n-at)
		c.Reordered += uint64(n)
		rest := hole{number + n, h.n - at - n}
		h.n = at
		if rest.n > 0 && h.n > 0 {
			s.holes[s.hole] = rest
			s.hole = (s.hole + 1) % maxHoles
		} else if rest.n > 0 {
			*h = rest
		}
		return true
	}
	return false
}

// late handles a number that came before: a repeated datagram, or, when several
// follow one another, an exporter that counts anew.
func (s *sequence) late(number, units uint32) uint32 {
	if s.run > 0 && number == s.other && units > 0 {
		s.run++
	} else {
		s.run = 1
	}
	s.other = number + units
	if s.run >= confirmations {
		s.restart()
		s.known, s.next = true, s.other
	}
	return 0
}

func (s *sequence) restart() {
	s.known, s.run = false, 0
	s.holes = [maxHoles]hole{}
}

// sequence returns the numbers of a session, forgetting one that was silent for
// long where there are too many.
func (e *exporter) sequence(d *Decoder, key sequenceKey) *sequence {
	s := e.sequences[key]
	if s == nil {
		if len(e.sequences) >= maxSequences {
			oldest, _ := stalest(e.sequences, func(s *sequence) int64 { return s.seen })
			delete(e.sequences, oldest)
			e.charge(d, -sequenceCost)
		}
		s = new(sequence)
		e.charge(d, sequenceCost)
		e.sequences[key] = s
	}
	s.seen = e.tick
	return s
}
