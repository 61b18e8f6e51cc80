package snmp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gosnmp/gosnmp"

	"github.com/linewarden/linewarden/flows"
)

const (
	// repetitions is how many rows an answer may have: they fit into a datagram
	// of 1,472 octets for every column.
	repetitions = 25
	// mostInterfaces bounds what one device may answer.
	mostInterfaces = 1 << 16
	// mostText bounds names: a DisplayString has 255 octets at most (RFC 2579).
	mostText = 255

	sysUpTime = ".1.3.6.1.2.1.1.3.0"
	ifTable   = ".1.3.6.1.2.1.2.2.1."
	ifXTable  = ".1.3.6.1.2.1.31.1.1.1."
)

// column is a column of a table of interfaces.
type column struct {
	oid string
	set func(c *flows.Counters, v *gosnmp.SnmpPDU)
}

// number is the value of a counter or gauge, as a device encodes it.
func number(v *gosnmp.SnmpPDU) uint64 {
	switch v.Type {
	case gosnmp.Counter32, gosnmp.Gauge32, gosnmp.TimeTicks, gosnmp.Counter64, gosnmp.Integer, gosnmp.Uinteger32:
		return gosnmp.ToBigInt(v.Value).Uint64()
	default: // no number, or none for this interface
		return flows.NoCount
	}
}

// text is the value of a DisplayString, without what is no text.
func text(v *gosnmp.SnmpPDU) string {
	b, ok := v.Value.([]byte)
	if !ok {
		return ""
	}
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b[:min(len(b), mostText)]), ""))
	return strings.TrimSpace(s)
}

// into is a column of figures.
func into(oid string, figure func(c *flows.Counters) *uint64) column {
	return column{oid, func(c *flows.Counters, v *gosnmp.SnmpPDU) { *figure(c) = number(v) }}
}

// octets are the columns that matter most: without them there is no reading.
func octets() []column {
	return []column{
		into(ifXTable+"6", func(c *flows.Counters) *uint64 { return &c.In.Octets }),
		into(ifXTable+"10", func(c *flows.Counters) *uint64 { return &c.Out.Octets }),
	}
}

// narrowOctets stand in for them on devices without 64-bit counters.
func narrowOctets() []column {
	return []column{
		into(ifTable+"10", func(c *flows.Counters) *uint64 { c.Narrow = true; return &c.In.Octets }),
		into(ifTable+"16", func(c *flows.Counters) *uint64 { c.Narrow = true; return &c.Out.Octets }),
	}
}

// packets are the other counters.
func packets() []column {
	return []column{
		into(ifXTable+"7", func(c *flows.Counters) *uint64 { return &c.In.Unicast }),
		into(ifXTable+"8", func(c *flows.Counters) *uint64 { return &c.In.Multicast }),
		into(ifXTable+"9", func(c *flows.Counters) *uint64 { return &c.In.Broadcast }),
		into(ifXTable+"11", func(c *flows.Counters) *uint64 { return &c.Out.Unicast }),
		into(ifXTable+"12", func(c *flows.Counters) *uint64 { return &c.Out.Multicast }),
		into(ifXTable+"13", func(c *flows.Counters) *uint64 { return &c.Out.Broadcast }),
		into(ifTable+"13", func(c *flows.Counters) *uint64 { return &c.In.Discards }),
		into(ifTable+"14", func(c *flows.Counters) *uint64 { return &c.In.Errors }),
		into(ifTable+"19", func(c *flows.Counters) *uint64 { return &c.Out.Discards }),
		into(ifTable+"20", func(c *flows.Counters) *uint64 { return &c.Out.Errors }),
		{ifXTable + "19", func(c *flows.Counters, v *gosnmp.SnmpPDU) { c.Discontinuity = uint32(number(v)) }},
	}
}

// descriptions change seldom.
func descriptions() []column {
	return []column{
		{ifTable + "3", func(c *flows.Counters, v *gosnmp.SnmpPDU) { c.Kind = uint32(number(v)) }},
		{ifTable + "5", func(c *flows.Counters, v *gosnmp.SnmpPDU) { c.Speed = number(v) }},
		// ifHighSpeed is in units of 1,000,000 bits per second, and 0 below that.
		{ifXTable + "15", func(c *flows.Counters, v *gosnmp.SnmpPDU) {
			if n := number(v); n > 0 && n < 1<<32 {
				c.Speed = n * 1_000_000
			}
		}},
		{ifXTable + "1", func(c *flows.Counters, v *gosnmp.SnmpPDU) { c.Name = text(v) }},
		{ifXTable + "18", func(c *flows.Counters, v *gosnmp.SnmpPDU) { c.Alias = text(v) }},
	}
}

// errTooMany ends the reading of a device that names too many interfaces.
var errTooMany = errors.New("too many interfaces")

// errNothing is a device that answers and has no counters of interfaces.
var errNothing = errors.New("no counters of interfaces: give the view of the community or user the interfaces group (RFC 2863)")

// table holds the interfaces of a device as they are read.
type table map[uint32]*flows.Counters

// read walks columns. It adds rows where grow is set, and else fills those there
// are; At of a row is when its last column was read.
func (t table) read(s *gosnmp.GoSNMP, columns []column, grow bool) error {
	for _, col := range columns {
		rows := 0
		err := s.BulkWalk(col.oid, func(v gosnmp.SnmpPDU) error {
			if rows++; rows > mostInterfaces {
				return errTooMany
			}
			index, ok := indexOf(v.Name, col.oid)
			if !ok {
				return nil
			}
			c := t[index]
			if c == nil {
				if !grow {
					return nil
				}
				c = &flows.Counters{Interface: index, In: uncounted(), Out: uncounted()}
				t[index] = c
			}
			if grow {
				c.At = time.Now()
			}
			col.set(c, &v)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read column %s: %w", col.oid, err)
		}
	}
	return nil
}

// uncounted is a tally of which nothing is known.
func uncounted() flows.Tally {
	const n = flows.NoCount
	return flows.Tally{Octets: n, Unicast: n, Multicast: n, Broadcast: n, Discards: n, Errors: n}
}

// indexOf returns the ifIndex at the end of the name of an object of a column.
func indexOf(name, columnOID string) (uint32, bool) {
	rest, ok := strings.CutPrefix(name, columnOID+".")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(rest, 10, 32)
	return uint32(n), err == nil && n > 0
}

// uptimeOf asks for how long the agent has run.
func uptimeOf(s *gosnmp.GoSNMP) (time.Duration, error) {
	answer, err := s.Get([]string{sysUpTime})
	if err != nil {
		return 0, fmt.Errorf("read sysUpTime: %w", err)
	}
	if len(answer.Variables) != 1 || answer.Variables[0].Type != gosnmp.TimeTicks {
		return 0, fmt.Errorf("read sysUpTime: %w", errNothing)
	}
	return time.Duration(number(&answer.Variables[0])) * 10 * time.Millisecond, nil
}

// poll reads all interfaces of a device. Descriptions are those of an earlier
// poll, or read anew where there are none.
func poll(s *gosnmp.GoSNMP, exporter netip.Addr, known table) (table, error) {
	uptime, err := uptimeOf(s)
	if err != nil {
		return nil, err
	}
	asked := time.Now()
	t := make(table, len(known))
	if err := t.read(s, octets(), true); err != nil {
		return nil, err
	}
	if len(t) == 0 {
		if err := t.read(s, narrowOctets(), true); err != nil {
			return nil, err
		}
	}
	if len(t) == 0 {
		return nil, errNothing
	}
	if err := t.read(s, packets(), false); err != nil {
		return nil, err
	}
	if known == nil {
		if err := t.read(s, descriptions(), false); err != nil {
			return nil, err
		}
	}
	for index, c := range t {
		c.Exporter, c.Source = exporter, flows.CountersSNMP
		c.Uptime = uptime + c.At.Sub(asked)
		if old := known[index]; old != nil {
			c.Kind, c.Speed, c.Name, c.Alias = old.Kind, old.Speed, old.Name, old.Alias
		}
		if c.Speed == flows.NoCount {
			c.Speed = 0
		}
	}
	return t, nil
}
