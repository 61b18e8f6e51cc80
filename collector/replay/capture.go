package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/linewarden/linewarden/flows"
)

// capture gives the UDP datagrams for some ports out of recorded frames.
type capture struct {
	framer
	name  string
	ports map[uint16]bool // nil for any
	parts *fragments

	frames int
	given  int            // datagrams handed out
	others map[uint16]int // UDP datagrams by other destination ports
	cut    loss
	broken loss
	links  map[uint16]*loss // frames of link types that are not read
}

// loss counts packets that gave no datagram, and remembers the first.
type loss struct {
	n      int
	number int
	offset int64
}

func (l *loss) add(f *frame) {
	if l.n == 0 {
		l.number, l.offset = f.number, f.offset
	}
	l.n++
}

func (l *loss) String() string {
	return fmt.Sprintf("%d (the first is packet %d at byte %d)", l.n, l.number, l.offset)
}

// mostPorts bounds the ports that are told apart in the account of a capture
// without exports.
const mostPorts = 1 << 10

func newCapture(s *stream, k kind, o Options) (*capture, error) {
	if len(o.Ports) == 0 && !o.AnyPort {
		return nil, errors.New("a capture is read for some UDP ports, and none is given")
	}
	c := &capture{name: s.name, parts: newFragments(), others: make(map[uint16]int), links: make(map[uint16]*loss)}
	if !o.AnyPort {
		c.ports = make(map[uint16]bool, len(o.Ports))
		for _, p := range o.Ports {
			c.ports[p] = true
		}
	}
	if k == kindPcapng {
		c.framer = newPcapng(s)
		return c, nil
	}
	p, err := newPcap(s)
	if err != nil {
		return nil, err
	}
	c.framer = p
	return c, nil
}

func (c *capture) next() (flows.Packet, error) {
	for {
		f, err := c.framer.next()
		if errors.Is(err, io.EOF) {
			return flows.Packet{}, c.finish()
		}
		if err != nil {
			return flows.Packet{}, errors.Join(err, c.lost())
		}
		c.frames++
		if p, ok := c.take(&f); ok {
			c.given++
			return p, nil
		}
	}
}

// take returns the export datagram of a frame, if it has or completes one.
func (c *capture) take(f *frame) (flows.Packet, bool) {
	packet, known := strip(f.link, f.data)
	if !known {
		if c.links[f.link] == nil {
			c.links[f.link] = new(loss)
		}
		c.links[f.link].add(f)
		return flows.Packet{}, false
	}
	d, state := parseIP(packet)
	if state == isFragment {
		d, state = c.reassemble(f, d)
	}
	if state != isDatagram && state != isShort {
		return flows.Packet{}, c.miss(f, state)
	}
	if c.ports != nil && !c.ports[d.dstPort] {
		if len(c.others) < mostPorts || c.others[d.dstPort] > 0 {
			c.others[d.dstPort]++
		}
		return flows.Packet{}, false
	}
	if state == isShort {
		return flows.Packet{}, c.miss(f, state)
	}
	return flows.Packet{
		Payload:  d.payload,
		From:     netip.AddrPortFrom(d.src.Unmap(), d.srcPort),
		Received: arrival(f.sec, f.ns),
	}, true
}

// reassemble keeps a fragment, and returns the datagram that it completes. A
// fragment of which the capture holds only a part is as good as missing.
func (c *capture) reassemble(f *frame, d datagram) (datagram, state) {
	if d.short && d.offset > 0 {
		return d, isShort0
	}
	if d.short {
		head, state := parseUDP(d)
		if state == isDatagram {
			state = isShort
		}
		return head, state
	}
	whole, state := c.parts.add(f, &d)
	if state != isDatagram {
		return d, state
	}
	return parseUDP(whole)
}

// miss counts a frame that should have given a datagram. It returns false.
func (c *capture) miss(f *frame, s state) bool {
	switch {
	case s == isOther || s == isWaiting:
	case f.cut:
		c.cut.add(f)
	default:
		c.broken.add(f)
	}
	return false
}

// finish returns io.EOF, or what the capture lacks.
func (c *capture) finish() error {
	if err := c.lost(); err != nil {
		return err
	}
	if c.given > 0 || c.frames == 0 {
		return io.EOF
	}
	if len(c.others) == 0 {
		return fmt.Errorf("%s: %w: none of its %d packets is a UDP datagram", c.name, ErrIncomplete, c.frames)
	}
	return fmt.Errorf("%s: %w: none of its %d packets goes to the exporter ports; UDP goes to %s: name the right ports (--exporter-ports)",
		c.name, ErrIncomplete, c.frames, c.otherPorts())
}

// lost tells what the capture recorded and could not give, nil for nothing.
func (c *capture) lost() error {
	var parts []string
	if c.cut.n > 0 {
		parts = append(parts, "packets cut by the snap length and left out: "+c.cut.String()+": record whole packets (tcpdump -s 0)")
	}
	if c.broken.n > 0 {
		parts = append(parts, "packets that contradict their own headers and are left out: "+c.broken.String())
	}
	if n := c.parts.incomplete(c.wanted); n.n > 0 {
		parts = append(parts, "fragmented datagrams left out because fragments are missing: "+n.String()+
			": record without a port filter, which drops all fragments but the first")
	}
	for _, link := range slices.Sorted(maps.Keys(c.links)) {
		parts = append(parts, fmt.Sprintf("packets of link type %d, which is not read: %v: "+
			"Ethernet, Linux cooked, loopback and raw IP are read", link, c.links[link]))
	}
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", c.name, ErrIncomplete, strings.Join(parts, "; "))
}

func (c *capture) wanted(port uint16) bool { return c.ports == nil || c.ports[port] }

// otherPorts lists the three ports that most datagrams went to.
func (c *capture) otherPorts() string {
	list := slices.SortedFunc(maps.Keys(c.others), func(a, b uint16) int {
		return cmp.Or(cmp.Compare(c.others[b], c.others[a]), cmp.Compare(a, b))
	})
	var texts []string
	for _, p := range list[:min(3, len(list))] {
		texts = append(texts, fmt.Sprintf("%d (%d datagrams)", p, c.others[p]))
	}
	if len(list) > 3 {
		texts = append(texts, "others")
	}
	return strings.Join(texts, ", ")
}
