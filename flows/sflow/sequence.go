package sflow

const (
	// window is how far behind the newest a datagram may come and still be
	// told from a restart. UDP over one path reorders by a few.
	window = 64
	// maxGap is how many datagrams may be missing in a row. At a thousand in a
	// second that is a quarter of an hour; beyond it the numbers are new ones.
	maxGap = 1 << 20
	// restartSlack is how many milliseconds the uptime of a late datagram may
	// be behind that of the newest. Further back the agent has restarted.
	restartSlack = 10_000
	// meanOver is over how many datagrams the mean number of samples is taken.
	meanOver = 1 << 16
)

// sequence follows the datagram numbers of one sub-agent.
type sequence struct {
	known     bool
	strayed   bool   // stray is set
	last      uint32 // the highest number
	stray     uint32 // the last number out of reach of last
	uptime    uint32 // the agent's, in milliseconds
	arrived   uint64 // bit i: number last-i arrived, or was never waited for
	datagrams uint64 // for the mean
	records   uint64 // in datagrams
}

// note takes in the number of a datagram, the uptime of its agent and how many
// records it has. It returns how many datagrams are found missing now, how many
// records they may have had, and whether this datagram was one found missing
// before.
func (s *sequence) note(number, uptime uint32, records uint64) (gaps, missed, late uint64) {
	s.datagrams++
	s.records += records
	if s.datagrams > meanOver {
		s.datagrams /= 2
		s.records /= 2
	}
	ahead := int32(number - s.last) // numbers wrap
	switch {
	case !s.known || int32(uptime-s.uptime) < -restartSlack: // uptime wraps too
		s.restart(number, uptime)
	case ahead > 0 && ahead <= maxGap:
		gaps = uint64(ahead) - 1
		missed = (gaps*s.records + s.datagrams/2) / s.datagrams
		s.arrived = s.arrived<<uint(ahead) | 1
		s.last, s.uptime, s.strayed = number, uptime, false
	case ahead <= 0 && ahead > -window:
		bit := uint64(1) << uint(-ahead)
		if s.arrived&bit == 0 {
			s.arrived |= bit
			late = 1
		}
	default:
		// One alone may be very late; a second one behind it is a new count.
		if next := number - s.stray; s.strayed && next > 0 && next <= window {
			s.restart(number, uptime)
			break
		}
		s.stray, s.strayed = number, true
	}
	return gaps, missed, late
}

func (s *sequence) restart(number, uptime uint32) {
	s.known, s.strayed = true, false
	s.last, s.uptime, s.arrived = number, uptime, ^uint64(0)
}
