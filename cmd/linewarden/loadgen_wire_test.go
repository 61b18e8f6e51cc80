package main

import (
	"encoding/binary"
	"fmt"
	"time"
)

// shot is an export datagram that is sent again and again with new numbers and
// times.
type shot struct {
	payload []byte
	vector  [][]byte // the payload, as it is given to the kernel
	v6      bool
	flows   []loadFlow
	places  []int // where each record begins; in sFlow, where each sample does
}

// shooter makes the datagrams of one exporter.
type shooter interface {
	// announce returns the datagram that carries templates and sampling, nil
	// where the protocol has none.
	announce(now time.Time) []byte
	// stamp makes a shot one of now. pass counts how often all shots were sent:
	// ports and counters change with it, so that no flow is sent twice.
	stamp(s *shot, now time.Time, pass uint32)
	// shots makes n datagrams.
	shots(g *loadTraffic, n int) []*shot
}

// loadUptime is how long exporters had been up when the generator starts.
const loadUptime = 20 * 24 * time.Hour

func newShooter(protocol, exporter int) shooter {
	boot := time.Now().Add(-loadUptime).Truncate(time.Second)
	switch name := loadProtocols[protocol]; name {
	case "netflow9":
		return newTemplateShooter(9, boot)
	case "ipfix":
		return newTemplateShooter(10, boot)
	case "sflow5":
		return newSampleShooter(loadAddress(protocol, exporter), boot)
	default:
		panic(fmt.Sprintf("no load of protocol %q", name))
	}
}

// loadField is an information element and its length on the wire.
type loadField struct{ id, length uint16 }

// The elements that change from pass to pass.
const (
	fieldBytes   = 1
	fieldSrcPort = 7
	fieldDstPort = 11
	fieldLast    = 21
	fieldFirst   = 22
	fieldStart   = 152
	fieldEnd     = 153
)

// loadLayout is the record of a router: 22 elements.
func loadLayout(version uint16, v6 bool) []loadField {
	layout := []loadField{{8, 4}, {12, 4}, {15, 4}, {9, 1}, {13, 1}}
	if v6 {
		layout = []loadField{{27, 16}, {28, 16}, {62, 16}, {29, 1}, {30, 1}}
	}
	layout = append(layout, loadField{10, 4}, loadField{14, 4}, loadField{fieldSrcPort, 2}, loadField{fieldDstPort, 2},
		loadField{4, 1}, loadField{6, 1}, loadField{5, 1}, loadField{58, 2}, loadField{16, 4}, loadField{17, 4},
		loadField{fieldBytes, 4}, loadField{2, 4})
	if version == 10 {
		layout = append(layout, loadField{fieldStart, 8}, loadField{fieldEnd, 8}, loadField{302, 1})
	} else {
		layout = append(layout, loadField{fieldFirst, 4}, loadField{fieldLast, 4}, loadField{48, 1})
	}
	return append(layout, loadField{61, 1}, loadField{89, 1})
}

// templateShooter makes NetFlow v9 (RFC 3954) and IPFIX (RFC 7011).
type templateShooter struct {
	version  uint16
	boot     time.Time
	sequence uint32 // datagrams before in v9, data records before in IPFIX
	layouts  [2][]loadField
	sizes    [2]int
	offsets  [2]map[uint16]int // of the elements in a record
}

const (
	loadTemplate = 260 // IPv4; IPv6 is the next, sampling the one after
	loadSampler  = 1
	loadDomain   = 7
	loadPayload  = 1472 // what an Ethernet frame holds without fragments
)

func newTemplateShooter(version uint16, boot time.Time) *templateShooter {
	s := &templateShooter{version: version, boot: boot}
	for family := range s.layouts {
		s.layouts[family] = loadLayout(version, family == 1)
		s.offsets[family] = make(map[uint16]int)
		for _, f := range s.layouts[family] {
			s.offsets[family][f.id] = s.sizes[family]
			s.sizes[family] += int(f.length)
		}
	}
	return s
}

func (s *templateShooter) headerSize() int {
	if s.version == 10 {
		return 16
	}
	return 20
}

// header writes the message header over the first bytes of b.
func (s *templateShooter) header(b []byte, now time.Time, records, dataRecords int) {
	binary.BigEndian.PutUint16(b, s.version)
	if s.version == 10 {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		binary.BigEndian.PutUint32(b[4:], uint32(now.Unix()))
		binary.BigEndian.PutUint32(b[8:], s.sequence)
		binary.BigEndian.PutUint32(b[12:], loadDomain)
		s.sequence += uint32(dataRecords)
		return
	}
	binary.BigEndian.PutUint16(b[2:], uint16(records))
	binary.BigEndian.PutUint32(b[4:], uint32(now.Unix()-s.boot.Unix())*1000)
	binary.BigEndian.PutUint32(b[8:], uint32(now.Unix()))
	binary.BigEndian.PutUint32(b[12:], s.sequence)
	binary.BigEndian.PutUint32(b[16:], loadDomain)
	s.sequence++
}

func (s *templateShooter) announce(now time.Time) []byte {
	templates, options := []byte{0, 0}, []byte{0, 1}
	if s.version == 10 {
		templates, options = []byte{0, 2}, []byte{0, 3}
	}
	b := make([]byte, s.headerSize(), 512)
	b, set := openLoadSet(append(b, templates...))
	for family, layout := range s.layouts {
		b = binary.BigEndian.AppendUint16(b, loadTemplate+uint16(family))
		b = binary.BigEndian.AppendUint16(b, uint16(len(layout)))
		b = appendLoadFields(b, layout)
	}
	b = closeLoadSet(b, set)

	b, set = openLoadSet(append(b, options...))
	b = binary.BigEndian.AppendUint16(b, loadTemplate+2)
	var data []byte
	if s.version == 10 { // one packet taken, the others of an interval left out
		b = append(b, 0, 4, 0, 1)
		b = appendLoadFields(b, []loadField{{302, 4}, {304, 2}, {305, 4}, {306, 4}})
		data = binary.BigEndian.AppendUint32(append([]byte{0, 0, 0, loadSampler, 0, 1}, 0, 0, 0, 1), loadSampling-1)
	} else {
		b = append(b, 0, 4, 0, 12)
		b = appendLoadFields(b, []loadField{{1, 4}, {48, 1}, {49, 1}, {50, 4}})
		data = binary.BigEndian.AppendUint32([]byte{0, 0, 0, loadDomain, loadSampler, 2}, loadSampling)
	}
	b = closeLoadSet(b, set)
	b, set = openLoadSet(binary.BigEndian.AppendUint16(b, loadTemplate+2))
	b = closeLoadSet(append(b, data...), set)
	s.header(b, now, 4, 1)
	return b
}

func appendLoadFields(b []byte, layout []loadField) []byte {
	for _, f := range layout {
		b = binary.BigEndian.AppendUint16(b, f.id)
		b = binary.BigEndian.AppendUint16(b, f.length)
	}
	return b
}

// openLoadSet leaves room for the length of the set whose id was written last
// and returns where.
func openLoadSet(b []byte) ([]byte, int) { return append(b, 0, 0), len(b) - 2 }

func closeLoadSet(b []byte, set int) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[set+2:], uint16(len(b)-set))
	return b
}

// shots makes every eighth datagram one of IPv6.
func (s *templateShooter) shots(g *loadTraffic, n int) []*shot {
	list := make([]*shot, n)
	for i := range list {
		x := &shot{v6: i%8 == 7}
		family := 0
		if x.v6 {
			family = 1
		}
		b := make([]byte, s.headerSize(), loadPayload)
		b, set := openLoadSet(binary.BigEndian.AppendUint16(b, loadTemplate+uint16(family)))
		for range (loadPayload - s.headerSize() - 4) / s.sizes[family] {
			f := g.flow(x.v6)
			x.flows, x.places = append(x.flows, f), append(x.places, len(b))
			for _, field := range s.layouts[family] {
				b = appendLoadField(b, field, &f)
			}
		}
		x.payload = closeLoadSet(b, set)
		x.vector = [][]byte{x.payload}
		list[i] = x
	}
	return list
}

func appendLoadField(b []byte, field loadField, f *loadFlow) []byte {
	switch field.id {
	case 8, 27:
		return append(b, f.src.AsSlice()...)
	case 12, 28:
		return append(b, f.dst.AsSlice()...)
	case 15, 62:
		return append(b, f.next.AsSlice()...)
	}
	v := map[uint16]uint64{
		9: uint64(f.srcMask), 29: uint64(f.srcMask), 13: uint64(f.dstMask), 30: uint64(f.dstMask),
		10: uint64(f.inIf), 14: uint64(f.outIf), fieldSrcPort: uint64(f.srcPort), fieldDstPort: uint64(f.dstPort),
		4: uint64(f.proto), 6: uint64(f.tcpFlags), 5: uint64(f.tos), 58: uint64(f.vlan), 16: uint64(f.srcAS), 17: uint64(f.dstAS),
		fieldBytes: uint64(f.bytes), 2: uint64(f.packets), 48: loadSampler, 302: loadSampler,
		89: 64, // forwarded
	}[field.id]
	for i := int(field.length) - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func (s *templateShooter) stamp(x *shot, now time.Time, pass uint32) {
	s.header(x.payload, now, len(x.flows), len(x.flows))
	offsets := s.offsets[0]
	if x.v6 {
		offsets = s.offsets[1]
	}
	srcPort, dstPort, bytes := offsets[fieldSrcPort], offsets[fieldDstPort], offsets[fieldBytes]
	first, last, start, end := offsets[fieldFirst], offsets[fieldLast], offsets[fieldStart], offsets[fieldEnd]
	milli, uptime := uint64(now.UnixMilli()), uint32(now.Unix()-s.boot.Unix())*1000
	for i, place := range x.places {
		f, r := &x.flows[i], x.payload[place:]
		binary.BigEndian.PutUint32(r[bytes:], f.bytes+pass*61%1400)
		if f.towards {
			binary.BigEndian.PutUint16(r[dstPort:], passPort(f.dstPort, pass))
		} else {
			binary.BigEndian.PutUint16(r[srcPort:], passPort(f.srcPort, pass))
		}
		if s.version == 10 {
			binary.BigEndian.PutUint64(r[start:], milli-uint64(f.age+f.span))
			binary.BigEndian.PutUint64(r[end:], milli-uint64(f.age))
			continue
		}
		binary.BigEndian.PutUint32(r[first:], uptime-f.age-f.span)
		binary.BigEndian.PutUint32(r[last:], uptime-f.age)
	}
}

// passPort is the client's port of a pass, above the well-known ones.
func passPort(port uint16, pass uint32) uint16 { return 32768 + (port+uint16(pass*7))&0x7fff }
