package simulator

import "encoding/binary"

// templateEncoder writes NetFlow v9 (RFC 3954) and IPFIX (RFC 7011): one
// template per address family and one options template that names samplers.
type templateEncoder struct {
	proto    protocol
	domain   *domain
	boot     int64
	sequence uint32 // v9: datagrams before; IPFIX: data records before
	v4, v6   []field
	size4    int
	size6    int
	buf      []byte
}

func newTemplateEncoder(p protocol, d *domain, boot int64) *templateEncoder {
	e := &templateEncoder{proto: p, domain: d, boot: boot, v4: flowFields(p, false), v6: flowFields(p, true)}
	if d.reversed {
		e.v4, e.v6 = reversed(e.v4), reversed(e.v6)
	}
	e.size4, e.size6 = recordSize(e.v4), recordSize(e.v6)
	return e
}

// announce sends one datagram with all templates and samplers.
func (e *templateEncoder) announce(at int64, emit func(datagram) error) error {
	e.begin()
	e.templates()
	e.optionsTemplate()
	e.options()
	records := 3 + len(e.domain.samplers)
	return emit(e.finish(at, records, len(e.domain.samplers), nil))
}

// templates writes the set with the two flow templates.
func (e *templateEncoder) templates() {
	id := uint16(0) // RFC 3954 section 5.2
	if e.proto == ipfix {
		id = 2 // RFC 7011 section 3.3.2
	}
	set := e.openSet(id)
	for i, layout := range [][]field{e.v4, e.v6} {
		e.buf = append16(e.buf, e.domain.template+uint16(i))
		e.buf = append16(e.buf, uint16(len(layout)))
		e.fields(layout)
	}
	e.closeSet(set)
}

func (e *templateEncoder) fields(layout []field) {
	for _, f := range layout {
		e.buf = append16(e.buf, f.id)
		e.buf = append16(e.buf, f.length)
	}
}

// optionsTemplate writes the set with the samplers' template: v9 counts bytes
// of field specifiers (RFC 3954 section 6.1), IPFIX counts fields (RFC 7011
// section 3.4.2.2).
func (e *templateEncoder) optionsTemplate() {
	scope, options := optionFields(e.proto)
	id := uint16(1)
	if e.proto == ipfix {
		id = 3
	}
	set := e.openSet(id)
	e.buf = append16(e.buf, e.domain.template+2)
	if e.proto == ipfix {
		e.buf = append16(e.buf, uint16(1+len(options)))
		e.buf = append16(e.buf, 1)
	} else {
		e.buf = append16(e.buf, 4)
		e.buf = append16(e.buf, uint16(4*len(options)))
	}
	e.fields([]field{scope})
	e.fields(options)
	e.closeSet(set)
}

// options writes the data of the samplers. IPFIX says 1 packet taken and
// rate-1 left out.
func (e *templateEncoder) options() {
	set := e.openSet(e.domain.template + 2)
	for _, s := range e.domain.samplers {
		if e.proto == ipfix {
			e.buf = append32(e.buf, s.id)
			e.buf = append16(e.buf, systematicCount)
			e.buf = append32(e.buf, 1)
			e.buf = append32(e.buf, s.rate-1)
		} else {
			e.buf = append32(e.buf, e.domain.id)
			e.buf = append(e.buf, byte(s.id), randomSampling)
			e.buf = append32(e.buf, s.rate)
		}
		var name [nameLength]byte
		copy(name[:], s.name)
		e.buf = append(e.buf, name[:]...)
	}
	e.closeSet(set)
}

// export packs flows into datagrams, one set per run of one address family.
func (e *templateEncoder) export(flows []flow, emit func(datagram) error) error {
	for len(flows) > 0 {
		e.begin()
		n, set, setID := 0, -1, uint16(0)
		for n < len(flows) {
			id, size, layout := e.domain.template, e.size4, e.v4
			if flows[n].src.Is6() {
				id, size, layout = id+1, e.size6, e.v6
			}
			// Room for the record, a set header and padding.
			if len(e.buf)+size+7 > maxPayload {
				break
			}
			if id != setID {
				if set >= 0 {
					e.closeSet(set)
				}
				set, setID = e.openSet(id), id
			}
			e.record(layout, &flows[n])
			n++
		}
		e.closeSet(set)
		if err := emit(e.finish(flows[n-1].end, n, n, flows[:n])); err != nil {
			return err
		}
		flows = flows[n:]
	}
	return nil
}

func (e *templateEncoder) record(layout []field, f *flow) {
	for _, x := range layout {
		switch x.id {
		case ieSrc4, ieSrc6:
			e.buf = appendAddr(e.buf, f.src, x.length)
		case ieDst4, ieDst6:
			e.buf = appendAddr(e.buf, f.dst, x.length)
		case ieNextHop4, ieNextHop6:
			e.buf = appendAddr(e.buf, f.nextHop, x.length)
		default:
			e.buf = appendUint(e.buf, e.value(x.id, f), x.length)
		}
	}
}

// value returns a numeric element of a flow.
func (e *templateEncoder) value(id uint16, f *flow) uint64 {
	switch id {
	case ieBytes:
		return f.bytes
	case iePackets:
		return f.packets
	case ieFirstUptime:
		return uint64(f.start - e.boot)
	case ieLastUptime:
		return uint64(f.end - e.boot)
	case ieStartMilli:
		return uint64(f.start)
	case ieEndMilli:
		return uint64(f.end)
	case ieSamplerID, ieSelector:
		return uint64(f.sampler)
	}
	return smallValue(id, f)
}

// smallValue returns an element that says where a flow went.
func smallValue(id uint16, f *flow) uint64 {
	switch id {
	case ieInIf:
		return uint64(f.inIf)
	case ieOutIf:
		return uint64(f.outIf)
	case ieSrcPort:
		return uint64(f.srcPort)
	case ieDstPort:
		return uint64(f.dstPort)
	case ieProto:
		return uint64(f.proto)
	case ieTCPFlags:
		return uint64(f.tcpFlags)
	case ieTOS:
		return uint64(f.tos)
	case ieVLAN:
		return uint64(f.vlan)
	case ieSrcAS:
		return uint64(f.srcAS)
	case ieDstAS:
		return uint64(f.dstAS)
	case ieSrcMask4, ieSrcMask6:
		return uint64(f.srcMask)
	case ieDstMask4, ieDstMask6:
		return uint64(f.dstMask)
	}
	return 0 // ieDirection: every router here meters ingress
}

// begin leaves room for the message header.
func (e *templateEncoder) begin() {
	header := 20
	if e.proto == ipfix {
		header = 16
	}
	e.buf = append(e.buf[:0], make([]byte, header)...)
}

// openSet starts a set and returns where.
func (e *templateEncoder) openSet(id uint16) int {
	at := len(e.buf)
	e.buf = append16(e.buf, id)
	e.buf = append16(e.buf, 0)
	return at
}

// closeSet pads a set to four bytes and writes its length.
func (e *templateEncoder) closeSet(at int) {
	for len(e.buf)%4 != 0 {
		e.buf = append(e.buf, 0)
	}
	binary.BigEndian.PutUint16(e.buf[at+2:], uint16(len(e.buf)-at))
}

// finish writes the header of the message: v9 (RFC 3954 section 5.1) counts
// all records and numbers datagrams, IPFIX (RFC 7011 section 3.1) gives the
// length and numbers data records, those of options included.
func (e *templateEncoder) finish(at int64, records, dataRecords int, flows []flow) datagram {
	seconds := ceilSecond(at)
	h := e.buf[:0]
	if e.proto == ipfix {
		h = append16(h, 10)
		h = append16(h, uint16(len(e.buf)))
		h = append32(h, uint32(seconds))
		h = append32(h, e.sequence)
		append32(h, e.domain.id)
		e.sequence += uint32(dataRecords)
	} else {
		h = append16(h, 9)
		h = append16(h, uint16(records))
		h = append32(h, uint32(seconds*1000-e.boot))
		h = append32(h, uint32(seconds))
		h = append32(h, e.sequence)
		append32(h, e.domain.id)
		e.sequence++
	}
	return datagram{payload: e.buf, flows: flows}
}
