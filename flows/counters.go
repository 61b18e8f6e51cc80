package flows

import (
	"net/netip"
	"time"
)

// NoCount stands in a Counters for a figure that the device does not count
// (sFlow version 5 says so by all ones).
const NoCount = ^uint64(0)

// CounterSource says how counters of an interface were read.
type CounterSource uint8

// The sources of counters.
const (
	CountersUnknown CounterSource = iota
	// CountersSNMP are those of the interfaces group MIB (RFC 2863).
	CountersSNMP
	// CountersSFlow are those of sFlow version 5, generic interface counters.
	CountersSFlow
)

// String returns the name used in records and metrics.
func (s CounterSource) String() string {
	switch s {
	case CountersSNMP:
		return "snmp"
	case CountersSFlow:
		return "sflow"
	case CountersUnknown:
	}
	return "unknown"
}

// Counters is one reading of what an interface says it has carried since its
// counters began. Unlike flows it is not sampled: flows can be held against it.
type Counters struct {
	// Exporter is the device, by the address its flows have.
	Exporter netip.Addr
	// Interface is its ifIndex (RFC 2863).
	Interface uint32
	// Source says how it was read.
	Source CounterSource
	// At is when it was read: the answer's arrival, or that of the datagram.
	At time.Time
	// Uptime is for how long the agent has run (sysUpTime, or that of the sFlow
	// datagram). It wraps after 497 or 49.7 days.
	Uptime time.Duration
	// Discontinuity is ifCounterDiscontinuityTime in hundredths of a second;
	// counters with another value began anew. sFlow does not have it.
	Discontinuity uint32

	// Kind is the ifType (IANAifType-MIB), 0 if not known.
	Kind uint32
	// Speed is ifHighSpeed or ifSpeed in bits per second, 0 if not known.
	Speed uint64
	// Name and Alias are ifName and ifAlias, empty if not known.
	Name, Alias string

	// Narrow says that octets are counted in 32 bits (ifInOctets), which wrap
	// within a minute at 600 Mbit/s.
	Narrow bool
	// In is what came from the wire and Out what went to it.
	In, Out Tally
}

// Tally is what an interface has counted in one direction. A figure is NoCount
// where it is not counted. Packets wrap at 64 bits, or at 32 from sFlow and where
// Counters is narrow.
type Tally struct {
	// Octets count whole frames: on Ethernet with the MAC header and the frame
	// check sequence, without preamble (RFC 3635 section 3.2.4).
	Octets uint64
	// Unicast, Multicast and Broadcast count packets.
	Unicast, Multicast, Broadcast uint64
	// Discards and Errors count packets that were not passed on.
	Discards, Errors uint64
}

// Frames on Ethernet carry these octets around an IP packet that ifHCInOctets
// counts and flows do not.
const (
	// LeastFraming is the MAC header alone: some counters leave the frame check
	// sequence out.
	LeastFraming = 14
	// UsualFraming is the MAC header and the frame check sequence.
	UsualFraming = 18
	// MostFraming has two VLAN tags besides (IEEE 802.1ad).
	MostFraming = 26
)

// Ethernet tells whether an ifType (IANAifType-MIB) frames packets as Ethernet
// does: ethernetCsmacd 6, fastEther 62, fastEtherFX 69, gigabitEthernet 117,
// ieee8023adLag 161. Logical interfaces do or do not, as the vendor likes.
func Ethernet(kind uint32) bool {
	switch kind {
	case 6, 62, 69, 117, 161:
		return true
	}
	return false
}

const (
	// longestReading is the time between two readings over which what was
	// carried is still known to be spread about evenly.
	longestReading = 20 * time.Minute
	// uptimeSlack is how far the uptime of an agent may be behind the time
	// between two readings before it is taken to have restarted: answers are
	// delayed, and clocks of devices drift.
	uptimeSlack = 5 * time.Second
	// speedSlack is by how much an interface may seem to exceed its speed:
	// counters are read a little before or after the time that is noted.
	speedSlack = 1.25
	// fastest is taken for an interface that does not say its speed, in bits per
	// second: nothing that is sold today is faster.
	fastest = 1_600_000_000_000
)

// Increment is what an interface carried between two readings.
type Increment struct {
	From, To time.Time
	// In and Out are octets, InPackets and OutPackets packets of all kinds.
	In, Out, InPackets, OutPackets uint64
	// Known says of each direction whether its octets are counted.
	InKnown, OutKnown bool
}

// Since returns what the interface carried since an earlier reading of the same
// source. It is not ok where the two do not belong to one count: the agent
// restarted, the counters began anew, the readings lie too far apart or in the
// wrong order, or more was counted than the interface can carry. What is not
// certain is left out; nothing is ever guessed to be traffic.
func (c *Counters) Since(before *Counters) (Increment, bool) {
	took := c.At.Sub(before.At)
	ran := c.Uptime - before.Uptime
	switch {
	case c.Exporter != before.Exporter || c.Interface != before.Interface || c.Source != before.Source,
		took <= 0 || took > longestReading,
		ran < took-uptimeSlack-took/16,
		c.Discontinuity != before.Discontinuity:
		return Increment{}, false
	}
	most := c.most(took)
	n := Increment{From: before.At, To: c.At}
	var inSure, outSure bool
	n.In, n.InKnown, inSure = grown(before.In.Octets, c.In.Octets, most, c.Narrow)
	n.Out, n.OutKnown, outSure = grown(before.Out.Octets, c.Out.Octets, most, c.Narrow)
	narrow := c.Narrow || c.Source == CountersSFlow
	n.InPackets = before.In.packetsUntil(&c.In, most, narrow)
	n.OutPackets = before.Out.packetsUntil(&c.Out, most, narrow)
	return n, inSure && outSure && (n.InKnown || n.OutKnown)
}

// most is how many octets the interface can carry in a time, with some slack.
func (c *Counters) most(took time.Duration) uint64 {
	speed := float64(c.Speed)
	if c.Speed == 0 || speed > fastest {
		speed = fastest
	}
	return uint64(speed / 8 * took.Seconds() * speedSlack)
}

// packetsUntil adds up the packets of all kinds until a later tally, 0 where
// they are not counted or not certain. No packet is shorter than 20 octets.
func (t *Tally) packetsUntil(later *Tally, most uint64, narrow bool) (sum uint64) {
	for _, pair := range [...][2]uint64{
		{t.Unicast, later.Unicast}, {t.Multicast, later.Multicast}, {t.Broadcast, later.Broadcast},
	} {
		n, known, sure := grown(pair[0], pair[1], most/20, narrow)
		if !sure {
			return 0
		}
		if known {
			sum += n
		}
	}
	return sum
}

// grown returns by how much a counter has grown, whether it is counted at all,
// and whether that is sure: it has not grown by more than it can have. A counter
// that began anew has grown by nearly all of its 64 bits, which nothing can. A
// narrow one is only believed where it cannot have wrapped twice.
func grown(before, now, most uint64, narrow bool) (n uint64, known, sure bool) {
	if before == NoCount || now == NoCount {
		return 0, false, true
	}
	n = now - before
	if narrow {
		n = uint64(uint32(n))
		if most >= 1<<32 {
			return 0, true, false
		}
	}
	if n > most {
		return 0, true, false
	}
	return n, true, true
}

// CounterSink takes readings as they are decoded. It is called by all workers
// at once, and must not wait for anything.
type CounterSink interface {
	// TakeCounters takes one reading.
	TakeCounters(c Counters)
	// MalformedCounters counts a reading that contradicts its format.
	MalformedCounters(exporter netip.Addr)
}
